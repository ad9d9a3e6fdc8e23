//! `spec.verification` and `spec.rollback`: how what was applied is judged, and when it is taken back.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How what was applied is judged: checks, measured again and again for a while after the SQL ran.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VerificationSpec {
    /// How long after the last statement the first measurement is made, `10s` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 32), regex(pattern = crate::duration::PATTERN))]
    pub initial_delay: Option<String>,
    /// How far apart the measurements of a check are, `15s` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 32), regex(pattern = crate::duration::PATTERN))]
    pub interval: Option<String>,
    /// How long is measured after the initial delay, `5m` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 32), regex(pattern = crate::duration::PATTERN))]
    pub duration: Option<String>,
    /// What is measured.
    #[schemars(length(min = 1, max = 32))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub checks: Vec<CheckSpec>,
}

/// One check: exactly one kind of measurement, and what is expected of it.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("[has(self.sql), has(self.rowCounts), has(self.latency), has(self.prometheus), has(self.http), has(self.workload), has(self.builtin)].exists_one(given, given)")
    .message("give exactly one of sql, rowCounts, latency, prometheus, http, workload and builtin"))]
#[x_kube(validation = Rule::new("has(self.expect) || has(self.builtin) || has(self.rowCounts) || has(self.workload) || has(self.latency)")
    .message("give expect: what the measured value has to be, as in \"value < 0.01\""))]
#[x_kube(validation = Rule::new("!(has(self.failureThreshold) && has(self.failureShare))")
    .message("give failureThreshold or failureShare, not both"))]
pub struct CheckSpec {
    /// Its name in status, events and metrics.
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,
    /// A query in the migrated database, in a read-only transaction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sql: Option<SqlCheckSpec>,
    /// Rows of tables, compared with those before the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row_counts: Option<RowCountsCheckSpec>,
    /// How long a query takes, compared with before the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<LatencyCheckSpec>,
    /// A Prometheus query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prometheus: Option<PrometheusCheckSpec>,
    /// An HTTP request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpCheckSpec>,
    /// A workload of this namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload: Option<WorkloadCheckSpec>,
    /// A ready-made check of the database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub builtin: Option<BuiltinCheck>,
    /// A CEL expression over what was measured: true is good. Which names it can use depends on the kind, see the guide; `value`
    /// and `baseline` (the same before the run, null where there was none) are the usual ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub expect: Option<String>,
    /// The check fails AT that many failed measurements in a row, `1` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub failure_threshold: Option<i64>,
    /// Count failed measurements over the whole window instead of those in a row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anywhere_in_window: Option<bool>,
    /// The check fails when more than that share of its measurements failed, such as `50%`, instead of at a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 6), regex(pattern = r"^([0-9]|[1-9][0-9])(\.[0-9]+)?%$"))]
    pub failure_share: Option<String>,
    /// The check is inconclusive AT that many measurements in a row that could not be made, `4` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub error_threshold: Option<i64>,
    /// With fewer measurements that were made, the check is inconclusive at the end of the window, `1` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub min_measurements: Option<i64>,
    /// What a measurement that found no data counts as, `Error` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_no_data: Option<NoDataSpec>,
    /// `Enforce` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<CheckMode>,
}

/// What a measurement that found no data counts as: `Error` (unless set) could not be measured, `Pass` good, `Fail` bad.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NoDataSpec {
    /// It could not be measured.
    Error,
    /// It is good.
    Pass,
    /// It is bad.
    Fail,
}

/// Whether a check decides (`Enforce`, unless set) or only tells (`Observe`).
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CheckMode {
    /// It decides.
    Enforce,
    /// It is measured and told, and decides nothing.
    Observe,
}

/// A query in the migrated database. It runs in a read-only transaction, as the role of the Secret.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SqlCheckSpec {
    /// One statement. `value` is the first column of its first row, `row` that row by column names, `rows` all rows, 100 at
    /// most.
    #[schemars(length(min = 1, max = 16384))]
    pub query: String,
    /// How long it may take, `10s` unless set, `20s` at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 32), regex(pattern = crate::duration::PATTERN))]
    pub timeout: Option<String>,
}

