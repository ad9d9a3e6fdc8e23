//! Copies as people ask for them: all of them, and one to be restored.

use jiff::Timestamp;
use serde::Deserialize;

use crate::database::{DatabaseError, UndoCopy, UndoRestored, UndoState};
use crate::plan::Direction;

use super::super::connect::{Connector, Link};
use super::super::failure::{SqlError, lost, name};
use super::super::ledger::timestamp;
use super::super::statements::Sql;
use super::super::supervise::Ended;
use super::FORMATS;
use super::hand::Hand;
use super::kept::Kept;
use super::statements::{all, by_id, restored};

#[derive(Deserialize)]
struct Raw {
    id: i64,
    label: String,
    direction: Direction,
    file: String,
    line: u32,
    object: String,
    table: Option<String>,
    rows: Option<u64>,
    bytes: Option<u64>,
    created_at: String,
    expires_at: String,
    restored: bool,
    dropped: bool,
    note: String,
    restore_sql: Option<String>,
}

/// What the ledger has about copies, newest first.
pub(in super::super) async fn copies(connector: &Connector, sql: &Sql) -> Result<Vec<UndoCopy>, DatabaseError> {
    let mut link = connector.connect("sluice/undo", "").await?;
    let raw: Result<Vec<Raw>, SqlError> = link.look(&all(&sql.schema)).await;
    let raw = raw.map_err(|error| unreadable(&link, connector, &error))?;
    link.close().await;
    raw.into_iter().map(|raw| raw.read().map_err(DatabaseError::Ledger)).collect()
}

impl Raw {
    fn read(self) -> Result<UndoCopy, String> {
        let time = |text: &str| -> Result<Timestamp, String> { timestamp(text) };
        Ok(UndoCopy {
            state: match (&self.table, self.dropped, self.restored) {
                (None, _, _) => UndoState::NotCopied,
                (Some(_), true, _) => UndoState::Dropped,
                (Some(_), false, true) => UndoState::Restored,
                (Some(_), false, false) => UndoState::Kept,
            },
            created_at: time(&self.created_at)?,
            expires_at: time(&self.expires_at)?,
            id: self.id,
            label: self.label,
            direction: self.direction,
            file: self.file,
            line: self.line,
            object: self.object,
            table: self.table,
            rows: self.rows,
            bytes: self.bytes,
            note: (!self.note.is_empty()).then_some(self.note),
            restore_sql: self.restore_sql,
        })
    }
}

/// Restores one copy, in one transaction under the migration lock.
pub(in super::super) async fn restore(
    connector: &Connector,
    sql: &Sql,
    id: i64,
) -> Result<UndoRestored, DatabaseError> {
    let mut link = connector.connect("sluice/undo", "").await?;
    let result = restoring(&mut link, connector, sql, id).await;
    // Where it failed the end of the connection ends its transaction.
    link.close().await;
    result
}

async fn restoring(link: &mut Link, connector: &Connector, sql: &Sql, id: i64) -> Result<UndoRestored, DatabaseError> {
    let begin = format!(
        "begin; set local lock_timeout = '2s'; set local search_path = pg_catalog, pg_temp; {FORMATS}
        select pg_catalog.json_build_object('locked', pg_catalog.pg_try_advisory_xact_lock({}))::text; {}",
        sql.key,
        by_id(&sql.schema, id)
    );
    #[derive(Deserialize)]
    struct Lock {
        locked: bool,
    }
    let (lock, kept): (Lock, Vec<Kept>) =
        link.two(&begin).await.map_err(|error| unreadable(link, connector, &error))?;
    if !lock.locked {
        return Err(DatabaseError::LockLost(None));
    }
    let Some(kept) = kept.into_iter().next() else {
        return Err(DatabaseError::Ledger(format!("there is no undo copy {id}; `sluice undo list` shows them")));
    };
    let not_restored = |why: &str| DatabaseError::Ledger(format!("{}: not restored, {why}", kept.object));
    if kept.restored {
        return Err(not_restored("that was done already"));
    }
    if kept.dropped {
        return Err(not_restored("the copy expired and was dropped"));
    }
    let done = match (Hand { link: &mut *link, under: None }).put_back(&kept).await {
        Ok(Ok(done)) => done,
        Ok(Err(why)) => return Err(not_restored(&why)),
        Err(Ended::Failed(SqlError::Server(error))) => return Err(not_restored(&name(&error.code))),
        Err(Ended::Failed(SqlError::Lost(why))) => return Err(lost(&link.address, &why)),
        Err(Ended::Done(_) | Ended::Cancelled(_)) => return Err(not_restored("it was cancelled")),
    };
    let end = format!("{} commit", restored(&sql.schema, id, "null", done.rows, done.left));
    link.run(&end).await.map_err(|error| unreadable(link, connector, &error))?;
    Ok(done)
}

fn unreadable(link: &Link, connector: &Connector, error: &SqlError) -> DatabaseError {
    if error.code() == Some("42P01") {
        return DatabaseError::Ledger(format!(
            "there is no ledger in schema \"{}\" of {}",
            link.address.ledger_schema, link.address
        ));
    }
    link.ledger_error(&connector.credentials.user, error)
}
