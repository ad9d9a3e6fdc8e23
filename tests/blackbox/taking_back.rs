//! What does not hold is taken back: by which triggers, by whom, how far, and what may stand in the way.

use serde_json::json;

use crate::env::{Operator, SPOILS, Team, condition, files};

#[tokio::test]
async fn a_failed_check_takes_back_what_was_applied_and_leaves_the_database_as_it_was() {
    let (team, operator) = Team::verified_at_001("rolled-back").await;
    let before = (team.shape().await, team.query("select * from users").await);
    team.falls_ill_with("tag").await;
    team.apply("shop", &Team::shop("002")).await;
    let message = team.reason("shop", "RolledBack").await;
    for part in ["version 002 did not hold", "check health failed", "at version 001", "sluice.dev/retry"] {
        assert!(message.contains(part), "{message}");
    }
    assert_eq!((team.shape().await, team.query("select * from users").await), before);
    assert_eq!(team.story().await, ["up - 001 succeeded", "up 001 002 succeeded", "down 002 001 succeeded"]);
    let status = team.get("shop").await.status.unwrap();
    assert_eq!(status.applied.as_ref().unwrap().version, "001");
    assert_eq!(condition(&status, "Stalled").unwrap().1, "RolledBack");
    assert_eq!(condition(&status, "Verified").unwrap().0, "False");
    assert_eq!(status.verification.unwrap().verdict, "Failed");
    let told = ["Applying", "Verifying", "UpToDate", "Applying", "Verifying", "RollingBack", "RolledBack"];
    team.events_are("shop", &told).await;
    assert_eq!(operator.metric("sluice_rollbacks_total{result=\"succeeded\",trigger=\"check\"}"), Some(1.0));
    let seen =
        team.query("select verdict, rolled_back_because, rollback_outcome from sluice.v_migration_verification").await;
    assert_eq!(seen, ["passed,,", "failed,check,succeeded"]);
}

#[tokio::test]
async fn promise_6_a_way_back_that_is_missing_is_known_before_the_way_forward_starts() {
    let team = Team::with_health("promise-way-back").await;
    let _operator = Operator::start(&team.namespace);
    let scripts: Vec<(&str, &str)> = SPOILS.iter().filter(|(name, _)| *name != "U002__tag.sql").copied().collect();
    team.scripts("sql", &files(&scripts)).await;
    team.apply("shop", &Team::shop("001")).await;
    team.at("shop", "001").await;
    team.apply("shop", &Team::shop("002")).await;
    let message = team.reason("shop", "PlanFailed").await;
    assert!(message.contains("version 002 has no down script") && message.contains("require: None"), "{message}");
    assert_eq!(team.story().await, ["up - 001 succeeded"], "nothing was run");
    team.apply("shop", &Team::shop("002").set("/rollback/require", json!("None"))).await;
    let status = team.at("shop", "002").await;
    assert_eq!(condition(&status, "RollbackReady").unwrap().0, "False");
}

#[tokio::test]
async fn promise_7_a_version_that_was_rolled_back_is_not_retried_by_a_resync_a_restart_or_a_wiped_status() {
    let (team, operator) = Team::verified_at_001("promise-poison").await;
    team.falls_ill_with("tag").await;
    team.apply("shop", &Team::shop("002")).await;
    team.reason("shop", "RolledBack").await;
    let story = team.story().await;
    // The same manifest again, with something about it that does not change what is asked for.
    team.apply("shop", &Team::shop("002").set("/execution/lockTimeout", json!("200ms"))).await;
    team.reason("shop", "RolledBack").await;
    team.annotate("shop", "reconcile.fluxcd.io/requestedAt", "now").await;
    team.wipe_status("shop").await;
    team.reason("shop", "RolledBack").await;
    drop(operator);
    team.wipe_status("shop").await;
    let _next = Operator::start(&team.namespace);
    team.reason("shop", "RolledBack").await;
    assert_eq!(team.story().await, story);
    // Mended, and asked for.
    team.sql("create or replace view health.sick as select 0 as v").await;
    team.annotate("shop", "sluice.dev/retry", "1").await;
    team.at("shop", "002").await;
}

