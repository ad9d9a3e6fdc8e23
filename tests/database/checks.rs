//! Every check of the database, measured before and after something happened to it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;

use crate::probing::Probing;
use crate::support::{Database, database, execute};

async fn shop() -> Database {
    let db = database().await;
    db.execute(
        "create table customers (id int primary key, name text);
        create table orders (id int primary key, customer int);
        insert into customers select n, 'customer ' || n from generate_series(1, 100) n;
        insert into orders select n, n from generate_series(1, 50) n;",
    )
    .await;
    db
}

#[tokio::test]
async fn smoke_a_query_is_judged_by_its_value_its_rows_and_what_it_gave_before() {
    let db = shop().await;
    let sql = |query: &str, expect: &str| json!({"sql": {"query": query}, "expect": expect});
    let kept = Probing::of(&db, sql("select count(*) from orders", "value >= baseline")).await;
    assert_eq!(kept.told().await, "passed: value 50, baseline 50");
    db.execute("delete from orders where id > 40").await;
    assert_eq!(kept.told().await, "failed: value 40, baseline 50");

    let rows = Probing::of(&db, sql("select id, customer from orders where customer > 45;", "size(rows) == 0")).await;
    assert_eq!(rows.told().await, "passed: 0 rows");
    db.execute("update orders set customer = 46 where id <= 3").await;
    assert_eq!(rows.told().await, "failed: 3 rows");

    let columns = "select min(id) as low, max(id) as high, 'x' as text from orders";
    let row = Probing::of(&db, sql(columns, "row.low == 1 && row.high / 2 == 20 && row.text == 'x'")).await;
    assert_eq!(row.told().await, "passed: value 1, baseline 1");
}

#[tokio::test]
async fn a_query_that_gives_nothing_has_no_data_unless_the_expression_says_what_that_means() {
    let db = shop().await;
    let told = |query: &'static str, expect: &'static str| {
        let db = &db;
        async move { Probing::of(db, json!({"sql": {"query": query}, "expect": expect})).await.told().await }
    };
    assert_eq!(told("select id from orders where false", "value < 1").await, "no data");
    assert_eq!(told("select avg(id) from orders where false", "value < 1").await, "no data");
    assert_eq!(
        told("select avg(id) from orders where false", "value == null || value < 1").await,
        "passed: value none, baseline none"
    );
    assert_eq!(told("select id from orders where false", "rows.all(r, r.id > 0)").await, "passed: 0 rows");
    assert_eq!(
        told("select name from customers order by id limit 1", "value == 'customer 1'").await,
        "passed: baseline none"
    );
}

#[tokio::test]
async fn a_query_that_cannot_be_run_is_an_error_and_never_a_failure() {
    let db = shop().await;
    for (query, told) in [
        ("select nme from customers", "error: the query, line 1, column 8: 42703 undefined_column at `nme`"),
        ("select name::int from customers", "error: the query: 22P02 invalid_text_representation"),
        ("select 1; select 2", "error: the query has several statements; give one"),
        ("update orders set id = 1", "error: the query is none: begin with SELECT"),
    ] {
        let probing =
            Probing::without_baseline(&db, &BTreeMap::new(), json!({"sql": {"query": query}, "expect": "value == 0"}));
        let seen = probing.told().await;
        assert!(seen.starts_with(told) && !seen.contains("customer 1"), "{seen}");
    }
    let mut nowhere = shop().await;
    nowhere.server.port = 1;
    let probing = Probing::without_baseline(&nowhere, &BTreeMap::new(), json!({"builtin": "Connectivity"}));
    let seen = probing.told().await;
    assert!(seen.starts_with("error: 127.0.0.1:1 cannot be reached"), "{seen}");
}

