//! What approvals are worth.

use rstest::rstest;
use serde_json::{Value, json};

use crate::gates::approvals::check;
use crate::gates::tests::fixture::{DIGEST, OTHER, World, at};
use crate::gates::{GateState, Guard};
use crate::migration::Risk;

fn two() -> World {
    World::of(json!({"approvals": {"required": 2}}))
}

#[test]
fn nothing_is_said_where_no_approval_is_asked_for() {
    assert!(World::of(json!({})).says("alice", "Approve", json!({})).judge(check).is_empty());
}

#[test]
fn the_gate_opens_with_the_last_person_that_it_takes() {
    let verdict = two().one(check);
    assert_eq!((verdict.state, &*verdict.message), (GateState::Closed, "0 of 2 approvals"));
    assert_eq!(
        verdict.opens.as_deref(),
        Some(
            "2 more approvals of sha256:aaaaaaaaaaaa…: `kubectl sluice approve orders -n shop`, by whoever holds the verb approve on it"
        )
    );
    let world = two().says("alice", "Approve", json!({}));
    assert_eq!(world.one(check).message, "1 of 2 approvals (alice)");
    let verdict = world.says("bob", "Approve", json!({})).one(check);
    assert_eq!((verdict.state, &*verdict.message), (GateState::Open, "2 of 2 approvals (alice, bob)"));
    assert_eq!((verdict.opens, verdict.changes_at), (None, None));
}

#[test]
fn one_person_counts_once() {
    let world = two().says("alice", "Approve", json!({})).says("alice", "Approve", json!({"comment": "again"}));
    assert_eq!(world.one(check).message, "1 of 2 approvals (alice)");
}

#[rstest]
#[case::another_plan("Approve", json!({"planDigest": OTHER}), "bob's is about another plan (sha256:bbbbbbbbbbbb…)")]
#[case::the_author("Approve", json!({"user": "author"}), "author's does not count: author changed the spec last")]
fn an_approval_that_does_not_count_is_explained(#[case] decision: &str, #[case] more: Value, #[case] why: &str) {
    let mut world = World::of(json!({"approvals": {"required": 1, "excludeAuthor": true}})).says("bob", decision, more);
    world.author = Some("author".to_owned());
    let verdict = world.one(check);
    assert_eq!((verdict.state, verdict.message), (GateState::Closed, format!("0 of 1 approvals; {why}")));
}

#[test]
fn an_approval_expires_at_its_moment_and_the_gate_asks_to_be_looked_at_then() {
    let world = World::of(json!({"approvals": {"expiresAfter": "2h"}})).says("carol", "Approve", json!({}));
    let verdict = world.one(check);
    assert_eq!((verdict.state, verdict.changes_at), (GateState::Open, Some(at("2026-11-26T13:00:00Z"))));
    let verdict = world.now("2026-11-26T13:00:00Z").one(check);
    assert_eq!(
        (verdict.state, &*verdict.message),
        (GateState::Closed, "0 of 1 approvals; carol's expired at 2026-11-26T13:00:00Z")
    );
}

#[test]
fn an_approval_that_is_being_withdrawn_does_not_count() {
    let mut world = World::of(json!({"approvals": {}})).says("bob", "Approve", json!({}));
    world.approvals[0].metadata.deletion_timestamp = world.approvals[0].metadata.creation_timestamp.clone();
    assert_eq!(world.one(check).message, "0 of 1 approvals; bob's is being withdrawn");
    let mut world = World::of(json!({"approvals": {}})).says("bob", "Deny", json!({}));
    world.approvals[0].metadata.deletion_timestamp = world.approvals[0].metadata.creation_timestamp.clone();
    assert_eq!(world.one(check).state, GateState::Closed);
}

#[test]
fn whoever_denies_this_plan_stops_it_and_only_they_or_another_plan_can_help() {
    let world = two().says("alice", "Approve", json!({})).says("bob", "Approve", json!({})).says(
        "carol",
        "Deny",
        json!({"comment": "not before\n  the sale"}),
    );
    let verdict = world.one(check);
    assert_eq!((verdict.state, &*verdict.message), (GateState::Denied, "denied by carol: \"not before the sale\""));
    let opens = verdict.opens.unwrap();
    assert!(opens.starts_with("carol takes it back (`kubectl sluice withdraw orders -n shop`)"), "{opens}");
    assert_eq!(verdict.record.unwrap()["approvals"][0]["user"], "carol");

    let other = two().says("carol", "Deny", json!({"planDigest": OTHER}));
    assert_eq!(other.one(check).message, "0 of 2 approvals", "what was denied was another plan");
    let unasked = World::of(json!({})).says("carol", "Deny", json!({}));
    assert_eq!(unasked.one(check).state, GateState::Denied, "a no holds also where nobody had to be asked");
}

