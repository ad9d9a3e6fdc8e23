//! Scripts that cannot run in one transaction: interrupted, mended, resumed.

use sluice::database::{DatabaseError, FailureClass, Stage, StopSignal, progress, run};
use sluice::plan::{Outcome, Refusal};

use crate::proxy::{Fault, Proxy};
use crate::support::{Database, database, eventually, execute, set};

const TABLE: (&str, &str) = (
    "V001__t.sql",
    "create table t(id int primary key, a int);\ninsert into t select i, i % 7 from generate_series(1, 1000) i;",
);

async fn valid(db: &Database, index: &str) -> String {
    db.value(&format!("select indisvalid::text from pg_index where indexrelid = to_regclass('{index}')")).await
}

#[tokio::test]
async fn smoke_an_index_is_built_concurrently() {
    let db = database().await;
    db.up(&[TABLE, ("V002__i.sql", "create index concurrently i on t(a);\ninsert into t values (0, 0);")]).await;
    assert_eq!(valid(&db, "i").await, "true");
    assert_eq!(db.status().await, "1 completed, 2 completed");
    let journal = "select string_agg(statement || ' ' || state, ', ' order by statement) from sluice.migration_steps";
    assert_eq!(db.value(journal).await, "1 done, 2 done");
}

#[tokio::test]
async fn a_failing_script_goes_on_at_the_failed_statement_after_the_fix() {
    let db = database().await;
    let broken = "-- sluice:no-transaction\ninsert into t values (0, 0);\ninsert into t select * from nowhere;\ninsert into t values (-1, 0);";
    let report = db.run(&set(&[TABLE, ("V002__x.sql", broken)]), "Latest").await;
    let Err(DatabaseError::Step(failure)) = report.result else { panic!("{:?}", report.result) };
    assert_eq!((failure.statement, failure.line), (Some(2), Some(3)));
    assert!(failure.message.contains("statement 1 is in effect and stays"), "{}", failure.message);
    assert_eq!(db.status().await, "1 completed, 2 failed");
    // The executed statement is what it was: only the rest runs.
    db.up(&[TABLE, ("V002__x.sql", &broken.replace("nowhere", "(select -2, 0) s"))]).await;
    assert_eq!(db.value("select count(*)::text from t where id <= 0").await, "3");
    assert_eq!(db.status().await, "1 completed, 2 completed");
}

#[tokio::test]
async fn editing_an_executed_statement_is_refused() {
    let db = database().await;
    let broken = "-- sluice:no-transaction\ninsert into t values (0, 0);\ninsert into t select * from nowhere;";
    let report = db.run(&set(&[TABLE, ("V002__x.sql", broken)]), "Latest").await;
    assert!(report.result.is_err());
    let edited = broken.replace("(0, 0)", "(0, 1)");
    let refusal = db.request(&set(&[TABLE, ("V002__x.sql", &edited)]), "Latest").await.expect_err("a refusal");
    assert!(matches!(refusal, Refusal::EditedAfterExecution { statement: 1, .. }), "{refusal}");
}

#[tokio::test]
async fn a_script_made_transactional_by_the_fix_still_goes_on_where_it_stopped() {
    let db = database().await;
    let broken = "insert into t values (0, 0);\ncreate unique index concurrently u on t(a);";
    assert!(db.run(&set(&[TABLE, ("V002__x.sql", broken)]), "Latest").await.result.is_err());
    db.up(&[TABLE, ("V002__x.sql", "insert into t values (0, 0);\ncreate index u on t(a);")]).await;
    assert_eq!(db.value("select count(*)::text from t where id = 0").await, "1");
    assert_eq!(valid(&db, "u").await, "true");
}

#[tokio::test]
async fn an_index_that_cannot_be_unique_leaves_nothing_behind() {
    let db = database().await;
    let files = [TABLE, ("V002__u.sql", "create unique index concurrently u on t(a);")];
    let report = db.run(&set(&files), "Latest").await;
    let Err(DatabaseError::Step(failure)) = report.result else { panic!("{:?}", report.result) };
    assert_eq!((failure.sqlstate.as_deref(), failure.class), (Some("23505"), FailureClass::Terminal));
    assert!(failure.message.contains("constraint u"), "{}", failure.message);
    assert!(!failure.message.contains("(a)="), "{}", failure.message);
    assert_eq!(valid(&db, "u").await, "(none)");
    db.execute("delete from t where id > 7").await;
    db.up(&files).await;
    assert_eq!(valid(&db, "u").await, "true");
}

