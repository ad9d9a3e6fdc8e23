//! Objects each of which waits for the next: found over dependencies and promotion, named as far as others let them be.

use rstest::rstest;
use serde_json::{Value, json};

use super::fixture::{World, object, ready, unready};
use crate::gates::{Facts, Forerunner, GateState, Neighbour, Verdict, dependency, promotion};

/// `namespace/name`, what it depends on, what it goes after, which namespaces it lets go after it.
type There = (&'static str, &'static [&'static str], Option<&'static str>, &'static str);

fn split(place: &str) -> (String, String) {
    let (namespace, name) = place.split_once('/').unwrap();
    (namespace.to_owned(), name.to_owned())
}

fn gates(depends_on: &[&str], from: Option<&str>) -> Value {
    let others: Vec<Value> = depends_on.iter().map(|name| json!({"name": name})).collect();
    let mut gates = json!({"dependsOn": others});
    if let Some((namespace, name)) = from.map(split) {
        gates["promotion"] = json!({"from": {"namespace": namespace, "name": name}});
    }
    gates
}

impl World {
    /// `shop/orders` among others.
    fn among(depends_on: &[&str], from: Option<&str>, others: &[There], status: &Value) -> Self {
        let mut world = Self::of(gates(depends_on, from));
        for (place, depends_on, goes_after, lets) in others {
            let (namespace, name) = split(place);
            let mut there = object(&namespace, &name, json!({"gates": gates(depends_on, *goes_after)}), status.clone());
            there.metadata.annotations = Some([("sluice.dev/promotes-to".to_owned(), (*lets).to_owned())].into());
            world.neighbours.insert((namespace, name), Some(Neighbour::of(&there)));
        }
        let before = from.map(|from| world.neighbours.get(&split(from)).cloned().flatten());
        world.promotion = before.map(Forerunner::Object);
        world
    }
}

const DEPENDENCY: fn(&Facts<'_>) -> Vec<Verdict> = dependency::check;
const PROMOTION: fn(&Facts<'_>) -> Vec<Verdict> = promotion::check;

/// As an argument, slices of different lengths are of one type.
fn there(
    place: &'static str,
    depends_on: &'static [&'static str],
    from: Option<&'static str>,
    lets: &'static str,
) -> There {
    (place, depends_on, from, lets)
}

#[rstest]
#[case::itself(Some("shop/orders"), &[], "orders → orders")]
#[case::two(Some("shop/canary"), &[there("shop/canary", &[], Some("shop/orders"), "")], "orders → canary → orders")]
#[case::two_namespaces(
    Some("staging/orders"),
    &[there("staging/orders", &[], Some("shop/orders"), "shop")],
    "shop/orders → staging/orders → shop/orders"
)]
#[case::three(
    Some("staging/orders"),
    &[
        there("staging/orders", &[], Some("test/orders"), "shop"),
        there("test/orders", &[], Some("shop/orders"), "*"),
    ],
    "shop/orders → staging/orders → test/orders → shop/orders"
)]
#[case::mixed(
    Some("staging/orders"),
    &[
        there("staging/orders", &["users"], None, "shop"),
        there("staging/users", &[], Some("shop/orders"), "test, shop"),
    ],
    "shop/orders → staging/orders → staging/users → shop/orders"
)]
fn promotion_names_the_ring(#[case] from: Option<&str>, #[case] others: &[There], #[case] ring: &str) {
    let world = World::among(&[], from, others, &unready("DependencyNotReady", "waits"));
    let verdict = world.one(PROMOTION);
    assert_eq!((verdict.state, verdict.name.as_deref()), (GateState::Denied, from));
    assert_eq!(verdict.message, format!("each of them waits for the next: {ring}"));
    let mixed = others.iter().any(|(_, depends_on, ..)| !depends_on.is_empty());
    let cure = if mixed {
        "take one of these out of spec.gates.dependsOn or spec.gates.promotion.from"
    } else {
        "name another DatabaseMigration in spec.gates.promotion.from of one of them"
    };
    assert_eq!(verdict.opens.as_deref(), Some(cure));
}

#[test]
fn a_dependency_that_goes_after_whoever_depends_on_it_is_a_ring() {
    let others: &[There] =
        &[("shop/users", &[], Some("staging/users"), ""), ("staging/users", &[], Some("shop/orders"), "shop")];
    let world = World::among(&["users"], None, others, &unready("DependencyNotReady", "waits"));
    let verdict = world.one(DEPENDENCY);
    assert_eq!(verdict.state, GateState::Denied);
    let ring = "shop/orders → shop/users → staging/users → shop/orders";
    assert_eq!(verdict.message, format!("each of them waits for the next: {ring}"));
}

#[test]
fn nobody_learns_of_objects_that_do_not_let_them_go_after_those() {
    let waits = unready("DependencyNotReady", "waits");
    let ring = |of_staging: &'static str, of_test: &'static str| -> Verdict {
        let others: &[There] = &[
            ("staging/orders", &[], Some("test/orders"), of_staging),
            ("test/orders", &[], Some("shop/orders"), of_test),
        ];
        World::among(&[], Some("staging/orders"), others, &waits).one(PROMOTION)
    };
    assert_eq!(ring("shop", "shop").state, GateState::Denied);
    let alone: &[There] = &[("staging/orders", &[], None, "shop")];
    let no_ring = World::among(&[], Some("staging/orders"), alone, &waits).one(PROMOTION);
    assert_eq!(no_ring.state, GateState::Closed);
    assert_eq!(ring("shop", "staging"), no_ring, "what is behind one that lets us is its own affair");
    let absent = World::among(&[], Some("staging/orders"), &[], &waits).one(PROMOTION);
    assert_eq!(ring("test", "shop"), absent, "one that does not let us looks like none");
}

#[test]
fn a_ring_of_others_is_theirs_to_solve() {
    let others: &[There] =
        &[("staging/orders", &[], Some("test/orders"), "*"), ("test/orders", &[], Some("staging/orders"), "*")];
    let verdict = World::among(&[], Some("staging/orders"), others, &unready("GateFailed", "ring")).one(PROMOTION);
    assert_eq!(
        (verdict.state, verdict.message.as_str()),
        (GateState::Closed, "staging/orders is not Ready (GateFailed)")
    );
}

#[test]
fn what_another_namespace_asks_for_closes_nothing_that_is_open_here() {
    let others: &[There] =
        &[("shop/users", &[], Some("staging/users"), ""), ("staging/users", &[], Some("shop/orders"), "shop")];
    assert_eq!(World::among(&["users"], None, others, &ready()).one(DEPENDENCY).state, GateState::Open);
    let others: &[There] = &[("staging/orders", &[], Some("shop/orders"), "shop")];
    assert_eq!(World::among(&[], Some("staging/orders"), others, &ready()).one(PROMOTION).state, GateState::Open);
}