#[tokio::test]
async fn smoke_rows_that_are_lost_are_counted_for_each_table() {
    let db = shop().await;
    let all = Probing::of(&db, json!({"rowCounts": {}})).await;
    let named = Probing::of(&db, json!({"rowCounts": {"tables": ["orders"]}})).await;
    assert_eq!(all.told().await, "passed: before 150, after 150, lost 0");
    // What another table gains is no consolation; what is new is no loss.
    db.execute("create table new (id int); insert into new select generate_series(1, 500); delete from customers where id > 90")
        .await;
    assert_eq!(all.told().await, "failed: before 150, after 640, lost 10 (public.customers)");
    assert_eq!(named.told().await, "passed: before 50, after 50, lost 0");
    db.execute("drop table orders").await;
    assert_eq!(all.told().await, "failed: before 150, after 590, lost 60 (public.customers, public.orders)");
    assert_eq!(named.told().await, "failed: before 50, after 0, lost 50 (orders)");
}

#[tokio::test]
async fn tables_are_named_as_in_sql_and_what_is_no_table_of_the_application_is_not_counted() {
    let db = database().await;
    db.up(&[("V001__a.sql", "create schema \"Odd\"; create table \"Odd\".\"My Table\" as select 1 as x;")]).await;
    db.execute(
        "create table orders as select generate_series(1, 50) as id; create table parts (id int) partition by range (id); create table part_1 partition of parts for values from (0) to (10);
        insert into parts values (1), (2); create view seen as select * from orders; create temporary table gone (id int);",
    )
    .await;
    let all = Probing::of(&db, json!({"rowCounts": {}, "expect": "true"})).await;
    let tables: Vec<String> =
        all.baseline.as_ref().and_then(|counts| counts.as_object()).expect("counts").keys().cloned().collect();
    assert_eq!(tables, ["\"Odd\".\"My Table\"", "public.orders", "public.parts"]);
    let names = ["\"Odd\".\"My Table\"", "ORDERS", "public.parts", "seen", "nowhere"];
    let named = Probing::of(&db, json!({"rowCounts": {"tables": names}})).await;
    assert_eq!(named.told().await, "passed: before 103, after 103, lost 0");
    let wrong = Probing::without_baseline(&db, &BTreeMap::new(), json!({"rowCounts": {"tables": ["a.b.c.d"]}}));
    assert_eq!(
        wrong.told().await,
        "error: the rows were not counted before the run, so there is nothing to compare with"
    );
    let error = wrong.baseline_error().await.expect("an error");
    assert!(error.contains("42601 syntax_error") || error.contains("42602 invalid_name"), "{error}");
}

#[tokio::test]
async fn rows_are_estimated_without_reading_them() {
    let db = shop().await;
    db.execute(
        "insert into orders select n, n from generate_series(51, 20000) n;
        create table parts (id int) partition by range (id); create table part_1 partition of parts for values from (0) to (100000);
        insert into parts select generate_series(1, 5000)",
    )
    .await;
    db.execute("vacuum analyze").await;
    let fields = json!({"rowCounts": {"tables": ["orders", "parts"], "method": "Estimated"}});
    let estimated = Probing::of(&db, fields).await;
    assert_eq!(estimated.told().await, "passed: before 25000, after 25000, lost 0");
    db.execute("delete from orders where id > 19500").await;
    db.execute("vacuum analyze orders").await;
    // Servers before 15 learn of what happened a little later.
    estimated.until("passed: before 25000, after 24500, lost 500 (orders)").await;
    db.execute("truncate orders; analyze orders").await;
    estimated.until("failed: before 25000, after 5000, lost 20000 (orders)").await;
}

/// The number in `failed: value 0.4, …`.
pub fn value(told: &str) -> f64 {
    let number = told.split_once("value ").and_then(|(_, rest)| rest.split([',', ' ']).next());
    number.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("no value in {told}"))
}

