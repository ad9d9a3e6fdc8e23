//! The gate's own words, and what users may write.

use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};

use crate::api::v1alpha1::GatesSpec;
use crate::gates::tests::fixture::{World, at};
use crate::gates::window::check;
use crate::gates::{GateState, Gates, Guard};

fn nightly() -> Value {
    json!({"windows": [{"schedule": "0 2 * * *", "duration": "3h", "timeZone": "Europe/Amsterdam"}]})
}

#[test]
fn nothing_is_said_where_no_window_is_asked_for() {
    assert!(World::of(json!({})).judge(check).is_empty());
}

#[test]
fn a_closed_window_says_when_it_opens_and_asks_to_be_looked_at_then() {
    let verdict = World::of(nightly()).one(check);
    assert_eq!(verdict.state, GateState::Closed);
    assert_eq!(verdict.message, "closed; opens 2026-11-27T02:00+01:00 (Europe/Amsterdam)");
    assert_eq!(verdict.changes_at, Some(at("2026-11-27T01:00:00Z")));
    let opens = verdict.opens.unwrap();
    assert!(
        opens.starts_with("by itself at 2026-11-27T02:00+01:00") && opens.contains("--override-windows"),
        "{opens}"
    );
    // The text stands still while the world does.
    assert_eq!(World::of(nightly()).now("2026-11-26T23:59:59Z").one(check).message, verdict.message);

    let verdict = World::of(nightly()).now("2026-11-27T01:00:00Z").one(check);
    assert_eq!(
        (verdict.state, &*verdict.message),
        (GateState::Open, "open until 2026-11-27T05:00+01:00 (Europe/Amsterdam)")
    );
    assert_eq!(verdict.changes_at, Some(at("2026-11-27T04:00:00Z")));
}

#[test]
fn a_freeze_is_named_by_its_schedule() {
    let mut gates = nightly();
    gates["windows"]
        .as_array_mut()
        .unwrap()
        .push(json!({"schedule": "0 0 20 12 *", "duration": "48h", "kind": "Deny"}));
    let verdict = World::of(gates).now("2026-12-20T12:00:00Z").one(check);
    assert_eq!(
        verdict.message,
        "closed by the Deny window `0 0 20 12 *`; opens 2026-12-22T02:00+01:00 (Europe/Amsterdam)"
    );
}

#[test]
fn a_run_that_would_outlast_its_window_does_not_begin() {
    let mut world = World::of(nightly()).now("2026-11-27T02:00:00Z");
    world.estimate = Some(Duration::from_secs(2 * 3600));
    let verdict = world.one(check);
    assert_eq!(verdict.state, GateState::Open, "it is over when the window ends: {verdict:?}");
    assert_eq!(verdict.changes_at, Some(at("2026-11-27T02:00:00.000000001Z")));

    world.now = verdict.changes_at.unwrap();
    let verdict = world.one(check);
    assert_eq!(verdict.state, GateState::Closed);
    assert_eq!(
        verdict.message,
        "open until 2026-11-27T05:00+01:00 (Europe/Amsterdam), but a run of about 2h would outlast that"
    );
    assert_eq!(verdict.changes_at, Some(at("2026-11-28T01:00:00Z")));

    world.estimate = None;
    assert_eq!(world.one(check).state, GateState::Open, "what cannot be estimated may begin");
}

#[test]
fn a_run_may_outlast_a_window_that_allows_it() {
    let mut gates = nightly();
    gates["windows"][0]["allowOverrun"] = json!(true);
    let mut world = World::of(gates).now("2026-11-27T03:59:59Z");
    world.estimate = Some(Duration::from_secs(2 * 3600));
    let verdict = world.one(check);
    assert_eq!((verdict.state, verdict.changes_at), (GateState::Open, Some(at("2026-11-27T04:00:00Z"))));
}

#[test]
fn a_run_that_fits_into_no_window_is_told_so() {
    let mut world = World::of(nightly());
    world.estimate = Some(Duration::from_secs(4 * 3600));
    let verdict = world.one(check);
    assert_eq!(verdict.state, GateState::Closed);
    assert!(
        verdict.message.ends_with("(Europe/Amsterdam), not long enough for a run of about 4h"),
        "{}",
        verdict.message
    );
    assert!(verdict.opens.as_deref().unwrap().starts_with("give the windows a longer duration, or allowOverrun"));
    assert_eq!(verdict.changes_at, None);
}

