//! Reading for checks: what comes back, and that nothing else happens.

use std::time::Duration;

use serde_json::{Value, json};
use sluice::database::{CountBy, Database as _, ReadError, Reader, Row};
use sqlx::Connection as _;

use crate::support::{Database, database};

const LONG: Duration = Duration::from_secs(60);

async fn reader(db: &Database) -> Box<dyn Reader> {
    db.postgres().reader().await.expect("a session")
}

async fn query(db: &Database, text: &str) -> Result<Vec<Row>, ReadError> {
    let mut reader = reader(db).await;
    let result = reader.query(text, LONG).await;
    // Whatever happened, the session goes on.
    reader.query("select 1", LONG).await.expect("the next query");
    reader.close().await;
    result
}

async fn first(db: &Database, text: &str) -> Value {
    query(db, text).await.expect("an answer").first().expect("a row").first.clone()
}

async fn refused(db: &Database, text: &str) -> String {
    match query(db, text).await {
        Err(ReadError::Refused(why)) => why,
        other => panic!("{text}: {other:?}"),
    }
}

#[tokio::test]
async fn smoke_numbers_come_back_as_numbers_and_columns_in_their_order() {
    let db = database().await;
    for (text, value) in [
        ("select 1", json!(1)),
        ("select 0.5::numeric", json!(0.5)),
        ("select 1.5e3::float8 -- a comment", json!(1500)),
        ("select count(*) from pg_class where false;", json!(0)),
        ("select null", Value::Null),
        ("select true;;", json!(true)),
        ("select 'text; not a statement' /* ; */", json!("text; not a statement")),
        ("select 2 as zebra, 1 as apple", json!(2)),
        ("select 3 as sluice_row", json!(3)),
        ("select count(*), count(*), 5 from (values (1), (2)) v", json!(2)),
        ("with few as (values (7)) select * from few", json!(7)),
        ("values (8)", json!(8)),
        ("(select 9) union all (select 9) limit 1", json!(9)),
        ("select 10 order by 1 limit 1", json!(10)),
        ("select '{\"depth\": [1, 2]}'::jsonb", json!({"depth": [1, 2]})),
    ] {
        assert_eq!(first(&db, text).await, value, "{text}");
    }
    let rows = query(&db, "select n, 'row ' || n as name from generate_series(1, 3) n order by n desc").await;
    let rows = rows.expect("an answer");
    assert_eq!(rows.iter().map(|row| row.first.clone()).collect::<Vec<_>>(), [json!(3), json!(2), json!(1)]);
    assert_eq!(Value::Object(rows[0].columns.clone()), json!({"n": 3, "name": "row 3"}));
    assert_eq!(query(&db, "select 1 where false").await, Ok(Vec::new()));
    assert_eq!(query(&db, "select").await, Ok(vec![Row::default()]));
}

#[tokio::test]
async fn no_query_writes_and_none_gets_out_of_its_transaction() {
    let db = database().await;
    db.execute(
        "create table t (id int); create sequence s;
        create function writes() returns int language plpgsql as $$ begin insert into t values (1); return 1; end $$;
        create function opens() returns int language plpgsql as $$ begin
            perform set_config('transaction_read_only', 'off', true); insert into t values (1); return 1; end $$;
        create function commits() returns int language plpgsql as $$ begin commit; return 1; end $$;",
    )
    .await;
    for (text, why) in [
        ("select 1; commit; drop table t", "several statements"),
        ("commit", "begin with SELECT"),
        ("set transaction read write", "begin with SELECT"),
        ("drop table t", "begin with SELECT"),
        ("with gone as (delete from t returning 1) select * from gone", "0A000"),
        ("select 1) x; drop table t; select * from (select 1", "not open"),
        ("select writes()", "25006 read_only_sql_transaction; it would write"),
        ("select nextval('s')", "25006"),
        ("select opens()", "25001"),
        ("select set_config('transaction_read_only', 'off', true), writes()", "25001"),
        ("select set_config('default_transaction_read_only', 'off', false), writes()", "25006"),
        ("select commits()", "2D000"),
        ("select * from t for update", "25006"),
        ("select 1 into u", "42601"),
    ] {
        let told = refused(&db, text).await;
        assert!(told.contains(why), "{text}: {told}");
    }
    assert_eq!(db.value("select count(*)::text from t").await, "0");
    assert_eq!(db.value("select is_called::text from s").await, "false");
}

/// Even where the server reads quotes otherwise than Sluice does, it takes one statement only.
#[tokio::test]
async fn a_server_that_reads_backslashes_as_escapes_opens_no_door() {
    let db = database().await;
    db.execute(&format!("create table t (id int); alter database {} set standard_conforming_strings = off", db.name))
        .await;
    let told = refused(&db, r"select '\' as a) x; drop table t; select (1) --'").await;
    assert!(told.contains("42601") || told.contains("not open") || told.contains("ends within"), "{told}");
    assert_eq!(db.value("select count(*)::text from t").await, "0");
}

#[tokio::test]
async fn an_error_names_place_and_code_and_nothing_that_the_server_says() {
    let db = database().await;
    db.execute("create table people (name text); insert into people values ('Alice')").await;
    for (text, why) in [
        ("select nme\nfrom people", "the query, line 1, column 8: 42703 undefined_column at `nme`"),
        ("-- who\nselect *\n  from poeple;", "the query, line 3, column 8: 42P01 undefined_table at `poeple`"),
        ("select name::int from people", "the query: 22P02 invalid_text_representation"),
        ("select 1 / (length(name) - 5) from people", "the query: 22012 division_by_zero"),
        ("select * from people where", "42601 syntax_error"),
    ] {
        let told = refused(&db, text).await;
        assert!(told.starts_with(why) || told.contains(why), "{text}: {told}");
        assert!(!told.contains("Alice") && !told.contains("does not exist"), "{told}");
    }
}

