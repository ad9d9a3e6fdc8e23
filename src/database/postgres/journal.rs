//! The statements that keep the journal of scripts without a transaction.

use crate::migration::{Checksum, Statement};
use crate::plan::{Action, Direction, Step};

use super::quote::{optional, text};
use super::record::{FENCE, Recorder, key};
use super::statements::Backend;

/// One attempt at a script: which row of the journal belongs to whom.
#[derive(Debug, Clone)]
pub(super) struct Attempted {
    pub key: String,
    pub number: i32,
    pub direction: Direction,
    pub backend: Backend,
}

/// Which way a step goes.
pub(super) fn direction(step: &Step) -> Direction {
    match step.action {
        Action::Revert { .. } => Direction::Down,
        Action::Apply { .. } | Action::Baseline { .. } | Action::Repeat { .. } => Direction::Up,
    }
}

impl Recorder {
    /// Marks a step as running, in an attempt with that number.
    pub fn running(&self, step: &Step, attempt: i32) -> String {
        match direction(step) {
            Direction::Up => {
                let values = [
                    ("status", "'running'".to_owned()),
                    ("reverting", "false".to_owned()),
                    ("attempt", attempt.to_string()),
                ];
                format!("{};", self.upsert(step, &values, ""))
            }
            Direction::Down => format!(
                "update {}.schema_migrations set status = 'running', reverting = true, attempt = {attempt}, run_id = {},
                    updated_at = clock_timestamp() where key = {};",
                self.schema,
                self.run,
                text(&key(step))
            ),
        }
    }

    /// Records that a statement is about to be sent whose outcome cannot be recorded with it.
    pub fn started(&self, of: &Attempted, one: &Statement, object: Option<&str>, before: Option<&str>) -> String {
        self.journal(of, one, "started", &[("object", optional(object)), ("before", optional(before))])
    }

    /// Records that a statement took effect, once.
    pub fn executed(&self, of: &Attempted, one: &Statement, rows: Option<u64>) -> String {
        let rows = rows.map_or_else(|| "null".to_owned(), |rows| rows.to_string());
        let change =
            self.journal(of, one, "done", &[("rows_affected", rows), ("finished_at", "clock_timestamp()".to_owned())]);
        format!(
            "with changed as ({} where s.state <> 'done' returning 1)
            select (case when count(*) = 1 then '1' else {} end)::int from changed;",
            change.trim_end_matches(';'),
            text(FENCE)
        )
    }

    /// Records that the server refused a statement.
    pub fn refused(&self, of: &Attempted, one: &Statement, sqlstate: Option<&str>, words: Option<&str>) -> String {
        self.journal(
            of,
            one,
            "failed",
            &[
                ("sqlstate", optional(sqlstate)),
                ("detail", optional(words)),
                ("finished_at", "clock_timestamp()".to_owned()),
            ],
        )
    }

    fn journal(&self, of: &Attempted, one: &Statement, state: &str, more: &[(&str, String)]) -> String {
        let mut columns = vec![
            ("state", text(state)),
            ("checksum", text(Checksum::of(&one.text).as_str())),
            ("line", one.line.to_string()),
            ("sql", text(&one.text)),
            ("run_id", self.run.clone()),
            ("backend_pid", of.backend.pid.to_string()),
            ("backend_start", text(&of.backend.start)),
        ];
        columns.extend(more.iter().cloned());
        let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
        let values: Vec<&str> = columns.iter().map(|(_, value)| value.as_str()).collect();
        let changes: Vec<String> = names.iter().map(|name| format!("{name} = excluded.{name}")).collect();
        format!(
            "insert into {}.migration_steps as s (key, attempt, statement, direction, {}) values ({}, {}, {}, '{}', {})
            on conflict (key, attempt, statement) do update set {};",
            self.schema,
            names.join(", "),
            text(&of.key),
            of.number,
            one.number,
            of.direction.as_str(),
            values.join(", "),
            changes.join(", "),
        )
    }

    /// What a person runs who found out what the server could not tell.
    pub fn by_hand(&self, of: &Attempted, one: &Statement) -> String {
        format!(
            "if it took effect: UPDATE {schema}.migration_steps SET state = 'done' WHERE key = {key} AND attempt = {attempt} AND \
             statement = {number}; if it did not: the same with state = 'failed'; then retry",
            schema = self.schema,
            key = text(&of.key),
            attempt = of.number,
            number = one.number
        )
    }
}
