//! Windows, by the clock on the wall.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde_json::{Value, json};
use sqlx::Executor;

use crate::env::{LOCKED_OUT, Operator, Pace, Spec, Team, condition, files, locked_out};

fn gated(windows: Value) -> Spec {
    Spec::latest()
        .inline(&files(&[("V001__orders.sql", "create table orders (id int);")]))
        .set("/gates/windows", windows)
}

/// Five fields for a minute.
fn schedule(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%-M %-H %-d %-m *").to_string()
}

#[tokio::test]
async fn a_plan_waits_for_its_window_and_runs_when_it_opens() {
    let team = Team::new("window").await;
    let _operator = Operator::start(&team.namespace);
    // At least 40 s ahead, so that it is seen closed.
    let ahead = Timestamp::now().as_second() + 100;
    let opens = Timestamp::from_second(ahead - ahead % 60).unwrap();
    team.apply("shop", &gated(json!([{"schedule": schedule(opens), "duration": "5m"}]))).await;
    let message = team.reason("shop", "AwaitingWindow").await;
    let local = opens.to_zoned(TimeZone::UTC).strftime("%Y-%m-%dT%H:%M+00:00 (UTC)").to_string();
    assert!(message.contains(&format!("closed; opens {local}")), "{message}");
    assert_eq!(team.tables().await, [""; 0]);
    team.falls_silent().await;

    let left = opens.duration_since(Timestamp::now());
    tokio::time::sleep(left.try_into().unwrap_or_default()).await;
    let pace = Pace::start(&team).await;
    let status = team.ready("shop").await;
    assert!(pace.elapsed() < Duration::from_secs(20), "{:?}", pace.elapsed());
    let began = status.history[0].start_time.0;
    assert!(began >= opens, "begun at {began}, which is before {opens}");
}

#[tokio::test]
async fn a_window_that_closes_while_the_run_waits_for_the_migration_lock_lets_nothing_begin() {
    let (team, _operator, mut stranger) = locked_out("window-closes").await;
    let scripts = files(&[LOCKED_OUT, ("V002__b.sql", "create table b (id int);")]);
    let mut open = 15;
    let (began, closes) = loop {
        // Open since a minute, and for a moment more: an hour later again.
        let minute = Timestamp::now().as_second() / 60 * 60;
        let began = Timestamp::from_second(minute - 60).unwrap();
        let closes = Timestamp::now() + SignedDuration::from_secs(open);
        let length = closes.as_second() - began.as_second();
        let hourly = began.to_zoned(TimeZone::UTC).strftime("%-M * * * *").to_string();
        let windows = json!([{"schedule": hourly, "duration": format!("{length}s")}]);
        team.apply("shop", &Spec::latest().inline(&scripts).set("/gates/windows", windows)).await;
        let waits = |status: &_| {
            let reason = condition(status, "Ready").map(|(_, reason, _)| reason);
            reason.is_some_and(|reason| reason == "AwaitingLock" || reason == "AwaitingWindow")
        };
        let status = team.until("shop", "it waits", waits).await;
        if condition(&status, "Ready").unwrap().1 == "AwaitingLock" && Timestamp::now() < closes {
            break (began, closes);
        }
        // A machine that takes longer than that to begin: once more, with more time.
        open *= 2;
        assert!(open < 600, "it was to be seen while the window is open");
    };
    let left = closes.duration_since(Timestamp::now()) + SignedDuration::from_secs(1);
    tokio::time::sleep(left.try_into().unwrap()).await;
    stranger.execute("select pg_advisory_unlock_all()").await.unwrap();

    let message = team.reason("shop", "AwaitingWindow").await;
    let opens = (began + SignedDuration::from_hours(1)).to_zoned(TimeZone::UTC);
    let opens = opens.strftime("%Y-%m-%dT%H:%M+00:00 (UTC)");
    assert!(message.contains(&format!("window: closed; opens {opens}")), "{message}");
    assert_eq!(team.tables().await, ["a"]);
    assert_eq!(team.value("select count(*) from sluice.migration_runs").await, "1", "no run was begun");
    team.deserted().await;
}

#[tokio::test]
async fn a_freeze_closes_what_is_open_and_people_open_it_in_an_emergency() {
    let team = Team::new("freeze").await;
    let _operator = Operator::start(&team.namespace);
    let alice = team.approver("alice", &[]).await;
    let began = Timestamp::now() - SignedDuration::from_mins(2);
    let windows = json!([
        {"schedule": "* * * * *", "duration": "5m"},
        {"schedule": schedule(began), "duration": "48h", "kind": "Deny"},
    ]);
    team.apply("shop", &gated(windows)).await;
    let message = team.reason("shop", "AwaitingWindow").await;
    assert!(message.contains("closed by the Deny window"), "{message}");
    assert!(message.contains("--override-windows"), "{message}");
    alice.says(&["approve", "shop", "-n", &team.namespace, "--yes"]).unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    team.reason("shop", "AwaitingWindow").await;
    alice.says(&["withdraw", "shop", "-n", &team.namespace]).unwrap();
    alice.says(&["approve", "shop", "-n", &team.namespace, "--yes", "--override-windows"]).unwrap();
    team.ready("shop").await;
    assert_eq!(team.tables().await, ["orders"]);
    let by = team
        .value("select g -> 'overriddenBy' ->> 0 from sluice.migration_runs r, jsonb_array_elements(r.gates) g where g ? 'overriddenBy'")
        .await;
    assert_eq!(by, "alice", "the ledger keeps who opened the window");
}

#[tokio::test]
async fn a_window_that_cannot_be_understood_is_named() {
    let team = Team::new("odd-window").await;
    let _operator = Operator::start(&team.namespace);
    team.apply("shop", &gated(json!([{"schedule": "0 2 * * *", "duration": "1h", "timeZone": "Europe/Amsterdm"}])))
        .await;
    let message = team.reason("shop", "InvalidSpec").await;
    assert!(message.contains("spec.gates.windows[0].timeZone"), "{message}");
    assert!(message.contains("did you mean Europe/Amsterdam?"), "{message}");
}
