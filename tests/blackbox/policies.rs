//! What a platform team imposes, and what becomes of it when it changes.

use std::collections::BTreeMap;

use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::{Value, json};
use sluice::api::v1alpha1::{DatabaseMigrationStatus, MigrationPolicy};

use crate::env::{App, Operator, Servers, Spec, Team, files, world};

/// Policies of one test: each is about the test's own namespace, and goes with it.
struct Platform {
    api: Api<MigrationPolicy>,
    namespace: String,
    names: Vec<String>,
}

impl Platform {
    async fn of(team: &Team) -> Self {
        let client = world().client().await;
        Self { api: Api::all(client), namespace: team.namespace.clone(), names: Vec::new() }
    }

    async fn impose(&mut self, name: &str, mut spec: Value) {
        let name = format!("{name}-{}", self.namespace);
        let labels: BTreeMap<_, _> = [("kubernetes.io/metadata.name", &self.namespace)].into();
        spec["namespaceSelector"] = json!({"matchLabels": labels});
        let policy = json!({
            "apiVersion": "sluice.dev/v1alpha1", "kind": "MigrationPolicy", "metadata": {"name": name}, "spec": spec
        });
        let params = PatchParams::apply("platform").force();
        self.api.patch(&name, &params, &Patch::Apply(&policy)).await.unwrap();
        self.names.push(name);
    }

    async fn lift(self) {
        for name in &self.names {
            let _gone = self.api.delete(name, &DeleteParams::default()).await;
        }
    }
}

fn spec() -> Spec {
    Spec::latest().inline(&files(&[("V001__orders.sql", "create table orders (id int);")]))
}

#[tokio::test]
async fn a_policy_raises_what_the_object_asks_for_and_a_change_of_it_lets_the_plan_go() {
    let team = Team::new("raised").await;
    let mut platform = Platform::of(&team).await;
    platform.impose("people", json!({"gates": {"approvals": {"required": 2}}})).await;
    let _operator = Operator::start(&team.namespace);
    team.apply("shop", &spec()).await;
    let message = team.reason("shop", "AwaitingApproval").await;
    let imposed =
        format!("MigrationPolicy people-{} imposed spec.gates.approvals.required: 2 instead of 0", team.namespace);
    assert!(message.contains(&imposed), "{message}");
    let status = team.get("shop").await.status.unwrap();
    assert_eq!(status.policies[0].imposed, ["spec.gates.approvals.required: 2 instead of 0"]);
    assert_eq!(team.tables().await, [""; 0]);

    platform.impose("people", json!({"gates": {"approvals": {"required": 0}}})).await;
    let status = team.ready("shop").await;
    assert_eq!(status.policies.len(), 1);
    assert_eq!(team.tables().await, ["orders"]);
    platform.lift().await;
}

#[tokio::test]
async fn a_policy_in_error_closes_and_opens_when_it_is_mended() {
    let team = Team::new("broken-policy").await;
    let mut platform = Platform::of(&team).await;
    platform.impose("odd", json!({"gates": {"lint": {"deny": ["drop-tabel"]}}})).await;
    let _operator = Operator::start(&team.namespace);
    team.apply("shop", &spec()).await;
    let message = team.reason("shop", "PolicyViolation").await;
    assert!(message.contains("spec.gates.lint.deny: deny: `drop-tabel` is neither a rule nor a class"), "{message}");
    assert_eq!(team.tables().await, [""; 0]);
    platform.impose("odd", json!({"gates": {"lint": {"deny": ["drop-table"]}}})).await;
    team.ready("shop").await;
    platform.lift().await;
}

#[tokio::test]
async fn a_host_that_is_not_allowed_and_a_connection_that_is_too_weak_are_not_connected_to() {
    let team = Team::new("hosts").await;
    let mut platform = Platform::of(&team).await;
    platform.impose("hosts", json!({"database": {"allowedHosts": ["*.prod.internal"]}})).await;
    let _operator = Operator::start(&team.namespace);
    team.apply("shop", &spec()).await;
    let message = team.reason("shop", "PolicyViolation").await;
    assert!(message.contains("of the Secret is not allowed; use one of *.prod.internal"), "{message}");
    assert_eq!(team.sessions().await, 0);

    platform.impose("hosts", json!({"database": {"tls": "VerifyFull"}})).await;
    team.until("shop", "TLS is asked for", |status| {
        status.conditions.iter().any(|condition| condition.message.contains("set sslmode verify-full in the Secret"))
    })
    .await;
    assert_eq!(team.sessions().await, 0);
    platform.impose("hosts", json!({})).await;
    team.ready("shop").await;
    platform.lift().await;
}

