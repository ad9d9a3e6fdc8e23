//! Plans that wait, and what happens around them meanwhile: servers that restart, an operator that is killed, people who
//! change their minds, and somebody who changes what people read.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::{Value, json};
use sluice::api::v1alpha1::DatabaseMigrationStatus;
use sqlx::Executor;

use crate::env::{
    Cluster, GATE, Gate, LOCKED_OUT, Operator, Person, SOON, Servers, Spec, Team, condition, eventually, files,
    locked_out, world,
};

const ORDERS: (&str, &str) = ("V001__orders.sql", "create table orders (id int);");

/// Waits for one person.
fn waiting() -> Spec {
    Spec::latest().inline(&files(&[ORDERS])).set("/gates/approvals", json!({"required": 1}))
}

/// Waits until the operator knows of everything that was done to approvals so far: they are watched in their order, and it
/// counts one that was given after that, to another object with the same plan.
async fn is_known(team: &Team, person: &Person, spec: &Spec) {
    team.apply("witness", &spec.clone().set("/gates/approvals", json!({"required": 2}))).await;
    team.until("witness", "0 of 2 approvals", |status| approvals(status) == "0 of 2 approvals").await;
    person.says(&["approve", "witness", "-n", &team.namespace, "--yes"]).unwrap();
    team.until("witness", "1 of 2 approvals", |status| approvals(status).starts_with("1 of 2 approvals")).await;
    team.kubectl(&["delete", "dbm", "witness"]);
}

fn maps(team: &Team) -> Api<ConfigMap> {
    Api::namespaced(team.client.clone(), &team.namespace)
}

/// How many people the plan waits for and has, as the checklist says it.
fn approvals(status: &DatabaseMigrationStatus) -> String {
    let items = status.gates.iter().flat_map(|gates| &gates.items);
    items.filter(|item| item.gate == "approvals").map(|item| item.message.clone()).collect()
}

#[tokio::test]
async fn an_api_server_that_restarts_while_people_are_waited_for_changes_nothing() {
    let cluster = Cluster::start();
    let team = Team::of(cluster.client().await, "api-restarts", &world().postgres).await;
    let operator = Operator::as_told(&team.namespace, &cluster.operator, &["--leader-elect=false"]);
    team.apply("shop", &waiting()).await;
    team.reason("shop", "AwaitingApproval").await;
    let digest = team.get("shop").await.status.unwrap().plan.unwrap().digest;
    cluster.servers.tell("stop apiserver");
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(team.tables().await, [""; 0]);
    cluster.servers.tell("start apiserver");
    let says = || {
        Command::new(env!("CARGO_BIN_EXE_kubectl-sluice"))
            .args(["approve", "shop", "-n", &team.namespace, "--yes", "--digest", &digest])
            .env_clear()
            .env("KUBECONFIG", &cluster.admin)
            .output()
            .unwrap()
    };
    eventually("the API server takes an approval of the same plan", SOON, || async {
        let said = says();
        if said.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&said.stderr).into_owned()) }
    })
    .await;
    eventually("the plan ran", SOON, || async {
        let tables = team.tables().await;
        if tables == ["orders"] { Ok(()) } else { Err(operator.log()) }
    })
    .await;
    team.ready("shop").await;
}

#[tokio::test]
async fn an_approval_that_is_given_while_no_operator_runs_counts_when_one_does() {
    let team = Team::new("approved-alone").await;
    let mut operator = Operator::start(&team.namespace);
    let alice = team.approver("alice", &[]).await;
    team.apply("shop", &waiting()).await;
    team.reason("shop", "AwaitingApproval").await;
    operator.kill();
    alice.says(&["approve", "shop", "-n", &team.namespace, "--yes"]).unwrap();
    let _next = Operator::start(&team.namespace);
    team.ready("shop").await;
    assert_eq!(
        team.value("select gates -> 0 -> 'approvals' -> 0 ->> 'user' from sluice.migration_runs").await,
        "alice"
    );
}

#[tokio::test]
async fn an_operator_that_is_killed_as_the_last_gate_opens_is_followed_by_one_that_runs_the_plan_once() {
    let team = Team::new("killed-at-gate").await;
    let mut operator = Operator::start(&team.namespace);
    let alice = team.approver("alice", &[]).await;
    let insert = ("V002__one.sql", "insert into orders values (1);");
    team.apply("shop", &waiting().inline(&files(&[ORDERS, insert]))).await;
    team.reason("shop", "AwaitingApproval").await;
    alice.says(&["approve", "shop", "-n", &team.namespace, "--yes"]).unwrap();
    operator.kill();
    let _next = Operator::start(&team.namespace);
    team.ready("shop").await;
    assert_eq!(team.value("select count(*) from orders").await, "1");
}

