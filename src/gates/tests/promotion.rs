//! What another environment must have verified before: an object of this cluster, a signed statement of another.

use serde_json::{Value, json};

use super::fixture::{World, at, object, ready, unready};
use crate::api::v1alpha1::DatabaseMigration;
use crate::attest::{self, Seen, SigningKey, Statement};
use crate::gates::{Forerunner, GateState, Gates, Neighbour, Verdict, promotion::check};
use crate::plan::{Action, Direction, Step};

fn wanted(soak: Option<&str>) -> World {
    let mut promotion = json!({"from": {"name": "orders", "namespace": "staging"}});
    if let Some(soak) = soak {
        promotion["minSoak"] = json!(soak);
    }
    World::of(json!({"promotion": promotion}))
}

fn there(status: Value) -> DatabaseMigration {
    let mut there = object("staging", "orders", json!({}), status);
    there.metadata.annotations = Some([("sluice.dev/promotes-to".to_owned(), "shop".to_owned())].into());
    there
}

fn shown(object: &DatabaseMigration) -> Forerunner {
    Forerunner::Object(Some(Neighbour::of(object)))
}

/// What the gate says of a status there.
fn of(status: Value) -> Verdict {
    wanted(None).before(shown(&there(status))).one(check)
}

fn repeatable() -> Step {
    let script = "select 1;";
    let options = crate::migration::SetOptions {
        dialect: crate::migration::Dialect::Postgres,
        layout: crate::migration::Layout::Flyway,
        allow_gaps: false,
    };
    let file = crate::migration::RawFile::named("R__v.sql", script);
    let set = crate::migration::MigrationSet::read(&[file], options).unwrap();
    Step {
        version: None,
        repeatable: Some("v".into()),
        description: "v".into(),
        kind: crate::migration::Kind::Repeatable,
        header: crate::migration::Header::default(),
        action: Action::Repeat { script: std::sync::Arc::new(set.repeatables[0].script.clone()) },
    }
}

#[test]
fn who_comes_first_has_no_such_gate() {
    assert!(World::of(json!({})).judge(check).is_empty());
}

#[test]
fn what_is_verified_there_may_run_here_and_the_run_tells_why() {
    let verdict = of(ready());
    assert_eq!((verdict.state, verdict.name.as_deref()), (GateState::Open, Some("staging/orders")));
    assert_eq!(verdict.message, "verified at staging/orders since 2026-11-24T09:00:00Z");
    let record = verdict.record.unwrap();
    assert_eq!((record["from"].as_str(), record["digest"].as_str()), (Some("staging/orders"), Some("sha256:after")));
}

#[test]
fn either_digest_is_proof_and_nothing_else_is() {
    let with = |applied: &str, set: &str| {
        let mut status = ready();
        status["applied"]["digest"] = json!(applied);
        status["source"]["digest"] = json!(set);
        of(status).state
    };
    assert_eq!(with("sha256:after", "sha256:cc"), GateState::Open);
    assert_eq!(with("sha256:after", "sha256:newer"), GateState::Open, "more scripts there, the same in effect");
    assert_eq!(with("sha256:other", "sha256:cc"), GateState::Open, "all of the same source is in effect there");
    assert_eq!(with("sha256:other", "sha256:newer"), GateState::Closed);
    assert_eq!(with("sha256:cc", "sha256:after"), GateState::Closed, "the two are not compared with each other");
}

#[test]
fn a_source_that_is_not_in_effect_as_a_whole_is_no_proof() {
    let mut status = ready();
    status["applied"] = json!({"version": "011", "count": 11, "digest": "sha256:other"});
    let verdict = of(status);
    assert_eq!(verdict.state, GateState::Closed);
    assert_eq!(
        verdict.message,
        "staging/orders is at version 011, and what this plan would bring into effect is not in effect there"
    );
}

#[test]
fn repeatable_scripts_need_the_proof_that_covers_them() {
    let mut world = wanted(None).before(shown(&there(ready())));
    world.steps = vec![repeatable()];
    assert_eq!(world.one(check).record.unwrap()["digest"], "sha256:cc");
    let mut status = ready();
    status["source"]["digest"] = json!("sha256:newer");
    world.promotion = Some(shown(&there(status)));
    assert_eq!(world.one(check).state, GateState::Closed, "the same versions, and perhaps another view");
}

#[test]
fn nothing_is_no_proof_of_nothing() {
    let mut world = wanted(None);
    world.after_digest = None;
    let mut status = ready();
    status.as_object_mut().unwrap().remove("applied");
    assert_eq!(world.before(shown(&there(status))).one(check).state, GateState::Closed);
}

#[test]
fn a_way_down_is_never_held() {
    let mut world = wanted(Some("24h"));
    world.direction = Direction::Down;
    assert_eq!(world.one(check).state, GateState::Open);
}

