//! What earlier runs leave to be done before anything new: judging what was applied, taking back what does not hold, and not
//! trying again what was taken back. Everything here follows from the ledger, the spec and the annotations; nothing is
//! remembered elsewhere, so that a restart or a wiped status changes nothing.

use std::time::Duration;

use crate::migration::MigrationSet;
use crate::plan::{
    self, Direction, Judgement, Ledger, Outcome, Plan, Rollback, RunSummary, TakeBack, Target, Trigger, Verification,
};

use super::back::{back, cure_of_loss, keep, origin, with_plan};
use super::due::Aftermath;
use super::judging::{self, Mode, OnInconclusive};
use super::{Desired, DueVerification, Observed};

/// What is left of the object's earlier runs.
pub fn aftermath(observed: &Observed, desired: &Desired, set: &MigrationSet, ledger: &Ledger) -> Aftermath {
    let Some(last) = ledger.runs_of(&observed.object, &observed.uid).next() else {
        return requested(observed, ledger);
    };
    if let Some(rollback) = ledger.rollback_by(last.id).filter(|_| !is_kept(observed, ledger, last)) {
        return after_rollback(observed, desired, set, ledger, last, rollback);
    }
    if let Some(token) = unanswered(observed, ledger) {
        // The window ends first; then this is asked again.
        let run = newest_in_effect(observed, ledger).unwrap_or(last);
        match back(observed, desired, set, ledger, run, Trigger::Requested, &asked(&token), Some(token)) {
            // It is there already: the request changes nothing about what else is left to do.
            Aftermath::Nothing => {}
            aftermath => return aftermath,
        }
    }
    if last.direction == Direction::Down {
        return Aftermath::Nothing;
    }
    let judge = || match ledger.verification(last.id) {
        Some(verification) => judged(observed, desired, set, ledger, last, verification),
        None => Aftermath::Nothing,
    };
    match last.outcome {
        Some(Outcome::Succeeded) => judge(),
        Some(Outcome::Failed | Outcome::DeadlineExceeded) => half_way(observed, desired, set, ledger, last),
        // Nobody knows what the database holds: a person looks first.
        Some(Outcome::NeedsOperator) => Aftermath::Nothing,
        // Everything of it took effect, and its process died before it could say so: it is judged all the same.
        Some(Outcome::Interrupted) | None if is_whole(desired, set, ledger, last) => judge(),
        Some(Outcome::Interrupted | Outcome::Blocked | Outcome::Aborted) | None => Aftermath::Nothing,
    }
}

/// Whether everything of a run that nobody saw the end of took effect. What it had left besides the newest version (a repeatable script, an
/// older version) is done first, and judged with it.
fn is_whole(desired: &Desired, set: &MigrationSet, ledger: &Ledger, run: &RunSummary) -> bool {
    let there = ledger.current().filter(|current| run.to.as_deref() == Some(current.as_str()));
    there.is_some_and(|there| {
        let rest = plan::make(set, ledger, &Target::Version(there.clone()), &desired.policy);
        run.set_digest != set.digest || !rest.is_ok_and(|rest| !rest.is_empty())
    })
}

/// A request that no run has seen and no rollback answers.
pub fn unanswered(observed: &Observed, ledger: &Ledger) -> Option<String> {
    let token = observed.requests.rollback.as_ref()?;
    let seen = ledger.runs_of(&observed.object, &observed.uid).any(|run| run.rollback_token.as_ref() == Some(token));
    let answered = ledger.rollbacks.iter().any(|rollback| rollback.what.request_token.as_ref() == Some(token));
    (!seen && !answered).then(|| token.clone())
}

/// A request on a database where this object has never run anything.
fn requested(observed: &Observed, ledger: &Ledger) -> Aftermath {
    match unanswered(observed, ledger) {
        Some(_) if ledger.current().is_some() => Aftermath::RollbackBlocked(
            "a rollback was asked for, and this object has not applied anything here yet that could be taken back; lower \
             spec.targetVersion instead, and remove the annotation sluice.dev/rollback"
                .to_owned(),
        ),
        Some(_) | None => Aftermath::Nothing,
    }
}

fn asked(token: &str) -> String {
    format!("it was asked for by the annotation sluice.dev/rollback ({token})")
}

/// Whether a person keeps what a rollback was to take back, and took nothing back of: it did not begin, or failed at its first step.
fn is_kept(observed: &Observed, ledger: &Ledger, attempt: &RunSummary) -> bool {
    let ended = observed.requests.abort.is_some() && observed.requests.abort != attempt.abort_token;
    ended && can_be_kept(ledger, attempt)
}

