//! `MigrationPolicy`: what the platform team imposes on DatabaseMigrations.

#![allow(clippy::duplicated_attributes, reason = "each printer column repeats the names of its settings")]

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{GatesSpec, KEY, NAMESPACE, NOT_ZERO, RequireSpec};

/// What cannot hold from a risk on: it is not judged together with the gates of a plan.
const WHATEVER_THE_RISK: &str = "!has(self.fromRisk) || !(has(self.verification) || has(self.database) || has(self.execution) \
    || has(self.endpoints) || has(self.hideSql) || (has(self.rollback) && has(self.rollback.automatic)))";
/// A selector that nobody can read would close every object of the cluster: it is not let in.
const OPERATORS: &str = "!has(self.matchExpressions) || self.matchExpressions.all(test, test.operator in ['In', 'NotIn'] \
    ? has(test.values) && size(test.values) > 0 : test.operator in ['Exists', 'DoesNotExist'] && (!has(test.values) || size(test.values) == 0))";
const OPERATORS_CURE: &str =
    "operators of matchExpressions are In and NotIn, which need values, and Exists and DoesNotExist, which take none";
/// What the platform team imposes on the DatabaseMigrations that it selects. It can only tighten: of what the object and all policies that
/// select it ask for, the strictest holds.
#[derive(CustomResource, KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "sluice.dev",
    version = "v1alpha1",
    kind = "MigrationPolicy",
    plural = "migrationpolicies",
    singular = "migrationpolicy",
    shortname = "dbmp",
    category = "sluice",
    printcolumn(name = "Age", json_path = ".metadata.creationTimestamp", type_ = "date")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new(WHATEVER_THE_RISK).message("with fromRisk a policy may ask only for what is judged together with the gates of a \
    plan (gates, approvalsByRisk, promotion, rollback.require); move the rest to a MigrationPolicy without fromRisk"))]
pub struct MigrationPolicySpec {
    /// Which namespaces; all of them unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new(OPERATORS).message(OPERATORS_CURE))]
    pub namespace_selector: Option<LabelSelector>,
    /// Which objects in them; all of them unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new(OPERATORS).message(OPERATORS_CURE))]
    pub selector: Option<LabelSelector>,
    /// From which risk of a plan on it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_risk: Option<FromRisk>,
    /// Gates that are added to the object's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gates: Option<GatesSpec>,
    /// How many people must agree, by the risk of the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approvals_by_risk: Option<ApprovalsByRisk>,
    /// What must have been verified elsewhere before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promotion: Option<PolicyPromotion>,
    /// How what was applied must be judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification: Option<PolicyVerification>,
    /// The way back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback: Option<PolicyRollback>,
    /// Which databases, and as whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<PolicyDatabase>,
    /// The longest that objects may give themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution: Option<PolicyExecution>,
    /// Addresses that checks and gates may name, besides those that the operator was started with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoints: Option<PolicyEndpoints>,
    /// Leave the SQL out of the ConfigMap that shows the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hide_sql: Option<bool>,
}

/// The policy holds for plans of at least this risk; for all of them unless set. Such a policy may ask only for what is judged together
/// with the gates of a plan: `gates`, `approvalsByRisk`, `promotion` and `rollback.require`.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum FromRisk {
    /// What is in use changes, briefly.
    Medium,
    /// Applications may notice.
    High,
    /// Data or service may be lost.
    Critical,
}

/// How many people must agree to a plan of that risk, or of a higher one that asks for fewer.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub struct ApprovalsByRisk {
    /// Nothing that is in use changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 20))]
    pub low: Option<i64>,
    /// What is in use changes, briefly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 20))]
    pub medium: Option<i64>,
    /// Applications may notice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 20))]
    pub high: Option<i64>,
    /// Data or service may be lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 20))]
    pub critical: Option<i64>,
}

