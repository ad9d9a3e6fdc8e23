//! Locks that others hold: the migration steps back and tries again, applications go on, and the one in the way is named
//! without a word of what it asked.

use std::time::Duration;

use serde_json::json;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Executor};

use crate::env::{GATE, Gate, Operator, SOON, Spec, Team, Writer, condition, eventually, files};

const ORDERS: (&str, &str) =
    ("V001__orders.sql", "create table orders (id int generated always as identity, amount int);");
const NOTE: (&str, &str) = ("V002__note.sql", "alter table orders add column note text;");
/// What nobody but the database may ever see of those in the way.
const SECRET: &str = "5ecret-of-the-query";

/// Somebody who reads a table in a long transaction.
async fn reader(team: &Team) -> (PgConnection, i64) {
    let mut reader = team.connect().await;
    let pid: i32 = sqlx::query_scalar("select pg_backend_pid()").fetch_one(&mut reader).await.unwrap();
    let sql = format!("set application_name = 'reporting'; begin; select count(*), '{SECRET}' from orders");
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut reader).await.unwrap();
    (reader, pid.into())
}

/// A team whose table `orders` is there.
async fn with_orders(name: &str) -> (Team, Operator) {
    let team = Team::new(name).await;
    let operator = Operator::start(&team.namespace);
    team.apply("shop", &Spec::latest().inline(&files(&[ORDERS]))).await;
    team.at("shop", "001").await;
    (team, operator)
}

#[tokio::test]
async fn a_long_reader_delays_the_migration_and_never_the_application_and_is_named_without_its_query() {
    let (team, operator) = with_orders("long-reader").await;
    let (mut reader, pid) = reader(&team).await;
    team.sql("create table elsewhere (amount int)").await;
    let writer = Writer::start(&team, "insert into orders (amount) values (1)");
    let elsewhere = Writer::start(&team, "insert into elsewhere values (1)");
    team.apply("shop", &Spec::latest().inline(&files(&[ORDERS, NOTE]))).await;

    let message = team.reason("shop", "RetryingLock").await;
    assert!(message.contains(&format!("a table is locked by pid {pid} (reporting)")), "{message}");
    assert!(message.contains("applications go on"), "{message}");
    let status = team.until("shop", "several tries", |status| {
        status.run.as_ref().is_some_and(|run| run.lock_retries >= Some(4) && !run.blocked_by.is_empty())
    });
    let run = status.await.run.unwrap();
    assert_eq!((run.stage.as_str(), run.step.as_deref()), ("RetryingLock", Some("002")));
    let blocker = &run.blocked_by[0];
    assert_eq!((blocker.pid, blocker.application.as_str()), (pid, "reporting"));
    assert!(sluice::duration::parse(&blocker.age).is_ok(), "{}", blocker.age);
    let blocking = format!("sluice_blocking_sessions{{name=\"shop\",namespace=\"{}\"}}", team.namespace);
    eventually("one session is in the way", SOON, || async {
        let shown = operator.metric(&blocking);
        if shown == Some(1.0) { Ok(()) } else { Err(format!("{shown:?}")) }
    })
    .await;
    // However often it tries.
    writer.goes_on(50).await;
    assert_eq!(
        team.value(
            "select count(*) from information_schema.columns where table_name = 'orders' and column_name = 'note'"
        )
        .await,
        "0"
    );

    reader.execute("commit").await.unwrap();
    team.at("shop", "002").await;
    let (longest, machine) = (writer.stop().longest, elsewhere.stop().gap);
    assert!(longest < Duration::from_secs(1) + machine, "an insert waited {longest:?}, others {machine:?}");
    assert_eq!(operator.metric(&blocking), Some(0.0));
    assert!(operator.metric("sluice_lock_retries_total").unwrap() >= 4.0);
    let object = serde_json::to_string(&team.get("shop").await).unwrap();
    let seen =
        format!("{object} {:?} {} {}", team.events("shop").await, operator.log(), operator.page("/metrics").unwrap());
    assert!(!seen.contains(SECRET));
    assert_eq!(team.noted("shop", "RetryingLock").await.len(), 1, "told once");
}

#[tokio::test]
async fn when_the_patience_for_a_lock_ends_nothing_is_left_and_the_one_in_the_way_is_named() {
    let (team, operator) = with_orders("impatient").await;
    let (mut reader, pid) = reader(&team).await;
    let spec = Spec::latest().inline(&files(&[ORDERS, NOTE])).set("/execution/lockRetryDeadline", json!("8s"));
    team.apply("shop", &spec).await;
    let message = team.reason("shop", "DeadlineExceeded").await;
    for part in [
        "V002__note.sql:1:1: statement 1 of 002: 55P03",
        "nothing of it is in effect",
        "spec.execution.lockRetryDeadline",
        &format!("session {pid} (reporting"),
        "sluice.dev/retry",
    ] {
        assert!(message.contains(part), "{part} is not in: {message}");
    }
    assert!(!message.contains(SECRET) && !operator.log().contains(SECRET));
    let status = team.get("shop").await.status.unwrap();
    assert_eq!(condition(&status, "Stalled").unwrap().1, "DeadlineExceeded");
    assert_eq!(status.failures, Some(1));
    team.deserted().await;

    reader.execute("commit").await.unwrap();
    team.annotate("shop", "sluice.dev/retry", "reader-is-gone").await;
    assert_eq!(team.at("shop", "002").await.failures, None);
}

