//! The status that reports a state. A report that says the same as the last one is equal to it, to the letter.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use crate::api::v1alpha1::{
    AppliedStatus, BlockerStatus, ConditionType, DatabaseMigrationStatus, HistoryEntry, PlanStatus, Reason,
    RehearsalStatus, RunStatus, SourceStatus,
};
use crate::database::{Progress, Stage, Verdict};
use crate::migration::MigrationSet;
use crate::plan::{Direction, Judgement, Ledger, Outcome, Plan, RunSummary, Step};

use super::messages::summary;
use super::{Job, Observed, Rehearsed, State};

/// How many runs and steps a status shows.
const HISTORY: usize = 10;
const PENDING: usize = 20;

/// The status for that state.
#[must_use]
pub fn report(observed: &Observed, state: &State) -> DatabaseMigrationStatus {
    let previous = observed.previous.clone().unwrap_or_default();
    if matches!(state, State::Settled) {
        return previous;
    }
    let mut status = previous;
    status.observed_generation = Some(observed.generation);
    if let Some(set) = observed.set() {
        status.source = Some(source_status(set));
    }
    if let Some(seen) = observed.inspection() {
        status.applied = applied_status(&seen.ledger);
        status.history = history(&seen.ledger, observed);
        status.failures = failures(&seen.ledger, &observed.uid);
        status.verification = super::verified::recorded(observed, &seen.ledger);
        status.last_handled_reconcile_at.clone_from(&observed.requested_at);
    }
    status.plan = match state {
        State::Suspended(Job { plan, .. })
        | State::Failed(_, plan)
        | State::CoolingDown(Job { plan, .. })
        | State::AwaitingRoom(Job { plan, .. }, _)
        | State::Pending(Job { plan, .. })
        | State::RehearsalDue(plan)
        | State::RehearsalFailed(_, plan)
        | State::RolledBack(_, plan)
        | State::TooManyFailures(_, plan) => Some(plan_status(plan, observed)),
        // While it runs, the plan is what it was.
        State::Running { .. } | State::Rehearsing(_) | State::Unreachable(_) | State::AwaitingTurn(_) => status.plan,
        State::InvalidSpec(_)
        | State::SourceNotReady(_)
        | State::SourceUnavailable(_)
        | State::InvalidSource(_)
        | State::Unsuitable(_)
        | State::Refused(_)
        | State::VerificationDue(_)
        | State::Verifying { .. }
        | State::Held(..)
        | State::RollbackBlocked(_)
        | State::RollbackFailed(..)
        | State::Settled
        | State::UpToDate => None,
    };
    status.run = match state {
        State::Running { run, since, progress, .. } => Some(run_status(*run, *since, progress)),
        State::InvalidSpec(_)
        | State::SourceNotReady(_)
        | State::SourceUnavailable(_)
        | State::InvalidSource(_)
        | State::Unreachable(_)
        | State::Unsuitable(_)
        | State::Refused(_)
        | State::Settled
        | State::UpToDate
        | State::Suspended(_)
        | State::Failed(..)
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
        | State::TooManyFailures(..)
        | State::Pending(_) => None,
    };
    if let State::Verifying { verifying, .. } = state {
        status.verification = Some(super::verified::open(verifying));
    }
    status.conditions = conditions(observed, state);
    status
}

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
        | State::TooManyFailures(..) => Health::Stalled,
        State::Suspended(_) | State::Held(_, Judgement::Inconclusive | Judgement::Passed | Judgement::Aborted, _) => {
            Health::Paused
        }
        State::SourceNotReady(_)
        | State::SourceUnavailable(_)
        | State::Unreachable(_)
        | State::Unsuitable(_)
        | State::CoolingDown(_)
        | State::AwaitingTurn(_)
        | State::AwaitingRoom(..)
        | State::Pending(_)
        | State::RehearsalDue(_)
        | State::Rehearsing(_)
        | State::VerificationDue(_)
        | State::Verifying { .. }
        | State::Running { .. } => Health::Working,
    }
}

