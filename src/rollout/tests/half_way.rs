//! Runs that did not come to their end: failed half way, interrupted, or nobody knows.

use std::sync::Arc;

use rstest::rstest;
use serde_json::json;
use uuid::Uuid;

use super::earlier::{after, automatic, judged, outcome, up, verification, wanted};
use super::fixture::{With, run, set};
use crate::api::v1alpha1::Reason;
use crate::migration::{Dialect, Layout, MigrationSet, RawFile, SetOptions};
use crate::plan::{Judgement, Outcome, RunSummary};
use crate::rollout::{Action, Desired, Look, Observed, Source, decide};

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
            o.source = Source::Read(Arc::new(set(3)));
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
        o.source = Source::Read(Arc::new(set(3)));
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

/// From 001 to 003: failed at 003, with 002 in effect. It was tried again before it could be taken back; that run began at 002, and ended
/// like this.
fn tried_again(outcome: Outcome, applied: &[&str], desired: Desired) -> Observed {
    after(applied, outcome, desired, |_| {}).with(|o| {
        o.retry_token = Some("again".into());
        o.source = Source::Read(Arc::new(set(3)));
        if let Look::Seen(seen) = &mut o.database {
            let first = RunSummary { id: Uuid::from_u128(7), to: Some("003".into()), ..up(Outcome::Failed) };
            let again = &mut seen.ledger.runs[0];
            again.from = Some("002".into());
            again.to = Some("003".into());
            again.set_digest = set(3).digest;
            again.retry_token = Some("again".into());
            seen.ledger.runs.push(first);
        }
    })
}

#[test]
fn what_was_tried_again_before_it_was_taken_back_is_taken_back_as_a_whole() {
    let to_001 = |observed: &Observed| match decide(observed).action {
        Action::Start(job) => {
            assert!(job.take_back.is_some());
            assert_eq!(job.plan.to.map(|to| to.to_string()).as_deref(), Some("001"));
        }
        other => panic!("{other:?}"),
    };
    for end in [Outcome::Failed, Outcome::DeadlineExceeded] {
        to_001(&tried_again(end, &["001", "002"], automatic()));
    }
    to_001(&tried_again(Outcome::Succeeded, &["001", "002", "003"], automatic()).with(|o| {
        if let Look::Seen(seen) = &mut o.database {
            seen.ledger.verifications.push(verification(Some(Judgement::Failed)));
        }
    }));
    let begun_by = |change: fn(&mut RunSummary)| {
        tried_again(Outcome::Failed, &["001", "002"], automatic()).with(|o| {
            if let Look::Seen(seen) = &mut o.database {
                change(&mut seen.ledger.runs[1]);
            }
        })
    };
    // What was left half way on purpose, or by somebody else, stays.
    for left in [
        tried_again(Outcome::Failed, &["001", "002"], wanted(json!({}), "Latest")),
        begun_by(|run| run.generation -= 1),
        begun_by(|run| run.object_uid = "uid-0".into()),
    ] {
        assert_eq!(outcome(&left), ("wait", Reason::ApplyFailed));
    }
}

#[test]
fn a_run_of_which_nobody_knows_what_it_did_is_left_to_a_person() {
    let unknown = after(&["001", "002"], Outcome::NeedsOperator, automatic(), |_| {}).with(|o| {
        o.source = Source::Read(Arc::new(set(3)));
        if let Look::Seen(seen) = &mut o.database {
            seen.ledger.runs[0].set_digest = set(3).digest;
        }
    });
    assert_eq!(outcome(&unknown), ("wait", Reason::NeedsOperator));
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
    let file = |path: &str, content: &str| RawFile::named(path, content);
    let options = SetOptions { dialect: Dialect::Postgres, layout: Layout::Auto, allow_gaps: false };
    let mut files = vec![file("R__view.sql", "create or replace view v as select 1 as x;")];
    for n in 1..=2 {
        files.push(file(&format!("V{n:03}__t.sql"), &format!("create table t{n} (id int);")));
        files.push(file(&format!("U{n:03}__t.sql"), &format!("drop table t{n};")));
    }
    let with_view = Arc::new(MigrationSet::read(&files, options).unwrap());
    let died = judged(None, automatic()).with(|o| {
        o.source = Source::Read(with_view.clone());
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