#[tokio::test]
async fn an_invalid_index_of_that_name_is_never_taken_for_the_real_one() {
    for clause in ["", "if not exists "] {
        let db = database().await;
        db.up(&[TABLE]).await;
        let mut connection = db.connect().await;
        let failed = sqlx::raw_sql("create unique index concurrently u on t(a)").execute(&mut connection).await;
        assert!(failed.is_err() && valid(&db, "u").await == "false");
        execute(&mut connection, "delete from t where id > 7").await;
        let script = format!("create unique index concurrently {clause}u on t(a);");
        db.up(&[TABLE, ("V002__u.sql", &script)]).await;
        assert_eq!(valid(&db, "u").await, "true", "{clause}");
    }
}

#[tokio::test]
async fn a_name_that_belongs_to_another_table_is_not_taken_for_the_index() {
    let db = database().await;
    db.up(&[TABLE]).await;
    db.execute("create table other(a int); create index i on other(a)").await;
    let files = [TABLE, ("V002__i.sql", "create index concurrently if not exists i on t(a);")];
    let report = db.run(&set(&files), "Latest").await;
    let Err(DatabaseError::Step(failure)) = report.result else { panic!("{:?}", report.result) };
    assert_eq!(failure.class, FailureClass::NeedsOperator);
    assert!(failure.message.contains("not an index of that table"), "{}", failure.message);
}

/// The process dies while the index is being built: the server cancels the build and leaves an INVALID index.
#[tokio::test]
async fn a_process_killed_while_an_index_is_built_leaves_no_trace_after_the_next_run() {
    for script in [
        "create index concurrently i on t(a);",
        "create index concurrently if not exists i on t(a);",
        "create index concurrently on t(a);",
    ] {
        let db = database().await;
        db.up(&[TABLE]).await;
        let files = [TABLE, ("V002__i.sql", script)];
        let mut writer = db.connect().await;
        execute(&mut writer, "begin; update t set a = a where id = 1").await;
        let mut running = db.start(&set(&files), "Latest").await;
        // The builder waits for the writer, and that is seen.
        let seen = running.until("a blocker", |progress| !progress.blockers.is_empty()).await;
        assert_eq!(seen.blockers[0].application, "test");
        running.task.abort();
        execute(&mut writer, "commit").await;
        let report = db.up(&files).await;
        assert_eq!(report.done.len(), 1);
        let indexes = "select string_agg(relname || ' ' || indisvalid, ', ' order by relname)
            from pg_index join pg_class on oid = indexrelid where indrelid = 't'::regclass";
        let built = db.value(indexes).await;
        assert!(built == "i true, t_pkey true" || built == "t_a_idx true, t_pkey true", "{built}");
        assert_eq!(
            db.value("select string_agg(outcome, ', ' order by ordinal) from sluice.migration_runs").await,
            "succeeded, interrupted, succeeded"
        );
    }
}

/// The connection breaks, but the server does not notice and finishes the build.
#[tokio::test]
async fn an_orphaned_session_that_finishes_the_index_is_waited_for_and_believed() {
    let db = database().await;
    db.up(&[TABLE]).await;
    let proxy = Proxy::start(&db.server).await;
    // With its end of message: the journal's own copy of the statement goes by first.
    proxy.on("create index concurrently i on t(a)\0", Fault::Strand);
    let request = db.request(&set(&[TABLE, ("V002__i.sql", "create index concurrently i on t(a);")]), "Latest").await;
    let mut running = db.start_at(request.expect("a plan"), db.postgres_at("127.0.0.1", proxy.port));
    running.until("resolving", |progress| progress.stage == Stage::Resolving).await;
    running.until("the orphan is named", |progress| !progress.blockers.is_empty()).await;
    proxy.release();
    let report = running.report().await;
    report.result.expect("the run succeeds");
    assert_eq!(valid(&db, "i").await, "true");
    assert_eq!(db.status().await, "1 completed, 2 completed");
    // Nobody built it a second time: the statement was found done.
    let rows = "select state || ' ' || (rows_affected is null)::text from sluice.migration_steps where key = '2'";
    assert_eq!(db.value(rows).await, "done true");
}