fn conditions(observed: &Observed, state: &State) -> Vec<Condition> {
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
    if let State::RolledBack(..) = state {
        conditions.push(condition(observed, ConditionType::RolledBack, "True", Reason::RolledBack, &message));
    }
    if observed.desired.as_ref().is_ok_and(|desired| desired.suspended) {
        let text = "spec.suspend is true: the database is left as it is";
        conditions.push(condition(observed, ConditionType::Suspended, "True", Reason::Suspended, text));
    }
    conditions
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
    let newest = ledger.runs_of(&observed.object, &observed.uid).find_map(|run| ledger.verification(run.id));
    let verification = newest?;
    let text = verification.message.as_deref().unwrap_or_default();
    match verification.judgement {
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
        State::Suspended(Job { plan, take_back: None })
        | State::Failed(_, plan)
        | State::CoolingDown(Job { plan, take_back: None })
        | State::AwaitingRoom(Job { plan, take_back: None }, _)
        | State::Pending(Job { plan, take_back: None })
        | State::RehearsalDue(plan)
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
    Some(if without.is_empty() && proven(observed, state) {
        let text = "up, back and up again work on a copy of the schema";
        condition(observed, type_, "True", Reason::WayBackRehearsed, text)
    } else if without.is_empty() {
        condition(observed, type_, "True", Reason::WayBackPresent, "every migration concerned has a down script")
    } else {
        let text = format!("no way back: {}", without.iter().take(PENDING).cloned().collect::<Vec<_>>().join(", "));
        condition(observed, type_, "False", Reason::WayBackMissing, &text)
    })
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
        State::RollbackBlocked(_) | State::RollbackFailed(..) | State::Rehearsing(_) => (None, None),
        State::Suspended(Job { plan, .. })
        | State::Failed(_, plan)
        | State::CoolingDown(Job { plan, .. })
        | State::AwaitingRoom(Job { plan, .. }, _)
        | State::RehearsalDue(plan)
        | State::RehearsalFailed(_, plan)
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

/// Kubernetes keeps times to the second.
fn second(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

fn source_status(set: &MigrationSet) -> SourceStatus {
    SourceStatus {
        digest: set.digest.clone(),
        versions: count(set.migrations.len()),
        latest: set.latest().map(ToString::to_string),
        warnings: set.warnings.iter().take(PENDING).cloned().collect(),
    }
}

fn applied_status(ledger: &Ledger) -> Option<AppliedStatus> {
    let (version, entry) = ledger.applied().next_back()?;
    Some(AppliedStatus {
        version: version.to_string(),
        count: count(ledger.applied().count()),
        digest: ledger.digest(),
        time: entry.applied_at.map(|at| Time(second(at))),
    })
}

/// Whether a rehearsal proved the way back: of the plan that is about to run, or of the run that brought what is in effect.
fn proven(observed: &Observed, state: &State) -> bool {
    if let State::Pending(Job { plan, .. }) | State::AwaitingRoom(Job { plan, .. }, _) = state {
        return observed.rehearsal.proves(&plan.digest);
    }
    let Some(ledger) = observed.inspection().map(|seen| &seen.ledger) else { return false };
    let last = ledger.runs_of(&observed.object, &observed.uid).next();
    last.is_some_and(|run| run.rehearsed && run.outcome == Some(Outcome::Succeeded))
}

fn rehearsal_status(plan: &Plan, observed: &Observed) -> Option<RehearsalStatus> {
    let Rehearsed::Over { plan: digest, result: Ok(rehearsal), .. } = &observed.rehearsal else { return None };
    if *digest != plan.digest {
        return None;
    }
    let locks = rehearsal.locks.iter().filter(|lock| lock.direction == Direction::Up).take(PENDING).map(|lock| {
        let rewritten = if lock.rewrites { ", rewritten" } else { "" };
        format!("{} line {}: {} on {}{rewritten}", lock.label, lock.line, lock.mode, lock.table)
    });
    Some(RehearsalStatus {
        verdict: match rehearsal.verdict() {
            Verdict::Proven => "Proven",
            Verdict::Disproved => "Disproved",
            Verdict::Unproven => "Unproven",
        }
        .to_owned(),
        message: rehearsal.to_string(),
        locks: locks.collect(),
    })
}

fn plan_status(plan: &Plan, observed: &Observed) -> PlanStatus {
    PlanStatus {
        digest: plan.digest.clone(),
        direction: plan.direction.as_str().to_owned(),
        from: plan.from.as_ref().map(ToString::to_string),
        to: plan.to.as_ref().map(ToString::to_string),
        steps: count(plan.steps.len()),
        pending: plan.steps.iter().take(PENDING).map(Step::label).collect(),
        warnings: plan.warnings.iter().take(PENDING).cloned().collect(),
        rehearsal: rehearsal_status(plan, observed),
    }
}

fn run_status(run: uuid::Uuid, since: Timestamp, progress: &Progress) -> RunStatus {
    RunStatus {
        id: run.to_string(),
        stage: stage(progress.stage).to_owned(),
        step: progress.step.clone(),
        progress: format!(
            "{}/{} migrations, {}/{} statements",
            progress.steps_done, progress.steps_total, progress.statements_done, progress.statements_total
        ),
        steps_done: count(progress.steps_done),
        steps_total: count(progress.steps_total),
        statements_done: count(progress.statements_done),
        statements_total: count(progress.statements_total),
        start_time: Time(second(since)),
        lock_retries: (progress.lock_retries > 0).then_some(i64::from(progress.lock_retries)),
        blocked_by: progress
            .blockers
            .iter()
            .map(|blocker| BlockerStatus {
                pid: i64::from(blocker.pid),
                application: blocker.application.clone(),
                age: format!("{}s", blocker.age.as_secs()),
            })
            .collect(),
    }
}

/// The word for a stage in `status.run.stage`.
fn stage(stage: Stage) -> &'static str {
    match stage {
        Stage::Connecting => "Connecting",
        Stage::AwaitingLock => "AwaitingLock",
        Stage::Applying => "Applying",
        Stage::RetryingLock => "RetryingLock",
        Stage::Resolving => "Resolving",
        Stage::Finished => "Finished",
    }
}

fn history(ledger: &Ledger, observed: &Observed) -> Vec<HistoryEntry> {
    let mine = ledger.runs.iter().filter(|run| run.object_uid == observed.uid || run.object == observed.object);
    mine.filter_map(history_entry).take(HISTORY).collect()
}

fn history_entry(run: &RunSummary) -> Option<HistoryEntry> {
    let outcome = run.outcome?;
    Some(HistoryEntry {
        id: run.id.to_string(),
        direction: run.direction.as_str().to_owned(),
        from: run.from.clone(),
        to: run.to.clone(),
        outcome: outcome.as_str().to_owned(),
        start_time: Time(second(run.started_at)),
        end_time: run.finished_at.map(|at| Time(second(at))),
        message: run.failure.as_ref().map(|failure| failure.message.clone()).filter(|message| !message.is_empty()),
    })
}

/// Failed runs since the last that succeeded.
fn failures(ledger: &Ledger, uid: &str) -> Option<i64> {
    let failed = ledger
        .runs
        .iter()
        .filter(|run| run.object_uid == uid)
        .take_while(|run| run.outcome != Some(Outcome::Succeeded))
        .filter(|run| run.outcome.is_some_and(Outcome::is_failure))
        .count();
    (failed > 0).then(|| count(failed))
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
