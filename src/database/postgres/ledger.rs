//! Reading the ledger's tables into the plan's types, and installing and upgrading them.

use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::database::{Address, DatabaseError, Holder};
use crate::migration::{Checksum, Kind, Version};
use crate::plan::{
    Direction, Entry, EntryStatus, Existing, JournalEntry, JournalState, Ledger, LedgerFailure, Outcome, Refilled,
    RunSummary,
};

use super::connect::{Link, ledger_error};
use super::failure::{SqlError, lost};
use super::judgements::{RawRollback, RawVerification};
use super::privileges::may_not_create;
use super::statements::{Backend, Sql};

/// The ledger's own schema, oldest first. A released file never changes: a change is a new file.
pub(super) const SCRIPTS: &[(u32, &str)] = &[(1, include_str!("../../../migrations/postgres/0001_ledger.sql"))];

/// The newest version of the ledger that this Sluice knows.
fn newest(scripts: &[(u32, &str)]) -> u32 {
    scripts.iter().map(|(version, _)| *version).max().unwrap_or(0)
}

/// What was read: the ledger and who its lock row names.
#[derive(Debug, Clone)]
pub(super) struct Reading {
    /// The version of the ledger's own schema.
    pub version: u32,
    pub ledger: Ledger,
    pub lock: Option<LockRow>,
}

/// The row of the view `migration_locks`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct LockRow {
    run_id: uuid::Uuid,
    object: String,
    instance: String,
    backend_pid: i32,
    backend_start: String,
    acquired_at: String,
}

/// The session that holds the lock, as the server sees it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct HolderRow {
    pid: i32,
    application: Option<String>,
    backend_start: Option<String>,
    idle: bool,
}

impl HolderRow {
    /// The session, when it is one of that run that has nothing more to do.
    pub fn abandoned(&self, row: Option<&LockRow>, run: uuid::Uuid) -> Option<Backend> {
        let row = row.filter(|row| self.idle && row.run_id == run && row.backend_pid == self.pid)?;
        Some(Backend { pid: row.backend_pid, start: row.backend_start.clone() })
    }

    /// The holder, with what the ledger knows about it.
    pub fn named(&self, row: Option<&LockRow>) -> Holder {
        let since = |text: &String| text.parse::<Timestamp>().ok();
        let session = self.backend_start.as_ref().and_then(since);
        // A row that is older than the session is about an earlier process with the same id.
        let row = row.filter(|row| {
            row.backend_pid == self.pid
                && session.is_none_or(|start| since(&row.acquired_at).is_some_and(|at| at >= start))
        });
        Holder {
            pid: self.pid,
            application: self.application.clone().unwrap_or_default(),
            object: row.map(|row| row.object.clone()),
            instance: row.map(|row| row.instance.clone()),
            since: row.and_then(|row| since(&row.acquired_at)).or(session),
        }
    }
}

#[derive(Deserialize)]
struct RawLedger {
    version: Option<u32>,
    lock: Option<LockRow>,
    entries: Vec<RawEntry>,
    runs: Vec<RawRun>,
    verifications: Vec<RawVerification>,
    rollbacks: Vec<RawRollback>,
}

#[derive(Deserialize)]
struct RawEntry {
    version: Option<Version>,
    repeatable: Option<String>,
    description: String,
    kind: Kind,
    status: String,
    up_checksum: Option<String>,
    down_sql: Option<String>,
    down_file: Option<String>,
    down_line: u32,
    down_no_transaction: bool,
    baseline: bool,
    reverting: bool,
    journal: Option<Vec<RawJournal>>,
    applied_at: Option<String>,
    execution_time_ms: Option<u64>,
}

/// One row of the journal.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct RawJournal {
    pub statement: u32,
    pub state: String,
    pub checksum: String,
    pub before: Option<String>,
    pub backend_pid: i32,
    pub backend_start: String,
}

#[derive(Deserialize)]
struct RawRun {
    id: uuid::Uuid,
    object: String,
    object_uid: String,
    generation: i64,
    retry_token: Option<String>,
    abort_token: Option<String>,
    rollback_token: Option<String>,
    plan_digest: String,
    set_digest: String,
    rehearsed: bool,
    direction: Direction,
    from_version: Option<String>,
    to_version: Option<String>,
    outcome: Option<String>,
    failure_message: Option<String>,
    failure_sqlstate: Option<String>,
    started_at: String,
    finished_at: Option<String>,
    #[serde(default)]
    refilled: Vec<Refilled>,
}

/// Reads the ledger.
pub(super) async fn read(link: &mut Link, sql: &Sql, role: &str) -> Result<Reading, DatabaseError> {
    let told = link.look(&sql.ledger()).await.map_err(|error| link.ledger_error(role, &error))?;
    understand(&link.address, told)
}

