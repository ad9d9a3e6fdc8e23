//! The spec of a `DatabaseMigration`. Doc comments here are what `kubectl explain` and the reference page show.

#![allow(clippy::duplicated_attributes, reason = "each printer column repeats the names of its settings")]

use std::collections::BTreeMap;

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{DatabaseMigrationStatus, GatesSpec, RollbackSpec, VerificationSpec};

/// Brings one database to one schema version with the SQL scripts of one source, and keeps it there.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "sluice.dev",
    version = "v1alpha1",
    kind = "DatabaseMigration",
    plural = "databasemigrations",
    singular = "databasemigration",
    shortname = "dbm",
    category = "sluice",
    namespaced,
    status = "DatabaseMigrationStatus",
    printcolumn(
        name = "Target",
        json_path = ".spec.targetVersion",
        type_ = "string",
        description = "The version asked for"
    ),
    printcolumn(
        name = "Applied",
        json_path = ".status.applied.version",
        type_ = "string",
        description = "The newest version in effect, as the database's own ledger says"
    ),
    printcolumn(
        name = "Ready",
        json_path = ".status.conditions[?(@.type=='Ready')].status",
        type_ = "string",
        description = "Whether the database is where the spec wants it"
    ),
    printcolumn(
        name = "Reason",
        json_path = ".status.conditions[?(@.type=='Ready')].reason",
        type_ = "string",
        description = "Why it is or is not ready"
    ),
    printcolumn(name = "Age", json_path = ".metadata.creationTimestamp", type_ = "date"),
    printcolumn(
        name = "Message",
        json_path = ".status.conditions[?(@.type=='Ready')].message",
        type_ = "string",
        priority = 1,
        description = "The reason in a sentence"
    )
)]
#[serde(rename_all = "camelCase")]
pub struct DatabaseMigrationSpec {
    /// The database to migrate.
    pub database: DatabaseSpec,
    /// Where the SQL scripts are.
    pub source: SourceSpec,
    /// `Latest`, or a version such as `"003"` or `"20240131120000"` (quote it: YAML would read a bare 010 as eight).
    /// A version older than the applied one is a way down, with the down scripts that the ledger kept.
    #[schemars(length(max = 100), regex(pattern = r"^(Latest|[0-9]+([._-][0-9]+)*)$"))]
    pub target_version: String,
    /// `Apply` unless set. `Plan` shows the plan and runs nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<ModeSpec>,
    /// Finish the statement that is running, then leave the database alone until this is false again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspend: Option<bool>,
    /// How the SQL is run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution: Option<ExecutionSpec>,
    /// What to do with a database that was not built by Sluice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adoption: Option<AdoptionSpec>,
    /// What must hold before SQL runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gates: Option<GatesSpec>,
    /// How what was applied is judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification: Option<VerificationSpec>,
    /// The way back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback: Option<RollbackSpec>,
}

/// What is done with a plan: `Apply` (unless set) runs it, `Plan` only shows it.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ModeSpec {
    /// Run it.
    Apply,
    /// Show it, and run nothing.
    Plan,
}

/// The database to migrate.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DatabaseSpec {
    /// The Secret, in this namespace, that says where the database is and how to log in: key `uri`, or `host`, `port`,
    /// `user` (or `username`), `password` and `dbname`, as CloudNativePG writes them.
    pub secret_ref: LocalRef,
    /// Certificate authorities that may have signed the server's certificate, besides the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_ref: Option<CaRef>,
    /// The schema that holds the ledger, `sluice` unless set. Two teams that share one database keep two ledgers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z_][a-z0-9_]*$"))]
    #[x_kube(validation = Rule::new("!self.startsWith('pg_') && self != 'information_schema' && self != 'public'")
        .message("ledgerSchema must be a schema of its own: not public, information_schema or one that begins with pg_"))]
    pub ledger_schema: Option<String>,
}

/// A resource in the same namespace.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LocalRef {
    /// Its name.
    #[schemars(length(min = 1, max = 253), regex(pattern = super::NAME))]
    pub name: String,
}

/// What kind of resource holds the certificate authorities, `Secret` unless set.
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum CaKind {
    /// A Secret.
    #[default]
    Secret,
    /// A ConfigMap.
    ConfigMap,
}

/// Where the certificate authorities are.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CaRef {
    /// `Secret` (unless set) or `ConfigMap`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<CaKind>,
    /// Its name, in this namespace.
    #[schemars(length(min = 1, max = 253), regex(pattern = super::NAME))]
    pub name: String,
    /// The key that holds them as PEM, `ca.crt` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub key: Option<String>,
}

/// Where the SQL scripts are: exactly one of the kinds of source.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("[has(self.inline), has(self.configMaps)].exists_one(given, given)")
    .message("give exactly one source: inline or configMaps"))]
pub struct SourceSpec {
    /// File names and their contents, right here. For small sets and examples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("minProperties" = 1))]
    pub inline: Option<BTreeMap<String, String>>,
    /// ConfigMaps in this namespace, each key one file; several together hold sets over 1 MiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub config_maps: Option<Vec<ConfigMapRef>>,
    /// How file names are read; recognised from the files unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layout: Option<LayoutSpec>,
    /// Accept holes in a plainly sequential numbering (001, 002, 004), which are refused otherwise: usually somebody forgot
    /// to commit a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_gaps: Option<bool>,
}

