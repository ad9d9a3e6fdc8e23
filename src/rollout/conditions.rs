//! The conditions that report a state. A condition that says the same as the last one is equal to it, to the letter.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use crate::api::v1alpha1::{ConditionType, Reason};
use crate::gates::{GateState, Verdict};
use crate::plan::{Judgement, Outcome, Step};

use super::cut::{CONDITION, cut};
use super::measures::{PENDING, second};
use super::messages::summary;
use super::{Job, Observed, State, gating};

/// How a state shows in the three conditions that tools read.
enum Health {
    Ready,
    Working,
    Stalled,
    /// Waiting for a person who asked for it: neither at work nor in trouble.
    Paused,
}

fn health(state: &State) -> Health {
    match state {
        State::UpToDate | State::Settled => Health::Ready,
        State::InvalidSpec(_)
        | State::InvalidSource(_)
        | State::Refused(_)
        | State::Failed(..)
        | State::RehearsalFailed(..)
        | State::Held(_, Judgement::Failed, _)
        | State::RollbackBlocked(_)
        | State::RollbackFailed(..)
        | State::RolledBack(..)
        | State::PolicyViolation(..)
        | State::TooManyFailures(..) => Health::Stalled,
        State::Gated { job, overdue } => {
            if *overdue || gating::worst(&job.verdicts) == GateState::Denied {
                Health::Stalled
            } else {
                Health::Working
            }
        }
        State::Suspended(_)
        | State::PlanOnly(..)
        | State::Held(_, Judgement::Inconclusive | Judgement::Passed | Judgement::Aborted, _) => Health::Paused,
        State::SourceNotReady(_)
        | State::SourceUnavailable(_)
        | State::Unreachable(_)
        | State::Unsuitable(_)
        | State::CoolingDown(_)
        | State::AwaitingTurn(_)
        | State::AwaitingRoom(..)
        | State::GatesDue(_)
        | State::Pending(_)
        | State::RehearsalDue(_)
        | State::Rehearsing(_)
        | State::VerificationDue(_)
        | State::Verifying { .. }
        | State::Running { .. } => Health::Working,
    }
}

pub(super) fn conditions(observed: &Observed, state: &State) -> Vec<Condition> {
    let (reason, message) = summary(observed, state);
    let mut conditions = Vec::with_capacity(6);
    let mut add = |type_: ConditionType, status: &str, reason: Reason, message: &str| {
        conditions.push(condition(observed, type_, status, reason, message));
    };
    let health = health(state);
    add(ConditionType::Ready, if matches!(health, Health::Ready) { "True" } else { "False" }, reason, &message);
    match health {
        Health::Working => add(ConditionType::Reconciling, "True", reason, &message),
        Health::Stalled => add(ConditionType::Stalled, "True", reason, &message),
        Health::Ready | Health::Paused => {}
    }
    let (planned, applied) = details(state);
    if let Some((status, text)) = planned {
        let reason = if status == "True" && reason != Reason::UpToDate { Reason::Planning } else { reason };
        add(ConditionType::Planned, status, reason, text.as_deref().unwrap_or(&message));
    } else if let Some(kept) = kept(observed, ConditionType::Planned).filter(|kept| kept.status == "True") {
        // Why there was no plan may no longer be so, and there is a new reason besides.
        conditions.push(kept);
    }
    if let Some(status) = applied {
        conditions.push(condition(observed, ConditionType::Applied, status, reason, &message));
    } else if let Some(kept) = kept(observed, ConditionType::Applied) {
        conditions.push(kept);
    }
    conditions.extend(verified(observed, state));
    conditions.extend(rollback_ready(observed, state));
    conditions.extend(gates(observed, state));
    if let State::RolledBack(..) = state {
        conditions.push(condition(observed, ConditionType::RolledBack, "True", Reason::RolledBack, &message));
    }
    if observed.desired.as_ref().is_ok_and(|desired| desired.suspended) {
        let text = "spec.suspend is true: the database is left as it is";
        conditions.push(condition(observed, ConditionType::Suspended, "True", Reason::Suspended, text));
    }
    conditions
}

