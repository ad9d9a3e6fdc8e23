//! Target databases: the [`Database`] trait and one folder per dialect.
//!
//! This room runs SQL and reads ledgers. It must never talk to Kubernetes, decide whether something should run, or let a
//! server's message, a password or a row's content out other than into the database's own ledger.

mod address;
mod connection;
mod engine;
mod error;
mod handle;
mod losses;
pub mod postgres;
mod preflight;
mod progress;
mod read;
mod rehearsal;
mod run;
#[cfg(test)]
pub mod testing;
#[cfg(test)]
mod tests;
mod undo;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::lint::Catalog;
use crate::plan::{Ledger, Outcome, Step};

pub use address::{Address, Credentials, TlsMode};
pub use connection::{ConnectionParts, ConnectionProblem};
pub use engine::run;
pub use error::{DatabaseError, FailureClass, StepFailure};
pub use handle::Handle;
pub use losses::{COUNTED, Loss, RowsAtRisk};
pub use preflight::{
    Archiving, Connections, Extension, Fact, InvalidIndex, Power, PreflightFacts, Prepared, Privilege, SessionFacts,
    Sessions, Slot, SlotWal, Standby, TableFacts, ThereFacts, Vacuum,
};
pub use progress::{Blocker, Progress, ProgressSender, Stage, StopSignal, progress};
pub use read::{
    Activity, CountBy, LedgerFaults, MOST_BYTES, MOST_ROWS, ReadError, Reader, Row, StatementTime, StatementTimes,
    StatementsOf, Timing,
};
pub use rehearsal::{Difference, LockTaken, Rehearsal, RehearsalRequest, RehearsalServer, Stretch, Verdict};
pub use run::{
    Conclusion, Hold, Purpose, RunIdentity, RunReport, RunRequest, RunStart, SessionSettings, StepReport, Verify,
};
pub use undo::{UndoCopy, UndoEstimate, UndoLimits, UndoRestored, UndoState};

/// What is known about the server of a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerFacts {
    /// `15.18`
    pub version: String,
    /// The server's clock.
    pub now: Timestamp,
    /// `None` where it may be written to; else why not and what to do, as a [`DatabaseError::Unsuitable`] says it.
    pub unsuitable: Option<String>,
}

/// Who holds a database's migration lock.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holder {
    /// The server's process id of the session.
    pub pid: i32,
    /// Its `application_name`, may be empty.
    pub application: String,
    /// `namespace/name` of the object whose run it is, where the ledger says so.
    pub object: Option<String>,
    /// The operator instance (pod name), where the ledger says so.
    pub instance: Option<String>,
    /// Since when.
    pub since: Option<Timestamp>,
}

/// What a look at a database saw. Reading only: a look creates nothing, locks nothing, waits for nobody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// The server.
    pub server: ServerFacts,
    /// The ledger; `installed: false` and what else was found where there is none.
    pub ledger: Ledger,
    /// Who holds the migration lock right now.
    pub holder: Option<Holder>,
}

/// The answer to an attempt to take the migration lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LockAttempt {
    /// This session holds it.
    Acquired,
    /// Somebody else does.
    HeldBy(Holder),
}

/// A database that can be migrated.
#[async_trait]
pub trait Database: Send + Sync + std::fmt::Debug {
    /// Where it is, without secrets: also the key by which runs on one database (and ledger) are serialised.
    fn address(&self) -> &Address;

    /// Looks at the server and its ledger over one short-lived connection.
    ///
    /// # Errors
    /// When the server cannot be reached or read. An unsuitable server (standby …) is not an error here: see
    /// [`ServerFacts::unsuitable`].
    async fn inspect(&self) -> Result<Inspection, DatabaseError>;

    /// Likewise, where a run may follow at once: the connection is kept for [`Database::open`], which saves the run a login.
    /// Whoever starts none says [`Database::no_run`].
    ///
    /// # Errors
    /// As for [`Database::inspect`].
    async fn inspect_for_run(&self) -> Result<Inspection, DatabaseError> {
        self.inspect().await
    }

    /// Closes the connection that was kept for a run.
    async fn no_run(&self) {}

    /// Opens the one dedicated session of a run.
    ///
    /// # Errors
    /// When the server cannot be reached, or is one that must not be migrated (standby, read-only, transaction pooler).
    async fn open(&self, run: &RunIdentity, settings: &SessionSettings) -> Result<Box<dyn Session>, DatabaseError>;

    /// Records how a run was judged, over a connection of its own. Recording it again replaces the judgement, until the run is
    /// taken back.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    async fn conclude(&self, conclusion: &Conclusion) -> Result<(), DatabaseError>;

