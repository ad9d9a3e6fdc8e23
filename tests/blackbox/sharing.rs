//! Several objects, several ledgers, several operators, and strangers on one database.

use serde_json::json;
use sqlx::{AssertSqlSafe, Executor};

use crate::env::{GATE, Gate, Operator, Spec, Team, condition, files};

/// One version that waits before the gate.
fn gated() -> Spec {
    let script = format!("create table a (id int); {GATE}");
    Spec::latest().inline(&files(&[("V001__a.sql", &script)]))
}

#[tokio::test]
async fn two_objects_on_one_database_take_turns_and_the_one_that_waits_names_the_other() {
    let team = Team::new("turns").await;
    let _operator = Operator::start(&team.namespace);
    let mut gate = Gate::close(&team).await;
    team.apply("first", &gated()).await;
    gate.reached().await;
    team.apply("second", &gated()).await;
    let message = team.reason("second", "AwaitingLock").await;
    assert_eq!(
        message,
        format!("waiting to apply 1 migration (001): {}/first is migrating the same database", team.namespace)
    );
    let status = team.get("second").await.status.unwrap();
    assert_eq!(condition(&status, "Reconciling").unwrap().1, "AwaitingLock");
    assert_eq!(gate.waiting().await, 1, "never both at once");
    gate.open().await;
    team.at("first", "001").await;
    team.at("second", "001").await;
    assert_eq!(team.query("select object from sluice.migration_runs").await, [format!("{}/first", team.namespace)]);
}

#[tokio::test]
async fn two_objects_that_name_one_database_differently_take_turns_by_the_databases_own_lock() {
    let team = Team::new("names").await;
    let _operator = Operator::start(&team.namespace);
    let mut gate = Gate::close(&team).await;
    team.apply("first", &gated()).await;
    gate.reached().await;
    let uri = format!(
        "postgres://{}:{}@localhost:{}/{}",
        team.server.user, team.server.password, team.server.port, team.database
    );
    team.secret_of("other-name", &[("uri", &uri)]).await;
    team.apply("second", &gated().set("/database/secretRef/name", json!("other-name"))).await;
    let message = team.reason("second", "AwaitingLock").await;
    assert!(message.contains(&format!("the migration lock is held by {}/first (", team.namespace)), "{message}");
    assert!(message.contains("session "), "{message}");
    let status = team.get("second").await.status.unwrap();
    let run = status.run.unwrap();
    assert_eq!(run.stage, "AwaitingLock");
    assert_eq!(run.blocked_by[0].application, format!("{}/first", team.namespace));
    assert_eq!(gate.waiting().await, 1);
    gate.open().await;
    team.at("first", "001").await;
    team.at("second", "001").await;
    assert_eq!(team.query("select count(*) from sluice.migration_runs").await, ["1"], "the second found it done");
}

#[tokio::test]
async fn two_operators_on_one_database_take_turns_and_the_one_that_waits_names_the_object_and_the_operator() {
    let team = Team::new("here").await;
    let other = Team::new("elsewhere").await;
    other.secret("db", &team.database).await;
    let _operator = Operator::with(&team.namespace, &["--leader-elect=false", "--identity", "sluice-here"]);
    let _another = Operator::with(&other.namespace, &["--leader-elect=false", "--identity", "sluice-there"]);
    let mut gate = Gate::close(&team).await;
    team.apply("shop", &gated()).await;
    gate.reached().await;
    other.apply("shop", &gated()).await;
    let message = other.reason("shop", "AwaitingLock").await;
    assert!(message.contains(&format!("held by {}/shop (sluice-here), session ", team.namespace)), "{message}");
    assert_eq!(gate.waiting().await, 1);
    gate.open().await;
    team.at("shop", "001").await;
    other.at("shop", "001").await;
    assert_eq!(team.query("select count(*) from sluice.migration_runs").await, ["1"]);
}

