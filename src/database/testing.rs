//! What tests of runs need of a database that is none: a session is opened, and nothing else is there.

use async_trait::async_trait;

use super::{
    Address, Conclusion, Database, DatabaseError, Inspection, Loss, Reader, Rehearsal, RehearsalRequest, RunIdentity,
    Session, SessionSettings, UndoCopy, UndoEstimate, UndoLimits, UndoRestored,
};
use crate::plan::Step;

/// How a session is opened.
#[async_trait]
pub trait Opens: std::fmt::Debug + Send + Sync {
    /// Opens one on the database at that address.
    async fn open(&self, address: &Address) -> Result<Box<dyn Session>, DatabaseError>;
}

/// A database on which sessions can be opened, and that knows nothing.
#[derive(Debug)]
pub struct Double<T> {
    /// Where it is said to be.
    pub address: Address,
    /// How its sessions are opened.
    pub sessions: T,
}

/// The address of the database of that name.
pub fn address(database: &str) -> Address {
    Address { host: "db".to_owned(), port: 5432, database: database.to_owned(), ledger_schema: "sluice".to_owned() }
}

#[async_trait]
impl<T: Opens> Database for Double<T> {
    fn address(&self) -> &Address {
        &self.address
    }

    async fn inspect(&self) -> Result<Inspection, DatabaseError> {
        Err(DatabaseError::Unreachable("nobody looks".to_owned()))
    }

    async fn open(&self, _: &RunIdentity, _: &SessionSettings) -> Result<Box<dyn Session>, DatabaseError> {
        self.sessions.open(&self.address).await
    }

    async fn conclude(&self, _: &Conclusion) -> Result<(), DatabaseError> {
        Ok(())
    }

    async fn losses(&self, _: &[Step]) -> Result<Vec<Loss>, DatabaseError> {
        Ok(Vec::new())
    }

    async fn undo_estimates(&self, _: &[Step], _: &UndoLimits) -> Result<Vec<UndoEstimate>, DatabaseError> {
        Ok(Vec::new())
    }

    async fn undo_copies(&self) -> Result<Vec<UndoCopy>, DatabaseError> {
        Ok(Vec::new())
    }

    async fn undo_restore(&self, _: i64) -> Result<UndoRestored, DatabaseError> {
        Ok(UndoRestored::default())
    }

    async fn reader(&self) -> Result<Box<dyn Reader>, DatabaseError> {
        Err(DatabaseError::Unreachable("nobody reads".to_owned()))
    }

    async fn rehearse(&self, _: &RehearsalRequest) -> Result<Rehearsal, DatabaseError> {
        Ok(Rehearsal::obstructed("nobody rehearses"))
    }

    async fn sweep_rehearsals(&self) -> Result<Vec<String>, DatabaseError> {
        Ok(Vec::new())
    }
}