#[tokio::test]
async fn a_role_reads_what_it_may_and_the_refusal_names_the_cure() {
    let mut db = database().await;
    let role = format!("reads_{}", db.name);
    db.execute(&format!("create role {role} login password 'x'; create table secret (id int)")).await;
    (db.user, db.password) = (role, "x".to_owned());
    assert_eq!(first(&db, "select current_setting('application_name')").await, json!("sluice/check"));
    let told = refused(&db, "select * from secret").await;
    assert!(told.contains("42501") && told.contains("grant"), "{told}");
}

#[tokio::test]
async fn a_query_that_takes_too_long_or_waits_for_a_lock_is_given_up() {
    let db = database().await;
    db.execute("create table t (id int)").await;
    let mut reader = reader(&db).await;
    let error = reader.query("select pg_sleep(300)", Duration::from_millis(300)).await.expect_err("too long");
    assert!(error.to_string().contains("57014"), "{error}");
    let mut locker = db.connect().await;
    crate::support::execute(&mut locker, "begin; lock table t").await;
    let error = reader.query("select count(*) from t", LONG).await.expect_err("locked");
    assert!(error.to_string().contains("55P03 lock_not_available at `t`; somebody locks what it reads"), "{error}");
    reader.close().await;
}

#[tokio::test]
async fn what_is_too_much_is_refused_and_never_held() {
    let db = database().await;
    assert_eq!(query(&db, "select * from generate_series(1, 100)").await.expect("an answer").len(), 100);
    let told = refused(&db, "select * from generate_series(1, 1000000)").await;
    assert!(told.contains("more than 100 rows"), "{told}");
    let told = refused(&db, "select repeat('x', 100 * 1024 * 1024)").await;
    assert!(told.contains("more than 64 KiB"), "{told}");
    let told = refused(&db, "select 10::numeric ^ 400").await;
    assert!(told.contains("out of range"), "{told}");
}

#[tokio::test]
async fn a_reading_session_is_gone_when_it_is_closed_and_reads_from_what_must_not_be_migrated() {
    let db = database().await;
    db.execute(&format!("alter database {} set default_transaction_read_only = on", db.name)).await;
    let mut reader = reader(&db).await;
    reader.query("select 1", LONG).await.expect("reading is allowed");
    let sessions = "select count(*)::text from pg_stat_activity where application_name = 'sluice/check' and datname = current_database()";
    assert_eq!(db.value(sessions).await, "1");
    reader.close().await;
    crate::support::eventually(&db, sessions, "0").await;
}

#[tokio::test]
async fn a_lost_server_is_told_from_a_wrong_query() {
    let db = database().await;
    let mut reader = reader(&db).await;
    let error = reader.query("select pg_terminate_backend(pg_backend_pid())", LONG).await.expect_err("no session");
    assert!(matches!(error, ReadError::Unavailable(_)), "{error:?}");
    reader.close().await;
}

#[tokio::test]
async fn how_long_a_query_takes_is_the_median_of_its_runs() {
    let db = database().await;
    db.execute("create table runs (n int); create table big as select n from generate_series(1, 1000) n").await;
    let mut reader = reader(&db).await;
    let quick = reader.time("select * from big order by n;", 5, LONG).await.expect("a time");
    assert!(quick.runs == 5 && !quick.cut_short && quick.median < Duration::from_secs(1), "{quick:?}");
    let slow = reader.time("select pg_sleep(0.2)", 3, LONG).await.expect("a time");
    assert!(slow.runs == 3 && slow.median >= Duration::from_millis(200), "{slow:?}");
    let endless = reader.time("select pg_sleep(600)", 5, Duration::from_millis(500)).await.expect("a time");
    assert!(endless.cut_short && endless.runs == 1 && endless.median >= Duration::from_millis(500), "{endless:?}");
    let some = reader.time("select pg_sleep(0.2)", 50, Duration::from_millis(700)).await.expect("a time");
    assert!(some.cut_short && some.median >= Duration::from_millis(90) && some.runs <= 4, "{some:?}");
    let error = reader.time("select * from nowhere", 5, LONG).await.expect_err("no table");
    assert_eq!(error.to_string(), "the query, line 1, column 15: 42P01 undefined_table at `nowhere`");
    let error = reader.time("insert into runs values (1)", 5, LONG).await.expect_err("not a query");
    assert!(error.to_string().contains("begin with SELECT"), "{error}");
    reader.close().await;
}

#[tokio::test]
async fn waiting_for_a_lock_is_part_of_how_long_a_query_takes() {
    let db = database().await;
    db.execute("create table t (id int)").await;
    let mut locker = db.connect().await;
    crate::support::execute(&mut locker, "begin; lock table t").await;
    let mut reader = reader(&db).await;
    let timing = reader.time("select * from t", 5, Duration::from_secs(3)).await.expect("a time");
    assert!(timing.cut_short && timing.median >= Duration::from_secs(3), "{timing:?}");
    locker.close().await.expect("a goodbye");
    reader.close().await;
}

#[tokio::test]
async fn all_tables_are_the_applications_own_and_neither_the_ledgers_nor_copies() {
    let db = database().await;
    db.up(&[("V001__a.sql", "create table a (id int); create schema other; create table other.b (id int);")]).await;
    db.execute("create schema sluice_undo; create table sluice_undo.copy (id int)").await;
    for by in [CountBy::Reading, CountBy::Statistics] {
        let mut reader = reader(&db).await;
        let counted = reader.row_counts(&[], by).await.expect("counts");
        reader.close().await;
        assert_eq!(counted.keys().collect::<Vec<_>>(), ["other.b", "public.a"], "{by:?}");
    }
}
