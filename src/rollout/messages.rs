//! The sentences that people read in conditions and events. They hold nothing that changes while the world stands still
//! (ages, times to wait), so that an unchanged world causes no write.

use crate::api::v1alpha1::Reason;
use crate::database::{Progress, Stage, Verdict};
use crate::gates::GateState;
use crate::plan::{Direction, Ledger, Outcome, Plan, Refusal, RunSummary, Step};

use super::consequences::{brought_back, held, rollback_failed, was_taken_back};
use super::cut::{CONDITION, cut};
use super::words::{annotate, current};
use super::{Job, Observed, Room, State, Verifying, gating};

/// Which policy made that part of the spec stricter than it asks for.
fn imposed(observed: &Observed, part: &str) -> String {
    let policies = observed.platform.policies.iter().flatten();
    let sentences = policies.filter_map(|policy| {
        let what: Vec<&str> = policy.imposed.iter().map(String::as_str).filter(|what| what.starts_with(part)).collect();
        (!what.is_empty()).then(|| format!("; MigrationPolicy {} imposed {}", policy.name, what.join(", ")))
    });
    sentences.collect()
}

/// The reason and the message of the summary condition.
pub(super) fn summary(observed: &Observed, state: &State) -> (Reason, String) {
    let (reason, message) = match state {
        State::InvalidSpec(message) => (Reason::InvalidSpec, message.clone()),
        State::PolicyViolation(message, _) => (Reason::PolicyViolation, message.clone()),
        State::SourceNotReady(message) | State::SourceUnavailable(message) => (Reason::SourceNotReady, message.clone()),
        State::InvalidSource(message) => (Reason::InvalidSource, message.clone()),
        State::Unreachable(message) => {
            (Reason::DatabaseUnreachable, format!("{message}; trying again until it answers"))
        }
        State::Unsuitable(message) => (Reason::DatabaseUnsuitable, message.clone()),
        State::Refused(refusal @ Refusal::NoWayBack { .. }) => {
            (refusal_reason(refusal), format!("{refusal}{}", imposed(observed, "spec.rollback.require")))
        }
        State::Refused(refusal) => (refusal_reason(refusal), refusal.to_string()),
        State::Settled => (Reason::UpToDate, String::new()),
        State::UpToDate => {
            let message = observed.inspection().map(|seen| up_to_date(&seen.ledger)).unwrap_or_default();
            (Reason::UpToDate, message)
        }
        State::Suspended(job) => {
            let why = because(job);
            (
                Reason::Suspended,
                format!("spec.suspend is true; waiting to {}{why}; set it to false to go on", work(&job.plan)),
            )
        }
        State::GatesDue(job) => (Reason::Planning, format!("about to look at the gates: to {}", work(&job.plan))),
        State::PlanOnly(job) => {
            let gates = gating::told(&job.verdicts);
            let gates = if gates.is_empty() { String::new() } else { format!("; it would wait for {gates}") };
            let violations = observed.platform.violations.join("; ");
            // Waiting does not help against it, and a message is cut at its end.
            let refused =
                if violations.is_empty() { String::new() } else { format!("; it would be refused: {violations}") };
            (
                Reason::PlanOnly,
                format!(
                    "spec.mode is Plan: would {}; nothing is run; status.plan tells more, and the ConfigMap that it names tells all{refused}{gates}",
                    work(&job.plan)
                ),
            )
        }
        State::Gated { job, overdue } => {
            let verdicts = &job.verdicts;
            let late = if *overdue {
                format!(
                    " for longer than spec.gates.deadline; it is given up until the plan changes, or with: {}",
                    annotate(&observed.object, "retry")
                )
            } else {
                String::new()
            };
            let verb = if gating::worst(verdicts) == GateState::Denied { "must not" } else { "waiting to" };
            (
                gating::reason(verdicts, *overdue),
                match gating::told(verdicts) {
                    told if told.is_empty() => format!("{verb} {}{late}; every gate is open by now", work(&job.plan)),
                    told => format!("{verb} {}{late}: {told}{}", work(&job.plan), imposed(observed, "spec.gates.")),
                },
            )
        }
        State::Failed(run, _) => failed(observed, run),
        State::CoolingDown(job) => {
            (Reason::Interrupted, format!("{}; will {} shortly", interrupted(observed), work(&job.plan)))
        }
        State::AwaitingRoom(job, room) => {
            (Reason::AwaitingLock, format!("waiting to {}: {}", work(&job.plan), in_the_way(room)))
        }
        State::AwaitingTurn(room) => (Reason::AwaitingLock, format!("waiting for its turn: {}", in_the_way(room))),
        State::Pending(job) => (
            if job.take_back.is_some() { Reason::RollingBack } else { Reason::Applying },
            format!("about to {}{}", work(&job.plan), because(job)),
        ),
        State::RehearsalDue(Job { plan, .. }) => {
            (Reason::Rehearsing, format!("about to rehearse on a copy of the schema: to {}", work(plan)))
        }
        State::Rehearsing(purpose) => (Reason::Rehearsing, format!("rehearsing on a copy of the schema: to {purpose}")),
        State::RehearsalFailed(rehearsal, Job { plan, .. }) => (
            Reason::RehearsalFailed,
            format!(
                "{} {} on a copy of the schema: {rehearsal}. Nothing was run. It is rehearsed again when the scripts or the spec change, or \
                 with: {}",
                subject(plan),
                if rehearsal.verdict() == Verdict::Disproved { "does not work" } else { "could not be proved" },
                annotate(&observed.object, "retry"),
            ),
        ),
        State::VerificationDue(due) => (
            Reason::Verifying,
            format!("version {} is in effect; about to verify it", due.run.to.as_deref().unwrap_or("none")),
        ),
        State::Verifying { verifying, stop } => (Reason::Verifying, verification(observed, verifying, *stop)),
        State::Held(run, judgement, message) => held(observed, run, *judgement, message),
        State::RollbackBlocked(message) => (
            Reason::RollbackBlocked,
            format!("{message}. Nothing was touched; the database is at version {}", current(observed)),
        ),
        State::RollbackFailed(attempt, back) => rollback_failed(observed, attempt, back),
        State::RolledBack(rollback, plan) => (
            Reason::RolledBack,
            format!(
                "{} {}: {}{}. The database is at version {}. It is tried again when the scripts or \
                 spec.targetVersion change, or with: {}",
                subject(plan),
                was_taken_back(rollback, plan),
                rollback.what.message,
                brought_back(observed, rollback),
                current(observed),
                annotate(&observed.object, "retry"),
            ),
        ),
        State::TooManyFailures(number, plan) => (
            Reason::TooManyFailures,
            format!(
                "{number} {} within an hour (spec.rollback.maxFailuresPerHour): waiting to {} until somebody has looked. The database is at \
                 version {}. Go on with: {}",
                if *number == 1 { "run failed or was taken back" } else { "runs failed or were taken back" },
                work(plan),
                current(observed),
                annotate(&observed.object, "retry"),
            ),
        ),
        State::Running { progress, purpose, stop, generation, rollback, .. } => {
            let (reason, mut message) = running(progress, purpose);
            let reason = if *rollback && reason == Reason::Applying { Reason::RollingBack } else { reason };
            if *stop {
                message.push_str("; ends at the next safe place");
            } else if *generation != observed.generation {
                message.push_str("; the change of the spec is looked at when this run has ended");
            }
            (reason, message)
        }
    };
    (reason, cut(CONDITION, message))
}

