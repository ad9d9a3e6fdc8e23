//! Checks that another release of Sluice recorded, and that this one cannot use.

use std::sync::Arc;

use rstest::rstest;
use serde_json::{Value, json};

use super::earlier::{asking, judged, outcome, wanted};
use super::fixture::{With, set};
use crate::api::v1alpha1::{ConditionType, Reason};
use crate::plan::Judgement;
use crate::rollout::{Action, Desired, Look, Observed, Source, decide, report};

/// The same judgement, recorded with checks that only another release can read.
fn unreadable(judgement: Option<Judgement>, desired: Desired) -> Observed {
    judged(judgement, desired).with(|o| {
        if let Look::Seen(seen) = &mut o.database {
            seen.ledger.verifications[0].spec = json!({"checks": [{"name": "orphans", "telepathy": {}}]});
        }
    })
}

fn without_checks(rollback: Value) -> Desired {
    Desired { verification: None, ..wanted(rollback, "Latest") }
}

#[rstest]
#[case::paused(json!({}), "wait", Reason::Paused)]
#[case::paused_where_failures_roll_back(json!({"mode": "Automatic"}), "wait", Reason::Paused)]
#[case::taken_for_good(json!({"onInconclusive": "Accept"}), "wait", Reason::UpToDate)]
#[case::taken_back(json!({"mode": "Automatic", "onInconclusive": "Rollback"}), "roll back", Reason::RollingBack)]
fn checks_that_another_release_recorded_come_to_no_result(
    #[case] rollback: Value,
    #[case] action: &str,
    #[case] reason: Reason,
) {
    assert_eq!(outcome(&unreadable(None, without_checks(rollback))), (action, reason));
}

#[test]
fn what_cannot_be_judged_says_what_to_do_and_then_nothing_is_written_or_repeated() {
    let held = unreadable(None, without_checks(json!({})));
    let decision = decide(&held);
    let status = report(&held, &decision.state);
    assert_eq!(status.verification.as_ref().unwrap().verdict, "Inconclusive");
    let verified = status.conditions.iter().find(|c| c.type_ == ConditionType::Verified.as_str()).unwrap();
    assert_eq!((verified.status.as_str(), verified.reason.as_str()), ("Unknown", "Paused"));
    let message = &status.conditions[0].message;
    for part in ["set spec.verification", "checks[orphans]", "sluice.dev/abort", "sluice.dev/rollback"] {
        assert!(message.contains(part), "{message}");
    }
    assert!(decision.settles && !decision.retrying);
    assert!(decision.requeue.is_some_and(|requeue| requeue >= held.resync.mul_f64(0.8)), "{:?}", decision.requeue);
    let again = held.with(|o| o.previous = Some(status.clone()));
    assert_eq!(report(&again, &decide(&again).state), status);
}

#[test]
fn a_person_finds_a_way_on_where_the_recorded_checks_cannot_be_used() {
    let held = |judgement| unreadable(judgement, without_checks(json!({})));
    let abort = |o: &mut Observed| o.requests.abort = Some("1".into());
    assert_eq!(outcome(&held(None).with(abort)).0, "verify", "to be ended: the ledger says that a person took it");
    assert_eq!(outcome(&held(None).with(asking("1"))).0, "roll back");
    let with_checks = held(None).with(|o| o.desired = Ok(wanted(json!({}), "Latest")));
    match decide(&with_checks).action {
        Action::Verify(due) => assert!(due.substituted() && due.by.checks[0].name == "orphans"),
        other => panic!("{other:?}"),
    }
    for judgement in [None, Some(Judgement::Failed), Some(Judgement::Inconclusive)] {
        let retried = held(judgement).with(|o| o.retry_token = Some("again".into()));
        assert_eq!(outcome(&retried).0, "wait", "{judgement:?}: another try cannot measure it either");
        let message = &report(&retried, &decide(&retried).state).conditions[0].message;
        assert!(message.contains("set spec.verification"), "{message}");
    }
    let new = held(None).with(|o| o.source = Source::Read(Arc::new(set(3))));
    assert_eq!(outcome(&new).0, "start");
}
