//! SIGTERM: what runs may end while there is time, then it is cancelled on the server. Either way the operator ends with
//! code 0, leaves no session, and gives its Lease back, so that the next one leads at once.

use std::time::Duration;

use crate::env::{ENDLESS, GATE, Gate, Pace, SOON, Team, counted, eventually, history};

/// A team at 001 with a run before the gate, by an operator with these arguments.
macro_rules! at_work {
    ($name:literal, $arguments:expr) => {{
        let team = Team::new($name).await;
        team.may_elect();
        let operator = team.candidate("first", ENDLESS, $arguments);
        team.bring_to_001().await;
        let mut gate = Gate::close(&team).await;
        team.scripts("sql", &history(&[("002", counted("002", GATE))])).await;
        gate.reached().await;
        (team, operator, gate)
    }};
}

#[tokio::test]
async fn asked_to_end_an_operator_lets_the_statement_end_and_records_it() {
    let (team, mut operator, gate) = at_work!("term-patient", &["--shutdown-grace=60s"]);
    let next = team.candidate("second", ENDLESS, &[]);
    next.serves().await;
    operator.signal("TERM");
    gate.open().await;
    assert_eq!(operator.ended(SOON).await.code(), Some(0));
    assert_eq!(team.effects().await, ["002"]);
    assert_eq!(team.get("shop").await.status.unwrap().applied.unwrap().version, "002", "the status says so");
    team.led_by("second", SOON).await;
    team.nothing_is_left_behind().await;
    team.scripts("sql", &history(&[("002", counted("002", GATE)), ("003", counted("003", ""))])).await;
    team.at("shop", "003").await;
}

#[tokio::test]
async fn asked_to_end_soon_an_operator_cancels_the_statement_on_the_server() {
    let (team, mut operator, gate) = at_work!("term-hasty", &["--shutdown-grace=6s"]);
    let pace = Pace::start(&team).await;
    operator.signal("TERM");
    assert_eq!(operator.ended(SOON).await.code(), Some(0));
    assert!(pace.elapsed() < Duration::from_secs(12), "{:?}", pace.elapsed());
    let active = "select query from pg_stat_activity where datname = current_database() and state <> 'idle'
        and application_name like 'sluice%'";
    assert_eq!(team.query(active).await, Vec::<String>::new(), "something of it still runs on the server");
    assert_eq!(team.leader().await.as_deref(), Some(""), "the Lease is given back");
    assert_eq!(team.effects().await, Vec::<String>::new());
    team.deserted().await;
    gate.open().await;
    let _next = team.candidate("second", ENDLESS, &[]);
    team.at("shop", "002").await;
    assert_eq!(team.effects().await, ["002"]);
    team.nothing_is_left_behind().await;
}

#[tokio::test]
async fn asked_to_end_between_two_versions_an_operator_leaves_the_second_to_the_next() {
    let team = Team::new("term-between").await;
    team.may_elect();
    let mut operator = team.candidate("first", ENDLESS, &["--shutdown-grace=60s"]);
    team.bring_to_001().await;
    let mut gate = Gate::close(&team).await;
    team.scripts("sql", &history(&[("002", counted("002", GATE)), ("003", counted("003", ""))])).await;
    gate.reached().await;
    operator.signal("TERM");
    // Asked before the gate opens: the log says so.
    crate::env::eventually("the operator was asked", SOON, || async {
        if operator.log().contains("asked to end") { Ok(()) } else { Err(String::new()) }
    })
    .await;
    gate.open().await;
    assert_eq!(operator.ended(SOON).await.code(), Some(0));
    assert_eq!(team.effects().await, ["002"]);
    let _next = team.candidate("second", ENDLESS, &[]);
    team.at("shop", "003").await;
    assert_eq!(team.effects().await, ["002", "003"]);
    team.nothing_is_left_behind().await;
}

#[tokio::test]
async fn an_operator_with_nothing_to_do_ends_at_once() {
    let team = Team::new("term-idle").await;
    team.may_elect();
    let mut operator = team.candidate("first", ENDLESS, &[]);
    team.bring_to_001().await;
    let pace = Pace::start(&team).await;
    operator.signal("TERM");
    assert_eq!(operator.ended(SOON).await.code(), Some(0));
    assert!(pace.elapsed() < Duration::from_secs(15), "{:?}", pace.elapsed());
    assert_eq!(team.leader().await.as_deref(), Some(""));
}

#[tokio::test]
async fn an_operator_that_stands_by_ends_at_once_and_leaves_the_lease_alone() {
    let team = Team::new("term-standby").await;
    team.may_elect();
    let _leader = team.candidate("first", ENDLESS, &[]);
    team.led_by("first", SOON).await;
    let mut standby = team.candidate("second", ENDLESS, &[]);
    standby.serves().await;
    standby.signal("TERM");
    assert_eq!(standby.ended(SOON).await.code(), Some(0));
    assert_eq!(team.leader().await.as_deref(), Some("first"));
}

#[tokio::test]
async fn asked_a_second_time_an_operator_ends_without_waiting_and_the_next_one_puts_it_right() {
    let (team, mut operator, gate) = at_work!("term-twice", &["--shutdown-grace=10m"]);
    operator.signal("TERM");
    // Before it was heard, a second signal would be one with the first.
    eventually("it has heard", SOON, || async {
        let log = operator.log();
        if log.contains("asked to end") { Ok(()) } else { Err(log) }
    })
    .await;
    operator.signal("TERM");
    assert_eq!(operator.ended(SOON).await.code(), Some(130));
    gate.open().await;
    let _next = crate::env::Operator::start(&team.namespace);
    team.at("shop", "002").await;
    assert_eq!(team.effects().await, ["002"]);
    team.nothing_is_left_behind().await;
}
