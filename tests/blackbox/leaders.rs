//! Several operators and one Lease: one works, the others wait, and whatever happens to the one that works, another takes
//! over. A leader that was frozen does no harm when it thaws: not the Lease keeps a database safe but the database itself.

use std::time::Duration;

use crate::env::{
    Fault, GATE, Gate, Operator, Proxy, SHORT, SOON, Spec, Team, Wire, commits_a_step, counted, eventually, files,
    history,
};

/// A Lease of [`SHORT`] timings that is not renewed goes to somebody else within this time, on a busy machine.
const TAKEN_OVER: Duration = Duration::from_secs(150);

/// A team at 001, its leader, and one that stands by.
async fn two(name: &str) -> (Team, Operator, Operator) {
    let team = Team::new(name).await;
    let (leader, next) = candidates(&team).await;
    team.bring_to_001().await;
    (team, leader, next)
}

async fn candidates(team: &Team) -> (Operator, Operator) {
    team.may_elect();
    let leader = team.candidate("first", SHORT, &[]);
    team.led_by("first", SOON).await;
    let next = team.candidate("second", SHORT, &[]);
    next.serves().await;
    (leader, next)
}

/// The server process of the run that stands before the gate.
async fn at_the_gate(team: &Team) -> String {
    let query = "select pid from pg_stat_activity where datname = current_database() and state = 'active'
        and application_name like 'sluice/%' and query like '%$gate$%'";
    team.value(query).await
}

#[tokio::test]
async fn of_two_operators_with_the_charts_own_lease_one_leads_and_one_stands_by() {
    let team = Team::new("lead").await;
    let operators = ["left", "right"].map(|name| Operator::with(&team.namespace, &["--identity", name]));
    let leads = || operators.iter().map(Operator::leads).collect::<Vec<_>>();
    eventually("one leads", SOON, || async {
        let leads = leads();
        let one = leads.iter().filter(|leads| **leads).count() == 1;
        if one && operators.iter().all(|operator| operator.page("/readyz").is_some()) {
            Ok(())
        } else {
            Err(format!("{leads:?}"))
        }
    })
    .await;
    team.bring_to_001().await;
    let standby = operators.iter().find(|operator| !operator.leads()).unwrap();
    let page = standby.page("/metrics").unwrap();
    let passes = page.lines().filter(|line| line.starts_with("sluice_reconcile_total{") && !line.ends_with(" 0"));
    assert_eq!(passes.collect::<Vec<_>>(), Vec::<&str>::new(), "one that stands by works");
    assert_eq!(leads().iter().filter(|leads| **leads).count(), 1);
}

#[tokio::test]
async fn a_leader_that_is_killed_in_a_run_is_replaced_and_the_run_made_once() {
    let (team, mut leader, next) = two("lead-killed").await;
    let mut gate = Gate::close(&team).await;
    team.scripts("sql", &history(&[("002", counted("002", GATE))])).await;
    gate.reached().await;
    assert!(leader.leads() && !next.leads());
    leader.kill();
    gate.open().await;
    team.led_by("second", TAKEN_OVER).await;
    team.at("shop", "002").await;
    assert_eq!(team.effects().await, ["002"]);
    team.nothing_is_left_behind().await;
}

#[tokio::test]
async fn a_leader_that_thaws_while_another_one_waits_for_its_lock_ends_without_applying() {
    let (team, mut leader, _next) = two("lead-thawed").await;
    let mut gate = Gate::close(&team).await;
    team.scripts("sql", &history(&[("002", counted("002", GATE))])).await;
    gate.reached().await;
    let frozen = at_the_gate(&team).await;
    leader.signal("STOP");
    team.led_by("second", TAKEN_OVER).await;
    // The new leader finds the frozen one's session, and waits.
    let message = team.reason("shop", "AwaitingLock").await;
    assert!(message.contains(&frozen) && message.contains("first"), "{message}");
    leader.signal("CONT");
    assert_eq!(leader.ended(SOON).await.code(), Some(1));
    eventually("the new leader's own run stands before the gate", SOON, || async {
        let pid = at_the_gate(&team).await;
        if !pid.is_empty() && pid != frozen { Ok(()) } else { Err(pid) }
    })
    .await;
    gate.open().await;
    team.at("shop", "002").await;
    assert_eq!(team.effects().await, ["002"]);
    team.nothing_is_left_behind().await;
}

