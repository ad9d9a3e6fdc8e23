//! Running scripts on the copy as a run would run them, and looking at the locks that each statement takes.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use crate::database::{LockTaken, StepFailure};
use crate::migration::{Script, Statement, TransactionMode};
use crate::plan::Direction;

use super::super::connect::Link;
use super::super::failure::{Place, SqlError};
use super::super::quote::{millis, text};
use super::super::tokens::Tokens;

/// From the weakest to the strongest.
const MODES: [&str; 7] = [
    "RowShareLock",
    "RowExclusiveLock",
    "ShareUpdateExclusiveLock",
    "ShareLock",
    "ShareRowExclusiveLock",
    "ExclusiveLock",
    "AccessExclusiveLock",
];

/// The settings that the original's database has and the copy has not, as a session sees them.
pub(super) const SETTINGS: &str = "select coalesce(json_agg(json_build_array(name, current_setting(name)) order by name), '[]')::text
    from pg_settings where source in ('database', 'database user') and name not in ('statement_timeout', 'lock_timeout')";

const TABLES: &str = "select coalesce(json_agg(json_build_object('oid', c.oid::bigint,
        'name', format('table %I.%I', n.nspname, c.relname), 'filenode', pg_relation_filenode(c.oid)::bigint)), '[]')::text
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'm') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'";

const LOCKS: &str =
    "select coalesce(pg_catalog.json_agg(pg_catalog.json_build_object('oid', l.relation::bigint, 'mode', l.mode,
        'filenode', pg_catalog.pg_relation_filenode(l.relation)::bigint)), '[]')::text
    from pg_catalog.pg_lock_status() l where l.pid = pg_catalog.pg_backend_pid() and l.locktype = 'relation'
        and l.relation >= 16384 and l.mode <> 'AccessShareLock'";

/// A table that was there before.
#[derive(Debug, Clone, Deserialize)]
struct Table {
    oid: u32,
    name: String,
    filenode: Option<i64>,
}

#[derive(Debug, Deserialize)]
struct Lock {
    oid: u32,
    mode: String,
    filenode: Option<i64>,
}

/// The copy, with a session on it.
pub(super) struct Stage {
    pub link: Link,
    /// What each script's session begins with.
    prelude: String,
    timeout: Duration,
    tables: HashMap<u32, Table>,
    /// Whether locks are looked at.
    pub watches: bool,
    pub locks: Vec<LockTaken>,
}

impl Stage {
    /// A stage with what stands on it now; `settings` are those of [`SETTINGS`].
    pub async fn set(mut link: Link, settings: Vec<(String, String)>, timeout: Duration) -> Result<Self, SqlError> {
        let mut prelude = format!(
            "reset session authorization; reset role; reset all; set synchronous_commit = off; set lock_timeout = '10s';
            set statement_timeout = {};",
            millis(timeout)
        );
        for (name, value) in settings {
            let set = format!(" select pg_catalog.set_config({}, {}, false);", text(&name), text(&value));
            // What the role may not set for itself has no counterpart here.
            match link.run(&set).await {
                Ok(()) => prelude.push_str(&set),
                Err(SqlError::Server(_)) => {}
                Err(error @ SqlError::Lost(_)) => return Err(error),
            }
        }
        let tables: Vec<Table> = link.look(TABLES).await?;
        let tables = tables.into_iter().map(|table| (table.oid, table)).collect();
        Ok(Self { link, prelude, timeout, tables, watches: true, locks: Vec::new() })
    }

    /// Runs scripts, each in a transaction of its own or all in one, as far as they run in transactions.
    pub async fn scripts(
        &mut self,
        scripts: &[(String, Arc<Script>)],
        direction: Direction,
        together: bool,
    ) -> Result<Result<(), StepFailure>, SqlError> {
        let transactional = |(_, script): &(String, Arc<Script>)| script.mode == TransactionMode::Transactional;
        let together = together && scripts.iter().all(transactional);
        let size = if together { scripts.len() } else { 1 };
        for unit in scripts.chunks(size.max(1)) {
            if let Err(failure) = self.unit(unit, direction, unit.iter().all(transactional)).await? {
                return Ok(Err(failure));
            }
        }
        Ok(Ok(()))
    }

    async fn unit(
        &mut self,
        scripts: &[(String, Arc<Script>)],
        direction: Direction,
        transactional: bool,
    ) -> Result<Result<(), StepFailure>, SqlError> {
        self.link.run(&self.prelude).await?;
        if transactional {
            self.link.run("begin").await?;
        }
        let mut held = HashMap::new();
        let mut result = Ok(());
        for (label, script) in scripts {
            let whole = Place { label: label.clone(), file: &script.file, statement: None, left: "" };
            for one in &script.statements {
                let place = Place { statement: Some(one), ..whole.clone() };
                result = self.statement(&one.text, &place).await?;
                if result.is_err() {
                    return Ok(result);
                }
                // Before a SET TRANSACTION nothing may be asked; and nothing that begins with SET locks a table.
                if transactional && self.watches && !Tokens::of(&one.text).sees("SET") {
                    self.look_at_locks(&place, one, direction, &mut held).await?;
                }
            }
            if transactional && scripts.last().is_some_and(|(last, _)| last == label) {
                result = self.statement("commit", &whole).await?;
            }
        }
        Ok(result)
    }

    async fn statement(&mut self, sql: &str, place: &Place<'_>) -> Result<Result<(), StepFailure>, SqlError> {
        match self.link.run_within(sql, self.timeout + Duration::from_secs(5)).await {
            Ok(()) => Ok(Ok(())),
            Err(SqlError::Server(error)) => {
                self.link.run("rollback").await?;
                // No ledger records a rehearsal, so the server's own words go nowhere.
                Ok(Err(StepFailure { detail: None, ..place.server(&error) }))
            }
            Err(error @ SqlError::Lost(_)) => Err(error),
        }
    }

    async fn look_at_locks(
        &mut self,
        place: &Place<'_>,
        one: &Statement,
        direction: Direction,
        held: &mut HashMap<u32, usize>,
    ) -> Result<(), SqlError> {
        let locks: Vec<Lock> = self.link.json(LOCKS).await?;
        let mut strongest: HashMap<u32, (usize, bool)> = HashMap::new();
        for lock in locks {
            let Some(table) = self.tables.get_mut(&lock.oid) else { continue };
            let strength = MODES.iter().position(|mode| *mode == lock.mode).unwrap_or(0);
            // A table that is gone is not written anew, and TRUNCATE gives an empty one a new file as well.
            let rewritten = lock.filenode.is_some() && lock.filenode != table.filenode;
            if rewritten {
                table.filenode = lock.filenode;
            }
            let entry = strongest.entry(lock.oid).or_default();
            *entry = (entry.0.max(strength), entry.1 || rewritten);
        }
        for (oid, (strength, rewrites)) in strongest {
            let before = held.insert(oid, strength);
            if before.is_some_and(|before| before >= strength) && !rewrites {
                continue;
            }
            self.locks.push(LockTaken {
                direction,
                label: place.label.clone(),
                file: place.file.to_owned(),
                line: one.line,
                table: self.tables.get(&oid).map(|table| table.name.clone()).unwrap_or_default(),
                mode: MODES.get(strength).copied().unwrap_or_default().to_owned(),
                rewrites,
            });
        }
        Ok(())
    }
}