/// Whether a rollback came to its end without taking anything back.
pub(super) fn can_be_kept(ledger: &Ledger, attempt: &RunSummary) -> bool {
    let over = match attempt.outcome {
        Some(Outcome::Blocked | Outcome::Failed | Outcome::DeadlineExceeded) => true,
        // What a person ended would be kept by the same word; of the others nobody knows enough.
        Some(Outcome::Aborted | Outcome::NeedsOperator | Outcome::Interrupted | Outcome::Succeeded) | None => false,
    };
    over && ledger.current().map(ToString::to_string) == attempt.from
}

/// The last run was a rollback.
fn after_rollback(
    observed: &Observed,
    desired: &Desired,
    set: &MigrationSet,
    ledger: &Ledger,
    attempt: &RunSummary,
    rollback: &Rollback,
) -> Aftermath {
    // What was tried again by hand is banned again with the token of that try.
    let take_back = TakeBack { retry_token: observed.retry_token.clone(), ..rollback.what.clone() };
    let again = observed.tries_again(attempt.retry_token.as_ref());
    match attempt.outcome {
        Some(Outcome::Succeeded) => Aftermath::Nothing,
        Some(Outcome::Blocked) if !again && !allows_loss(observed, desired) => {
            let why = attempt.failure.as_ref().map(|failure| failure.message.clone()).unwrap_or_default();
            Aftermath::RollbackBlocked(format!(
                "{why}; {}; or {}",
                cure_of_loss(observed, desired),
                keep(&observed.object)
            ))
        }
        Some(Outcome::Failed | Outcome::NeedsOperator | Outcome::DeadlineExceeded | Outcome::Aborted) if !again => {
            Aftermath::RollbackFailed(Box::new(attempt.clone()), take_back)
        }
        Some(
            Outcome::Failed
            | Outcome::NeedsOperator
            | Outcome::DeadlineExceeded
            | Outcome::Aborted
            | Outcome::Blocked
            | Outcome::Interrupted,
        )
        | None => with_plan(set, ledger, take_back),
    }
}

/// Whether a person has allowed that rows are destroyed.
pub fn allows_loss(observed: &Observed, desired: &Desired) -> bool {
    desired.rollback.data_loss_with_approval && observed.requests.allow_data_loss.is_some()
}

/// The last run succeeded and was to be judged.
fn judged(
    observed: &Observed,
    desired: &Desired,
    set: &MigrationSet,
    ledger: &Ledger,
    run: &RunSummary,
    recorded: &Verification,
) -> Aftermath {
    let by = measured_by(desired, recorded);
    let verify = |by: judging::Verification| {
        Aftermath::Verify(Box::new(DueVerification { run: run.clone(), recorded: recorded.clone(), by }))
    };
    let (judgement, message) = match (recorded.judgement, &by) {
        (None, Ok(by)) => return verify(by.clone()),
        // It cannot be measured, so it can neither have passed nor have failed.
        (None, Err(why)) => (Judgement::Inconclusive, why.clone()),
        (Some(judgement), _) => (judgement, recorded.message.clone().unwrap_or_default()),
    };
    // Asked for the end, the window is opened to be ended: the ledger is to say that a person took it for good.
    let to_be_ended = || {
        let asked = observed.requests.abort.is_some() && observed.requests.abort != run.abort_token;
        asked.then(|| verify(by.clone().unwrap_or_else(|_| judging::Verification::nothing())))
    };
    let take_back = |trigger| match back(observed, desired, set, ledger, run, trigger, &message, None) {
        Aftermath::RollbackBlocked(why) => to_be_ended().unwrap_or(Aftermath::RollbackBlocked(why)),
        aftermath => aftermath,
    };
    let hold = |judgement| {
        if let Some(ended) = to_be_ended() {
            return ended;
        }
        let message = match &by {
            Ok(by) if observed.tries_again(recorded.retry_token.as_ref()) => return verify(by.clone()),
            Err(why) if recorded.judgement.is_some() && observed.tries_again(recorded.retry_token.as_ref()) => {
                format!("{message}; {why}")
            }
            Ok(_) | Err(_) => message.clone(),
        };
        // Who brings something new goes forward; what waits is what nobody has touched.
        match plan::make(set, ledger, &desired.target, &desired.policy) {
            Ok(plan) if plan.is_empty() => Aftermath::Held(Box::new(run.clone()), judgement, message),
            Ok(_) | Err(_) => Aftermath::Nothing,
        }
    };
    match judgement {
        Judgement::Passed | Judgement::Aborted => Aftermath::Nothing,
        Judgement::Failed => match desired.rollback.mode {
            Mode::Automatic => take_back(Trigger::Check),
            Mode::Manual | Mode::Disabled => hold(Judgement::Failed),
        },
        Judgement::Inconclusive => match desired.rollback.on_inconclusive {
            OnInconclusive::Accept => Aftermath::Nothing,
            OnInconclusive::Rollback if desired.rollback.mode == Mode::Automatic => take_back(Trigger::Inconclusive),
            OnInconclusive::Pause | OnInconclusive::Rollback => hold(Judgement::Inconclusive),
        },
    }
}

