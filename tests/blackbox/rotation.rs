//! Logins that are changed while a version is being verified, which may take days: the rest is measured with the new one.

use serde_json::json;

use crate::env::{Operator, Spec, Team, condition, files, health};

const SCRIPTS: &[(&str, &str)] =
    &[("V001__users.sql", "create table users (id int primary key);"), ("U001__users.sql", "drop table users;")];

/// Judged after a while in which a test can change what it likes.
fn judged() -> Spec {
    let window = json!({"initialDelay": "20s", "interval": "200ms", "duration": "1s", "checks": [health()]});
    Spec::latest().set("/verification", window).set("/adoption/allowExisting", json!(true))
}

#[tokio::test]
async fn a_password_that_is_rotated_while_a_version_is_verified_is_used_for_the_rest_and_for_the_verdict() {
    let team = Team::with_health("rotated-verifying").await;
    let operator = Operator::start(&team.namespace);
    let role = team.role("first").await;
    team.sql(&format!("grant usage on schema health to \"{role}\"; grant select on health.bad to \"{role}\"")).await;
    team.secret_as(&role, "first").await;
    team.scripts("sql", &files(SCRIPTS)).await;
    team.apply("shop", &judged()).await;
    team.reason("shop", "Verifying").await;
    team.sql(&format!("alter role \"{role}\" password 'second'")).await;
    team.rotate("db", json!({"password": "second"})).await;

    let verification = team.ready("shop").await.verification.unwrap();
    assert_eq!((verification.verdict.as_str(), verification.checks[0].errors), ("Passed", 0), "{verification:?}");
    assert_eq!(team.value("select verdict from sluice.migration_verifications").await, "passed");
    assert_eq!(operator.metric("sluice_measurements_total{result=\"error\"}"), Some(0.0));
}

#[tokio::test]
async fn a_secret_that_leads_elsewhere_while_a_version_is_verified_leaves_that_open_where_it_is() {
    let team = Team::with_health("moved-verifying").await;
    let _operator = Operator::start(&team.namespace);
    let elsewhere = format!("{}_elsewhere", team.database);
    team.create_database(&elsewhere).await;
    team.scripts("sql", &files(SCRIPTS)).await;
    team.apply("shop", &judged()).await;
    team.reason("shop", "Verifying").await;
    team.rotate("db", json!({"dbname": elsewhere})).await;

    // Its check cannot be measured where there is no such schema.
    let message = team.reason("shop", "Paused").await;
    assert!(message.contains("version 001 is in effect"), "{message}");
    let open = team.value("select count(*) from sluice.migration_verifications where verdict is null").await;
    assert_eq!(open, "1", "nobody has judged what is here");

    team.rotate("db", json!({"dbname": team.database})).await;
    let status = team.ready("shop").await;
    assert_eq!(condition(&status, "Verified").unwrap().0, "True");
    assert_eq!(team.value("select string_agg(verdict, ',') from sluice.migration_verifications").await, "passed");
}
