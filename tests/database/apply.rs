//! Up, down and back again, on a server that behaves.

use sluice::database::{Database as _, DatabaseError};
use sluice::plan::{EntryStatus, Outcome};

use crate::support::{database, set};

const USERS: (&str, &str) =
    ("V001__users.sql", "create table users(id int primary key);\ninsert into users values (1);");
const ORDERS: (&str, &str) =
    ("V002__orders.sql", "-- Risk Level: HIGH\n-- Dependencies: 001\ncreate table orders(id int);");
const ORDERS_DOWN: (&str, &str) = ("U002__orders.sql", "drop table orders;");

#[tokio::test]
async fn smoke_an_empty_database_comes_to_the_newest_version() {
    let db = database().await;
    let report = db.up(&[USERS, ORDERS, ORDERS_DOWN]).await;
    assert_eq!(report.done.iter().map(|step| step.label.as_str()).collect::<Vec<_>>(), ["001", "002"]);
    let ledger = report.result.expect("a ledger");
    assert_eq!(ledger, db.ledger().await);
    assert_eq!(ledger.current().map(ToString::to_string).as_deref(), Some("002"));
    assert_eq!(ledger.runs[0].outcome, Some(Outcome::Succeeded));
    assert_eq!(db.status().await, "1 completed, 2 completed");
    assert_eq!(db.value("select count(*)::text from users").await, "1");
    assert_eq!(db.value("select risk from sluice.schema_migrations where key = '2'").await, "HIGH");
    assert_eq!(db.value("select key || ' on ' || depends_on from sluice.migration_dependencies").await, "2 on 001");
}

#[tokio::test]
async fn smoke_the_way_down_uses_the_ledgers_own_copy() {
    let db = database().await;
    db.up(&[USERS, ORDERS, ORDERS_DOWN]).await;
    // The source has lost the down script meanwhile.
    let report = db.run(&set(&[USERS, ORDERS]), "001").await;
    let ledger = report.result.expect("the way down");
    assert_eq!(ledger.entries[1].status, EntryStatus::RolledBack);
    assert_eq!(db.value("select to_regclass('orders')::text").await, "(null)");
    db.up(&[USERS, ORDERS, ORDERS_DOWN]).await;
    assert_eq!(db.status().await, "1 completed, 2 completed");
}

#[tokio::test]
async fn a_failing_statement_leaves_nothing_and_says_where() {
    let db = database().await;
    let files =
        [("V001__x.sql", "create table a(id int);\n\ninsert into a values (1);\ninsert into a\n  values (nme);")];
    let report = db.run(&set(&files), "Latest").await;
    let Err(DatabaseError::Step(failure)) = report.result else { panic!("{:?}", report.result) };
    assert_eq!((failure.statement, failure.line, failure.column), (Some(3), Some(5), Some(11)));
    assert_eq!(failure.sqlstate.as_deref(), Some("42703"));
    assert_eq!(
        failure.message,
        "V001__x.sql:5:11: statement 3 of 001: 42703 undefined_column at `nme`; nothing of it is in effect"
    );
    assert_eq!(db.value("select to_regclass('a')::text").await, "(null)");
    assert_eq!(db.status().await, "1 failed");
    let ledger = db.ledger().await;
    assert_eq!(ledger.runs[0].outcome, Some(Outcome::Failed));
    // The server's own words are for those who may read the ledger.
    let words = db.value("select failure_detail from sluice.migration_runs").await;
    assert!(words.contains("column \"nme\" does not exist"), "{words}");
    // Mended, it goes through, and nothing remembers the failure as one that still counts.
    db.up(&[("V001__x.sql", "create table a(id int);")]).await;
    assert_eq!(db.value("select health from sluice.v_migration_status").await, "OK");
}

#[tokio::test]
async fn a_look_at_an_empty_database_leaves_no_trace() {
    let db = database().await;
    let look = db.postgres().inspect().await.expect("a look");
    assert!(!look.ledger.installed);
    assert_eq!((look.ledger.existing.total, look.server.unsuitable, look.holder), (0, None, None));
    assert_eq!(db.value("select count(*)::text from pg_namespace where nspname = 'sluice'").await, "0");
}

#[tokio::test]
async fn transactions_are_what_the_run_needs_whatever_is_the_default_in_the_database() {
    let db = database().await;
    db.execute(&format!("alter database {} set default_transaction_isolation = 'repeatable read'", db.name)).await;
    db.execute(&format!("alter database {} set default_transaction_deferrable = on", db.name)).await;
    // Not even what a script makes the default of its session.
    let stubborn = ("V002__orders.sql", "create table orders(id int); set default_transaction_read_only = on;");
    let index = ("V003__index.sql", "create index concurrently on orders(id);");
    db.up(&[USERS, stubborn, index]).await;
    assert_eq!(db.status().await, "1 completed, 2 completed, 3 completed");
}