/// What a run is judged by: the checks that the ledger recorded for it, or, where another release of Sluice wrote them and this
/// one cannot use them, those of the spec. Otherwise why it cannot be judged, and the cure.
fn measured_by(desired: &Desired, recorded: &Verification) -> Result<judging::Verification, String> {
    judging::Verification::recorded(&recorded.spec).or_else(|error| {
        desired.verification.clone().ok_or_else(|| {
            format!(
                "this release of Sluice cannot use the checks that another one recorded in the ledger ({error}), and the object has none: set \
                 spec.verification to have it verified by that"
            )
        })
    })
}

/// The last run failed: what it applied before that is taken back where the spec says so.
fn half_way(
    observed: &Observed,
    desired: &Desired,
    set: &MigrationSet,
    ledger: &Ledger,
    run: &RunSummary,
) -> Aftermath {
    let moved = ledger.current().map(ToString::to_string) != origin(observed, desired, ledger, run);
    // Statements of a script without a transaction that are in effect have no way back of their own.
    let torn = ledger.entries.iter().any(|entry| !entry.in_effect() && !entry.journal.is_empty());
    if !desired.rollback.takes_back_half() || !moved || torn || retried(observed, set, run) {
        return Aftermath::Nothing;
    }
    let message = run.failure.as_ref().map(|failure| failure.message.clone()).unwrap_or_default();
    back(observed, desired, set, ledger, run, Trigger::ApplyFailure, &message, None)
}

/// Something changed since that run: it is tried again as the spec now says, not taken back for what it was.
fn retried(observed: &Observed, set: &MigrationSet, run: &RunSummary) -> bool {
    run.generation != observed.generation
        || observed.tries_again(run.retry_token.as_ref())
        || run.set_digest != set.digest
}

/// The newest run that went up and has not been taken back.
fn newest_in_effect<'a>(observed: &'a Observed, ledger: &'a Ledger) -> Option<&'a RunSummary> {
    ledger
        .runs_of(&observed.object, &observed.uid)
        .filter(|run| run.direction == Direction::Up)
        .filter(|run| match run.outcome {
            Some(Outcome::Succeeded | Outcome::Interrupted | Outcome::Aborted) | None => true,
            Some(Outcome::Failed | Outcome::NeedsOperator | Outcome::DeadlineExceeded | Outcome::Blocked) => false,
        })
        .find(|run| !taken_back(ledger, run))
}

/// Whether the run was taken back already.
fn taken_back(ledger: &Ledger, run: &RunSummary) -> bool {
    let rollback = ledger.rollbacks.iter().find(|rollback| rollback.what.run == run.id);
    rollback.is_some_and(|rollback| {
        ledger.runs.iter().any(|attempt| attempt.id == rollback.attempt && attempt.outcome == Some(Outcome::Succeeded))
    })
}

/// The rollback for which this very plan is not tried again.
#[must_use]
pub fn poisoned<'a>(observed: &Observed, ledger: &'a Ledger, plan: &Plan) -> Option<&'a Rollback> {
    ledger
        .rollbacks
        .iter()
        .find(|rollback| rollback.what.plan_digest == plan.digest)
        .filter(|rollback| !observed.tries_again(rollback.what.retry_token.as_ref()))
}

/// Whether so many runs failed within an hour that nothing is tried any more until a person asks for it: how many did.
#[must_use]
pub fn too_many_failures(observed: &Observed, desired: &Desired, ledger: &Ledger) -> Option<usize> {
    const HOUR: Duration = Duration::from_secs(3600);
    let limit = desired.rollback.max_failures_per_hour?;
    let bad: Vec<&RunSummary> = ledger
        .runs_of(&observed.object, &observed.uid)
        .filter(|run| run.direction == Direction::Up)
        .take_while(|run| is_bad(ledger, run) || run.outcome == Some(Outcome::Interrupted))
        .filter(|run| is_bad(ledger, run))
        .take(limit)
        .collect();
    let (newest, oldest) = (bad.first()?, bad.get(limit.checked_sub(1)?)?);
    let apart = Duration::try_from(newest.started_at.duration_since(oldest.started_at)).unwrap_or_default();
    (apart <= HOUR && !observed.tries_again(newest.retry_token.as_ref())).then_some(limit)
}

fn is_bad(ledger: &Ledger, run: &RunSummary) -> bool {
    let failed = run.outcome.is_some_and(Outcome::is_failure);
    let judged =
        ledger.verification(run.id).is_some_and(|verification| verification.judgement == Some(Judgement::Failed));
    failed || judged || ledger.rollbacks.iter().any(|rollback| rollback.what.run == run.id)
}
