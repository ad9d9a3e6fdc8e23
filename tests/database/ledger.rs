//! What the ledger tells people, and what it refuses.

use sluice::database::{Conclusion, Database as _, DatabaseError, Purpose, Verify};
use sluice::plan::{Judgement, Refusal};

use crate::support::{database, set, version};

const A: (&str, &str) = ("V001__a.sql", "-- Author: Ada\ncreate table a(id int);");
const B: (&str, &str) = ("V002__b.sql", "create table b(id int);");

#[tokio::test]
async fn smoke_the_views_answer_what_is_applied_what_failed_and_who_did_it() {
    let db = database().await;
    db.up(&[A]).await;
    assert!(db.run(&set(&[A, ("V002__b.sql", "select * from nowhere;")]), "Latest").await.result.is_err());
    let status =
        "select string_agg(version || ' ' || health || ' ' || note, '; ' order by key) from sluice.v_migration_status";
    assert_eq!(
        db.value(status).await,
        "001 OK applied; 002 CRITICAL V002__b.sql:1:15: statement 1 of 002: 42P01 undefined_table at `nowhere`; nothing of it \
         is in effect"
    );
    assert_eq!(
        db.value("select applied_by from sluice.v_migration_status where version = '001'").await,
        format!("shop/orders (sluice-0) as {}", db.user)
    );
    let summary = "select concat_ws(' ', current_version, completed, failed, runs, last_run_outcome) from sluice.migration_summary";
    assert_eq!(db.value(summary).await, "001 1 1 2 failed");
    assert_eq!(db.value("select count(*)::text from sluice.v_migration_performance where slowest = 1").await, "1");
    assert_eq!(db.value("select author from sluice.schema_migrations where key = '1'").await, "Ada");
}

#[tokio::test]
async fn a_failure_that_a_later_success_went_past_is_a_warning() {
    let db = database().await;
    let broken = ("V002__b.sql", "select * from nowhere;");
    db.up(&[A]).await;
    assert!(db.run(&set(&[A, broken]), "Latest").await.result.is_err());
    let health = "select string_agg(version || ' ' || health, ' ' order by key) from sluice.v_migration_status";
    assert_eq!(db.value(health).await, "001 OK 002 CRITICAL");
    // The target is lowered below it, and something else succeeds.
    let other = ("R__v.sql", "create or replace view v as select 1 as x;");
    db.up(&[A, other]).await;
    assert_eq!(db.value(health).await, "001 OK 002 WARNING");
}

#[tokio::test]
async fn a_verdict_stays_until_a_person_asks_for_another_try_or_ends_it() {
    let db = database().await;
    let mut request = db.request(&set(&[A]), "Latest").await.expect("a plan");
    request.purpose = Purpose::ApplyAndVerify(Verify { spec: serde_json::json!({}), baseline: serde_json::json!({}) });
    let run = request.identity.id;
    db.start_at(request, db.postgres()).report().await.result.expect("the run succeeds");
    let conclude = async |judgement: Judgement, retry_token: Option<&str>| {
        let conclusion = Conclusion {
            run,
            judgement,
            retry_token: retry_token.map(str::to_owned),
            message: String::new(),
            evidence: serde_json::json!({}),
        };
        db.postgres().conclude(&conclusion).await.expect("it is recorded");
        db.value("select verdict from sluice.migration_verifications").await
    };
    assert_eq!(conclude(Judgement::Passed, None).await, "passed");
    // Somebody who was frozen while the next one measured wakes up.
    assert_eq!(conclude(Judgement::Failed, None).await, "passed");
    assert_eq!(conclude(Judgement::Inconclusive, Some("1")).await, "inconclusive");
    assert_eq!(conclude(Judgement::Aborted, Some("1")).await, "aborted");
}

#[tokio::test]
async fn the_audit_is_append_only_and_shows_when_somebody_changed_it_all_the_same() {
    let db = database().await;
    db.up(&[A]).await;
    db.up(&[A, B]).await;
    let mut connection = db.connect().await;
    for forbidden in [
        "update sluice.migration_runs set object = 'nobody'",
        "delete from sluice.migration_runs",
        "truncate sluice.migration_runs cascade",
    ] {
        let error = sqlx::raw_sql(sqlx::AssertSqlSafe(forbidden)).execute(&mut connection).await.expect_err(forbidden);
        assert!(error.to_string().contains("append-only"), "{error}");
    }
    let intact = "select string_agg(intact::text, ' ' order by chain) from sluice.v_migration_audit";
    assert_eq!(db.value(intact).await, "true true");
    db.execute(
        "alter table sluice.migration_runs disable trigger guard_rows;
        update sluice.migration_runs set object = 'nobody' where chain = 1",
    )
    .await;
    assert_eq!(db.value(intact).await, "false true");
}