#[tokio::test]
async fn a_check_that_is_required_holds_the_plan_back_until_it_is_there() {
    let team = Team::new("required-check").await;
    let mut platform = Platform::of(&team).await;
    platform.impose("judged", json!({"verification": {"requiredChecks": ["builtin"]}})).await;
    let _operator = Operator::start(&team.namespace);
    team.apply("shop", &spec()).await;
    let message = team.reason("shop", "PolicyViolation").await;
    assert!(message.contains("a check of the kind builtin is missing"), "{message}");
    let status = team.get("shop").await.status.unwrap();
    assert_eq!(status.plan.unwrap().steps, 1, "the plan is shown all the same");

    let verification = json!({"initialDelay": "0s", "interval": "1s", "duration": "1s",
        "checks": [{"name": "answers", "builtin": "Connectivity"}]});
    team.apply("shop", &spec().set("/verification", verification)).await;
    team.ready("shop").await;
    assert_eq!(team.tables().await, ["orders"]);
    platform.lift().await;
}

#[tokio::test]
async fn the_free_disk_is_asked_of_a_prometheus_that_a_policy_names() {
    let team = Team::new("policy-disk").await;
    let app = App::start().await;
    app.always(200, "disk_free 1000\n");
    let prometheus = Servers::of("prometheus", &[&format!("127.0.0.1:{}", app.port)]);
    let url = format!("http://127.0.0.1:{}", prometheus.description["port"]);
    let mut platform = Platform::of(&team).await;
    platform.impose("addresses", json!({"endpoints": {"prometheus": [{"name": "platform", "url": url}]}})).await;
    let _operator = Operator::start(&team.namespace);
    let disk = json!({
        "minFreeDisk": "1Gi", "freeDiskFrom": {"prometheus": {"endpoint": "platform", "query": "disk_free"}},
    });
    team.apply("shop", &spec().set("/gates/preflight", disk)).await;
    let full = |status: &DatabaseMigrationStatus| {
        let items = status.gates.iter().flat_map(|gates| &gates.items);
        items.into_iter().any(|item| item.name.as_deref() == Some("minFreeDisk") && item.state == "Closed")
    };
    let status = team.until("shop", "a disk that is full", full).await;
    assert!(format!("{:?}", status.gates).contains("less than 1Gi would be left"), "{:?}", status.gates);
    app.always(200, "disk_free 5000000000\n");
    team.ready("shop").await;
    platform.lift().await;
}

#[tokio::test]
async fn an_address_that_nobody_declared_is_told_before_anything_runs_and_a_policy_that_declares_it_lets_the_plan_go() {
    let team = Team::new("undeclared").await;
    let app = App::start().await;
    app.always(200, "{}");
    let _operator = Operator::start(&team.namespace);
    let check = json!({"name": "app", "http": {"endpoint": "app"}, "expect": "status == 200"});
    let judged = json!({"initialDelay": "100ms", "interval": "100ms", "duration": "1s", "checks": [check]});
    let wanted = spec().set("/verification", judged);
    team.apply("shop", &wanted.clone().set("/mode", json!("Plan"))).await;
    let message = team.reason("shop", "PlanOnly").await;
    assert!(
        message.contains("it would be refused: spec.verification.checks.app.http.endpoint: there is no"),
        "{message}"
    );

    team.apply("shop", &wanted).await;
    let message = team.reason("shop", "PolicyViolation").await;
    assert!(message.contains("there is no HTTP endpoint app (none is declared)"), "{message}");
    assert!(team.tables().await.is_empty(), "nothing runs");
    assert!(team.get("shop").await.status.unwrap().plan.is_some(), "what would run is shown all the same");

    let mut platform = Platform::of(&team).await;
    let url = format!("http://127.0.0.1:{}", app.port);
    platform.impose("addresses", json!({"endpoints": {"http": [{"name": "app", "url": url}]}})).await;
    let status = team
        .until("shop", "a verdict", |status| status.verification.as_ref().is_some_and(|v| v.verdict == "Passed"))
        .await;
    assert!(status.applied.is_some());
    platform.lift().await;
}

/// A window that opens on the 29th of February alone.
fn shut() -> Value {
    json!([{"schedule": "0 0 29 2 *", "duration": "1m"}])
}

fn scripts(last: &[(&str, &str)]) -> Spec {
    let all =
        [&[("V001__orders.sql", "create table orders (id int);"), ("U001__orders.sql", "drop table orders;")], last];
    Spec::latest().inline(&files(&all.concat()))
}

