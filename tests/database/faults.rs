//! Connections that break at the worst moment, and user SQL that misbehaves.

use std::time::{Duration, Instant};

use futures::StreamExt as _;
use sluice::database::{Database as _, DatabaseError, LockAttempt, Stage};

use crate::proxy::{Fault, Proxy};
use crate::support::{GATE, SOON, UNTIL_OPEN, database, identity, set};

/// Only the message that ends a step holds this.
const COMMITTING: &str = "the script ended the transaction";

/// Three data migrations, one of them without a transaction: whatever runs twice is counted twice.
const FILES: [(&str, &str); 4] = [
    ("V001__t.sql", "create table counted(version int);"),
    ("V002__d.sql", "insert into counted values (2);"),
    (
        "V003__d.sql",
        "-- sluice:no-transaction\ninsert into counted values (3);\nvacuum counted;\ninsert into counted values (33);",
    ),
    ("V004__d.sql", "insert into counted values (4);"),
];

/// One broken connection at each message of a run that could leave doubt, in each way that it can break.
#[tokio::test]
async fn a_lost_reply_is_resolved_by_reading_the_ledger_and_nothing_runs_twice() {
    let needles = [
        COMMITTING,
        "insert into counted values (2)\0",
        "insert into counted values (3)\0",
        "vacuum counted\0",
        "insert into counted values (33)\0",
        "insert into counted values (4)\0",
        "set outcome = 'succeeded'",
    ];
    let faults = [Fault::Before, Fault::AfterReply, Fault::During];
    let cases = faults.into_iter().flat_map(|fault| needles.iter().map(move |needle| lost_reply(needle, fault)));
    futures::stream::iter(cases).buffer_unordered(6).collect::<()>().await;
}

async fn lost_reply(needle: &str, fault: Fault) {
    let db = database().await;
    db.up(&FILES[..1]).await;
    let proxy = Proxy::start(&db.server).await;
    proxy.on(needle, fault);
    let request = db.request(&set(&FILES), "Latest").await.expect("a plan");
    let report = db.start_at(request, db.postgres_at("127.0.0.1", proxy.port)).report().await;
    let what = format!("{fault:?} at {needle:?}: {report:?}");
    assert!(proxy.fired(), "{what}");
    assert!(report.result.is_ok(), "{what}");
    let labels: Vec<&str> = report.done.iter().map(|step| step.label.as_str()).collect();
    assert_eq!(labels, ["002", "003", "004"], "{what}");
    let rows = db.value("select string_agg(version::text, ' ' order by version) from counted").await;
    assert_eq!(rows, "2 3 4 33", "{what}");
    assert_eq!(db.status().await, "1 completed, 2 completed, 3 completed, 4 completed", "{what}");
    let outcomes = db.value("select string_agg(outcome, ' ' order by ordinal) from sluice.migration_runs").await;
    assert_eq!(outcomes, "succeeded succeeded", "{what}");
}

#[tokio::test]
async fn every_commit_of_a_run_may_lose_its_reply() {
    let db = database().await;
    let proxy = Proxy::start(&db.server).await;
    let request = db.request(&set(&FILES), "Latest").await.expect("a plan");
    // Each is used once: the first commit breaks the first connection, and so on.
    (0..4).for_each(|_| proxy.on(COMMITTING, Fault::AfterReply));
    let running = db.start_at(request, db.postgres_at("127.0.0.1", proxy.port));
    let report = running.report().await;
    report.result.expect("the run succeeds");
    assert!(proxy.fired());
    assert_eq!(report.done.len(), 4);
    assert_eq!(db.value("select string_agg(version::text, ' ' order by version) from counted").await, "2 3 4 33");
}