#[tokio::test]
async fn a_ledger_of_a_newer_sluice_is_refused() {
    let db = database().await;
    db.up(&[A]).await;
    db.execute("insert into sluice.ledger_version values (99, now(), 'sluice 9.9')").await;
    let error = db.postgres().inspect().await.expect_err("a refusal");
    assert!(matches!(&error, DatabaseError::Ledger(why) if why.contains("version 99")), "{error:?}");
}

#[tokio::test]
async fn a_database_with_tables_and_no_ledger_is_refused_with_the_list() {
    let mut db = database().await;
    db.execute(
        "create table users(id serial); create view active as select 1; create type mood as enum ('x');
        create function f() returns int language sql return 1; create extension hstore;
        create table parent(id int) partition by range (id); create table child partition of parent default;",
    )
    .await;
    let ledger = db.ledger().await;
    assert_eq!(
        ledger.existing.sample,
        ["table public.parent", "table public.users", "view public.active", "function public.f", "type public.mood"]
    );
    let refusal = db.request(&set(&[A]), "Latest").await.expect_err("a refusal");
    assert!(matches!(refusal, Refusal::NotEmpty { total: 5, .. }), "{refusal}");
    db.policy.adoption.allow_existing = true;
    db.up(&[A]).await;
    // The next team is not let in by that: the tables are still nobody's work.
    let mut other = database().await;
    (other.name, other.ledger) = (db.name.clone(), "other".to_owned());
    let refusal = other.request(&set(&[B]), "Latest").await.expect_err("a refusal");
    assert!(matches!(refusal, Refusal::NotEmpty { .. }), "{refusal}");
}

#[tokio::test]
async fn a_baseline_is_recorded_without_running_anything() {
    let mut db = database().await;
    db.execute("create table a(id int)").await;
    db.policy.adoption.baseline = Some(version("001"));
    let report = db.up(&[A, B]).await;
    assert_eq!(report.done.len(), 2);
    let rows = "select string_agg(key || ' ' || baseline, ', ' order by key) from sluice.schema_migrations";
    assert_eq!(db.value(rows).await, "1 true, 2 false");
}

#[tokio::test]
async fn a_repeatable_runs_again_when_its_content_changes_and_only_then() {
    let db = database().await;
    let one = ("R__v.sql", "create or replace view v as select 1 as x; insert into log values ('one');");
    let two = ("R__v.sql", "create or replace view v as select 2 as x; insert into log values ('two');");
    let log = ("V001__log.sql", "create table log(entry text);");
    db.up(&[log, one]).await;
    assert!(db.up(&[log, one]).await.done.is_empty());
    let report = db.up(&[log, two]).await;
    assert_eq!(report.done[0].label, "R__v");
    assert_eq!(db.value("select string_agg(entry, ' ') from log").await, "one two");
    // A broken one leaves the last good content in effect, and says so.
    assert!(db.run(&set(&[log, ("R__v.sql", "select * from nowhere;")]), "Latest").await.result.is_err());
    assert_eq!(
        db.value(
            "select status || ' ' || (failed_at is not null) from sluice.schema_migrations where repeatable = 'v'"
        )
        .await,
        "completed true"
    );
    assert_eq!(db.value("select health from sluice.v_migration_status where repeatable = 'v'").await, "WARNING");
}

#[tokio::test]
async fn an_odd_name_of_a_ledger_is_quoted_everywhere() {
    let mut db = database().await;
    db.ledger = "Team \"B\"; drop table x; --'\\".to_owned();
    db.up(&[A, B, ("U002__b.sql", "drop table b;"), ("V003__i.sql", "create index concurrently i on a(id);")]).await;
    assert_eq!(db.ledger().await.entries.len(), 3);
    assert!(db.ledger().await.installed);
}

#[tokio::test]
async fn an_empty_plan_leaves_the_ledger_as_it_is() {
    let db = database().await;
    db.up(&[A]).await;
    let rows = "select string_agg(xmin::text, ' ') from (select xmin from sluice.schema_migrations union all
        select xmin from sluice.migration_runs) rows";
    let before = db.value(rows).await;
    assert!(db.up(&[A]).await.done.is_empty());
    assert_eq!(db.value(rows).await, before);
    assert_eq!(db.value("select count(*)::text from sluice.migration_locks").await, "0");
}

#[tokio::test]
async fn a_look_works_where_nothing_can_be_written() {
    let db = database().await;
    db.up(&[A]).await;
    db.execute(&format!("alter database {} set default_transaction_read_only = on", db.name)).await;
    assert_eq!(db.ledger().await.entries.len(), 1);
}
