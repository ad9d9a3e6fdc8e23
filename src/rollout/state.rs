//! What the observation means: one state, found by asking the questions in a fixed order.

use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use crate::database::{DatabaseError, Progress, Rehearsal, Verdict};
use crate::gates::{self, GateState};
use crate::migration::MigrationSet;
use crate::plan::{self, Judgement, Ledger, Outcome, Plan, Refusal, Rollback, RunSummary, TakeBack};

use super::aftermath::{aftermath, poisoned, too_many_failures};
use super::due::Aftermath;
use super::{Closed, Desired, DueVerification, Look, Observed, Rehearsed, Room, Source, Task, Verifying, gating};

/// Something to do: a plan, which run it takes back where it is a rollback, and what its gates say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// The plan.
    pub plan: Plan,
    /// Set where it is a rollback.
    pub take_back: Option<TakeBack>,
    /// What each gate says, judged once in a pass; empty for a rollback, which waits for none, and where there are none.
    pub verdicts: Vec<gates::Verdict>,
}

/// Where an object stands.
#[derive(Debug, Clone)]
pub enum State {
    /// The spec cannot be used.
    InvalidSpec(String),
    /// A policy cannot be used, or asks for what the object does not have; with the plan that waits for it, where one could be made.
    PolicyViolation(String, Option<Plan>),
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
    /// There is something to do; what its gates look at has not been gathered yet in this pass.
    GatesDue(Job),
    /// There is something to do, and the spec only asks to see it.
    PlanOnly(Job),
    /// There is something to do, and not every gate is open.
    Gated {
        /// What waits.
        job: Job,
        /// It has been waiting for longer than it may.
        overdue: bool,
    },
    /// There is something to do, and the spec says to wait.
    Suspended(Job),
    /// This very plan was tried and failed: nothing happens before something changes.
    Failed(RunSummary, Plan),
    /// The last run ended early for a reason that passes; the next one starts after the cooldown.
    CoolingDown(Job),
    /// There is probably something to do; that is looked at when there is room to do it.
    AwaitingTurn(Room),
    /// There is something to do and no room to do it.
    AwaitingRoom(Job, Room),
    /// There is something to do, now.
    Pending(Job),
    /// A plan is to be rehearsed before it runs.
    RehearsalDue(Job),
    /// A plan is being rehearsed.
    Rehearsing(String),
    /// A rehearsal did not prove what it had to.
    RehearsalFailed(Arc<Rehearsal>, Job),
    /// A run is to be judged, and nobody is at it yet.
    VerificationDue(Box<DueVerification>),
    /// A run is being judged.
    Verifying {
        /// Where it is.
        verifying: Verifying,
        /// It should end early.
        stop: bool,
    },
    /// A run was judged, and a person has to say what follows.
    Held(RunSummary, Judgement, String),
    /// A rollback must not begin: why, and the cure.
    RollbackBlocked(String),
    /// A rollback failed: the attempt, and what it was to take back.
    RollbackFailed(RunSummary, TakeBack),
    /// This very plan was carried out and taken back: it is not tried again before something changes.
    RolledBack(Rollback, Plan),
    /// So many runs failed or were taken back within an hour.
    TooManyFailures(usize, Plan),
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
        /// It takes another run back.
        rollback: bool,
        /// It should end early.
        stop: bool,
        /// It should end early and not begin again by itself.
        abort: bool,
    },
}

