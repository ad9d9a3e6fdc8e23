use std::sync::Arc;
use std::time::Duration;

use super::fake::{Fake, Script};
use crate::database::{
    DatabaseError, Hold, Holder, LockAttempt, Purpose, RunIdentity, RunReport, RunRequest, SessionSettings, StopSignal,
    progress, run,
};
use crate::migration::{Dialect, Kind, Layout, MigrationSet, RawFile, SetOptions, Version};
use crate::plan::{Entry, EntryStatus, Ledger, Policy, Target, make};

fn set() -> MigrationSet {
    let file = |number: u32| RawFile::named(format!("V{number:03}__x.sql"), format!("select {number};"));
    let options = SetOptions { dialect: Dialect::Postgres, layout: Layout::Flyway, allow_gaps: false };
    MigrationSet::read(&[file(1), file(2), file(3)], options).unwrap()
}

/// A ledger with the first versions of the set applied.
fn applied(count: usize) -> Ledger {
    let entry = |migration: &crate::migration::Migration| Entry {
        version: Some(migration.version.clone()),
        repeatable: None,
        description: String::new(),
        kind: Kind::Schema,
        status: EntryStatus::Completed,
        up_checksum: Some(migration.up.checksum.clone()),
        down_sql: None,
        down_file: None,
        down_line: 1,
        down_no_transaction: false,
        baseline: false,
        journal: Vec::new(),
        reverting: false,
        applied_at: None,
        elapsed: Some(Duration::from_millis(7)),
    };
    Ledger { installed: true, entries: set().migrations.iter().take(count).map(entry).collect(), ..Ledger::default() }
}

fn request() -> RunRequest {
    let (set, policy) = (set(), Policy::default());
    let plan = make(&set, &applied(0), &Target::Latest, &policy).unwrap();
    RunRequest {
        identity: RunIdentity {
            id: uuid::Uuid::nil(),
            object: "shop/orders".to_owned(),
            object_uid: String::new(),
            generation: 1,
            retry_token: None,
            abort_token: None,
            rollback_token: None,
            instance: "sluice-0".to_owned(),
        },
        plan: Arc::new(plan),
        set: Arc::new(set),
        target: Target::Latest,
        policy,
        settings: SessionSettings {
            lock_timeout: Duration::from_millis(100),
            lock_retry_deadline: Duration::from_secs(60),
            statement_timeout: Duration::from_secs(60),
            one_transaction: false,
            undo: None,
        },
        deadline: Duration::from_secs(3600),
        purpose: Purpose::Apply,
        rehearsed: false,
        gates: serde_json::json!([]),
        hold: None,
        spare_rows: false,
    }
}

async fn play(script: Script) -> (RunReport, String) {
    play_of(&request(), script).await
}

async fn play_of(request: &RunRequest, script: Script) -> (RunReport, String) {
    let fake = Fake::new(script);
    let (sender, _receiver) = progress();
    let report = run(&fake, request, &sender, &StopSignal::default()).await;
    (report, fake.asked())
}

fn broken() -> Result<(), DatabaseError> {
    Err(DatabaseError::Unreachable("the connection was lost".to_owned()))
}