#[test]
fn a_namespace_that_does_not_let_us_looks_like_one_that_has_no_such_object() {
    let mut closed = there(unready("ApplyFailed", "table secret_customers is locked"));
    closed.metadata.annotations = Some([("sluice.dev/promotes-to".to_owned(), "other".to_owned())].into());
    let refused = wanted(None).before(shown(&closed)).one(check);
    assert_eq!(refused, wanted(None).before(Forerunner::Object(None)).one(check));
    assert_eq!(refused.state, GateState::Closed);
    assert_eq!(
        refused.message,
        "there is no DatabaseMigration orders in namespace staging that lets namespace shop go after it"
    );
    assert_eq!(
        refused.opens.as_deref(),
        Some("those who own it: kubectl annotate dbm orders -n staging sluice.dev/promotes-to=shop")
    );
}

#[test]
fn another_namespace_shows_its_reason_and_never_its_words() {
    let verdict = of(unready("ApplyFailed", "table secret_customers is locked"));
    assert_eq!(
        (verdict.state, verdict.message.as_str()),
        (GateState::Closed, "staging/orders is not Ready (ApplyFailed)")
    );
}

#[test]
fn the_own_namespace_needs_no_permission() {
    let world = World::of(json!({"promotion": {"from": {"name": "orders-canary"}}}));
    let canary = object("shop", "orders-canary", json!({}), ready());
    assert_eq!(world.before(shown(&canary)).one(check).state, GateState::Open);
    let world = World::of(json!({"promotion": {"from": {"name": "orders-canary"}}}));
    let gone = world.before(Forerunner::Object(None)).one(check);
    assert_eq!(gone.message, "there is no DatabaseMigration orders-canary in namespace shop");
}

#[test]
fn an_object_cannot_go_before_itself() {
    for from in [json!({"name": "orders"}), json!({"name": "orders", "namespace": "shop"})] {
        let verdict = World::of(json!({"promotion": {"from": from}})).one(check);
        assert_eq!(verdict.state, GateState::Denied);
        assert_eq!(verdict.message, "each of them waits for the next: orders → orders");
    }
}

#[test]
fn checks_that_did_not_pass_keep_it_closed() {
    let mut status = ready();
    status["verification"] = json!({"runId": "run-2", "verdict": "Inconclusive"});
    let verdict = of(status);
    assert_eq!(verdict.state, GateState::Closed);
    assert!(verdict.message.contains("its checks have not passed"), "{}", verdict.message);
}

#[test]
fn it_opens_at_the_second_at_which_it_was_verified_for_long_enough() {
    let soak = |now: &str| wanted(Some("75h")).now(now).before(shown(&there(ready()))).one(check);
    let opens = at("2026-11-27T12:00:00Z");
    let early = soak("2026-11-26T12:00:00Z");
    assert_eq!((early.state, early.changes_at), (GateState::Closed, Some(opens)));
    assert!(early.message.contains("2026-11-24T09:00:00Z"), "{}", early.message);
    assert_eq!(early.opens.as_deref(), Some("time alone: at 2026-11-27T12:00:00Z"));
    assert_eq!(early, soak("2026-11-27T11:59:59.9Z"), "the text stands still while nothing changes");
    assert_eq!(soak("2026-11-27T12:00:00Z").state, GateState::Open);
}

#[test]
fn what_nobody_could_look_at_is_unknown() {
    assert_eq!(wanted(None).one(check).state, GateState::Unknown);
    let unknown =
        Forerunner::Unknown { why: "this operator sees namespace shop alone".into(), cure: "see more".into() };
    let verdict = wanted(None).before(unknown).one(check);
    assert_eq!((verdict.state, verdict.opens.as_deref()), (GateState::Unknown, Some("see more")));
}

fn key() -> SigningKey {
    SigningKey::from_pem(&SigningKey::generate().unwrap()).unwrap()
}

fn seen(applied: &str) -> Seen {
    Seen {
        object: "staging/orders".to_owned(),
        set_digest: None,
        applied_digest: applied.to_owned(),
        applied_version: "012".to_owned(),
        verified_since: at("2026-11-25T12:00:00Z"),
        cluster: Some("eu".to_owned()),
    }
}

fn signed(key: &SigningKey, seen: Seen, issued: &str) -> Forerunner {
    let statement = Statement::new(seen, at(issued), &key.public());
    Forerunner::Signed(Some(attest::sign(&statement, key).unwrap()))
}

/// What the gate says of a statement where that key is accepted.
fn stated(key: &SigningKey, soak: &str, forerunner: Forerunner) -> Verdict {
    let keys = [key.public().to_string()];
    let promotion = json!({"attestation": {"configMap": "before", "publicKeys": keys}, "minSoak": soak});
    World::of(json!({"promotion": promotion})).before(forerunner).one(check)
}