/// A planned status with its own text, and an applied status; `None` where the state says nothing about it.
type Details = (Option<(&'static str, Option<String>)>, Option<&'static str>);

fn details(state: &State) -> Details {
    match state {
        State::InvalidSpec(_) | State::InvalidSource(_) | State::SourceNotReady(_) => (Some(("False", None)), None),
        State::Refused(_) => (Some(("False", None)), Some("False")),
        State::UpToDate => (Some(("True", Some("nothing to do".to_owned()))), Some("True")),
        State::VerificationDue(_) | State::Verifying { .. } | State::Held(..) => {
            (Some(("True", Some("nothing to do".to_owned()))), Some("True"))
        }
        State::RollbackBlocked(_)
        | State::RollbackFailed(..)
        | State::Rehearsing(_)
        | State::PolicyViolation(_, None) => (None, None),
        State::Suspended(Job { plan, .. })
        | State::GatesDue(Job { plan, .. })
        | State::PlanOnly(Job { plan, .. })
        | State::Gated { job: Job { plan, .. }, .. }
        | State::Failed(_, plan)
        | State::CoolingDown(Job { plan, .. })
        | State::AwaitingRoom(Job { plan, .. }, _)
        | State::RehearsalDue(Job { plan, .. })
        | State::RehearsalFailed(_, Job { plan, .. })
        | State::PolicyViolation(_, Some(plan))
        | State::RolledBack(_, plan)
        | State::TooManyFailures(_, plan)
        | State::Pending(Job { plan, .. }) => {
            (Some(("True", Some(format!("to {}", super::messages::work(plan))))), Some("False"))
        }
        State::Running { .. } => (None, Some("False")),
        State::SourceUnavailable(_)
        | State::Unreachable(_)
        | State::Unsuitable(_)
        | State::AwaitingTurn(_)
        | State::Settled => (None, None),
    }
}

/// What was reported before of the present generation. What an earlier one had come to says nothing about this one.
fn kept(observed: &Observed, type_: ConditionType) -> Option<Condition> {
    before(observed, type_).filter(|condition| condition.observed_generation == Some(observed.generation)).cloned()
}

fn before(observed: &Observed, type_: ConditionType) -> Option<&Condition> {
    observed.previous.as_ref()?.conditions.iter().find(|condition| condition.type_ == type_.as_str())
}

/// A condition whose transition time moves only when its status does.
fn condition(observed: &Observed, type_: ConditionType, status: &str, reason: Reason, message: &str) -> Condition {
    let since = before(observed, type_)
        .filter(|before| before.status == status)
        .map_or(Time(second(observed.now)), |before| before.last_transition_time.clone());
    Condition {
        type_: type_.as_str().to_owned(),
        status: status.to_owned(),
        reason: reason.as_str().to_owned(),
        message: message.to_owned(),
        last_transition_time: since,
        observed_generation: Some(observed.generation),
    }
}

/// How what was applied last was judged. Of what is judged no more, the ledger tells.
fn verified(observed: &Observed, state: &State) -> Option<Condition> {
    let say = |status: &str, reason: Reason, text: &str| {
        Some(condition(observed, ConditionType::Verified, status, reason, text))
    };
    if let State::Verifying { .. } | State::VerificationDue(_) = state {
        return say("Unknown", Reason::Verifying, "measuring; status.verification tells what");
    }
    let Some(ledger) = observed.inspection().map(|seen| &seen.ledger) else {
        return kept(observed, ConditionType::Verified);
    };
    let (_, verification) = ledger.judged(&observed.object, &observed.uid)?;
    let text = verification.message.as_deref().unwrap_or_default();
    match verification.judgement {
        None if matches!(state, State::Held(..)) => {
            say("Unknown", Reason::Paused, "it cannot be measured; the condition Ready says why")
        }
        None => say("Unknown", Reason::Verifying, "not judged yet"),
        Some(Judgement::Passed) => say("True", Reason::UpToDate, text),
        Some(Judgement::Failed) => say("False", Reason::CheckFailed, text),
        Some(Judgement::Inconclusive) => say("Unknown", Reason::Paused, text),
        Some(Judgement::Aborted) => say("Unknown", Reason::Aborted, text),
    }
}

/// Whether what is about to be applied, or was applied last, could be taken back.
fn rollback_ready(observed: &Observed, state: &State) -> Option<Condition> {
    let without: Vec<String> = match state {
        State::Suspended(Job { plan, take_back: None, .. })
        | State::PlanOnly(Job { plan, .. })
        | State::Gated { job: Job { plan, .. }, .. }
        | State::Failed(_, plan)
        | State::CoolingDown(Job { plan, take_back: None, .. })
        | State::AwaitingRoom(Job { plan, take_back: None, .. }, _)
        | State::Pending(Job { plan, take_back: None, .. })
        | State::RehearsalDue(Job { plan, .. })
        | State::PolicyViolation(_, Some(plan))
        | State::RolledBack(_, plan)
        | State::TooManyFailures(_, plan) => {
            plan.steps.iter().filter(|step| step.is_one_way()).map(Step::label).collect()
        }
        State::RehearsalFailed(rehearsal, _) => {
            let text = rehearsal.to_string();
            return Some(condition(observed, ConditionType::RollbackReady, "False", Reason::RehearsalFailed, &text));
        }
        State::UpToDate | State::Held(..) | State::VerificationDue(_) => {
            let ledger = &observed.inspection()?.ledger;
            let (version, entry) = ledger.applied().next_back()?;
            entry.down_sql.is_none().then(|| version.to_string()).into_iter().collect()
        }
        State::InvalidSpec(_)
        | State::SourceNotReady(_)
        | State::SourceUnavailable(_)
        | State::InvalidSource(_)
        | State::Unreachable(_)
        | State::Unsuitable(_)
        | State::Refused(_)
        | State::Settled
        | State::AwaitingTurn(_)
        | State::PolicyViolation(_, None)
        | State::GatesDue(_)
        | State::Suspended(_)
        | State::CoolingDown(_)
        | State::AwaitingRoom(..)
        | State::Pending(_)
        | State::Verifying { .. }
        | State::Rehearsing(_)
        | State::RollbackBlocked(_)
        | State::RollbackFailed(..)
        | State::Running { .. } => return kept(observed, ConditionType::RollbackReady),
    };
    let type_ = ConditionType::RollbackReady;
    let lost = if state.plan().is_some() { lost(observed) } else { String::new() };
    Some(if without.is_empty() && proven(observed, state) {
        let text = format!("up, back and up again work on a copy of the schema{lost}");
        condition(observed, type_, "True", Reason::WayBackRehearsed, &text)
    } else if without.is_empty() {
        let text = format!("every migration concerned has a down script{lost}");
        condition(observed, type_, "True", Reason::WayBackPresent, &text)
    } else {
        let text = format!("no way back: {}", without.iter().take(PENDING).cloned().collect::<Vec<_>>().join(", "));
        condition(observed, type_, "False", Reason::WayBackMissing, &text)
    })
}

/// What the plan takes away that its way down would not bring back, as far as that can be told beforehand.
fn lost(observed: &Observed) -> String {
    let estimates = observed.gathered.iter().flat_map(|gathered| gathered.undo.iter());
    let lost: Vec<String> = estimates.filter(|one| one.not_copied.is_some()).map(ToString::to_string).collect();
    if lost.is_empty() {
        return String::new();
    }
    let told = lost.iter().take(PENDING).cloned().collect::<Vec<_>>().join(", ");
    cut(CONDITION, format!("; not everything would come back: {told}"))
}

/// What the gates say, as conditions: of all of them, and of the approvals. Only of a plan that has gates.
fn gates(observed: &Observed, state: &State) -> Vec<Condition> {
    if matches!(state, State::Running { .. } | State::Rehearsing(_)) {
        // What was said of the plan that runs stays until it is over.
        let types = [ConditionType::GatesPassed, ConditionType::Approved];
        return types.into_iter().filter_map(|type_| kept(observed, type_)).collect();
    }
    let verdicts = state.verdicts();
    let say = |type_: ConditionType, verdicts: &[Verdict], shut: Reason, open: Reason, text: String| {
        let status = match gating::worst(verdicts) {
            GateState::Open => return condition(observed, type_, "True", open, "open"),
            GateState::Closed | GateState::Denied => "False",
            GateState::Unknown => "Unknown",
        };
        condition(observed, type_, status, shut, &cut(CONDITION, text))
    };
    let mut conditions = Vec::new();
    if !verdicts.is_empty() {
        let overdue = matches!(state, State::Gated { overdue: true, .. });
        let reason = gating::reason(verdicts, overdue);
        let told = gating::told(verdicts);
        conditions.push(if overdue && told.is_empty() {
            let text = "every gate is open by now, after spec.gates.deadline";
            condition(observed, ConditionType::GatesPassed, "False", reason, text)
        } else {
            say(ConditionType::GatesPassed, verdicts, reason, Reason::GatesOpen, told)
        });
    }
    let approvals: Vec<Verdict> = verdicts.iter().filter(|verdict| verdict.gate == "approvals").cloned().collect();
    if let Some(first) = approvals.first() {
        let reason = gating::reason(&approvals, false);
        conditions.push(say(ConditionType::Approved, &approvals, reason, Reason::Approved, first.message.clone()));
    }
    conditions
}

/// Whether a rehearsal proved the way back: of the plan that is about to run, or of the run that brought what is in effect.
fn proven(observed: &Observed, state: &State) -> bool {
    if let State::Pending(Job { plan, .. })
    | State::AwaitingRoom(Job { plan, .. }, _)
    | State::Gated { job: Job { plan, .. }, .. } = state
    {
        return observed.rehearsal.proves(&plan.digest);
    }
    let Some(ledger) = observed.inspection().map(|seen| &seen.ledger) else { return false };
    let last = ledger.runs_of(&observed.object, &observed.uid).next();
    last.is_some_and(|run| run.rehearsed && run.outcome == Some(Outcome::Succeeded))
}
