//! What earlier runs leave to be done: every way in which a run can have ended × what the spec says × what people asked for.

use jiff::Timestamp;
use rstest::rstest;
use serde_json::{Value, json};
use uuid::Uuid;

use super::fixture::{With, at, observed, run, seen, set};
use crate::api::v1alpha1::{ConditionType, DatabaseMigrationSpec, Reason};
use crate::checks::Window;
use crate::plan::{
    Direction, Judgement, Ledger, Outcome, Policy, Rollback, RunSummary, TakeBack, Target, Trigger, Verification, make,
};
use crate::rollout::{Action, Desired, Look, Observed, Requests, State, Verifying, decide, report};

const UP: Uuid = Uuid::from_u128(1);
const BACK: Uuid = Uuid::from_u128(2);

pub(super) fn wanted(rollback: Value, target: &str) -> Desired {
    let spec: DatabaseMigrationSpec = serde_json::from_value(json!({
        "database": {"secretRef": {"name": "db"}},
        "source": {"configMaps": [{"name": "sql"}]},
        "targetVersion": target,
        "verification": {"checks": [{"name": "orphans", "sql": {"query": "select 0"}, "expect": "value == 0"}]},
        "rollback": rollback,
    }))
    .unwrap();
    Desired::of(&spec).unwrap()
}

pub(super) fn automatic() -> Desired {
    wanted(json!({"mode": "Automatic"}), "Latest")
}

/// The plan that brought the database from 001 to 002.
pub(super) fn plan_digest() -> String {
    let before = seen(&["001"]).ledger;
    make(&set(2), &before, &Target::Latest, &Policy { allow_down: true, require_down: true, ..Policy::default() })
        .unwrap()
        .digest
}

/// The run from 001 to 002.
pub(super) fn up(outcome: Outcome) -> RunSummary {
    RunSummary { id: UP, from: Some("001".into()), plan_digest: plan_digest(), ..run(Some(outcome)) }
}

pub(super) fn verification(judgement: Option<Judgement>) -> Verification {
    Verification {
        run: UP,
        spec: json!({"checks": [{"name": "orphans", "sql": {"query": "select 0"}, "expect": "value == 0"}]}),
        baseline: json!({}),
        judgement,
        retry_token: None,
        message: judgement.map(|_| "check orphans failed (value 3)".into()),
        evidence: Value::Null,
    }
}

pub(super) fn rollback(trigger: Trigger) -> Rollback {
    let what = TakeBack {
        run: UP,
        plan_digest: plan_digest(),
        retry_token: None,
        request_token: None,
        trigger,
        message: "check orphans failed (value 3)".into(),
        to: Some("001".into()),
    };
    Rollback { what, attempt: BACK }
}

pub(super) fn back(outcome: Option<Outcome>) -> RunSummary {
    RunSummary {
        id: BACK,
        direction: Direction::Down,
        from: Some("002".into()),
        to: Some("001".into()),
        ..run(outcome)
    }
}

/// An object whose newest run went from 001 to 002, on a database that is at these versions.
pub(super) fn after(
    applied: &[&str],
    outcome: Outcome,
    desired: Desired,
    change: impl FnOnce(&mut Ledger),
) -> Observed {
    observed().applied(applied).with(|o| {
        o.desired = Ok(desired);
        if let Look::Seen(seen) = &mut o.database {
            seen.ledger.runs.push(up(outcome));
            change(&mut seen.ledger);
        }
    })
}

pub(super) fn judged(judgement: Option<Judgement>, desired: Desired) -> Observed {
    after(&["001", "002"], Outcome::Succeeded, desired, |ledger| ledger.verifications.push(verification(judgement)))
}

pub(super) fn taken_back(applied: &[&str], outcome: Option<Outcome>) -> Observed {
    after(applied, Outcome::Succeeded, automatic(), |ledger| {
        ledger.verifications.push(verification(Some(Judgement::Failed)));
        ledger.rollbacks.push(rollback(Trigger::Check));
        ledger.runs.insert(0, back(outcome));
    })
}

/// The action in a word, and the reason.
pub(super) fn outcome(observed: &Observed) -> (&'static str, Reason) {
    let decision = decide(observed);
    let status = report(observed, &decision.state);
    let ready = status.conditions.iter().find(|c| c.type_ == ConditionType::Ready.as_str()).unwrap();
    let action = match &decision.action {
        Action::Wait => "wait",
        Action::Start(job) if job.take_back.is_some() => "roll back",
        Action::Start(_) => "start",
        Action::Rehearse(_) => "rehearse",
        Action::Verify(_) => "verify",
        Action::EndVerification => "end verification",
        Action::Queue => "queue",
        Action::Stop { abort: true } => "abort",
        Action::Stop { abort: false } => "stop",
    };
    (action, Reason::parse(&ready.reason).unwrap())
}

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