#[tokio::test]
async fn new_content_lifts_the_ban_of_what_was_rolled_back() {
    let (team, _operator) = Team::verified_at_001("new-content").await;
    team.falls_ill_with("tag").await;
    team.apply("shop", &Team::shop("Latest")).await;
    team.reason("shop", "RolledBack").await;
    let mut scripts = files(SPOILS);
    scripts.insert("V002__tag.sql".to_owned(), "alter table users add column label text;".to_owned());
    scripts.insert("U002__tag.sql".to_owned(), "alter table users drop column label;".to_owned());
    team.scripts("sql", &scripts).await;
    let status = team.at("shop", "002").await;
    assert_eq!(condition(&status, "Verified").unwrap().0, "True");
}

#[tokio::test]
async fn without_automatic_rollback_a_failed_check_is_told_and_a_person_takes_it_back() {
    let (team, _operator) = Team::verified_at_001("by-hand").await;
    team.falls_ill_with("tag").await;
    team.apply("shop", &Team::shop("002").set("/rollback", json!({"mode": "Manual"}))).await;
    let message = team.reason("shop", "CheckFailed").await;
    assert!(message.contains("sluice.dev/rollback") && message.contains("check health failed"), "{message}");
    assert_eq!(team.get("shop").await.status.unwrap().applied.unwrap().version, "002");
    team.annotate("shop", "sluice.dev/rollback", "1").await;
    let message = team.reason("shop", "RolledBack").await;
    assert!(message.contains("asked for by the annotation"), "{message}");
    assert_eq!(team.get("shop").await.status.unwrap().applied.unwrap().version, "001");
}

#[tokio::test]
async fn what_is_held_because_a_check_failed_is_kept_when_a_person_says_so() {
    let (team, _operator) = Team::verified_at_001("held-and-kept").await;
    team.falls_ill_with("tag").await;
    // The first measurement, a moment after the window is opened, would fail again.
    team.apply("shop", &Team::shop("002").set("/rollback", json!({"mode": "Manual"}))).await;
    let message = team.reason("shop", "CheckFailed").await;
    assert!(message.contains("keep it for good with: kubectl annotate dbm shop"), "{message}");
    team.sluice(&["abort", "shop", "-n", &team.namespace]);
    let status = team.at("shop", "002").await;
    assert_eq!(status.verification.unwrap().verdict, "Aborted");
    assert_eq!(team.story().await, ["up - 001 succeeded", "up 001 002 succeeded"]);
}

#[tokio::test]
async fn five_migrations_that_do_not_hold_are_taken_back_as_one() {
    let team = Team::with_health("five").await;
    let _operator = Operator::start(&team.namespace);
    let mut scripts = Vec::new();
    for n in 1..=5 {
        scripts.push((format!("V{n:03}__t.sql"), format!("create table t{n} (id int primary key);")));
        scripts.push((format!("U{n:03}__t.sql"), format!("drop table t{n};")));
    }
    team.scripts("sql", &scripts.into_iter().collect()).await;
    team.falls_ill().await;
    team.apply("shop", &Team::shop("Latest")).await;
    let message = team.reason("shop", "RolledBack").await;
    assert!(message.contains("versions 001 … 005 did not hold") && message.contains("at version none"), "{message}");
    assert_eq!(team.tables().await, [""; 0]);
    assert_eq!(team.story().await, ["up - 005 succeeded", "down 005 - succeeded"]);
}

#[tokio::test]
async fn a_run_that_fails_half_way_takes_back_what_it_applied_before() {
    let (team, operator) = Team::verified_at_001("half-way").await;
    let before = team.shape().await;
    let mut scripts = files(SPOILS);
    scripts.insert(
        "V003__broken.sql".to_owned(),
        "create table c (id int);\ninsert into nowhere values (1);\n".to_owned(),
    );
    scripts.insert("U003__broken.sql".to_owned(), "drop table c;".to_owned());
    team.scripts("sql", &scripts).await;
    team.apply("shop", &Team::shop("003")).await;
    let message = team.reason("shop", "RolledBack").await;
    for part in ["V003__broken.sql:2:13", "42P01", "at version 001"] {
        assert!(message.contains(part), "{message}");
    }
    assert_eq!(team.shape().await, before);
    assert_eq!(team.story().await, ["up - 001 succeeded", "up 001 003 failed", "down 002 001 succeeded"]);
    let metric = "sluice_rollbacks_total{result=\"succeeded\",trigger=\"apply_failure\"}";
    assert_eq!(operator.metric(metric), Some(1.0));
}