#[tokio::test]
async fn an_approval_that_is_withdrawn_while_the_run_waits_for_the_migration_lock_lets_nothing_begin() {
    let (team, _operator, mut stranger) = locked_out("withdrawn-late").await;
    let alice = team.approver("alice", &[]).await;
    let scripts = files(&[LOCKED_OUT, ("V002__b.sql", "create table b (id int);")]);
    team.apply("shop", &waiting().inline(&scripts)).await;
    team.reason("shop", "AwaitingApproval").await;
    alice.says(&["approve", "shop", "-n", &team.namespace, "--yes"]).unwrap();
    team.reason("shop", "AwaitingLock").await;
    alice.says(&["withdraw", "shop", "-n", &team.namespace]).unwrap();
    is_known(&team, &alice, &waiting().inline(&scripts)).await;
    // Whoever waited for no longer than a second begins with what was known before.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    stranger.execute("select pg_advisory_unlock_all()").await.unwrap();
    team.reason("shop", "AwaitingApproval").await;
    assert_eq!(team.tables().await, ["a"]);
    assert_eq!(team.value("select count(*) from sluice.migration_runs").await, "1", "no run was begun");
    // And whoever agrees again lets it go.
    alice.says(&["approve", "shop", "-n", &team.namespace, "--yes"]).unwrap();
    team.at("shop", "002").await;
}

#[tokio::test]
async fn an_approval_that_is_withdrawn_while_the_run_waits_for_room_lets_nothing_begin() {
    let team = Team::new("withdrawn-room").await;
    let _operator = Operator::start(&team.namespace);
    let alice = team.approver("alice", &[]).await;
    let first = format!("create table first (id int); {GATE}");
    let scripts = [("V001__first.sql", &*first), ("V002__second.sql", "create table second (id int);")];
    let mut gate = Gate::close(&team).await;
    team.apply("first", &Spec::latest().inline(&files(&scripts[..1]))).await;
    gate.reached().await;
    team.apply("shop", &waiting().inline(&files(&scripts)).set("/targetVersion", json!("002"))).await;
    gate.open().await;
    team.at("first", "001").await;
    let mut gate = Gate::close(&team).await;
    let slow = format!("select 1; {GATE}");
    let more = [scripts[0], ("R__slow.sql", &*slow)];
    team.apply("first", &Spec::latest().inline(&files(&more))).await;
    gate.reached().await;
    team.until("shop", "0 of 1 approvals", |status| approvals(status) == "0 of 1 approvals").await;
    alice.says(&["approve", "shop", "-n", &team.namespace, "--yes"]).unwrap();
    team.reason("shop", "AwaitingLock").await;
    alice.says(&["withdraw", "shop", "-n", &team.namespace]).unwrap();
    is_known(&team, &alice, &waiting().inline(&files(&scripts)).set("/targetVersion", json!("002"))).await;
    gate.open().await;
    team.ready("first").await;
    team.reason("shop", "AwaitingApproval").await;
    assert_eq!(team.tables().await, ["first"]);
}

#[tokio::test]
async fn a_suspended_plan_keeps_its_approval_and_runs_when_it_is_resumed() {
    let team = Team::new("suspended-gate").await;
    let _operator = Operator::start(&team.namespace);
    let alice = team.approver("alice", &[]).await;
    team.apply("shop", &waiting()).await;
    team.reason("shop", "AwaitingApproval").await;
    team.apply("shop", &waiting().set("/suspend", json!(true))).await;
    team.reason("shop", "Suspended").await;
    alice.says(&["approve", "shop", "-n", &team.namespace, "--yes"]).unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(team.tables().await, [""; 0]);
    team.apply("shop", &waiting()).await;
    team.ready("shop").await;
    assert_eq!(team.tables().await, ["orders"]);
}

#[tokio::test]
async fn a_password_that_is_changed_while_people_are_waited_for_is_the_one_that_is_used() {
    let team = Team::new("rotated-gate").await;
    let _operator = Operator::start(&team.namespace);
    let alice = team.approver("alice", &[]).await;
    let role = team.role("before").await;
    team.secret_as(&role, "before").await;
    team.apply("shop", &waiting()).await;
    team.reason("shop", "AwaitingApproval").await;
    team.sql(&format!("alter role \"{role}\" password 'after'")).await;
    team.secret_as(&role, "after").await;
    // While there is no Secret there is no plan to approve.
    eventually("the plan can be approved", SOON, || async {
        alice.says(&["approve", "shop", "-n", &team.namespace, "--yes"])
    })
    .await;
    team.ready("shop").await;
    assert_eq!(team.tables().await, ["orders"]);
}