/// What must have been verified elsewhere before, whichever DatabaseMigration that is.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyPromotion {
    /// `spec.gates.promotion` must be given. Sluice cannot invent it: without it nothing runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub required: Option<bool>,
    /// `spec.gates.promotion.minSoak` is raised to this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 32), regex(pattern = crate::duration::PATTERN))]
    pub min_soak: Option<String>,
    /// The namespaces that `spec.gates.promotion.from` may name; any of them unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64), inner(length(min = 1, max = 63), regex(pattern = NAMESPACE)))]
    pub from_namespaces: Option<Vec<String>>,
    /// Of the keys in `spec.gates.promotion.attestation.publicKeys` only these count; all of them unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 16), inner(length(equal = 44), regex(pattern = KEY)))]
    pub public_keys: Option<Vec<String>>,
    /// `spec.gates.promotion.attestation.maxAge` is shortened to this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 32), regex(pattern = crate::duration::PATTERN))]
    #[x_kube(validation = Rule::new(NOT_ZERO).message("a statement that is too old at once never counts; give at least 1m"))]
    pub max_attestation_age: Option<String>,
}

/// A kind of check that `spec.verification` must hold.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RequiredCheck {
    /// A query.
    Sql,
    /// Rows of tables.
    RowCounts,
    /// How long queries take.
    Latency,
    /// A Prometheus query.
    Prometheus,
    /// An HTTP request.
    Http,
    /// A workload.
    Workload,
    /// A ready-made check.
    Builtin,
}

/// How what was applied must be judged.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyVerification {
    /// `spec.verification.duration` is raised to this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 32), regex(pattern = crate::duration::PATTERN))]
    pub min_duration: Option<String>,
    /// `spec.verification.checks` must hold one of each of these kinds that decides (`mode: Enforce`). Sluice cannot invent them: without one
    /// nothing runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16))]
    pub required_checks: Option<Vec<RequiredCheck>>,
}

/// What the way back must be.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyRollback {
    /// `spec.rollback.require` is raised to this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub require: Option<RequireSpec>,
    /// `spec.rollback.mode` must be `Automatic`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub automatic: Option<bool>,
}

/// How the connection must be protected.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum PolicyTls {
    /// Encrypted.
    Require,
    /// And the certificate is of a known authority.
    VerifyCa,
    /// And is for that host.
    VerifyFull,
}

/// A right that the role must not have.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ForbiddenRole {
    /// SUPERUSER.
    Superuser,
    /// BYPASSRLS.
    BypassRls,
    /// REPLICATION.
    Replication,
    /// CREATEROLE.
    CreateRole,
    /// Reads or writes files of the server.
    ServerFiles,
    /// Runs programs on the server.
    ExecuteProgram,
}

/// Which databases, and as whom.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyDatabase {
    /// Hosts that a Secret may name; a `*` stands for any part of a name (`*.prod.internal`), or of an address (`10.0.*`). All of them
    /// unless set. Where several policies name hosts, each of them must allow it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64), inner(length(min = 1, max = 253)))]
    pub allowed_hosts: Option<Vec<String>>,
    /// The weakest protection of the connection that is accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<PolicyTls>,
    /// Rights that the role must not have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16))]
    pub forbid_roles: Option<Vec<ForbiddenRole>>,
}

/// The longest that objects may give themselves; what is longer is shortened to it.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyExecution {
    /// `spec.execution.lockTimeout`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 32), regex(pattern = crate::duration::PATTERN))]
    pub max_lock_timeout: Option<String>,
    /// `spec.execution.statementTimeout`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 32), regex(pattern = crate::duration::PATTERN))]
    pub max_statement_timeout: Option<String>,
    /// `spec.execution.deadline`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 32), regex(pattern = crate::duration::PATTERN))]
    pub max_deadline: Option<String>,
}

/// Addresses that checks and gates may name.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyEndpoints {
    /// Prometheus servers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub prometheus: Option<Vec<EndpointSpec>>,
    /// Web services.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub http: Option<Vec<EndpointSpec>>,
}

/// An address with a name.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EndpointSpec {
    /// Its name.
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,
    /// `http://` or `https://`, without user and password.
    #[schemars(length(min = 8, max = 1024), regex(pattern = r"^https?://[^@]+$"))]
    pub url: String,
}
