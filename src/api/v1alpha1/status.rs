//! The status of a `DatabaseMigration`: a report. Deleting it loses nothing but what the ledger does not keep anyway.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// What Sluice last saw and did.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DatabaseMigrationStatus {
    /// The generation of the spec that this status speaks of; -1 before the first look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// What is in effect in the database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied: Option<AppliedStatus>,
    /// The scripts as they were last read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceStatus>,
    /// What is to be done; absent when there is nothing to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanStatus>,
    /// What the plan waits for; absent when there is no plan or nothing that it would have to wait for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gates: Option<GatesStatus>,
    /// The MigrationPolicies that select this object, and what each of them imposed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub policies: Vec<PolicyStatus>,
    /// The run that is under way; absent between runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunStatus>,
    /// How what was applied last is judged, or was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification: Option<VerificationStatus>,
    /// Failed runs since the last one that succeeded; absent when there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failures: Option<i64>,
    /// Runs of this object, newest first, at most 10; the ledger has them all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    pub history: Vec<HistoryEntry>,
    /// The last value of the annotation `reconcile.fluxcd.io/requestedAt` that was acted on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<String>,
    /// `Ready` is the summary. `Reconciling` and `Stalled` exist only while true.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
}

/// What is in effect in the database, as its ledger says.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AppliedStatus {
    /// The newest version in effect.
    pub version: String,
    /// How many versions are in effect.
    pub count: i64,
    /// Digest over the versions in effect and their scripts: equal in two databases that the same scripts brought there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// When the newest one was applied, by the database's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<Time>,
}

/// The scripts as they were last read.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceStatus {
    /// Digest over all scripts: the same scripts have the same digest wherever they come from.
    pub digest: String,
    /// How many versions there are.
    pub versions: i64,
    /// The newest of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest: Option<String>,
    /// What their author should know (an empty script …).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// What is to be done.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanStatus {
    /// Digest over the steps and their scripts.
    pub digest: String,
    /// `up` or `down`.
    pub direction: String,
    /// The version before; absent for an empty database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The version after; absent when everything is taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// How many steps there are.
    pub steps: i64,
    /// The first 20 of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pending: Vec<String>,
    /// What a person should know before it runs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// `LOW`, `MEDIUM`, `HIGH` or `CRITICAL`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risk: Option<String>,
    /// Why the risk is not lower, at most 10.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub risk_reasons: Vec<String>,
    /// The strongest lock that it takes on something that is in use, as `pg_locks` spells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strongest_lock: Option<String>,
    /// It writes the rows of a table in use anew while others wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rewrites: Option<bool>,
    /// It reads a table in use from end to end while writers wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scans: Option<bool>,
    /// About how long it takes, by the sizes of tables; absent where that cannot be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate: Option<String>,
    /// What it takes away, and what of that is copied before, at most 20; only where gates or people look at the plan.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undo: Vec<String>,
    /// The ConfigMap of this namespace that shows it in full.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_map: Option<String>,
    /// What a rehearsal of it said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rehearsal: Option<RehearsalStatus>,
}

/// What a plan waits for.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GatesStatus {
    /// The plan that waits.
    pub plan_digest: String,
    /// Since when: `spec.gates.deadline` counts from here.
    pub since: Time,
    /// The value of `sluice.dev/retry` at that time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_token: Option<String>,
    /// Each gate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 128))]
    pub items: Vec<GateStatus>,
}

/// One gate.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GateStatus {
    /// Its kind: `approvals`, `window`, `lint`, `preflight`, `sql`, `dependency`, `promotion`, `rehearsal`.
    pub gate: String,
    /// Which of its kind, where there are several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `Open`, `Closed`, `Denied` (only a change of what was asked for helps) or `Unknown` (it cannot be told; closed meanwhile).
    pub state: String,
    /// What it is about.
    pub message: String,
    /// What would open it, and who can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opens: Option<String>,
    /// Since when it is in that state.
    pub since: Time,
}

/// A MigrationPolicy that selects the object.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyStatus {
    /// Its name.
    pub name: String,
    /// What it changed or added: `spec.gates.approvals.required: 3 instead of 1`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub imposed: Vec<String>,
    /// Set where the policy changed nothing because it holds for plans of at least this risk alone (its `spec.fromRisk`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_risk: Option<String>,
}

/// What a rehearsal said.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RehearsalStatus {
    /// `Proven`, `Disproved` or `Unproven`.
    pub verdict: String,
    /// Why.
    pub message: String,
    /// The tables that its statements locked or wrote anew, at most 20: `002 line 3: AccessExclusiveLock on table public.users, rewritten`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub locks: Vec<String>,
}

/// The run that is under way.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunStatus {
    /// Its id, also in the ledger and in the session's application name.
    pub id: String,
    /// `Connecting`, `AwaitingLock`, `Applying`, `RetryingLock`, `Resolving`.
    pub stage: String,
    /// The migration it is at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// `2/3 migrations, 5/9 statements`.
    pub progress: String,
    /// Migrations in effect.
    pub steps_done: i64,
    /// Migrations of the run.
    pub steps_total: i64,
    /// Statements done.
    pub statements_done: i64,
    /// Statements of the run.
    pub statements_total: i64,
    /// When it began.
    pub start_time: Time,
    /// Tries that ended because a table's lock was not to be had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock_retries: Option<i64>,
    /// Sessions that stand in the way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocked_by: Vec<BlockerStatus>,
}

/// How what was applied is judged.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VerificationStatus {
    /// The run that is judged.
    pub run_id: String,
    /// The version that it brought the database to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// `Measuring`, `Passed`, `Failed`, `Inconclusive` or `Aborted`.
    pub verdict: String,
    /// When the window was opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_time: Option<Time>,
    /// When it ends or ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_time: Option<Time>,
    /// Its checks, in the order of the spec.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub checks: Vec<CheckStatus>,
}

/// One check of a verification.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckStatus {
    /// Its name.
    pub name: String,
    /// `Measuring`, `Passed`, `Failed` or `Inconclusive`.
    pub state: String,
    /// Measurements that were as expected.
    pub passed: i64,
    /// Measurements that were not.
    pub failed: i64,
    /// Measurements that could not be made.
    pub errors: i64,
    /// What was measured last, or why it was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<String>,
    /// It is only told, and decides nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observe: Option<bool>,
}

/// A session that stands in the way.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BlockerStatus {
    /// The server's process id.
    pub pid: i64,
    /// Its application name.
    pub application: String,
    /// How long its transaction has been open.
    pub age: String,
}

/// A run that ended.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HistoryEntry {
    /// Its id.
    pub id: String,
    /// `up` or `down`.
    pub direction: String,
    /// The version before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The version that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// `succeeded`, `failed`, `interrupted`, `needs_operator`, `deadline_exceeded`, `blocked` or `aborted`.
    pub outcome: String,
    /// When it began, by the database's clock.
    pub start_time: Time,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_time: Option<Time>,
    /// Why it did not succeed, or what made it take another run back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}