#[tokio::test]
async fn a_plan_of_low_risk_runs_at_once_and_one_of_high_risk_waits_for_what_only_such_plans_take() {
    let team = Team::new("by-risk").await;
    let alice = team.approver("alice", &["dba"]).await;
    let mut platform = Platform::of(&team).await;
    let night = |windows: Value| {
        json!({
            "fromRisk": "HIGH", "rollback": {"require": "Present"},
            "gates": {"windows": windows, "approvals": {"required": 1, "groups": ["dba"]}},
        })
    };
    platform.impose("night", night(shut())).await;
    let _operator = Operator::start(&team.namespace);
    team.apply("shop", &scripts(&[])).await;
    let status = team.ready("shop").await;
    assert_eq!(team.tables().await, ["orders"]);
    assert_eq!((status.policies[0].from_risk.as_deref(), status.policies[0].imposed.len()), (Some("HIGH"), 0));

    // What destroys a table needs a way back …
    let drop = ("V002__gone.sql", "drop table orders;");
    team.apply("shop", &scripts(&[drop])).await;
    let message = team.reason("shop", "PlanFailed").await;
    let imposed = format!("MigrationPolicy night-{} imposed spec.rollback.require: Present", team.namespace);
    assert!(message.contains("version 002 has no down script") && message.contains(&imposed), "{message}");
    // … people, and a window.
    team.apply("shop", &scripts(&[drop, ("U002__gone.sql", "create table orders (id int);")])).await;
    let message = team.reason("shop", "AwaitingApproval").await;
    assert!(message.contains("0 of 1 approvals; nobody of dba") && message.contains("window"), "{message}");
    let imposed = format!("MigrationPolicy night-{} imposed spec.gates.approvals.required: 1", team.namespace);
    assert!(message.contains(&imposed), "{message}");
    let status = team.get("shop").await.status.unwrap();
    assert_eq!((status.plan.unwrap().risk.as_deref(), status.policies[0].from_risk.clone()), (Some("CRITICAL"), None));
    alice.says(&["approve", "shop", "-n", &team.namespace, "--yes"]).unwrap();
    team.reason("shop", "AwaitingWindow").await;
    assert_eq!(team.tables().await, ["orders"]);

    // Another plan of low risk needs none of it.
    team.apply("shop", &scripts(&[("V002__items.sql", "create table items (id int);")])).await;
    team.ready("shop").await;
    assert_eq!(team.tables().await, ["items", "orders"]);
    platform.lift().await;
}

#[tokio::test]
async fn a_table_that_grew_while_its_plan_waited_does_not_slip_through_the_gates_of_the_lower_risk() {
    let team = Team::new("risk-grows").await;
    let mut platform = Platform::of(&team).await;
    platform.impose("night", json!({"fromRisk": "HIGH", "gates": {"windows": shut()}})).await;
    let _operator = Operator::start(&team.namespace);
    team.apply("shop", &scripts(&[])).await;
    team.ready("shop").await;
    let quiet = json!([{"name": "quiet", "query": "select count(*) from orders where id < 0", "expect": "value == 1"}]);
    let wider = scripts(&[("V002__wider.sql", "alter table orders alter column id type bigint;")]);
    team.apply("shop", &wider.set("/gates/sql", quiet)).await;
    team.reason("shop", "GatesPending").await;
    assert_eq!(team.get("shop").await.status.unwrap().plan.unwrap().risk.as_deref(), Some("MEDIUM"));
    // In one transaction the table grows beyond what is rewritten in a moment, and what the plan waits for comes true.
    team.sql("insert into orders select generate_series(-1, 999999) order by 1 desc").await;
    let message = team.reason("shop", "AwaitingWindow").await;
    assert!(message.contains("window"), "{message}");
    let status = team.get("shop").await.status.unwrap();
    assert_eq!(
        (status.plan.unwrap().risk.as_deref(), status.applied.unwrap().version),
        (Some("HIGH"), "001".to_owned())
    );
    platform.lift().await;
}

#[tokio::test]
async fn a_policy_that_breaks_while_people_are_waited_for_closes_and_what_they_said_still_counts_when_it_is_mended() {
    let team = Team::new("breaks").await;
    let mut platform = Platform::of(&team).await;
    let people = |required: u8| json!({"gates": {"approvals": {"required": required}}});
    platform.impose("people", people(2)).await;
    let _operator = Operator::start(&team.namespace);
    let alice = team.approver("alice", &[]).await;
    team.apply("shop", &spec()).await;
    team.reason("shop", "AwaitingApproval").await;
    alice.says(&["approve", "shop", "-n", &team.namespace, "--yes"]).unwrap();
    let counted = |status: &DatabaseMigrationStatus| {
        let items = status.gates.iter().flat_map(|gates| &gates.items);
        items.into_iter().any(|item| item.message.contains("1 of 2 approvals"))
    };
    team.until("shop", "one of two", counted).await;
    platform.impose("people", json!({"gates": {"lint": {"deny": ["drop-tabel"]}}})).await;
    team.reason("shop", "PolicyViolation").await;
    assert_eq!(team.tables().await, [""; 0]);
    platform.impose("people", people(1)).await;
    team.ready("shop").await;
    assert_eq!(team.tables().await, ["orders"]);
    platform.lift().await;
}

#[tokio::test]
async fn a_policy_that_is_deleted_while_people_are_waited_for_lets_the_plan_go() {
    let team = Team::new("lifted").await;
    let mut platform = Platform::of(&team).await;
    platform.impose("people", json!({"gates": {"approvals": {"required": 1}}})).await;
    let _operator = Operator::start(&team.namespace);
    team.apply("shop", &spec()).await;
    team.reason("shop", "AwaitingApproval").await;
    platform.lift().await;
    let status = team.ready("shop").await;
    assert!(status.policies.is_empty(), "{:?}", status.policies);
}
