//! `spec.gates`: what must hold before SQL runs.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ApprovalsByRisk, KEY, LintSpec, NAME, NAMESPACE, NOT_ZERO, PreflightSpec, RehearsalSpec, SqlGateSpec};

/// What must hold before SQL runs. Each gate is looked at again until all are open at once; then the run begins.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GatesSpec {
    /// How long a plan may wait for its gates before it is given up, such as `24h`; without it, it waits for ever. What is given up
    /// waits for a new plan or for `sluice.dev/retry`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 32), regex(pattern = crate::duration::PATTERN))]
    #[x_kube(validation = Rule::new(NOT_ZERO).message("no time at all is too short for anything; leave it out to wait for ever"))]
    pub deadline: Option<String>,
    /// People who must agree to the very plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approvals: Option<ApprovalsSpec>,
    /// When runs may begin. Without any `Allow` every time is allowed; `Deny` always wins. Windows of different groups must be open at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub windows: Option<Vec<WindowSpec>>,
    /// What the scripts must not do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lint: Option<LintSpec>,
    /// What must hold in the database and on its server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preflight: Option<PreflightSpec>,
    /// Conditions of your own: queries, and what their answers have to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub sql: Option<Vec<SqlGateSpec>>,
    /// Other DatabaseMigrations of this namespace that must be Ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub depends_on: Option<Vec<DependencySpec>>,
    /// Another environment in which the same scripts must have been verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promotion: Option<PromotionSpec>,
    /// Up, back and up again on a copy of the schema, before anything touches the database itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rehearsal: Option<RehearsalSpec>,
}

/// People who must agree to the very plan, each with a `MigrationApproval`.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApprovalsSpec {
    /// How many different people, `1` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 20))]
    pub required: Option<i64>,
    /// How many by the risk of the plan; where it asks for more than `required`, it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_risk: Option<ApprovalsByRisk>,
    /// Of each of these groups at least one must be among them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16), inner(length(min = 1, max = 253)))]
    pub groups: Option<Vec<String>>,
    /// Whoever wrote the object's spec last does not count. Field managers tell who that was only where it was a person with the
    /// annotation `sluice.dev/author`, which the shipped admission policy keeps honest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exclude_author: Option<bool>,
    /// How long an approval counts, such as `24h`; for ever unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 32), regex(pattern = crate::duration::PATTERN))]
    #[x_kube(validation = Rule::new(NOT_ZERO).message("an approval that expires at once never counts; leave it out for one that never expires"))]
    pub expires_after: Option<String>,
}

/// What a window does, `Allow` unless set.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WindowKind {
    /// Runs may begin in it.
    Allow,
    /// No run begins in it.
    Deny,
}

/// A time that comes again and again.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WindowSpec {
    /// When it opens: a cron expression of five fields such as `0 2 * * 1-5`.
    #[schemars(length(min = 9, max = 100))]
    pub schedule: String,
    /// How long it is open, such as `3h`.
    #[schemars(length(min = 2, max = 32), regex(pattern = crate::duration::PATTERN))]
    #[x_kube(validation = Rule::new(NOT_ZERO).message("a window of no length never opens: write at least 1m"))]
    pub duration: String,
    /// The IANA time zone of the schedule, such as `Europe/Amsterdam`; `UTC` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub time_zone: Option<String>,
    /// `Allow` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<WindowKind>,
    /// Begin a run also when it is estimated to outlast the window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_overrun: Option<bool>,
    /// `Allow` windows of one group are alternatives: one of them must be open, in every group that has any. Those without a name are one
    /// group. Windows that a MigrationPolicy adds are a group of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub group: Option<String>,
}

/// Another DatabaseMigration of this namespace.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DependencySpec {
    /// Its name.
    #[schemars(length(min = 1, max = 253), regex(pattern = NAME))]
    pub name: String,
    /// The version that must be in effect there, or a newer one; any version at which it is Ready unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 100), regex(pattern = r"^[0-9]+([._-][0-9]+)*$"))]
    pub version: Option<String>,
}

/// Another environment in which the same scripts must have been verified: exactly one of `from` and `attestation`.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("[has(self.from), has(self.attestation)].exists_one(given, given)")
    .message("give exactly one of from and attestation"))]
pub struct PromotionSpec {
    /// A DatabaseMigration of this cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<PromotionSource>,
    /// A signed statement of another cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attestation: Option<AttestationRef>,
    /// How long ago it must have been verified at least, such as `24h`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 32), regex(pattern = crate::duration::PATTERN))]
    pub min_soak: Option<String>,
}

/// The DatabaseMigration that went before. One of another namespace must allow it by its annotation
/// `sluice.dev/promotes-to: NAMESPACE[,NAMESPACE …]`, or `*` for all.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PromotionSource {
    /// Its name.
    #[schemars(length(min = 1, max = 253), regex(pattern = NAME))]
    pub name: String,
    /// Its namespace; this one unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63), regex(pattern = NAMESPACE))]
    pub namespace: Option<String>,
}

/// A statement that `sluice attest` signed, in a ConfigMap of this namespace, and the public key that must have signed it.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AttestationRef {
    /// The ConfigMap; its key `attestation.json` holds the statement.
    #[schemars(length(min = 1, max = 253), regex(pattern = NAME))]
    pub config_map: String,
    /// Ed25519 public keys in base64, one of which must have signed it.
    #[schemars(length(min = 1, max = 8), inner(length(equal = 44), regex(pattern = KEY)))]
    pub public_keys: Vec<String>,
    /// How long ago it may have been signed at most, such as `168h`; it never grows too old unless set. Then it has to be signed anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 32), regex(pattern = crate::duration::PATTERN))]
    #[x_kube(validation = Rule::new(NOT_ZERO).message("a statement that is too old at once never counts; leave it out for one of any age"))]
    pub max_age: Option<String>,
}
