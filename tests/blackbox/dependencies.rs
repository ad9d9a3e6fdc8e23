//! Objects that wait for others of their namespace: they begin by themselves, within seconds, once those are ready.

use std::time::Duration;

use serde_json::{Value, json};

use crate::env::{Operator, Pace, Spec, Team};

/// What a person who waits at a terminal takes for "at once".
const SECONDS: Duration = Duration::from_secs(10);

fn scripts(name: &str, versions: usize) -> std::collections::BTreeMap<String, String> {
    let script = |version| (format!("V{version:03}__t.sql"), format!("create table {name}_{version} (id int);"));
    (1..=versions).map(script).collect()
}

/// An object with a database of its own, which waits for others.
async fn waiting(team: &Team, name: &str, versions: usize, depends_on: Value) -> Spec {
    let database = format!("{}_{name}", team.database);
    let secret = format!("db-{name}");
    team.create_database(&database).await;
    team.secret(&secret, &database).await;
    Spec::latest()
        .set("/database/secretRef/name", json!(secret))
        .set("/gates/dependsOn", depends_on)
        .inline(&scripts(name, versions))
}

/// What the gate of that object says: state, message.
async fn gate(team: &Team, name: &str, of: &str) -> (String, String) {
    let status = team.get(name).await.status.unwrap();
    let items = status.gates.unwrap().items;
    let item = items.into_iter().find(|item| item.name.as_deref() == Some(of)).unwrap();
    assert_eq!(item.gate, "dependency");
    (item.state, item.message)
}

#[tokio::test]
async fn an_object_waits_for_one_that_is_not_there_yet_and_goes_on_within_seconds() {
    let team = Team::new("dependency").await;
    let _operator = Operator::start(&team.namespace);
    let orders = waiting(&team, "orders", 1, json!([{"name": "users"}])).await;
    let users = waiting(&team, "users", 1, json!([])).await;
    team.apply("orders", &orders).await;
    let message = team.reason("orders", "DependencyNotReady").await;
    let expected = format!("there is no DatabaseMigration users in namespace {} (create it)", team.namespace);
    assert!(message.contains(&expected), "{message}");
    assert!(team.get("orders").await.status.unwrap().applied.is_none());

    // A team forgot the Secret: the one that waits tells what it waits for, and writes no more.
    team.apply("users", &users.clone().set("/database/secretRef/name", json!("forgotten"))).await;
    let told = "users is not Ready (SourceNotReady): Secret forgotten does not exist";
    team.until("orders", told, |status| status.conditions[0].message.contains(told)).await;
    team.falls_silent().await;

    let pace = Pace::start(&team).await;
    team.apply("users", &users).await;
    team.ready("orders").await;
    team.ready("users").await;
    assert!(pace.elapsed() < SECONDS, "{:?}", pace.elapsed());
}

#[tokio::test]
async fn an_older_version_is_not_enough_and_the_newer_one_opens_by_itself() {
    let team = Team::new("dependency-version").await;
    let _operator = Operator::start(&team.namespace);
    let users = waiting(&team, "users", 1, json!([])).await;
    team.apply("users", &users).await;
    team.ready("users").await;
    let orders = waiting(&team, "orders", 1, json!([{"name": "users", "version": "2"}])).await;
    team.apply("orders", &orders).await;
    let message = team.reason("orders", "DependencyNotReady").await;
    assert!(message.contains("users is Ready at version 001, which is older than 2"), "{message}");
    let pace = Pace::start(&team).await;
    team.apply("users", &users.inline(&scripts("users", 2))).await;
    team.ready("orders").await;
    assert!(pace.elapsed() < SECONDS, "{:?}", pace.elapsed());
}