/// `apply 3 migrations (001 … 003)`, `take back 2 migrations (003 … 002)`.
#[must_use]
pub fn work(plan: &Plan) -> String {
    let labels: Vec<String> = plan.steps.iter().map(Step::label).collect();
    let range = match labels.as_slice() {
        [] => return "do nothing".to_owned(),
        [only] => only.clone(),
        [first, .., last] => format!("{first} … {last}"),
    };
    let verb = match plan.direction {
        Direction::Up => "apply",
        Direction::Down => "take back",
    };
    let noun = if labels.len() == 1 { "migration" } else { "migrations" };
    format!("{verb} {} {noun} ({range})", labels.len())
}

fn up_to_date(ledger: &Ledger) -> String {
    let count = ledger.applied().count();
    match ledger.current() {
        Some(version) => {
            format!("version {version} is in effect ({count} {})", if count == 1 { "migration" } else { "migrations" })
        }
        None => "no migration is applied, and none is asked for".to_owned(),
    }
}

pub(super) fn refusal_reason(refusal: &Refusal) -> Reason {
    match refusal {
        Refusal::ChecksumMismatch { .. } => Reason::ChecksumMismatch,
        Refusal::NotEmpty { .. } => Reason::NotEmpty,
        Refusal::MissingFromSource { .. }
        | Refusal::OutOfOrder { .. }
        | Refusal::UnknownTarget { .. }
        | Refusal::NoWayDown { .. }
        | Refusal::NoWayBack { .. }
        | Refusal::DownDisabled { .. }
        | Refusal::UnreadableDown { .. }
        | Refusal::UnknownBaseline { .. }
        | Refusal::EditedAfterExecution { .. }
        | Refusal::Unfinished { .. }
        | Refusal::NotTransactional { .. } => Reason::PlanFailed,
    }
}

fn failed(observed: &Observed, run: &RunSummary) -> (Reason, String) {
    let reason = match run.outcome {
        Some(Outcome::NeedsOperator) => Reason::NeedsOperator,
        Some(Outcome::DeadlineExceeded) => Reason::DeadlineExceeded,
        Some(Outcome::Aborted) => Reason::Aborted,
        Some(Outcome::Failed | Outcome::Blocked | Outcome::Succeeded | Outcome::Interrupted) | None => {
            Reason::ApplyFailed
        }
    };
    let message = run.failure.as_ref().map_or("the run failed", |failure| failure.message.as_str());
    (
        reason,
        format!(
            "{message}. The database is at version {}. Tried again when the scripts or the spec change, or with: {}",
            current(observed),
            annotate(&run.object, "retry"),
        ),
    )
}