#[test]
fn people_open_a_window_in_an_emergency_and_it_is_recorded() {
    let over = json!({"overrideWindows": true});
    let mut gates = nightly();
    gates["approvals"] = json!({"required": 2});
    let world = World::of(gates.clone()).says("alice", "Approve", over.clone()).says("bob", "Approve", json!({}));
    let verdict = world.one(check);
    assert_eq!(verdict.state, GateState::Closed);
    assert!(verdict.message.ends_with("; 1 of 2 approvals with overrideWindows"), "{}", verdict.message);
    let world = world.says("carol", "Approve", over.clone());
    let verdict = world.one(check);
    assert_eq!(verdict.state, GateState::Open);
    assert!(verdict.message.starts_with("overridden by alice, carol: closed; opens "), "{}", verdict.message);
    assert_eq!(verdict.record.unwrap()["overriddenBy"], json!(["alice", "carol"]));

    assert_eq!(
        World::of(nightly()).says("alice", "Approve", over.clone()).one(check).state,
        GateState::Open,
        "at least one"
    );
    let mut unguarded = World::of(nightly()).says("alice", "Approve", over.clone());
    unguarded.guard = Guard::Missing("it is not installed".to_owned());
    let verdict = unguarded.one(check);
    assert_eq!(verdict.state, GateState::Closed, "anybody could have written it");
    assert!(verdict.message.ends_with("; approvals do not count: it is not installed"), "{}", verdict.message);
    let denied = World::of(nightly()).says("alice", "Approve", over).says("bob", "Deny", json!({}));
    assert_eq!(denied.one(check).state, GateState::Closed, "somebody said no");
}

#[rstest]
#[case::fields(json!({"schedule": "0 2 * *", "duration": "1h"}), "windows[1].schedule", "write five fields")]
#[case::seconds(json!({"schedule": "0 0 2 * * *", "duration": "1h"}), "windows[1].schedule", "has 6 fields")]
#[case::range(json!({"schedule": "0 25 * * *", "duration": "1h"}), "windows[1].schedule", "write five fields")]
#[case::letters(json!({"schedule": "0 2 * * NEVER", "duration": "1h"}), "windows[1].schedule", "write five fields")]
#[case::no_such_day(json!({"schedule": "0 2 30 2 *", "duration": "1h"}), "windows[1].schedule", "names a day that no year has")]
#[case::zone(json!({"schedule": "0 2 * * *", "duration": "1h", "timeZone": "Europe/Amsterdm"}), "windows[1].timeZone", "did you mean Europe/Amsterdam?")]
#[case::city(json!({"schedule": "0 2 * * *", "duration": "1h", "timeZone": "Amsterdam"}), "windows[1].timeZone", "did you mean Europe/Amsterdam?")]
#[case::nonsense(json!({"schedule": "0 2 * * *", "duration": "1h", "timeZone": "qqq"}), "windows[1].timeZone", "such as Europe/Amsterdam")]
#[case::duration(json!({"schedule": "0 2 * * *", "duration": "1d"}), "windows[1].duration", "not a duration")]
#[case::no_length(json!({"schedule": "0 2 * * *", "duration": "0s"}), "windows[1].duration", "at least 1m")]
fn what_cannot_be_used_is_named_with_a_cure(#[case] window: Value, #[case] field: &str, #[case] cure: &str) {
    let spec = json!({"windows": [{"schedule": "0 2 * * 1-5", "duration": "1h"}, window]});
    let spec: GatesSpec = serde_json::from_value(spec).unwrap();
    let (named, why) = Gates::of(Some(&spec)).unwrap_err();
    assert_eq!(named, field);
    assert!(why.contains(cure), "{why}");
}

#[test]
fn one_window_that_may_be_outlasted_does_not_excuse_another_that_may_not() {
    let gates = json!({"windows": [
        {"schedule": "0 2 * * *", "duration": "3h"},
        {"schedule": "0 2 * * *", "duration": "30m", "allowOverrun": true, "group": "mine"},
        {"schedule": "0 9 * * *", "duration": "1h", "kind": "Deny"},
    ]});
    let mut world = World::of(gates).now("2026-11-27T02:00:00Z");
    world.estimate = Some(Duration::from_secs(3 * 3600));
    assert_eq!(world.one(check).state, GateState::Open, "its own window is over by then, and may be");
    world.estimate = Some(Duration::from_secs(3 * 3600 + 1));
    let verdict = world.one(check);
    assert_eq!(verdict.state, GateState::Closed);
    assert!(verdict.message.starts_with("open until 2026-11-27T05:00+00:00 (UTC), but a run"), "{}", verdict.message);
}
