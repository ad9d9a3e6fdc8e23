//! The rules that kstatus (and with it Flux, Argo CD and `kubectl wait`) reads a status by, in every state.

use super::fixture::{With, desired, observed, run, running};
use crate::api::v1alpha1::{ConditionType, DatabaseMigrationStatus, Reason};
use crate::database::{DatabaseError, Stage};
use crate::plan::Outcome;
use crate::rollout::{Look, Observed, Source, decide, report};

fn states() -> Vec<Observed> {
    vec![
        observed(),
        observed().invalid(),
        observed().applied(&["001", "002"]),
        observed().applied(&["001"]),
        observed().failing(DatabaseError::Unreachable("down".into())),
        observed().with(|o| o.source = Source::Invalid("bad".into())),
        observed().with(|o| o.source = Source::NotReady("missing".into())),
        observed().with(|o| o.database = Look::NotReady("missing".into())),
        observed().with(|o| o.desired = Ok(desired("009", false))),
        observed().with(|o| o.desired = Ok(desired("Latest", true))),
        observed().last_run(run(Some(Outcome::Failed))),
        observed().with(|o| o.task = running(Stage::Applying)),
        observed().with(|o| o.task = running(Stage::RetryingLock)),
    ]
}

fn status(observed: &Observed) -> DatabaseMigrationStatus {
    report(observed, &decide(observed).state)
}

#[test]
fn exactly_one_of_ready_reconciling_and_stalled_holds_unless_it_is_suspended() {
    for observed in states() {
        let status = status(&observed);
        let holds =
            |type_: ConditionType| status.conditions.iter().any(|c| c.type_ == type_.as_str() && c.status == "True");
        let number = [ConditionType::Ready, ConditionType::Reconciling, ConditionType::Stalled]
            .into_iter()
            .filter(|type_| holds(*type_))
            .count();
        let waits_for_a_person = status.conditions[0].reason == Reason::Suspended.as_str();
        assert_eq!(number, usize::from(!waits_for_a_person), "{:?}", status.conditions);
    }
}

#[test]
fn reconciling_and_stalled_are_absent_when_they_are_not_true() {
    for observed in states() {
        for condition in status(&observed).conditions {
            if [ConditionType::Reconciling.as_str(), ConditionType::Stalled.as_str()]
                .contains(&condition.type_.as_str())
            {
                assert_eq!(condition.status, "True");
            }
        }
    }
}

#[test]
fn every_condition_and_the_status_carry_the_generation_they_speak_of() {
    for observed in states() {
        let before = status(&observed.clone().with(|o| o.generation = 2));
        let after = status(&observed.reported(before));
        assert_eq!(after.observed_generation, Some(3));
        assert!(after.conditions.iter().all(|c| c.observed_generation == Some(3)), "{:?}", after.conditions);
    }
}

#[test]
fn what_an_earlier_generation_had_come_to_is_not_claimed_of_the_present_one() {
    let done = status(&observed().applied(&["001", "002"]).with(|o| o.generation = 2));
    let down = || observed().failing(DatabaseError::Unreachable("down".into())).reported(done.clone());
    let types = |observed: &Observed| status(observed).conditions.into_iter().map(|c| c.type_).collect::<Vec<_>>();
    assert_eq!(types(&down()), ["Ready", "Reconciling"]);
    assert_eq!(
        types(&down().with(|o| o.generation = 2)),
        ["Ready", "Reconciling", "Planned", "Applied", "RollbackReady"]
    );
}

#[test]
fn why_there_was_no_plan_is_not_told_beside_a_newer_reason() {
    let missing = status(&observed().with(|o| o.database = Look::NotReady("no Secret".into())));
    let down = status(&observed().failing(DatabaseError::Unreachable("down".into())).reported(missing));
    assert!(!down.conditions.iter().any(|c| c.message.contains("no Secret")), "{:?}", down.conditions);
}

#[test]
fn each_type_stands_once_and_each_reason_is_a_documented_word() {
    for observed in states() {
        let status = status(&observed);
        for condition in &status.conditions {
            assert_eq!(status.conditions.iter().filter(|c| c.type_ == condition.type_).count(), 1);
            assert!(Reason::parse(&condition.reason).is_some(), "{}", condition.reason);
            assert!(condition.message.len() < 32_768 && !condition.message.is_empty(), "{}", condition.message);
        }
    }
}

#[test]
fn an_unchanged_world_gives_an_unchanged_status_to_the_letter() {
    for observed in states() {
        let first = status(&observed);
        let later = observed.reported(first.clone()).with(|o| {
            o.now = super::fixture::at(2_000_000);
            o.jitter = 0.9;
            o.attempts += 3;
        });
        assert_eq!(status(&later), first);
    }
}

#[test]
fn a_transition_time_moves_when_the_status_does_and_only_then() {
    let down = status(&observed().failing(DatabaseError::Unreachable("down".into())));
    let still = observed().failing(DatabaseError::Login("28P01".into())).reported(down.clone());
    let still = status(&still.with(|o| o.now = super::fixture::at(2_000_000)));
    assert_eq!(still.conditions[0].last_transition_time, down.conditions[0].last_transition_time);
    let up = observed().applied(&["001", "002"]).reported(still).with(|o| o.now = super::fixture::at(3_000_000));
    assert_eq!(status(&up).conditions[0].last_transition_time.0, super::fixture::at(3_000_000));
}

#[test]
fn a_lost_status_is_rebuilt_from_the_ledger() {
    let whole = observed().applied(&["001", "002"]).last_run(run(Some(Outcome::Succeeded)));
    let before = status(&whole);
    assert_eq!(before.applied.as_ref().unwrap().version, "002");
    assert_eq!(before.history.len(), 1);
    assert_eq!(status(&whole.with(|o| o.previous = None)), before);
    let failed = observed().last_run(run(Some(Outcome::Failed)));
    let told = status(&failed.clone().reported(status(&observed())));
    assert_eq!(told.plan.as_ref().unwrap().steps, 2);
    assert_eq!(status(&failed), told, "the plan that failed, too");
}

#[test]
fn the_failure_count_is_gone_after_a_success() {
    let failed = observed().last_run(run(Some(Outcome::Failed))).last_run(run(Some(Outcome::Failed)));
    let before = status(&failed);
    assert_eq!(before.failures, Some(2));
    let fixed = observed().applied(&["001", "002"]).last_run(run(Some(Outcome::Failed)));
    let fixed = fixed.last_run(run(Some(Outcome::Succeeded))).reported(before);
    assert_eq!(status(&fixed).failures, None);
}