#[tokio::test]
async fn a_down_script_that_fails_leaves_everything_in_place_and_says_where_the_database_is() {
    let (team, _operator) = Team::verified_at_001("down-fails").await;
    let mut scripts = files(SPOILS);
    scripts.insert("U002__tag.sql".to_owned(), "drop index users_tag;\ndrop table not_there;\n".to_owned());
    team.scripts("sql", &scripts).await;
    team.falls_ill_with("tag").await;
    team.apply("shop", &Team::shop("002")).await;
    let message = team.reason("shop", "RollbackFailed").await;
    for part in ["the way back to 001 failed", "U002__tag.sql:2", "at version 002", "sluice.dev/retry"] {
        assert!(message.contains(part), "{message}");
    }
    assert!(team.shape().await.iter().any(|line| line.contains("users_tag")), "the index is still there");
    let story = team.story().await;
    assert_eq!(story.last().unwrap(), "down 002 001 failed");
    // A restart does not try again by itself; a person who mended it does.
    team.sql("create table not_there (id int)").await;
    team.annotate("shop", "sluice.dev/retry", "1").await;
    team.reason("shop", "RolledBack").await;
    assert_eq!(team.get("shop").await.status.unwrap().applied.unwrap().version, "001");
}

#[tokio::test]
async fn rows_that_were_written_since_are_not_destroyed_without_a_person() {
    let (team, _operator) = Team::verified_at_001("rows").await;
    let spec = Team::shop("002").set("/verification/duration", json!("10m"));
    let spec = spec.set("/rollback/dataLoss", json!("WithApproval"));
    team.apply("shop", &spec).await;
    team.reason("shop", "Verifying").await;
    team.sql("insert into users values (2, 'b@example.org', 'vip'), (3, 'c@example.org', null)").await;
    team.falls_ill_with("tag").await;
    let message = team.reason("shop", "RollbackBlocked").await;
    for part in
        ["column public.users.tag: 1 row written since 002 was applied", "at version 002", "sluice.dev/allow-data-loss"]
    {
        assert!(message.contains(part), "{message}");
    }
    assert!(!message.contains("vip"));
    assert_eq!(team.value("select count(*) from users where tag = 'vip'").await, "1");
    team.annotate("shop", "sluice.dev/allow-data-loss", "1").await;
    team.reason("shop", "RolledBack").await;
    assert_eq!(team.value("select count(*) from users").await, "3");
}

#[tokio::test]
async fn what_a_blocked_rollback_was_to_take_back_is_kept_by_a_person_and_the_next_version_goes_on_from_there() {
    let (team, _operator) = Team::verified_at_001("kept").await;
    team.apply("shop", &Team::shop("002").set("/verification/duration", json!("10m"))).await;
    team.reason("shop", "Verifying").await;
    team.sql("insert into users values (2, 'b@example.org', 'vip')").await;
    team.falls_ill_with("tag").await;
    let message = team.reason("shop", "RollbackBlocked").await;
    assert!(message.contains("or keep what is in effect, for good, with: kubectl annotate dbm shop"), "{message}");
    team.sluice(&["abort", "shop", "-n", &team.namespace]);
    let status = team.at("shop", "002").await;
    // It is kept, and nobody claims that it is well.
    assert_eq!(condition(&status, "Verified").unwrap().0, "False");

    team.sql("create or replace view health.sick as select 0 as v").await;
    let mut scripts = files(SPOILS);
    scripts.insert("V003__c.sql".to_owned(), "create table c (id int);".to_owned());
    scripts.insert("U003__c.sql".to_owned(), "drop table c;".to_owned());
    team.scripts("sql", &scripts).await;
    team.apply("shop", &Team::shop("003")).await;
    let status = team.at("shop", "003").await;
    assert_eq!(condition(&status, "Verified").unwrap().0, "True");
    let story = ["up - 001 succeeded", "up 001 002 succeeded", "down 002 001 blocked", "up 002 003 succeeded"];
    assert_eq!(team.story().await, story);
}