/// A ConfigMap that holds scripts.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfigMapRef {
    /// Its name.
    #[schemars(length(min = 1, max = 253), regex(pattern = super::NAME))]
    pub name: String,
}

/// How file names are read; recognised from the files unless set.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LayoutSpec {
    /// Recognised from the files.
    Auto,
    /// `V001__x.sql` with `U001__x.sql` or `V001__rollback_x.sql`, and `R__x.sql`.
    Flyway,
    /// `001_x.up.sql` and `001_x.down.sql`.
    GolangMigrate,
    /// Single files with `-- +goose Up` and `-- +goose Down`.
    Goose,
    /// Single files with `-- migrate:up` and `-- migrate:down`.
    Dbmate,
    /// `version_name/up.sql`, `down.sql` and `metadata.toml`; in a ConfigMap `/` is written `__`.
    Diesel,
    /// `001_x.sql`, or `001_x.up.sql` and `001_x.down.sql`, with `-- no-transaction`.
    Sqlx,
    /// `001_x.sql` with `rollbacks/001_x_rollback.sql` or `001_x.rollback.sql`.
    Rollbacks,
}

/// What one transaction holds: `PerMigration` (unless set) one migration and its ledger row, `PerRun` all migrations of a
/// run: all or nothing.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TransactionSpec {
    /// One migration and its ledger row.
    PerMigration,
    /// All migrations of a run and their ledger rows: all or nothing.
    PerRun,
}

/// What to do with a version that is older than the newest applied one and was never applied: `Refuse` (unless set) runs
/// nothing and says so, `Run` runs it, `Ignore` leaves it out.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OutOfOrderSpec {
    /// Run nothing and say so.
    Refuse,
    /// Run it.
    Run,
    /// Leave it out.
    Ignore,
}

/// What to do when a version is applied that the source does not contain: `Refuse` (unless set) runs nothing and says so,
/// `Ignore` leaves it as it is.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MissingSpec {
    /// Run nothing and say so.
    Refuse,
    /// Leave it as it is.
    Ignore,
}

/// Whether rows are copied before a script takes them away: `Copy`, or `Disabled`.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum UndoMode {
    /// They are not.
    Disabled,
    /// They are, as long as they are few enough.
    Copy,
}

/// Copies of rows that a script is about to take away: `DROP TABLE`, `DROP COLUMN`, `TRUNCATE`, `DELETE`, `UPDATE`, a
/// narrower type. They are made in the script's own transaction (without one, in that of each statement), in the schema
/// `sluice_undo`; a way down that re-creates the table or column is refilled from them.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UndoSpec {
    /// `Copy` unless set, where `spec.execution.undo` is given or `spec.rollback.mode` is `Automatic`; else nothing is copied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<UndoMode>,
    /// A statement's rows of one table are copied up to this number, `100000` unless set. More are not copied, and the script runs all
    /// the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100_000_000))]
    pub max_rows: Option<i64>,
    /// Likewise up to this size, `32Mi` unless set. Where a table or column is dropped the application waits while its rows are copied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 12), regex(pattern = r"^[1-9][0-9]{0,8}(Ki|Mi|Gi)$"))]
    pub max_bytes: Option<String>,
    /// All copies of a run together up to this size, `256Mi` unless set; what is over it is not copied, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 12), regex(pattern = r"^[1-9][0-9]{0,8}(Ki|Mi|Gi)$"))]
    pub max_total_bytes: Option<String>,
    /// How long a copy is kept, `168h` unless set. The first run after that drops it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 32), regex(pattern = crate::duration::PATTERN))]
    pub keep: Option<String>,
}

/// How the SQL is run. Durations are texts such as `100ms`, `90s`, `15m` or `1h30m`.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecutionSpec {
    /// `PerMigration` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transaction: Option<TransactionSpec>,
    /// How long a statement may wait for a table's lock before it is taken back and tried again, `100ms` unless set.
    /// Applications that write to the table wait no longer than this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 32), regex(pattern = crate::duration::PATTERN))]
    pub lock_timeout: Option<String>,
    /// How long a migration may go on trying for its locks, `15m` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 32), regex(pattern = crate::duration::PATTERN))]
    pub lock_retry_deadline: Option<String>,
    /// How long one statement may run, `15m` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 32), regex(pattern = crate::duration::PATTERN))]
    pub statement_timeout: Option<String>,
    /// How long a run may take as a whole once it holds the migration lock, `1h` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 32), regex(pattern = crate::duration::PATTERN))]
    pub deadline: Option<String>,
    /// Versions that came late, `Refuse` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub out_of_order: Option<OutOfOrderSpec>,
    /// Applied versions that the source does not contain, `Refuse` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<MissingSpec>,
    /// Copies of rows that a script takes away. Without this field they are made where `spec.rollback.mode` is `Automatic`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<UndoSpec>,
}

/// What to do with a database that holds objects but no ledger. Without one of these it is refused.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AdoptionSpec {
    /// Versions up to this one are recorded as applied without being run, once, when the ledger is new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 100), regex(pattern = r"^[0-9]+([._-][0-9]+)*$"))]
    pub baseline_version: Option<String>,
    /// What the database holds has nothing to do with these scripts: begin with the first version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_existing: Option<bool>,
}
