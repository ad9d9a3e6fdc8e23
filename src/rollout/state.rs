//! What the observation means: one state, found by asking the questions in a fixed order.

use jiff::Timestamp;
use uuid::Uuid;

use crate::database::{DatabaseError, Progress};
use crate::migration::MigrationSet;
use crate::plan::{self, Ledger, Outcome, Plan, Refusal, RunSummary};

use super::{Desired, Look, Observed, Room, Source, Task};

/// Where an object stands.
#[derive(Debug, Clone)]
pub enum State {
    /// The spec cannot be used.
    InvalidSpec(String),
    /// A Secret, a ConfigMap or a key is not there.
    SourceNotReady(String),
    /// The API server did not give the scripts; tried again.
    SourceUnavailable(String),
    /// The scripts are wrong.
    InvalidSource(String),
    /// The database does not answer or does not let us in; tried again for ever.
    Unreachable(String),
    /// The server must not be migrated as it is; looked at again.
    Unsuitable(String),
    /// There is no plan, and why.
    Refused(Refusal),
    /// Not looked at: as it was reported before.
    Settled,
    /// The database is where it should be.
    UpToDate,
    /// There is something to do, and the spec says to wait.
    Suspended(Plan),
    /// This very plan was tried and failed: nothing happens before something changes.
    Failed(RunSummary, Plan),
    /// The last run ended early for a reason that passes; the next one starts after the cooldown.
    CoolingDown(Plan),
    /// There is probably something to do; that is looked at when there is room to do it.
    AwaitingTurn(Room),
    /// There is something to do and no room to do it.
    AwaitingRoom(Plan, Room),
    /// There is something to do, now.
    Pending(Plan),
    /// A run is under way.
    Running {
        /// Its id.
        run: Uuid,
        /// Since when.
        since: Timestamp,
        /// For which generation.
        generation: i64,
        /// Where it is.
        progress: Progress,
        /// What it was started for.
        purpose: String,
        /// It should end early.
        stop: bool,
    },
}

impl State {
    /// The one state that the observation means.
    #[must_use]
    pub fn of(observed: &Observed) -> Self {
        // A run that is under way comes first: whatever else changed, it ends before anything new begins.
        if let Task::Running { run, since, generation, progress, purpose, stopping } = &observed.task {
            let suspended = observed.desired.as_ref().is_ok_and(|desired| desired.suspended);
            return Self::Running {
                run: *run,
                since: *since,
                generation: *generation,
                progress: progress.clone(),
                purpose: purpose.clone(),
                stop: *stopping || suspended,
            };
        }
        let desired = match &observed.desired {
            Ok(desired) => desired,
            Err(invalid) => return Self::InvalidSpec(invalid.to_string()),
        };
        match &observed.source {
            Source::NotRead => Self::SourceUnavailable("the scripts were not read".to_owned()),
            Source::NotReady(message) => Self::SourceNotReady(message.clone()),
            Source::Unavailable(message) => Self::SourceUnavailable(message.clone()),
            Source::Invalid(message) => Self::InvalidSource(message.clone()),
            Source::Read(set) => Self::of_database(observed, desired, set),
        }
    }

    fn of_database(observed: &Observed, desired: &Desired, set: &MigrationSet) -> Self {
        match &observed.database {
            Look::None => Self::Unreachable("the database was not looked at".to_owned()),
            Look::NotDue { .. } => Self::Settled,
            Look::Later => Self::AwaitingTurn(observed.room.clone()),
            Look::NotReady(message) => Self::SourceNotReady(message.clone()),
            Look::Failed(DatabaseError::Unsuitable(message) | DatabaseError::Ledger(message)) => {
                Self::Unsuitable(message.clone())
            }
            Look::Failed(error) => Self::Unreachable(error.to_string()),
            Look::Seen(inspection) => Self::of_ledger(observed, desired, set, inspection),
        }
    }

    fn of_ledger(
        observed: &Observed,
        desired: &Desired,
        set: &MigrationSet,
        seen: &crate::database::Inspection,
    ) -> Self {
        if let Some(why) = &seen.server.unsuitable {
            return Self::Unsuitable(why.clone());
        }
        let plan = match plan::make(set, &seen.ledger, &desired.target, &desired.policy) {
            Ok(plan) => plan,
            Err(refusal) => return Self::Refused(refusal),
        };
        if plan.is_empty() {
            return Self::UpToDate;
        }
        if desired.suspended {
            return Self::Suspended(plan);
        }
        if let Some(run) = failed_before(observed, set, &seen.ledger) {
            return Self::Failed(run.clone(), plan);
        }
        if !observed.cooldown.is_zero() {
            return Self::CoolingDown(plan);
        }
        match &observed.room {
            Room::Free => Self::Pending(plan),
            Room::Taken { .. } | Room::Full { .. } | Room::Closing => Self::AwaitingRoom(plan, observed.room.clone()),
        }
    }
}

/// The object's last run, when it failed for good at just what would be tried now. The ledger remembers, so that neither a
/// restart nor a wiped status repeats a failure; a new generation, new scripts or a new retry token do.
fn failed_before<'a>(observed: &Observed, set: &MigrationSet, ledger: &'a Ledger) -> Option<&'a RunSummary> {
    let run = ledger.last_run(&observed.uid)?;
    let final_outcome = match run.outcome {
        Some(Outcome::Failed | Outcome::NeedsOperator | Outcome::DeadlineExceeded) => true,
        Some(Outcome::Succeeded | Outcome::Interrupted) | None => false,
    };
    let same = run.generation == observed.generation
        && run.retry_token == observed.retry_token
        && run.set_digest == set.digest;
    (final_outcome && same).then_some(run)
}