#[tokio::test]
async fn an_operator_that_dies_while_it_takes_back_is_followed_by_one_that_finishes() {
    use crate::env::{GATE, Gate};
    let (team, mut operator) = Team::verified_at_001("back-killed").await;
    let mut scripts = files(SPOILS);
    scripts
        .insert("U002__tag.sql".to_owned(), format!("drop index users_tag; {GATE} alter table users drop column tag;"));
    team.scripts("sql", &scripts).await;
    team.falls_ill_with("tag").await;
    let mut gate = Gate::close(&team).await;
    // What the gate's statement changes nobody can tell, so a person says that it may.
    team.annotate("shop", "sluice.dev/allow-data-loss", "1").await;
    team.apply("shop", &Team::shop("002").set("/rollback/dataLoss", json!("WithApproval"))).await;
    gate.reached().await;
    operator.kill();
    gate.open().await;
    let _next = Operator::start(&team.namespace);
    team.reason("shop", "RolledBack").await;
    assert_eq!(team.get("shop").await.status.unwrap().applied.unwrap().version, "001");
    let ups = team.story().await.iter().filter(|run| run.starts_with("up 001 002")).count();
    assert_eq!(ups, 1, "it was applied once");
}

#[tokio::test]
async fn a_person_takes_back_what_is_being_verified_with_the_command_line() {
    let (team, _operator) = Team::verified_at_001("rollback-command").await;
    team.apply("shop", &Team::shop("002").set("/verification/duration", json!("10m"))).await;
    team.reason("shop", "Verifying").await;
    team.sluice(&["rollback", "shop", "-n", &team.namespace, "--to", "0"]);
    team.reason("shop", "RolledBack").await;
    assert_eq!(team.tables().await, [""; 0]);
    team.sluice(&["retry", "shop", "-n", &team.namespace]);
    team.reason("shop", "Verifying").await;
}

#[tokio::test]
async fn a_suspended_object_does_not_roll_back_by_itself() {
    let (team, _operator) = Team::verified_at_001("suspended-ill").await;
    let spec = Team::shop("002").set("/verification/duration", json!("10m"));
    team.apply("shop", &spec).await;
    team.reason("shop", "Verifying").await;
    team.apply("shop", &spec.set("/suspend", json!(true))).await;
    // Of this generation: it knows that it is suspended.
    team.reason("shop", "Verifying").await;
    team.falls_ill_with("tag").await;
    let message = team.reason("shop", "Suspended").await;
    assert!(message.contains("waiting to take back 1 migration (002) because check health failed"), "{message}");
    team.apply("shop", &Team::shop("002")).await;
    team.reason("shop", "RolledBack").await;
}

#[tokio::test]
async fn a_run_ends_when_a_person_says_so_and_does_not_begin_again_by_itself() {
    use crate::env::{GATE, Gate};
    let (team, _operator) = Team::verified_at_001("aborted-run").await;
    let mut scripts = files(SPOILS);
    scripts.insert(
        "V002__tag.sql".to_owned(),
        format!("alter table users add column tag text; {GATE} create index users_tag on users (tag);"),
    );
    scripts.insert("V003__c.sql".to_owned(), "create table c (id int);".to_owned());
    scripts.insert("U003__c.sql".to_owned(), "drop table c;".to_owned());
    team.scripts("sql", &scripts).await;
    let mut gate = Gate::close(&team).await;
    team.apply("shop", &Team::shop("003")).await;
    gate.reached().await;
    team.annotate("shop", "sluice.dev/abort", "1").await;
    team.until("shop", "the end is announced", |status| {
        condition(status, "Ready").is_some_and(|(_, _, message)| message.contains("ends at the next safe place"))
    })
    .await;
    gate.open().await;
    team.reason("shop", "Aborted").await;
    assert_eq!(team.story().await, ["up - 001 succeeded", "up 001 003 aborted"]);
    team.annotate("shop", "sluice.dev/retry", "1").await;
    team.at("shop", "003").await;
}