#[tokio::test]
async fn a_query_that_became_slower_is_noticed() {
    let db = shop().await;
    db.execute("create function pace() returns float8 language sql as 'select 0.05'").await;
    let fields = json!({"latency": {"query": "select pg_sleep(pace())", "samples": 3, "maxRegression": "100%"}});
    let latency = Probing::of(&db, fields).await;
    // A machine that is busier than it was for the baseline is slower, too.
    latency.until_like("as fast as before", |seen| seen.starts_with("passed: value 0.")).await;
    db.execute("create or replace function pace() returns float8 language sql as 'select 2'").await;
    let seen = latency.told().await;
    assert!(seen.starts_with("failed: value ") && value(&seen) >= 2.0, "{seen}");
    let absolute = json!({"latency": {"query": "select pg_sleep(pace())", "samples": 1, "max": "300ms"}});
    let seen = Probing::of(&db, absolute).await.told().await;
    assert!(seen.starts_with("failed: value ") && value(&seen) >= 2.0, "{seen}");
}

#[tokio::test]
async fn rows_without_their_partner_are_found_where_the_server_does_not_look() {
    let db = shop().await;
    let check = Probing::of(&db, json!({"builtin": "ForeignKeys"})).await;
    assert_eq!(check.told().await, "passed: value 0, baseline 0");
    db.execute("alter table orders add constraint to_customer foreign key (customer) references customers (id)").await;
    assert_eq!(check.told().await, "passed: value 0, baseline 0");
    db.execute(
        "alter table orders disable trigger all; insert into orders values (900, 900), (901, 901), (902, null);
        create table notes (a int, b int, foreign key (a, b) references pairs (x, y) not valid);"
            .replace("create table notes", "create table pairs (x int, y int, primary key (x, y)); insert into pairs values (1, 1); create table notes")
            .as_str(),
    )
    .await;
    assert_eq!(check.told().await, "failed: value 2, baseline 0 (to_customer on public.orders)");
    db.execute(
        "alter table notes disable trigger all; insert into notes values (1, 1), (1, 2), (null, 7);
        alter table notes enable trigger all;",
    )
    .await;
    let seen = check.told().await;
    assert_eq!(
        seen, "failed: value 2, baseline 0 (to_customer on public.orders)",
        "a key that is valid and enabled is the server's"
    );
    db.execute(
        "alter table notes drop constraint notes_a_b_fkey; alter table notes add constraint \"Pair's\" foreign key (a, b)
        references pairs (x, y) match full not valid",
    )
    .await;
    assert_eq!(
        check.told().await,
        "failed: value 4, baseline 0 (\"Pair's\" on public.notes, to_customer on public.orders)"
    );
}

#[tokio::test]
async fn objects_that_became_invalid_are_told_from_those_that_were() {
    let db = shop().await;
    db.execute(
        "alter table orders add constraint old foreign key (customer) references customers (id) not valid;
        alter table customers add constraint short check (length(name) < 99) not valid",
    )
    .await;
    let check = Probing::of(&db, json!({"builtin": "InvalidObjects"})).await;
    assert_eq!(check.told().await, "passed: value 0, baseline 2, total 2");
    db.execute("insert into orders values (99, 50)").await;
    let mut connection = db.connect().await;
    let duplicate = "create unique index concurrently orders_customer on orders (customer)";
    assert!(sqlx::raw_sql(sqlx::AssertSqlSafe(duplicate)).execute(&mut connection).await.is_err());
    db.execute("alter table orders add constraint positive check (id > 0) not valid; alter table orders validate constraint old")
        .await;
    assert_eq!(
        check.told().await,
        "failed: value 2, baseline 2, total 3 (constraint positive on public.orders, index public.orders_customer)"
    );
}

#[tokio::test]
async fn a_ledger_that_somebody_changed_is_noticed() {
    let db = database().await;
    let check = Probing::of(&db, json!({"builtin": "LedgerIntegrity"})).await;
    assert_eq!(check.told().await, "error: there is no ledger in the database");
    db.up(&[("V001__a.sql", "create table a (id int)")]).await;
    db.up(&[("V001__a.sql", "create table a (id int)"), ("V002__b.sql", "create table b (id int)")]).await;
    assert_eq!(check.told().await, "passed: value 0, changed 0, open 0");
    // The newest run may be open: it is the one whose work is being judged.
    let open = "insert into sluice.migration_runs (ordinal, id, object, object_uid, generation, instance, direction, plan_digest,
        set_digest, backend_pid, backend_start) select max(ordinal) + 1, gen_random_uuid(), 'x', 'x', 1, 'x', 'up', 'x', 'x', 1, now() from sluice.migration_runs";
    db.execute(open).await;
    assert_eq!(check.told().await, "passed: value 0, changed 0, open 0");
    db.execute(open).await;
    assert_eq!(check.told().await, "failed: value 1, changed 0, open 1");
    db.execute(
        "alter table sluice.migration_runs disable trigger guard_rows;
        update sluice.migration_runs set object = 'nobody' where chain = 1",
    )
    .await;
    assert_eq!(check.told().await, "failed: value 2, changed 1, open 1");
}

