//! What scripts can be and do: wrong, changed, missing, late, outside of a transaction.

use serde_json::json;

use crate::env::{Operator, Spec, Team, files};

const USERS: (&str, &str) = ("V001__users.sql", "create table users (id int primary key, name text);");
const ITEMS: (&str, &str) = ("V003__items.sql", "create table items (id int primary key);");

#[tokio::test]
async fn smoke_a_script_that_fails_half_way_leaves_nothing_and_says_where() {
    let team = Team::new("halfway").await;
    let _operator = Operator::start(&team.namespace);
    let broken = "create table a (id int);\ncreate table b (id int);\n  alter table users add colum c int;\n";
    team.scripts("sql", &files(&[USERS, ("V002__broken.sql", broken)])).await;
    team.apply("shop", &Spec::latest()).await;
    let message = team.reason("shop", "ApplyFailed").await;
    for part in ["sql/V002__broken.sql:3:", "statement 3", "42601", "sluice.dev/retry"] {
        assert!(message.contains(part), "{part} in: {message}");
    }
    assert!(!message.contains("colum c int"), "no SQL text in a status: {message}");
    let status = team.get("shop").await.status.unwrap();
    assert_eq!(status.applied.unwrap().version, "001");
    assert_eq!(status.failures, Some(1));
    assert_eq!(team.tables().await, ["users"]);

    let fixed = "create table a (id int);\ncreate table b (id int);\n  alter table users add column c int;\n";
    team.scripts("sql", &files(&[USERS, ("V002__broken.sql", fixed)])).await;
    let status = team.ready("shop").await;
    assert_eq!(status.failures, None, "the failure count is gone");
    assert_eq!(status.applied.unwrap().version, "002");
}

#[tokio::test]
async fn the_column_of_an_error_is_where_the_server_points_in_characters() {
    let team = Team::new("column").await;
    let _operator = Operator::start(&team.namespace);
    let script = "create table a (id int);\n/* größer */ select 'äöü', missing_column from a;\n";
    team.apply("shop", &Spec::latest().inline(&files(&[("V001__a.sql", script)]))).await;
    let message = team.reason("shop", "ApplyFailed").await;
    let column = script.lines().nth(1).unwrap().chars().collect::<Vec<_>>();
    let column = column.windows(7).position(|w| w.iter().collect::<String>() == "missing").unwrap() + 1;
    assert!(message.contains(&format!("V001__a.sql:2:{column}")), "{column} in {message}");
}

#[tokio::test]
async fn a_script_that_failed_is_not_tried_again_by_itself() {
    let team = Team::new("noretry").await;
    let operator = Operator::start(&team.namespace);
    team.apply("shop", &Spec::latest().inline(&files(&[("V001__a.sql", "select 1/0;")]))).await;
    team.reason("shop", "ApplyFailed").await;
    drop(operator);
    let _operator = Operator::start(&team.namespace);
    team.annotate("shop", "reconcile.fluxcd.io/requestedAt", "1").await;
    team.until("shop", "the request is handled", |s| s.last_handled_reconcile_at.as_deref() == Some("1")).await;
    assert_eq!(team.query("select count(*) from sluice.migration_runs").await, ["1"]);
    team.annotate("shop", "sluice.dev/retry", "1").await;
    team.until("shop", "a second failure", |s| s.failures == Some(2)).await;
    assert_eq!(team.query("select count(*) from sluice.migration_runs").await, ["2"]);
}

#[tokio::test]
async fn smoke_an_index_is_built_concurrently_without_a_transaction() {
    let team = Team::new("cic").await;
    let _operator = Operator::start(&team.namespace);
    let index = ("V002__index.sql", "create index concurrently users_name on users (name);");
    team.apply("shop", &Spec::latest().inline(&files(&[USERS, index]))).await;
    team.ready("shop").await;
    assert_eq!(team.query("select indisvalid from pg_index where indexrelid = 'users_name'::regclass").await, ["t"]);
}

