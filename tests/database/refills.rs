//! Undo copies: what a way down, or a person, brings back from them.

use sluice::database::{Database as _, UndoState};

use crate::copies::{COPIES, PEOPLE, copying, told};
use crate::support::{execute, set};

/// All of it as one text.
const ALL: &str = r#"select md5(string_agg(t::text, '|' order by "the id")) from "Odd ""People""" t"#;

/// A way down that waits until somebody opens the gate.
const WAITS: &str = "alter table t add v text; do $$ begin while not exists (select from gate) loop perform pg_sleep(0.02); end loop; end $$;";

#[tokio::test]
async fn dropped_columns_come_back_exactly_whatever_their_types_and_names() {
    let db = copying().await;
    db.up(&[PEOPLE]).await;
    let before = db.value(ALL).await;
    let files = [
        PEOPLE,
        (
            "V002__drop.sql",
            r#"alter table "Odd ""People""" drop column twice, drop column "no""te", drop column how, drop column hows, drop column if exists nowhere;
               drop type mood; alter table "Odd ""People""" drop at, drop price, drop raw, drop column tags, drop column mark; drop domain grade;"#,
        ),
        (
            "U002__drop.sql",
            r#"create type mood as enum ('good', 'bad'); create domain grade as int check (value between 1 and 6);
               alter table "Odd ""People""" add "no""te" jsonb, add how mood, add hows mood[], add at timestamptz default now(), add price numeric(12, 4),
                 add raw bytea, add tags text[], add mark grade, add twice numeric generated always as (price * 2) stored;"#,
        ),
    ];
    let report = db.up(&files).await;
    assert_eq!(told(&report), [""; 0]);
    assert_eq!(db.value(COPIES).await, "8");
    let told = db.back(&files).await;
    assert_eq!(told.len(), 8, "{told:?}");
    assert!(
        told.contains(&"column public.Odd \"People\".no\"te: 50 rows restored from the copy".to_owned()),
        "{told:?}"
    );
    assert_eq!(db.value(ALL).await, before);
    let restored =
        "select count(*)::text from sluice.migration_undo where restored_at is not null and restored_rows = 50";
    assert_eq!(db.value(restored).await, "8");
    // Forward once more: the copies of the first time are not those of the second.
    db.execute(r#"update "Odd ""People""" set price = 1"#).await;
    db.up(&files).await;
    db.back(&files).await;
    assert_eq!(db.value(r#"select string_agg(distinct price::text, ' ') from "Odd ""People""""#).await, "1.0000");
}

#[tokio::test]
async fn a_dropped_table_comes_back_with_its_rows_and_goes_on_counting_where_it_was() {
    let db = copying().await;
    db.up(&[PEOPLE]).await;
    let before = db.value(ALL).await;
    let (_, create) = PEOPLE;
    let table = &create[create.find("create table").expect("it")..create.find("insert into").expect("it")];
    let files = [PEOPLE, ("V002__x.sql", r#"drop table if exists "Odd ""People""" cascade;"#), ("U002__x.sql", table)];
    db.up(&files).await;
    assert_eq!(db.back(&files).await, ["table public.Odd \"People\": 50 rows restored from the copy"]);
    assert_eq!(db.value(ALL).await, before);
    db.execute(r#"insert into "Odd ""People"""(name) values ('next')"#).await;
    assert_eq!(db.value(r#"select max("the id")::text from "Odd ""People""""#).await, "51");
}

#[tokio::test]
async fn tables_that_refer_to_each_other_come_back_in_whatever_order_they_were_dropped() {
    let db = copying().await;
    let base = (
        "V001__x.sql",
        "create table a(id int primary key); create table b(id int primary key, a int references a, b int references b);
         insert into a values (1), (2); insert into b values (1, 1, null), (2, 2, 1);",
    );
    let create = "create table a(id int primary key); create table b(id int primary key, a int references a, b int references b);";
    let told = db.there_and_back(base, "drop table a, b;", create).await;
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(db.value("select string_agg(x::text, ' ' order by id) from b x").await, "(1,1,) (2,2,1)");
}

#[tokio::test]
async fn what_was_deleted_or_truncated_comes_back_and_what_was_written_since_stays() {
    let db = copying().await;
    let base = (
        "V001__x.sql",
        "create table t(id int primary key, n int); insert into t select n, n from generate_series(1, 20) n;
         create table u(id int); insert into u values (1), (1), (2), (null);
         create table p(id int primary key); create table c(id int primary key, p int references p on delete cascade);
         insert into p values (1), (2); insert into c values (1, 1), (2, 2), (3, 2);",
    );
    db.up(&[base]).await;
    let files = [
        base,
        ("V002__x.sql", "delete from t x where x.n > 15; truncate u; delete from p where id = 2;"),
        ("U002__x.sql", "select 1;"),
    ];
    db.up(&files).await;
    db.execute("insert into t values (16, 160), (30, 30); insert into u values (7)").await;
    let mut told = db.back(&files).await;
    told.sort();
    assert_eq!(
        told,
        [
            "rows of public.c: 2 rows restored from the copy",
            "rows of public.p: 1 row restored from the copy",
            "rows of public.t: 4 rows restored from the copy, 1 left as they are",
            "rows of public.u: 4 rows restored from the copy",
        ]
    );
    assert_eq!(db.value("select count(*) || ' ' || sum(n) from t").await, "21 384");
    assert_eq!(db.value("select string_agg(coalesce(id::text, '-'), ' ' order by id) from u").await, "1 1 2 7 -");
    assert_eq!(db.value("select count(*)::text from c").await, "3");
}

#[tokio::test]
async fn changed_rows_are_set_back_unless_somebody_changed_them_since() {
    let db = copying().await;
    let base = (
        "V001__x.sql",
        "create table t(id int generated always as identity primary key, state text, n int); insert into t(state, n) select 'old', n from generate_series(1, 10) n;
         create table seed(id int primary key, v text); insert into seed values (1, 'one'), (2, 'two');
         create table bare(v int); insert into bare values (1), (2);",
    );
    db.up(&[base]).await;
    let files = [
        base,
        (
            "V002__x.sql",
            "update t set state = 'new' where n > 5;
             insert into seed values (1, 'uno'), (2, 'two'), (3, 'tres') on conflict (id) do update set v = excluded.v;
             update bare set v = 3 where v = 2;",
        ),
        ("U002__x.sql", "select 1;"),
    ];
    let report = db.up(&files).await;
    assert_eq!(
        told(&report),
        [
            "rows of public.bare: copied, but without a key its rows cannot be told apart: only a person can restore them"
        ]
    );
    assert_eq!(
        db.value("select string_agg(object || ' ' || rows, ', ' order by id) from sluice.migration_undo").await,
        "rows of public.t 5, rows of public.seed 1, rows of public.bare 1"
    );
    db.execute("update t set n = 70 where id = 7; delete from t where id = 8").await;
    let told = db.back(&files).await;
    assert!(
        told.contains(&"rows of public.t: 3 rows restored from the copy, 2 left as they are".to_owned()),
        "{told:?}"
    );
    assert_eq!(db.value("select string_agg(state, ' ' order by id) from t where n > 4").await, "old old new old old");
    assert_eq!(db.value("select string_agg(v, ' ' order by id) from seed").await, "one two tres");
}

#[tokio::test]
async fn a_narrower_type_comes_back_as_it_was_and_a_wider_one_is_not_copied() {
    let db = copying().await;
    let base = (
        "V001__x.sql",
        "create table t(price numeric(10, 4), note text, n int); insert into t values (1.2345, 'long text', 1), (1.2345, 'long text', 1), (null, null, null);",
    );
    let told = db
        .there_and_back(
            base,
            "alter table t alter price type numeric(10, 1), alter note type varchar(4) using left(note, 4), alter n type bigint;",
            "alter table t alter price type numeric(10, 4), alter note type text, alter n type int;",
        )
        .await;
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(
        db.value("select string_agg(t::text, ' ' order by note) from t").await,
        "(1.2345,\"long text\",1) (1.2345,\"long text\",1) (,,)"
    );
}

#[tokio::test]
async fn a_person_restores_what_no_way_down_brought_back_and_only_once() {
    let db = copying().await;
    let base = (
        "V001__x.sql",
        "create table t(id int primary key, v text); insert into t values (1, 'a'), (2, null); create table gone(id int); insert into gone values (1);",
    );
    db.up(&[base]).await;
    db.up(&[base, ("V002__x.sql", "alter table t drop v; drop table gone;")]).await;
    let postgres = db.postgres();
    let copies = postgres.undo_copies().await.expect("a list");
    assert_eq!(copies.len(), 2);
    let copy = &copies[1];
    assert_eq!(
        (copy.label.as_str(), copy.object.as_str(), copy.line, copy.rows, copy.state),
        ("002", "column public.t.v", 1, Some(2), UndoState::Kept)
    );
    let error = postgres.undo_restore(copy.id).await.expect_err("there is no such column");
    assert!(error.to_string().contains("42703 undefined_column"), "{error}");
    let error = postgres.undo_restore(copies[0].id).await.expect_err("there is no such table");
    assert!(error.to_string().contains("there is no such table now"), "{error}");
    db.execute("alter table t add v text").await;
    let restored = postgres.undo_restore(copy.id).await.expect("it fits again");
    assert_eq!((restored.rows, restored.left), (2, 0));
    assert_eq!(db.value("select string_agg(coalesce(v, '-'), ' ' order by id) from t").await, "a -");
    let error = postgres.undo_restore(copy.id).await.expect_err("once");
    assert!(error.to_string().contains("that was done already"), "{error}");
    assert!(postgres.undo_restore(99).await.expect_err("no such").to_string().contains("no undo copy 99"));
    assert_eq!(postgres.undo_copies().await.expect("a list")[1].state, UndoState::Restored);
}

#[tokio::test]
async fn a_copy_that_somebody_changed_is_not_used_and_one_that_does_not_fit_fails_nothing() {
    let db = copying().await;
    let base =
        ("V001__x.sql", "create table t(id int primary key, v text, w text); insert into t values (1, 'a', 'b');");
    let files = [
        base,
        ("V002__x.sql", "alter table t drop v, drop w;"),
        ("U002__x.sql", "alter table t add v text, add w int;"),
    ];
    db.up(&[base]).await;
    db.up(&files).await;
    let copy = db.value("select copy from sluice.migration_undo where column_name = 'v'").await;
    db.execute(&format!("update sluice_undo.\"{copy}\" set v = 'forged'")).await;
    let told = db.back(&files).await;
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(
        told.iter().any(|told| told.starts_with("column public.t.v: not restored, the copy sluice_undo.2_")
            && told.contains("was changed since it was made")),
        "{told:?}"
    );
    assert!(
        told.iter().any(|told| told.starts_with("column public.t.w: not restored, 42804 datatype_mismatch")),
        "{told:?}"
    );
    assert_eq!(db.value("select t::text from t").await, "(1,,)");
    assert_eq!(db.status().await, "1 completed, 2 rolled_back");
}

#[tokio::test]
async fn triggers_do_not_notice_that_rows_come_back_and_fire_again_afterwards() {
    let db = copying().await;
    let base = (
        "V001__x.sql",
        "create table t(id int primary key, v text, touched int default 0); insert into t values (1, 'a'), (2, 'b');
         create function touch() returns trigger language plpgsql as $$ begin new.touched := new.touched + 1; return new; end $$;
         create trigger touch before update on t for each row execute function touch();",
    );
    db.there_and_back(base, "alter table t drop v;", "alter table t add v text;").await;
    assert_eq!(db.value("select string_agg(id || v || touched, ' ' order by id) from t").await, "1a0 2b0");
    db.execute("update t set v = 'c' where id = 1").await;
    assert_eq!(db.value("select touched::text from t where id = 1").await, "1");
}

#[tokio::test]
async fn partitions_and_rows_without_a_key_come_back_as_a_whole() {
    let db = copying().await;
    let base = (
        "V001__x.sql",
        "create table m(at date, v int) partition by range (at); create table m1 partition of m for values from ('2020-01-01') to ('2021-01-01');
         create table m2 partition of m for values from ('2021-01-01') to ('2022-01-01');
         insert into m values ('2020-02-01', 1), ('2020-02-01', 1), ('2021-02-01', null), ('2021-02-01', 2);",
    );
    let told = db
        .there_and_back(
            base,
            "alter table m drop v; drop table m;",
            "create table m(at date) partition by range (at); create table m1 partition of m for values from ('2020-01-01') to ('2021-01-01');
             create table m2 partition of m for values from ('2021-01-01') to ('2022-01-01'); alter table m add v int;",
        )
        .await;
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(db.value("select string_agg(v::text, ' ' order by v) from m").await, "1 1 2");
    assert_eq!(db.value("select count(*)::text from m2").await, "2");
}

#[tokio::test]
async fn expired_copies_are_told_on_the_way_back_and_fail_nothing() {
    let db = copying().await;
    let base = ("V001__x.sql", "create table t(id int primary key, v text); insert into t values (1, 'a');");
    let files = [base, ("V002__x.sql", "alter table t drop v;"), ("U002__x.sql", "alter table t add v text;")];
    db.up(&[base]).await;
    db.up(&files).await;
    db.execute("update sluice.migration_undo set expires_at = now() - interval '1 s'").await;
    assert_eq!(db.back(&files).await, ["column public.t.v: not restored, the copy expired and was dropped"]);
    assert_eq!(db.status().await, "1 completed, 2 rolled_back");
}

#[tokio::test]
async fn a_refill_waits_for_the_applications_locks_as_any_statement_does() {
    let db = copying().await;
    let base = (
        "V001__x.sql",
        "create table t(id int primary key, v text); insert into t select n, 'v' || n from generate_series(1, 5) n;",
    );
    let files = [base, ("V002__x.sql", "delete from t where id > 3;"), ("U002__x.sql", "select 1;")];
    db.up(&[base]).await;
    db.up(&files).await;
    let mut application = db.connect().await;
    execute(&mut application, "begin; lock table t in share mode").await;
    let mut running = db.start(&set(&files), "001").await;
    running.until("a lock is refused", |progress| progress.lock_retries > 1).await;
    assert_eq!(db.value("select count(*)::text from t").await, "3");
    execute(&mut application, "commit").await;
    let report = running.report().await;
    report.result.as_ref().expect("it succeeds");
    assert_eq!(told(&report), ["rows of public.t: 2 rows restored from the copy"]);
    assert_eq!(db.value("select count(*)::text from t").await, "5");
}

#[tokio::test]
async fn a_session_that_dies_in_a_way_down_leaves_nothing_of_it_and_the_next_one_refills() {
    let db = copying().await;
    let base = (
        "V001__x.sql",
        "create table gate(id int); create table t(id int primary key, v text not null); insert into t select n, 'v' || n from generate_series(1, 5) n;",
    );
    let files = [base, ("V002__x.sql", "alter table t drop v;"), ("U002__x.sql", WAITS)];
    db.up(&[base]).await;
    db.up(&files).await;
    let mut running = db.start(&set(&files), "001").await;
    running.until("the first statement is done", |progress| progress.statements_done == 1).await;
    db.execute("select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'sluice/%' and datname = current_database()").await;
    db.execute("insert into gate values (1)").await;
    drop(running.report().await);
    if db.status().await != "1 completed, 2 rolled_back" {
        assert_eq!(db.value("select count(*)::text from information_schema.columns where table_name = 't'").await, "1");
        assert_eq!(db.back(&files).await, ["column public.t.v: 5 rows restored from the copy"]);
    }
    assert_eq!(db.value("select string_agg(v, ' ' order by id) from t").await, "v1 v2 v3 v4 v5");
}