/// Rows of tables, compared with those before the run. `before` and `after` are the sums over all tables, `lost` is what each table
/// lost, summed up; without `expect`: `lost == 0`, and `lost <= before * 0.1` where rows are estimated.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RowCountsCheckSpec {
    /// Names of tables, with their schema where that is not `public`. All tables of the database outside the ledger unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100))]
    pub tables: Option<Vec<String>>,
    /// `Exact` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<CountMethod>,
}

/// How rows are counted: `Exact` (unless set) reads the table, `Estimated` asks the server's statistics, for large tables.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CountMethod {
    /// Reads the table.
    Exact,
    /// Asks the server's statistics.
    Estimated,
}

/// How long a query takes, or the statements that the server has counted. `value` and `baseline` are seconds; `baseline` was taken
/// before the run.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.query) != has(self.statements)").message("give exactly one of query and statements"))]
#[x_kube(validation = Rule::new("!(has(self.samples) && has(self.statements))").message("samples are of a query; statements are not run"))]
pub struct LatencyCheckSpec {
    /// One statement, in a read-only transaction; medians are compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 16384))]
    pub query: Option<String>,
    /// What the server's extension `pg_stat_statements` has counted; means are compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statements: Option<StatementsCheckSpec>,
    /// How often the query runs for one measurement, `5` unless set; the median counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 50))]
    pub samples: Option<i64>,
    /// Without `expect`: how much slower than before it may be, `30%` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 8), regex(pattern = r"^[0-9]{1,4}(\.[0-9]+)?%$"))]
    pub max_regression: Option<String>,
    /// Without `expect`: how long it may take whatever it took before, such as `100ms`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 32), regex(pattern = crate::duration::PATTERN))]
    pub max: Option<String>,
}

/// Of the statements that use certain tables, those that took the most time before the run. `value` is the mean time of their calls
/// since the window began, `baseline` what the same calls would have taken before, `worst` how many times as long the statement
/// takes that became slower the most, `statements` and `calls` how many are compared.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StatementsCheckSpec {
    /// Names of tables, with their schema where that is not `public`. Those that the run's scripts mention unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100))]
    pub tables: Option<Vec<String>>,
    /// How many statements are compared at most, `10` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub top: Option<i64>,
    /// A statement that was called fewer times since the window began is not compared, `10` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000000))]
    pub min_calls: Option<i64>,
}

/// A Prometheus query. `value` is a scalar's or a single series' value, the greatest of several, `values` the values of all
/// series, `baseline` what `value` was before the run.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PrometheusCheckSpec {
    /// The name of an endpoint that the operator was started with (`--prometheus-endpoint NAME=URL`).
    #[schemars(length(min = 1, max = 63))]
    pub endpoint: String,
    /// An instant query in PromQL.
    #[schemars(length(min = 1, max = 8192))]
    pub query: String,
}

/// An HTTP GET. `status` is the code (0 where nobody answered), `latency` seconds, `json` the body where it is JSON.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.endpoint) != has(self.serviceRef)").message("give exactly one of endpoint and serviceRef"))]
pub struct HttpCheckSpec {
    /// The name of an endpoint that the operator was started with (`--http-endpoint NAME=URL`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub endpoint: Option<String>,
    /// A Service of this namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_ref: Option<ServiceRef>,
    /// What follows the address, `/` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024), regex(pattern = r"^/[^ ]*$"))]
    pub path: Option<String>,
    /// How long an answer may take, `5s` unless set, `20s` at most; one that takes longer is a failed measurement with status 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 32), regex(pattern = crate::duration::PATTERN))]
    pub timeout: Option<String>,
}

/// A Service of this namespace.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceRef {
    /// Its name.
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,
    /// The port, by number.
    #[schemars(range(min = 1, max = 65535))]
    pub port: i64,
}

/// A workload of this namespace. `ready` is the share of the wanted replicas that are available, from 0 to 1, `restarts` the
/// containers' restarts since the run began; without `expect`: `ready >= 1`.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkloadCheckSpec {
    /// What it is.
    pub kind: WorkloadKind,
    /// Its name.
    #[schemars(length(min = 1, max = 253), regex(pattern = super::NAME))]
    pub name: String,
}

