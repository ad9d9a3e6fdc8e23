//! `spec.gates.lint`: what the scripts must not do.

use serde_json::{Value, json};

use super::says;
use crate::env::{Operator, Spec, Team, condition, files};

const ORDERS: (&str, &str) = ("V001__orders.sql", "create table orders (id int primary key, day date, note text);");
const NOTE: &str = "V002__note.sql";
const DROPS: &str = "-- the form lost its field\nalter table orders drop column note;";
const IGNORED: &str = "-- sluice:ignore drop-column not read since release 41\nalter table orders drop column note;";

/// A team at 001, whose lists hold for what comes after.
async fn at_001(name: &str) -> (Team, Operator) {
    let team = Team::new(name).await;
    let operator = Operator::start(&team.namespace);
    team.apply("shop", &Spec::latest().inline(&files(&[ORDERS]))).await;
    team.at("shop", "001").await;
    (team, operator)
}

fn next(name: &str, sql: &str, lint: Value) -> Spec {
    Spec::latest().inline(&files(&[ORDERS, (name, sql)])).set("/gates/lint", lint)
}

async fn columns(team: &Team) -> Vec<String> {
    team.query(
        "select attname from pg_attribute where attrelid = 'orders'::regclass and attnum > 0 and not attisdropped",
    )
    .await
}

#[tokio::test]
async fn smoke_what_is_denied_is_refused_with_its_place_and_the_safe_way_and_runs_once_it_is_allowed() {
    let (team, operator) = at_001("lint-denied").await;
    team.apply("shop", &next(NOTE, DROPS, json!({"deny": ["DataLoss"]}))).await;
    let message = team.reason("shop", "GateFailed").await;
    for words in [
        "must not apply 1 migration (002): lint drop-column: ",
        "V002__note.sql:2:",
        "column note of orders",
        "write instead: ",
    ] {
        assert!(message.contains(words), "{words}: {message}");
    }
    let status = team.get("shop").await.status.unwrap();
    assert_eq!(condition(&status, "Stalled").unwrap().1, "GateFailed");
    let (found, rewrite) = says(&team, "lint", "drop-column", "Denied").await;
    assert!(found.contains("V002__note.sql:2:20: "), "{found}");
    assert!(rewrite.contains("ALTER TABLE orders ALTER COLUMN note DROP NOT NULL"), "{rewrite}");
    assert!(operator.metric(r#"sluice_gate_evaluations_total{gate="lint",result="denied"}"#).unwrap() >= 1.0);
    let story = team.sluice(&["status", "shop", "-n", &team.namespace]);
    assert!(story.contains("lint drop-column") && story.contains("✖"), "{story}");
    assert_eq!(columns(&team).await, ["id", "day", "note"]);

    // A rule's name weighs more than its class.
    team.apply("shop", &next(NOTE, DROPS, json!({"deny": ["DataLoss"], "allow": ["drop-column"]}))).await;
    team.at("shop", "002").await;
    assert_eq!(columns(&team).await, ["id", "day"]);
}

#[tokio::test]
async fn a_comment_answers_for_a_finding_and_the_ledger_keeps_who_said_what() {
    let (team, _operator) = at_001("lint-ignored").await;
    team.apply("shop", &next(NOTE, IGNORED, json!({"deny": ["DataLoss"], "forbidIgnore": true}))).await;
    let message = team.reason("shop", "GateFailed").await;
    assert!(message.contains("lint drop-column: "), "{message}");
    assert_eq!(columns(&team).await, ["id", "day", "note"]);

    team.apply("shop", &next(NOTE, IGNORED, json!({"deny": ["DataLoss"]}))).await;
    team.at("shop", "002").await;
    let kept = "select i ->> 'rule', i ->> 'reason', i ->> 'place' from sluice.migration_runs r, jsonb_array_elements(r.gates) g, \
                jsonb_array_elements(g -> 'ignored') i where g ->> 'gate' = 'lint'";
    let kept = team.query(kept).await;
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert!(kept[0].starts_with("drop-column,\"not read since release 41\","), "{kept:?}");
    assert!(kept[0].contains("V002__note.sql:2"), "{kept:?}");
}

#[tokio::test]
async fn a_name_that_no_rule_has_is_refused_with_the_nearest_that_one_has() {
    let team = Team::new("lint-name").await;
    let _operator = Operator::start(&team.namespace);
    team.apply("shop", &Spec::latest().inline(&files(&[ORDERS])).set("/gates/lint", json!({"deny": ["drop-tabel"]})))
        .await;
    let message = team.reason("shop", "InvalidSpec").await;
    assert!(message.contains("spec.gates.lint.deny: "), "{message}");
    assert!(
        message.contains("`drop-tabel` is neither a rule nor a class of rules; did you mean `drop-table`?"),
        "{message}"
    );
    assert_eq!(team.tables().await, [""; 0]);
}

#[tokio::test]
async fn what_the_run_itself_creates_is_harmless_and_what_is_in_use_is_not() {
    let team = Team::new("lint-catalog").await;
    let _operator = Operator::start(&team.namespace);
    let blocking = json!({"deny": ["BlockingLock"]});
    let index = "create index by_day on orders (day);";
    team.apply("shop", &next("V002__by_day.sql", index, blocking.clone())).await;
    team.at("shop", "002").await;

    let third = |sql: &str| {
        let scripts = files(&[ORDERS, ("V002__by_day.sql", index), ("V003__by_note.sql", sql)]);
        Spec::latest().inline(&scripts).set("/gates/lint", blocking.clone())
    };
    team.apply("shop", &third("create index by_note on orders (note);")).await;
    let message = team.reason("shop", "GateFailed").await;
    assert!(message.contains("writers of orders"), "{message}");
    assert!(message.contains("create index CONCURRENTLY by_note on orders (note)"), "the safe way: {message}");
    team.apply("shop", &third("create index concurrently by_note on orders (note);")).await;
    team.at("shop", "003").await;
}

#[tokio::test]
async fn what_cannot_be_told_from_the_text_is_denied_where_that_is_asked_for() {
    let (team, _operator) = at_001("lint-opaque").await;
    let sql = "do $$ begin execute 'drop table ' || 'orders'; end $$;";
    team.apply("shop", &next("V002__opaque.sql", sql, json!({"deny": ["Opaque"]}))).await;
    let message = team.reason("shop", "GateFailed").await;
    assert!(message.contains("V002__opaque.sql:1:"), "{message}");
    assert_eq!(team.tables().await, ["orders"]);
}

#[tokio::test]
async fn scripts_that_change_while_their_plan_waits_are_judged_anew() {
    let (team, _operator) = at_001("lint-closes").await;
    let alice = team.approver("alice", &[]).await;
    let waiting =
        |sql: &str| next(NOTE, sql, json!({"deny": ["DataLoss"]})).set("/gates/approvals", json!({"required": 1}));
    team.apply("shop", &waiting("alter table orders add column more text;")).await;
    let message = team.reason("shop", "AwaitingApproval").await;
    assert!(!message.contains("lint "), "{message}");
    team.apply("shop", &waiting(DROPS)).await;
    team.reason("shop", "GateFailed").await;
    // An approval does not outweigh it.
    alice.says(&["approve", "shop", "-n", &team.namespace, "--yes"]).unwrap();
    let opened = team.until("shop", "the approval", |status| {
        status.gates.iter().flat_map(|gates| &gates.items).any(|item| item.gate == "approvals" && item.state == "Open")
    });
    let status = opened.await;
    assert_eq!(condition(&status, "Ready").unwrap().1, "GateFailed");
    assert_eq!(columns(&team).await, ["id", "day", "note"]);
}