/// What the server told of the ledger.
pub(super) fn understand(address: &Address, told: Value) -> Result<Reading, DatabaseError> {
    let schema = address.ledger_schema.clone();
    let raw: RawLedger = serde_json::from_value(told).map_err(|error| unreadable(address, &error))?;
    let version = raw.version.unwrap_or(0);
    refuse_newer(&schema, version, newest(SCRIPTS))?;
    let mut entries =
        raw.entries.into_iter().map(entry).collect::<Result<Vec<_>, _>>().map_err(|what| damaged(&schema, &what))?;
    entries.sort_by(|a, b| match (&a.version, &b.version) {
        (Some(a), Some(b)) => a.cmp(b),
        (Some(_), None) => std::cmp::Ordering::Less,
        (None, Some(_)) => std::cmp::Ordering::Greater,
        (None, None) => a.repeatable.cmp(&b.repeatable),
    });
    let runs = raw.runs.into_iter().map(run).collect::<Result<Vec<_>, _>>().map_err(|what| damaged(&schema, &what))?;
    let verifications = raw.verifications.into_iter().map(RawVerification::read).collect::<Result<Vec<_>, _>>();
    let rollbacks = raw.rollbacks.into_iter().map(RawRollback::read).collect::<Result<Vec<_>, _>>();
    let (verifications, rollbacks) =
        (verifications.map_err(|what| damaged(&schema, &what))?, rollbacks.map_err(|what| damaged(&schema, &what))?);
    let existing = Existing::default();
    let ledger = Ledger { schema, installed: true, existing, entries, runs, verifications, rollbacks };
    Ok(Reading { version, ledger, lock: raw.lock })
}

/// What a database without a ledger holds.
pub(super) async fn read_existing(link: &mut Link, sql: &Sql, role: &str) -> Result<Ledger, DatabaseError> {
    let told = link.look(&sql.existing()).await.map_err(|error| link.ledger_error(role, &error))?;
    understand_existing(&link.address, told)
}

/// What the server told of a database without a ledger.
pub(super) fn understand_existing(address: &Address, told: Value) -> Result<Ledger, DatabaseError> {
    #[derive(Deserialize)]
    struct Raw {
        total: usize,
        sample: Vec<String>,
    }
    let raw: Raw = serde_json::from_value(told).map_err(|error| unreadable(address, &error))?;
    let existing = Existing { total: raw.total, sample: raw.sample };
    Ok(Ledger { schema: address.ledger_schema.clone(), existing, ..Ledger::default() })
}

fn unreadable(address: &Address, error: &serde_json::Error) -> DatabaseError {
    lost(address, &format!("the server's answer cannot be read: {error}"))
}

fn refuse_newer(schema: &str, found: u32, known: u32) -> Result<(), DatabaseError> {
    if found <= known {
        return Ok(());
    }
    Err(DatabaseError::Ledger(format!(
        "the ledger \"{schema}\" is at version {found}, written by a newer Sluice; this one ({}) knows versions up to \
         {known}: upgrade it",
        env!("CARGO_PKG_VERSION")
    )))
}

fn damaged(schema: &str, what: &str) -> DatabaseError {
    DatabaseError::Ledger(format!(
        "the ledger \"{schema}\" holds {what}, which no Sluice writes; mend that row by hand"
    ))
}

fn entry(raw: RawEntry) -> Result<Entry, String> {
    let status = match raw.status.as_str() {
        "pending" => EntryStatus::Pending,
        "running" => EntryStatus::Running,
        "completed" => EntryStatus::Completed,
        "failed" => EntryStatus::Failed,
        "rolled_back" => EntryStatus::RolledBack,
        other => return Err(format!("the status \"{other}\"")),
    };
    let journal = raw.journal.unwrap_or_default().iter().map(journal_entry).collect::<Result<_, _>>()?;
    Ok(Entry {
        version: raw.version,
        repeatable: raw.repeatable,
        description: raw.description,
        kind: raw.kind,
        status,
        up_checksum: raw.up_checksum.map(Checksum::recorded),
        down_sql: raw.down_sql,
        down_file: raw.down_file,
        down_line: raw.down_line,
        down_no_transaction: raw.down_no_transaction,
        baseline: raw.baseline,
        journal,
        reverting: raw.reverting,
        applied_at: raw.applied_at.as_deref().map(timestamp).transpose()?,
        elapsed: raw.execution_time_ms.map(Duration::from_millis),
    })
}

/// One row of the journal in the plan's words.
pub(super) fn journal_entry(raw: &RawJournal) -> Result<JournalEntry, String> {
    let state = match raw.state.as_str() {
        "started" => JournalState::Started,
        "done" => JournalState::Done,
        "failed" => JournalState::Failed,
        other => return Err(format!("the journal state \"{other}\"")),
    };
    Ok(JournalEntry { statement: raw.statement, checksum: Checksum::recorded(raw.checksum.clone()), state })
}