#[tokio::test]
async fn a_leader_that_thaws_after_its_session_was_ended_finds_its_work_done_by_another() {
    let (team, mut leader, _next) = two("lead-late").await;
    let mut gate = Gate::close(&team).await;
    team.scripts("sql", &history(&[("002", counted("002", GATE)), ("003", counted("003", ""))])).await;
    gate.reached().await;
    let frozen = at_the_gate(&team).await;
    leader.signal("STOP");
    team.led_by("second", TAKEN_OVER).await;
    team.reason("shop", "AwaitingLock").await;
    // The statement ends; nobody takes its answer, and the server loses patience with the open transaction.
    gate.open().await;
    team.sql(&format!("select pg_terminate_backend({frozen})")).await;
    team.at("shop", "003").await;
    leader.signal("CONT");
    assert_eq!(leader.ended(SOON).await.code(), Some(1));
    team.at("shop", "003").await;
    assert_eq!(team.effects().await, ["002", "003"]);
    team.nothing_is_left_behind().await;
}

#[tokio::test]
async fn a_leader_that_froze_after_its_commit_is_followed_by_one_that_only_reports() {
    let team = Team::new("lead-commit").await;
    let proxy = Proxy::to(&team.server);
    team.through(&proxy).await;
    let (mut leader, _next) = candidates(&team).await;
    team.bring_to_001().await;
    proxy.next(Fault::Silence, commits_a_step);
    team.scripts("sql", &history(&[("002", counted("002", ""))])).await;
    proxy.happened(1).await;
    leader.signal("STOP");
    assert_eq!(team.effects().await, ["002"]);
    team.led_by("second", TAKEN_OVER).await;
    // What is in effect needs no run, and so no lock.
    team.at("shop", "002").await;
    leader.signal("CONT");
    assert_eq!(leader.ended(SOON).await.code(), Some(1));
    assert_eq!(team.effects().await, ["002"]);
    team.deserted().await;
}

#[tokio::test]
async fn a_leader_that_no_longer_reaches_the_api_server_stops_its_run_and_ends() {
    let team = Team::new("lead-cut-off").await;
    team.may_elect();
    let wire = Wire::new();
    let mut leader = team.candidate_at(&wire.kubeconfig, "first", SHORT, &[]);
    team.led_by("first", SOON).await;
    let _next = team.candidate("second", SHORT, &[]);
    team.bring_to_001().await;
    let mut gate = Gate::close(&team).await;
    team.scripts("sql", &history(&[("002", counted("002", GATE))])).await;
    gate.reached().await;
    let session = at_the_gate(&team).await;
    wire.unplug();
    assert_eq!(leader.ended(TAKEN_OVER).await.code(), Some(1));
    let gone = format!("select pid from pg_stat_activity where pid = {session}");
    eventually("its session is gone", SOON, || async {
        let left = team.query(&gone).await;
        if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
    })
    .await;
    team.led_by("second", TAKEN_OVER).await;
    gate.open().await;
    team.at("shop", "002").await;
    assert_eq!(team.effects().await, ["002"]);
    team.nothing_is_left_behind().await;
}

#[tokio::test]
async fn a_session_whose_operator_is_frozen_ends_by_itself() {
    let team = Team::new("lead-session").await;
    let _operator = Operator::start(&team.namespace);
    let script = "create table session as select name, setting::int from pg_settings where name in
        ('idle_session_timeout', 'idle_in_transaction_session_timeout', 'client_connection_check_interval');";
    team.apply("shop", &Spec::latest().inline(&files(&[("V001__session.sql", script)]))).await;
    team.ready("shop").await;
    // What it holds is free again within a minute, in milliseconds.
    assert_eq!(
        team.query("select name, setting from session order by 1").await,
        [
            "client_connection_check_interval,1000",
            "idle_in_transaction_session_timeout,30000",
            "idle_session_timeout,60000"
        ]
    );
}
