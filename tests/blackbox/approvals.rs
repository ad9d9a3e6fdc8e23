//! Plans that wait for people: who agrees, who does not, and what does not count.

use std::time::Duration;

use kube::Api;
use kube::api::PostParams;
use serde_json::{Value, json};
use sluice::api::v1alpha1::{AUTHOR, DatabaseMigrationStatus, MigrationApproval};

use crate::env::{Operator, Person, SOON, Servers, Spec, Team, client_of, eventually, files, helm_install, world};

fn gated(approvals: Value) -> Spec {
    Spec::latest()
        .inline(&files(&[
            ("V001__orders.sql", "create table orders (id int);"),
            ("U001__orders.sql", "drop table orders;"),
        ]))
        .set("/gates/approvals", approvals)
}

fn approval(team: &Team, user: &str, digest: &str, more: Value) -> MigrationApproval {
    let mut spec = json!({"migrationRef": {"name": "shop"}, "planDigest": digest, "user": user, "decision": "Approve"});
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let name = format!("shop-{user}-{}", &digest[7..13]);
    serde_json::from_value(json!({
        "apiVersion": "sluice.dev/v1alpha1", "kind": "MigrationApproval",
        "metadata": {"name": name, "namespace": team.namespace}, "spec": spec,
    }))
    .unwrap()
}

async fn write(team: &Team, person: &Person, approval: &MigrationApproval) {
    let api: Api<MigrationApproval> = Api::namespaced(person.client.clone(), &team.namespace);
    api.create(&PostParams::default(), approval).await.unwrap();
}

fn gate(status: &DatabaseMigrationStatus) -> (String, String) {
    let items = status.gates.iter().flat_map(|gates| &gates.items);
    let item = items.clone().find(|item| item.gate == "approvals");
    item.map(|item| (item.state.clone(), item.message.clone())).unwrap_or_default()
}

/// Waits until the gate says so, and returns the digest of the plan.
async fn says(team: &Team, message: &str) -> String {
    let status = team.until("shop", message, |status| gate(status).1.contains(message)).await;
    status.plan.unwrap().digest
}

fn command<'a>(team: &'a Team, verb: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&[verb, "shop", "-n", &team.namespace], more].concat()
}

#[tokio::test]
async fn a_plan_waits_for_people_and_runs_with_the_last_of_them() {
    let team = Team::new("approved").await;
    let _operator = Operator::start(&team.namespace);
    let (alice, bob) = (team.approver("alice", &["dba"]).await, team.approver("bob", &["developers"]).await);
    team.apply("shop", &gated(json!({"required": 2, "groups": ["dba"]}))).await;
    let message = team.reason("shop", "AwaitingApproval").await;
    assert!(message.contains("0 of 2 approvals; nobody of dba"), "{message}");
    assert!(message.contains(&format!("kubectl sluice approve shop -n {}", team.namespace)), "{message}");
    assert_eq!(team.tables().await, [""; 0], "nothing runs meanwhile");

    let said = bob.says(&command(&team, "approve", &["--yes", "--comment", "fine"])).unwrap();
    assert!(said.starts_with("approved by bob: plan sha256:"), "{said}");
    says(&team, "1 of 2 approvals (bob); nobody of dba").await;
    let twice = bob.says(&command(&team, "approve", &["--yes"])).unwrap_err();
    assert!(twice.contains("you already approved this plan") && twice.contains("sluice withdraw shop"), "{twice}");
    assert_eq!(team.tables().await, [""; 0]);

    let digest = team.get("shop").await.status.unwrap().plan.unwrap().digest;
    write(&team, &alice, &approval(&team, "alice", &digest, json!({"groups": ["dba"]}))).await;
    team.ready("shop").await;
    assert_eq!(team.tables().await, ["orders"]);

    // Who agreed stays with the run, whatever becomes of the approvals.
    let chain = team
        .query(
            "select a ->> 'user', a ->> 'decision', a ->> 'comment', a ->> 'planDigest' \
             from sluice.migration_runs r, jsonb_array_elements(r.gates) g, jsonb_array_elements(g -> 'approvals') a order by 1",
        )
        .await;
    assert_eq!(chain, [format!("alice,Approve,,{digest}"), format!("bob,Approve,fine,{digest}")]);
}

#[tokio::test]
async fn an_approval_is_about_one_plan_only() {
    let team = Team::new("stale").await;
    let alice = team.approver("alice", &[]).await;
    // Before there is anything to approve.
    let early = format!("sha256:{}", "0".repeat(64));
    write(&team, &alice, &approval(&team, "alice", &early, json!({}))).await;
    let _operator = Operator::start(&team.namespace);
    team.apply("shop", &gated(json!({"required": 2}))).await;
    says(&team, "0 of 2 approvals; alice's is about another plan (sha256:000000000000…)").await;

    alice.says(&command(&team, "approve", &["--yes"])).unwrap();
    let before = says(&team, "1 of 2 approvals (alice)").await;
    let scripts = files(&[("V001__orders.sql", "create table orders (id bigint);")]);
    team.apply("shop", &gated(json!({"required": 2})).inline(&scripts)).await;
    let after = says(&team, &format!("alice's is about another plan ({}…)", &before[..19])).await;
    assert_ne!(before, after);
    let bob = team.approver("bob", &[]).await;
    let refused = bob.says(&command(&team, "approve", &["--yes", "--digest", &before])).unwrap_err();
    assert!(refused.contains("the plan is another one now"), "{refused}");
    assert_eq!(team.tables().await, [""; 0]);
}

