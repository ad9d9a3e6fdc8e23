//! The statements that write where a version stands.
//!
//! Each is conditional: a row that says that the version is already where the step would bring it changes nothing and
//! fails the transaction. That is what makes a step take effect at most once, even where the lock was lost.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::database::{RunIdentity, StepFailure};
use crate::migration::{Kind, Risk, Script, TransactionMode};
use crate::plan::{Action, Step};

use super::quote::{optional, text};
use super::statements::Sql;

/// What the server's message contains when a row was already where the step would bring it.
pub(super) const FENCE: &str = "another run was here: the ledger has this step done";
/// What the server's message contains when user SQL ended the transaction that it ran in.
pub(super) const ENDED: &str = "the script ended the transaction that it ran in";

/// The row's condition for being in effect.
const IN_EFFECT: &str = "(m.status = 'completed' or m.reverting and m.status in ('running', 'failed'))";

/// Writes the statements of one run.
#[derive(Debug, Clone)]
pub(super) struct Recorder {
    /// The ledger's schema, quoted.
    pub schema: String,
    /// The run's id, quoted.
    pub run: String,
    by: String,
}

/// The key of a step's row.
pub(super) fn key(step: &Step) -> String {
    step.version.as_ref().map_or_else(|| step.label(), crate::migration::Version::key)
}

impl Recorder {
    pub fn new(sql: &Sql, run: &RunIdentity, role: &str) -> Self {
        let by = format!("{} ({}) as {role}", run.object, run.instance);
        Self { schema: sql.schema.clone(), run: text(&run.id.to_string()), by: text(&by) }
    }

    /// Fails unless the transaction is still the one that was begun.
    pub fn same_transaction(&self, transaction: &str) -> String {
        format!(
            "select (case when pg_catalog.pg_current_xact_id_if_assigned()::text = {} then '1' else {} end)::int;",
            text(transaction),
            text(ENDED)
        )
    }

    /// Records that a step took effect, once.
    pub fn done(&self, step: &Step, elapsed: Duration) -> String {
        let key = text(&key(step));
        let change = match &step.action {
            Action::Revert { .. } => format!(
                "update {schema}.schema_migrations m set status = 'rolled_back', reverting = false,
                    rolled_back_at = clock_timestamp(), rolled_back_by = {by}, execution_time_ms = {ms}, run_id = {run},
                    updated_at = clock_timestamp(), {NO_FAILURE} where m.key = {key} and {IN_EFFECT} returning 1",
                schema = self.schema,
                by = self.by,
                ms = elapsed.as_millis(),
                run = self.run,
            ),
            Action::Apply { .. } | Action::Baseline { .. } | Action::Repeat { .. } => {
                let mut values = vec![
                    ("status", "'completed'".to_owned()),
                    ("reverting", "false".to_owned()),
                    ("applied_at", "clock_timestamp()".to_owned()),
                    ("applied_by", self.by.clone()),
                    ("applied_transaction", "pg_catalog.pg_current_xact_id()".to_owned()),
                    ("applied_snapshot", "pg_catalog.pg_current_snapshot()".to_owned()),
                    ("execution_time_ms", elapsed.as_millis().to_string()),
                ];
                if matches!(step.action, Action::Apply { .. }) {
                    values.push(("depends_on", dependencies(step)));
                }
                let again = match &step.action {
                    // The same content once; changed content again.
                    Action::Repeat { .. } => {
                        format!("where not ({IN_EFFECT} and m.up_checksum is not distinct from excluded.up_checksum)")
                    }
                    Action::Apply { .. } | Action::Baseline { .. } | Action::Revert { .. } => {
                        format!("where not {IN_EFFECT}")
                    }
                };
                format!("{} {again} returning 1", self.upsert(step, &values, NO_FAILURE))
            }
        };
        format!(
            "with changed as ({change}) select (case when count(*) = 1 then '1' else {} end)::int from changed;",
            text(FENCE)
        )
    }