#[tokio::test]
async fn an_enum_value_used_in_the_script_that_adds_it_is_refused_with_the_advice_to_split() {
    let team = Team::new("enum").await;
    let _operator = Operator::start(&team.namespace);
    let moods = ("V001__mood.sql", "create type mood as enum ('sad'); create table m (mood mood);");
    let happy = ("V002__happy.sql", "alter type mood add value 'happy';\ninsert into m values ('happy');");
    team.apply("shop", &Spec::latest().inline(&files(&[moods, happy]))).await;
    let message = team.reason("shop", "ApplyFailed").await;
    for part in ["V002__happy.sql:2", "55P04", "split"] {
        assert!(message.contains(part), "{part} in: {message}");
    }
    assert_eq!(team.value("select count(*) from m").await, "0");
}

const THREE: [&str; 3] = ["create table a (id int)", "create tabel b (id int)", "create table c (id int)"];

fn no_transaction(statements: [&str; 3]) -> String {
    format!("-- sluice:no-transaction\n{};\n{};\n{};\n", statements[0], statements[1], statements[2])
}

#[tokio::test]
async fn a_failed_script_without_a_transaction_goes_on_at_the_failed_statement() {
    let team = Team::new("resume").await;
    let _operator = Operator::start(&team.namespace);
    team.apply("shop", &Spec::latest().inline(&files(&[("V001__t.sql", &no_transaction(THREE))]))).await;
    let message = team.reason("shop", "ApplyFailed").await;
    assert!(message.contains("V001__t.sql:3") && message.contains("statement 2"), "{message}");
    assert_eq!(team.tables().await, ["a"], "what took effect stays, and is said: {message}");
    let fixed = no_transaction([THREE[0], "create table b (id int)", THREE[2]]);
    team.apply("shop", &Spec::latest().inline(&files(&[("V001__t.sql", &fixed)]))).await;
    team.ready("shop").await;
    assert_eq!(team.tables().await, ["a", "b", "c"]);
}

#[tokio::test]
async fn a_script_without_a_transaction_does_not_go_on_when_an_executed_statement_was_edited() {
    let team = Team::new("edited").await;
    let _operator = Operator::start(&team.namespace);
    team.apply("shop", &Spec::latest().inline(&files(&[("V001__t.sql", &no_transaction(THREE))]))).await;
    team.reason("shop", "ApplyFailed").await;
    let edited = no_transaction(["create table a (id bigint)", "create table b (id int)", THREE[2]]);
    team.apply("shop", &Spec::latest().inline(&files(&[("V001__t.sql", &edited)]))).await;
    let message = team.reason("shop", "PlanFailed").await;
    assert!(message.contains("statement 1 of V001__t.sql"), "{message}");
    assert_eq!(team.tables().await, ["a"]);
}

#[tokio::test]
async fn smoke_a_script_that_was_changed_after_it_was_applied_stops_everything() {
    let team = Team::new("changed").await;
    let _operator = Operator::start(&team.namespace);
    team.scripts("sql", &files(&[USERS])).await;
    team.apply("shop", &Spec::latest()).await;
    let status = team.ready("shop").await;
    let before = team.value("select up_checksum from sluice.schema_migrations").await;
    let orders = ("V002__orders.sql", "create table orders (id int);");
    team.scripts("sql", &files(&[("V001__users.sql", "create table users (id bigint);"), orders])).await;
    let message = team.reason("shop", "ChecksumMismatch").await;
    for part in ["001", before.as_str(), "sql/V001__users.sql"] {
        assert!(message.contains(part), "{part} in: {message}");
    }
    assert_eq!(message.matches("h1:").count(), 2, "both checksums are named: {message}");
    assert_eq!(team.tables().await, ["users"], "nothing runs");
    assert_eq!(team.get("shop").await.status.unwrap().applied, status.applied);
}

