//! `spec.gates.preflight` and `spec.gates.sql`: what must hold in the database just before SQL runs.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ForbiddenRole;

/// What must hold in the database and on its server just before SQL runs. Everything is looked at again immediately before the
/// first statement. What cannot be told closes the gate only where its threshold is written here.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!(has(self.freeDisk) && has(self.freeDiskFrom))").message("give freeDisk or freeDiskFrom, not both"))]
pub struct PreflightSpec {
    /// The oldest server that will do, such as `14` or `15.4`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 10), regex(pattern = r"^[1-9][0-9]?(\.[0-9]{1,3})?$"))]
    pub min_server_version: Option<String>,
    /// Extensions that are installed in the database, or that the role may install there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 63)))]
    pub extensions: Option<Vec<String>>,
    /// The database's encoding, such as `UTF8`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32))]
    pub encoding: Option<String>,
    /// How long other sessions of the database may have been in a transaction, `5m` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 32), regex(pattern = crate::duration::PATTERN))]
    pub max_transaction_age: Option<String>,
    /// How long other sessions of the database may have been idle in a transaction, `1m` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 32), regex(pattern = crate::duration::PATTERN))]
    pub max_idle_in_transaction: Option<String>,
    /// How long transactions of the database may have been prepared for a two-phase commit, `5m` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 32), regex(pattern = crate::duration::PATTERN))]
    pub max_prepared_age: Option<String>,
    /// How long after the primary a connected standby or subscriber may be, `30s` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 32), regex(pattern = crate::duration::PATTERN))]
    pub max_replication_lag: Option<String>,
    /// How much WAL a connected standby or subscriber may not have replayed yet, such as `256Mi`; not limited unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 12), regex(pattern = SIZE))]
    pub max_replication_lag_bytes: Option<String>,
    /// How much WAL may be kept for one replication slot, `10Gi` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 12), regex(pattern = SIZE))]
    pub max_slot_retained: Option<String>,
    /// How much of the disk must be free after what the plan writes anew, as a share such as `20%` (unless set) or a size such
    /// as `10Gi`. PostgreSQL does not know its disk: give `freeDisk`, `diskSize` or `freeDiskFrom`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 12),
        regex(pattern = r"^([0-9]{1,9}(Ki|Mi|Gi|Ti)|[0-9]{1,2}(\.[0-9]{1,2})?%|0)$")
    )]
    pub min_free_disk: Option<String>,
    /// How large the disk is, such as `100Gi`. Without `freeDisk` and `freeDiskFrom`, what the server's databases and its WAL
    /// do not take counts as free.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 12), regex(pattern = SIZE))]
    pub disk_size: Option<String>,
    /// How much of the disk is free, as somebody knows, such as `40Gi`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 12), regex(pattern = SIZE))]
    pub free_disk: Option<String>,
    /// Who knows how much of the disk is free.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub free_disk_from: Option<FreeDiskFromSpec>,
    /// How many connections must be left for the role, `10` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 10000))]
    pub min_free_connections: Option<i64>,
    /// What the role must not be allowed to do, neither itself nor as a role that it may become; nothing unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16))]
    pub forbid_roles: Option<Vec<ForbiddenRole>>,
    /// What follows when the role may not create in a schema, or use or alter a table, that the plan touches: `Refuse` unless
    /// set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub privileges: Option<PreflightAction>,
    /// What follows when a table that the plan touches has an index that is not valid, other than those that the plan itself
    /// creates or drops: `Refuse` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invalid_indexes: Option<PreflightAction>,
    /// What follows when a vacuum against wraparound is at work on, or due for, a table that the plan touches, or the database
    /// is close to wraparound: `Refuse` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wraparound: Option<PreflightAction>,
    /// What follows when the server fails to archive its WAL: `Refuse` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archiving: Option<PreflightAction>,
}

/// How sizes are written: whole numbers of Ki, Mi, Gi or Ti.
const SIZE: &str = r"^[0-9]{1,9}(Ki|Mi|Gi|Ti)$";

/// What follows from something that does not hold: `Refuse` closes the gate, `Allow` does not look at it.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PreflightAction {
    /// It closes the gate.
    Refuse,
    /// It is not looked at.
    Allow,
}

/// Who knows how much of the disk is free.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FreeDiskFromSpec {
    /// A Prometheus query that gives bytes; of several series the least counts.
    pub prometheus: FreeDiskQuerySpec,
}

/// A Prometheus query that gives bytes.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FreeDiskQuerySpec {
    /// The name of an endpoint that a MigrationPolicy declares, or that the operator was started with (`--prometheus-endpoint NAME=URL`).
    #[schemars(length(min = 1, max = 63))]
    pub endpoint: String,
    /// An instant query in PromQL.
    #[schemars(length(min = 1, max = 8192))]
    pub query: String,
}

/// A condition of the team's own: a query, and what its answer has to be before SQL runs. It runs in a read-only transaction, as
/// the role of the Secret.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SqlGateSpec {
    /// Its name in status, events and metrics.
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,
    /// One statement. `value` is the first column of its first row, `row` that row by column names, `rows` all rows, 100 at
    /// most.
    #[schemars(length(min = 1, max = 16384))]
    pub query: String,
    /// A CEL expression over these names: true opens the gate.
    #[schemars(length(min = 1, max = 1024))]
    pub expect: String,
    /// How long it may take, `10s` unless set, `20s` at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 32), regex(pattern = crate::duration::PATTERN))]
    pub timeout: Option<String>,
}
