//! `MigrationApproval`: one person's word on one plan.

#![allow(clippy::duplicated_attributes, reason = "each printer column repeats the names of its settings")]

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::LocalRef;

/// One person's word on one plan of one DatabaseMigration. It is written once: its spec cannot be changed, and deleting it takes it back.
///
/// It counts only where the ValidatingAdmissionPolicy that Sluice ships is installed, which sees to it that `user` is who wrote it, that its
/// groups are theirs, and that they hold the verb `approve` on that DatabaseMigration.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "sluice.dev",
    version = "v1alpha1",
    kind = "MigrationApproval",
    plural = "migrationapprovals",
    singular = "migrationapproval",
    shortname = "dbma",
    category = "sluice",
    namespaced,
    printcolumn(
        name = "Migration",
        json_path = ".spec.migrationRef.name",
        type_ = "string",
        description = "The DatabaseMigration that it is about"
    ),
    printcolumn(name = "User", json_path = ".spec.user", type_ = "string", description = "Who gave it"),
    printcolumn(name = "Decision", json_path = ".spec.decision", type_ = "string", description = "Approve or Deny"),
    printcolumn(
        name = "Plan",
        json_path = ".spec.planDigest",
        type_ = "string",
        priority = 1,
        description = "The plan that it is about"
    ),
    printcolumn(name = "Age", json_path = ".metadata.creationTimestamp", type_ = "date")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self == oldSelf").message("an approval is written once: delete it and write another one"))]
pub struct MigrationApprovalSpec {
    /// The DatabaseMigration, in this namespace.
    pub migration_ref: LocalRef,
    /// The digest of the plan (`status.plan.digest`). Another plan needs another approval.
    #[schemars(length(equal = 71), regex(pattern = r"^sha256:[0-9a-f]{64}$"))]
    pub plan_digest: String,
    /// Who gives it: the user name as the API server knows it.
    #[schemars(length(min = 1, max = 253))]
    pub user: String,
    /// The groups that they speak for; they must be in each of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16), inner(length(min = 1, max = 253)))]
    pub groups: Option<Vec<String>>,
    /// What they say.
    pub decision: ApprovalDecision,
    /// The run may begin outside of its windows: an emergency. Only with `Approve`; recorded with the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub override_windows: Option<bool>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub comment: Option<String>,
}

/// What somebody says to a plan.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ApprovalDecision {
    /// It may run.
    Approve,
    /// It must not run.
    Deny,
}
