//! What to do about the state: one action, and when to look again.

use std::time::Duration;

use crate::api::v1alpha1::ConditionType;
use crate::database::Stage;
use crate::gates::GateState;
use crate::plan::Plan;

use super::{DueVerification, Job, Observed, Room, State, backoff, gating};

/// How often a run's progress is written into the status at most …
const PROGRESS_EVERY: Duration = Duration::from_secs(2);
/// … and while it waits for somebody, where only ages change: who it waits for is told at once.
const WAITING_EVERY: Duration = Duration::from_secs(15);
/// How often the counts of a verification are written; a change of what a check says is told at once.
const VERIFYING_EVERY: Duration = Duration::from_secs(15);
/// How long a new object may wait its turn before that is said.
pub(super) const PATIENCE: Duration = Duration::from_secs(3);
/// How soon something that has a watch of its own is looked at again without one: watches can break.
const SAFETY_NET: Duration = Duration::from_secs(60);
/// How soon a database is asked again whether it lets a plan pass: nothing wakes whoever waits for that alone.
const ASK_AGAIN: Duration = Duration::from_secs(10);

/// The one thing that a pass does.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Nothing.
    Wait,
    /// Start a run of this plan in the background.
    Start(Job),
    /// Rehearse this plan in the background.
    Rehearse(Plan),
    /// Judge a run in the background.
    Verify(Box<DueVerification>),
    /// End the window early.
    EndVerification,
    /// Wait in the queue for room.
    Queue,
    /// Tell the run to end at the next safe place.
    Stop {
        /// And not to begin again by itself.
        abort: bool,
    },
}

/// What is decided.
#[derive(Debug, Clone)]
pub struct Decision {
    /// What the observation means.
    pub state: State,
    /// What to do.
    pub action: Action,
    /// When to look again; `None`: when something changes.
    pub requeue: Option<Duration>,
    /// Whether this pass counts as a try that is to be repeated (the next one waits longer).
    pub retrying: bool,
    /// Whether the state is to be reported now. A new object that waits its turn for a moment is not worth two writes.
    pub tell: bool,
    /// Whether the database need not be looked at again before something changes or a resync is due.
    pub settles: bool,
}

/// Decides.
#[must_use]
pub fn decide(observed: &Observed) -> Decision {
    let state = State::of(observed);
    let again = backoff(observed.attempts, observed.jitter);
    let resync = observed.resync.mul_f64(0.8 + 0.4 * observed.jitter.clamp(0.0, 1.0));
    let (action, requeue, retrying, settles) = match &state {
        State::InvalidSpec(_) => (Action::Wait, None, false, false),
        State::InvalidSource(_) => (Action::Wait, Some(resync), false, false),
        State::SourceNotReady(_) => (Action::Wait, Some(SAFETY_NET), false, false),
        State::SourceUnavailable(_) | State::Unreachable(_) | State::Unsuitable(_) => {
            let due_in = observed.database.due_in();
            (Action::Wait, Some(due_in.unwrap_or(again)), due_in.is_none(), false)
        }
        State::Refused(_)
        | State::UpToDate
        | State::Suspended(_)
        | State::Failed(..)
        | State::RehearsalFailed(..)
        | State::Held(..)
        | State::RollbackBlocked(_)
        | State::RollbackFailed(..)
        | State::RolledBack(..)
        | State::PolicyViolation(..)
        | State::TooManyFailures(..) => (Action::Wait, Some(resync), false, true),
        State::Settled => (Action::Wait, Some(observed.database.due_in().unwrap_or(resync)), false, true),
        // Whoever observes gathers and asks again; should that have been impossible, a later pass does.
        State::GatesDue(_) => (Action::Wait, Some(again), true, false),
        // What its gates look at changes without a change of what a look is for.
        State::PlanOnly(job) => (Action::Wait, Some(no_later(observed, job, resync)), false, job.verdicts.is_empty()),
        State::Gated { job, overdue } => {
            let stays = *overdue || gating::worst(&job.verdicts) == GateState::Denied;
            let every = match (stays, gating::only_asked(&job.verdicts)) {
                (true, _) => resync,
                (false, true) => ASK_AGAIN,
                (false, false) => SAFETY_NET,
            };
            (Action::Wait, Some(no_later(observed, job, every)), false, false)
        }
        State::CoolingDown(_) => (Action::Wait, Some(observed.cooldown), false, false),
        State::AwaitingTurn(_) => (Action::Queue, Some(PATIENCE), false, false),
        State::AwaitingRoom(..) => {
            (Action::Queue, Some(if tell(observed, &state) { SAFETY_NET } else { PATIENCE }), false, false)
        }
        State::Pending(job) => (Action::Start(job.clone()), Some(PROGRESS_EVERY), false, false),
        State::RehearsalDue(job) => (Action::Rehearse(job.plan.clone()), Some(VERIFYING_EVERY), false, false),
        State::Rehearsing(_) => (Action::Wait, Some(VERIFYING_EVERY), false, false),
        State::VerificationDue(due) => (Action::Verify(due.clone()), Some(PROGRESS_EVERY), false, false),
        State::Verifying { stop, .. } => {
            (if *stop { Action::EndVerification } else { Action::Wait }, Some(VERIFYING_EVERY), false, false)
        }
        State::Running { stop, abort, progress, .. } => {
            let every = match progress.stage {
                Stage::Connecting | Stage::Applying | Stage::Finished => PROGRESS_EVERY,
                Stage::AwaitingLock | Stage::RetryingLock | Stage::Resolving => WAITING_EVERY,
            };
            (if *stop { Action::Stop { abort: *abort } } else { Action::Wait }, Some(every), false, false)
        }
    };
    Decision { tell: tell(observed, &state), state, action, requeue, retrying, settles }
}

/// After that time, or as soon as a gate changes by itself.
fn no_later(observed: &Observed, job: &Job, every: Duration) -> Duration {
    let Ok(desired) = &observed.desired else { return every };
    gating::changes_in(observed, desired, job).map_or(every, |by_itself| by_itself.min(every))
}

fn tell(observed: &Observed, state: &State) -> bool {
    let claims_ready = observed.previous.as_ref().is_some_and(|status| {
        status
            .conditions
            .iter()
            .any(|condition| condition.type_ == ConditionType::Ready.as_str() && condition.status == "True")
    });
    let full = matches!(state, State::AwaitingRoom(_, Room::Full { .. }) | State::AwaitingTurn(_));
    let moment = full && observed.waiting_for < PATIENCE;
    claims_ready || !moment
}