#[tokio::test]
async fn while_the_old_session_lives_nothing_is_concluded() {
    let db = database().await;
    db.up(&FILES[..1]).await;
    let proxy = Proxy::start(&db.server).await;
    proxy.on("insert into counted values (2)\0", Fault::Strand);
    let request = db.request(&set(&FILES[..2]), "Latest").await.expect("a plan");
    let mut running = db.start_at(request, db.postgres_at("127.0.0.1", proxy.port));
    let seen = running
        .until("the old session is named", |progress| {
            progress.stage == Stage::Resolving && !progress.blockers.is_empty()
        })
        .await;
    assert!(seen.note.expect("a note").contains("shop/orders"));
    proxy.release();
    running.report().await.result.expect("the run succeeds");
    assert_eq!(db.value("select count(*)::text from counted").await, "1");
}

/// No reset, no end of file: packets just stop, as when a firewall forgets a connection.
#[tokio::test]
async fn a_connection_that_falls_silent_is_noticed_and_replaced() {
    tokio::join!(silence("insert into counted values (2)\0"), silence(COMMITTING));
}

async fn silence(needle: &str) {
    let db = database().await;
    db.up(&FILES[..1]).await;
    let proxy = Proxy::start(&db.server).await;
    proxy.on(needle, Fault::Freeze);
    let request = db.request(&set(&FILES[..2]), "Latest").await.expect("a plan");
    let started = Instant::now();
    let report = db.start_at(request, db.postgres_at("127.0.0.1", proxy.port)).report().await;
    report.result.expect("the run succeeds");
    println!("noticed and resolved after {:?}", started.elapsed());
    assert!(proxy.fired());
    assert_eq!(db.value("select count(*)::text from counted").await, "1");
}