#[tokio::test]
async fn a_role_that_may_not_read_is_told_without_a_verdict() {
    let mut db = shop().await;
    let role = format!("blind_{}", db.name);
    db.execute(&format!("create role {role} login password 'x'")).await;
    (db.user, db.password) = (role, "x".to_owned());
    let all = Probing::of(&db, json!({"rowCounts": {}})).await;
    assert_eq!(all.told().await, "passed: before 0, after 0, lost 0", "it counts what it may read");
    let named = Probing::without_baseline(
        &db,
        &BTreeMap::new(),
        json!({"rowCounts": {"tables": ["orders"]}, "expect": "true"}),
    );
    let error = named.baseline_error().await.expect("an error");
    assert!(error.contains("42501 insufficient_privilege"), "{error}");
}

#[tokio::test]
async fn a_login_and_an_answer_are_timed() {
    let db = database().await;
    let check = Probing::of(&db, json!({"builtin": "Connectivity"})).await;
    let seen = check.told().await;
    assert!(seen.starts_with("passed: value "), "{seen}");
}

async fn timed(told: impl Future<Output = String>) -> (Duration, String) {
    let began = std::time::Instant::now();
    let told = told.await;
    (began.elapsed(), told)
}

#[tokio::test]
async fn the_share_of_rollbacks_is_that_since_the_measurement_before() {
    let db = database().await;
    let check = Probing::of(&db, json!({"builtin": "ServerErrors"})).await;
    let began = std::time::Instant::now();
    let first = check.told().await;
    assert!(first.starts_with("passed: value ") && began.elapsed() >= Duration::from_secs(5), "{first}");
    let mut connection = db.connect().await;
    for _ in 0..30 {
        execute(&mut connection, "begin; select 1; rollback").await;
    }
    sqlx::Connection::close(connection).await.expect("a goodbye");
    let counted = "select (xact_rollback >= 30)::text from pg_stat_database where datname = current_database()";
    crate::support::eventually(&db, counted, "true").await;
    let mut quickest = timed(check.told()).await;
    assert!(quickest.1.starts_with("failed: value 0.") && quickest.1.contains("rollbacks 30"), "{quickest:?}");
    // Only the first watches for a while; a machine that stands still does not do so each time.
    for _ in 0..4 {
        let next = timed(check.told()).await;
        assert!(next.1.starts_with("passed: value 0, transactions"), "{next:?}");
        quickest = quickest.min(next);
    }
    assert!(quickest.0 < Duration::from_secs(5), "{quickest:?}");
}

#[tokio::test]
async fn sessions_that_came_to_a_bad_end_are_told_apart() {
    let db = database().await;
    let expect = "killed == 2 && fatal == 0 && sessions >= 3";
    let check = Probing::of(&db, json!({"builtin": "ServerErrors", "expect": expect})).await;
    let first = check.told().await;
    assert!(first.starts_with("failed: value ") && first.contains("killed 0"), "{first}");
    let victims = [db.connect().await, db.connect().await];
    let mut killer = db.connect().await;
    let kill = "select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'";
    execute(&mut killer, kill).await;
    drop(victims);
    let counted = "select (sessions_killed >= 2)::text from pg_stat_database where datname = current_database()";
    crate::support::eventually(&db, counted, "true").await;
    let second = check.told().await;
    assert!(second.starts_with("passed: ") && second.contains("killed 2"), "{second}");
}
