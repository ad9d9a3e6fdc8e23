//! `spec.gates.preflight`: what must hold in the database just before SQL runs.

use std::time::Duration;

use serde_json::{Value, json};
use sqlx::postgres::PgConnection;
use sqlx::{Connection, Executor};

use super::{runs_by_itself, says, stands_still};
use crate::env::{Operator, Spec, Team, condition, files};

const PREFLIGHT: &str = "preflight";
const ORDERS: (&str, &str) = ("V001__orders.sql", "create table orders (id int);");

fn wanting(preflight: Value) -> Spec {
    Spec::latest().inline(&files(&[ORDERS])).set("/gates/preflight", preflight)
}

impl Team {
    /// A role that owns the team's database and nothing else, in the Secret `db`; its name.
    async fn plain_role(&self) -> String {
        let role = self.role("plain").await;
        self.secret_as(&role, "plain").await;
        role
    }

    /// A session of the superuser that has been in a transaction for more than a second.
    async fn long_transaction(&self) -> (PgConnection, i32) {
        let mut session = self.connect().await;
        session.execute("begin").await.unwrap();
        let pid = sqlx::query_scalar("select pg_backend_pid()").fetch_one(&mut session).await.unwrap();
        tokio::time::sleep(Duration::from_millis(1200)).await;
        (session, pid)
    }
}

/// Sessions may be in a transaction for a second; nothing else is to close.
fn short() -> Value {
    json!({"maxTransactionAge": "1s", "maxIdleInTransaction": "1h"})
}

#[tokio::test]
async fn smoke_a_long_transaction_is_named_and_the_plan_runs_by_itself_once_it_ended() {
    let team = Team::new("preflight-long").await;
    let operator = Operator::start(&team.namespace);
    let (session, pid) = team.long_transaction().await;
    team.apply("shop", &wanting(short())).await;
    let message = team.reason("shop", "GatesPending").await;
    let who = format!("session {pid} (app `blackbox`, role {})", team.server.user);
    assert!(message.contains("waiting to apply 1 migration (001): preflight maxTransactionAge: "), "{message}");
    assert!(message.contains(&who) && message.contains("spec.gates.preflight.maxTransactionAge is 1s"), "{message}");
    let (_, opens) = says(&team, PREFLIGHT, "maxTransactionAge", "Closed").await;
    assert!(opens.contains(&format!("select pg_terminate_backend({pid})")), "{opens}");
    stands_still(&team, &operator, PREFLIGHT, "closed").await;
    assert_eq!(team.tables().await, [""; 0]);
    session.close().await.unwrap();
    runs_by_itself(&team, "001").await;
}

#[tokio::test]
async fn a_transaction_that_begins_while_people_are_waited_for_holds_the_plan_back_when_they_agree() {
    let team = Team::new("preflight-again").await;
    let _operator = Operator::start(&team.namespace);
    let alice = team.approver("alice", &[]).await;
    team.apply("shop", &wanting(short()).set("/gates/approvals", json!({"required": 1}))).await;
    team.reason("shop", "AwaitingApproval").await;
    says(&team, PREFLIGHT, "maxTransactionAge", "Open").await;
    let (session, pid) = team.long_transaction().await;
    alice.says(&["approve", "shop", "-n", &team.namespace, "--yes"]).unwrap();
    let message = team.reason("shop", "GatesPending").await;
    assert!(message.contains(&format!("session {pid} ")), "{message}");
    assert_eq!(team.tables().await, [""; 0]);
    session.close().await.unwrap();
    runs_by_itself(&team, "001").await;
}

#[tokio::test]
async fn a_role_that_may_not_see_other_sessions_cannot_tell_until_it_may() {
    let team = Team::new("preflight-blind").await;
    let role = team.plain_role().await;
    let operator = Operator::start(&team.namespace);
    let elsewhere = team.connect().await;
    team.apply("shop", &wanting(json!({"maxTransactionAge": "1s"}))).await;
    let (message, opens) = says(&team, PREFLIGHT, "maxTransactionAge", "Unknown").await;
    assert!(message.contains("cannot tell: ") && message.contains(&role), "{message}");
    assert!(opens.contains("spec.gates.preflight.maxTransactionAge is left out"), "{opens}");
    team.reason("shop", "GatesPending").await;
    stands_still(&team, &operator, PREFLIGHT, "unknown").await;
    team.sql(&format!("grant pg_read_all_stats to \"{role}\"")).await;
    runs_by_itself(&team, "001").await;
    drop(elsewhere);
}

#[tokio::test]
async fn what_nobody_asked_for_and_cannot_be_told_holds_nothing_back() {
    let team = Team::new("preflight-unsaid").await;
    team.plain_role().await;
    let _operator = Operator::start(&team.namespace);
    let elsewhere = team.connect().await;
    team.apply("shop", &wanting(json!({"forbidRoles": ["superuser", "bypassrls", "replication", "createrole"]}))).await;
    team.at("shop", "001").await;
    drop(elsewhere);
}

#[tokio::test]
async fn a_role_that_may_do_too_much_is_refused_until_the_secret_holds_another() {
    let team = Team::new("preflight-role").await;
    let _operator = Operator::start(&team.namespace);
    team.apply("shop", &wanting(json!({"forbidRoles": ["superuser"]}))).await;
    let (message, opens) = says(&team, PREFLIGHT, "forbidRoles", "Closed").await;
    assert_eq!(
        message,
        format!("role {} may use SUPERUSER, which spec.gates.preflight.forbidRoles forbids", team.server.user)
    );
    assert!(opens.contains("put another role into the Secret"), "{opens}");
    assert_eq!(team.tables().await, [""; 0]);
    team.plain_role().await;
    team.at("shop", "001").await;
}

#[tokio::test]
async fn an_extension_that_is_missing_is_told_apart_from_one_that_only_others_may_install() {
    let team = Team::new("preflight-extension").await;
    team.plain_role().await;
    let _operator = Operator::start(&team.namespace);
    let wanted = json!({"extensions": ["pg_stat_statements", "no_such_extension"]});
    team.apply("shop", &wanting(wanted)).await;
    let (message, _) = says(&team, PREFLIGHT, "extensions", "Closed").await;
    assert!(message.contains("the server has no extension no_such_extension"), "{message}");
    team.apply("shop", &wanting(json!({"extensions": ["pg_stat_statements"]}))).await;
    let told = "extension pg_stat_statements is not installed in the database, and role ";
    team.until("shop", told, |status| condition(status, "Ready").is_some_and(|(_, _, message)| message.contains(told)))
        .await;
    team.sql("create extension pg_stat_statements").await;
    runs_by_itself(&team, "001").await;
}

#[tokio::test]
async fn a_server_that_is_too_old_is_waited_for() {
    let team = Team::new("preflight-version").await;
    let _operator = Operator::start(&team.namespace);
    team.apply("shop", &wanting(json!({"minServerVersion": "99"}))).await;
    let (message, opens) = says(&team, PREFLIGHT, "minServerVersion", "Closed").await;
    assert!(message.contains("spec.gates.preflight.minServerVersion is 99"), "{message}");
    assert!(opens.contains("upgrade the server to PostgreSQL 99 or later"), "{opens}");
    team.apply("shop", &wanting(json!({"minServerVersion": "14"}))).await;
    team.at("shop", "001").await;
}
