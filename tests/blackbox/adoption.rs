//! Databases that held something before Sluice came: nobody runs V001 over somebody's production by mistake.

use serde_json::json;

use crate::env::{Operator, Spec, Team, condition, files};

const SCRIPTS: &[(&str, &str)] = &[
    ("V001__customers.sql", "create table customers (id int primary key);"),
    ("V002__orders.sql", "create table orders (id int primary key);"),
    ("V003__items.sql", "create table items (id int primary key);"),
];

/// A database at what somebody calls version 2.
async fn grown(name: &str) -> Team {
    let team = Team::new(name).await;
    team.sql("create table customers (id int primary key); create table orders (id int primary key);
        create view totals as select count(*) from orders; create type mood as enum ('well'); create table \"Odd Name\" (id int);
        insert into customers values (1)").await;
    team
}

#[tokio::test]
async fn a_database_that_holds_something_and_no_ledger_is_refused_with_the_list_and_the_two_ways_on() {
    let team = grown("not-empty").await;
    let _operator = Operator::start(&team.namespace);
    team.apply("shop", &Spec::latest().inline(&files(SCRIPTS))).await;
    let message = team.reason("shop", "NotEmpty").await;
    for part in [
        "5 objects",
        "table public.customers",
        "table public.orders",
        "table public.\"Odd Name\"",
        "view public.totals",
        "type public.mood",
        "spec.adoption.baselineVersion",
        "spec.adoption.allowExisting: true",
    ] {
        assert!(message.contains(part), "{part} is not in: {message}");
    }
    let status = team.get("shop").await.status.unwrap();
    assert_eq!(condition(&status, "Stalled").unwrap().1, "NotEmpty");
    assert_eq!(team.value("select count(*) from pg_namespace where nspname = 'sluice'").await, "0", "not touched");
}

#[tokio::test]
async fn what_is_declared_to_have_nothing_to_do_with_the_scripts_is_left_alone() {
    let team = Team::new("allow-existing").await;
    team.sql("create table legacy (id int); insert into legacy values (7)").await;
    let _operator = Operator::start(&team.namespace);
    let spec = Spec::latest().inline(&files(SCRIPTS));
    team.apply("shop", &spec).await;
    team.reason("shop", "NotEmpty").await;
    team.apply("shop", &spec.set("/adoption", json!({"allowExisting": true}))).await;
    assert_eq!(team.ready("shop").await.applied.unwrap().version, "003");
    assert_eq!(team.tables().await, ["customers", "items", "legacy", "orders"]);
    assert_eq!(team.value("select id from legacy").await, "7");
}

#[tokio::test]
async fn a_baseline_is_recorded_without_being_run_and_what_comes_after_it_is_applied() {
    let team = grown("baseline").await;
    let _operator = Operator::start(&team.namespace);
    let spec = Spec::latest().inline(&files(SCRIPTS)).set("/adoption", json!({"baselineVersion": "002"}));
    team.apply("shop", &spec).await;
    let applied = team.ready("shop").await.applied.unwrap();
    assert_eq!((applied.version.as_str(), applied.count), ("003", 3));
    assert_eq!(
        team.rows("select version, baseline, status from sluice.schema_migrations order by 1").await,
        [
            json!({"version": "001", "baseline": true, "status": "completed"}),
            json!({"version": "002", "baseline": true, "status": "completed"}),
            json!({"version": "003", "baseline": false, "status": "completed"}),
        ]
    );
    assert_eq!(team.value("select count(*) from customers").await, "1", "the rows are still there");

    // Once there is a ledger the baseline means nothing any more: neither its removal nor another one changes anything.
    let ledger = team.ledger_rows().await;
    for adoption in [json!({}), json!({"baselineVersion": "003"})] {
        team.apply("shop", &spec.clone().set("/adoption", adoption)).await;
        team.ready("shop").await;
    }
    assert_eq!(team.ledger_rows().await, ledger);
}

#[tokio::test]
async fn a_script_that_was_taken_as_baseline_may_not_change_afterwards_either() {
    let team = grown("baseline-edited").await;
    let _operator = Operator::start(&team.namespace);
    let spec = Spec::latest().set("/adoption", json!({"baselineVersion": "002"}));
    team.apply("shop", &spec.clone().inline(&files(SCRIPTS))).await;
    team.ready("shop").await;
    let mut scripts = files(SCRIPTS);
    scripts.insert("V002__orders.sql".to_owned(), "create table orders (id bigint primary key);".to_owned());
    team.apply("shop", &spec.inline(&scripts)).await;
    let message = team.reason("shop", "ChecksumMismatch").await;
    assert!(message.contains("version 002 (V002__orders.sql) was changed after it was"), "{message}");
}

#[tokio::test]
async fn a_baseline_that_is_not_in_the_source_is_refused_before_anything_runs() {
    let team = grown("baseline-unknown").await;
    let _operator = Operator::start(&team.namespace);
    team.apply("shop", &Spec::latest().inline(&files(SCRIPTS)).set("/adoption", json!({"baselineVersion": "004"})))
        .await;
    let message = team.reason("shop", "PlanFailed").await;
    for part in ["spec.adoption.baselineVersion 004 is not in the source", "001 … 003"] {
        assert!(message.contains(part), "{part} is not in: {message}");
    }
    assert_eq!(team.value("select count(*) from pg_namespace where nspname = 'sluice'").await, "0");
}

#[tokio::test]
async fn what_extensions_bring_along_is_not_taken_for_somebodys_work() {
    let team = Team::new("extensions").await;
    team.sql("create extension hstore").await;
    let _operator = Operator::start(&team.namespace);
    team.apply("shop", &Spec::latest().inline(&files(SCRIPTS))).await;
    team.ready("shop").await;
}
