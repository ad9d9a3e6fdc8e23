//! The status that reports a state. A report that says the same as the last one is equal to it, to the letter.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::api::v1alpha1::{
    AppliedStatus, BlockerStatus, DatabaseMigrationStatus, HistoryEntry, PlanStatus, RehearsalStatus, RunStatus,
    SourceStatus,
};
use crate::database::{Progress, Stage, Verdict};
use crate::migration::MigrationSet;
use crate::plan::{Direction, Ledger, Outcome, Plan, RunSummary, Step};

use super::conditions::conditions;
use super::measures::{PENDING, second};
use super::{Observed, Rehearsed, State, gating};

/// How many runs a status shows.
const HISTORY: usize = 10;

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
        status.verification = super::verified::recorded(observed, state, &seen.ledger);
        status.last_handled_reconcile_at.clone_from(&observed.requested_at);
    }
    status.plan = match state.plan() {
        Some(plan) => Some(plan_status(plan, observed)),
        // While it runs, the plan is what it was.
        None => status.plan.filter(|_| {
            matches!(
                state,
                State::Running { .. }
                    | State::Rehearsing(_)
                    | State::Unreachable(_)
                    | State::AwaitingTurn(_)
                    | State::PolicyViolation(_, None)
            )
        }),
    };
    if let Some(policies) = &observed.platform.policies {
        // Where the plan of an earlier pass is shown, so is what policies asked for at its risk.
        let earlier = observed.gathered.is_none() && status.plan.is_some() && !status.policies.is_empty();
        if !earlier || policies.iter().all(|policy| policy.from_risk.is_none()) {
            status.policies.clone_from(policies);
        }
    }
    status.run = if let State::Running { run, since, progress, .. } = state {
        Some(run_status(*run, *since, progress))
    } else {
        None
    };
    status.gates = match state {
        // The plan that waited is the one that runs, or is what the rehearsal is about.
        State::Running { .. } | State::Rehearsing(_) | State::Unreachable(_) | State::AwaitingTurn(_) => status.gates,
        state => state.job().and_then(|job| gating::status(observed, job)),
    };
    if let State::Verifying { verifying, .. } = state {
        status.verification = Some(super::verified::open(verifying));
    }
    status.conditions = conditions(observed, state);
    status
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
    let assessed = observed.gathered.as_ref().map(|gathered| &gathered.assessment);
    PlanStatus {
        digest: plan.digest.clone(),
        direction: plan.direction.as_str().to_owned(),
        from: plan.from.as_ref().map(ToString::to_string),
        to: plan.to.as_ref().map(ToString::to_string),
        steps: count(plan.steps.len()),
        pending: plan.steps.iter().take(PENDING).map(Step::label).collect(),
        warnings: plan.warnings.iter().take(PENDING).cloned().collect(),
        risk: assessed.map(|assessed| assessed.risk.as_str().to_owned()),
        risk_reasons: assessed.map(|assessed| assessed.reasons.iter().take(10).cloned().collect()).unwrap_or_default(),
        strongest_lock: assessed.and_then(|assessed| assessed.strongest).map(|lock| lock.as_str().to_owned()),
        rewrites: assessed.map(|assessed| assessed.rewrites),
        scans: assessed.map(|assessed| assessed.scans),
        estimate: assessed
            .and_then(|assessed| assessed.estimate)
            .filter(|estimate| !estimate.is_zero())
            .map(crate::duration::rough),
        undo: observed
            .gathered
            .iter()
            .flat_map(|gathered| gathered.undo.iter().take(PENDING).map(ToString::to_string))
            .collect(),
        config_map: observed.gathered.as_ref().and_then(|gathered| gathered.shown_in.clone()),
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
    let mine = ledger.runs_of(&observed.object, &observed.uid);
    mine.filter_map(|run| history_entry(ledger, run)).take(HISTORY).collect()
}

fn history_entry(ledger: &Ledger, run: &RunSummary) -> Option<HistoryEntry> {
    let outcome = run.outcome?;
    let failure = run.failure.as_ref().map(|failure| failure.message.clone()).filter(|message| !message.is_empty());
    // A rollback says what made it begin, unless it has worse to tell.
    let because = || ledger.rollback_by(run.id).map(|rollback| format!("taken back because {}", rollback.what.message));
    Some(HistoryEntry {
        id: run.id.to_string(),
        direction: run.direction.as_str().to_owned(),
        from: run.from.clone(),
        to: run.to.clone(),
        outcome: outcome.as_str().to_owned(),
        start_time: Time(second(run.started_at)),
        end_time: run.finished_at.map(|at| Time(second(at))),
        message: match (failure.or_else(because), run.brought_back()) {
            (Some(message), Some(back)) => Some(format!("{message}; {back}")),
            (message, back) => message.or(back),
        },
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