#[tokio::test]
async fn a_killed_process_leaves_nothing_half_done_and_its_server_session_ends_by_itself() {
    let db = database().await;
    let files = [("V001__slow.sql", "create table a(id int);\nselect pg_sleep(600);")];
    let mut running = db.start(&set(&files), "Latest").await;
    running.until("the slow statement runs", |progress| progress.statements_done == 1).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    running.task.abort();
    let started = Instant::now();
    let left = "select count(*)::text from pg_stat_activity where application_name like 'sluice/%' and datname = current_database()";
    while db.value(left).await != "0" {
        assert!(started.elapsed() < SOON, "the orphan still runs");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    println!("the orphaned statement ended after {:?}", started.elapsed());
    db.up(&[("V001__slow.sql", "create table a(id int);")]).await;
    assert_eq!(
        db.value("select string_agg(outcome, ', ' order by ordinal) from sluice.migration_runs").await,
        "interrupted, succeeded"
    );
}

#[tokio::test]
async fn user_sql_that_lets_go_of_the_lock_does_not_let_anybody_else_in_between() {
    let db = database().await;
    db.up(&[
        ("V001__a.sql", "create table a(id int);\nselect pg_advisory_unlock_all();\ninsert into a values (1);"),
        ("V002__b.sql", "discard all;\ninsert into a values (2);"),
        ("V003__c.sql", "insert into a values (3);"),
    ])
    .await;
    assert_eq!(db.value("select count(*)::text from a").await, "3");
    assert_eq!(db.status().await, "1 completed, 2 completed, 3 completed");
}

#[tokio::test]
async fn a_run_that_lost_its_lock_to_another_run_stops() {
    let db = database().await;
    db.up(&[GATE]).await;
    let letting_go = format!("create table a(id int);\nselect pg_advisory_unlock_all();\n{UNTIL_OPEN}");
    let files = [GATE, ("V002__a.sql", letting_go.as_str()), ("V003__b.sql", "insert into a values (3);")];
    let mut running = db.start(&set(&files), "Latest").await;
    running.until("it runs on without a session lock", |progress| progress.statements_done == 2).await;
    // Its transaction still holds the lock: nobody gets in before it commits.
    let mut thief = db.postgres().open(&identity("shop/thief"), &db.settings).await.expect("a session");
    assert!(matches!(thief.try_lock().await.expect("an answer"), LockAttempt::HeldBy(_)));
    db.execute("insert into gate values (1)").await;
    while thief.try_lock().await.expect("an answer") != LockAttempt::Acquired {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let stolen = db.status().await;
    let report = running.report().await;
    match report.result {
        Err(DatabaseError::LockLost(_)) => assert_eq!(db.status().await, "1 completed, 2 completed"),
        // It was faster in taking its lock back between its two transactions than the thief.
        Ok(_) => assert_eq!(stolen, "1 completed, 2 completed, 3 completed"),
        Err(other) => panic!("{other}"),
    }
    thief.close().await;
}

#[tokio::test]
async fn settings_and_roles_of_one_migration_do_not_leak_into_the_next_or_into_the_ledger() {
    let db = database().await;
    let role = format!("leaky_{}", db.name);
    db.execute(&format!("create role {role}; create schema app; create schema evil authorization {role};")).await;
    // A hostile operator in the search path, as a dump with `set_config` or a careless script leaves it.
    let leaky = format!(
        "select pg_catalog.set_config('search_path', 'app', false);\ncreate table inner_one(id int);\n\
         set standard_conforming_strings = off;\nset lock_timeout = '5s';\nset timezone = 'Asia/Tokyo';\n\
         set session_replication_role = replica;\nset role {role};\ncreate table evil.x(id int);"
    );
    let mut db = db;
    db.policy.adoption.allow_existing = true;
    db.up(&[("V001__leaky.sql", &leaky), ("V002__clean.sql", "create table outer_one as select current_user::text as who, current_setting('lock_timeout') as lock, 'it''s \\n' as text;")]).await;
    assert_eq!(
        db.value("select who || ' ' || lock || ' ' || text from public.outer_one").await,
        format!("{} 100ms it's \\n", db.user)
    );
    assert_eq!(db.value("select to_regclass('app.inner_one')::text").await, "app.inner_one");
    // The ledger's times are times whatever the script did to the clock's zone.
    assert_eq!(db.ledger().await.entries.len(), 2);
}

#[tokio::test]
async fn a_role_taken_on_without_a_transaction_keeps_working_and_never_touches_the_ledger() {
    let mut db = database().await;
    let role = format!("worker_{}", db.name);
    db.execute(&format!("create role {role}; create schema app authorization {role}")).await;
    db.policy.adoption.allow_existing = true;
    let script = format!(
        "-- sluice:no-transaction\nset role {role};\ncreate table app.t(id int);\n\
         create index concurrently i on app.t(id);\nset session authorization {role};\ncreate table app.u(id int);\n\
         create index concurrently j on app.u(id);\nreset session authorization;"
    );
    let next = ("V002__x.sql", "create table who as select current_user::text as name;");
    db.up(&[("V001__x.sql", &script), next]).await;
    let owners =
        "select string_agg(distinct relowner::regrole::text, ' ') from pg_class where relname in ('t', 'i', 'u', 'j')";
    assert_eq!(db.value(owners).await, role);
    assert_eq!(db.value("select name from who").await, db.user);
    assert_eq!(db.value("select string_agg(distinct state, ' ') from sluice.migration_steps").await, "done");
}

#[tokio::test]
async fn one_transaction_for_the_whole_run_leaves_all_or_nothing() {
    let mut db = database().await;
    db.settings.one_transaction = true;
    db.policy.one_transaction = true;
    let files = [
        ("V001__a.sql", "create table a(id int);"),
        ("V002__b.sql", "create table b(id int);\nselect * from nowhere;"),
    ];
    let report = db.run(&set(&files), "Latest").await;
    let Err(DatabaseError::Step(failure)) = report.result else { panic!("{:?}", report.result) };
    assert_eq!((failure.label.as_str(), failure.line), ("002", Some(2)));
    assert_eq!(db.value("select to_regclass('a')::text").await, "(null)");
    assert_eq!(db.status().await, "2 failed");
    let report = db.up(&[files[0], ("V002__b.sql", "create table b(id int);")]).await;
    assert_eq!(report.done.len(), 2);
    let same = "select (count(distinct xmin::text) = 1)::text from sluice.schema_migrations";
    assert_eq!(db.value(same).await, "true");
}