fn run(raw: RawRun) -> Result<RunSummary, String> {
    let outcome = match raw.outcome.as_deref() {
        None => None,
        Some(word) => Some(Outcome::parse(word).ok_or_else(|| format!("the outcome \"{word}\""))?),
    };
    let failure = raw.failure_message.map(|message| LedgerFailure { message, sqlstate: raw.failure_sqlstate });
    Ok(RunSummary {
        id: raw.id,
        object: raw.object,
        object_uid: raw.object_uid,
        generation: raw.generation,
        retry_token: raw.retry_token,
        abort_token: raw.abort_token,
        rollback_token: raw.rollback_token,
        plan_digest: raw.plan_digest,
        set_digest: raw.set_digest,
        rehearsed: raw.rehearsed,
        direction: raw.direction,
        from: raw.from_version,
        to: raw.to_version,
        outcome,
        failure,
        started_at: timestamp(&raw.started_at)?,
        finished_at: raw.finished_at.as_deref().map(timestamp).transpose()?,
        refilled: raw.refilled,
    })
}

/// A time as the server writes it in JSON.
pub(super) fn timestamp(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| format!("the time \"{text}\""))
}

/// Where the ledger goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Site<'a> {
    /// Role that the session works as.
    pub role: &'a str,
    /// The schema is there.
    pub schema_exists: bool,
    /// The version of the ledger that is there; 0 for none.
    pub version: u32,
    /// The database holds nothing that is not the work of its ledgers.
    pub built: bool,
}

/// The statements that create the ledger or bring it to the newest version, and that version. For one transaction, under
/// the lock only. Empty where the ledger is at that version.
pub(super) fn installation(
    address: &Address,
    sql: &Sql,
    site: Site<'_>,
    scripts: &[(u32, &str)],
) -> Result<(String, u32), DatabaseError> {
    let wanted = newest(scripts);
    let name = &address.ledger_schema;
    refuse_newer(name, site.version, wanted)?;
    let mut text = String::new();
    if site.version == wanted {
        return Ok((text, wanted));
    }
    if name.is_empty() || name.len() > 63 || name.starts_with("pg_") {
        return Err(DatabaseError::Ledger(format!(
            "\"{name}\" cannot be the ledger's schema: a name has 1 to 63 bytes and does not begin with pg_"
        )));
    }
    if site.version == 0 {
        text.push_str(&sql.create_schema(site.schema_exists, site.built));
    }
    for (version, script) in scripts.iter().filter(|(version, _)| *version > site.version) {
        text.push_str(&script.replace("{schema}", &sql.schema));
        text.push_str(&sql.installed(*version));
    }
    Ok((text, wanted))
}

/// What an error of these statements means.
pub(super) fn install_error(address: &Address, site: Site<'_>, error: &SqlError) -> DatabaseError {
    if error.code() == Some("42501") {
        return DatabaseError::Ledger(may_not_create(address, site.role, site.schema_exists));
    }
    ledger_error(address, site.role, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ledger_of_a_newer_sluice_is_refused_with_both_versions() {
        let error = refuse_newer("sluice", 7, 1).unwrap_err().to_string();
        assert!(error.contains("version 7") && error.contains("up to 1") && error.contains("upgrade"), "{error}");
        assert!(refuse_newer("sluice", 1, 1).is_ok());
    }

    #[test]
    fn the_ledgers_own_scripts_are_numbered_without_gaps() {
        let numbers: Vec<u32> = SCRIPTS.iter().map(|(version, _)| *version).collect();
        assert_eq!(numbers, (1..=newest(SCRIPTS)).collect::<Vec<_>>());
    }

    #[test]
    fn a_lock_row_of_an_earlier_process_with_the_same_id_names_nobody() {
        let row = |acquired_at: &str| LockRow {
            run_id: uuid::Uuid::nil(),
            object: "shop/orders".to_owned(),
            instance: "sluice-0".to_owned(),
            backend_pid: 7,
            backend_start: "2026-01-02T00:00:00+00:00".to_owned(),
            acquired_at: acquired_at.to_owned(),
        };
        let holder = HolderRow {
            pid: 7,
            application: None,
            backend_start: Some("2026-01-02T00:00:00+00:00".to_owned()),
            idle: false,
        };
        assert_eq!(holder.named(Some(&row("2026-01-01T00:00:00+00:00"))).object, None);
        assert_eq!(holder.named(Some(&row("2026-01-02T00:00:01+00:00"))).object.as_deref(), Some("shop/orders"));
    }
}
