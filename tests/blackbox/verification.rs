//! What was applied is judged for a while: the window, its verdict, and what may not end it.

use serde_json::json;

use crate::env::{Operator, SPOILS, Team, condition, files};

#[tokio::test]
async fn what_passes_its_checks_is_ready_and_says_by_which_measurements() {
    let (team, operator) = Team::verified_at_001("verified").await;
    let status = team.ready("shop").await;
    assert_eq!(condition(&status, "Verified").unwrap().0, "True");
    assert_eq!(condition(&status, "RollbackReady").unwrap().0, "True");
    let verification = status.verification.unwrap();
    assert_eq!((verification.verdict.as_str(), verification.version.as_deref()), ("Passed", Some("001")));
    let check = &verification.checks[0];
    assert_eq!((check.name.as_str(), check.state.as_str(), check.failed, check.errors), ("health", "Passed", 0, 0));
    assert!(check.passed >= 1, "{check:?}");
    team.events_are("shop", &["Applying", "Verifying", "UpToDate"]).await;
    assert_eq!(operator.metric("sluice_verifications_total{verdict=\"passed\"}"), Some(1.0));
    let recorded = team.value("select verdict from sluice.migration_verifications").await;
    assert_eq!(recorded, "passed");
}

#[tokio::test]
async fn a_version_is_not_ready_before_its_checks_have_passed() {
    let team = Team::with_health("not-yet").await;
    let _operator = Operator::start(&team.namespace);
    team.scripts("sql", &files(SPOILS)).await;
    let spec = Team::shop("001").set("/verification/duration", json!("20s"));
    team.apply("shop", &spec).await;
    let message = team.reason("shop", "Verifying").await;
    assert!(message.contains("version 001 is in effect"), "{message}");
    let status = team
        .until("shop", "measurements are shown", |status| {
            status.verification.as_ref().is_some_and(|v| v.verdict == "Measuring" && !v.checks.is_empty())
        })
        .await;
    assert_eq!(condition(&status, "Ready").unwrap().0, "False");
    assert_eq!(condition(&status, "Applied").unwrap().0, "True");
    assert_eq!(condition(&status, "Verified").unwrap().0, "Unknown");
    team.ready("shop").await;
}

#[tokio::test]
async fn promise_5_only_bad_measurements_roll_back_and_what_cannot_be_measured_never_does() {
    let (team, _operator) = Team::verified_at_001("promise-measured").await;
    team.sql("alter table health.bad rename to hidden").await;
    team.apply("shop", &Team::shop("002")).await;
    let message = team.reason("shop", "Paused").await;
    for part in ["version 002 is in effect", "check health came to no result", "42P01", "sluice.dev/abort"] {
        assert!(message.contains(part), "{message}");
    }
    assert_eq!(team.story().await, ["up - 001 succeeded", "up 001 002 succeeded"]);
    // A person decides.
    team.annotate("shop", "sluice.dev/abort", "1").await;
    let status = team.ready("shop").await;
    assert_eq!(status.applied.unwrap().version, "002");
}

#[tokio::test]
async fn an_operator_that_dies_in_the_window_is_followed_by_one_that_opens_it_again() {
    let (team, mut operator) = Team::verified_at_001("window-killed").await;
    team.apply("shop", &Team::shop("002").set("/verification/duration", json!("10m"))).await;
    team.reason("shop", "Verifying").await;
    operator.kill();
    team.falls_ill_with("tag").await;
    let _next = Operator::start(&team.namespace);
    team.reason("shop", "RolledBack").await;
    assert_eq!(team.story().await, ["up - 001 succeeded", "up 001 002 succeeded", "down 002 001 succeeded"]);
}

#[tokio::test]
async fn new_content_waits_until_the_window_is_over() {
    let (team, _operator) = Team::verified_at_001("held-back").await;
    team.apply("shop", &Team::shop("Latest").set("/verification/duration", json!("10m"))).await;
    team.reason("shop", "Verifying").await;
    let mut scripts = files(SPOILS);
    scripts.insert("V003__c.sql".to_owned(), "create table c (id int);".to_owned());
    scripts.insert("U003__c.sql".to_owned(), "drop table c;".to_owned());
    team.scripts("sql", &scripts).await;
    // A pass after that: it is one over this generation, whose own windows are short.
    team.apply("shop", &Team::shop("Latest")).await;
    team.reason("shop", "Verifying").await;
    assert_eq!(team.tables().await, ["users"]);
    team.sluice(&["abort", "shop", "-n", &team.namespace]);
    team.at("shop", "003").await;
    assert_eq!(team.story().await, ["up - 001 succeeded", "up 001 002 succeeded", "up 002 003 succeeded"]);
}

#[tokio::test]
async fn a_window_ends_when_a_person_says_so() {
    let (team, _operator) = Team::verified_at_001("aborted-window").await;
    team.apply("shop", &Team::shop("002").set("/verification/duration", json!("10m"))).await;
    team.reason("shop", "Verifying").await;
    let said = team.sluice(&["abort", "shop", "-n", &team.namespace]);
    assert!(said.contains("sluice status shop"), "{said}");
    let status = team.ready("shop").await;
    assert_eq!(status.verification.as_ref().unwrap().verdict, "Aborted");
    assert_eq!(condition(&status, "Verified").unwrap().0, "Unknown");
}