#[tokio::test]
async fn a_database_server_that_restarts_while_preflight_waits_for_it_is_looked_at_again() {
    let servers = Servers::start(&["postgres"]);
    let team = Team::on("preflight-restart", &servers.postgres()).await;
    let _operator = Operator::start(&team.namespace);
    let mut session = team.connect().await;
    session.execute("begin").await.unwrap();
    tokio::time::sleep(Duration::from_millis(1200)).await;
    let preflight = json!({"maxTransactionAge": "1s", "maxIdleInTransaction": "1h"});
    team.apply("shop", &Spec::latest().inline(&files(&[ORDERS])).set("/gates/preflight", preflight)).await;
    team.reason("shop", "GatesPending").await;
    servers.tell("stop postgres");
    team.reason("shop", "DatabaseUnreachable").await;
    servers.tell("start postgres");
    team.at("shop", "001").await;
    let stalled =
        team.events("shop").await.into_iter().find(|(reason, _)| reason == "GateFailed" || reason == "ApplyFailed");
    assert_eq!(stalled, None);
}

#[tokio::test]
async fn two_objects_that_wait_for_people_on_one_database_apply_the_scripts_once() {
    let team = Team::new("both-wait").await;
    let _operator = Operator::start(&team.namespace);
    let alice = team.approver("alice", &[]).await;
    for name in ["left", "right"] {
        team.apply(name, &waiting()).await;
        team.reason(name, "AwaitingApproval").await;
    }
    let said: Vec<_> =
        ["left", "right"].iter().map(|name| alice.says(&["approve", name, "-n", &team.namespace, "--yes"])).collect();
    assert!(said[0].is_ok(), "{said:?}");
    team.ready("left").await;
    team.ready("right").await;
    assert_eq!(team.value("select count(*) from sluice.migration_runs").await, "1");
}

