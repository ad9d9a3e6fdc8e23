//! PostgreSQL, 14 and later.
//!
//! One dedicated connection per run holds the migration lock and runs the SQL; a second one is opened only to see who is
//! in the way or to cancel a statement. No pool, no prepared statements.
//!
//! A script sees the session that its role's and its database's settings give it, as in psql, with three differences:
//! the timeouts of the spec, `application_name`, and `TimeZone`, which the driver sets to UTC.

mod alone;
mod catalog;
mod connect;
mod failure;
mod fingerprint;
mod handshake;
mod inspect;
mod journal;
mod journaled;
mod judge;
mod judgements;
mod ledger;
mod lock;
mod loss;
mod patience;
mod pooler;
mod preflight;
mod privileges;
mod probe;
mod query;
mod quote;
mod reader;
mod readings;
mod recognise;
mod record;
mod rehearse;
mod session;
mod settings;
mod sqlstate;
mod statement_times;
mod statements;
mod supervise;
mod together;
mod tokens;
mod undo;
mod unit;
#[cfg(test)]
mod upgrade_tests;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use super::{
    Address, Conclusion, Credentials, Database, DatabaseError, Inspection, Loss, Reader, Rehearsal, RehearsalRequest,
    RunIdentity, Session, SessionSettings, UndoCopy, UndoEstimate, UndoLimits, UndoRestored,
};
use crate::plan::Step;

use connect::Connector;
use inspect::Met;
use reader::PostgresReader;
use session::PostgresSession;
use statements::Sql;

/// For how long a run may begin on what the look before it found. It comes at once or not at all.
const AT_ONCE: Duration = Duration::from_secs(2);

/// A PostgreSQL database. Holds no connection but that of a look which a run is about to follow.
#[derive(Debug)]
pub struct PostgresDatabase {
    connector: Connector,
    sql: Sql,
    kept: Mutex<Option<Met>>,
}

impl PostgresDatabase {
    /// A database at an address, with the credentials for it.
    #[must_use]
    pub fn new(address: Address, credentials: Credentials) -> Self {
        let sql = Sql::new(&address.ledger_schema);
        Self { connector: Connector { address, credentials }, sql, kept: Mutex::default() }
    }

    fn keep(&self, met: Option<Met>) -> Option<Met> {
        // It holds a connection or none, whatever happened.
        std::mem::replace(&mut *self.kept.lock().unwrap_or_else(PoisonError::into_inner), met)
    }
}

#[async_trait]
impl Database for PostgresDatabase {
    fn address(&self) -> &Address {
        &self.connector.address
    }

    async fn inspect(&self) -> Result<Inspection, DatabaseError> {
        let (inspection, met) = inspect::inspect(&self.connector, &self.sql).await?;
        met.link.close().await;
        Ok(inspection)
    }

    async fn inspect_for_run(&self) -> Result<Inspection, DatabaseError> {
        let (inspection, met) = inspect::inspect(&self.connector, &self.sql).await?;
        if let Some(earlier) = self.keep(Some(met)) {
            earlier.link.close().await;
        }
        Ok(inspection)
    }

    async fn no_run(&self) {
        if let Some(met) = self.keep(None) {
            met.link.close().await;
        }
    }

    async fn open(&self, run: &RunIdentity, settings: &SessionSettings) -> Result<Box<dyn Session>, DatabaseError> {
        let mut kept = self.keep(None);
        if let Some(late) = kept.take_if(|met| met.at.elapsed() > AT_ONCE) {
            late.link.close().await;
        }
        let session = PostgresSession::open(&self.connector, &self.sql, run, settings, kept).await?;
        Ok(Box::new(session))
    }

    async fn conclude(&self, conclusion: &Conclusion) -> Result<(), DatabaseError> {
        judge::conclude(&self.connector, &self.sql, conclusion).await
    }

    async fn losses(&self, steps: &[Step]) -> Result<Vec<Loss>, DatabaseError> {
        loss::losses(&self.connector, &self.sql, steps).await
    }

    async fn undo_estimates(&self, steps: &[Step], limits: &UndoLimits) -> Result<Vec<UndoEstimate>, DatabaseError> {
        undo::estimates(&self.connector, steps, limits).await
    }

    async fn undo_copies(&self) -> Result<Vec<UndoCopy>, DatabaseError> {
        undo::copies(&self.connector, &self.sql).await
    }

    async fn undo_restore(&self, id: i64) -> Result<UndoRestored, DatabaseError> {
        undo::restore(&self.connector, &self.sql, id).await
    }

    async fn reader(&self) -> Result<Box<dyn Reader>, DatabaseError> {
        Ok(Box::new(PostgresReader::open(&self.connector, &self.sql).await?))
    }

    async fn rehearse(&self, request: &RehearsalRequest) -> Result<Rehearsal, DatabaseError> {
        rehearse::rehearse(&self.connector, &self.sql, request).await
    }

    async fn sweep_rehearsals(&self) -> Result<Vec<String>, DatabaseError> {
        rehearse::sweep(&self.connector).await
    }
}
