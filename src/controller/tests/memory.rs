//! The memory, as stories: what wakes an object and what does not.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::json;

use crate::api::v1alpha1::{DatabaseMigration, DatabaseMigrationStatus, PolicyTls, REQUESTED_AT, RETRY};
use crate::controller::inputs::Input;
use crate::controller::memory::{Content, FailedLook, Memory, Shown};
use crate::database::DatabaseError;
use crate::policy::DatabaseRules;
use crate::rollout::{Requests, Settled, SettledKey};

const UID: &str = "uid-1";

/// The object as the API server shows it at a resource version, with a status of so many failures.
fn shown(version: u64, failures: i64) -> DatabaseMigration {
    serde_json::from_value(json!({
        "apiVersion": "sluice.dev/v1alpha1", "kind": "DatabaseMigration",
        "metadata": {"name": "orders", "namespace": "shop", "uid": UID, "generation": 1,
            "resourceVersion": version.to_string()},
        "spec": {"database": {"secretRef": {"name": "db"}}, "source": {"configMaps": [{"name": "sql"}]},
            "targetVersion": "Latest"},
        "status": status(failures),
    }))
    .unwrap()
}

fn status(failures: i64) -> DatabaseMigrationStatus {
    DatabaseMigrationStatus { failures: Some(failures), ..DatabaseMigrationStatus::default() }
}

/// A memory of an object that was seen at version 1 and reported about at version 2.
fn reported() -> Memory {
    let memory = Memory::default();
    assert!(memory.touched(&shown(1, 0)), "an object that was never seen");
    memory.reporting(UID, &status(1));
    memory.reported(UID, Some(2));
    memory
}

/// What a try is of: these scripts.
fn key(set_digest: &str) -> SettledKey {
    SettledKey {
        generation: 1,
        set_digest: set_digest.to_owned(),
        credentials: String::new(),
        retry_token: None,
        requests: Requests::default(),
        requested_at: None,
    }
}

fn settle(memory: &Memory) {
    memory.update(UID, |memo| memo.settled = Some(Settled { key: key("a"), until: Timestamp::MAX }));
}

#[test]
fn the_echo_of_an_own_report_wakes_nobody() {
    let memory = reported();
    assert!(!memory.touched(&shown(2, 1)));
    assert!(!memory.touched(&shown(2, 1)), "nor does a relist");
}

#[test]
fn an_echo_that_comes_before_the_answer_wakes_nobody() {
    let memory = reported();
    memory.reporting(UID, &status(2));
    assert!(!memory.touched(&shown(3, 2)));
}

#[test]
fn the_echo_of_an_earlier_report_wakes_nobody_while_a_newer_one_is_under_way_or_answered() {
    let memory = reported();
    settle(&memory);
    memory.reporting(UID, &status(2));
    assert!(!memory.touched(&shown(2, 1)));
    memory.reported(UID, Some(3));
    assert!(!memory.touched(&shown(2, 1)));
    assert!(memory.recall(UID).settled.is_some(), "and the look that found nothing to do still holds");
}

#[test]
fn a_status_that_somebody_else_wrote_wakes_the_object_and_makes_it_look_again() {
    let memory = reported();
    settle(&memory);
    assert!(memory.touched(&shown(3, 9)));
    assert!(memory.recall(UID).settled.is_none());
}

#[test]
fn after_a_report_that_may_not_have_arrived_everything_wakes_the_object() {
    let memory = reported();
    settle(&memory);
    memory.reporting(UID, &status(2));
    memory.not_reported(UID);
    assert!(memory.touched(&shown(2, 1)));
    assert!(memory.recall(UID).settled.is_none(), "it has to look, so that it has something to tell");
}

#[test]
fn what_a_user_changes_wakes_the_object_once_and_what_nobody_reads_does_not() {
    let memory = reported();
    let mut object = shown(2, 1);
    object.metadata.generation = Some(2);
    assert!(memory.touched(&object));
    assert!(!memory.touched(&object));
    for key in [RETRY, REQUESTED_AT] {
        object.metadata.annotations.get_or_insert_default().insert(key.to_owned(), "1".to_owned());
        assert!(memory.touched(&object), "{key}");
        assert!(!memory.touched(&object), "{key}");
    }
    object.metadata.annotations.get_or_insert_default().insert("team".to_owned(), "shop".to_owned());
    object.metadata.labels = Some([("a".to_owned(), "b".to_owned())].into());
    object.metadata.resource_version = Some("3".to_owned());
    assert!(!memory.touched(&object));
}

#[test]
fn the_next_report_is_compared_with_the_newest_that_is_known() {
    let memory = reported();
    assert_eq!(memory.previous(UID, &shown(1, 0)), Some(status(1)), "the cache is behind");
    assert_eq!(memory.previous(UID, &shown(2, 1)), Some(status(1)));
    assert_eq!(memory.previous(UID, &shown(3, 9)), Some(status(9)), "somebody else was there");
    assert_eq!(Memory::default().previous(UID, &shown(3, 9)), Some(status(9)), "after a restart");
    memory.not_reported(UID);
    assert_eq!(memory.previous(UID, &shown(1, 0)), Some(status(0)));
}