#[tokio::test]
async fn a_connection_that_breaks_while_an_index_is_built_ends_in_one_valid_index() {
    let db = database().await;
    db.up(&[TABLE]).await;
    let proxy = Proxy::start(&db.server).await;
    let mut writer = db.connect().await;
    execute(&mut writer, "begin; update t set a = a where id = 1").await;
    let request = db.request(&set(&[TABLE, ("V002__i.sql", "create index concurrently i on t(a);")]), "Latest").await;
    let mut running = db.start_at(request.expect("a plan"), db.postgres_at("127.0.0.1", proxy.port));
    running.until("the builder waits", |progress| !progress.blockers.is_empty()).await;
    // The next thing sent on any connection is the look from the side; the building one is cut by the server itself.
    db.execute("select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'sluice/%' and query like 'create index%'").await;
    running.until("resolving", |progress| progress.stage == Stage::Resolving).await;
    execute(&mut writer, "commit").await;
    let report = running.report().await;
    report.result.expect("the run succeeds");
    assert_eq!(valid(&db, "i").await, "true");
    assert!(proxy.fired());
}

#[tokio::test]
async fn a_block_of_the_script_commits_as_one_with_its_journal() {
    let db = database().await;
    let script = "-- sluice:no-transaction\nbegin isolation level serializable;\ninsert into t values (0, 0);\n\
                  insert into t values (-1, 0);\ncommit;\nbegin;\ndelete from t;\nrollback;\nselect * from nowhere;";
    let report = db.run(&set(&[TABLE, ("V002__x.sql", script)]), "Latest").await;
    let Err(DatabaseError::Step(failure)) = report.result else { panic!("{:?}", report.result) };
    assert_eq!(failure.statement, Some(8));
    assert_eq!(db.value("select count(*)::text from t").await, "1002");
    db.up(&[TABLE, ("V002__x.sql", &script.replace("nowhere", "t"))]).await;
    assert_eq!(db.value("select count(*)::text from t").await, "1002");
}

#[tokio::test]
async fn a_failing_block_leaves_nothing_of_it() {
    let db = database().await;
    let script = "-- sluice:no-transaction\nbegin;\ninsert into t values (0, 0);\nselect 1/0;\ncommit;";
    let report = db.run(&set(&[TABLE, ("V002__x.sql", script)]), "Latest").await;
    let Err(DatabaseError::Step(failure)) = report.result else { panic!("{:?}", report.result) };
    assert_eq!((failure.statement, failure.line), (Some(3), Some(4)));
    assert_eq!(db.value("select count(*)::text from t where id = 0").await, "0");
    db.up(&[TABLE, ("V002__x.sql", &script.replace("1/0", "1"))]).await;
    assert_eq!(db.value("select count(*)::text from t where id = 0").await, "1");
}

#[tokio::test]
async fn settings_of_a_script_hold_until_its_end_also_after_a_resume_and_not_longer() {
    let db = database().await;
    let script = "-- sluice:no-transaction\ncreate schema app;\nset search_path = app;\ncreate table inner_one(id int);\n\
                  create index concurrently i on inner_one(id);\nselect * from nowhere;\ncreate table inner_two(id int);";
    assert!(db.run(&set(&[("V001__x.sql", script)]), "Latest").await.result.is_err());
    let mended = script.replace("nowhere", "inner_one");
    db.up(&[("V001__x.sql", &mended), ("V002__y.sql", "create table outer_one(id int);")]).await;
    let tables = "select string_agg(schemaname || '.' || tablename, ', ' order by tablename) from pg_tables
        where schemaname in ('app', 'public')";
    assert_eq!(db.value(tables).await, "app.inner_one, app.inner_two, public.outer_one");
}

/// A procedure that commits a row and does not come to its end.
const COMMITS_AND_GOES_ON: (&str, &str) = (
    "V001__p.sql",
    "create table t(id int);\ncreate procedure p() language plpgsql as $$ begin\n\
    insert into t values (1); commit; perform pg_sleep(60); end $$;",
);
const CALLS_IT: (&str, &str) = ("V002__call.sql", "-- sluice:no-transaction\ncall p();");

/// Nobody can tell what a procedure committed before the connection broke: a person decides, and is told how.
#[tokio::test]
async fn a_procedure_whose_outcome_is_not_known_needs_a_person_who_is_told_what_to_do() {
    let db = database().await;
    db.up(&[COMMITS_AND_GOES_ON]).await;
    let files = [COMMITS_AND_GOES_ON, CALLS_IT];
    let running = db.start(&set(&files), "Latest").await;
    eventually(&db, "select count(*)::text from t", "1").await;
    running.task.abort();
    let report = db.run(&set(&files), "Latest").await;
    let Err(DatabaseError::Step(failure)) = report.result else { panic!("{:?}", report.result) };
    assert_eq!(failure.class, FailureClass::NeedsOperator);
    assert_eq!(db.ledger().await.runs[0].outcome, Some(Outcome::NeedsOperator));
    let (_, cure) = failure.message.split_once("if it took effect: ").expect("a cure");
    let (cure, _) = cure.split_once("; if it did not").expect("a cure");
    db.execute(cure).await;
    db.up(&files).await;
    assert_eq!(db.value("select count(*)::text from t").await, "1");
}

