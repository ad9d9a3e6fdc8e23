//! Rollbacks: every way in which one can have ended, what is not tried again afterwards, and what people ask for.

use std::sync::Arc;

use jiff::Timestamp;
use rstest::rstest;
use serde_json::json;
use uuid::Uuid;

use super::earlier::{asking, automatic, judged, outcome, taken_back, wanted};
use super::fixture::{With, at, observed, run, set};
use crate::api::v1alpha1::Reason;
use crate::migration::{Dialect, Layout, MigrationSet, RawFile, SetOptions};
use crate::plan::{Judgement, Outcome, RunSummary};
use crate::rollout::{Action, Look, Observed, Source, decide, report};

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
#[case::new_content(|o: &mut Observed| o.source = Source::Read(Arc::new(set(3))), "start")]
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
fn history_says_what_made_a_rollback_begin() {
    let done = taken_back(&["001"], Some(Outcome::Succeeded)).with(|o| {
        if let Look::Seen(seen) = &mut o.database {
            seen.ledger.runs[0].failure = None;
        }
    });
    let status = report(&done, &decide(&done).state);
    assert_eq!(status.history[0].message.as_deref(), Some("taken back because check orphans failed (value 3)"));
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
    let file = |path: &str, content: &str| RawFile::named(path, content);
    let options = SetOptions { dialect: Dialect::Postgres, layout: Layout::Auto, allow_gaps: false };
    let one_way = MigrationSet::read(&[file("V001__t.sql", "create table t (id int);")], options);
    let one_way = Arc::new(one_way.unwrap());
    let with = |rollback| {
        observed().with(|o| {
            o.source = Source::Read(one_way.clone());
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
