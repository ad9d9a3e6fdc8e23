//! The network between operator and database fails in the middle: connections break, the reply to a COMMIT is lost,
//! nothing gets through at all. Applied exactly once, never reported as failed, Ready at the end without anybody's help.

use std::time::Duration;

use crate::env::{Fault, GATE, Gate, Operator, Proxy, Team, commits_a_step, counted, history};

/// How long it may take to find out that a connection is dead of which nobody said so.
const NOTICED: Duration = Duration::from_secs(180);

/// A team at 001 whose operator reaches its database through a proxy.
async fn behind_a_proxy(name: &str) -> (Team, Proxy, Operator) {
    let team = Team::new(name).await;
    let proxy = Proxy::to(&team.server);
    team.through(&proxy).await;
    let operator = Operator::start(&team.namespace);
    team.bring_to_001().await;
    (team, proxy, operator)
}

#[tokio::test]
async fn a_connection_that_breaks_in_the_middle_of_a_script_is_replaced_and_the_script_runs_once() {
    let (team, proxy, _operator) = behind_a_proxy("cut-script").await;
    let mut gate = Gate::close(&team).await;
    team.scripts("sql", &history(&[("002", counted("002", GATE))])).await;
    gate.reached().await;
    proxy.cut();
    gate.open().await;
    team.at("shop", "002").await;
    assert_eq!(team.effects().await, ["002"]);
    team.nothing_is_left_behind().await;
}

#[tokio::test]
async fn a_commit_that_never_arrives_is_made_again_once() {
    let (team, proxy, _operator) = behind_a_proxy("cut-commit").await;
    proxy.next(Fault::NeverArrives, commits_a_step);
    team.scripts("sql", &history(&[("002", counted("002", ""))])).await;
    team.at("shop", "002").await;
    proxy.happened(1).await;
    assert_eq!(team.effects().await, ["002"]);
    team.nothing_is_left_behind().await;
}

#[tokio::test]
async fn a_commit_whose_reply_is_lost_counts_once() {
    let (team, proxy, _operator) = behind_a_proxy("lost-reply").await;
    proxy.next(Fault::ReplyLost, commits_a_step);
    proxy.next(Fault::NeverArrives, commits_a_step);
    proxy.next(Fault::ReplyLost, commits_a_step);
    team.scripts(
        "sql",
        &history(&[("002", counted("002", "")), ("003", counted("003", "")), ("004", counted("004", ""))]),
    )
    .await;
    team.at("shop", "004").await;
    proxy.happened(3).await;
    assert_eq!(team.effects().await, ["002", "003", "004"]);
    team.nothing_is_left_behind().await;
}

#[tokio::test]
async fn while_nobody_knows_whether_a_commit_took_effect_the_status_says_so() {
    let (team, proxy, _operator) = behind_a_proxy("unknown").await;
    // The server does not hear that its client is gone, and so its session keeps the lock.
    proxy.keep_orphans();
    proxy.next(Fault::ReplyLost, commits_a_step);
    team.scripts("sql", &history(&[("002", counted("002", ""))])).await;
    proxy.happened(1).await;
    team.reason("shop", "Resolving").await;
    proxy.cut();
    team.at("shop", "002").await;
    assert_eq!(team.effects().await, ["002"]);
    team.nothing_is_left_behind().await;
}

#[tokio::test]
async fn a_commit_that_nobody_answers_on_a_connection_that_looks_alive_is_resolved() {
    let (team, proxy, _operator) = behind_a_proxy("silent-commit").await;
    proxy.next(Fault::Silence, commits_a_step);
    team.scripts("sql", &history(&[("002", counted("002", ""))])).await;
    proxy.happened(1).await;
    team.at_within("shop", "002", NOTICED).await;
    assert_eq!(team.effects().await, ["002"]);
    team.nothing_is_left_behind().await;
}

#[tokio::test]
async fn a_statement_that_nobody_answers_on_a_connection_that_looks_alive_is_run_again() {
    let (team, proxy, _operator) = behind_a_proxy("silent-query").await;
    proxy.next(Fault::Silence, |sql| sql.contains("insert into effects"));
    team.scripts("sql", &history(&[("002", counted("002", ""))])).await;
    proxy.happened(1).await;
    team.at_within("shop", "002", NOTICED).await;
    assert_eq!(team.effects().await, ["002"]);
    team.nothing_is_left_behind().await;
}

#[tokio::test]
async fn a_network_that_lets_nothing_through_for_a_while_costs_time_and_nothing_else() {
    let (team, proxy, _operator) = behind_a_proxy("black-hole").await;
    let mut gate = Gate::close(&team).await;
    team.scripts("sql", &history(&[("002", counted("002", GATE)), ("003", counted("003", ""))])).await;
    gate.reached().await;
    proxy.black_hole(true);
    gate.open().await;
    // Longer than opening a connection may take.
    tokio::time::sleep(Duration::from_secs(6)).await;
    proxy.black_hole(false);
    team.at_within("shop", "003", NOTICED).await;
    assert_eq!(team.effects().await, ["002", "003"]);
    team.nothing_is_left_behind().await;
}

#[tokio::test]
async fn a_commit_whose_reply_is_lost_in_an_outage_is_resolved_when_the_database_is_back() {
    let (team, proxy, _operator) = behind_a_proxy("outage").await;
    proxy.next(Fault::Outage, commits_a_step);
    team.scripts("sql", &history(&[("002", counted("002", "")), ("003", counted("003", ""))])).await;
    proxy.happened(1).await;
    team.reason("shop", "Resolving").await;
    tokio::time::sleep(Duration::from_secs(6)).await;
    proxy.black_hole(false);
    team.at_within("shop", "003", NOTICED).await;
    assert_eq!(team.effects().await, ["002", "003"]);
    team.nothing_is_left_behind().await;
}

#[tokio::test]
async fn connections_that_break_all_the_time_delay_a_history_and_never_double_it() {
    let (team, proxy, _operator) = behind_a_proxy("cut-random").await;
    let steps: Vec<(String, String)> =
        (2..=40).map(|number| format!("{number:03}")).map(|v| (v.clone(), counted(&v, ""))).collect();
    let steps: Vec<(&str, String)> = steps.iter().map(|(version, sql)| (version.as_str(), sql.clone())).collect();
    team.scripts("sql", &history(&steps)).await;
    for _ in 0..12 {
        tokio::time::sleep(Duration::from_millis(rand::random_range(0..200))).await;
        proxy.cut();
    }
    team.at_within("shop", "040", NOTICED).await;
    assert_eq!(team.effects().await, steps.iter().map(|(version, _)| *version).collect::<Vec<_>>());
    team.nothing_is_left_behind().await;
}
