//! Undo copies of scripts without a transaction: each statement commits with its copy and its row in the journal, also where
//! the connection breaks or the process dies.

use std::time::Duration;

use futures::StreamExt as _;
use sluice::database::{Database as _, RunReport, UndoLimits};
use sluice::plan::{Target, make};

use crate::proxy::{Fault, Proxy};
use crate::support::{Database, UNTIL_OPEN, database, set};

const BASE: (&str, &str) = (
    "V001__t.sql",
    "create table gate(id int); create table t(id int primary key, v text not null);
     insert into t select n, 'v' || n from generate_series(1, 5) n; create index i on t(v);",
);
const UP: &str = "drop index concurrently i;\ndelete from t where id > 3;\nalter table t drop column v;";
const DOWN: &str = "-- sluice:no-transaction\nalter table t add column v text;\nupdate t set v = 'a guess';\n\
    alter table t alter v set not null;\ncreate index concurrently i on t(v);";
const FILES: [(&str, &str); 3] = [BASE, ("V002__x.sql", UP), ("U002__x.sql", DOWN)];

const ROWS: &str = "select string_agg(id || v, ' ' order by id) from t";
const ALL_ROWS: &str = "1v1 2v2 3v3 4v4 5v5";

async fn copying() -> Database {
    let mut db = database().await;
    db.settings.undo = Some(UndoLimits { max_rows: 1000, max_bytes: 1 << 20, keep: Duration::from_secs(3600) });
    db
}

fn told(report: &RunReport) -> Vec<String> {
    report.done.iter().flat_map(|step| step.undo.clone()).collect()
}

/// What the ledger has about copies, each with whether its table is there.
async fn copies(db: &Database) -> String {
    db.value(
        "select string_agg(concat_ws(' ', object, rows, note, case when superseded_at is not null then 'superseded' end,
            case when copy is not null and to_regclass(format('sluice_undo.%I', copy)) is null then 'missing' end), ', ' order by id)
            from sluice.migration_undo where direction = 'up'",
    )
    .await
}

const COPIES: &str = "rows of public.t 2, column public.t.v 3";

#[tokio::test]
async fn a_broken_connection_leaves_one_copy_of_each_statement_and_puts_it_back_once() {
    // The statements as they are sent, and as the message quotes them that records them and commits.
    let up = ["delete from t where id > 3\0", "'delete from t where id > 3'", "alter table t drop column v\0"];
    let down = [
        "alter table t add column v text\0",
        "'alter table t add column v text'",
        "update t set v = 'a guess'\0",
        "'update t set v = ''a guess'''",
        "set status = 'rolled_back'",
    ];
    let faults = [Fault::Before, Fault::AfterReply, Fault::During];
    let cases = faults.into_iter().flat_map(|fault| {
        let up = up.iter().map(move |needle| broken(needle, "Latest", fault));
        let down = down.iter().map(move |needle| broken(needle, "001", fault));
        up.map(futures::FutureExt::boxed).chain(down.map(futures::FutureExt::boxed))
    });
    futures::stream::iter(cases).buffer_unordered(6).collect::<()>().await;
}

async fn broken(needle: &str, target: &str, fault: Fault) {
    let db = copying().await;
    db.up(&FILES[..1]).await;
    if target == "001" {
        db.up(&FILES).await;
    }
    let proxy = Proxy::start(&db.server).await;
    proxy.on(needle, fault);
    let request = db.request(&set(&FILES), target).await.expect("a plan");
    let report = db.start_at(request, db.postgres_at("127.0.0.1", proxy.port)).report().await;
    let what = format!("{fault:?} at {needle:?}: {report:?}");
    assert!(proxy.fired() && report.result.is_ok(), "{what}");
    assert_eq!(copies(&db).await, COPIES, "{what}");
    if target != "001" {
        db.run(&set(&FILES), "001").await.result.expect("the way back");
    }
    assert_eq!(db.value(ROWS).await, ALL_ROWS, "{what}");
    let restored = "select string_agg(object || ' ' || restored_rows || ' ' || left_rows, ', ' order by id)
        from sluice.migration_undo where direction = 'up'";
    assert_eq!(db.value(restored).await, "rows of public.t 2 0, column public.t.v 3 0", "{what}");
}

#[tokio::test]
async fn a_process_that_dies_keeps_the_copies_of_what_it_committed_and_the_next_goes_on() {
    let db = copying().await;
    db.up(&[BASE]).await;
    let up =
        format!("-- sluice:no-transaction\ndelete from t where id > 3;\n{UNTIL_OPEN}\nalter table t drop column v;");
    let files = [BASE, ("V002__x.sql", up.as_str()), ("U002__x.sql", "alter table t add column v text;")];
    let mut running = db.start(&set(&files), "Latest").await;
    running.until("the first statement is done", |progress| progress.statements_done == 1).await;
    running.task.abort();
    db.execute("insert into gate values (1)").await;
    db.up(&files).await;
    assert_eq!(copies(&db).await, COPIES);
    let mut told = told(&db.run(&set(&files), "001").await);
    told.sort();
    assert_eq!(
        told,
        ["column public.t.v: 3 rows restored from the copy", "rows of public.t: 2 rows restored from the copy"]
    );
    assert_eq!(db.value(ROWS).await, ALL_ROWS);
    // Forward once more: the copies of the first time are not those of the second.
    db.up(&files).await;
    let twice = format!("rows of public.t 2 superseded, column public.t.v 3 superseded, {COPIES}");
    assert_eq!(copies(&db).await, twice);
}