#[test]
fn each_group_must_be_represented() {
    let gates = json!({"approvals": {"required": 2, "groups": ["dba", "security"]}});
    let world = World::of(gates).says("alice", "Approve", json!({"groups": ["dba"]})).says(
        "bob",
        "Approve",
        json!({"groups": ["developers"]}),
    );
    let verdict = world.one(check);
    assert_eq!(
        (verdict.state, &*verdict.message),
        (GateState::Closed, "2 of 2 approvals (alice, bob); nobody of security")
    );
    assert!(verdict.opens.unwrap().starts_with("an approval of sha256:aaaaaaaaaaaa… by people of security: "));
    assert_eq!(world.says("carol", "Approve", json!({"groups": ["security"]})).one(check).state, GateState::Open);
    let twice = World::of(json!({"approvals": {"required": 1, "groups": ["dba", "dba"]}})).one(check);
    assert_eq!(twice.message, "0 of 1 approvals; nobody of dba");
}

#[rstest]
#[case(Risk::Low, "0 of 2 approvals")]
#[case(Risk::Medium, "0 of 3 approvals")]
#[case(Risk::High, "0 of 4 approvals")]
#[case(Risk::Critical, "0 of 4 approvals")]
fn the_higher_the_risk_the_more_people(#[case] risk: Risk, #[case] message: &str) {
    let mut world = World::of(json!({"approvals": {"byRisk": {"LOW": 2, "MEDIUM": 3, "HIGH": 4, "CRITICAL": 4}}}));
    world.risk = risk;
    assert_eq!(world.one(check).message, message);
}

#[test]
fn where_nobody_has_to_agree_the_gate_is_open_also_without_the_policy() {
    let mut world = World::of(json!({"approvals": {"byRisk": {"HIGH": 2}}}));
    world.guard = Guard::Missing("it is not installed".to_owned());
    let verdict = world.one(check);
    assert_eq!((verdict.state, &*verdict.message), (GateState::Open, "a plan of risk LOW needs no approval"));
}

#[test]
fn without_the_admission_policy_no_approval_counts_and_the_cure_is_said() {
    let mut world =
        World::of(json!({"approvals": {}})).says("alice", "Approve", json!({})).says("bob", "Deny", json!({}));
    world.guard = Guard::Missing("the ValidatingAdmissionPolicy sluice-approvals is not installed".to_owned());
    let verdict = world.one(check);
    assert_eq!(verdict.state, GateState::Closed);
    assert_eq!(
        verdict.message,
        "0 of 1 approvals; approvals do not count: the ValidatingAdmissionPolicy sluice-approvals is not installed"
    );
    assert!(verdict.opens.as_deref().unwrap().contains("sluice admission | kubectl apply -f -"), "{verdict:?}");
    world.guard = Guard::Unknown("it may not be read (403)".to_owned());
    let verdict = world.one(check);
    assert_eq!(verdict.state, GateState::Unknown);
    assert!(verdict.message.ends_with("cannot be told: it may not be read (403)"), "{}", verdict.message);
}

#[test]
fn what_was_written_before_the_policy_was_there_does_not_count() {
    let mut world = World::of(json!({"approvals": {}}));
    world.guard = Guard::Installed { since: at("2026-11-26T11:00:00Z") };
    let world = world.says("alice", "Approve", json!({})).says("carol", "Deny", json!({}));
    let world = world.said("bob", "Approve", "2026-11-26T11:00:02Z", json!({}));
    let verdict = world.one(check);
    assert_eq!(verdict.state, GateState::Open, "bob's is from after it: {verdict:?}");
    let why = "was written before the admission policy was there: anybody could have written it";
    assert_eq!(verdict.message, format!("1 of 1 approvals (bob); alice's {why}; carol's {why}"));
}

#[test]
fn where_the_author_cannot_be_told_nobody_can_be_excluded() {
    let gates = json!({"approvals": {"excludeAuthor": true}});
    let mut world = World::of(gates).says("alice", "Approve", json!({}));
    let verdict = world.one(check);
    assert_eq!(verdict.state, GateState::Unknown);
    assert!(verdict.message.contains("who that was cannot be told"), "{}", verdict.message);
    assert!(verdict.opens.unwrap().contains("sluice.dev/author"));
    world.author = Some("bob".to_owned());
    assert_eq!(world.one(check).state, GateState::Open);
}

#[test]
fn the_record_holds_the_whole_chain() {
    let world = World::of(json!({"approvals": {"groups": ["dba"]}})).says(
        "alice",
        "Approve",
        json!({"groups": ["dba"], "comment": "looks right", "overrideWindows": true}),
    );
    let record = world.one(check).record.unwrap();
    assert_eq!(
        record,
        json!({"required": 1, "groups": ["dba"], "approvals": [{
            "user": "alice", "groups": ["dba"], "decision": "Approve", "overrideWindows": true, "comment": "looks right",
            "at": "2026-11-26T11:00:00Z", "name": "orders-alice-0", "uid": "uid-of-alice", "planDigest": DIGEST,
        }]})
    );
}

#[test]
fn the_text_does_not_depend_on_the_order_in_which_approvals_are_held() {
    let mut world = two().said("bob", "Approve", "2026-11-26T11:00:00Z", json!({}));
    world = world.said("alice", "Approve", "2026-11-26T10:00:00Z", json!({}));
    let before = world.one(check).message;
    world.approvals.reverse();
    assert_eq!((world.one(check).message, &*before), (before.clone(), "2 of 2 approvals (alice, bob)"));
}
