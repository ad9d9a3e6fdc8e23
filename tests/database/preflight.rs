//! What is told about a database and its server just before SQL runs, and what is made of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sluice::checks::{SqlGate, ask};
use sluice::database::{Archiving, Database as _, Fact, PreflightFacts, Privilege};
use sluice::gates::preflight::{Case, Needs, Requirements, judge};
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnection;

use crate::support::{Database, SOON, database, eventually, execute, value};

pub async fn facts(db: &Database, tables: &[&str]) -> PreflightFacts {
    let tables: Vec<String> = tables.iter().map(|table| (*table).to_owned()).collect();
    let mut reader = db.postgres().reader().await.expect("a session");
    let facts = reader.preflight(&tables).await.expect("facts");
    reader.close().await;
    facts
}

pub fn known<T: Clone>(fact: &Fact<T>) -> T {
    match fact {
        Fact::Known(known) => known.clone(),
        Fact::Unknown(why) => panic!("{why}"),
    }
}

pub fn why<T: std::fmt::Debug>(fact: &Fact<T>) -> &str {
    match fact {
        Fact::Unknown(why) => why,
        Fact::Known(known) => panic!("{known:?}"),
    }
}

/// What one requirement makes of the facts.
pub fn told(facts: &PreflightFacts, field: &str, spec: Value) -> String {
    let wanted = Requirements::of(&serde_json::from_value(spec).expect("a spec")).expect("requirements");
    let verdicts = judge(&Case { wanted: &wanted, facts, needs: &Needs::default(), free_disk: None });
    let verdict = verdicts.into_iter().find(|verdict| verdict.name.as_deref() == Some(field)).expect("a verdict");
    let opens = verdict.opens.map_or_else(String::new, |opens| format!(" → {opens}"));
    format!("{}: {}{opens}", verdict.state.as_str(), verdict.message)
}

