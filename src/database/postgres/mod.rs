//! PostgreSQL, 14 and later.
//!
//! One dedicated connection per run holds the migration lock and runs the SQL; a second one is opened only to see who is
//! in the way or to cancel a statement. No pool, no prepared statements.
//!
//! A script sees the session that its role's and its database's settings give it, as in psql, with three differences:
//! the timeouts of the spec, `application_name`, and `TimeZone`, which the driver sets to UTC.

mod alone;
mod connect;
mod failure;
mod handshake;
mod inspect;
mod journal;
mod journaled;
mod judge;
mod ledger;
mod loss;
mod patience;
mod pooler;
mod privileges;
mod probe;
mod query;
mod quote;
mod reader;
mod readings;
mod recognise;
mod record;
mod session;
mod sqlstate;
mod statements;
mod supervise;
mod undo;
mod unit;
#[cfg(test)]
mod upgrade_tests;

use async_trait::async_trait;

use super::{
    Address, Conclusion, Credentials, Database, DatabaseError, Inspection, Loss, Reader, RunIdentity, Session,
    SessionSettings, UndoCopy, UndoEstimate, UndoLimits, UndoRestored,
};
use crate::plan::Step;

use connect::Connector;
use reader::PostgresReader;
use session::PostgresSession;
use statements::Sql;

/// A PostgreSQL database. Holds no connection: each look and each run opens its own.
#[derive(Debug)]
pub struct PostgresDatabase {
    connector: Connector,
    sql: Sql,
}

impl PostgresDatabase {
    /// A database at an address, with the credentials for it.
    #[must_use]
    pub fn new(address: Address, credentials: Credentials) -> Self {
        let sql = Sql::new(&address.ledger_schema);
        Self { connector: Connector { address, credentials }, sql }
    }
}

#[async_trait]
impl Database for PostgresDatabase {
    fn address(&self) -> &Address {
        &self.connector.address
    }

    async fn inspect(&self) -> Result<Inspection, DatabaseError> {
        inspect::inspect(&self.connector, &self.sql).await
    }

    async fn open(&self, run: &RunIdentity, settings: &SessionSettings) -> Result<Box<dyn Session>, DatabaseError> {
        let session = PostgresSession::open(&self.connector, &self.sql, run, settings).await?;
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
}
