//! When a database is looked at.

use std::time::Duration;

use super::fixture::{With, at, observed};
use crate::api::v1alpha1::DatabaseMigrationStatus;
use crate::database::DatabaseError;
use crate::rollout::{Look, Requests, Room, Settled, SettledKey, decide, due, later, report};

const RESYNC: Duration = Duration::from_secs(600);

fn key() -> SettledKey {
    let observed = observed();
    SettledKey {
        generation: 3,
        set_digest: observed.set().unwrap().digest.clone(),
        credentials: "db@1".into(),
        retry_token: None,
        requests: Requests::default(),
        requested_at: None,
    }
}

fn ready() -> DatabaseMigrationStatus {
    let observed = observed().applied(&["001", "002"]);
    report(&observed, &decide(&observed).state)
}

#[test]
fn a_ready_object_is_looked_at_at_leisure_after_a_restart() {
    let (left, settled) = due(None, &key(), Some(&ready()), at(0), RESYNC, 0.25).unwrap();
    assert_eq!(left, Duration::from_secs(150));
    assert_eq!(settled.until, at(150));
}

#[test]
fn an_object_that_is_not_ready_or_has_no_status_is_looked_at_at_once() {
    assert_eq!(due(None, &key(), None, at(0), RESYNC, 0.5), None);
    let pending = observed();
    let status = report(&pending, &decide(&pending).state);
    assert_eq!(due(None, &key(), Some(&status), at(0), RESYNC, 0.5), None);
}

#[test]
fn anything_that_matters_makes_a_look_due() {
    let changes: [fn(&mut SettledKey); 5] = [
        |key| key.generation = 4,
        |key| key.set_digest = "sha256:other".into(),
        |key| key.credentials = "db@2".into(),
        |key| key.retry_token = Some("again".into()),
        |key| key.requested_at = Some("now".into()),
    ];
    let settled = Settled { key: key(), until: at(600) };
    assert!(due(Some(&settled), &key(), Some(&ready()), at(0), RESYNC, 0.5).is_some());
    for change in changes {
        let mut changed = key();
        change(&mut changed);
        assert_eq!(due(Some(&settled), &changed, Some(&ready()), at(0), RESYNC, 0.5), None, "{changed:?}");
    }
}

#[test]
fn a_settled_object_is_looked_at_again_when_its_time_is_over() {
    let settled = Settled { key: key(), until: at(600) };
    assert_eq!(due(Some(&settled), &key(), Some(&ready()), at(599), RESYNC, 0.5).unwrap().0, Duration::from_secs(1));
    assert_eq!(due(Some(&settled), &key(), Some(&ready()), at(600), RESYNC, 0.5), None);
    assert_eq!(due(Some(&settled), &key(), Some(&ready()), at(700), RESYNC, 0.5), None);
}

#[test]
fn a_wake_up_between_two_tries_reports_the_same_and_leaves_the_next_try_where_it_was() {
    let error = DatabaseError::Unreachable("down".into());
    let failed = observed().failing(error.clone()).with(|o| o.attempts = 3);
    let woken = failed.clone().with(|o| o.database = Look::FailedBefore { error, due_in: Duration::from_millis(700) });
    let (tried, not_tried) = (decide(&failed), decide(&woken));
    assert_eq!(report(&failed, &tried.state).conditions, report(&woken, &not_tried.state).conditions);
    assert_eq!((tried.requeue, tried.retrying), (Some(Duration::from_secs(8)), true));
    assert_eq!((not_tried.requeue, not_tried.retrying), (Some(Duration::from_millis(700)), false));
}

#[test]
fn a_new_object_is_looked_at_when_there_is_room_and_after_a_moment_without() {
    let (full, moment) = (Room::Full { limit: 16 }, Duration::from_secs(1));
    let new = DatabaseMigrationStatus { observed_generation: Some(-1), ..DatabaseMigrationStatus::default() };
    for previous in [None, Some(&new)] {
        assert!(later(&full, previous, moment));
        assert!(!later(&full, previous, Duration::from_secs(3)), "it has waited for long enough");
        for room in [Room::Free, Room::Closing, Room::Taken { by: "shop/other".into() }] {
            assert!(!later(&room, previous, moment), "{room:?}");
        }
    }
    assert!(!later(&full, Some(&ready()), moment), "what is probably done needs no room");
}