#[tokio::test]
async fn however_often_the_operator_dies_what_does_not_hold_is_applied_once_and_taken_back_once() {
    let (team, operator) = Team::verified_at_001("dies-often").await;
    let before = (team.shape().await, team.query("select * from users").await);
    team.falls_ill_with("tag").await;
    drop(operator);
    team.apply("shop", &Team::shop("002").set("/verification/initialDelay", json!("300ms"))).await;
    // Each life ends a little later than the one before: in the look, the run, the window, the verdict, the way back, the report.
    for life in 0..14_u64 {
        let mut operator = Operator::start(&team.namespace);
        tokio::time::sleep(std::time::Duration::from_millis(150 + 90 * life)).await;
        operator.kill();
    }
    let _last = Operator::start(&team.namespace);
    team.reason("shop", "RolledBack").await;
    assert_eq!((team.shape().await, team.query("select * from users").await), before);
    let story = team.story().await;
    let succeeded = |what: &str| story.iter().filter(|run| run.as_str() == what).count();
    assert_eq!(succeeded("up 001 002 succeeded"), 1, "{story:?}");
    // A way back whose end nobody could record took effect all the same.
    let back: Vec<&String> = story.iter().filter(|run| run.starts_with("down 002 001")).collect();
    assert!(!back.is_empty() && succeeded("down 002 001 succeeded") <= 1, "{story:?}");
    team.deserted().await;
    assert_eq!(team.query("select * from sluice.v_migration_audit where not intact").await, [""; 0]);
}

#[tokio::test]
async fn a_run_past_its_deadline_is_taken_back() {
    let (team, _operator) = Team::verified_at_001("deadline").await;
    let before = team.shape().await;
    let mut scripts = files(SPOILS);
    scripts.insert("V003__slow.sql".to_owned(), "select pg_sleep(60);".to_owned());
    scripts.insert("U003__slow.sql".to_owned(), "-- nothing to take back".to_owned());
    team.scripts("sql", &scripts).await;
    team.apply("shop", &Team::shop("003").set("/execution/deadline", json!("12s"))).await;
    let message = team.reason("shop", "RolledBack").await;
    assert!(message.contains("spec.execution.deadline"), "{message}");
    assert_eq!(team.shape().await, before);
    assert_eq!(team.story().await, ["up - 001 succeeded", "up 001 003 deadline_exceeded", "down 002 001 succeeded"]);
}

#[tokio::test]
async fn a_rollback_past_its_deadline_says_which_one_to_raise() {
    let (team, _operator) = Team::verified_at_001("back-deadline").await;
    let mut scripts = files(SPOILS);
    scripts.insert("U002__tag.sql".to_owned(), "drop index users_tag; select pg_sleep(60);".to_owned());
    team.scripts("sql", &scripts).await;
    team.falls_ill_with("tag").await;
    team.apply("shop", &Team::shop("002").set("/rollback/deadline", json!("2s"))).await;
    let message = team.reason("shop", "RollbackFailed").await;
    assert!(message.contains("raise spec.rollback.deadline") && message.contains("at version 002"), "{message}");
}

#[tokio::test]
async fn three_failed_runs_within_an_hour_stop_the_object_until_a_person_has_looked() {
    let (team, operator) = Team::verified_at_001("failures").await;
    let with = |sql: &str| {
        let mut scripts = files(SPOILS);
        scripts.insert("V002__tag.sql".to_owned(), sql.to_owned());
        scripts
    };
    for number in 1..=3 {
        let named = format!("nowhere_{number}");
        team.scripts("sql", &with(&format!("select * from {named};"))).await;
        if number == 1 {
            team.apply("shop", &Team::shop("002")).await;
        }
        team.until("shop", "the failure of just that script", |status| {
            status.failures == Some(number)
                && status
                    .history
                    .first()
                    .is_some_and(|run| run.message.as_ref().is_some_and(|message| message.contains(&named)))
        })
        .await;
    }
    // Mended, and still it waits: after a restart, too.
    team.scripts("sql", &files(SPOILS)).await;
    let message = team.reason("shop", "TooManyFailures").await;
    assert!(
        message.contains("3 runs failed or were taken back within an hour") && message.contains("sluice.dev/retry"),
        "{message}"
    );
    drop(operator);
    let _next = Operator::start(&team.namespace);
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    team.reason("shop", "TooManyFailures").await;
    team.sluice(&["retry", "shop", "-n", &team.namespace]);
    team.at("shop", "002").await;
}