#[tokio::test]
async fn an_approval_expires() {
    let team = Team::new("expired").await;
    let _operator = Operator::start(&team.namespace);
    let alice = team.approver("alice", &[]).await;
    team.apply("shop", &gated(json!({"required": 2, "expiresAfter": "20s"}))).await;
    team.reason("shop", "AwaitingApproval").await;
    alice.says(&command(&team, "approve", &["--yes"])).unwrap();
    says(&team, "1 of 2 approvals (alice)").await;
    // Nobody touches anything: the operator looks again by itself.
    says(&team, "0 of 2 approvals; alice's expired at 2").await;
}

#[tokio::test]
async fn a_denial_stops_the_plan_until_it_is_taken_back() {
    let team = Team::new("denied").await;
    let _operator = Operator::start(&team.namespace);
    let (alice, bob) = (team.approver("alice", &[]).await, team.approver("bob", &[]).await);
    team.apply("shop", &gated(json!({"required": 1}))).await;
    team.reason("shop", "AwaitingApproval").await;
    bob.says(&command(&team, "deny", &["--yes", "--comment", "not at noon"])).unwrap();
    let message = team.reason("shop", "ApprovalDenied").await;
    assert!(message.contains("denied by bob: \"not at noon\""), "{message}");
    alice.says(&command(&team, "approve", &["--yes"])).unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    team.reason("shop", "ApprovalDenied").await;
    assert_eq!(team.tables().await, [""; 0]);
    // Only whoever denied it.
    let said = alice.says(&command(&team, "withdraw", &[])).unwrap();
    assert!(said.contains("taken back"), "{said}");
    says(&team, "denied by bob").await;
    bob.says(&command(&team, "withdraw", &[])).unwrap();
    says(&team, "0 of 1 approvals").await;
    alice.says(&command(&team, "approve", &["--yes"])).unwrap();
    team.ready("shop").await;
}

#[tokio::test]
async fn what_was_withdrawn_does_not_count() {
    let team = Team::new("withdrawn").await;
    let _operator = Operator::start(&team.namespace);
    let alice = team.approver("alice", &[]).await;
    team.apply("shop", &gated(json!({"required": 2}))).await;
    team.reason("shop", "AwaitingApproval").await;
    alice.says(&command(&team, "approve", &["--yes"])).unwrap();
    says(&team, "1 of 2 approvals (alice)").await;
    alice.says(&command(&team, "withdraw", &[])).unwrap();
    let status = team.until("shop", "withdrawn", |status| gate(status).1 == "0 of 2 approvals").await;
    assert_eq!(gate(&status).0, "Closed");
    assert!(alice.says(&command(&team, "withdraw", &[])).unwrap().contains("has neither approved nor denied"));
}

#[tokio::test]
async fn whoever_changed_the_spec_does_not_approve_it() {
    let team = Team::new("four-eyes").await;
    let _operator = Operator::start(&team.namespace);
    let (alice, bob) = (team.approver("alice", &[]).await, team.approver("bob", &[]).await);
    let spec = gated(json!({"excludeAuthor": true}));
    team.apply("shop", &spec).await;
    let message = team.reason("shop", "AwaitingApproval").await;
    assert!(message.contains("who that was cannot be told") && message.contains("sluice.dev/author"), "{message}");

    let editors = json!([{"apiGroups": ["sluice.dev"], "resources": ["databasemigrations"], "verbs": ["get", "create", "patch"]}]);
    let author = team.person("alice", &[], editors).await;
    let api: Api<sluice::api::v1alpha1::DatabaseMigration> = Api::namespaced(author.client.clone(), &team.namespace);
    let body =
        json!({"metadata": {"annotations": {AUTHOR: "alice"}}, "spec": {"gates": {"approvals": {"required": 1}}}});
    api.patch("shop", &Default::default(), &kube::api::Patch::Merge(&body)).await.unwrap();
    says(&team, "0 of 1 approvals").await;
    alice.says(&command(&team, "approve", &["--yes"])).unwrap();
    says(&team, "0 of 1 approvals; alice's does not count: alice changed the spec last").await;
    bob.says(&command(&team, "approve", &["--yes"])).unwrap();
    team.ready("shop").await;
}