/// ` because check x failed …`, where it is a rollback.
fn because(job: &Job) -> String {
    job.take_back.as_ref().map(|back| format!(" because {}", back.message)).unwrap_or_default()
}

/// What a plan brings, as the subject of a sentence.
fn subject(plan: &Plan) -> String {
    match plan.steps.as_slice() {
        [only] => format!("version {}", only.label()),
        steps => {
            let (first, last) = (steps.first().map(Step::label), steps.last().map(Step::label));
            format!("versions {} … {}", first.unwrap_or_default(), last.unwrap_or_default())
        }
    }
}

fn verification(observed: &Observed, verifying: &Verifying, stop: bool) -> String {
    let tallies = &verifying.window.tallies;
    let (unmeasured, rest): (Vec<_>, Vec<_>) = tallies.iter().partition(|tally| tally.counts.errors_in_a_row > 0);
    let failed: Vec<_> = rest.into_iter().filter(|tally| tally.counts.failed_in_a_row > 0).collect();
    let mut text = format!(
        "version {} is in effect and is being verified by {} {}",
        verifying.version,
        tallies.len(),
        if tallies.len() == 1 { "check" } else { "checks" }
    );
    for (what, which) in [("not as expected", failed), ("could not be measured", unmeasured)] {
        if !which.is_empty() {
            let names: Vec<_> = which.iter().map(|tally| tally.name.as_str()).collect();
            text.push_str(&format!("; {what} at the last look: {}", names.join(", ")));
        }
    }
    if let Some(trouble) = &verifying.trouble {
        text.push_str(&format!("; the verdict could not be recorded yet: {trouble}"));
    }
    if stop {
        text.push_str("; ends because somebody asked for it");
    } else if verifying.generation != observed.generation {
        let end = annotate(&observed.object, "abort");
        text.push_str(&format!("; the change of the spec is looked at when that is over; to end it now: {end}"));
    }
    text
}

/// Why the last run ended early: what this process saw, else what the ledger says.
fn interrupted(observed: &Observed) -> String {
    if let super::Task::Ended { error: Some(error) } = &observed.task {
        return format!("the last run was interrupted ({error})");
    }
    let recorded = observed
        .inspection()
        .and_then(|seen| seen.ledger.last_run(&observed.uid))
        .and_then(|run| run.failure.as_ref())
        .map(|failure| format!("the last run was interrupted ({})", failure.message));
    recorded.unwrap_or_else(|| "the last run was interrupted".to_owned())
}

fn in_the_way(room: &Room) -> String {
    match room {
        Room::Free => "a place is free".to_owned(),
        Room::Taken { by } => format!("{by} is migrating the same database"),
        Room::Full { limit: 1 } => "a run is under way, and --concurrency allows one".to_owned(),
        Room::Full { limit } => format!("{limit} runs are under way, as many as --concurrency allows"),
        Room::Closing => "this operator is shutting down; the next one goes on".to_owned(),
    }
}

fn running(progress: &Progress, purpose: &str) -> (Reason, String) {
    let at = progress.step.as_ref().map(|step| format!(", at {step}")).unwrap_or_default();
    match progress.stage {
        Stage::Connecting => (Reason::Applying, format!("about to {purpose}")),
        Stage::Applying | Stage::Finished => (
            Reason::Applying,
            format!(
                "running to {purpose}{at}: {}/{} statements done",
                progress.statements_done, progress.statements_total
            ),
        ),
        Stage::AwaitingLock => {
            let holder = progress.note.as_deref().unwrap_or("the migration lock is held by another session");
            (Reason::AwaitingLock, format!("waiting to {purpose}: {holder}"))
        }
        Stage::RetryingLock => (
            Reason::RetryingLock,
            match &progress.note {
                // A deadlock or a failed serialisation, or they left before they were seen.
                Some(note) if progress.blockers.is_empty() => format!("trying to {purpose}{at}: {note}"),
                Some(_) | None => format!(
                    "trying to {purpose}{at}: a table is locked by{}; asking again, applications go on",
                    blockers(progress)
                ),
            },
        ),
        Stage::Resolving => (
            Reason::Resolving,
            format!(
                "trying to {purpose}{at}: the connection broke; finding out what the database holds before going on"
            ),
        ),
    }
}

fn blockers(progress: &Progress) -> String {
    if progress.blockers.is_empty() {
        return " another session".to_owned();
    }
    let named: Vec<String> = progress
        .blockers
        .iter()
        .map(|blocker| {
            let application = if blocker.application.is_empty() { "unnamed application" } else { &blocker.application };
            format!(" pid {} ({application})", blocker.pid)
        })
        .collect();
    named.join(",")
}
