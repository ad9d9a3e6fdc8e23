//! The course of a run, the same for every dialect: open, lock, re-read the ledger under the lock, execute, record.

use std::sync::Arc;
use std::time::Duration;

use crate::migration::MigrationSet;
use crate::plan::{Ledger, Plan, Policy, Target};

use super::{Database, DatabaseError, ProgressSender, RunIdentity, SessionSettings, StepReport, StopSignal};

/// One run.
#[derive(Debug, Clone)]
pub struct RunRequest {
    /// Who asks.
    pub identity: RunIdentity,
    /// The plan that was decided on. Under the lock it is made again; when its digest differs nothing runs.
    pub plan: Arc<Plan>,
    /// What the plan is made from.
    pub set: Arc<MigrationSet>,
    /// Likewise.
    pub target: Target,
    /// Likewise.
    pub policy: Policy,
    /// How the session behaves.
    pub settings: SessionSettings,
    /// The whole run, from its first statement on; waiting for another run's migration lock does not count.
    pub deadline: Duration,
}

/// How a run ended.
#[derive(Debug, Clone)]
pub struct RunReport {
    /// Steps in effect for good, in order.
    pub done: Vec<StepReport>,
    /// `Ok` when the plan is in effect; the ledger as it is then comes with it, so that nobody has to connect again.
    /// A plan that was found done (or different) under the lock is `Ok` with an empty `done`: look again.
    pub result: Result<Ledger, DatabaseError>,
    /// Waited for the migration lock.
    pub waited: Duration,
    /// Tries that ended in a lock timeout.
    pub lock_retries: u32,
    /// The most sessions seen in the way at once.
    pub blocked_by: usize,
}

impl RunReport {
    /// The report of a run that ended without giving one.
    #[must_use]
    pub fn aborted(error: DatabaseError) -> Self {
        Self { done: Vec::new(), result: Err(error), waited: Duration::ZERO, lock_retries: 0, blocked_by: 0 }
    }
}

/// Carries out one run.
pub async fn run(
    _database: &dyn Database,
    _request: &RunRequest,
    _progress: &ProgressSender,
    _stop: &StopSignal,
) -> RunReport {
    unimplemented!("written by the database room")
}
