//! The operator is killed (SIGKILL: no goodbye, no cleaning up) at the worst moments, and a new one takes over. Whatever
//! the moment: applied exactly once, nothing left behind, Ready.

use std::time::Duration;

use serde_json::json;

use crate::env::{Fault, GATE, Gate, Operator, Proxy, Spec, Team, commits_a_step, counted, eventually, history};

#[tokio::test]
async fn killed_before_its_commit_an_operator_leaves_nothing_and_the_next_one_applies_once() {
    let (team, mut operator) = Team::at_001("kill-before").await;
    let mut gate = Gate::close(&team).await;
    team.scripts("sql", &history(&[("002", counted("002", GATE))])).await;
    gate.reached().await;
    operator.kill();
    // Its session still waits in the server: the next operator must wait for it, whatever it does.
    let _next = Operator::start(&team.namespace);
    gate.open().await;
    team.at("shop", "002").await;
    assert_eq!(team.effects().await, ["002"]);
    assert_eq!(
        team.query("select outcome from sluice.migration_runs order by ordinal").await,
        ["succeeded", "interrupted", "succeeded"]
    );
    team.nothing_is_left_behind().await;
}

#[tokio::test]
async fn killed_during_a_long_statement_an_operator_leaves_no_session_that_goes_on() {
    let (team, mut operator) = Team::at_001("kill-sleep").await;
    team.scripts("sql", &history(&[("002", counted("002", "select pg_sleep(600);"))])).await;
    eventually("the script sleeps", Duration::from_secs(30), || async {
        match team
            .value(
                "select count(*) from pg_stat_activity where wait_event = 'PgSleep'
            and datname = current_database()",
            )
            .await
            .as_str()
        {
            "1" => Ok(()),
            other => Err(other.to_owned()),
        }
    })
    .await;
    operator.kill();
    team.deserted().await;
    assert_eq!(team.effects().await, Vec::<String>::new());
    team.scripts("sql", &history(&[("002", counted("002", ""))])).await;
    let _next = Operator::start(&team.namespace);
    team.at("shop", "002").await;
    assert_eq!(team.effects().await, ["002"]);
    team.nothing_is_left_behind().await;
}

#[tokio::test]
async fn killed_between_commit_and_status_an_operator_is_followed_by_one_that_only_reports() {
    let team = Team::new("kill-after").await;
    let proxy = Proxy::to(&team.server);
    team.through(&proxy).await;
    let mut operator = Operator::start(&team.namespace);
    team.bring_to_001().await;
    proxy.next(Fault::Silence, commits_a_step);
    team.scripts("sql", &history(&[("002", counted("002", ""))])).await;
    proxy.happened(1).await;
    operator.kill();
    // In effect, and nobody has said so yet.
    assert_eq!(team.effects().await, ["002"]);
    assert_eq!(team.get("shop").await.status.unwrap().applied.unwrap().version, "001");
    let _next = Operator::start(&team.namespace);
    team.at("shop", "002").await;
    assert_eq!(team.effects().await, ["002"]);
    team.deserted().await;
}

#[tokio::test]
async fn killed_between_two_steps_an_operator_is_followed_by_one_that_does_the_second() {
    let (team, mut operator) = Team::at_001("kill-steps").await;
    let mut gate = Gate::close(&team).await;
    team.scripts("sql", &history(&[("002", counted("002", "")), ("003", counted("003", GATE))])).await;
    gate.reached().await;
    operator.kill();
    assert_eq!(team.effects().await, ["002"]);
    gate.open().await;
    let _next = Operator::start(&team.namespace);
    team.at("shop", "003").await;
    assert_eq!(team.effects().await, ["002", "003"]);
    team.nothing_is_left_behind().await;
}

#[tokio::test]
async fn killed_in_a_run_of_one_transaction_an_operator_leaves_none_of_its_versions() {
    let (team, mut operator) = Team::at_001("kill-whole").await;
    let mut gate = Gate::close(&team).await;
    let spec = Spec::latest().set("/execution/transaction", json!("PerRun"));
    team.apply("shop", &spec).await;
    team.scripts("sql", &history(&[("002", counted("002", "")), ("003", counted("003", GATE))])).await;
    gate.reached().await;
    operator.kill();
    assert_eq!(team.effects().await, Vec::<String>::new());
    gate.open().await;
    let _next = Operator::start(&team.namespace);
    team.at("shop", "003").await;
    assert_eq!(team.effects().await, ["002", "003"]);
    team.nothing_is_left_behind().await;
}

#[tokio::test]
async fn killed_on_the_way_down_an_operator_is_followed_by_one_that_goes_on_down() {
    let team = Team::new("kill-down").await;
    let mut operator = Operator::start(&team.namespace);
    let mut scripts = history(&[("002", counted("002", ""))]);
    scripts.insert(
        "U002__step.sql".to_owned(),
        format!("delete from effects;\n{GATE}\nupdate account set balance = balance - 1;"),
    );
    team.scripts("sql", &scripts).await;
    team.apply("shop", &Spec::latest()).await;
    team.at("shop", "002").await;
    let mut gate = Gate::close(&team).await;
    team.apply("shop", &Spec::latest().set("/targetVersion", json!("001"))).await;
    gate.reached().await;
    operator.kill();
    assert_eq!(team.effects().await, ["002"]);
    gate.open().await;
    let _next = Operator::start(&team.namespace);
    team.at("shop", "001").await;
    assert_eq!(team.effects().await, Vec::<String>::new());
    assert_eq!(
        team.query("select key, status from sluice.schema_migrations order by 1").await,
        ["1,completed", "2,rolled_back"]
    );
}

#[tokio::test]
async fn killed_again_and_again_at_random_moments_operators_still_apply_each_version_once() {
    let (team, mut operator) = Team::at_001("kill-random").await;
    let mut steps = Vec::new();
    for number in 2..=25 {
        let version = format!("{number:03}");
        let sql = counted(&version, "select pg_sleep(0.02);");
        steps.push((version, sql));
        let scripts: Vec<_> = steps.iter().map(|(version, sql)| (version.as_str(), sql.clone())).collect();
        team.scripts("sql", &history(&scripts)).await;
        if number % 3 == 0 {
            tokio::time::sleep(Duration::from_millis(rand::random_range(0..250))).await;
            operator.kill();
            operator = Operator::start(&team.namespace);
        }
    }
    team.at("shop", "025").await;
    let expected: Vec<String> = (2..=25).map(|number| format!("{number:03}")).collect();
    assert_eq!(team.effects().await, expected);
    team.nothing_is_left_behind().await;
}

#[tokio::test]
async fn a_status_that_was_wiped_while_nobody_looked_is_told_again_from_the_ledger() {
    let (team, mut operator) = Team::at_001("kill-wiped").await;
    team.scripts("sql", &history(&[("002", counted("002", ""))])).await;
    let before = team.at("shop", "002").await;
    operator.kill();
    team.wipe_status("shop").await;
    assert_eq!(team.get("shop").await.status.unwrap_or_default().applied, None);
    let _next = Operator::start(&team.namespace);
    let after = team.at("shop", "002").await;
    assert_eq!(after.applied.unwrap().time, before.applied.unwrap().time);
    assert_eq!(team.effects().await, ["002"]);
    team.nothing_is_left_behind().await;
}