#[rstest]
#[case::done(&["001"], Some(Outcome::Succeeded), "wait", Reason::RolledBack)]
#[case::under_way_when_its_process_died(&["001", "002"], None, "roll back", Reason::RollingBack)]
#[case::interrupted(&["001", "002"], Some(Outcome::Interrupted), "roll back", Reason::RollingBack)]
#[case::failed(&["001", "002"], Some(Outcome::Failed), "wait", Reason::RollbackFailed)]
#[case::too_late(&["001", "002"], Some(Outcome::DeadlineExceeded), "wait", Reason::RollbackFailed)]
#[case::unknown(&["001", "002"], Some(Outcome::NeedsOperator), "wait", Reason::RollbackFailed)]
#[case::rows_at_risk(&["001", "002"], Some(Outcome::Blocked), "wait", Reason::RollbackBlocked)]
#[case::done_but_its_end_was_not_recorded(&["001"], None, "wait", Reason::RolledBack)]
fn each_end_of_a_rollback_has_its_consequence(
    #[case] applied: &[&str],
    #[case] end: Option<Outcome>,
    #[case] action: &str,
    #[case] reason: Reason,
) {
    assert_eq!(outcome(&taken_back(applied, end)), (action, reason));
}

#[rstest]
#[case::an_unchanged_world(|_: &mut Observed| {}, "wait")]
#[case::a_wiped_status(|o: &mut Observed| o.previous = None, "wait")]
#[case::the_same_manifest_again(|o: &mut Observed| o.generation += 1, "wait")]
#[case::an_object_that_was_recreated(|o: &mut Observed| o.uid = "uid-2".into(), "wait")]
#[case::new_content(|o: &mut Observed| o.source = crate::rollout::Source::Read(std::sync::Arc::new(set(3))), "start")]
#[case::a_retry(|o: &mut Observed| o.retry_token = Some("again".into()), "start")]
#[case::a_target_that_is_in_effect(|o: &mut Observed| o.desired = Ok(wanted(json!({}), "001")), "wait")]
fn what_was_rolled_back_is_tried_again_only_after_a_change(#[case] change: fn(&mut Observed), #[case] action: &str) {
    assert_eq!(outcome(&taken_back(&["001"], Some(Outcome::Succeeded)).with(change)).0, action);
}

#[test]
fn what_failed_again_after_a_retry_is_not_tried_a_third_time_by_itself() {
    let again = taken_back(&["001"], Some(Outcome::Succeeded)).with(|o| {
        o.retry_token = Some("again".into());
        if let Look::Seen(seen) = &mut o.database {
            seen.ledger.rollbacks[0].what.retry_token = Some("again".into());
        }
    });
    assert_eq!(outcome(&again), ("wait", Reason::RolledBack));
}

#[test]
fn a_suspended_object_does_not_roll_back_by_itself_but_says_what_it_would_do() {
    let suspended = judged(Some(Judgement::Failed), Desired { suspended: true, ..automatic() });
    assert_eq!(outcome(&suspended), ("wait", Reason::Suspended));
    let status = report(&suspended, &decide(&suspended).state);
    let message = &status.conditions[0].message;
    assert!(message.contains("take back 1 migration (002) because check orphans failed"), "{message}");
}

#[rstest]
#[case::taken_back(automatic(), &["001", "002"], "roll back")]
#[case::nothing_was_applied_before_it_failed(automatic(), &["001"], "wait")]
#[case::stop(wanted(json!({"mode": "Automatic", "onApplyFailure": "Stop"}), "Latest"), &["001", "002"], "wait")]
#[case::manual(wanted(json!({}), "Latest"), &["001", "002"], "wait")]
fn a_run_that_fails_half_way_is_taken_back_where_the_spec_says_so(
    #[case] desired: Desired,
    #[case] applied: &[&str],
    #[case] action: &str,
) {
    for end in [Outcome::Failed, Outcome::DeadlineExceeded] {
        // Of three migrations, 002 is in effect and 003 failed.
        let failed = after(applied, end, desired.clone(), |_| {}).with(|o| {
            o.source = crate::rollout::Source::Read(std::sync::Arc::new(set(3)));
            if let Look::Seen(seen) = &mut o.database {
                seen.ledger.runs[0].set_digest = set(3).digest;
            }
        });
        assert_eq!(outcome(&failed).0, action, "{end:?}");
    }
}

