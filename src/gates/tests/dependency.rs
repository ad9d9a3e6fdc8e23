//! Others that must be Ready: there, not there, too old, waiting for each other.

use serde_json::{Value, json};

use super::fixture::{World, object, ready, unready};
use crate::gates::{GateState, Neighbour, dependency::check};

/// An object that waits for `users`, at a version where there is one.
fn waits(version: Option<&str>) -> World {
    let mut dependency = json!({"name": "users"});
    if let Some(version) = version {
        dependency["version"] = json!(version);
    }
    World::of(json!({"dependsOn": [dependency]}))
}

impl World {
    /// With another object of the namespace, which waits for others itself.
    fn with(mut self, name: &str, depends_on: &[&str], status: Value) -> Self {
        let dependencies: Vec<Value> = depends_on.iter().map(|name| json!({"name": name})).collect();
        let there = object("shop", name, json!({"gates": {"dependsOn": dependencies}}), status);
        self.neighbours.insert(("shop".to_owned(), name.to_owned()), Some(Neighbour::of(&there)));
        self
    }
}

/// The status of an object that is Ready at that version.
fn at(version: &str) -> Value {
    let mut status = ready();
    status["applied"]["version"] = json!(version);
    status
}

#[test]
fn who_waits_for_nobody_has_no_such_gate() {
    assert!(World::of(json!({})).judge(check).is_empty());
}

#[test]
fn what_is_not_there_is_to_be_created() {
    let mut world = waits(None);
    world.neighbours.insert(("shop".to_owned(), "users".to_owned()), None);
    let verdict = world.one(check);
    assert_eq!((verdict.state, verdict.name.as_deref()), (GateState::Closed, Some("users")));
    assert_eq!(verdict.message, "there is no DatabaseMigration users in namespace shop");
    assert_eq!(verdict.opens.as_deref(), Some("create it"));
}

#[test]
fn what_is_not_ready_says_so_in_its_own_words() {
    let verdict = waits(None).with("users", &[], unready("ApplyFailed", "version 013 failed at line 3")).one(check);
    assert_eq!(verdict.state, GateState::Closed);
    assert_eq!(verdict.message, "users is not Ready (ApplyFailed): version 013 failed at line 3");
    assert_eq!(verdict.opens.as_deref(), Some("`sluice status users -n shop` tells what it needs"));
}

#[test]
fn what_was_changed_and_not_looked_at_since_is_not_ready_whatever_it_says() {
    let mut status = ready();
    status["conditions"][0]["observedGeneration"] = json!(2);
    let verdict = waits(None).with("users", &[], status).one(check);
    assert_eq!(verdict.message, "users is not Ready: its spec was changed, and that was not looked at yet");
    let verdict = waits(None).with("users", &[], json!({})).one(check);
    assert_eq!(
        (verdict.state, verdict.message.as_str()),
        (GateState::Closed, "users is not Ready: it was not looked at yet")
    );
}

#[test]
fn any_version_will_do_where_none_is_asked_for() {
    let verdict = waits(None).with("users", &[], at("7")).one(check);
    assert_eq!(
        (verdict.state, verdict.message.as_str(), verdict.opens),
        (GateState::Open, "users is Ready at version 7", None)
    );
}

#[test]
fn versions_compare_as_numbers_of_any_width() {
    for (there, asked, state) in [
        ("012", "012", GateState::Open),
        ("12", "0012", GateState::Open),
        ("100", "99", GateState::Open),
        ("9", "012", GateState::Closed),
        ("99999999999999999999999", "100000000000000000000000", GateState::Closed),
        ("100000000000000000000000", "99999999999999999999999", GateState::Open),
        ("1.10", "1.9", GateState::Open),
    ] {
        let verdict = waits(Some(asked)).with("users", &[], at(there)).one(check);
        assert_eq!(verdict.state, state, "{there} for {asked}: {}", verdict.message);
        assert!(verdict.message.contains(there), "{}", verdict.message);
    }
}

#[test]
fn too_old_says_what_is_missing() {
    let verdict = waits(Some("012")).with("users", &[], at("007")).one(check);
    assert_eq!(verdict.message, "users is Ready at version 007, which is older than 012");
    assert_eq!(verdict.opens.as_deref(), Some("bring users to version 012"));
    let mut empty = ready();
    empty.as_object_mut().unwrap().remove("applied");
    let verdict = waits(Some("012")).with("users", &[], empty).one(check);
    assert_eq!(verdict.state, GateState::Closed);
    assert_eq!(verdict.message, "users is Ready with no migration in effect, and version 012 is asked for");
}

#[test]
fn what_cannot_be_compared_or_was_not_looked_for_is_unknown() {
    let verdict = waits(Some("012")).with("users", &[], at("v7-beta")).one(check);
    assert_eq!(verdict.state, GateState::Unknown);
    assert!(verdict.message.contains("`v7-beta` is not a version"), "{}", verdict.message);
    assert_eq!(waits(None).one(check).state, GateState::Unknown);
}

#[test]
fn each_dependency_is_judged_by_itself() {
    let world = World::of(json!({"dependsOn": [{"name": "users"}, {"name": "items", "version": "2"}]}));
    let verdicts = world.with("users", &[], ready()).with("items", &[], at("1")).judge(check);
    let states: Vec<_> = verdicts.iter().map(|verdict| (verdict.name.as_deref(), verdict.state)).collect();
    assert_eq!(states, [(Some("users"), GateState::Open), (Some("items"), GateState::Closed)]);
}

#[test]
fn a_cycle_is_named_in_order_and_only_a_change_helps() {
    let told = |world: World| {
        let verdict = world.one(check);
        assert_eq!(verdict.state, GateState::Denied, "{}", verdict.message);
        verdict.message
    };
    let own = World::of(json!({"dependsOn": [{"name": "orders"}]}));
    assert_eq!(told(own), "each of them waits for the next: orders → orders");
    let two = waits(None).with("users", &["orders"], ready());
    assert_eq!(told(two), "each of them waits for the next: orders → users → orders");
    let long = waits(None)
        .with("users", &["lonely", "items"], unready("GatesPending", "waits"))
        .with("lonely", &[], ready())
        .with("items", &["prices"], ready())
        .with("prices", &["orders", "users"], ready());
    assert_eq!(told(long), "each of them waits for the next: orders → users → items → prices → orders");
}

#[test]
fn a_cycle_of_others_is_theirs_to_solve() {
    let world = waits(None).with("users", &["items"], unready("GateFailed", "users → items → users")).with(
        "items",
        &["users", "gone"],
        ready(),
    );
    let verdict = world.one(check);
    assert_eq!(verdict.state, GateState::Closed);
    assert!(verdict.message.contains("users → items → users"), "{}", verdict.message);
}

#[test]
fn what_one_says_of_another_does_not_grow_without_end() {
    let verdict = waits(None).with("users", &[], unready("GatesPending", &"ü".repeat(5000))).one(check);
    assert!(verdict.message.chars().count() < 350, "{}", verdict.message.len());
}
