//! Undo copies: what is copied before a script takes it away, and what is not.

use std::time::Duration;

use sluice::database::{Database as _, RunReport, UndoLimits, UndoState};
use sluice::plan::{Target, make};

use crate::support::{Database, database, execute, set};

/// A table with what makes copies difficult: odd names and types, nulls, identity, a generated column.
pub const PEOPLE: (&str, &str) = (
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

/// How many tables of copies there are.
pub const COPIES: &str = "select count(*)::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'sluice_undo' and c.relkind = 'r'";

/// A database whose runs copy what they destroy.
pub async fn copying() -> Database {
    let mut db = database().await;
    let limits =
        UndoLimits { max_rows: 10_000, max_bytes: 8 << 20, keep: Duration::from_secs(3600), ..UndoLimits::default() };
    db.settings.undo = Some(limits);
    db
}

/// What a run told of copies.
pub fn told(report: &RunReport) -> Vec<String> {
    report.done.iter().flat_map(|step| step.undo.clone()).collect()
}

impl Database {
    /// Up with a script, down again; what was told on the way down.
    pub async fn there_and_back(&self, base: (&str, &str), up: &str, down: &str) -> Vec<String> {
        self.up(&[base]).await;
        let files = [base, ("V002__x.sql", up), ("U002__x.sql", down)];
        let report = self.up(&files).await;
        assert_eq!(told(&report), [""; 0], "everything was copied");
        self.back(&files).await
    }

    /// Back to version 1.
    pub async fn back(&self, files: &[(&str, &str)]) -> Vec<String> {
        let report = self.run(&set(files), "001").await;
        report.result.as_ref().expect("the way down");
        told(&report)
    }
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
    db.settings.undo = Some(UndoLimits {
        max_rows: 100,
        max_bytes: 1 << 20,
        keep: Duration::from_secs(3600),
        ..UndoLimits::default()
    });
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
    let limits = UndoLimits { max_rows: 1000, max_bytes: 4096, keep: Duration::from_secs(60), ..UndoLimits::default() };
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

/// In one transaction, and with each statement in one of its own.
#[tokio::test]
async fn all_copies_of_a_run_together_stay_below_their_limit_and_what_is_over_it_is_told_before() {
    const OVER: &str = "more than what other copies of the run leave of spec.execution.undo.maxTotalBytes (350000)";
    for header in ["", "-- sluice:no-transaction\n"] {
        let mut db = copying().await;
        let table = |name: &str, rows: u32| {
            format!(
                "create table {name}(id int primary key, v text not null);
                 insert into {name} select n, repeat('x', 100) from generate_series(1, {rows}) n;"
            )
        };
        // A copy of the large ones takes some 155000 bytes.
        let base = [table("a", 1000), table("b", 1000), table("c", 1000), table("d", 5), table("e", 1000)].concat();
        let base = ("V001__base.sql", base.as_str());
        db.up(&[base]).await;
        db.execute("analyze").await;
        let limits = UndoLimits { max_total_bytes: 350_000, ..UndoLimits::default() };
        db.settings.undo = Some(limits);
        let up = format!("{header}truncate a;\ndelete from b;\ntruncate c;\ntruncate d;");
        // Of rows that change there are two, as they were and as they became.
        let later = format!("{header}truncate a;\nupdate e set v = v || '.';\ntruncate c;");
        let files = [base, ("V002__x.sql", up.as_str()), ("V003__x.sql", later.as_str())];
        let plan = make(&set(&files[..2]), &db.ledger().await, &Target::Latest, &db.policy).expect("a plan");
        let estimates = db.postgres().undo_estimates(&plan.steps, &limits).await.expect("estimates");
        let kept: Vec<bool> = estimates.iter().map(|one| one.not_copied.is_none()).collect();
        assert_eq!(kept, [true, true, false, true], "{estimates:?}");
        assert!(estimates[2].to_string().contains(OVER), "{estimates:?}");
        let first = told(&db.up(&files[..2]).await);
        assert!(first.len() == 1 && first[0].starts_with("rows of public.c: not copied, "), "{first:?}");
        assert!(first[0].contains(OVER), "{first:?}");
        // The next run has room of its own.
        db.execute("insert into a select id, v from e; insert into c select id, v from e").await;
        let second = told(&db.up(&files).await);
        assert!(second.len() == 1 && second[0].starts_with("rows of public.e: not copied, "), "{second:?}");
        assert!(second[0].contains(OVER), "{second:?}");
        let runs = "select string_agg(copied, '; ' order by ordinal) from (
            select r.ordinal, string_agg(u.object || ' ' || u.rows, ', ' order by u.id) as copied
            from sluice.migration_undo u join sluice.migration_runs r on r.id = u.run_id where u.copy is not null group by r.ordinal
            having sum(u.bytes) <= 350000) s";
        assert_eq!(
            db.value(runs).await,
            "rows of public.a 1000, rows of public.b 1000, rows of public.d 5; rows of public.a 1000, rows of public.c 1000"
        );
    }
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
