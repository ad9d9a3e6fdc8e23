//! `spec.gates.rehearsal`: up, back and up again on a copy of the schema.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What must hold before SQL runs.
/// A rehearsal: the scripts run up, back and up again in a scratch database on the same server, which gets the schema of the
/// database without its rows and is dropped afterwards. The role needs `CREATEDB`.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RehearsalSpec {
    /// `Shadow` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<RehearsalMode>,
    /// How long it may take as a whole, `10m` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 32), regex(pattern = crate::duration::PATTERN))]
    pub deadline: Option<String>,
}

/// Where it is rehearsed: `Shadow` (unless set) in a scratch database on the same server, `Disabled` nowhere.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RehearsalMode {
    /// In a scratch database on the same server.
    Shadow,
    /// Nowhere.
    Disabled,
}
