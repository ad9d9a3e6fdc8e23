//! What follows from a judgement: every verdict × what the spec says × what people asked for.

use std::sync::Arc;

use rstest::rstest;
use serde_json::{Value, json};

use super::earlier::{after, automatic, judged, outcome, up, verification, wanted};
use super::fixture::{With, observed, set};
use crate::api::v1alpha1::{ConditionType, Reason};
use crate::plan::{Judgement, Outcome, RunSummary};
use crate::rollout::{Desired, Look, Source, State, decide, report};

#[rstest]
#[case::not_judged_yet(None, "verify", Reason::Verifying)]
#[case::passed(Some(Judgement::Passed), "wait", Reason::UpToDate)]
#[case::ended_by_a_person(Some(Judgement::Aborted), "wait", Reason::UpToDate)]
#[case::failed(Some(Judgement::Failed), "roll back", Reason::RollingBack)]
#[case::inconclusive(Some(Judgement::Inconclusive), "wait", Reason::Paused)]
fn each_judgement_has_its_consequence(
    #[case] judgement: Option<Judgement>,
    #[case] action: &str,
    #[case] reason: Reason,
) {
    assert_eq!(outcome(&judged(judgement, automatic())), (action, reason));
}

#[rstest]
#[case::manual(json!({}), Judgement::Failed, "wait", Reason::CheckFailed)]
#[case::disabled(json!({"mode": "Disabled"}), Judgement::Failed, "wait", Reason::CheckFailed)]
#[case::accept(json!({"mode": "Automatic", "onInconclusive": "Accept"}), Judgement::Inconclusive, "wait", Reason::UpToDate)]
#[case::roll_back(json!({"mode": "Automatic", "onInconclusive": "Rollback"}), Judgement::Inconclusive, "roll back", Reason::RollingBack)]
#[case::manual_does_not_roll_back_by_itself(json!({"onInconclusive": "Rollback"}), Judgement::Inconclusive, "wait", Reason::Paused)]
fn the_spec_decides_about_a_bad_or_missing_judgement(
    #[case] rollback: Value,
    #[case] judgement: Judgement,
    #[case] action: &str,
    #[case] reason: Reason,
) {
    assert_eq!(outcome(&judged(Some(judgement), wanted(rollback, "Latest"))), (action, reason));
}

#[test]
fn only_a_failed_judgement_rolls_back_whatever_else_happens() {
    for judgement in [None, Some(Judgement::Passed), Some(Judgement::Aborted), Some(Judgement::Inconclusive)] {
        let action = outcome(&judged(judgement, automatic())).0;
        assert_ne!(action, "roll back", "{judgement:?}");
    }
}

#[test]
fn a_suspended_object_does_not_roll_back_by_itself_but_says_what_it_would_do() {
    let suspended = judged(Some(Judgement::Failed), Desired { suspended: true, ..automatic() });
    assert_eq!(outcome(&suspended), ("wait", Reason::Suspended));
    let status = report(&suspended, &decide(&suspended).state);
    let message = &status.conditions[0].message;
    assert!(message.contains("take back 1 migration (002) because check orphans failed"), "{message}");
}

#[test]
fn who_brings_something_new_after_a_failed_check_goes_forward() {
    let held = judged(Some(Judgement::Failed), wanted(json!({}), "Latest"));
    assert_eq!(outcome(&held), ("wait", Reason::CheckFailed));
    let fixed = held.with(|o| o.source = Source::Read(Arc::new(set(3))));
    assert_eq!(outcome(&fixed).0, "start");
}

#[test]
fn a_retry_verifies_again_what_is_held() {
    for judgement in [Judgement::Failed, Judgement::Inconclusive] {
        let held = judged(Some(judgement), wanted(json!({}), "Latest"));
        assert_eq!(outcome(&held.with(|o| o.retry_token = Some("again".into()))).0, "verify");
    }
}

#[test]
fn a_first_version_that_does_not_hold_is_taken_back_to_nothing() {
    let first = observed().applied(&["001"]).with(|o| {
        o.desired = Ok(automatic());
        o.source = Source::Read(Arc::new(set(1)));
        if let Look::Seen(seen) = &mut o.database {
            seen.ledger.runs.push(RunSummary { from: None, to: Some("001".into()), ..up(Outcome::Succeeded) });
            seen.ledger.verifications.push(verification(Some(Judgement::Failed)));
        }
    });
    match decide(&first).state {
        State::Pending(job) => assert_eq!((job.plan.steps.len(), job.plan.to), (1, None)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_does_not_hold_and_changed_no_version_is_not_taken_for_good() {
    let repeated = judged(Some(Judgement::Failed), automatic()).with(|o| {
        if let Look::Seen(seen) = &mut o.database {
            seen.ledger.runs[0].from = Some("002".into());
        }
    });
    assert_eq!(outcome(&repeated), ("wait", Reason::RollbackBlocked));
}

#[test]
fn a_run_that_failed_is_not_shown_as_being_measured() {
    let failed = after(&["001"], Outcome::Failed, automatic(), |ledger| ledger.verifications.push(verification(None)));
    let status = report(&failed, &decide(&failed).state);
    assert_eq!(status.verification, None);
    assert!(!status.conditions.iter().any(|c| c.type_ == ConditionType::Verified.as_str()), "{:?}", status.conditions);
}