#[test]
fn what_an_interrupted_run_applied_is_taken_back_when_the_one_that_went_on_fails() {
    // From 001 to 003: interrupted at 002; the next one failed at 003.
    let failed = after(&["001", "002"], Outcome::Failed, automatic(), |_| {}).with(|o| {
        o.source = crate::rollout::Source::Read(std::sync::Arc::new(set(3)));
        if let Look::Seen(seen) = &mut o.database {
            let interrupted = RunSummary { id: Uuid::from_u128(7), ..up(Outcome::Interrupted) };
            seen.ledger.runs[0].set_digest = set(3).digest;
            seen.ledger.runs[0].from = Some("002".into());
            seen.ledger.runs.push(interrupted);
        }
    });
    match decide(&failed).action {
        Action::Start(job) => assert_eq!(job.plan.to.map(|to| to.to_string()).as_deref(), Some("001")),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_run_of_which_nobody_knows_what_it_did_is_left_to_a_person() {
    let unknown = after(&["001", "002"], Outcome::NeedsOperator, automatic(), |_| {}).with(|o| {
        o.source = crate::rollout::Source::Read(std::sync::Arc::new(set(3)));
        if let Look::Seen(seen) = &mut o.database {
            seen.ledger.runs[0].set_digest = set(3).digest;
        }
    });
    assert_eq!(outcome(&unknown), ("wait", Reason::NeedsOperator));
}

pub(super) fn asking(token: &str) -> impl FnOnce(&mut Observed) {
    let token = token.to_owned();
    move |o| o.requests = Requests { rollback: Some(token), ..Requests::default() }
}

#[test]
fn a_person_takes_back_what_is_in_effect_once_for_each_request() {
    let well = || judged(Some(Judgement::Passed), wanted(json!({}), "Latest"));
    assert_eq!(outcome(&well().with(asking("1"))), ("roll back", Reason::RollingBack));
    let seen_before = well().with(asking("1")).with(|o| {
        if let Look::Seen(seen) = &mut o.database {
            seen.ledger.runs[0].rollback_token = Some("1".into());
        }
    });
    assert_eq!(outcome(&seen_before), ("wait", Reason::UpToDate), "the request was there before the run began");
    let answered = taken_back(&["001"], Some(Outcome::Succeeded)).with(asking("1")).with(|o| {
        if let Look::Seen(seen) = &mut o.database {
            seen.ledger.rollbacks[0].what.request_token = Some("1".into());
        }
    });
    assert_eq!(outcome(&answered), ("wait", Reason::RolledBack));
}

#[test]
fn a_person_says_where_to_go() {
    let to_nothing = judged(Some(Judgement::Passed), automatic()).with(asking("1@0"));
    match decide(&to_nothing).action {
        Action::Start(job) => assert_eq!(job.plan.steps.len(), 2),
        other => panic!("{other:?}"),
    }
    let nowhere = judged(Some(Judgement::Passed), automatic()).with(asking("1@x"));
    assert_eq!(outcome(&nowhere), ("wait", Reason::RollbackBlocked));
}

#[test]
fn without_a_down_script_nothing_begins_where_the_spec_requires_one() {
    let file = |path: &str, content: &str| crate::migration::RawFile::named(path, content);
    let options = crate::migration::SetOptions {
        dialect: crate::migration::Dialect::Postgres,
        layout: crate::migration::Layout::Auto,
        allow_gaps: false,
    };
    let one_way = crate::migration::MigrationSet::read(&[file("V001__t.sql", "create table t (id int);")], options);
    let one_way = std::sync::Arc::new(one_way.unwrap());
    let with = |rollback| {
        observed().with(|o| {
            o.source = crate::rollout::Source::Read(one_way.clone());
            o.desired = Ok(wanted(rollback, "Latest"));
        })
    };
    assert_eq!(outcome(&with(json!({"mode": "Automatic"}))), ("wait", Reason::PlanFailed));
    assert_eq!(outcome(&with(json!({"mode": "Automatic", "require": "None"}))), ("start", Reason::Applying));
    assert_eq!(outcome(&with(json!({}))), ("start", Reason::Applying));
}

#[test]
fn so_many_failures_within_an_hour_stop_the_object_until_it_is_told_to_try_again() {
    let failing = |minutes: &[i64]| {
        let times: Vec<Timestamp> = minutes.iter().map(|minute| at(900_000 + minute * 60)).collect();
        observed().applied(&["001"]).with(|o| {
            o.desired = Ok(automatic());
            // Each failed with another content than the one that is there now.
            if let Look::Seen(seen) = &mut o.database {
                for time in times {
                    let failed = RunSummary {
                        id: Uuid::from_u128(9),
                        from: Some("001".into()),
                        started_at: time,
                        set_digest: "another".into(),
                        ..run(Some(Outcome::Failed))
                    };
                    seen.ledger.runs.push(failed);
                }
            }
        })
    };
    assert_eq!(outcome(&failing(&[50, 20])), ("start", Reason::Applying));
    assert_eq!(outcome(&failing(&[50, 20, 0])), ("wait", Reason::TooManyFailures));
    assert_eq!(outcome(&failing(&[90, 20, 0])), ("start", Reason::Applying), "not within an hour");
    let later = failing(&[50, 20, 0]).with(|o| o.now = at(9_000_000));
    assert_eq!(outcome(&later), ("wait", Reason::TooManyFailures), "it stays stopped");
    let told = failing(&[50, 20, 0]).with(|o| o.retry_token = Some("again".into()));
    assert_eq!(outcome(&told), ("start", Reason::Applying));
}

fn verifying() -> Verifying {
    Verifying {
        run: UP,
        generation: 3,
        version: "002".into(),
        since: at(999_000),
        until: at(1_001_000),
        window: Window::new([]),
        trouble: None,
        ignored: Requests { abort: Some("old".into()), rollback: Some("old".into()), allow_data_loss: None },
    }
}

#[rstest]
#[case::nothing_new(Requests { abort: Some("old".into()), rollback: Some("old".into()), ..Requests::default() }, "wait")]
#[case::no_annotation(Requests::default(), "wait")]
#[case::an_abort(Requests { abort: Some("new".into()), ..Requests::default() }, "end verification")]
#[case::a_rollback(Requests { rollback: Some("new".into()), ..Requests::default() }, "end verification")]
fn a_window_is_ended_by_new_requests_only(#[case] requests: Requests, #[case] action: &str) {
    let observed = observed().with(|o| {
        o.verifying = Some(verifying());
        o.requests = requests;
    });
    assert_eq!(outcome(&observed), (action, Reason::Verifying));
}

#[test]
fn a_change_of_the_spec_that_waits_for_the_end_of_the_window_is_told_with_the_way_to_end_it() {
    let message = |generation: i64| {
        let observed = observed().with(|o| {
            o.verifying = Some(verifying());
            o.generation = generation;
        });
        report(&observed, &decide(&observed).state).conditions[0].message.clone()
    };
    assert!(!message(3).contains("the change of the spec"), "{}", message(3));
    for part in ["the change of the spec is looked at when that is over", "sluice.dev/abort"] {
        assert!(message(4).contains(part), "{}", message(4));
    }
}

#[test]
fn nothing_new_begins_while_a_version_is_being_verified() {
    // New content is there, and the ledger says that the last run is not judged yet.
    let new = judged(None, automatic()).with(|o| o.source = crate::rollout::Source::Read(std::sync::Arc::new(set(3))));
    assert_eq!(outcome(&new).0, "verify");
    let under_way = new.with(|o| o.verifying = Some(verifying()));
    assert_eq!(outcome(&under_way), ("wait", Reason::Verifying));
}

#[test]
fn who_brings_something_new_after_a_failed_check_goes_forward() {
    let held = judged(Some(Judgement::Failed), wanted(json!({}), "Latest"));
    assert_eq!(outcome(&held), ("wait", Reason::CheckFailed));
    let fixed = held.with(|o| o.source = crate::rollout::Source::Read(std::sync::Arc::new(set(3))));
    assert_eq!(outcome(&fixed).0, "start");
}

#[test]
fn a_retry_verifies_again_what_is_held() {
    for judgement in [Judgement::Failed, Judgement::Inconclusive] {
        let held = judged(Some(judgement), wanted(json!({}), "Latest"));
        assert_eq!(outcome(&held.with(|o| o.retry_token = Some("again".into()))).0, "verify");
    }
}

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
    let new = held(None).with(|o| o.source = crate::rollout::Source::Read(std::sync::Arc::new(set(3))));
    assert_eq!(outcome(&new).0, "start");
}

#[test]
fn approval_lets_a_blocked_rollback_begin() {
    let blocked = |allowed: bool| {
        taken_back(&["001", "002"], Some(Outcome::Blocked)).with(|o| {
            o.desired = Ok(wanted(json!({"mode": "Automatic", "dataLoss": "WithApproval"}), "Latest"));
            o.requests.allow_data_loss = allowed.then(|| "yes".into());
        })
    };
    assert_eq!(outcome(&blocked(false)), ("wait", Reason::RollbackBlocked));
    assert_eq!(outcome(&blocked(true)), ("roll back", Reason::RollingBack));
    let never = blocked(true).with(|o| o.desired = Ok(automatic()));
    assert_eq!(outcome(&never), ("wait", Reason::RollbackBlocked), "the spec says never");
}

#[test]
fn a_first_version_that_does_not_hold_is_taken_back_to_nothing() {
    let first = observed().applied(&["001"]).with(|o| {
        o.desired = Ok(automatic());
        o.source = crate::rollout::Source::Read(std::sync::Arc::new(set(1)));
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

#[rstest]
#[case::nobody_noticed_yet(None)]
#[case::a_later_run_noticed(Some(Outcome::Interrupted))]
fn a_run_that_took_effect_before_its_process_died_is_judged_all_the_same(#[case] end: Option<Outcome>) {
    let died = |judgement| {
        judged(judgement, automatic()).with(|o| {
            if let Look::Seen(seen) = &mut o.database {
                seen.ledger.runs[0].outcome = end;
            }
        })
    };
    assert_eq!(outcome(&died(None)), ("verify", Reason::Verifying));
    assert_eq!(outcome(&died(Some(Judgement::Failed))), ("roll back", Reason::RollingBack));
    assert_eq!(outcome(&died(Some(Judgement::Passed))), ("wait", Reason::UpToDate));
}

#[rstest]
#[case::nobody_noticed_yet(None)]
#[case::a_later_run_noticed(Some(Outcome::Interrupted))]
fn a_run_that_died_before_its_repeatable_script_is_finished_before_it_is_judged(#[case] end: Option<Outcome>) {
    let file = |path: &str, content: &str| crate::migration::RawFile::named(path, content);
    let options = crate::migration::SetOptions {
        dialect: crate::migration::Dialect::Postgres,
        layout: crate::migration::Layout::Auto,
        allow_gaps: false,
    };
    let mut files = vec![file("R__view.sql", "create or replace view v as select 1 as x;")];
    for n in 1..=2 {
        files.push(file(&format!("V{n:03}__t.sql"), &format!("create table t{n} (id int);")));
        files.push(file(&format!("U{n:03}__t.sql"), &format!("drop table t{n};")));
    }
    let with_view = std::sync::Arc::new(crate::migration::MigrationSet::read(&files, options).unwrap());
    let died = judged(None, automatic()).with(|o| {
        o.source = crate::rollout::Source::Read(with_view.clone());
        if let Look::Seen(seen) = &mut o.database {
            seen.ledger.runs[0].outcome = end;
            seen.ledger.runs[0].set_digest = with_view.digest.clone();
        }
    });
    match decide(&died).action {
        Action::Start(job) => assert_eq!((job.plan.steps.len(), job.take_back), (1, None)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_run_that_went_on_with_an_interrupted_one_is_taken_back_to_where_that_began() {
    // From nothing to 001, interrupted; then from 001 to 002, which does not hold.
    let observed = judged(Some(Judgement::Failed), automatic()).with(|o| {
        if let Look::Seen(seen) = &mut o.database {
            let first = RunSummary { id: Uuid::from_u128(7), from: None, ..run(Some(Outcome::Interrupted)) };
            seen.ledger.runs.push(first);
        }
    });
    match decide(&observed).action {
        Action::Start(job) => assert_eq!((job.plan.steps.len(), job.plan.to), (2, None)),
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

#[test]
fn history_says_what_made_a_rollback_begin() {
    let done = taken_back(&["001"], Some(Outcome::Succeeded)).with(|o| {
        if let Look::Seen(seen) = &mut o.database {
            seen.ledger.runs[0].failure = None;
        }
    });
    let status = report(&done, &decide(&done).state);
    assert_eq!(status.history[0].message.as_deref(), Some("taken back because check orphans failed (value 3)"));
}
