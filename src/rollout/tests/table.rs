//! Every situation an object can be in × everything that can be seen: which state, which action, which reason.

use std::time::Duration;

use rstest::rstest;

use super::fixture::{With, desired, observed, run, running, seen, set};
use crate::api::v1alpha1::{ConditionType, Reason};
use crate::database::{DatabaseError, Stage};
use crate::plan::Outcome;
use crate::rollout::{Action, Look, Observed, Room, Source, Task, decide, report};

/// What a pass comes to: the action in a word, and Ready's status and reason.
fn outcome(observed: &Observed) -> (&'static str, String, Reason) {
    let decision = decide(observed);
    let action = match decision.action {
        Action::Wait => "wait",
        Action::Start(_) => "start",
        Action::Queue => "queue",
        Action::Stop { .. } => "stop",
        Action::Rehearse(_) => "rehearse",
        Action::Verify(_) => "verify",
        Action::EndVerification => "end verification",
    };
    let status = report(observed, &decision.state);
    let ready = status.conditions.iter().find(|c| c.type_ == ConditionType::Ready.as_str()).unwrap();
    (action, ready.status.clone(), Reason::parse(&ready.reason).unwrap())
}

/// Everything that can be seen, each with what an object without a run makes of it.
fn sights() -> Vec<(&'static str, Observed, (&'static str, &'static str, Reason))> {
    let unreachable = DatabaseError::Unreachable("db:5432: connection refused".into());
    let mut foreign = seen(&[]);
    foreign.ledger.existing.total = 1;
    foreign.ledger.existing.sample = vec!["table public.users".into()];
    let mut standby = seen(&["001"]);
    standby.server.unsuitable = Some("the server is a standby".into());
    vec![
        ("an invalid spec", observed().invalid(), ("wait", "False", Reason::InvalidSpec)),
        (
            "a missing ConfigMap",
            observed().with(|o| o.source = Source::NotReady("ConfigMap sql does not exist".into())),
            ("wait", "False", Reason::SourceNotReady),
        ),
        (
            "an API server that fails",
            observed().with(|o| o.source = Source::Unavailable("timeout".into())),
            ("wait", "False", Reason::SourceNotReady),
        ),
        (
            "contradicting scripts",
            observed().with(|o| o.source = Source::Invalid("V001 appears twice".into())),
            ("wait", "False", Reason::InvalidSource),
        ),
        (
            "a missing Secret",
            observed().with(|o| o.database = Look::NotReady("Secret db does not exist".into())),
            ("wait", "False", Reason::SourceNotReady),
        ),
        ("a database that is down", observed().failing(unreachable), ("wait", "False", Reason::DatabaseUnreachable)),
        (
            "a refused login",
            observed().failing(DatabaseError::Login("28P01".into())),
            ("wait", "False", Reason::DatabaseUnreachable),
        ),
        (
            "a pooler",
            observed().failing(DatabaseError::Unsuitable("a transaction pooler".into())),
            ("wait", "False", Reason::DatabaseUnsuitable),
        ),
        (
            "a standby",
            observed().with(|o| o.database = Look::Seen(Box::new(standby))),
            ("wait", "False", Reason::DatabaseUnsuitable),
        ),
        (
            "somebody's tables",
            observed().with(|o| o.database = Look::Seen(Box::new(foreign))),
            ("wait", "False", Reason::NotEmpty),
        ),
        (
            "an unknown target",
            observed().with(|o| o.desired = Ok(desired("009", false))),
            ("wait", "False", Reason::PlanFailed),
        ),
        ("an empty database", observed(), ("start", "False", Reason::Applying)),
        ("a part applied", observed().applied(&["001"]), ("start", "False", Reason::Applying)),
        ("all applied", observed().applied(&["001", "002"]), ("wait", "True", Reason::UpToDate)),
        (
            "a lower target",
            observed().applied(&["001", "002"]).with(|o| o.desired = Ok(desired("001", false))),
            ("start", "False", Reason::Applying),
        ),
        (
            "something to do, suspended",
            observed().with(|o| o.desired = Ok(desired("Latest", true))),
            ("wait", "False", Reason::Suspended),
        ),
        (
            "nothing to do, suspended",
            observed().applied(&["001", "002"]).with(|o| o.desired = Ok(desired("Latest", true))),
            ("wait", "True", Reason::UpToDate),
        ),
        (
            "the same that failed",
            observed().last_run(run(Some(Outcome::Failed))),
            ("wait", "False", Reason::ApplyFailed),
        ),
        (
            "the same that needs a person",
            observed().last_run(run(Some(Outcome::NeedsOperator))),
            ("wait", "False", Reason::NeedsOperator),
        ),
        (
            "the same that took too long",
            observed().last_run(run(Some(Outcome::DeadlineExceeded))),
            ("wait", "False", Reason::DeadlineExceeded),
        ),
        (
            "a run that was interrupted",
            observed().last_run(run(Some(Outcome::Interrupted))),
            ("start", "False", Reason::Applying),
        ),
        ("a run that never ended", observed().last_run(run(None)), ("start", "False", Reason::Applying)),
        (
            "an interruption just now",
            observed().last_run(run(None)).with(|o| o.cooldown = Duration::from_secs(2)),
            ("wait", "False", Reason::Interrupted),
        ),
        (
            "another object on the database",
            observed().with(|o| o.room = Room::Taken { by: "shop/other".into() }),
            ("queue", "False", Reason::AwaitingLock),
        ),
        (
            "an operator at its limit",
            observed().with(|o| o.room = Room::Full { limit: 16 }),
            ("queue", "False", Reason::AwaitingLock),
        ),
        (
            "an operator at its limit, before anybody looked",
            observed().with(|o| {
                o.room = Room::Full { limit: 16 };
                o.database = Look::Later;
            }),
            ("queue", "False", Reason::AwaitingLock),
        ),
        (
            "an operator that is closing",
            observed().with(|o| o.room = Room::Closing),
            ("queue", "False", Reason::AwaitingLock),
        ),
    ]
}

