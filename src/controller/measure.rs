//! From passes, runs and reports to metrics.

use std::time::Duration;

use kube::ResourceExt;

use crate::api::v1alpha1::{ConditionType, DatabaseMigration, DatabaseMigrationStatus, Reason};
use crate::database::{DatabaseError, FailureClass, RunReport};
use crate::gates::GateState;
use crate::plan::{Direction, Target, Trigger};
use crate::rollout::{Job, Look, Observed, State, Task, waiting_since};
use crate::telemetry::{Metrics, ObjectSample, ReconcileResult, RunResult};

/// One pass that came to a state.
pub fn pass(metrics: &Metrics, state: &State, written: bool, elapsed: Duration) {
    let result = match state {
        State::UpToDate | State::Settled | State::Running { .. } | State::Suspended(_) => {
            if written {
                ReconcileResult::Acted
            } else {
                ReconcileResult::Unchanged
            }
        }
        State::Verifying { .. } | State::Rehearsing(_) if !written => ReconcileResult::Unchanged,
        State::Pending(_)
        | State::RehearsalDue(_)
        | State::Rehearsing(_)
        | State::VerificationDue(_)
        | State::Verifying { .. } => ReconcileResult::Acted,
        State::InvalidSpec(_)
        | State::SourceNotReady(_)
        | State::SourceUnavailable(_)
        | State::InvalidSource(_)
        | State::Unreachable(_)
        | State::Unsuitable(_)
        | State::Refused(_)
        | State::GatesDue(_)
        | State::PlanOnly(..)
        | State::Gated { .. }
        | State::Failed(..)
        | State::CoolingDown(_)
        | State::RehearsalFailed(..)
        | State::Held(..)
        | State::RollbackBlocked(_)
        | State::RollbackFailed(..)
        | State::RolledBack(..)
        | State::PolicyViolation(..)
        | State::TooManyFailures(..)
        | State::AwaitingTurn(_)
        | State::AwaitingRoom(..) => ReconcileResult::Blocked,
    };
    metrics.reconciled(result, elapsed);
}

/// One run that ended; with what made it begin, where it took another one back.
pub fn run(metrics: &Metrics, direction: Direction, trigger: Option<Trigger>, elapsed: Duration, report: &RunReport) {
    let result = match &report.result {
        Ok(_) => RunResult::Succeeded,
        Err(DatabaseError::Step(failure)) => match failure.class {
            FailureClass::Terminal => RunResult::Failed,
            FailureClass::Retryable => RunResult::Interrupted,
            FailureClass::Deadline => RunResult::DeadlineExceeded,
            FailureClass::NeedsOperator => RunResult::NeedsOperator,
            FailureClass::Blocked => RunResult::Blocked,
        },
        Err(DatabaseError::Ledger(_)) => RunResult::Failed,
        Err(
            DatabaseError::Unreachable(_)
            | DatabaseError::Login(_)
            | DatabaseError::Unsuitable(_)
            | DatabaseError::LockLost(_)
            | DatabaseError::Stopped(_),
        ) => RunResult::Interrupted,
    };
    metrics.run_finished(direction.as_str(), result, elapsed);
    if let Some(trigger) = trigger {
        metrics.rolled_back(trigger.as_str(), result, elapsed);
    }
    metrics.lock_waited(report.waited);
    metrics.lock_retried(report.lock_retries);
    for step in &report.done {
        metrics.step_finished(direction.as_str(), step.elapsed);
        for undo in &step.undo {
            tracing::info!(step = %step.label, "{undo}");
        }
    }
    for statement in &report.statements {
        metrics.statement_finished(direction.as_str(), *statement);
    }
}

/// What the gates of a plan said, and how long a plan that passes them has waited.
pub fn gates(metrics: &Metrics, observed: &Observed, state: &State, status: &DatabaseMigrationStatus) {
    for verdict in state.verdicts() {
        let result = match verdict.state {
            GateState::Open => "open",
            GateState::Closed => "closed",
            GateState::Unknown => "unknown",
            GateState::Denied => "denied",
        };
        metrics.gate_evaluated(verdict.gate, result);
    }
    if let (State::Pending(_), Some(gates)) = (state, &status.gates) {
        let waited = observed.now.duration_since(gates.since.0);
        metrics.gates_passed(Duration::try_from(waited).unwrap_or_default());
    }
}

