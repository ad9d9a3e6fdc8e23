//! Others in the way: readers, writers, other runs; and how little they notice of a migration.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use sluice::database::{Database as _, DatabaseError, FailureClass, LockAttempt, Stage};
use sluice::plan::Outcome;

use crate::support::{Database, GATE, SOON, UNTIL_OPEN, database, deserted, execute, identity, set, value};

const TABLE: (&str, &str) = ("V001__t.sql", "create table t(id int primary key, a int); insert into t values (1, 0);");
const ALTER: (&str, &str) = ("V002__b.sql", "alter table t add column b int;");

/// Somebody reads the table in a transaction, until told to end.
async fn reader(db: &Database) -> sqlx::postgres::PgConnection {
    let mut reader = db.connect().await;
    execute(&mut reader, "begin; select * from t").await;
    reader
}

/// An application that writes all the time; gives back its longest wait, and the longest from one write's end to the next
/// one's: a machine that stands still shows in that.
fn writer(
    mut connection: sqlx::postgres::PgConnection,
    write: &'static str,
    stop: Arc<AtomicBool>,
) -> tokio::task::JoinHandle<(Duration, Duration)> {
    tokio::spawn(async move {
        let (mut worst, mut gap, mut last) = (Duration::ZERO, Duration::ZERO, Instant::now());
        while !stop.load(Ordering::Relaxed) {
            let started = Instant::now();
            execute(&mut connection, write).await;
            worst = worst.max(started.elapsed());
            gap = gap.max(last.elapsed());
            last = Instant::now();
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        (worst, gap)
    })
}

#[tokio::test]
async fn a_long_reader_delays_the_migration_and_never_the_writers() {
    let db = database().await;
    db.up(&[TABLE]).await;
    let mut long_reader = reader(&db).await;
    let stop = Arc::new(AtomicBool::new(false));
    db.execute("create table elsewhere as select 1 as id, 0 as a").await;
    let writing = writer(db.connect().await, "update t set a = a + 1 where id = 1", stop.clone());
    let elsewhere = writer(db.connect().await, "update elsewhere set a = a + 1 where id = 1", stop.clone());
    let mut running = db.start(&set(&[TABLE, ALTER]), "Latest").await;
    let seen = running
        .until("the reader is named", |progress| {
            progress.stage == Stage::RetryingLock
                && progress.blockers.iter().any(|blocker| blocker.application == "test")
        })
        .await;
    assert!(seen.lock_retries > 0 && seen.note.expect("a note").contains("55P03 lock_not_available"));
    tokio::time::sleep(Duration::from_secs(4)).await;
    execute(&mut long_reader, "commit").await;
    let released = Instant::now();
    let report = running.report().await;
    let late = released.elapsed();
    report.result.as_ref().expect("the run succeeds");
    stop.store(true, Ordering::Relaxed);
    let (worst, _) = writing.await.expect("no panic");
    let (_, machine) = elsewhere.await.expect("no panic");
    println!(
        "worst stall {worst:?}, of others {machine:?}; done {late:?} after the reader left; {} retries",
        report.lock_retries
    );
    assert!(worst < Duration::from_secs(1) + machine, "a writer was stalled for {worst:?}, others {machine:?}");
    // It does not sleep through the reader's end, however long its pauses have become; it has a few things to ask.
    assert!(
        late < Duration::from_secs(3) + 10 * machine,
        "done only {late:?} after the reader left, others {machine:?}"
    );
    assert!(report.lock_retries > 2 && report.blocked_by >= 1, "{report:?}");
    assert!(report.done[0].retries > 2);
}

#[tokio::test]
async fn patience_ends_with_a_reason_that_names_who_was_in_the_way() {
    let mut db = database().await;
    db.settings.lock_retry_deadline = Duration::from_secs(10);
    db.up(&[TABLE]).await;
    let _reader = reader(&db).await;
    let report = db.run(&set(&[TABLE, ALTER]), "Latest").await;
    let Err(DatabaseError::Step(failure)) = report.result else { panic!("{:?}", report.result) };
    assert_eq!((failure.class, failure.sqlstate.as_deref()), (FailureClass::Deadline, Some("55P03")));
    assert!(
        failure.message.contains("in the way: session ") && failure.message.contains("(test, "),
        "{}",
        failure.message
    );
    assert_eq!(db.ledger().await.runs[0].outcome, Some(Outcome::DeadlineExceeded));
}

#[tokio::test]
async fn an_index_waits_for_old_transactions_without_giving_up_and_names_them() {
    let db = database().await;
    db.up(&[TABLE]).await;
    let mut old = db.connect().await;
    execute(&mut old, "begin isolation level repeatable read; select * from t").await;
    let mut running = db.start(&set(&[TABLE, ("V002__i.sql", "create index concurrently i on t(a);")]), "Latest").await;
    let seen = running.until("the old transaction is named", |progress| !progress.blockers.is_empty()).await;
    assert_eq!(seen.blockers[0].application, "test");
    tokio::time::sleep(Duration::from_secs(2)).await;
    execute(&mut old, "commit").await;
    let report = running.report().await;
    report.result.expect("the run succeeds");
    assert_eq!(report.lock_retries, 0);
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_named_with_the_setting_to_raise() {
    let mut db = database().await;
    db.settings.statement_timeout = Duration::from_secs(4);
    let report = db.run(&set(&[("V001__slow.sql", "create table a(id int);\nselect pg_sleep(300);")]), "Latest").await;
    let Err(DatabaseError::Step(failure)) = report.result else { panic!("{:?}", report.result) };
    assert_eq!((failure.class, failure.statement), (FailureClass::Deadline, Some(2)));
    assert!(failure.message.contains("spec.execution.statementTimeout"), "{}", failure.message);
    assert_eq!(db.value("select to_regclass('a')::text").await, "(null)");
}

#[tokio::test]
async fn the_deadline_of_a_run_cancels_its_statement_on_the_server() {
    let mut db = database().await;
    db.deadline = Duration::from_secs(6);
    let report = db.run(&set(&[("V001__slow.sql", "create table a(id int);\nselect pg_sleep(300);")]), "Latest").await;
    let Err(DatabaseError::Step(failure)) = report.result else { panic!("{:?}", report.result) };
    assert_eq!((failure.class, failure.statement), (FailureClass::Deadline, Some(2)));
    assert!(failure.message.contains("spec.execution.deadline"), "{}", failure.message);
    deserted(&db).await;
}

#[tokio::test]
async fn a_stop_cancels_the_statement_rolls_back_and_leaves_no_session() {
    let db = database().await;
    let mut running =
        db.start(&set(&[("V001__slow.sql", "create table a(id int);\nselect pg_sleep(300);")]), "Latest").await;
    running.until("the slow statement runs", |progress| progress.statements_done == 1).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    running.stop.now.cancel();
    let report = running.report().await;
    assert!(matches!(report.result, Err(DatabaseError::Stopped(_))), "{:?}", report.result);
    assert_eq!(db.value("select to_regclass('a')::text").await, "(null)");
    deserted(&db).await;
    assert_eq!(db.status().await, "");
    assert_eq!(db.value("select outcome from sluice.migration_runs").await, "interrupted");
}

#[tokio::test]
async fn two_runs_on_one_ledger_wait_for_each_other_and_the_holder_is_named() {
    let db = database().await;
    db.up(&[GATE]).await;
    let files = [GATE, ("V002__slow.sql", &*format!("{UNTIL_OPEN} create table a(id int);"))];
    let mut first = db.start(&set(&files), "Latest").await;
    first.until("it runs", |progress| progress.stage == Stage::Applying).await;
    let mut other = database().await;
    (other.name, other.identity) = (db.name.clone(), identity("shop/others"));
    let look = db.postgres().inspect().await.expect("a look");
    assert_eq!(look.holder.expect("a holder").object.as_deref(), Some("shop/orders"));
    let mut second = other.start(&set(&files), "Latest").await;
    let seen = second.until("it waits", |progress| progress.stage == Stage::AwaitingLock).await;
    let note = seen.note.expect("a note");
    assert!(note.contains("held by shop/orders (sluice-0), session "), "{note}");
    db.execute("insert into gate values (1)").await;
    first.report().await.result.expect("the first run succeeds");
    let report = second.report().await;
    // What it came for is done: nothing runs twice.
    assert!(report.done.is_empty() && report.waited > Duration::ZERO, "{report:?}");
    report.result.expect("the second run finds everything done");
    assert_eq!(db.value("select count(*)::text from sluice.migration_runs").await, "2");
}

#[tokio::test]
async fn two_ledgers_in_one_database_do_not_wait_for_each_other() {
    let db = database().await;
    let mut other = database().await;
    (other.name, other.ledger) = (db.name.clone(), "team b".to_owned());
    db.up(&[GATE]).await;
    let files = [GATE, ("V002__slow.sql", &*format!("create table a(id int); {UNTIL_OPEN}"))];
    let mut first = db.start(&set(&files), "Latest").await;
    first.until("it runs", |progress| progress.statements_done == 1).await;
    other.up(&[("V001__b.sql", "create table b(id int);")]).await;
    db.execute("insert into gate values (1)").await;
    first.report().await.result.expect("the first run succeeds");
    // A third team finds a database that is its neighbours' work, and is not refused for it.
    let mut third = database().await;
    (third.name, third.ledger) = (db.name.clone(), "team_c".to_owned());
    third.up(&[("V001__c.sql", "create table c(id int);")]).await;
}

#[tokio::test]
async fn five_engines_at_once_apply_data_migrations_exactly_once() {
    let db = Arc::new(database().await);
    db.up(&[("V001__t.sql", "create table counted(version int, at timestamptz default clock_timestamp());")]).await;
    let scripts: Vec<(String, String)> = (2..=20)
        .map(|version| match version % 3 {
            0 => (
                format!("V{version:03}__d.sql"),
                format!("-- sluice:no-transaction\ninsert into counted values ({version});"),
            ),
            _ => (format!("V{version:03}__d.sql"), format!("insert into counted values ({version});")),
        })
        .collect();
    let mut files =
        vec![("V001__t.sql", "create table counted(version int, at timestamptz default clock_timestamp());")];
    files.extend(scripts.iter().map(|(name, content)| (name.as_str(), content.as_str())));
    let set = set(&files);
    let mut runs = Vec::new();
    for _ in 0..5 {
        runs.push(db.start(&set, "Latest").await);
    }
    let mut steps = 0;
    for run in runs {
        let report = run.report().await;
        report.result.expect("every engine is content");
        steps += report.done.len();
    }
    assert_eq!(steps, 19);
    let counted = "select count(*) || ' rows, ' || count(distinct version) || ' versions' from counted";
    assert_eq!(db.value(counted).await, "19 rows, 19 versions");
}

#[tokio::test]
async fn an_attempt_to_lock_never_waits() {
    let db = database().await;
    let mut one = db.postgres().open(&identity("shop/orders"), &db.settings).await.expect("a session");
    let mut two = db.postgres().open(&identity("shop/others"), &db.settings).await.expect("a session");
    assert_eq!(one.try_lock().await.expect("an answer"), LockAttempt::Acquired);
    assert_eq!(one.try_lock().await.expect("an answer"), LockAttempt::Acquired);
    assert!(matches!(two.try_lock().await.expect("an answer"), LockAttempt::HeldBy(_)));
    // Asking twice did not take it twice.
    one.close().await;
    // The server process lets go when it ends, which is after it heard the goodbye.
    let began = Instant::now();
    while two.try_lock().await.expect("an answer") != LockAttempt::Acquired {
        assert!(began.elapsed() < SOON, "the lock was taken twice");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    two.close().await;
}

#[tokio::test]
async fn no_index_build_waits_for_those_who_wait_for_the_migration_lock() {
    let db = database().await;
    db.up(&[TABLE]).await;
    let mut old = db.connect().await;
    execute(&mut old, "begin; update t set a = 1").await;
    let files = [TABLE, ("V002__i.sql", "create index concurrently i on t(a);")];
    let mut first = db.start(&set(&files), "Latest").await;
    first.until("it builds", |progress| !progress.blockers.is_empty()).await;
    let mut second = db.start(&set(&files), "Latest").await;
    second.until("it waits", |progress| progress.stage == Stage::AwaitingLock).await;
    execute(&mut old, "commit").await;
    first.report().await.result.expect("the first run succeeds");
    second.report().await.result.expect("the second run finds everything done");
    assert_eq!(value(&mut old, "select count(*)::text from pg_index where not indisvalid").await, "0");
}

/// The database's owner is no superuser, and other people's sessions are hidden from it.
#[tokio::test]
async fn an_ordinary_owner_of_the_database_can_do_all_of_it() {
    let mut db = database().await;
    let role = format!("owner_{}", db.name);
    db.execute(&format!("create role {role} login password 'x'; alter database {} owner to {role}; grant all on schema public to {role}", db.name)).await;
    (db.user, db.password) = (role, "x".to_owned());
    db.up(&[TABLE]).await;
    let mut reader = reader(&db).await;
    let files = [
        TABLE,
        ALTER,
        ("V003__i.sql", "create index concurrently i on t(a);"),
        ("V004__s.sql", "select pg_sleep(60);"),
    ];
    let mut running = db.start(&set(&files), "Latest").await;
    let seen = running.until("a blocker", |progress| !progress.blockers.is_empty()).await;
    assert_eq!(seen.blockers[0].application, "test");
    execute(&mut reader, "commit; begin; update t set a = 1").await;
    running.until("the index is tried", |progress| progress.step.as_deref() == Some("003")).await;
    execute(&mut reader, "commit").await;
    running.until("it sleeps", |progress| progress.step.as_deref() == Some("004")).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    running.stop.now.cancel();
    let report = running.report().await;
    assert!(matches!(report.result, Err(DatabaseError::Stopped(_))), "{:?}", report.result);
    assert_eq!(report.done.len(), 2);
    assert_eq!(db.status().await, "1 completed, 2 completed, 3 completed");
}

#[tokio::test]
async fn somebody_who_locks_the_ledger_only_delays_a_run() {
    let db = database().await;
    db.up(&[TABLE]).await;
    let mut nosy = db.connect().await;
    execute(&mut nosy, "begin; lock table sluice.schema_migrations in access exclusive mode").await;
    let look = tokio::spawn({
        let db = db.postgres();
        async move { db.inspect().await }
    });
    assert!(matches!(look.await.expect("no panic"), Err(DatabaseError::Unreachable(why)) if why.contains("55P03")));
    execute(&mut nosy, "commit; begin; lock table sluice.schema_migrations in share mode").await;
    let mut running = db.start(&set(&[TABLE, ALTER]), "Latest").await;
    running.until("it is retried", |progress| progress.lock_retries > 1).await;
    execute(&mut nosy, "commit").await;
    running.report().await.result.expect("the run succeeds");
}