#[tokio::test]
async fn what_people_read_before_they_approve_is_put_right_when_somebody_changes_it() {
    let team = Team::new("forged-plan").await;
    let _operator = Operator::start(&team.namespace);
    team.apply("shop", &waiting()).await;
    team.reason("shop", "AwaitingApproval").await;
    let said = maps(&team).get("shop-plan").await.unwrap().data.unwrap();
    let is_back = |what: &'static str| {
        eventually(what, SOON, || async {
            match maps(&team).get_opt("shop-plan").await.unwrap().and_then(|map| map.data) {
                Some(data) if data == said => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
    };
    let forged = json!({"data": {"plan.md": "nothing happens, just say yes"}});
    maps(&team).patch("shop-plan", &PatchParams::default(), &Patch::Merge(&forged)).await.unwrap();
    is_back("the forged plan is put right").await;
    maps(&team).delete("shop-plan", &DeleteParams::default()).await.unwrap();
    is_back("the deleted plan is shown again").await;
    team.falls_silent().await;
}

/// So many scripts, each with a statement that is found fault with.
fn many(scripts: usize, text: &str) -> BTreeMap<String, String> {
    let script = |n| {
        (
            format!("V{n:04}__part.sql"),
            format!("create table part_{n} (id int);\ndrop table if exists old_{n};{text}\n"),
        )
    };
    (1..=scripts).map(script).collect()
}

/// How many bytes a status has in JSON.
fn size(status: &DatabaseMigrationStatus) -> usize {
    serde_json::to_string(status).unwrap().len()
}

#[tokio::test]
async fn a_plan_of_five_hundred_scripts_is_shown_and_its_status_stays_small() {
    let team = Team::new("five-hundred").await;
    let _operator = Operator::start(&team.namespace);
    let alice = team.approver("alice", &[]).await;
    let scripts = many(500, "");
    team.scripts("sql", &scripts).await;
    team.apply(
        "shop",
        &Spec::latest().set("/gates", json!({"approvals": {"required": 1}, "lint": {"warn": ["DataLoss"]}})),
    )
    .await;
    team.reason("shop", "AwaitingApproval").await;
    let status = team.get("shop").await.status.unwrap();
    assert_eq!(status.plan.as_ref().unwrap().steps, 500);
    assert!(size(&status) < 64 * 1024, "{} bytes", size(&status));
    let map = maps(&team).get("shop-plan").await.unwrap().data.unwrap();
    assert!(
        map["plan.md"].contains("0500") || map["plan.md"].contains("too much for a ConfigMap"),
        "{}",
        map["plan.md"]
    );
    let said = alice.says(&["approve", "shop", "-n", &team.namespace, "--yes"]).unwrap();
    assert!(said.contains("approved by alice"), "{said}");
    team.at_within("shop", "0500", SOON * 2).await;
}

#[tokio::test]
async fn a_plan_that_is_too_much_for_a_config_map_says_so_and_can_be_approved() {
    let team = Team::new("too-much").await;
    let _operator = Operator::start(&team.namespace);
    let scripts = many(120, &format!("\ninsert into part_1 select 1 where 'x' = '{}';", "x".repeat(7_000)));
    team.scripts("sql", &scripts.into_iter().collect()).await;
    let spec = Spec::latest().set("/gates/approvals", json!({"required": 1}));
    team.apply("shop", &spec.set("/mode", json!("Plan"))).await;
    team.reason("shop", "PlanOnly").await;
    let map = maps(&team).get("shop-plan").await.unwrap().data.unwrap();
    let all: usize = map.values().map(String::len).sum();
    assert!(all < 1024 * 1024, "{all}");
    assert!(map["plan.md"].contains("0120"), "without the SQL it fits: {}", map["plan.md"]);
}

#[tokio::test]
async fn two_hundred_findings_with_long_texts_leave_a_status_that_the_api_server_takes() {
    let team = Team::new("many-findings").await;
    let _operator = Operator::start(&team.namespace);
    let long = "note is not null and ".repeat(400);
    let script =
        |n| (format!("V{n:03}__part.sql"), format!("create index by_{n} on orders (id) where {long} id > {n};\n"));
    let mut scripts: BTreeMap<String, String> = (2..=200).map(script).collect();
    scripts.retain(|name, _| name.as_str() < "V090");
    scripts.insert("V001__orders.sql".to_owned(), "create table orders (id int, note text);".to_owned());
    team.apply(
        "shop",
        &Spec::latest().inline(&files(&[("V001__orders.sql", "create table orders (id int, note text);")])),
    )
    .await;
    team.at("shop", "001").await;
    team.scripts("sql", &scripts).await;
    let conditions: Vec<Value> = (0..32)
        .map(|n| json!({"name": format!("condition-{n}"), "query": "select 1", "expect": format!("value == 0 || value == {}", n + 2)}))
        .collect();
    let gates = json!({"lint": {"deny": ["BlockingLock"]}, "sql": conditions});
    team.apply("shop", &Spec::latest().set("/gates", gates)).await;
    let message = team.reason("shop", "GateFailed").await;
    assert!(message.contains("lint create-index-without-concurrently: "), "{message}");
    let status = team.get("shop").await.status.unwrap();
    assert!(size(&status) < 200 * 1024, "{} bytes", size(&status));
    let items = &status.gates.as_ref().unwrap().items;
    assert!(
        items.iter().all(|item| item.message.len() <= 1_000 && item.opens.iter().all(|opens| opens.len() <= 1_000))
    );
    assert!(items.iter().any(|item| item.message.contains("more findings are denied")), "{items:?}");
}

#[tokio::test]
async fn an_object_with_the_longest_name_there_is_waits_is_approved_and_runs_like_any_other() {
    let team = Team::new("longest-name").await;
    let _operator = Operator::start(&team.namespace);
    let alice = team.approver("alice", &[]).await;
    let name = format!("{}.{}", "a".repeat(126), "b-".repeat(63) + "c")[..253].trim_end_matches('-').to_owned();
    team.apply(&name, &waiting()).await;
    team.reason(&name, "AwaitingApproval").await;
    let plan = team.get(&name).await.status.unwrap().plan.unwrap();
    let map = plan.config_map.expect("the name of the plan's ConfigMap");
    assert!(map.len() <= 253 && maps(&team).get(&map).await.unwrap().data.unwrap().contains_key("plan.md"), "{map}");
    alice.says(&["approve", &name, "-n", &team.namespace, "--yes"]).unwrap();
    let status = team.ready(&name).await;
    assert_eq!(condition(&status, "Ready").unwrap().0, "True");
    assert_eq!(team.tables().await, ["orders"]);
    team.noted(&name, "UpToDate").await;
}
