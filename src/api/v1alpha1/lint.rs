//! `spec.gates.lint`: what the scripts must not do.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// What the scripts must not do. Each entry is a class (`DataLoss`, `TableRewrite`, `BlockingLock`, `TableScan`, `Security`,
/// `Environment`, `Rerun`, `WayBack`, `Opaque`) or the name of a rule (`drop-table`). A rule's name weighs more than its class; among equals
/// `deny` weighs most and `allow` least.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LintSpec {
    /// Findings of these hold the plan back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 100), inner(length(min = 1, max = 63)))]
    pub deny: Option<Vec<String>>,
    /// Findings of these are warnings of the plan, as is everything that is not named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 100), inner(length(min = 1, max = 63)))]
    pub warn: Option<Vec<String>>,
    /// Findings of these are not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 100), inner(length(min = 1, max = 63)))]
    pub allow: Option<Vec<String>>,
    /// A `-- sluice:ignore` comment does not silence what is denied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forbid_ignore: Option<bool>,
}