/// How an object is now.
pub fn object(
    metrics: &Metrics,
    object: &DatabaseMigration,
    observed: &Observed,
    state: &State,
    status: &DatabaseMigrationStatus,
) {
    let is_true = |type_: ConditionType| {
        status.conditions.iter().any(|condition| condition.type_ == type_.as_str() && condition.status == "True")
    };
    let reason = status
        .conditions
        .iter()
        .find(|condition| condition.type_ == ConditionType::Ready.as_str())
        .and_then(|condition| Reason::parse(&condition.reason))
        .unwrap_or(Reason::Planning);
    let latest = || status.source.as_ref().and_then(|source| source.latest.clone()).unwrap_or_default();
    let desired = match observed.desired.as_ref().map(|desired| &desired.target) {
        Ok(Target::Version(version)) => version.to_string(),
        Ok(Target::Latest) => latest(),
        Err(_) => String::new(),
    };
    metrics.observe_object(ObjectSample {
        namespace: object.namespace().unwrap_or_default(),
        name: object.name_any(),
        desired,
        applied: status.applied.as_ref().map(|applied| applied.version.clone()).unwrap_or_default(),
        ready: is_true(ConditionType::Ready),
        stalled: is_true(ConditionType::Stalled),
        reason: reason.as_str(),
        rollback_ready: status
            .conditions
            .iter()
            .find(|condition| condition.type_ == ConditionType::RollbackReady.as_str())
            .map(|condition| condition.status == "True"),
        waiting_since: status
            .gates
            .as_ref()
            .filter(|_| matches!(state, State::Gated { .. }))
            .map(|gates| waiting_since(gates, reason).as_second()),
        pending: pending(state, status, is_true(ConditionType::Ready)),
        database_up: database_up(observed),
        blocking_sessions: match &observed.task {
            Task::Running { progress, .. } => progress.blockers.len(),
            Task::None | Task::Ended { .. } => 0,
        },
    });
}

/// Steps that are still to be done, where that is known.
fn pending(state: &State, status: &DatabaseMigrationStatus, ready: bool) -> Option<usize> {
    match state {
        State::UpToDate => Some(0),
        // As it was reported: there may be a plan that waits for somebody, or none because it was refused.
        State::Settled => match &status.plan {
            Some(plan) => usize::try_from(plan.steps).ok(),
            None => ready.then_some(0),
        },
        State::VerificationDue(_) | State::Verifying { .. } | State::Held(..) => Some(0),
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
        | State::Pending(Job { plan, .. }) => Some(plan.steps.len()),
        State::Running { progress, .. } => Some(progress.steps_total.saturating_sub(progress.steps_done)),
        State::InvalidSpec(_)
        | State::SourceNotReady(_)
        | State::SourceUnavailable(_)
        | State::InvalidSource(_)
        | State::Unreachable(_)
        | State::Unsuitable(_)
        | State::Rehearsing(_)
        | State::RollbackBlocked(_)
        | State::RollbackFailed(..)
        | State::AwaitingTurn(_)
        | State::PolicyViolation(_, None)
        | State::Refused(_) => None,
    }
}

fn database_up(observed: &Observed) -> Option<bool> {
    match (&observed.database, &observed.task) {
        (Look::Seen(_), _) | (Look::NotDue { .. }, _) | (_, Task::Running { .. }) => Some(true),
        // A server that answers is up, whatever it answers.
        (Look::Failed(error) | Look::FailedBefore { error, .. }, _) => {
            Some(!matches!(error, DatabaseError::Unreachable(_)))
        }
        (Look::None | Look::Later | Look::NotReady(_) | Look::Unavailable(_), Task::None | Task::Ended { .. }) => None,
    }
}