#[tokio::test]
async fn an_applied_script_that_is_missing_from_the_source_is_refused_unless_the_spec_ignores_it() {
    let team = Team::new("missing").await;
    let _operator = Operator::start(&team.namespace);
    let orders = ("V002__orders.sql", "create table orders (id int);");
    team.apply("shop", &Spec::latest().inline(&files(&[USERS, orders]))).await;
    team.ready("shop").await;
    let less = Spec::latest().inline(&files(&[USERS, ITEMS])).set("/source/allowGaps", json!(true));
    team.apply("shop", &less).await;
    let message = team.reason("shop", "PlanFailed").await;
    assert!(message.contains("version 002"), "{message}");
    assert_eq!(team.tables().await, ["orders", "users"]);
    team.apply("shop", &less.set("/execution/missing", json!("Ignore"))).await;
    team.ready("shop").await;
    assert_eq!(team.tables().await, ["items", "orders", "users"]);
}

#[tokio::test]
async fn a_late_script_is_refused_run_or_left_out_as_the_spec_says() {
    for (mode, tables) in [
        ("Refuse", vec!["items", "users"]),
        ("Run", vec!["items", "orders", "users"]),
        ("Ignore", vec!["items", "users"]),
    ] {
        let team = Team::new("late").await;
        let _operator = Operator::start(&team.namespace);
        let first = Spec::latest().inline(&files(&[USERS, ITEMS])).set("/source/allowGaps", json!(true));
        team.apply("shop", &first).await;
        team.ready("shop").await;
        let orders = ("V002__orders.sql", "create table orders (id int);");
        let late = Spec::latest().inline(&files(&[USERS, orders, ITEMS])).set("/execution/outOfOrder", json!(mode));
        team.apply("shop", &late).await;
        if mode == "Refuse" {
            let message = team.reason("shop", "PlanFailed").await;
            assert!(message.contains("version 002 is older than the newest applied version 003"), "{message}");
        } else {
            assert_eq!(team.ready("shop").await.applied.unwrap().version, "003");
        }
        assert_eq!(team.tables().await, tables, "{mode}");
    }
}

#[tokio::test]
async fn a_version_that_appears_twice_is_refused_with_both_files() {
    let team = Team::new("twice").await;
    let _operator = Operator::start(&team.namespace);
    let other = ("V1__other.sql", "create table other (id int);");
    team.apply("shop", &Spec::latest().inline(&files(&[USERS, other]))).await;
    let message = team.reason("shop", "InvalidSource").await;
    assert!(message.contains("V001__users.sql") && message.contains("V1__other.sql"), "{message}");
    assert_eq!(team.tables().await, [""; 0]);
}

#[tokio::test]
async fn an_empty_script_is_a_no_op_with_a_warning_and_comments_alone_are_a_way_down() {
    let team = Team::new("empty").await;
    let _operator = Operator::start(&team.namespace);
    let scripts = files(&[USERS, ("V002__nothing.sql", "\n"), ("U002__nothing.sql", "-- nothing to undo\n")]);
    team.apply("shop", &Spec::latest().inline(&scripts)).await;
    let status = team.ready("shop").await;
    assert!(status.source.unwrap().warnings.iter().any(|warning| warning.contains("V002__nothing.sql")));
    assert_eq!(status.applied.unwrap().version, "002");
    team.apply("shop", &Spec::to("001").inline(&scripts)).await;
    assert_eq!(team.ready("shop").await.applied.unwrap().version, "001");
}