#[tokio::test]
async fn a_way_down_without_a_transaction_is_journaled_as_well() {
    let db = database().await;
    let files = [
        TABLE,
        ("V002__i.sql", "create index concurrently i on t(a);"),
        ("U002__i.sql", "drop index concurrently i;\ninsert into t select * from nowhere;"),
    ];
    db.up(&files).await;
    let report = db.run(&set(&files), "001").await;
    assert!(matches!(report.result, Err(DatabaseError::Step(_))), "{:?}", report.result);
    assert_eq!(valid(&db, "i").await, "(none)");
    let ledger = db.ledger().await;
    assert!(ledger.entries[1].reverting && ledger.entries[1].in_effect());
    db.execute("create table nowhere(id int, a int)").await;
    db.run(&set(&files), "001").await.result.expect("the way down ends");
    assert_eq!(db.status().await, "1 completed, 2 rolled_back");
    db.up(&files).await;
    assert_eq!(valid(&db, "i").await, "true");
}

#[tokio::test]
async fn a_gentle_stop_ends_between_two_statements_and_the_next_run_goes_on() {
    let db = database().await;
    let files = [
        TABLE,
        (
            "V002__x.sql",
            "-- sluice:no-transaction\ninsert into t values (0, 0);\nselect pg_sleep(2);\ninsert into t values (-1, 0);",
        ),
    ];
    let request = db.request(&set(&files), "Latest").await.expect("a plan");
    let (sender, mut receiver) = progress();
    let stop = StopSignal::default();
    let (signal, target) = (stop.clone(), db.postgres());
    let task = tokio::spawn(async move { run(&target, &request, &sender, &signal).await });
    receiver.wait_for(|progress| progress.statements_done == 3).await.expect("progress");
    stop.gently.cancel();
    let report = task.await.expect("no panic");
    assert!(matches!(report.result, Err(DatabaseError::Stopped(_))), "{:?}", report.result);
    db.up(&files).await;
    assert_eq!(db.value("select count(*)::text from t where id <= 0").await, "2");
}

#[tokio::test]
async fn a_script_that_is_stopped_while_it_waits_for_locks_says_what_of_it_is_in_effect() {
    let blocks = [
        (
            "-- sluice:no-transaction\ninsert into t values (0, 0);\nalter table t add column b int;",
            "statement 1 is in effect and stays",
        ),
        (
            "-- sluice:no-transaction\ninsert into t values (0, 0);\ninsert into t values (-1, 0);\nbegin;\n\
             alter table t add column b int;\ncommit;",
            "statements 1 to 2 are in effect and stay",
        ),
        ("-- sluice:no-transaction\nalter table t add column b int;", "nothing of it is in effect"),
    ];
    for ((script, left), gently) in blocks.into_iter().flat_map(|block| [(block, true), (block, false)]) {
        let db = database().await;
        db.up(&[TABLE]).await;
        let files = [TABLE, ("V002__x.sql", script)];
        let mut reader = db.connect().await;
        execute(&mut reader, "begin; select * from t").await;
        let mut running = db.start(&set(&files), "Latest").await;
        running.until("it waits", |progress| progress.stage == Stage::RetryingLock).await;
        if gently {
            running.stop.gently.cancel()
        } else {
            running.stop.now.cancel()
        }
        let Err(DatabaseError::Stopped(told)) = running.report().await.result else {
            panic!("it was stopped: {script}")
        };
        assert!(told.contains(left), "{told}");
        execute(&mut reader, "commit").await;
        db.up(&files).await;
    }
}

/// What is said of its outcome is what the next run asks.
#[tokio::test]
async fn a_procedure_that_is_cut_short_says_that_what_it_committed_stays_and_what_to_do() {
    let db = database().await;
    db.up(&[COMMITS_AND_GOES_ON]).await;
    let running = db.start(&set(&[COMMITS_AND_GOES_ON, CALLS_IT]), "Latest").await;
    eventually(&db, "select count(*)::text from t", "1").await;
    running.stop.now.cancel();
    let Err(DatabaseError::Stopped(told)) = running.report().await.result else { panic!("it was stopped") };
    assert!(told.contains("what it committed before stays") && told.contains("if it took effect: UPDATE"), "{told}");
    assert!(!told.contains("nothing of it is in effect"), "{told}");
}