#[tokio::test]
async fn a_stranger_who_holds_the_migration_lock_is_named_and_waited_for() {
    let team = Team::new("stranger").await;
    let _operator = Operator::start(&team.namespace);
    let mut gate = Gate::close(&team).await;
    team.scripts("sql", &files(&[("V001__a.sql", &format!("create table a (id int); {GATE}"))])).await;
    team.apply("shop", &Spec::latest()).await;
    gate.reached().await;
    let key = gate.migration_lock().await;
    gate.open().await;
    team.at("shop", "001").await;

    let mut stranger = team.connect().await;
    stranger.execute("set application_name = 'nightly backup'").await.unwrap();
    stranger.execute(AssertSqlSafe(format!("select pg_advisory_lock({key}) /* 5ecret */"))).await.unwrap();
    let pid: i32 = sqlx::query_scalar("select pg_backend_pid()").fetch_one(&mut stranger).await.unwrap();
    let scripts = files(&[
        ("V001__a.sql", &format!("create table a (id int); {GATE}")),
        ("V002__b.sql", "create table b (id int);"),
    ]);
    team.scripts("sql", &scripts).await;
    let message = team.reason("shop", "AwaitingLock").await;
    assert!(message.contains(&format!("session {pid} (nightly backup)")), "{message}");
    let run = team.get("shop").await.status.unwrap().run.unwrap();
    assert_eq!((run.blocked_by[0].pid, run.blocked_by[0].application.as_str()), (pid.into(), "nightly backup"));
    assert_eq!(team.tables().await, ["a"]);
    stranger.execute("select pg_advisory_unlock_all()").await.unwrap();
    team.at("shop", "002").await;
}

#[tokio::test]
async fn two_ledgers_in_one_database_are_run_at_the_same_time_and_know_nothing_of_each_other() {
    let team = Team::new("ledgers").await;
    let _operator = Operator::start(&team.namespace);
    let mut gate = Gate::close(&team).await;
    let spec = |table: &str, schema: &str| {
        let script = format!("create table {table} (id int); {GATE}");
        Spec::latest().inline(&files(&[("V001__x.sql", &script)])).set("/database/ledgerSchema", json!(schema))
    };
    team.apply("orders", &spec("orders", "orders_ledger")).await;
    team.apply("users", &spec("users", "users_ledger")).await;
    gate.reached_by(2).await;
    gate.open().await;
    team.at("orders", "001").await;
    team.at("users", "001").await;
    assert_eq!(team.tables().await, ["orders", "users"]);
    for schema in ["orders", "users"] {
        let objects = team.query(&format!("select object from {schema}_ledger.migration_runs")).await;
        assert_eq!(objects, [format!("{}/{schema}", team.namespace)]);
    }
}

#[tokio::test]
async fn objects_on_different_databases_are_run_at_the_same_time_and_no_more_than_allowed() {
    let team = Team::new("at-once").await;
    let operator = Operator::with(&team.namespace, &["--leader-elect=false", "--concurrency", "2"]);
    let mut gates = Vec::new();
    for number in 1..=3 {
        let database = format!("{}_{number}", team.database);
        team.create_database(&database).await;
        team.secret(&format!("db-{number}"), &database).await;
        gates.push(Gate::at(crate::env::connect(&team.server, &database).await).await);
    }
    for number in 1..=2 {
        let secret = json!(format!("db-{number}"));
        team.apply(&format!("shop-{number}"), &gated().set("/database/secretRef/name", secret)).await;
        gates[number - 1].reached().await;
    }
    team.apply("shop-3", &gated().set("/database/secretRef/name", json!("db-3"))).await;
    let message = team.reason("shop-3", "AwaitingLock").await;
    assert!(message.contains("2 runs are under way, as many as --concurrency allows"), "{message}");
    assert_eq!(operator.metric("sluice_tasks_running"), Some(2.0));
    let mut third = gates.pop().unwrap();
    gates.pop().unwrap().open().await;
    team.at("shop-2", "001").await;
    third.reached().await;
    third.open().await;
    team.at("shop-3", "001").await;
    gates.pop().unwrap().open().await;
    team.at("shop-1", "001").await;
}

#[tokio::test]
async fn an_object_with_other_scripts_on_the_same_ledger_is_told_whose_it_is() {
    let team = Team::new("whose").await;
    let _operator = Operator::start(&team.namespace);
    team.apply("orders", &Spec::latest().inline(&files(&[("V001__orders.sql", "create table orders (id int);")])))
        .await;
    team.at("orders", "001").await;
    for (file, reason, what) in [
        ("V002__users.sql", "PlanFailed", "version 001 applied"),
        ("V001__users.sql", "ChecksumMismatch", "version 001 (V001__users.sql) was changed"),
    ] {
        team.apply("users", &Spec::latest().inline(&files(&[(file, "create table users (id int);")]))).await;
        let message = team.reason("users", reason).await;
        for part in [what, &format!("{}/orders", team.namespace), "spec.database.ledgerSchema"] {
            assert!(message.contains(part), "{part} is not in: {message}");
        }
    }
    assert_eq!(team.tables().await, ["orders"]);
}