impl State {
    /// The one state that the observation means.
    #[must_use]
    pub fn of(observed: &Observed) -> Self {
        // A run that is under way comes first: whatever else changed, it ends before anything new begins.
        if let Task::Running { run, since, generation, progress, purpose, rollback, stopping, abort_token } =
            &observed.task
        {
            let suspended = observed.desired.as_ref().is_ok_and(|desired| desired.suspended);
            let abort = observed.requests.abort.is_some() && observed.requests.abort != *abort_token;
            return Self::Running {
                run: *run,
                since: *since,
                generation: *generation,
                progress: progress.clone(),
                purpose: purpose.clone(),
                rollback: *rollback,
                stop: *stopping || suspended || abort,
                abort,
            };
        }
        if let Some(verifying) = &observed.verifying {
            let stop = observed.requests.end_window(&verifying.ignored);
            return Self::Verifying { verifying: verifying.clone(), stop };
        }
        if let Rehearsed::UnderWay(purpose) = &observed.rehearsal {
            return Self::Rehearsing(purpose.clone());
        }
        match &observed.platform.closed {
            Some(Closed::Refused(why)) => return Self::PolicyViolation(why.clone(), None),
            Some(Closed::Unread(why)) => return Self::SourceUnavailable(why.clone()),
            None => {}
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
            Look::Unavailable(message) => Self::SourceUnavailable(message.clone()),
            Look::Failed(error) | Look::FailedBefore { error, .. } => match error {
                DatabaseError::Unsuitable(message) | DatabaseError::Ledger(message) => {
                    Self::Unsuitable(message.clone())
                }
                error => Self::Unreachable(error.to_string()),
            },
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
        let ledger = &seen.ledger;
        match aftermath(observed, desired, set, ledger) {
            Aftermath::Nothing => {}
            Aftermath::Verify(due) => return Self::VerificationDue(due),
            Aftermath::TakeBack(plan, take_back) => {
                return Self::of_job(
                    observed,
                    desired,
                    Job { plan: *plan, take_back: Some(take_back), verdicts: Vec::new() },
                );
            }
            Aftermath::Held(run, judgement, message) => return Self::Held(*run, judgement, message),
            Aftermath::RollbackFailed(attempt, take_back) => return Self::RollbackFailed(*attempt, take_back),
            Aftermath::RollbackBlocked(message) => return Self::RollbackBlocked(message),
        }
        let plan = match plan::make(set, ledger, &desired.target, &desired.policy) {
            Ok(plan) => plan,
            Err(refusal) => return Self::Refused(refusal),
        };
        if plan.is_empty() {
            return Self::UpToDate;
        }
        let Some(gathered) = &observed.gathered else {
            return Self::GatesDue(Job { plan, take_back: None, verdicts: Vec::new() });
        };
        let verdicts = gating::verdicts(observed, desired, gathered, &plan);
        let job = Job { plan, take_back: None, verdicts };
        if desired.suspended {
            return Self::Suspended(job);
        }
        if !observed.platform.violations.is_empty() && !desired.plan_only {
            return Self::PolicyViolation(observed.platform.violations.join("; "), Some(job.plan));
        }
        if let Some(rollback) = poisoned(observed, ledger, &job.plan) {
            return Self::RolledBack(rollback.clone(), job.plan);
        }
        if let Some(run) = failed_before(observed, set, ledger) {
            return Self::Failed(run.clone(), job.plan);
        }
        if let Some(number) = too_many_failures(observed, desired, ledger) {
            return Self::TooManyFailures(number, job.plan);
        }
        if desired.plan_only {
            return Self::PlanOnly(job);
        }
        let worst = gating::worst(&job.verdicts);
        let shut = worst != GateState::Open || gating::given_up(observed);
        let overdue = shut && gating::overdue(observed, desired, &job.plan);
        if worst == GateState::Denied || overdue {
            return Self::Gated { job, overdue };
        }
        // People who are asked to approve see what the rehearsal said.
        match rehearsal(observed, desired, ledger, &job.plan) {
            Gate::Open if worst != GateState::Open => Self::Gated { job, overdue },
            Gate::Open => Self::of_job(observed, desired, job),
            Gate::Due if observed.cooldown.is_zero() => Self::RehearsalDue(job),
            Gate::Due => Self::CoolingDown(job),
            Gate::Unknown(error) => Self::Unreachable(error.to_string()),
            Gate::Closed(rehearsal) => Self::RehearsalFailed(rehearsal, job),
        }
    }

    /// What there is to do, where that can still begin in this way.
    #[must_use]
    pub fn job(&self) -> Option<&Job> {
        match self {
            Self::GatesDue(job)
            | Self::PlanOnly(job)
            | Self::Gated { job, .. }
            | Self::Suspended(job)
            | Self::CoolingDown(job)
            | Self::AwaitingRoom(job, _)
            | Self::Pending(job)
            | Self::RehearsalDue(job)
            | Self::RehearsalFailed(_, job) => Some(job),
            Self::InvalidSpec(_)
            | Self::PolicyViolation(..)
            | Self::SourceNotReady(_)
            | Self::SourceUnavailable(_)
            | Self::InvalidSource(_)
            | Self::Unreachable(_)
            | Self::Unsuitable(_)
            | Self::Refused(_)
            | Self::Settled
            | Self::UpToDate
            | Self::Failed(..)
            | Self::AwaitingTurn(_)
            | Self::Rehearsing(_)
            | Self::VerificationDue(_)
            | Self::Verifying { .. }
            | Self::Held(..)
            | Self::RollbackBlocked(_)
            | Self::RollbackFailed(..)
            | Self::RolledBack(..)
            | Self::TooManyFailures(..)
            | Self::Running { .. } => None,
        }
    }

    /// The plan that is there and does not run: that of the job, or one that is not tried.
    #[must_use]
    pub fn plan(&self) -> Option<&Plan> {
        if let Self::Failed(_, plan)
        | Self::RolledBack(_, plan)
        | Self::TooManyFailures(_, plan)
        | Self::PolicyViolation(_, Some(plan)) = self
        {
            return Some(plan);
        }
        self.job().map(|job| &job.plan)
    }

    /// What the gates say of the job; empty where there is none, or none that has gates.
    #[must_use]
    pub fn verdicts(&self) -> &[gates::Verdict] {
        self.job().map_or(&[], |job| job.verdicts.as_slice())
    }

    /// Something to do, and whether now.
    fn of_job(observed: &Observed, desired: &Desired, job: Job) -> Self {
        if desired.suspended {
            return Self::Suspended(job);
        }
        if !observed.cooldown.is_zero() {
            return Self::CoolingDown(job);
        }
        match &observed.room {
            Room::Free => Self::Pending(job),
            Room::Taken { .. } | Room::Full { .. } | Room::Closing => Self::AwaitingRoom(job, observed.room.clone()),
        }
    }
}

/// Whether the rehearsal lets a plan through.
enum Gate {
    Open,
    Due,
    Unknown(DatabaseError),
    Closed(Arc<Rehearsal>),
}

fn rehearsal(observed: &Observed, desired: &Desired, ledger: &Ledger, plan: &Plan) -> Gate {
    let applies = plan.steps.iter().any(|step| matches!(step.action, plan::Action::Apply { .. }));
    // A copy of a database with half a migration in it has that half too: nothing can be learnt from it.
    let torn = ledger.entries.iter().any(|entry| !entry.in_effect() && !entry.journal.is_empty());
    if desired.rehearsal.is_none() || !applies || torn {
        return Gate::Open;
    }
    let result = match &observed.rehearsal {
        Rehearsed::Over { plan: rehearsed, retry_token, result }
            if *rehearsed == plan.digest && !observed.tries_again(retry_token.as_ref()) =>
        {
            result
        }
        Rehearsed::No | Rehearsed::UnderWay(_) | Rehearsed::Over { .. } => return Gate::Due,
    };
    match result {
        Err(error) => Gate::Unknown(error.clone()),
        Ok(rehearsal) => match rehearsal.verdict() {
            Verdict::Proven => Gate::Open,
            Verdict::Unproven if !desired.rollback.require_rehearsal => Gate::Open,
            Verdict::Unproven | Verdict::Disproved => Gate::Closed(Arc::clone(rehearsal)),
        },
    }
}

/// The object's last run, when it failed for good at just what would be tried now. The ledger remembers, so that neither a
/// restart nor a wiped status repeats a failure; a new generation, new scripts or a new retry token do.
fn failed_before<'a>(observed: &Observed, set: &MigrationSet, ledger: &'a Ledger) -> Option<&'a RunSummary> {
    let run = ledger.last_run(&observed.uid)?;
    let final_outcome = match run.outcome {
        Some(
            Outcome::Failed | Outcome::NeedsOperator | Outcome::DeadlineExceeded | Outcome::Blocked | Outcome::Aborted,
        ) => true,
        Some(Outcome::Succeeded | Outcome::Interrupted) | None => false,
    };
    let same = run.generation == observed.generation
        && !observed.tries_again(run.retry_token.as_ref())
        && run.set_digest == set.digest;
    (final_outcome && same).then_some(run)
}