#[test]
fn each_sight_has_its_action_and_its_reason() {
    for (name, observed, (action, ready, reason)) in sights() {
        assert_eq!(outcome(&observed), (action, ready.to_owned(), reason), "{name}");
    }
}

#[test]
fn a_run_that_ended_changes_nothing_about_what_is_seen() {
    for (name, observed, expected) in sights() {
        let ended = observed.with(|o| o.task = Task::Ended { error: Some(DatabaseError::Stopped("shutdown".into())) });
        let (action, ready, reason) = outcome(&ended);
        assert_eq!((action, ready.as_str(), reason), expected, "{name}");
    }
}

#[test]
fn nothing_that_is_seen_starts_a_second_run_beside_one_under_way() {
    let stages = [
        (Stage::Connecting, Reason::Applying),
        (Stage::Applying, Reason::Applying),
        (Stage::AwaitingLock, Reason::AwaitingLock),
        (Stage::RetryingLock, Reason::RetryingLock),
        (Stage::Resolving, Reason::Resolving),
        (Stage::Finished, Reason::Applying),
    ];
    for (name, sight, _) in sights() {
        for (stage, reason) in stages {
            let observed = sight.clone().with(|o| o.task = running(stage));
            let suspended = observed.desired.as_ref().is_ok_and(|desired| desired.suspended);
            let expected = if suspended { "stop" } else { "wait" };
            assert_eq!(outcome(&observed), (expected, "False".to_owned(), reason), "{name}, {stage:?}");
        }
    }
}

#[rstest]
#[case::a_new_generation(|o: &mut Observed| o.generation = 4)]
#[case::a_retry_token(|o: &mut Observed| o.retry_token = Some("again".into()))]
#[case::new_scripts(|o: &mut Observed| o.source = Source::Read(std::sync::Arc::new(set(3))))]
#[case::another_object_of_the_same_name(|o: &mut Observed| o.uid = "uid-2".into())]
fn what_failed_is_tried_again_after(#[case] change: fn(&mut Observed)) {
    for failed in [Outcome::Failed, Outcome::NeedsOperator, Outcome::DeadlineExceeded] {
        let before = observed().last_run(run(Some(failed)));
        assert_eq!(outcome(&before).0, "wait");
        assert_eq!(outcome(&before.with(change)).0, "start");
    }
}

#[test]
fn what_failed_is_not_tried_again_because_the_status_was_wiped_or_the_operator_restarted() {
    let observed = observed().last_run(run(Some(Outcome::Failed))).with(|o| {
        o.previous = None;
        o.attempts = 0;
    });
    assert_eq!(outcome(&observed), ("wait", "False".to_owned(), Reason::ApplyFailed));
}

#[test]
fn only_what_may_pass_by_itself_counts_as_a_try() {
    for (name, observed, (_, _, reason)) in sights() {
        let decision = decide(&observed);
        let passes = matches!(reason, Reason::DatabaseUnreachable | Reason::DatabaseUnsuitable)
            || matches!(observed.source, Source::Unavailable(_));
        assert_eq!(decision.retrying, passes, "{name}");
        if passes {
            assert!(decision.requeue.is_some_and(|wait| wait < Duration::from_secs(60)), "{name}");
        }
    }
}

#[test]
fn a_new_object_that_waits_its_turn_for_a_moment_is_not_written_about() {
    let full = |seconds| {
        observed().with(|o| {
            o.room = Room::Full { limit: 16 };
            o.waiting_for = Duration::from_secs(seconds);
        })
    };
    assert!(!decide(&full(0)).tell);
    assert!(decide(&full(3)).tell);
    let ready = observed().applied(&["001", "002"]);
    let ready = report(&ready, &decide(&ready).state);
    assert!(decide(&full(0).reported(ready)).tell, "what claims to be Ready is corrected at once");
    let taken = full(0).with(|o| o.room = Room::Taken { by: "shop/other".into() });
    assert!(decide(&taken).tell, "who holds the database is named at once");
}