#[tokio::test]
async fn a_way_down_that_was_interrupted_refills_what_it_brought_back_and_leaves_what_others_wrote_since() {
    let db = copying().await;
    db.up(&[BASE]).await;
    let down = format!(
        "-- sluice:no-transaction\nalter table t add column v text;\n{UNTIL_OPEN}\n\
         update t set v = 'a guess' where v is null or id = 1;\ncreate index concurrently i on t(v);"
    );
    let files = [BASE, ("V002__x.sql", UP), ("U002__x.sql", down.as_str())];
    db.up(&files).await;
    let mut running = db.start(&set(&files), "001").await;
    running.until("the column is there again", |progress| progress.statements_done == 1).await;
    assert_eq!(db.value(ROWS).await, "1v1 2v2 3v3", "with its values from the first moment");
    running.task.abort();
    db.execute("update t set v = 'written since' where id = 2; insert into gate values (1)").await;
    db.run(&set(&files), "001").await.result.expect("the way back");
    assert_eq!(db.value(ROWS).await, "1v1 2written since 3v3 4v4 5v5");
    assert_eq!(db.status().await, "1 completed, 2 rolled_back");
}

#[tokio::test]
async fn what_may_commit_by_itself_is_told_and_what_the_script_made_itself_is_not_copied() {
    let db = copying().await;
    let base = (
        BASE.0,
        &*format!(
            "{} create procedure p() language plpgsql as $$ begin delete from t where id = 1; commit; end $$;",
            BASE.1
        ),
    );
    db.up(&[base]).await;
    let up = "-- sluice:no-transaction\ncreate table scratch as select * from t;\nupdate scratch set v = 'x';\ndrop table scratch;\n\
        call p();\ndo $$ begin delete from t where id = 2; commit; end $$;\nbegin;\ndelete from t where id = 3;\nrollback;\n\
        begin;\ndelete from t where id = 5;\ncommit;";
    let files = [base, ("V002__x.sql", up), ("U002__x.sql", "select 1;")];
    let plan = make(&set(&files), &db.ledger().await, &Target::Latest, &db.policy).expect("a plan");
    let limits = db.settings.undo.expect("limits");
    let estimates = db.postgres().undo_estimates(&plan.steps, &limits).await.expect("estimates");
    let lost = estimates.iter().filter(|estimate| estimate.not_copied.is_some()).map(ToString::to_string);
    let because = "without an undo copy: it runs outside of any transaction that a copy could be part of";
    assert_eq!(
        lost.collect::<Vec<_>>(),
        [
            format!("002 line 5 takes away whatever CALL does {because}"),
            format!("002 line 6 takes away rows of public.t {because}")
        ]
    );
    let report = db.up(&files).await;
    assert_eq!(
        told(&report),
        [
            "whatever CALL does: not copied, it runs outside of any transaction that a copy could be part of (V002__x.sql:5)",
            "whatever DO does: not copied, it runs outside of any transaction that a copy could be part of (V002__x.sql:6)"
        ]
    );
    assert_eq!(
        db.value("select string_agg(object || ' ' || rows, ', ') from sluice.migration_undo where copy is not null")
            .await,
        "rows of public.t 1"
    );
    db.run(&set(&files), "001").await.result.expect("the way back");
    assert_eq!(db.value(ROWS).await, "3v3 4v4 5v5");
}

#[tokio::test]
async fn a_role_and_a_path_that_the_script_sets_stay_its_own_between_its_statements() {
    let mut db = copying().await;
    let role = format!("{}_owner", db.name);
    db.execute(&format!(
        "create role {role}; create schema shop authorization {role}; create table shop.t(id int primary key, v text);
         alter table shop.t owner to {role}; insert into shop.t values (1, 'a'), (2, 'b'), (3, 'c')"
    ))
    .await;
    db.policy.adoption.allow_existing = true;
    let same = format!(
        "do $$ begin if current_user <> '{role}' or current_setting('search_path') <> 'shop' then raise exception 'no longer'; end if; end $$;"
    );
    let up = format!(
        "-- sluice:no-transaction\nset role {role};\nset search_path = shop;\ndelete from t where id = 1;\n{same}\n\
         update t set v = 'x' where id = 2;\n{same}\nalter table t drop column v;\n{same}"
    );
    let down = format!(
        "-- sluice:no-transaction\nset role {role};\nset search_path = shop;\nalter table t add column v text;\n{same}"
    );
    let base = ("V001__x.sql", "select 1;");
    let files = [base, ("V002__x.sql", up.as_str()), ("U002__x.sql", down.as_str())];
    db.up(&[base]).await;
    assert_eq!(told(&db.up(&files).await), [""; 0]);
    assert_eq!(told(&db.run(&set(&files), "001").await).len(), 3);
    assert_eq!(db.value("select string_agg(t::text, ' ' order by id) from shop.t t").await, "(1,a) (2,b) (3,c)");
}