#[tokio::test]
async fn the_command_line_refuses_what_would_not_count() {
    let team = Team::new("refusals").await;
    let alice = team.approver("alice", &["dba"]).await;
    let nobody = alice.says(&command(&team, "approve", &["--yes"])).unwrap_err();
    assert!(nobody.contains("there is no DatabaseMigration shop"), "{nobody}");
    let _operator = Operator::start(&team.namespace);
    team.apply("shop", &gated(json!({}))).await;
    team.reason("shop", "AwaitingApproval").await;

    let asked = alice.sluice(&command(&team, "approve", &[]));
    let shown = String::from_utf8_lossy(&asked.stderr).into_owned();
    assert_eq!(asked.status.code(), Some(1), "{shown}");
    for part in ["shop in namespace", "up from nothing to 001: 1 step (001)", "✖ approvals: 0 of 1", "say --yes"] {
        assert!(shown.contains(part), "{part} is not in\n{shown}");
    }
    // The role of approvers alone does not show ConfigMaps, and that is said.
    assert!(shown.contains("the plan in full cannot be shown: ConfigMap shop-plan"), "{shown}");
    let foreign = alice.says(&command(&team, "approve", &["--yes", "--group", "security"])).unwrap_err();
    assert!(foreign.contains("alice is not in the group security"), "{foreign}");
    let reader = json!([{"apiGroups": ["sluice.dev"], "resources": ["databasemigrations"], "verbs": ["get"]}]);
    let bob = team.person("bob", &[], reader).await;
    let powerless = bob.says(&command(&team, "approve", &["--yes"])).unwrap_err();
    assert!(powerless.contains("bob does not hold the verb approve"), "{powerless}");
    assert!(powerless.contains("--clusterrole sluice-approver --user bob"), "{powerless}");

    let admin = team.sluice(&["approve", "shop", "-n", &team.namespace, "--yes"]);
    assert!(admin.starts_with("approved by "), "{admin}");
    team.ready("shop").await;
    let nothing = alice.says(&command(&team, "approve", &["--yes"])).unwrap_err();
    assert!(nothing.contains("shows no plan"), "{nothing}");
}

#[tokio::test]
async fn without_the_admission_policy_no_approval_counts_until_it_is_installed() {
    // Policies belong to the whole cluster: this one has another.
    let servers = Servers::start(&["controlplane"]);
    let admin = std::path::PathBuf::from(servers.description["kubeconfig"].as_str().unwrap());
    let operator = helm_install(&admin, &["--set", "admission.install=false"]);
    let team = Team::of(client_of(&admin).await, "unguarded", &world().postgres).await;
    let _operator = Operator::as_told(&team.namespace, &operator, &["--leader-elect=false"]);
    team.apply("shop", &gated(json!({}))).await;
    let digest = says(&team, "approvals do not count").await;
    // Anybody could have written it.
    let forged = approval(&team, "alice", &digest, json!({}));
    let api: Api<MigrationApproval> = Api::namespaced(team.client.clone(), &team.namespace);
    api.create(&PostParams::default(), &forged).await.unwrap();
    let status = team.get("shop").await.status.unwrap();
    assert_eq!(gate(&status).0, "Closed");
    let message = team.reason("shop", "AwaitingApproval").await;
    assert!(message.contains("the ValidatingAdmissionPolicy sluice-approvals is not installed"), "{message}");
    assert!(message.contains("sluice admission | kubectl apply -f -"), "{message}");
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(team.tables().await, [""; 0]);

    // The policy is installed, and the gate notices; what was forged before stays worth nothing.
    let policies = sluice::api::admission::admission_yaml().unwrap();
    let installed = team.kubectl_in(&admin, &["apply", "-f", "-"], &policies);
    assert!(installed.is_ok(), "{installed:?}");
    eventually("the gate notices", SOON, || async {
        let found = gate(&team.get("shop").await.status.unwrap_or_default()).1;
        if found.starts_with("0 of 1 approvals; alice's was written before the admission policy was there") {
            Ok(())
        } else {
            Err(found)
        }
    })
    .await;
}

#[tokio::test]
async fn an_operator_that_may_not_look_at_the_policy_counts_nothing() {
    let team = Team::new("blind").await;
    let rules = json!([
        {"apiGroups": ["sluice.dev"], "resources": ["databasemigrations", "migrationapprovals"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": ["sluice.dev"], "resources": ["databasemigrations/status"], "verbs": ["get", "patch", "update"]},
        {"apiGroups": [""], "resources": ["configmaps", "secrets"], "verbs": ["get", "list", "watch", "create", "patch"]},
        {"apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": ["create", "patch"]},
    ]);
    let blind = team.person("blind-operator", &[], rules).await;
    team.lets_see_the_platform("blind-operator").await;
    let alice = team.approver("alice", &[]).await;
    let _operator = Operator::as_told(&team.namespace, &blind.kubeconfig, &["--leader-elect=false"]);
    team.apply("shop", &gated(json!({}))).await;
    team.reason("shop", "AwaitingApproval").await;
    alice.says(&command(&team, "approve", &["--yes"])).unwrap();
    let status = team.until("shop", "unknown", |status| gate(status).0 == "Unknown").await;
    let message = gate(&status).1;
    assert!(
        message.contains("cannot be told: the API server refuses to show the policy sluice-approvals"),
        "{message}"
    );
    assert_eq!(team.tables().await, [""; 0]);
}