#[tokio::test]
async fn a_run_that_waits_for_a_lock_is_suspended_at_once() {
    let (team, _operator) = with_orders("suspend-waiting").await;
    let (mut reader, _) = reader(&team).await;
    let spec = Spec::latest().inline(&files(&[ORDERS, NOTE]));
    team.apply("shop", &spec).await;
    team.reason("shop", "RetryingLock").await;
    team.apply("shop", &spec.clone().set("/suspend", json!(true))).await;
    let message = team.reason("shop", "Suspended").await;
    assert!(message.contains("apply 1 migration (002)"), "{message}");
    team.deserted().await;
    reader.execute("commit").await.unwrap();
    team.apply("shop", &spec).await;
    team.at("shop", "002").await;
}

#[tokio::test]
async fn a_statement_that_takes_longer_than_the_spec_allows_is_cancelled_on_the_server() {
    let team = Team::new("statement-timeout").await;
    let _operator = Operator::start(&team.namespace);
    let scripts = files(&[("V001__slow.sql", "create table a (id int);\nselect pg_sleep(600);")]);
    team.apply("shop", &Spec::latest().inline(&scripts).set("/execution/statementTimeout", json!("7s"))).await;
    let message = team.reason("shop", "DeadlineExceeded").await;
    for part in ["V001__slow.sql:2:1: statement 2 of 001", "7s", "spec.execution.statementTimeout", "nothing of it"] {
        assert!(message.contains(part), "{part} is not in: {message}");
    }
    assert_eq!(team.tables().await, [""; 0]);
    team.deserted().await;
}

#[tokio::test]
async fn a_run_that_takes_longer_than_the_spec_allows_keeps_what_was_done_and_leaves_no_session() {
    let team = Team::new("run-deadline").await;
    let _operator = Operator::start(&team.namespace);
    let scripts = files(&[
        ("V001__a.sql", "create table a (id int);"),
        ("V002__slow.sql", "create table b (id int); select pg_sleep(600);"),
    ]);
    team.apply("shop", &Spec::latest().inline(&scripts).set("/execution/deadline", json!("12s"))).await;
    let message = team.reason("shop", "DeadlineExceeded").await;
    for part in
        ["statement 2 of 002", "the run's deadline passed", "spec.execution.deadline", "nothing of it is in effect"]
    {
        assert!(message.contains(part), "{part} is not in: {message}");
    }
    assert_eq!(team.get("shop").await.status.unwrap().applied.unwrap().version, "001");
    assert_eq!(team.tables().await, ["a"]);
    team.deserted().await;
}

#[tokio::test]
async fn the_victim_of_a_deadlock_is_tried_again() {
    let team = Team::new("deadlock").await;
    let operator = Operator::start(&team.namespace);
    team.sql("create table a (id int); create table b (id int)").await;
    let mut gate = Gate::close(&team).await;
    let script = format!(
        "lock table a in access exclusive mode; {GATE} lock table b in access exclusive mode; create table c (id int);"
    );
    // Longer than the server takes to notice a deadlock, so that it is noticed.
    let spec = Spec::latest()
        .inline(&files(&[("V001__c.sql", &script)]))
        .set("/adoption", json!({"allowExisting": true}))
        .set("/execution/lockTimeout", json!("30s"));
    team.apply("shop", &spec).await;
    gate.reached().await;

    // The other never looks for deadlocks itself, so the migration is the one that is cancelled.
    let mut other = team.connect().await;
    other.execute("set deadlock_timeout = '1h'").await.unwrap();
    other.execute("begin").await.unwrap();
    other.execute("lock table b in access exclusive mode").await.unwrap();
    let other = tokio::spawn(async move {
        other.execute("lock table a in access exclusive mode").await.unwrap();
        other.execute("commit").await.unwrap();
    });
    eventually("the other waits for the migration", SOON, || async {
        let waiting = team.value("select count(*) from pg_locks where not granted and relation = 'a'::regclass").await;
        if waiting == "1" { Ok(()) } else { Err(waiting) }
    })
    .await;
    gate.open().await;
    team.at("shop", "001").await;
    other.await.unwrap();
    assert_eq!(team.tables().await, ["a", "b", "c"]);
    assert_eq!(team.query("select outcome from sluice.migration_runs").await, ["succeeded"], "within the same run");
    assert!(operator.metric("sluice_lock_retries_total").unwrap() >= 1.0);
}
