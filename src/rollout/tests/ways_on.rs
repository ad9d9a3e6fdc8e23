//! What people do where something is stuck: what keeps it, what tries it again, and what asks for nothing.

use std::sync::Arc;

use rstest::rstest;
use serde_json::json;

use super::earlier::{after, asking, automatic, judged, outcome, taken_back, wanted};
use super::fixture::{With, set};
use crate::api::v1alpha1::Reason;
use crate::plan::{Judgement, Outcome, Trigger};
use crate::rollout::{Look, Observed, Source, decide, report};

/// What the summary condition says.
fn message(observed: &Observed) -> String {
    report(observed, &decide(observed).state).conditions[0].message.clone()
}

#[test]
fn a_request_for_another_try_that_was_taken_off_again_asks_for_nothing() {
    // Everything was done while the annotation said "1". A manifest that replaces the object has none.
    let with_token = |observed: Observed| {
        observed.with(|o| {
            if let Look::Seen(seen) = &mut o.database {
                seen.ledger.runs.iter_mut().for_each(|run| run.retry_token = Some("1".into()));
                seen.ledger.verifications.iter_mut().for_each(|one| one.retry_token = Some("1".into()));
                seen.ledger.rollbacks.iter_mut().for_each(|one| one.what.retry_token = Some("1".into()));
            }
        })
    };
    let held = judged(Some(Judgement::Failed), wanted(json!({}), "Latest"));
    let failed = after(&["001"], Outcome::Failed, wanted(json!({}), "Latest"), |_| {});
    let often = wanted(json!({"maxFailuresPerHour": 1}), "Latest");
    let too_often = after(&["001"], Outcome::Failed, often, |ledger| ledger.runs[0].set_digest = "another".into());
    for (before, reason) in [
        (taken_back(&["001"], Some(Outcome::Succeeded)), Reason::RolledBack),
        (taken_back(&["001", "002"], Some(Outcome::Failed)), Reason::RollbackFailed),
        (taken_back(&["001", "002"], Some(Outcome::Blocked)), Reason::RollbackBlocked),
        (held, Reason::CheckFailed),
        (failed, Reason::ApplyFailed),
        (too_often, Reason::TooManyFailures),
    ] {
        let before = with_token(before);
        assert_eq!(outcome(&before), ("wait", reason));
        assert_ne!(outcome(&before.with(|o| o.retry_token = Some("2".into()))).0, "wait", "{reason:?}");
    }
}

#[rstest]
#[case::rows_at_risk(Outcome::Blocked, &["001", "002"], Reason::UpToDate)]
#[case::it_failed_at_its_first_step(Outcome::Failed, &["001", "002"], Reason::UpToDate)]
#[case::it_took_something_back(Outcome::Failed, &["001"], Reason::RollbackFailed)]
#[case::nobody_knows(Outcome::NeedsOperator, &["001", "002"], Reason::RollbackFailed)]
#[case::that_very_word_ended_it(Outcome::Aborted, &["001", "002"], Reason::RollbackFailed)]
fn a_person_keeps_what_a_rollback_that_did_not_begin_was_to_take_back(
    #[case] end: Outcome,
    #[case] applied: &[&str],
    #[case] reason: Reason,
) {
    let stuck = taken_back(applied, Some(end));
    let message = message(&stuck);
    let kept = reason == Reason::UpToDate;
    assert_eq!(message.contains("keep what is in effect, for good, with: kubectl"), kept, "{message}");
    let abort = |o: &mut Observed| o.requests.abort = Some("1".into());
    assert_eq!(outcome(&stuck.clone().with(abort)), ("wait", reason));
    if !kept {
        return;
    }
    // Whoever brings something new goes forward from there, and whoever changes his mind takes it back.
    let new = stuck.clone().with(abort).with(|o| o.source = Source::Read(Arc::new(set(3))));
    assert_eq!(outcome(&new), ("start", Reason::Applying));
    let back = stuck.with(asking("2")).with(abort);
    assert_eq!(outcome(&back), ("roll back", Reason::RollingBack));
}

#[test]
fn what_has_no_way_back_is_kept_by_a_person_who_says_so() {
    // The ledger has no way down of 002.
    let blocked = judged(Some(Judgement::Failed), automatic()).with(|o| {
        if let Look::Seen(seen) = &mut o.database {
            seen.ledger.entries[1].down_sql = None;
        }
    });
    assert_eq!(outcome(&blocked), ("wait", Reason::RollbackBlocked));
    let message = message(&blocked);
    assert!(message.contains("keep what is in effect, for good, with: kubectl"), "{message}");
    let ended = blocked.with(|o| o.requests.abort = Some("1".into()));
    assert_eq!(outcome(&ended).0, "verify", "to be ended: the ledger says that a person took it");
}

#[test]
fn a_request_that_cannot_be_met_says_how_to_withdraw_it() {
    let disabled = || judged(Some(Judgement::Passed), wanted(json!({"mode": "Disabled"}), "Latest"));
    let asked = disabled().with(asking("1"));
    assert_eq!(outcome(&asked), ("wait", Reason::RollbackBlocked));
    let told = message(&asked);
    assert!(told.contains("kubectl annotate dbm orders -n shop sluice.dev/rollback-"), "{told}");
    let held = judged(Some(Judgement::Failed), wanted(json!({"mode": "Disabled"}), "Latest"));
    let message = message(&held);
    assert!(message.contains("Disabled") && !message.contains("sluice.dev/rollback="), "{message}");
    assert!(message.contains("sluice.dev/abort="), "{message}");
}

#[test]
fn only_what_was_judged_is_said_not_to_have_held_and_only_what_was_in_effect_to_have_been_taken_back() {
    for (trigger, told) in [
        (Trigger::Check, "version 002 did not hold and was taken back: "),
        (Trigger::Requested, "version 002 was taken back: "),
        (Trigger::ApplyFailure, "version 002 failed half way, and what was in effect of that was taken back: "),
    ] {
        let done = taken_back(&["001"], Some(Outcome::Succeeded)).with(|o| {
            if let Look::Seen(seen) = &mut o.database {
                seen.ledger.rollbacks[0].what.trigger = trigger;
            }
        });
        let message = message(&done);
        assert!(message.starts_with(told), "{message}");
    }
}

#[rstest]
#[case::not_judged(None, "verify")]
#[case::passed(Some(Judgement::Passed), "wait")]
#[case::failed(Some(Judgement::Failed), "roll back")]
fn a_request_to_go_where_the_database_is_skips_no_judgement(
    #[case] judgement: Option<Judgement>,
    #[case] action: &str,
) {
    assert_eq!(outcome(&judged(judgement, automatic()).with(asking("1@002"))).0, action);
}