#[tokio::test]
async fn a_gate_that_was_open_closes_again_before_the_run_begins() {
    let team = Team::new("dependency-again").await;
    let _operator = Operator::start(&team.namespace);
    let users = waiting(&team, "users", 1, json!([])).await;
    team.apply("users", &users).await;
    team.ready("users").await;
    // A window that does not open within the next year keeps the plan waiting.
    let orders = waiting(&team, "orders", 1, json!([{"name": "users"}])).await;
    let shut = json!([{"schedule": "0 0 29 2 *", "duration": "1m"}]);
    team.apply("orders", &orders.clone().set("/gates/windows", shut)).await;
    team.reason("orders", "AwaitingWindow").await;
    assert_eq!(gate(&team, "orders", "users").await.0, "Open");
    let mut broken = scripts("users", 1);
    broken.insert("V002__typo.sql".to_owned(), "select * from nowhere;".to_owned());
    team.apply("users", &users.clone().inline(&broken)).await;
    team.reason("users", "ApplyFailed").await;
    let closed = |status: &sluice::api::v1alpha1::DatabaseMigrationStatus| {
        let items = status.gates.iter().flat_map(|gates| &gates.items);
        items.filter(|item| item.gate == "dependency").any(|item| item.state == "Closed")
    };
    let pace = Pace::start(&team).await;
    team.until("orders", "the gate is closed again", closed).await;
    assert!(pace.elapsed() < SECONDS, "{:?}", pace.elapsed());
    team.apply("orders", &orders).await;
    let message = team.reason("orders", "DependencyNotReady").await;
    assert!(message.contains("users is not Ready (ApplyFailed)"), "{message}");
    team.apply("users", &users).await;
    team.ready("orders").await;
}

#[tokio::test]
async fn a_chain_runs_in_order_though_it_was_applied_backwards() {
    let team = Team::new("dependency-chain").await;
    let _operator = Operator::start(&team.namespace);
    for (name, depends_on) in [("c", json!([{"name": "b"}])), ("b", json!([{"name": "a"}])), ("a", json!([]))] {
        let spec = waiting(&team, name, 1, depends_on).await;
        team.apply(name, &spec).await;
    }
    let mut times = Vec::new();
    for name in ["a", "b", "c"] {
        times.push(team.ready(name).await.history[0].start_time.0);
    }
    assert!(times.is_sorted(), "{times:?}");
}

#[tokio::test]
async fn a_cycle_is_named_nothing_of_it_runs_and_it_is_over_when_somebody_breaks_it() {
    let team = Team::new("dependency-cycle").await;
    let _operator = Operator::start(&team.namespace);
    let orders = waiting(&team, "orders", 1, json!([{"name": "users"}])).await;
    let users = waiting(&team, "users", 1, json!([{"name": "items"}])).await;
    let items = waiting(&team, "items", 1, json!([{"name": "orders"}])).await;
    for (name, spec) in [("orders", &orders), ("users", &users), ("items", &items)] {
        team.apply(name, spec).await;
    }
    let message = team.reason("orders", "GateFailed").await;
    assert!(message.contains("orders → users → items → orders"), "{message}");
    let message = team.reason("items", "GateFailed").await;
    assert!(message.contains("items → orders → users → items"), "{message}");
    team.reason("users", "GateFailed").await;
    assert_eq!(gate(&team, "users", "items").await.0, "Denied");
    // They do not keep each other awake.
    team.falls_silent().await;

    let pace = Pace::start(&team).await;
    team.apply("items", &items.set("/gates/dependsOn", json!([]))).await;
    for name in ["items", "users", "orders"] {
        team.ready(name).await;
    }
    assert!(pace.elapsed() < SECONDS, "{:?}", pace.elapsed());
}

#[tokio::test]
async fn a_plan_that_is_only_shown_shows_its_gates_as_they_are_now() {
    let team = Team::new("dependency-plan").await;
    let _operator = Operator::start(&team.namespace);
    let orders = waiting(&team, "orders", 1, json!([{"name": "users"}])).await.set("/mode", json!("Plan"));
    team.apply("orders", &orders).await;
    let has = |state: &'static str| {
        move |status: &sluice::api::v1alpha1::DatabaseMigrationStatus| {
            status.gates.as_ref().is_some_and(|gates| gates.items[0].state == state)
        }
    };
    team.until("orders", "the gate is closed", has("Closed")).await;
    let users = waiting(&team, "users", 1, json!([])).await;
    let pace = Pace::start(&team).await;
    team.apply("users", &users).await;
    team.until("orders", "the gate is open", has("Open")).await;
    assert!(pace.elapsed() < SECONDS, "{:?}", pace.elapsed());
    assert!(team.get("orders").await.status.unwrap().applied.is_none());
}
