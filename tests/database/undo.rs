//! Undo copies: what a script takes away is copied before, and its way down brings it back.

use std::time::Duration;

use sluice::database::{Database as _, RunReport, UndoLimits, UndoState};
use sluice::plan::{Target, make};

use crate::support::{Database, database, execute, set};

/// A table with what makes copies difficult: odd names and types, nulls, identity, a generated column.
const PEOPLE: (&str, &str) = (
    "V001__people.sql",
    r#"create type mood as enum ('good', 'bad'); create domain grade as int check (value between 1 and 6);
       create table "Odd ""People"""(
         "the id" bigint generated always as identity primary key, name text not null, "no""te" jsonb, how mood, hows mood[],
         at timestamptz default now(), price numeric(12, 4), raw bytea, tags text[], mark grade, twice numeric generated always as (price * 2) stored);
       insert into "Odd ""People"""(name, "no""te", how, hows, at, price, raw, tags, mark)
         select 'person ' || n, case when n % 3 > 0 then jsonb_build_object('n', n, 'x', E'a"''\\b') end, (array['good', 'bad', null])[n % 3 + 1]::mood,
           array['good', 'bad']::mood[], '2020-01-01'::timestamptz + n * interval '1 h', n / 7.0, decode(md5(n::text), 'hex'),
           case when n % 2 = 0 then array['a', null, 'b,"c'] end, n % 6 + 1
         from generate_series(1, 50) n;"#,
);

/// All of it as one text.
const ALL: &str = r#"select md5(string_agg(t::text, '|' order by "the id")) from "Odd ""People""" t"#;

const COPIES: &str = "select count(*)::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'sluice_undo' and c.relkind = 'r'";

/// A way down that waits until somebody opens the gate.
const WAITS: &str = "alter table t add v text; do $$ begin while not exists (select from gate) loop perform pg_sleep(0.02); end loop; end $$;";

/// A database whose runs copy what they destroy.
async fn copying() -> Database {
    let mut db = database().await;
    let limits = UndoLimits { max_rows: 10_000, max_bytes: 8 << 20, keep: Duration::from_secs(3600) };
    db.settings.undo = Some(limits);
    db
}

fn told(report: &RunReport) -> Vec<String> {
    report.done.iter().flat_map(|step| step.undo.clone()).collect()
}

impl Database {
    /// Up with a script, down again; what was told on the way down.
    async fn there_and_back(&self, base: (&str, &str), up: &str, down: &str) -> Vec<String> {
        self.up(&[base]).await;
        let files = [base, ("V002__x.sql", up), ("U002__x.sql", down)];
        let report = self.up(&files).await;
        assert_eq!(told(&report), [""; 0], "everything was copied");
        self.back(&files).await
    }

    async fn back(&self, files: &[(&str, &str)]) -> Vec<String> {
        let report = self.run(&set(files), "001").await;
        report.result.as_ref().expect("the way down");
        told(&report)
    }
}

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
async fn what_is_over_the_limit_is_noted_and_runs_all_the_same() {
    let mut db = copying().await;
    let base = (
        "V001__x.sql",
        "create table big(id int primary key, v text); insert into big select n, 'x' from generate_series(1, 200) n; create table fresh(id int);
         insert into fresh select generate_series(1, 200); alter table fresh set (autovacuum_enabled = off);",
    );
    db.up(&[base]).await;
    db.execute("analyze big").await;
    db.settings.undo = Some(UndoLimits { max_rows: 100, max_bytes: 1 << 20, keep: Duration::from_secs(3600) });
    let files = [
        base,
        ("V002__x.sql", "alter table big drop v;\ndrop table fresh;"),
        ("U002__x.sql", "alter table big add v text; create table fresh(id int);"),
    ];
    let report = db.up(&files).await;
    let told = told(&report);
    assert_eq!(
        told[0],
        "column public.big.v: not copied, about 200 rows are more than spec.execution.undo.maxRows (100) (V002__x.sql:1)"
    );
    assert!(told[1].starts_with("table public.fresh: not copied, more than 100 rows"), "{told:?}");
    assert_eq!(
        db.value("select count(*)::text from sluice.migration_undo where copy is null and note is not null").await,
        "2"
    );
    assert_eq!(db.value(COPIES).await, "0");
    let told = db.back(&files).await;
    assert_eq!(told.len(), 2, "the way back says what it cannot bring back: {told:?}");
    assert!(told.iter().all(|told| told.contains("not restored, its rows were not copied: ")), "{told:?}");
    let ledger = db.ledger().await;
    let back = ledger.runs.first().and_then(sluice::plan::RunSummary::brought_back).unwrap_or_default();
    assert!(back.starts_with("not restored: column public.big.v (its rows were not copied: about 200 rows"), "{back}");
}

