//! The check that compares what `pg_stat_statements` counted, against a server that counts and against one that does not.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde_json::{Value, json};
use sqlx::postgres::PgConnection;

use crate::checks::value;
use crate::probing::Probing;
use crate::support::{Database, Environment, Server, database, database_on, execute};

/// A server of these tests' own, with the library loaded.
fn counting() -> &'static Server {
    static SERVER: OnceLock<(Environment, Server)> = OnceLock::new();
    let (_, server) = SERVER.get_or_init(|| {
        let environment =
            Environment::start("up", &["postgres", "--set", "shared_preload_libraries=pg_stat_statements"]);
        let server = Server::of(&environment.facts["postgres"]);
        (environment, server)
    });
    server
}

/// A shop whose orders are looked up by a function that can be made slower.
async fn shop() -> (Database, PgConnection) {
    let db = database_on(counting()).await;
    db.execute(
        "create extension pg_stat_statements; create table orders (id int primary key, customer int);
        create index orders_customer on orders (customer); create table customers (id int);
        create function pace() returns void language sql as 'select pg_sleep(0.02)'",
    )
    .await;
    let connection = db.connect().await;
    (db, connection)
}

async fn call(connection: &mut PgConnection, times: usize) {
    for id in 0..times {
        execute(
            connection,
            &format!("select o.id, pace() from (select {id} as id) n left join orders o on o.id = n.id"),
        )
        .await;
    }
}

async fn before(db: &Database, mentioned: &[&str], fields: Value) -> Probing {
    let mut probing = Probing::about(db, &BTreeMap::new(), mentioned, fields);
    probing.take_baseline().await;
    probing
}

/// Measures while the application goes on calling.
async fn told(check: &Probing, db: &Database) -> String {
    let (done, mut stop) = tokio::sync::oneshot::channel::<()>();
    let mut connection = db.connect().await;
    let application = async {
        while stop.try_recv().is_err() {
            call(&mut connection, 1).await;
        }
    };
    let measured = async {
        let told = check.told().await;
        let _ = done.send(());
        told
    };
    tokio::join!(application, measured).1
}

/// Measures, while the application goes on calling, until that passes.
async fn until_passed(check: &Probing, db: &Database) -> String {
    let mut seen = String::new();
    for _ in 0..10 {
        seen = told(check, db).await;
        if seen.starts_with("passed: value ") {
            return seen;
        }
    }
    panic!("it never passes: {seen}");
}

#[tokio::test]
async fn statements_that_became_slower_since_are_noticed_by_their_id_alone() {
    let (db, mut connection) = shop().await;
    call(&mut connection, 100).await;
    let fields = json!({"latency": {"statements": {}}, "expect": "value <= baseline * 2 && worst < 2"});
    let check = before(&db, &["alter", "table", "orders"], fields).await;
    let baseline = check.baseline.clone().expect("a baseline");
    assert_eq!(baseline["tables"], json!(["public.orders"]));
    assert_eq!(baseline["statements"].as_object().map(serde_json::Map::len), Some(1), "{baseline}");
    assert!(!baseline.to_string().contains("select"), "{baseline}");
    // A moment in which the machine is busier than it was for the baseline is over at some time.
    let seen = until_passed(&check, &db).await;
    assert!(seen.contains("statements 1, calls"), "{seen}");

    // A hundred fast calls and more are in the sum already; what counts is how long it takes now.
    db.execute("create or replace function pace() returns void language sql as 'select pg_sleep(0.5)'").await;
    let check =
        before(&db, &["orders"], json!({"latency": {"statements": {}}, "expect": "value <= baseline * 2"})).await;
    let seen = told(&check, &db).await;
    assert!(seen.starts_with("failed: value ") && value(&seen) >= 0.5, "{seen}");
    let id = check.baseline.as_ref().and_then(|b| b["statements"].as_object()?.keys().next().cloned()).expect("an id");
    assert!(seen.ends_with(&format!("(statement {id})")), "{seen}");
}

#[tokio::test]
async fn a_statement_is_the_same_when_its_table_was_made_anew() {
    let (db, mut connection) = shop().await;
    call(&mut connection, 50).await;
    let check =
        before(&db, &["orders_customer"], json!({"latency": {"statements": {"minCalls": 5}, "maxRegression": "900%"}}))
            .await;
    let baseline = check.baseline.clone().expect("a baseline");
    assert_eq!(baseline["tables"], json!(["public.orders"]), "the index belongs to it");
    db.execute("drop table orders; create table orders (id int, note text)").await;
    let seen = until_passed(&check, &db).await;
    assert!(seen.contains("statements 1,"), "{seen}");
}

