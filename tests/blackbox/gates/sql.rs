//! `spec.gates.sql`: the team's own conditions, and how long a plan waits for them.

use serde_json::{Value, json};

use super::{runs_by_itself, says, stands_still};
use crate::env::{GATE, Gate, Operator, Spec, Team, condition, files};

const ORDERS: (&str, &str) = ("V001__orders.sql", "create table orders (id int);");

/// Nothing runs while a batch is open.
fn no_open_batch() -> Value {
    json!([{"name": "no-open-batch", "query": "select count(*) from app.batches where open", "expect": "value == 0"}])
}

fn conditional(conditions: Value) -> Spec {
    Spec::latest()
        .inline(&files(&[ORDERS]))
        .set("/adoption", json!({"allowExisting": true}))
        .set("/gates/sql", conditions)
}

/// A team whose application has a batch open.
async fn busy(name: &str) -> Team {
    let team = Team::new(name).await;
    team.sql("create schema app; create table app.batches (open bool not null); insert into app.batches values (true)")
        .await;
    team
}

const DONE: &str = "update app.batches set open = false";
const AGAIN: &str = "update app.batches set open = true";

#[tokio::test]
async fn smoke_a_condition_that_does_not_hold_is_told_with_its_value_and_the_plan_runs_once_it_does() {
    let team = busy("sql-gate").await;
    let operator = Operator::start(&team.namespace);
    team.apply("shop", &conditional(no_open_batch())).await;
    let message = team.reason("shop", "GatesPending").await;
    assert!(message.contains("sql no-open-batch: `value == 0` does not hold: value 1"), "{message}");
    stands_still(&team, &operator, "sql", "closed").await;
    assert_eq!(team.tables().await, [""; 0]);
    team.sql(DONE).await;
    runs_by_itself(&team, "001").await;
}

#[tokio::test]
async fn a_query_that_fails_is_neither_true_nor_false() {
    let team = Team::new("sql-fails").await;
    let operator = Operator::start(&team.namespace);
    team.sql("create schema app").await;
    team.apply("shop", &conditional(no_open_batch())).await;
    let (message, opens) = says(&team, "sql", "no-open-batch", "Unknown").await;
    assert!(message.contains("cannot tell: ") && message.contains("42P01"), "{message}");
    assert!(!message.contains("does not exist"), "the server's own words stay there: {message}");
    assert!(opens.contains("it is asked again"), "{opens}");
    stands_still(&team, &operator, "sql", "unknown").await;
    team.sql("create table app.batches (open bool not null)").await;
    runs_by_itself(&team, "001").await;
}

#[tokio::test]
async fn a_condition_only_reads() {
    let team = busy("sql-reads").await;
    let _operator = Operator::start(&team.namespace);
    let writes = json!([{"name": "sly", "query": "delete from app.batches returning 0", "expect": "value == 0"}]);
    team.apply("shop", &conditional(writes)).await;
    let (message, _) = says(&team, "sql", "sly", "Unknown").await;
    assert!(message.contains("cannot tell: "), "{message}");
    assert_eq!(team.value("select count(*) from app.batches").await, "1");
    assert_eq!(team.tables().await, [""; 0]);
}

#[tokio::test]
async fn a_condition_that_cannot_be_understood_is_refused_with_its_field() {
    let team = busy("sql-spec").await;
    let _operator = Operator::start(&team.namespace);
    let broken = json!([{"name": "no-open-batch", "query": "select 0", "expect": "value =="}]);
    team.apply("shop", &conditional(broken)).await;
    let message = team.reason("shop", "InvalidSpec").await;
    assert!(message.contains("spec.gates.sql.no-open-batch.expect"), "{message}");
    let slow = json!([{"name": "no-open-batch", "query": "select 0", "expect": "value == 0", "timeout": "21s"}]);
    team.apply("shop", &conditional(slow)).await;
    let told = "spec.gates.sql.no-open-batch.timeout";
    team.until("shop", told, |status| condition(status, "Ready").is_some_and(|(_, _, message)| message.contains(told)))
        .await;
}

#[tokio::test]
async fn a_condition_that_no_longer_holds_when_there_is_room_holds_the_plan_back() {
    let team = busy("sql-room").await;
    team.sql(DONE).await;
    let _operator = Operator::start(&team.namespace);
    let first = format!("create table first (id int); {GATE}");
    let scripts = [("V001__first.sql", &*first), ("V002__second.sql", "create table second (id int);")];
    let mut gate = Gate::close(&team).await;
    let of = |scripts: &[(&str, &str)]| conditional(no_open_batch()).inline(&files(scripts));
    team.apply("first", &of(&scripts[..1])).await;
    gate.reached().await;
    team.apply("shop", &of(&scripts)).await;
    team.reason("shop", "AwaitingLock").await;
    team.sql(AGAIN).await;
    gate.open().await;
    team.at("first", "001").await;
    let told = "waiting to apply 1 migration (002): sql no-open-batch: ";
    team.until("shop", told, |status| condition(status, "Ready").is_some_and(|(_, _, message)| message.contains(told)))
        .await;
    assert_eq!(team.tables().await, ["first"]);
    team.sql(DONE).await;
    runs_by_itself(&team, "002").await;
}

#[tokio::test]
async fn a_plan_that_waits_too_long_is_given_up_and_waits_anew_when_somebody_asks_for_it() {
    let team = busy("sql-deadline").await;
    let _operator = Operator::start(&team.namespace);
    team.apply("shop", &conditional(no_open_batch()).set("/gates/deadline", json!("5s"))).await;
    team.reason("shop", "GatesPending").await;
    let message = team.reason("shop", "DeadlineExceeded").await;
    assert!(message.contains("sluice.dev/retry") && message.contains("no-open-batch"), "{message}");
    let status = team.get("shop").await.status.unwrap();
    assert_eq!(condition(&status, "Stalled").unwrap().1, "DeadlineExceeded");

    // What opens afterwards comes too late …
    team.sql(DONE).await;
    team.annotate("shop", "reconcile.fluxcd.io/requestedAt", "now").await;
    team.until("shop", "another look", |status| status.last_handled_reconcile_at.as_deref() == Some("now")).await;
    assert_eq!(condition(&team.get("shop").await.status.unwrap(), "Ready").unwrap().1, "DeadlineExceeded");
    assert_eq!(team.tables().await, [""; 0]);

    // … and whoever asks for it waits anew.
    team.sql(AGAIN).await;
    team.sluice(&["retry", "shop", "-n", &team.namespace]);
    team.reason("shop", "GatesPending").await;
    team.sql(DONE).await;
    runs_by_itself(&team, "001").await;
}