#[tokio::test]
async fn a_script_in_its_own_begin_and_commit_runs_as_one_transaction() {
    let team = Team::new("wrapped").await;
    let _operator = Operator::start(&team.namespace);
    let bad = "BEGIN;\ncreate table a (id int);\ncreate table a (id int);\nCOMMIT;\n";
    team.apply("shop", &Spec::latest().inline(&files(&[("V001__a.sql", bad)]))).await;
    let message = team.reason("shop", "ApplyFailed").await;
    assert!(message.contains("V001__a.sql:3") && message.contains("42P07"), "{message}");
    assert_eq!(team.tables().await, [""; 0], "the wrapper does not break atomicity");
    let good = "BEGIN;\ncreate table a (id int);\nCOMMIT;\n";
    team.apply("shop", &Spec::latest().inline(&files(&[("V001__a.sql", good)]))).await;
    team.ready("shop").await;
    let half = "create table b (id int);\nCOMMIT;\ncreate table c (id int);\n";
    team.apply("shop", &Spec::latest().inline(&files(&[("V001__a.sql", good), ("V002__b.sql", half)]))).await;
    let message = team.reason("shop", "InvalidSource").await;
    assert!(message.contains("V002__b.sql:2") && message.contains("no-transaction"), "{message}");
}

#[tokio::test]
async fn the_settings_that_a_script_leaves_behind_do_not_reach_the_next_one() {
    let team = Team::new("settings").await;
    let _operator = Operator::start(&team.namespace);
    let hostile = "select pg_catalog.set_config('search_path', '', false);\nset statement_timeout = 1;\nreset statement_timeout;\n\
                   create table public.a (id int);";
    let scripts = files(&[("V001__a.sql", hostile), ("V002__b.sql", "create table b (id int);")]);
    team.apply("shop", &Spec::latest().inline(&scripts)).await;
    team.ready("shop").await;
    assert_eq!(team.tables().await, ["a", "b"]);
}

#[tokio::test]
async fn the_ledgers_views_answer_what_is_applied_what_failed_what_took_long_and_who_did_it() {
    let team = Team::new("views").await;
    let _operator = Operator::start(&team.namespace);
    let slow = ("V002__slow.sql", "select pg_sleep(0.2);");
    team.apply("shop", &Spec::latest().inline(&files(&[USERS, slow, ("V003__bad.sql", "select 1/0;")]))).await;
    team.reason("shop", "ApplyFailed").await;
    let views = "select table_name from information_schema.views where table_schema = 'sluice' order by 1";
    assert_eq!(
        team.query(views).await,
        [
            "migration_dependencies",
            "migration_locks",
            "migration_summary",
            "v_migration_audit",
            "v_migration_performance",
            "v_migration_status",
            "v_migration_verification"
        ]
    );
    let status = team.query("select version, status from sluice.v_migration_status order by version").await;
    assert!(status.iter().any(|row| row.contains("003") && row.to_lowercase().contains("failed")), "{status:?}");
    let detail = team.value("select failure_detail from sluice.migration_runs where outcome = 'failed'").await;
    assert!(detail.contains("division by zero"), "the server's full message stays in the ledger: {detail}");
}

#[tokio::test]
async fn a_procedure_that_commits_is_refused_in_a_transaction_with_the_advice_and_runs_without_one() {
    let team = Team::new("commits").await;
    let _operator = Operator::start(&team.namespace);
    let procedure = "create table t (id int);\ncreate procedure p() language plpgsql as $$ begin\n\
                     for i in 1..3 loop insert into t values (i); commit; end loop; end $$;";
    let first = ("V001__p.sql", procedure);
    team.apply("shop", &Spec::latest().inline(&files(&[first, ("V002__call.sql", "call p();")]))).await;
    let message = team.reason("shop", "ApplyFailed").await;
    assert!(message.contains("2D000") && message.contains("sluice:no-transaction"), "{message}");
    assert_eq!(team.value("select count(*) from t").await, "0");
    let marked = ("V002__call.sql", "-- sluice:no-transaction\ncall p();");
    team.apply("shop", &Spec::latest().inline(&files(&[first, marked]))).await;
    team.ready("shop").await;
    assert_eq!(team.value("select count(*) from t").await, "3");
}