#[tokio::test]
async fn only_statements_that_read_or_write_the_tables_count_and_none_of_other_databases_or_of_checks() {
    let (db, mut connection) = shop().await;
    let (other, mut elsewhere) = shop().await;
    call(&mut elsewhere, 20).await;
    drop(other);
    for sql in [
        "select count(*) from customers",
        "select count(*) from orders_of_others",
        "analyze orders",
        "alter table orders add column note text",
        "create index on orders (note)",
        "explain select * from orders",
    ] {
        let _ = sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned())).execute(&mut connection).await;
    }
    let rows = Probing::of(&db, json!({"rowCounts": {"tables": ["orders"]}})).await;
    rows.told().await;
    let query = Probing::without_baseline(
        &db,
        &BTreeMap::new(),
        json!({"sql": {"query": "select count(*) from orders"}, "expect": "true"}),
    );
    query.told().await;
    let fields = || json!({"latency": {"statements": {"tables": ["ORDERS"]}}});
    let none = before(&db, &[], fields()).await;
    assert_eq!(none.baseline, Some(json!({"tables": ["public.orders"], "statements": {}})));
    assert_eq!(none.told().await, "no data");
    for sql in [
        "select count(*) from orders",
        "/* page: orders */ -- again\nselect 1 from public.\"orders\" where id = 1",
        "insert into orders values (1)",
        "with o as (select * from orders) select * from o",
        "update Orders set customer = 2",
        "delete from orders",
    ] {
        execute(&mut connection, sql).await;
    }
    let all = before(&db, &[], fields()).await;
    let statements = all.baseline.as_ref().and_then(|b| b["statements"].as_object()).map(serde_json::Map::len);
    assert_eq!(statements, Some(6), "{:?}", all.baseline);
    let most = before(&db, &[], json!({"latency": {"statements": {"tables": ["orders"], "top": 2}}})).await;
    assert_eq!(most.baseline.as_ref().and_then(|b| b["statements"].as_object()).map(serde_json::Map::len), Some(2));
}

#[tokio::test]
async fn without_the_extension_without_its_library_and_without_calls_there_is_no_data() {
    let check = || json!({"latency": {"statements": {"tables": ["orders"]}}});
    // Neither the one nor the other.
    let db = database().await;
    db.execute("create table orders (id int)").await;
    let neither = before(&db, &[], check()).await;
    assert_eq!((neither.baseline.clone(), neither.told().await), (None, "no data".to_owned()));
    db.execute("create extension pg_stat_statements").await;
    let unloaded = before(&db, &[], check()).await;
    assert_eq!((unloaded.baseline.clone(), unloaded.told().await), (None, "no data".to_owned()));
    let (db, mut connection) = shop().await;
    call(&mut connection, 20).await;
    let quiet = before(&db, &["orders"], json!({"latency": {"statements": {}}, "onNoData": "Pass"})).await;
    assert_eq!(quiet.told().await, "no data", "nobody called it since");
    let late = Probing::without_baseline(&db, &BTreeMap::new(), check());
    let seen = late.told().await;
    assert!(seen.starts_with("error: the statements were not measured before the run"), "{seen}");
}

#[tokio::test]
async fn a_role_that_may_not_see_the_statements_of_others_is_told_what_to_grant() {
    let (mut db, mut connection) = shop().await;
    call(&mut connection, 20).await;
    let role = format!("blind_{}", db.name);
    db.execute(&format!("create role {role} login password 'x'; grant select on orders to {role}")).await;
    (db.user, db.password) = (role.clone(), "x".to_owned());
    let fields = || json!({"latency": {"statements": {"tables": ["orders"]}}});
    let blind = Probing::without_baseline(&db, &BTreeMap::new(), fields());
    let error = blind.baseline_error().await.expect("an error");
    assert!(error.contains("grant pg_read_all_stats"), "{error}");
    db.execute(&format!("grant pg_read_all_stats to {role}")).await;
    assert_eq!(Probing::of(&db, fields()).await.baseline.map(|b| b["tables"].clone()), Some(json!(["public.orders"])));
}
