//! The main job: an empty database, scripts, a target version, up and down.

use serde_json::json;

use crate::env::{Operator, Spec, Team, files};

const USERS: (&str, &str) = ("V001__users.sql", "create table users (id int primary key);");
const ORDERS: (&str, &str) =
    ("V002__orders.sql", "create table orders (id int primary key, user_id int references users);");
const NO_ORDERS: (&str, &str) = ("U002__orders.sql", "drop table orders;");
const ITEMS: (&str, &str) = ("V003__items.sql", "create table items (id int primary key);");
const NO_ITEMS: (&str, &str) = ("U003__items.sql", "drop table items;");

#[tokio::test]
async fn smoke_an_empty_database_is_brought_to_the_newest_version() {
    let team = Team::new("newest").await;
    let _operator = Operator::start(&team.namespace);
    team.scripts("sql", &files(&[USERS, ORDERS])).await;
    team.apply("shop", &Spec::latest()).await;
    let status = team.ready("shop").await;
    assert_eq!(status.applied.unwrap().version, "002");
    assert_eq!(team.tables().await, ["orders", "users"]);
    assert_eq!(team.query("select version from sluice.schema_migrations order by 1").await, ["001", "002"]);
    let by = team.value("select applied_by from sluice.schema_migrations limit 1").await;
    assert!(by.contains(&format!("{}/shop", team.namespace)), "the ledger says who did it: {by}");
}

#[tokio::test]
async fn a_database_is_brought_to_a_version_and_no_further() {
    let team = Team::new("version").await;
    let _operator = Operator::start(&team.namespace);
    let scripts = files(&[USERS, ORDERS, ITEMS]);
    team.apply("shop", &Spec::to("2").inline(&scripts)).await;
    assert_eq!(team.ready("shop").await.applied.unwrap().version, "002");
    assert_eq!(team.tables().await, ["orders", "users"]);
}

#[tokio::test]
async fn a_new_script_in_the_config_map_is_applied_without_a_change_of_the_object() {
    let team = Team::new("newkey").await;
    let _operator = Operator::start(&team.namespace);
    team.scripts("sql", &files(&[USERS])).await;
    let before = team.apply("shop", &Spec::latest()).await;
    team.ready("shop").await;
    team.scripts("sql", &files(&[USERS, ORDERS])).await;
    team.until("shop", "version 002", |status| status.applied.as_ref().is_some_and(|a| a.version == "002")).await;
    assert_eq!(team.get("shop").await.metadata.generation, before.metadata.generation);
}

#[tokio::test]
async fn smoke_a_lower_target_takes_the_later_versions_back() {
    let team = Team::new("lower").await;
    let _operator = Operator::start(&team.namespace);
    let scripts = files(&[USERS, ORDERS, NO_ORDERS, ITEMS, NO_ITEMS]);
    team.apply("shop", &Spec::latest().inline(&scripts)).await;
    team.ready("shop").await;
    team.apply("shop", &Spec::to("001").inline(&scripts)).await;
    let status = team.ready("shop").await;
    assert_eq!(status.applied.unwrap().version, "001");
    assert_eq!(status.history[0].direction, "down");
    assert_eq!(team.tables().await, ["users"]);
    let rolled_back = "select version from sluice.schema_migrations where status = 'rolled_back' order by 1";
    assert_eq!(team.query(rolled_back).await, ["002", "003"]);
    team.apply("shop", &Spec::latest().inline(&scripts)).await;
    assert_eq!(team.ready("shop").await.applied.unwrap().version, "003");
    assert_eq!(team.tables().await, ["items", "orders", "users"]);
}

#[tokio::test]
async fn the_way_down_is_there_even_when_the_scripts_are_gone_from_the_source() {
    let team = Team::new("reverted").await;
    let _operator = Operator::start(&team.namespace);
    team.apply("shop", &Spec::latest().inline(&files(&[USERS, ORDERS, NO_ORDERS]))).await;
    team.ready("shop").await;
    team.apply("shop", &Spec::to("001").inline(&files(&[USERS]))).await;
    assert_eq!(team.ready("shop").await.applied.unwrap().version, "001");
    assert_eq!(team.tables().await, ["users"]);
}

#[tokio::test]
async fn a_way_down_without_a_down_script_is_refused_before_anything_runs() {
    let team = Team::new("nowayback").await;
    let _operator = Operator::start(&team.namespace);
    let scripts = files(&[USERS, ORDERS, ITEMS, NO_ITEMS]);
    team.apply("shop", &Spec::latest().inline(&scripts)).await;
    team.ready("shop").await;
    team.apply("shop", &Spec::to("001").inline(&scripts)).await;
    let message = team.reason("shop", "PlanFailed").await;
    assert!(message.contains("version 002 has no down script"), "{message}");
    assert_eq!(team.tables().await, ["items", "orders", "users"]);
}

#[tokio::test]
async fn a_way_down_is_refused_when_rollback_is_disabled() {
    let team = Team::new("disabled").await;
    let _operator = Operator::start(&team.namespace);
    let scripts = files(&[USERS, ORDERS, NO_ORDERS]);
    team.apply("shop", &Spec::latest().inline(&scripts)).await;
    team.ready("shop").await;
    let spec = Spec::to("001").inline(&scripts).set("/rollback/mode", json!("Disabled"));
    team.apply("shop", &spec).await;
    let message = team.reason("shop", "PlanFailed").await;
    assert!(message.contains("spec.rollback.mode"), "{message}");
    assert_eq!(team.tables().await, ["orders", "users"]);
}

#[tokio::test]
async fn a_repeatable_script_runs_again_when_it_changes_and_only_then() {
    let team = Team::new("repeat").await;
    let _operator = Operator::start(&team.namespace);
    let view = |n: u8| format!("create or replace view v as select {n} as n; insert into log values ({n});");
    let log = ("V001__log.sql", "create table log (n int);");
    team.scripts("sql", &files(&[log, ("R__view.sql", &view(1))])).await;
    team.apply("shop", &Spec::latest()).await;
    team.ready("shop").await;
    team.scripts("sql", &files(&[log, ("R__view.sql", &view(2))])).await;
    crate::env::eventually("the view is replaced", crate::env::SOON, || async {
        let n = team.value("select n from v").await;
        if n == "2" { Ok(()) } else { Err(n) }
    })
    .await;
    team.ready("shop").await;
    team.annotate("shop", "reconcile.fluxcd.io/requestedAt", "now").await;
    team.until("shop", "the request is handled", |s| s.last_handled_reconcile_at.as_deref() == Some("now")).await;
    assert_eq!(team.query("select n from log order by 1").await, ["1", "2"]);
}

#[tokio::test]
async fn all_migrations_of_a_run_in_one_transaction_are_all_or_nothing() {
    let team = Team::new("onetx").await;
    let _operator = Operator::start(&team.namespace);
    let spec = Spec::latest().set("/execution/transaction", json!("PerRun"));
    let bad = ("V003__items.sql", "create table items (id int);\nselect nothing from nowhere;");
    team.apply("shop", &spec.clone().inline(&files(&[USERS, ORDERS, bad]))).await;
    let message = team.reason("shop", "ApplyFailed").await;
    assert!(message.contains("V003__items.sql:2"), "{message}");
    assert_eq!(team.tables().await, [""; 0], "nothing of the run stays");
    team.apply("shop", &spec.inline(&files(&[USERS, ORDERS, ITEMS]))).await;
    assert_eq!(team.ready("shop").await.applied.unwrap().version, "003");
}