/// Waits until a requirement says something that begins so.
pub async fn until(db: &Database, tables: &[&str], field: &str, spec: Value, begins: &str) -> String {
    let began = Instant::now();
    loop {
        let seen = told(&facts(db, tables).await, field, spec.clone());
        if seen.starts_with(begins) {
            return seen;
        }
        assert!(began.elapsed() < SOON, "{field} says {seen} instead of {begins}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A login that may do nothing but that.
pub async fn poor(db: &Database) -> Database {
    let role = format!("poor_{}", db.name);
    db.execute(&format!("create role {role} login password 'x'")).await;
    Database {
        server: db.server.clone(),
        name: db.name.clone(),
        ledger: db.ledger.clone(),
        user: role,
        password: "x".to_owned(),
        settings: db.settings.clone(),
        policy: db.policy.clone(),
        deadline: db.deadline,
        identity: db.identity.clone(),
    }
}

async fn pid(connection: &mut PgConnection) -> String {
    value(connection, "select pg_backend_pid()::text").await
}

#[tokio::test]
async fn smoke_a_superuser_is_told_everything() {
    let db = database().await;
    db.execute("create table orders (id int primary key, note text)").await;
    let facts = facts(&db, &["orders", "nowhere"]).await;
    assert_eq!(facts.encoding, "UTF8");
    assert!(facts.version >= 140_000, "{}", facts.version);
    assert_eq!(facts.role, db.user);
    let connections = known(&facts.connections);
    assert!(connections.used >= 1 && connections.max == 1000 && connections.database.0 >= 1, "{connections:?}");
    let tables = known(&facts.tables);
    assert_eq!(tables.iter().map(|table| table.name.as_str()).collect::<Vec<_>>(), ["orders", "nowhere"]);
    assert!(tables[0].there.as_ref().is_some_and(|there| there.owns && there.may_use && there.wraparound < 100));
    assert_eq!((&tables[1].there, tables[1].schema.as_deref(), tables[1].may_create), (&None, Some("public"), true));
    assert!(matches!(known(&facts.table_bytes).as_slice(), [(name, 8192..)] if name == "orders"));
    assert!(known(&facts.databases_bytes) > 1 << 20 && known(&facts.wal_bytes) >= 1 << 20);
    assert!(known(&facts.database_age) < 1_000_000);
    assert_eq!((known(&facts.vacuums).len(), known(&facts.invalid_indexes).len()), (0, 0));
    assert_eq!(known(&facts.archiving), Archiving::Off);
    assert_eq!(known(&facts.sessions).hidden, None);
}

#[tokio::test]
async fn smoke_whoever_is_in_a_transaction_is_named_and_nothing_of_what_they_do() {
    let db = database().await;
    db.execute("create table orders (id int)").await;
    let (mut idle, mut elsewhere) = (db.connect().await, db.server.connect("postgres").await);
    execute(&mut idle, "set application_name = 'shell'; begin; select 'hunter2' from orders").await;
    execute(&mut elsewhere, "begin; select 1").await;
    let mut busy = db.connect().await;
    let (idle_pid, busy_pid) = (pid(&mut idle).await, pid(&mut busy).await);
    let running =
        tokio::spawn(async move { sqlx::raw_sql("select pg_sleep(600), 'hunter2'").execute(&mut busy).await });
    let old = format!(
        "select count(*)::text from pg_stat_activity where pid in ({idle_pid}, {busy_pid})
            and clock_timestamp() > greatest(xact_start, state_change) + interval '1.1 s' and (state = 'active') = (pid = {busy_pid})"
    );
    eventually(&db, &old, "2").await;
    let facts = facts(&db, &["orders"]).await;
    let seen = known(&facts.sessions).seen;
    let pids: Vec<String> = seen.iter().map(|session| session.pid.to_string()).collect();
    assert_eq!(pids, [idle_pid.clone(), busy_pid.clone()], "oldest first, and none of another database");
    assert!(seen[0].idle_since.is_some() && seen[1].idle_since.is_none(), "{seen:?}");
    assert!(!format!("{facts:?}").contains("hunter2"));
    let long = told(&facts, "maxTransactionAge", json!({"maxTransactionAge": "1s"}));
    assert!(long.starts_with(&format!("Closed: session {idle_pid} (app `shell`, role postgres) since 20")), "{long}");
    assert!(long.ends_with(&format!("select pg_terminate_backend({idle_pid})")), "{long}");
    let sits = told(&facts, "maxIdleInTransaction", json!({"maxIdleInTransaction": "1s"}));
    assert!(sits.starts_with(&format!("Closed: session {idle_pid} (app `shell`")), "{sits}");
    db.execute(&format!("select pg_cancel_backend({busy_pid})")).await;
    running.await.expect("no panic").expect_err("it was cancelled");
    // The cure helps.
    let cure = long.rsplit(": ").next().expect("a statement").to_owned();
    db.execute(&cure).await;
    until(&db, &[], "maxTransactionAge", json!({"maxTransactionAge": "1s"}), "Open: no session").await;
}

#[tokio::test]
async fn smoke_a_prepared_transaction_is_named_and_its_cure_ends_it() {
    let db = database().await;
    db.execute("create table orders (id int)").await;
    db.execute("begin; insert into orders values (1); prepare transaction 'it''s'").await;
    let spec = json!({"maxPreparedAge": "100ms"});
    let told = until(&db, &[], "maxPreparedAge", spec.clone(), "Closed").await;
    assert!(told.starts_with("Closed: transaction `it's` of role postgres since 20"), "{told}");
    db.execute(told.rsplit(": ").next().expect("a statement")).await;
    until(&db, &[], "maxPreparedAge", spec, "Open").await;
}

#[tokio::test]
async fn smoke_a_role_that_sees_nothing_is_told_so_and_what_to_grant() {
    let db = database().await;
    db.execute("create table orders (id int); revoke create on schema public from public").await;
    let poor = poor(&db).await;
    let mut other = db.connect().await;
    execute(&mut other, "begin; select 1").await;
    let blind = facts(&poor, &["orders"]).await;
    let sessions = known(&blind.sessions);
    assert!(sessions.seen.is_empty(), "{sessions:?}");
    let grant = format!("GRANT pg_monitor TO \"{}\"", poor.user);
    assert!(sessions.hidden.is_some_and(|why| why.contains(&grant)));
    assert!(why(&blind.wal_bytes).contains(&grant));
    assert_eq!(known(&blind.powers), []);
    // What does not need it is told all the same.
    assert!(known(&blind.connections).reserved >= 3 && known(&blind.extensions).len() > 10);
    let note = told(&blind, "maxTransactionAge", json!({}));
    assert!(note.starts_with("Open: cannot tell, and nobody asked for it: role"), "{note}");
    let closed = told(&blind, "maxTransactionAge", json!({"maxTransactionAge": "5m"}));
    assert!(closed.starts_with("Unknown: cannot tell: role") && closed.contains(&grant), "{closed}");
    let table = &known(&blind.tables)[0];
    assert!(!table.may_create && table.there.as_ref().is_some_and(|there| !there.owns && !there.may_use), "{table:?}");
    assert!(told(&blind, "privileges", json!({})).starts_with("Closed: role poor_"));
    // The cure helps.
    db.execute(&grant).await;
    let seeing = facts(&poor, &[]).await;
    let sessions = known(&seeing.sessions);
    assert!(sessions.hidden.is_none() && sessions.seen.len() == 1, "{sessions:?}");
    assert!(known(&seeing.wal_bytes) > 0 && known(&seeing.databases_bytes) > 0);
}

#[tokio::test]
async fn what_one_role_may_not_ask_leaves_the_rest_told() {
    let db = database().await;
    // A provider that locks its catalog: the one view refuses, and with it everything that is asked along with it.
    db.execute("create table orders (id int); revoke select on pg_catalog.pg_prepared_xacts from public").await;
    let poor = poor(&db).await;
    let facts = facts(&poor, &["orders"]).await;
    assert!(why(&facts.prepared).contains("42501 insufficient_privilege"), "{:?}", facts.prepared);
    assert_eq!(known(&facts.tables).len(), 1);
    assert!(known(&facts.connections).max == 1000 && !known(&facts.table_bytes).is_empty());
    assert!(told(&facts, "maxPreparedAge", json!({"maxPreparedAge": "5m"})).starts_with("Unknown: cannot tell: "));
}

#[tokio::test]
async fn what_a_role_can_do_and_can_become_is_known() {
    let db = database().await;
    let spec = json!({"forbidRoles": ["superuser", "bypassrls", "executeprogram"]});
    let superuser = told(&facts(&db, &[]).await, "forbidRoles", spec.clone());
    assert!(superuser.starts_with("Closed: role postgres may use SUPERUSER, which"), "{superuser}");
    let poor = poor(&db).await;
    assert!(told(&facts(&poor, &[]).await, "forbidRoles", spec.clone()).starts_with("Open"));
    let (role, boss) = (&poor.user, format!("boss_{}", db.name));
    db.execute(&format!("create role {boss} bypassrls; grant {boss} to {role}; grant pg_read_server_files to {role}"))
        .await;
    let powers = known(&facts(&poor, &[]).await.powers);
    let mut found: Vec<_> = powers.iter().map(|power| (power.privilege, power.through.as_str())).collect();
    found.sort_by_key(|(privilege, _)| *privilege);
    assert_eq!(found, [(Privilege::BypassRls, boss.as_str()), (Privilege::ServerFiles, "pg_read_server_files")]);
    let through = told(&facts(&poor, &[]).await, "forbidRoles", spec.clone());
    assert!(through.contains(&format!("BYPASSRLS (through {boss})")), "{through}");
    db.execute(through.rsplit(": ").next().expect("a statement")).await;
    assert!(told(&facts(&poor, &[]).await, "forbidRoles", spec).starts_with("Open"));
}

#[tokio::test]
async fn extensions_are_installed_or_may_be_or_are_not_there() {
    let db = database().await;
    db.execute("create extension pg_trgm").await;
    let poor = poor(&db).await;
    let facts = facts(&poor, &[]).await;
    let told = |names: &[&str]| told(&facts, "extensions", json!({"extensions": names}));
    assert_eq!(told(&["pg_trgm"]), "Open: all extensions are installed");
    let missing = told(&["no_such_thing", "pg_trgm"]);
    assert!(missing.starts_with("Closed: the server has no extension no_such_thing"), "{missing}");
    let forbidden = told(&["pg_stat_statements"]);
    assert!(forbidden.contains("may not install it") && forbidden.ends_with("CREATE EXTENSION \"pg_stat_statements\""));
    // A trusted one is the business of whoever may create in the database.
    assert!(told(&["citext"]).starts_with("Closed"));
    db.execute(&format!("grant create on database {} to {}", db.name, poor.user)).await;
    let facts = self::facts(&poor, &[]).await;
    let later = self::told(&facts, "extensions", json!({"extensions": ["citext"]}));
    assert_eq!(later, "Open: extension citext is not installed yet, and the role may install it");
}

#[tokio::test]
async fn an_invalid_index_is_found_on_the_tables_of_the_plan_only() {
    let db = database().await;
    db.execute("create table orders (id int); create table other (id int); insert into orders values (1), (1)").await;
    for table in ["orders", "other"] {
        let sql = format!("create unique index concurrently {table}_id on {table} (id)");
        let built = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut db.connect().await).await;
        assert_eq!(built.is_err(), table == "orders");
    }
    let told = told(&facts(&db, &["orders", "other"]).await, "invalidIndexes", json!({}));
    assert!(told.starts_with("Closed: index public.orders_id on orders: not valid"), "{told}");
    let told = self::told(&facts(&db, &["other"]).await, "invalidIndexes", json!({}));
    assert_eq!(told, "Open: no table of the plan has an invalid index");
}

#[tokio::test]
async fn tables_are_found_by_their_names_and_the_role_s_search_path() {
    let db = database().await;
    let role = &db.user;
    db.execute(&format!(
        "create schema \"Odd\"; create table \"Odd\".\"My Table\" (id int); create schema app; create table app.orders (id int);
        create table parts (id int) partition by range (id); create table part_1 partition of parts for values from (0) to (10);
        insert into parts values (1); alter role {role} in database {} set search_path = app, public",
        db.name
    ))
    .await;
    let facts = facts(&db, &["Odd.My Table", "orders", "parts", "gone.orders", "x'y.z"]).await;
    let tables = known(&facts.tables);
    let schemas: Vec<_> = tables.iter().map(|table| (table.schema.as_deref(), table.there.is_some())).collect();
    let expected = [("Odd", true), ("app", true), ("public", true), ("gone", false), ("x'y", false)];
    assert_eq!(schemas, expected.map(|(schema, there)| (Some(schema), there)));
    let bytes = known(&facts.table_bytes);
    assert!(bytes.iter().any(|(name, bytes)| name == "parts" && *bytes >= 8192), "partitions count: {bytes:?}");
}

#[tokio::test]
async fn a_table_that_somebody_locks_leaves_its_size_untold_and_nothing_else() {
    let db = database().await;
    db.execute("create table orders (id int)").await;
    let mut owner = db.connect().await;
    execute(&mut owner, "begin; lock table orders in access exclusive mode").await;
    // It is locked all the time, so whoever waits for that waits for ever.
    let facts = tokio::time::timeout(SOON, facts(&db, &["orders"])).await.expect("nobody is waited for");
    assert!(why(&facts.table_bytes).contains("55P03 lock_not_available"), "{:?}", facts.table_bytes);
    assert_eq!(known(&facts.tables).len(), 1);
    assert_eq!(known(&facts.sessions).seen.len(), 1);
}

#[tokio::test]
async fn smoke_a_team_s_own_condition_holds_or_not_or_cannot_be_told() {
    let db = database().await;
    db.execute(
        "create table batches (id int, finished_at timestamptz); insert into batches values (1, null), (2, now())",
    )
    .await;
    let database: Arc<dyn sluice::database::Database> = Arc::new(db.postgres());
    let ask = async |query: &str, expect: &str| {
        let timeout = if query.contains("pg_sleep") { "1s" } else { "20s" };
        let spec = json!({"name": "open", "query": query, "expect": expect, "timeout": timeout});
        let gate = SqlGate::of(&serde_json::from_value(spec).expect("a spec")).expect("a condition");
        let answer = ask(&database, &gate).await;
        (answer.holds, answer.shown)
    };
    let open = "select count(*) from batches where finished_at is null";
    assert_eq!(ask(open, "value == 1").await, (Ok(true), "value 1".to_owned()));
    assert_eq!(ask(open, "value == 0").await, (Ok(false), "value 1".to_owned()));
    assert_eq!(ask("select id from batches", "size(rows) == 2").await, (Ok(true), "2 rows".to_owned()));
    assert_eq!(ask("select true", "value").await.0, Ok(true));
    for (query, expect, told) in [
        ("select id from batches where false", "value == 0", "the query gives no row, or null"),
        ("select max(id) from batches where false", "value == 0", "the query gives no row, or null"),
        ("select nothing", "value == 0", "the query, line 1, column 8: 42703 undefined_column at `nothing`"),
        ("select pg_sleep(30)", "value == 0", "57014"),
        ("delete from batches", "value == 0", "begin with SELECT"),
        (open, "value < baseline", "`value < baseline` asks for baseline, which there is not"),
    ] {
        let (holds, shown) = ask(query, expect).await;
        let why = holds.expect_err(query);
        assert!(why.contains(told), "{query}: {why}");
        assert!(shown.is_empty() || shown == "value 1", "{shown}");
    }
}
