//! What people do to an object while it is at work: suspend it, change it, delete it.

use std::time::Duration;

use serde_json::json;

use crate::env::{GATE, Gate, Operator, SOON, Spec, Team, automatic, condition, eventually, files};

/// Two versions, the first of which waits before the gate.
fn gated() -> std::collections::BTreeMap<String, String> {
    let first = format!("create table orders (id int primary key); {GATE} create table notes (id int);");
    files(&[("V001__orders.sql", &first), ("V002__items.sql", "create table items (id int primary key);")])
}

/// Runs of the ledger, oldest first: generation, direction and outcome.
async fn runs(team: &Team) -> Vec<String> {
    let query =
        "select concat_ws(' ', generation, direction, outcome) as r from sluice.migration_runs order by ordinal";
    team.rows(query).await.iter().map(|row| row["r"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_suspended_object_runs_nothing_and_says_what_waits() {
    let team = Team::new("suspended").await;
    let _operator = Operator::start(&team.namespace);
    let spec = Spec::latest().inline(&files(&[
        ("V001__orders.sql", "create table orders (id int primary key);"),
        ("V002__items.sql", "create table items (id int primary key);"),
    ]));
    team.apply("shop", &spec.clone().set("/suspend", json!(true))).await;
    let message = team.reason("shop", "Suspended").await;
    assert!(message.contains("apply 2 migrations (001 … 002)"), "{message}");
    let status = team.get("shop").await.status.unwrap();
    assert_eq!(condition(&status, "Suspended").unwrap().0, "True");
    assert_eq!(condition(&status, "Reconciling"), None, "nothing is at work");
    assert_eq!(status.plan.unwrap().pending, ["001", "002"]);
    assert_eq!(team.tables().await, [""; 0]);
    let schemas = team.value("select count(*) from pg_namespace where nspname = 'sluice'").await;
    assert_eq!(schemas, "0", "not even a ledger");

    team.apply("shop", &spec.set("/suspend", json!(false))).await;
    let status = team.ready("shop").await;
    assert_eq!(condition(&status, "Suspended"), None);
    assert_eq!(team.tables().await, ["items", "orders"]);
}

#[tokio::test]
async fn what_waits_is_still_counted_when_something_that_changes_nothing_wakes_the_object() {
    let team = Team::new("suspended-count").await;
    let operator = Operator::start(&team.namespace);
    team.scripts(
        "sql",
        &files(&[("V001__a.sql", "create table a (id int);"), ("V002__b.sql", "create table b (id int);")]),
    )
    .await;
    team.apply("shop", &Spec::latest().set("/suspend", json!(true))).await;
    team.reason("shop", "Suspended").await;
    let pending = format!("sluice_migration_pending{{name=\"shop\",namespace=\"{}\"}}", team.namespace);
    let passes = || operator.metric("sluice_reconcile_total{result=\"unchanged\"}").unwrap_or_default();
    let before = passes();
    team.kubectl(&["label", "configmap", "sql", "touched=yes"]);
    eventually("a pass that changed nothing", SOON, || async {
        if passes() > before { Ok(()) } else { Err(format!("{before}")) }
    })
    .await;
    assert_eq!(operator.metric(&pending), Some(2.0));
    let ready = format!("sluice_migration_ready{{name=\"shop\",namespace=\"{}\"}}", team.namespace);
    assert_eq!(operator.metric(&ready), Some(0.0));
}

#[tokio::test]
async fn an_object_that_is_done_stays_ready_when_it_is_suspended() {
    let team = Team::new("suspended-done").await;
    let _operator = Operator::start(&team.namespace);
    let spec = Spec::latest().inline(&files(&[("V001__orders.sql", "create table orders (id int);")]));
    team.apply("shop", &spec).await;
    team.ready("shop").await;
    team.apply("shop", &spec.set("/suspend", json!(true))).await;
    let status = team.ready("shop").await;
    assert_eq!(condition(&status, "Suspended").unwrap().0, "True");
}

#[tokio::test]
async fn suspending_a_run_lets_the_migration_at_hand_end_and_then_waits() {
    let team = Team::new("suspend-midway").await;
    let _operator = Operator::start(&team.namespace);
    let mut gate = Gate::close(&team).await;
    let spec = Spec::latest().inline(&gated());
    team.apply("shop", &spec).await;
    gate.reached().await;
    team.apply("shop", &spec.clone().set("/suspend", json!(true))).await;
    let told = team.until("shop", "the run is told to end", |status| {
        condition(status, "Ready").is_some_and(|(_, _, message)| message.contains("ends at the next safe place"))
    });
    assert_eq!(told.await.run.unwrap().steps_total, 2);
    gate.open().await;

    let message = team.reason("shop", "Suspended").await;
    assert!(message.contains("apply 1 migration (002)"), "{message}");
    assert_eq!(team.tables().await, ["notes", "orders"], "all of the first and nothing of the second");
    assert_eq!(team.get("shop").await.status.unwrap().applied.unwrap().version, "001");
    team.deserted().await;

    team.apply("shop", &spec.set("/suspend", json!(false))).await;
    assert_eq!(team.ready("shop").await.applied.unwrap().version, "002");
    assert_eq!(runs(&team).await, ["1 up interrupted", "3 up succeeded"]);
}

#[tokio::test]
async fn deleting_the_object_leaves_the_database_as_it_is_and_takes_its_series_away() {
    let team = Team::new("deleted").await;
    let operator = Operator::start(&team.namespace);
    team.apply("shop", &Spec::latest().inline(&files(&[("V001__orders.sql", "create table orders (id int);")]))).await;
    team.ready("shop").await;
    let ledger = team.ledger_rows().await;
    let mine = format!("namespace=\"{}\",", team.namespace);
    assert!(operator.page("/metrics").unwrap().contains(&mine));
    team.kubectl(&["delete", "dbm", "shop"]);
    eventually("its series are gone", SOON, || async {
        let page = operator.page("/metrics").unwrap();
        match page.lines().find(|line| line.contains(&mine)) {
            Some(line) => Err(line.to_owned()),
            None => Ok(()),
        }
    })
    .await;
    assert_eq!(team.tables().await, ["orders"]);
    assert_eq!(team.ledger_rows().await, ledger);
}

#[tokio::test]
async fn deleting_the_object_while_a_version_is_verified_ends_the_measurements_and_leaves_the_verdict_open() {
    let team = Team::with_health("delete-verifying").await;
    let operator = Operator::start(&team.namespace);
    let scripts = files(&[("V001__a.sql", "create table a (id int);"), ("U001__a.sql", "drop table a;")]);
    let spec = automatic("001").inline(&scripts).set("/adoption/allowExisting", json!(true));
    team.apply("shop", &spec.set("/verification/duration", json!("10m"))).await;
    let measured = || operator.metric("sluice_measurements_total{result=\"passed\"}").unwrap_or_default();
    eventually("it is measured", SOON, || async { if measured() > 0.0 { Ok(()) } else { Err("not yet".to_owned()) } })
        .await;
    team.kubectl(&["delete", "dbm", "shop"]);
    eventually("nobody measures for nobody", SOON, || async {
        let last = measured();
        tokio::time::sleep(Duration::from_secs(3)).await;
        let now = measured();
        if now.total_cmp(&last).is_eq() { Ok(()) } else { Err(format!("{last}, then {now}")) }
    })
    .await;
    assert_eq!(team.value("select count(*) from sluice.migration_verifications where verdict is null").await, "1");
}

#[tokio::test]
async fn deleting_the_object_during_a_run_ends_it_at_a_safe_place() {
    let team = Team::new("delete-midway").await;
    let operator = Operator::start(&team.namespace);
    let mut gate = Gate::close(&team).await;
    let spec = Spec::latest().inline(&gated());
    team.apply("shop", &spec).await;
    gate.reached().await;
    team.kubectl(&["delete", "dbm", "shop"]);
    let mine = format!("namespace=\"{}\",", team.namespace);
    let vanished = || async {
        let page = operator.page("/metrics").unwrap();
        match page.lines().find(|line| line.contains(&mine)) {
            Some(line) => Err(line.to_owned()),
            None => Ok(()),
        }
    };
    eventually("its series are gone", SOON, vanished).await;
    gate.open().await;
    eventually("its session is gone", SOON, || async {
        match team.sessions().await {
            0 => Ok(()),
            sessions => Err(format!("{sessions} sessions")),
        }
    })
    .await;
    assert_eq!(team.tables().await, ["notes", "orders"], "the migration at hand is whole, the next never began");
    assert_eq!(runs(&team).await, ["1 up interrupted"]);
    eventually("no run is counted any more", SOON, || async {
        match operator.metric("sluice_tasks_running") {
            Some(0.0) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    vanished().await.unwrap();

    team.apply("shop", &spec).await;
    assert_eq!(team.ready("shop").await.applied.unwrap().version, "002", "a new object goes on where the old one was");
}

#[tokio::test]
async fn a_change_of_the_spec_during_a_run_waits_for_its_end_and_never_starts_a_second_run() {
    let team = Team::new("change-midway").await;
    let _operator = Operator::start(&team.namespace);
    let mut gate = Gate::close(&team).await;
    team.apply("shop", &Spec::to("001").inline(&gated())).await;
    gate.reached().await;
    team.apply("shop", &Spec::to("002").inline(&gated())).await;
    let message = team.reason("shop", "Applying").await;
    assert!(message.contains("the change of the spec is looked at when this run has ended"), "{message}");
    assert_eq!(gate.waiting().await, 1);
    gate.open().await;
    assert_eq!(team.ready("shop").await.applied.unwrap().version, "002");
    assert_eq!(runs(&team).await, ["1 up succeeded", "2 up succeeded"]);
    let overlapping = "select count(*) from sluice.migration_runs a join sluice.migration_runs b
        on a.ordinal < b.ordinal and a.finished_at > b.started_at";
    assert_eq!(team.value(overlapping).await, "0");
}

#[tokio::test]
async fn scripts_that_change_during_a_run_are_looked_at_when_it_has_ended() {
    let team = Team::new("scripts-midway").await;
    let _operator = Operator::start(&team.namespace);
    let mut gate = Gate::close(&team).await;
    team.scripts("sql", &gated()).await;
    team.apply("shop", &Spec::latest()).await;
    gate.reached().await;
    let mut more = gated();
    more.insert("V003__extra.sql".to_owned(), "create table extra (id int);".to_owned());
    team.scripts("sql", &more).await;
    gate.open().await;
    let status = team.until("shop", "003 is applied", |status| {
        status.applied.as_ref().is_some_and(|applied| applied.version == "003")
            && condition(status, "Ready").is_some_and(|(status, _, _)| status == "True")
    });
    assert_eq!(status.await.failures, None);
    assert_eq!(runs(&team).await, ["1 up succeeded", "1 up succeeded"]);
}
