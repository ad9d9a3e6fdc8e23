//! From the decision to take a run back to the plan of its way down, or to what stands in the way and how a person goes on.

use crate::migration::{MigrationSet, Version};
use crate::plan::{
    self, Direction, EntryStatus, Ledger, MissingPolicy, Outcome, Policy, RunSummary, TakeBack, Target, Trigger,
};

use super::due::Aftermath;
use super::judging::Mode;
use super::words::{annotate, take_off};
use super::{Desired, Observed};

/// The way back of a run.
#[allow(
    clippy::too_many_arguments,
    reason = "one place where a decision to take back is made from all that it depends on"
)]
pub(super) fn back(
    observed: &Observed,
    desired: &Desired,
    set: &MigrationSet,
    ledger: &Ledger,
    up: &RunSummary,
    trigger: Trigger,
    message: &str,
    request_token: Option<String>,
) -> Aftermath {
    let blocked = |why: String| Aftermath::RollbackBlocked(format!("{why}{}", way_on(observed, trigger)));
    if desired.rollback.mode == Mode::Disabled {
        return blocked(format!("{message}; spec.rollback.mode is Disabled"));
    }
    let from = origin(observed, desired, ledger, up);
    let moved = ledger.current().map(ToString::to_string) != up.to;
    if trigger == Trigger::Requested
        && up.outcome == Some(Outcome::Succeeded)
        && moved
        && !names_version(request_token.as_deref())
    {
        return blocked(format!(
            "{message}; the database is at version {} and not where the newest run left it: say where to go, as in \
             sluice.dev/rollback=\"$(date +%s)@{}\"",
            ledger.current().map_or_else(|| "none".to_owned(), ToString::to_string),
            from.as_deref().unwrap_or("0"),
        ));
    }
    let asked_to =
        request_token.as_deref().and_then(|token| token.split_once('@')).map(|(_, version)| version.to_owned());
    let to = asked_to.or_else(|| desired.rollback.to.as_ref().map(ToString::to_string)).or_else(|| from.clone());
    let take_back = TakeBack {
        run: up.id,
        plan_digest: banned(desired, set, ledger, up, to.as_deref()),
        retry_token: observed.retry_token.clone(),
        request_token,
        trigger,
        message: message.to_owned(),
        to,
    };
    let because = take_back.message.clone();
    let aftermath = match with_plan(set, ledger, take_back) {
        Aftermath::RollbackBlocked(why) => return blocked(why),
        aftermath => aftermath,
    };
    match (aftermath, trigger) {
        // What does not hold is never taken for good only because it cannot be taken back.
        (Aftermath::Nothing, Trigger::Check | Trigger::Inconclusive) => blocked(format!(
            "{because}; that run changed no version that could be taken back (a repeatable script, or spec.rollback.to is not below it)"
        )),
        (aftermath, Trigger::Check | Trigger::Inconclusive | Trigger::ApplyFailure | Trigger::Requested) => aftermath,
    }
}

/// The plan that is not tried again: the one that was carried out, or, where the way back goes elsewhere, the one that would lead
/// from there to where the spec points now.
fn banned(desired: &Desired, set: &MigrationSet, ledger: &Ledger, up: &RunSummary, to: Option<&str>) -> String {
    if to == up.from.as_deref() {
        return up.plan_digest.clone();
    }
    let Ok(to) = Version::parse(to.unwrap_or("0")) else { return up.plan_digest.clone() };
    let mut afterwards = ledger.clone();
    for entry in &mut afterwards.entries {
        if entry.version.as_ref().is_some_and(|version| *version > to) {
            entry.status = EntryStatus::RolledBack;
            entry.reverting = false;
        }
    }
    plan::make(set, &afterwards, &desired.target, &desired.policy)
        .map_or_else(|_| up.plan_digest.clone(), |plan| plan.digest)
}

/// `TOKEN@VERSION`
fn names_version(token: Option<&str>) -> bool {
    token.is_some_and(|token| token.contains('@'))
}

/// How a person goes on where there is no way back.
fn way_on(observed: &Observed, trigger: Trigger) -> String {
    let object = &observed.object;
    match trigger {
        Trigger::Check | Trigger::Inconclusive => format!("; {}", keep(object)),
        // It is tried again when the scripts or the spec change.
        Trigger::ApplyFailure => String::new(),
        Trigger::Requested => {
            format!("; withdraw the request with: {}", take_off(object, "rollback"))
        }
    }
}

/// How a person keeps what should have been taken back.
pub(super) fn keep(object: &str) -> String {
    format!("keep what is in effect, for good, with: {}", annotate(object, "abort"))
}

/// What a person does about rows that the way back would destroy.
pub(super) fn cure_of_loss(observed: &Observed, desired: &Desired) -> String {
    let annotate = |what| annotate(&observed.object, what);
    if desired.rollback.data_loss_with_approval {
        format!("to destroy them: {}", annotate("allow-data-loss"))
    } else {
        format!(
            "save them elsewhere, take them out, and try again with: {} (or set spec.rollback.dataLoss: WithApproval)",
            annotate("retry")
        )
    }
}

/// Where the database was before a run, and before those that it went on with: interrupted ones, and those that failed half way and
/// would have been taken back, had nobody asked for another try before that began.
pub(super) fn origin(observed: &Observed, desired: &Desired, ledger: &Ledger, run: &RunSummary) -> Option<String> {
    let older = ledger.runs_of(&observed.object, &observed.uid).skip_while(|other| other.id != run.id).skip(1);
    let gone_on_with = older.take_while(|other| {
        other.direction == Direction::Up
            && match other.outcome {
                Some(Outcome::Interrupted) | None => true,
                // Under another spec it may have been left where it was on purpose.
                Some(Outcome::Failed | Outcome::DeadlineExceeded) => {
                    desired.rollback.takes_back_half() && run_by(observed, other) && run_by(observed, run)
                }
                Some(Outcome::Succeeded | Outcome::NeedsOperator | Outcome::Blocked | Outcome::Aborted) => false,
            }
    });
    gone_on_with.last().unwrap_or(run).from.clone()
}

/// Whether the object as it is now made that run.
fn run_by(observed: &Observed, run: &RunSummary) -> bool {
    run.object_uid == observed.uid && run.generation == observed.generation
}

/// The way down that takes a run back.
pub(super) fn with_plan(set: &MigrationSet, ledger: &Ledger, take_back: TakeBack) -> Aftermath {
    let target = match way_back_target(&take_back) {
        Ok(target) => target,
        Err(why) => return Aftermath::RollbackBlocked(why),
    };
    match plan::make(set, ledger, &target, &way_back()) {
        Ok(plan) if plan.direction == Direction::Down && !plan.is_empty() => {
            Aftermath::TakeBack(Box::new(plan), take_back)
        }
        // It is there already, or above everything that is in effect.
        Ok(_) => Aftermath::Nothing,
        Err(refusal) => Aftermath::RollbackBlocked(format!("{}; there is no way back: {refusal}", take_back.message)),
    }
}

/// Where a rollback goes.
///
/// # Errors
/// When that is no version.
pub fn way_back_target(take_back: &TakeBack) -> Result<Target, String> {
    let to = take_back.to.as_deref().unwrap_or("0");
    Version::parse(to)
        .map(Target::Version)
        .map_err(|error| format!("{}; it cannot go to `{to}`: {error}", take_back.message))
}

/// What a rollback may do: the scripts of the source do not matter for it, only the ledger's copies.
#[must_use]
pub fn way_back() -> Policy {
    Policy { allow_down: true, missing: MissingPolicy::Ignore, ..Policy::default() }
}