    /// What the ways down among the steps would destroy that was written since their versions were applied; empty when
    /// nothing. Reading only; may take as long as counting rows does, a minute at most.
    ///
    /// # Errors
    /// When the server cannot be asked.
    async fn losses(&self, steps: &[Step]) -> Result<Vec<Loss>, DatabaseError>;

    /// What the steps would copy before they destroy it, and what they could not. Reading only, by estimates.
    ///
    /// # Errors
    /// When the server cannot be asked.
    async fn undo_estimates(&self, steps: &[Step], limits: &UndoLimits) -> Result<Vec<UndoEstimate>, DatabaseError>;

    /// What the ledger has about copies, newest first.
    ///
    /// # Errors
    /// When the server or its ledger cannot be read.
    async fn undo_copies(&self) -> Result<Vec<UndoCopy>, DatabaseError>;

    /// Restores the rows of one copy, in one transaction under the migration lock.
    ///
    /// # Errors
    /// When there is no such copy, a run is under way, or the rows do not fit any more: then nothing was changed.
    async fn undo_restore(&self, id: i64) -> Result<UndoRestored, DatabaseError>;

    /// Opens a session for reading only. Any server that answers will do, one that must not be migrated too.
    ///
    /// # Errors
    /// When the server cannot be reached.
    async fn reader(&self) -> Result<Box<dyn Reader>, DatabaseError>;

    /// What the catalog has about the relations of these names, over a connection of its own.
    ///
    /// # Errors
    /// When the server cannot be asked.
    async fn catalog(&self, names: &[String]) -> Result<Catalog, ReadError> {
        let mut reader = self.reader().await.map_err(ReadError::Unavailable)?;
        let catalog = reader.catalog(names).await;
        reader.close().await;
        catalog
    }

    /// Tries the way up, back and up again on a copy of the schema in a scratch database, which is gone afterwards.
    ///
    /// # Errors
    /// When the server cannot be asked or must not be migrated. Everything else is in the answer: what could not be
    /// rehearsed, what failed, what differs.
    async fn rehearse(&self, request: &RehearsalRequest) -> Result<Rehearsal, DatabaseError>;

    /// Drops the scratch databases on the server whose rehearsal was killed, and gives back their names. Those in use are
    /// left alone, whoever uses them.
    ///
    /// # Errors
    /// When the server cannot be asked.
    async fn sweep_rehearsals(&self) -> Result<Vec<String>, DatabaseError>;
}

/// The database at an address: the one place that knows which dialects there are. Connects to nothing yet.
#[must_use]
pub fn connect(address: Address, credentials: Credentials) -> std::sync::Arc<dyn Database> {
    std::sync::Arc::new(postgres::PostgresDatabase::new(address, credentials))
}

/// The one session of a run. Dropping it without [`Session::close`] closes the connection and with it everything it held.
#[async_trait]
pub trait Session: Send {
    /// Tries to take the migration lock, without waiting. Calling it again while holding it verifies that it is still held.
    ///
    /// # Errors
    /// When the server cannot be asked.
    async fn try_lock(&mut self) -> Result<LockAttempt, DatabaseError>;

    /// Reads the ledger; what was read along with taking the lock or with the end of the run is not read again.
    ///
    /// # Errors
    /// When the server cannot be asked.
    async fn ledger(&mut self) -> Result<Ledger, DatabaseError>;

    /// Creates or upgrades the ledger where that is needed, and records the beginning of a run. Under the lock only, and after
    /// the ledger was read.
    ///
    /// # Errors
    /// When the server refuses, or the ledger was written by a newer Sluice.
    async fn begin_run(&mut self, start: &RunStart) -> Result<(), DatabaseError>;

    /// Carries out steps: all of them in one transaction when the settings say so, else each on its own, and calls
    /// `done` after each that is in effect for good.
    ///
    /// # Errors
    /// The first failure; what was reported as done before stays.
    async fn execute(
        &mut self,
        steps: &[Step],
        progress: &ProgressSender,
        stop: &StopSignal,
        done: &mut (dyn FnMut(StepReport) + Send),
    ) -> Result<(), DatabaseError>;

    /// Records the end of a run and releases the lock. `detail` is the server's full message, for the ledger alone.
    ///
    /// # Errors
    /// When the server cannot be told.
    async fn finish_run(&mut self, outcome: Outcome, failure: Option<&StepFailure>) -> Result<(), DatabaseError>;

    /// Closes the connection and waits until the server knows.
    async fn close(self: Box<Self>);
}