#[test]
fn tries_are_counted_for_one_thing_and_begin_anew_with_another() {
    let memory = Memory::default();
    let now = Timestamp::UNIX_EPOCH;
    for _ in 0..3 {
        memory.count(UID, &key("a"), true);
    }
    memory.cool_down(UID, now, Duration::from_secs(8));
    assert_eq!(memory.recall(UID).attempts, 3);
    memory.count(UID, &key("a"), false);
    assert_eq!(memory.recall(UID).attempts, 3, "a pass that tries nothing");
    assert_eq!(memory.recall(UID).not_before, Some(Timestamp::from_second(8).unwrap()));
    memory.count(UID, &key("b"), true);
    assert_eq!((memory.recall(UID).attempts, memory.recall(UID).not_before), (1, None));
}

#[test]
fn a_look_that_failed_stands_until_its_next_try_is_due_or_something_else_is_to_be_looked_at() {
    let (now, wait) = (Instant::now(), Duration::from_secs(4));
    let (rules, error) = (DatabaseRules::default(), DatabaseError::Unreachable("down".to_owned()));
    let failed = FailedLook { key: key("a"), rules: rules.clone(), error, due: now + wait };
    assert_eq!(failed.due_in(&key("a"), &rules, now), Some(wait));
    assert_eq!(failed.due_in(&key("a"), &rules, now + wait), None, "it is due");
    assert_eq!(failed.due_in(&key("b"), &rules, now), None, "other scripts");
    let tls = DatabaseRules { tls: Some((PolicyTls::VerifyFull, "production".to_owned())), ..rules };
    assert_eq!(failed.due_in(&key("a"), &tls, now), None, "another connection");
}

#[test]
fn objects_that_vanished_while_nobody_watched_are_named_and_forgotten() {
    let memory = reported();
    assert_eq!(memory.retain(&HashSet::from([UID.to_owned()])), []);
    assert_eq!(memory.retain(&HashSet::new()), [(UID.to_owned(), "shop".to_owned(), "orders".to_owned())]);
    assert!(memory.touched(&shown(2, 1)), "should it come back, it is new");
}

/// A plan as it was written at a resource version.
fn plan(version: &str) -> Option<Shown> {
    let of = Content {
        digest: "sha256:a".to_owned(),
        labels: Vec::new(),
        hide_sql: false,
        assessment: Default::default(),
        undo: Default::default(),
    };
    Some(Shown { of, name: "orders-plan".to_owned(), version: Some(version.to_owned()) })
}

#[test]
fn a_plan_that_somebody_touches_before_its_write_is_answered_is_written_once_more() {
    let (memory, map) = (Memory::default(), Input::ConfigMap("orders-plan".to_owned()));
    memory.showing(UID, "orders-plan");
    // The echo of the own write, and then a deletion; the answer comes last.
    assert!(!memory.plan_tampered(UID, &map, Some("7")));
    assert!(!memory.plan_tampered(UID, &map, Some("8")));
    assert!(!memory.shown(UID, plan("7")));
    assert_eq!(memory.recall(UID).shown, None);
    // What was done before the write is not touching it.
    memory.showing(UID, "orders-plan");
    assert!(!memory.plan_tampered(UID, &map, Some("8")));
    assert!(memory.shown(UID, plan("9")));
    assert_eq!(memory.recall(UID).shown, plan("9"));
    assert!(memory.plan_tampered(UID, &map, Some("10")));
}

#[test]
fn a_write_of_a_plan_that_failed_leaves_what_was_known_of_the_one_before() {
    let (memory, map) = (Memory::default(), Input::ConfigMap("orders-plan".to_owned()));
    memory.showing(UID, "orders-plan");
    assert!(memory.shown(UID, plan("7")));
    memory.showing(UID, "orders-plan");
    assert!(memory.shown(UID, None));
    assert_eq!(memory.recall(UID).shown, plan("7"));
    assert!(memory.plan_tampered(UID, &map, Some("8")));
}

#[test]
fn what_somebody_wrote_while_a_pass_was_at_it_is_told_from_what_that_pass_had_nothing_to_add_to() {
    let memory = Memory::default();
    assert!(memory.touched(&shown(1, 1)), "after a restart");
    let pass = memory.recall(UID);
    assert!(memory.touched(&shown(2, 0)), "somebody writes over it");
    memory.settle(UID, pass.unsettled, Settled { key: key("a"), until: Timestamp::MAX });
    memory.says_so_already(UID, &shown(1, 1), &status(1));
    assert!(memory.is_told_otherwise(UID, &shown(2, 0)), "the next pass has to look");
    assert!(!memory.is_told_otherwise(UID, &shown(2, 1)), "a label that is changed needs no look");
    assert!(
        !Memory::default().is_told_otherwise(UID, &shown(2, 0)),
        "nor does an object of which nothing was reported yet"
    );
}

#[test]
fn what_an_earlier_process_had_reported_wakes_nobody_once_a_pass_has_nothing_to_add() {
    let memory = Memory::default();
    assert!(memory.touched(&shown(1, 1)));
    memory.says_so_already(UID, &shown(1, 1), &status(1));
    assert!(!memory.touched(&shown(2, 1)), "a label that is changed");
    assert!(memory.touched(&shown(3, 0)), "somebody else");
}

#[test]
fn a_look_that_is_called_for_while_a_pass_is_at_it_is_not_forgotten_when_that_ends() {
    let memory = reported();
    let pass = memory.recall(UID);
    memory.unsettle(UID);
    memory.settle(UID, pass.unsettled, Settled { key: key("a"), until: Timestamp::MAX });
    assert!(memory.recall(UID).settled.is_none());
    memory.settle(UID, memory.recall(UID).unsettled, Settled { key: key("a"), until: Timestamp::MAX });
    assert!(memory.recall(UID).settled.is_some());
}