    /// Records that an attempt failed. What is in effect stays so: a transactional attempt left nothing behind, and then
    /// only the failure is noted.
    pub fn failed(&self, step: &Step, failure: &StepFailure, journaled: bool) -> String {
        let noted = format!(
            "failed_at = clock_timestamp(), failure_message = {}, failure_sqlstate = {}, failure_detail = {},
            run_id = {}, updated_at = clock_timestamp()",
            text(&failure.message),
            optional(failure.sqlstate.as_deref()),
            optional(failure.detail.as_deref()),
            self.run,
        );
        let status = if journaled {
            "status = 'failed',".to_owned()
        } else {
            format!("status = case when {IN_EFFECT} then m.status else 'failed' end,")
        };
        if matches!(step.action, Action::Revert { .. }) {
            return format!(
                "update {}.schema_migrations m set {status} {noted} where m.key = {};",
                self.schema,
                text(&key(step))
            );
        }
        // The row may be missing: the attempt that failed was its first.
        format!(
            "{} where not {IN_EFFECT}; update {}.schema_migrations m set {status} {noted} where m.key = {};",
            self.upsert(step, &[("status", "'failed'".to_owned())], ""),
            self.schema,
            text(&key(step))
        )
    }

    /// Inserts the step's row or brings an existing one to the step's content. `values` are further columns, `and_set`
    /// further assignments where the row existed.
    pub fn upsert(&self, step: &Step, values: &[(&str, String)], and_set: &str) -> String {
        let mut columns = self.content(step);
        columns.extend(values.iter().cloned());
        let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
        let literals: Vec<&str> = columns.iter().map(|(_, literal)| literal.as_str()).collect();
        let changes: Vec<String> =
            names.iter().filter(|name| **name != "key").map(|name| format!("{name} = excluded.{name}")).collect();
        let and_set = if and_set.is_empty() { String::new() } else { format!(", {and_set}") };
        format!(
            "insert into {}.schema_migrations as m ({}) values ({}) on conflict (key) do update set {}, \
             updated_at = clock_timestamp(){and_set}",
            self.schema,
            names.join(", "),
            literals.join(", "),
            changes.join(", "),
        )
    }

    /// The columns that come from the step itself.
    fn content(&self, step: &Step) -> Vec<(&'static str, String)> {
        let (up, checksum, down) = match &step.action {
            Action::Apply { up, down } => (Some(up.as_ref()), Some(&up.checksum), down.as_deref()),
            Action::Baseline { up_checksum, down } => (None, Some(up_checksum), down.as_deref()),
            Action::Repeat { script } => (Some(script.as_ref()), Some(&script.checksum), None),
            Action::Revert { down } => (None, None, Some(down.as_ref())),
        };
        let unmarked = |script: &Script| matches!(script.mode, TransactionMode::Transactional);
        vec![
            ("key", text(&key(step))),
            ("version", optional(step.version.as_ref().map(crate::migration::Version::as_str))),
            ("repeatable", optional(step.repeatable.as_deref())),
            ("description", text(&step.description)),
            ("kind", text(kind(step.kind))),
            ("risk", optional(step.header.risk.map(Risk::as_str))),
            ("author", optional(step.header.author.as_deref())),
            ("up_file", optional(up.map(|script| script.file.as_str()))),
            ("up_checksum", optional(checksum.map(crate::migration::Checksum::as_str))),
            ("down_file", optional(down.map(|script| script.file.as_str()))),
            ("down_checksum", optional(down.map(|script| script.checksum.as_str()))),
            ("down_sql", optional(down.map(|script| script.sql.as_str()))),
            ("down_line", down.map_or(1, |script| script.first_line).to_string()),
            ("down_no_transaction", down.is_some_and(|script| !unmarked(script)).to_string()),
            ("baseline", matches!(step.action, Action::Baseline { .. }).to_string()),
            ("run_id", self.run.clone()),
        ]
    }
}

/// The versions that a step declares to depend on, as an array.
fn dependencies(step: &Step) -> String {
    let versions: BTreeSet<String> = step.header.dependencies.iter().map(|version| text(version.as_str())).collect();
    format!("array[{}]::text[]", versions.into_iter().collect::<Vec<_>>().join(", "))
}

const NO_FAILURE: &str = "failed_at = null, failure_message = null, failure_sqlstate = null, failure_detail = null";

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Schema => "schema",
        Kind::Data => "data",
        Kind::Seed => "seed",
        Kind::Repeatable => "repeatable",
    }
}