fn labels(report: &RunReport) -> Vec<&str> {
    report.done.iter().map(|step| step.label.as_str()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_run_locks_looks_again_and_only_then_begins_and_executes() {
    let script = Script { ledgers: [applied(0), applied(3)].into(), ..Script::default() };
    let (report, asked) = play(script).await;
    assert_eq!(asked, "open lock ledger begin execute(001,002,003) finish(Succeeded) ledger close");
    assert_eq!(report.result, Ok(applied(3)));
    assert_eq!(labels(&report), ["001", "002", "003"]);
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_is_another_one_under_the_lock_runs_nothing_and_writes_nothing() {
    for found in [1, 3] {
        let (report, asked) = play(Script { ledgers: [applied(found)].into(), ..Script::default() }).await;
        assert_eq!(asked, "open lock ledger close");
        assert_eq!((report.result, report.done.len()), (Ok(applied(found)), 0));
    }
}

#[tokio::test(start_paused = true)]
async fn steps_that_the_ledger_has_after_a_lost_reply_are_reported_and_not_run_again() {
    let script = Script {
        // One step was reported, the second had its COMMIT on the way when the connection broke.
        executions: [(1, broken())].into(),
        ledgers: [applied(0), applied(2), applied(3)].into(),
        ..Script::default()
    };
    let (report, asked) = play(script).await;
    assert_eq!(
        asked,
        "open lock ledger begin execute(001,002,003) open lock ledger begin execute(003) finish(Succeeded) ledger close"
    );
    assert_eq!(labels(&report), ["001", "002", "003"]);
    assert_eq!(report.done[1].elapsed, Duration::from_millis(7));
}

#[tokio::test(start_paused = true)]
async fn a_lost_reply_of_the_last_commit_ends_well_without_running_anything() {
    let script =
        Script { executions: [(0, broken())].into(), ledgers: [applied(0), applied(3)].into(), ..Script::default() };
    let (report, asked) = play(script).await;
    assert!(asked.ends_with("open lock ledger begin finish(Succeeded) ledger close"), "{asked}");
    assert_eq!(labels(&report), ["001", "002", "003"]);
}

#[tokio::test(start_paused = true)]
async fn when_somebody_else_changed_the_database_meanwhile_the_run_steps_back() {
    let mut taken_back = applied(3);
    taken_back.entries[0].status = EntryStatus::RolledBack;
    let script =
        Script { executions: [(2, broken())].into(), ledgers: [applied(0), taken_back].into(), ..Script::default() };
    let (report, asked) = play(script).await;
    assert!(matches!(report.result, Err(DatabaseError::LockLost(_))), "{:?}", report.result);
    assert!(asked.ends_with("finish(Interrupted) close"), "{asked}");
}

#[tokio::test(start_paused = true)]
async fn a_database_that_stays_away_ends_the_run_after_a_minute_as_unreachable() {
    let down = || (0..200).map(|_| broken()).collect::<Vec<_>>();
    let mut opens = vec![Ok(())];
    opens.extend(down());
    let script = Script {
        opens: opens.into(),
        executions: [(0, broken())].into(),
        ledgers: [applied(0)].into(),
        ..Script::default()
    };
    let started = tokio::time::Instant::now();
    let (report, _) = play(script).await;
    assert!(matches!(report.result, Err(DatabaseError::Unreachable(_))));
    let away = started.elapsed();
    assert!(away > Duration::from_secs(50) && away < Duration::from_secs(400), "{away:?}");
}

#[tokio::test(start_paused = true)]
async fn a_statement_that_kills_the_connection_every_time_is_not_tried_for_ever() {
    let script = Script {
        executions: (0..50).map(|_| (0, broken())).collect(),
        ledgers: [applied(0)].into(),
        ..Script::default()
    };
    let (report, asked) = play(script).await;
    assert!(matches!(report.result, Err(DatabaseError::Unreachable(_))));
    assert_eq!(asked.matches("execute").count(), 6, "{asked}");
}

#[tokio::test(start_paused = true)]
async fn waiting_for_the_lock_is_counted_told_and_ends_when_asked_to() {
    let holder = Holder {
        pid: 4711,
        application: "sluice/0123456789ab".to_owned(),
        object: Some("shop/others".to_owned()),
        instance: Some("sluice-1".to_owned()),
        since: None,
    };
    let script = |times: usize| Script {
        locks: std::iter::repeat_n(LockAttempt::HeldBy(holder.clone()), times).collect(),
        ledgers: [applied(0), applied(3)].into(),
        ..Script::default()
    };
    let (report, _) = play(script(3)).await;
    assert!(report.result.is_ok() && report.waited > Duration::from_secs(1), "{report:?}");
    assert_eq!(report.blocked_by, 0, "the holder of the migration lock does not block table locks");

    let fake = Fake::new(script(usize::from(u16::MAX)));
    let (sender, mut receiver) = progress();
    let stop = StopSignal::default();
    let (request, signal) = (request(), stop.clone());
    let task = tokio::spawn(async move { run(&fake, &request, &sender, &signal).await });
    let seen = receiver.wait_for(|progress| progress.note.is_some()).await.unwrap().clone();
    assert_eq!(seen.note.as_deref(), Some("the migration lock is held by shop/others (sluice-1), session 4711"));
    stop.gently.cancel();
    let report = task.await.unwrap();
    assert!(matches!(report.result, Err(DatabaseError::Stopped(_))), "{:?}", report.result);
}

#[tokio::test(start_paused = true)]
async fn a_version_of_the_target_is_as_far_as_it_goes() {
    let mut request = request();
    request.target = Target::Version(Version::parse("002").unwrap());
    let fake = Fake::new(Script { ledgers: [applied(0)].into(), ..Script::default() });
    let (sender, _receiver) = progress();
    // The plan in the request is the one for Latest: under the lock it is found to be another one.
    let report = run(&fake, &request, &sender, &StopSignal::default()).await;
    assert!(report.done.is_empty() && !fake.asked().contains("execute"));
}

#[tokio::test(start_paused = true)]
async fn what_let_a_run_begin_is_looked_at_again_where_it_waited_too_long_for_the_lock() {
    let holder = Holder { pid: 7, ..Holder::default() };
    let script = |times: usize| Script {
        locks: std::iter::repeat_n(LockAttempt::HeldBy(holder.clone()), times).collect(),
        ledgers: [applied(0), applied(3)].into(),
        ..Script::default()
    };
    let gated = |until: Option<jiff::Timestamp>| {
        let hold = Some(Hold { until, waited: Duration::from_secs(30) });
        RunRequest { hold, ..request() }
    };
    let (report, asked) = play_of(&gated(None), script(2)).await;
    assert!(asked.contains("begin execute(001,002,003)"), "{asked}");
    assert!(report.waited < Duration::from_secs(30));
    let (report, asked) = play_of(&gated(None), script(60)).await;
    assert!(asked.ends_with("lock ledger close") && !asked.contains("begin"), "{asked}");
    assert_eq!((report.result, report.done.len()), (Ok(applied(0)), 0));
    let closed = jiff::Timestamp::now() - jiff::SignedDuration::from_secs(1);
    let (report, asked) = play_of(&gated(Some(closed)), script(0)).await;
    assert_eq!((asked.as_str(), report.done.len()), ("open lock ledger close", 0));
}