/// What a workload is.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WorkloadKind {
    /// `apps/v1`
    Deployment,
    /// `apps/v1`
    StatefulSet,
    /// `apps/v1`
    DaemonSet,
    /// Of Argo Rollouts, `argoproj.io/v1alpha1`.
    Rollout,
}

/// Ready-made checks of the database.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BuiltinCheck {
    /// No row refers to a row that is not there, where a foreign key is not validated or its triggers are disabled. `value` is the
    /// number of such rows; it must be 0 unless `expect` says otherwise.
    ForeignKeys,
    /// No index is invalid and no constraint is left unvalidated that was not so before the run. `value` counts them.
    InvalidObjects,
    /// The ledger's chain of hashes is whole and no run before the newest one is left open. `value` counts what is wrong.
    LedgerIntegrity,
    /// The database accepts a login and answers. `value` is the time that took, in seconds.
    Connectivity,
    /// The share of transactions that ended in a rollback since the measurement before. `value` goes from 0 to 1 and must not exceed
    /// `0.05` where there were 20 transactions or more, unless `expect` says otherwise; `transactions`, `rollbacks`, `deadlocks`,
    /// `conflicts`, `sessions`, `abandoned`, `fatal`, `killed` are counts since then.
    ServerErrors,
}

/// Whether a way back may be taken: `Manual` (unless set) when a person asks for it, `Automatic` also when a check fails or a run
/// fails half way, `Disabled` never.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RollbackMode {
    /// When a person lowers `targetVersion` or sets the annotation `sluice.dev/rollback`.
    Manual,
    /// Also when a check fails, or a run fails half way.
    Automatic,
    /// Never: a lower `targetVersion` is refused.
    Disabled,
}

/// What must be known of the way back before the way forward starts.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RequireSpec {
    /// Every migration has a down script, and a rehearsal proved that it works.
    Rehearsed,
    /// Every migration has a down script.
    Present,
    /// Nothing.
    None,
}

/// What happens at the end of a window that came to no result.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum InconclusiveSpec {
    /// Wait for a person.
    Pause,
    /// Take it for good.
    Accept,
    /// Take it back.
    Rollback,
}

/// What a run of several migrations does when a later one fails.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ApplyFailureSpec {
    /// Take back what it applied before.
    Rollback,
    /// Leave what it applied before.
    Stop,
}

/// Whether a way back may destroy rows that were written since.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DataLossSpec {
    /// Never by itself.
    Never,
    /// When a person says so with the annotation `sluice.dev/allow-data-loss`.
    WithApproval,
}

/// The way back.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RollbackSpec {
    /// `Manual` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<RollbackMode>,
    /// `PreviousVersion` (unless set), the version before the run, or a version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 100), regex(pattern = r"^(PreviousVersion|[0-9]+([._-][0-9]+)*)$"))]
    pub to: Option<String>,
    /// What must be known of the way back before the way forward starts: `Rehearsed` a rehearsal proved it, `Present` (unless set, in mode
    /// `Automatic`) every migration has a down script, `None` nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub require: Option<RequireSpec>,
    /// What happens at the end of a window that came to no result: `Pause` (unless set) waits for a person, `Accept` takes it for good,
    /// `Rollback` takes it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_inconclusive: Option<InconclusiveSpec>,
    /// What a run of several migrations does when a later one fails: `Rollback` (unless set, in mode `Automatic`) takes back what it applied
    /// before, `Stop` leaves it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_apply_failure: Option<ApplyFailureSpec>,
    /// What happens to rows that were written since into tables or columns that the way back drops: `Never` (unless set) it stops before it
    /// touches them, `WithApproval` it goes on once a person sets the annotation `sluice.dev/allow-data-loss`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_loss: Option<DataLossSpec>,
    /// So many runs that fail or are rolled back within an hour stop the object until it is told to try again, `3` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 20))]
    pub max_failures_per_hour: Option<i64>,
    /// How long a rollback may take as a whole, `30m` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 32), regex(pattern = crate::duration::PATTERN))]
    pub deadline: Option<String>,
}