#[test]
fn a_statement_counts_until_it_is_too_old_and_the_gate_knows_when_that_is() {
    let key = key();
    let aged = |age: &str, soak: &str, now: &str| {
        let signed = signed(&key, seen("sha256:after"), "2026-11-26T11:00:00Z");
        let attestation = json!({"configMap": "before", "publicKeys": [key.public().to_string()], "maxAge": age});
        let promotion = json!({"attestation": attestation, "minSoak": soak});
        World::of(json!({"promotion": promotion})).now(now).before(signed).one(check)
    };
    let end = Some(at("2026-11-26T13:00:00Z"));
    let young = aged("2h", "1s", "2026-11-26T12:59:59.9Z");
    assert_eq!((young.state, young.changes_at), (GateState::Open, end));
    let old = aged("2h", "1s", "2026-11-26T13:00:00Z");
    assert_eq!((old.state, old.changes_at), (GateState::Closed, None));
    assert_eq!(
        old.message,
        "the statement of staging/orders of cluster eu was issued at 2026-11-26T11:00:00Z, and may be 2h old at most"
    );
    assert!(old.opens.as_ref().unwrap().contains("sluice attest"), "{old:?}");
    assert_eq!(old, aged("2h", "1s", "2026-12-26T13:00:00Z"), "the text stands still while nothing changes");
    // What is closed for another reason is looked at again when it grows too old, or before.
    let soaking = aged("2h", "48h", "2026-11-26T12:00:00Z");
    assert_eq!((soaking.state, soaking.changes_at), (GateState::Closed, end));
    let soaking = aged("48h", "25h", "2026-11-26T12:00:00Z");
    assert_eq!(soaking.changes_at, Some(at("2026-11-26T13:00:00Z")));
}

#[test]
fn a_statement_with_the_right_signature_digest_and_age_opens() {
    let key = key();
    let verdict = stated(&key, "24h", signed(&key, seen("sha256:after"), "2026-11-26T11:00:00Z"));
    assert_eq!((verdict.state, verdict.name.as_deref()), (GateState::Open, Some("ConfigMap before")));
    assert_eq!(verdict.message, "verified at staging/orders of cluster eu since 2026-11-25T12:00:00Z");
    assert_eq!(verdict.record.unwrap()["keyId"], key.public().id());
}

#[test]
fn a_statement_about_other_scripts_too_young_or_of_the_future_stays_closed() {
    let key = key();
    let other = stated(&key, "24h", signed(&key, seen("sha256:other"), "2026-11-26T11:00:00Z"));
    assert_eq!((other.state, other.changes_at), (GateState::Closed, None));
    let young = stated(&key, "25h", signed(&key, seen("sha256:after"), "2026-11-26T11:00:00Z"));
    assert_eq!((young.state, young.changes_at), (GateState::Closed, Some(at("2026-11-26T13:00:00Z"))));
    let later = stated(&key, "24h", signed(&key, seen("sha256:after"), "2026-11-26T12:30:00Z"));
    assert_eq!((later.state, later.changes_at), (GateState::Closed, Some(at("2026-11-26T12:30:00Z"))));
}

#[test]
fn a_statement_that_is_not_there_or_not_to_be_believed_says_what_to_do() {
    let key = key();
    let missing = stated(&key, "1s", Forerunner::Signed(None));
    assert_eq!(missing.state, GateState::Closed);
    assert!(
        missing
            .opens
            .as_ref()
            .unwrap()
            .contains("kubectl create configmap before -n shop --from-file=attestation.json")
    );
    let foreign = stated(&key, "1s", signed(&self::key(), seen("sha256:after"), "2026-11-26T11:00:00Z"));
    assert_eq!(foreign.state, GateState::Closed);
    assert!(foreign.message.contains(&key.public().id()) && foreign.opens.unwrap().contains("publicKeys"));
    let garbage = stated(&key, "1s", Forerunner::Signed(Some("hunter2".into())));
    assert!(garbage.message.contains("not JSON") && !garbage.message.contains("hunter2"), "{}", garbage.message);
}

#[test]
fn what_could_never_come_true_is_refused_with_its_field() {
    let key = key().public().to_string();
    let refused = |gates: Value| Gates::of(Some(&serde_json::from_value(gates).unwrap())).unwrap_err();
    let signed = |more: Value| {
        let mut attestation = json!({"configMap": "before", "publicKeys": [key]});
        attestation.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        refused(json!({"promotion": {"attestation": attestation}}))
    };
    for (refusal, field) in [
        (signed(json!({"publicKeys": [key, "x".repeat(44)]})), "promotion.attestation.publicKeys[1]"),
        (signed(json!({"maxAge": "0s"})), "promotion.attestation.maxAge"),
        (signed(json!({"maxAge": "soon"})), "promotion.attestation.maxAge"),
        (refused(json!({"deadline": "0h0m"})), "deadline"),
        (refused(json!({"approvals": {"expiresAfter": "0s"}})), "approvals.expiresAfter"),
    ] {
        assert_eq!(refusal.0, field, "{}", refusal.1);
    }
}