#[tokio::test]
async fn a_second_try_after_a_lock_timeout_leaves_one_copy() {
    let db = copying().await;
    db.up(&[PEOPLE]).await;
    let mut reader = db.connect().await;
    execute(&mut reader, r#"begin; select 1 from "Odd ""People""""#).await;
    let files =
        [PEOPLE, ("V002__x.sql", r#"update "Odd ""People""" set name = 'x'; alter table "Odd ""People""" drop name;"#)];
    let mut running = db.start(&set(&files), "Latest").await;
    running.until("a lock is refused", |progress| progress.lock_retries > 1).await;
    execute(&mut reader, "commit").await;
    let report = running.report().await;
    assert!(report.lock_retries > 1, "{report:?}");
    report.result.expect("it succeeds");
    assert_eq!(db.value(COPIES).await, "3", "the rows before and after the update, and the column");
    assert_eq!(db.value("select count(*)::text from sluice.migration_undo").await, "2");
}

#[tokio::test]
async fn nothing_is_left_of_a_copy_when_the_script_fails() {
    let db = copying().await;
    db.up(&[PEOPLE]).await;
    let files = [PEOPLE, ("V002__x.sql", r#"drop table "Odd ""People"""; select 1 / 0;"#)];
    let report = db.run(&set(&files), "Latest").await;
    assert!(report.result.is_err());
    assert_eq!(db.value(COPIES).await, "0");
    assert_eq!(db.value("select count(*)::text from sluice.migration_undo").await, "0");
    assert_eq!(db.value(r#"select count(*)::text from "Odd ""People""""#).await, "50");
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
        (copy.key.as_str(), copy.object.as_str(), copy.line, copy.rows, copy.state),
        ("2", "column public.t.v", 1, Some(2), UndoState::Kept)
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
async fn copies_expire_with_the_next_run_and_are_nobodys_data() {
    let db = copying().await;
    db.up(&[PEOPLE]).await;
    db.up(&[PEOPLE, ("V002__x.sql", r#"drop table "Odd ""People""";"#)]).await;
    assert_eq!(db.value(COPIES).await, "1");
    assert_eq!(db.value("select has_schema_privilege('public', 'sluice_undo', 'usage')::text").await, "false");
    db.execute("drop schema sluice cascade; drop schema public cascade; create schema public").await;
    assert_eq!(db.ledger().await.existing.total, 0, "a database with copies alone is empty");

    let db = copying().await;
    db.up(&[PEOPLE]).await;
    let files = [
        PEOPLE,
        ("V002__x.sql", r#"update "Odd ""People""" set name = 'x'; drop table "Odd ""People""";"#),
        ("V003__x.sql", "select 1;"),
    ];
    db.up(&files[..2]).await;
    db.execute("update sluice.migration_undo set expires_at = now() - interval '1 s'").await;
    db.up(&files).await;
    assert_eq!(db.value(COPIES).await, "0");
    assert!(db.postgres().undo_copies().await.expect("a list").iter().all(|copy| copy.state == UndoState::Dropped));
}

#[tokio::test]
async fn a_script_that_changes_its_role_and_path_gets_its_session_back() {
    let db = copying().await;
    let role = format!("{}_owner", db.name);
    db.execute(&format!("create role {role}; create schema shop authorization {role}; create table shop.t(id int primary key, v int); alter table shop.t owner to {role};
        insert into shop.t values (1, 1), (2, 2)")).await;
    let mut db = db;
    db.policy.adoption.allow_existing = true;
    let up = format!(
        "set local role {role}; set local search_path to shop; delete from t where id = 1; update t set v = 3; alter table t drop v;
         do $$ begin if current_user <> '{role}' or current_setting('search_path') <> 'shop' then raise exception 'no longer'; end if; end $$;"
    );
    let base = ("V001__x.sql", "select 1;");
    let files = [base, ("V002__x.sql", up.as_str()), ("U002__x.sql", "alter table shop.t add v int;")];
    db.up(&[base]).await;
    let report = db.up(&files).await;
    assert_eq!(told(&report), [""; 0]);
    assert_eq!(db.back(&files).await.len(), 3);
    assert_eq!(db.value("select string_agg(t::text, ' ' order by id) from shop.t t").await, "(1,1) (2,2)");
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
async fn a_plan_tells_what_it_would_copy_and_touches_nothing() {
    let db = copying().await;
    db.up(&[PEOPLE]).await;
    db.execute("analyze").await;
    let files = [
        PEOPLE,
        ("V002__x.sql", r#"alter table "Odd ""People""" drop "no""te";"#),
        (
            "V003__x.sql",
            r#"-- later
drop table "Odd ""People""";"#,
        ),
    ];
    let plan = make(&set(&files), &db.ledger().await, &Target::Latest, &db.policy).expect("a plan");
    let limits = UndoLimits { max_rows: 1000, max_bytes: 4096, keep: Duration::from_secs(60) };
    let estimates = db.postgres().undo_estimates(&plan.steps, &limits).await.expect("estimates");
    assert_eq!(estimates.len(), 2, "{estimates:?}");
    assert_eq!(
        (estimates[0].object.as_str(), estimates[0].rows, estimates[0].not_copied.as_deref()),
        ("column public.Odd \"People\".no\"te", Some(50), None)
    );
    assert!(estimates[0].bytes.is_some_and(|bytes| (1000..4096).contains(&bytes)), "{estimates:?}");
    assert_eq!((estimates[1].label.as_str(), estimates[1].line), ("003", 2));
    assert!(
        estimates[1].not_copied.as_deref().is_some_and(|why| why.contains("spec.execution.undo.maxBytes (4096)")),
        "{estimates:?}"
    );
    assert_eq!(db.value("select count(*)::text from pg_namespace where nspname = 'sluice_undo'").await, "0");
}

#[tokio::test]
async fn without_the_setting_nothing_is_copied() {
    let db = database().await;
    db.up(&[PEOPLE]).await;
    db.up(&[PEOPLE, ("V002__x.sql", r#"drop table "Odd ""People""";"#)]).await;
    assert_eq!(db.value("select count(*)::text from pg_namespace where nspname = 'sluice_undo'").await, "0");
}

#[tokio::test]
async fn a_role_that_may_not_make_copies_is_told_how_and_its_script_runs_all_the_same() {
    let mut db = copying().await;
    let role = format!("{}_plain", db.name);
    db.execute(&format!(
        "create role {role} login password 'x'; create schema sluice authorization {role}; create table t(id int primary key, v int);
         alter table t owner to {role}; insert into t values (1, 1)"
    ))
    .await;
    db.policy.adoption.allow_existing = true;
    (db.user, db.password) = (role.clone(), "x".to_owned());
    let base = ("V001__x.sql", "select 1;");
    db.up(&[base]).await;
    let report = db.up(&[base, ("V002__x.sql", "delete from t; alter table t drop v;")]).await;
    let told = told(&report);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(
        told[0].contains("not copied, 42501 insufficient_privilege")
            && told[0].contains("CREATE on the schema sluice_undo"),
        "{told:?}"
    );
    db.execute(&format!(
        "create schema sluice_undo; grant create, usage on schema sluice_undo to {role}; insert into t values (2)"
    ))
    .await;
    let report =
        db.up(&[base, ("V002__x.sql", "delete from t; alter table t drop v;"), ("V003__x.sql", "truncate t;")]).await;
    assert_eq!(report.done[0].undo, [""; 0]);
    assert_eq!(db.value(COPIES).await, "1");
}

#[tokio::test]
async fn what_holds_nothing_is_not_copied_and_what_a_way_down_takes_away_is() {
    let db = copying().await;
    let base =
        ("V001__x.sql", "create table t(id int primary key); insert into t values (1); create table empty(id int);");
    let files = [
        base,
        ("V002__x.sql", "drop table empty; alter table t add v int, add w int;"),
        ("U002__x.sql", "alter table t drop v, drop w; create table empty(id int);"),
    ];
    db.up(&[base]).await;
    db.up(&files).await;
    assert_eq!(db.value("select count(*)::text from pg_namespace where nspname = 'sluice_undo'").await, "0");
    db.execute("update t set v = 7").await;
    db.back(&files).await;
    let copies = db.postgres().undo_copies().await.expect("a list");
    let told: Vec<String> = copies.iter().map(|copy| format!("{} {}", copy.direction.as_str(), copy.object)).collect();
    assert_eq!(told, ["down column public.t.v"]);
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

#[tokio::test]
async fn a_role_under_forced_row_security_copies_nothing_in_silence() {
    let mut db = copying().await;
    let role = format!("{}_tenant", db.name);
    db.execute(&format!(
        "create role {role} login password 'x'; grant create on database {} to {role}; create schema sluice authorization {role};
         create table t(id int primary key, v text); insert into t values (1, 'a'), (2, 'b'); alter table t owner to {role};
         alter table t enable row level security; alter table t force row level security; create policy p on t using (id = 1)",
        db.name
    ))
    .await;
    db.policy.adoption.allow_existing = true;
    (db.user, db.password) = (role, "x".to_owned());
    let base = ("V001__x.sql", "select 1;");
    let files = [base, ("V002__x.sql", "alter table t drop v;"), ("U002__x.sql", "alter table t add v text;")];
    db.up(&[base]).await;
    let report = db.up(&files).await;
    assert_eq!(
        told(&report),
        ["column public.t.v: not copied, row-level security hides rows from this role (V002__x.sql:1)"]
    );
    let told = db.back(&files).await;
    assert!(told[0].contains("not restored, its rows were not copied: row-level security"), "{told:?}");
}
