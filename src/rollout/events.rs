//! Events: one for each transition that a person would want to have been told of.

use crate::api::v1alpha1::{ConditionType, DatabaseMigrationStatus, Reason};

use crate::gates::GateState;

use super::cut::{NOTE, cut};
use super::messages::work;
use super::{State, gating};

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Something needs attention.
    pub warning: bool,
    /// A word of [`Reason`].
    pub reason: Reason,
    /// What Sluice was doing, for the event's `action`: holds the version, so that events of different versions are
    /// never merged.
    pub action: String,
    /// The sentence.
    pub note: String,
}

/// The events of the transition from one report to the next. No transition, no event.
#[must_use]
pub fn events(previous: Option<&DatabaseMigrationStatus>, next: &DatabaseMigrationStatus, state: &State) -> Vec<Event> {
    let Some((reason, message)) = ready(next) else { return Vec::new() };
    let before = previous.and_then(ready);
    let moved = before != Some((reason, message));
    let same_reason = before.is_some_and(|(before, _)| before == reason);
    let event = |warning: bool, action: String| {
        let note = cut(NOTE, message.to_owned());
        vec![Event { warning, reason, action, note }]
    };
    let version = next.applied.as_ref().map_or("none", |applied| applied.version.as_str());
    match state {
        State::Pending(job) => {
            let plan = &job.plan;
            let to = plan.to.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string);
            let back = job.take_back.as_ref();
            let verb = if back.is_some() { "Roll back to" } else { "Apply" };
            let mut begun = event(back.is_some(), format!("{verb} {to}"));
            if let Some(first) = begun.first_mut() {
                let why = back.map(|back| format!(" because {}", back.message)).unwrap_or_default();
                first.note = format!("starting to {}{why}", work(plan));
            }
            begun
        }
        State::UpToDate if !same_reason => event(false, format!("Apply {version}")),
        State::InvalidSpec(_)
        | State::InvalidSource(_)
        | State::Refused(_)
        | State::Failed(..)
        | State::SourceNotReady(_)
        | State::Unsuitable(_)
        | State::RehearsalFailed(..)
        | State::Held(..)
        | State::RollbackBlocked(_)
        | State::RollbackFailed(..)
        | State::RolledBack(..)
        | State::PolicyViolation(..)
        | State::TooManyFailures(..)
        | State::Gated { overdue: true, .. }
            if moved =>
        {
            event(true, format!("Plan from {version}"))
        }
        State::Unreachable(_) | State::SourceUnavailable(_) if !same_reason => event(true, "Connect".to_owned()),
        State::Gated { job, .. } if moved && gating::worst(&job.verdicts) == GateState::Denied => {
            event(true, format!("Plan from {version}"))
        }
        State::Gated { job, .. } if !same_reason => {
            let to = job.plan.to.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string);
            event(false, format!("Wait to apply {to}"))
        }
        State::PlanOnly(..) if moved => event(false, "Plan".to_owned()),
        State::Suspended(_) if !same_reason => event(false, "Suspend".to_owned()),
        State::AwaitingRoom(..) | State::CoolingDown(_) if !same_reason => event(false, "Wait".to_owned()),
        State::RehearsalDue(_) | State::Rehearsing(_) if !same_reason => event(false, "Rehearse".to_owned()),
        State::VerificationDue(_) | State::Verifying { .. } if !same_reason => {
            event(false, format!("Verify {version}"))
        }
        State::Running { .. } if !same_reason => event(false, "Apply".to_owned()),
        State::InvalidSpec(_)
        | State::InvalidSource(_)
        | State::Refused(_)
        | State::Failed(..)
        | State::SourceNotReady(_)
        | State::SourceUnavailable(_)
        | State::Unreachable(_)
        | State::Unsuitable(_)
        | State::Settled
        | State::UpToDate
        | State::GatesDue(_)
        | State::Gated { .. }
        | State::PlanOnly(..)
        | State::Suspended(_)
        | State::CoolingDown(_)
        | State::AwaitingTurn(_)
        | State::AwaitingRoom(..)
        | State::RehearsalDue(_)
        | State::Rehearsing(_)
        | State::RehearsalFailed(..)
        | State::VerificationDue(_)
        | State::Verifying { .. }
        | State::Held(..)
        | State::RollbackBlocked(_)
        | State::RollbackFailed(..)
        | State::RolledBack(..)
        | State::PolicyViolation(..)
        | State::TooManyFailures(..)
        | State::Running { .. } => Vec::new(),
    }
}

/// Reason and message of the summary condition.
fn ready(status: &DatabaseMigrationStatus) -> Option<(Reason, &str)> {
    let condition = status.conditions.iter().find(|condition| condition.type_ == ConditionType::Ready.as_str())?;
    Some((Reason::parse(&condition.reason)?, condition.message.as_str()))
}
