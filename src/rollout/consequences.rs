//! The sentences about what follows from a judgement: what is held, was taken back, or could not be.

use crate::api::v1alpha1::Reason;
use crate::plan::{Judgement, Plan, Rollback, RunSummary, TakeBack, Trigger};

use super::Observed;
use super::aftermath::can_be_kept;
use super::back::keep;
use super::judging::Mode;
use super::words::{annotate, current};

/// What the rollback brought back from undo copies, and what it could not.
pub(super) fn brought_back(observed: &Observed, rollback: &Rollback) -> String {
    let runs = observed.inspection().map(|seen| &seen.ledger.runs);
    let attempt = runs.and_then(|runs| runs.iter().find(|run| run.id == rollback.attempt));
    attempt.and_then(RunSummary::brought_back).map(|told| format!("; {told}")).unwrap_or_default()
}

/// What happened to a version that is not tried again. Who takes something back by hand may have other reasons.
pub(super) fn was_taken_back(rollback: &Rollback, plan: &Plan) -> &'static str {
    match (rollback.what.trigger, plan.steps.len()) {
        (Trigger::Requested, 1) => "was taken back",
        (Trigger::Requested, _) => "were taken back",
        (Trigger::Check | Trigger::Inconclusive, 1) => "did not hold and was taken back",
        (Trigger::Check | Trigger::Inconclusive, _) => "did not hold and were taken back",
        // Not all of them had come to be in effect.
        (Trigger::ApplyFailure, _) => "failed half way, and what was in effect of that was taken back",
    }
}

/// A person has to say what follows.
pub(super) fn held(observed: &Observed, run: &RunSummary, judgement: Judgement, message: &str) -> (Reason, String) {
    let version = run.to.as_deref().unwrap_or("none");
    let object = &observed.object;
    let (again, keep) = (annotate(object, "retry"), annotate(object, "abort"));
    let disabled = observed.desired.as_ref().is_ok_and(|desired| desired.rollback.mode == Mode::Disabled);
    let back = if disabled {
        "it cannot be taken back while spec.rollback.mode is Disabled".to_owned()
    } else {
        format!("take it back with: {}", annotate(object, "rollback"))
    };
    match judgement {
        Judgement::Failed => (
            Reason::CheckFailed,
            format!(
                "version {version} is in effect, and {message}. Nothing is taken back by itself (spec.rollback.mode); {back}; verify it again \
                 with: {again}; keep it for good with: {keep}"
            ),
        ),
        Judgement::Inconclusive | Judgement::Passed | Judgement::Aborted => (
            Reason::Paused,
            format!(
                "version {version} is in effect, and nobody can tell whether it is well: {message}. Keep it for good with: {keep}; verify it \
                 again with: {again}; {back}"
            ),
        ),
    }
}

/// The way back failed.
pub(super) fn rollback_failed(observed: &Observed, attempt: &RunSummary, back: &TakeBack) -> (Reason, String) {
    let why = attempt.failure.as_ref().map_or("no reason is recorded", |failure| failure.message.as_str());
    let whole = observed.inspection().is_some_and(|seen| can_be_kept(&seen.ledger, attempt));
    let kept = if whole { format!("; or {}", keep(&observed.object)) } else { String::new() };
    (
        Reason::RollbackFailed,
        format!(
            "the way back to {} failed: {why}. The database is at version {}. It was to be taken back because {}. Mend what stands in the way, \
             then: {}{kept}",
            back.to.as_deref().unwrap_or("nothing"),
            current(observed),
            back.message,
            annotate(&observed.object, "retry"),
        ),
    )
}
