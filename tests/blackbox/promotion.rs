//! What was verified in one environment may run in the next: in the same namespace, in another, in another cluster.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use crate::command_line::{said, sluice};
use crate::env::{Cluster, Operator, Pace, SOON, Spec, Team, eventually, files, world};

/// What a person who waits at a terminal takes for "at once".
const SECONDS: Duration = Duration::from_secs(10);

fn scripts(count: usize) -> BTreeMap<String, String> {
    let all = [
        ("V001__a.sql", "create table a (id int);"),
        ("V002__b.sql", "create table b (id int);"),
        ("V003__c.sql", "create table c (id int);"),
    ];
    files(&all[..count])
}

/// The object that goes before, in the team's namespace with a database of its own.
async fn canary(team: &Team, scripts: &BTreeMap<String, String>) -> Spec {
    let database = format!("{}_canary", team.database);
    team.create_database(&database).await;
    team.secret("db-canary", &database).await;
    Spec::latest().set("/database/secretRef/name", json!("db-canary")).inline(scripts)
}

fn after(from: Value) -> Spec {
    Spec::latest().set("/gates/promotion", from)
}

async fn told(team: &Team, part: &str) -> String {
    let has = |status: &sluice::api::v1alpha1::DatabaseMigrationStatus| {
        status.conditions.first().is_some_and(|condition| condition.message.contains(part))
    };
    team.until("shop", part, has).await.conditions[0].message.clone()
}

#[tokio::test]
async fn what_the_checks_passed_before_for_long_enough_runs_by_itself_and_not_a_moment_earlier() {
    let team = Team::new("promotion").await;
    let _operator = Operator::start(&team.namespace);
    let before = canary(&team, &scripts(2)).await.set(
        "/verification",
        json!({"initialDelay": "1s", "interval": "1s", "duration": "15s", "checks": [
            {"name": "alive", "sql": {"query": "select 1"}, "expect": "value == 1"},
        ]}),
    );
    let shop = after(json!({"from": {"name": "canary"}, "minSoak": "15s"})).inline(&scripts(2));
    team.apply("shop", &shop).await;
    team.reason("shop", "DependencyNotReady").await;
    team.apply("canary", &before).await;
    told(&team, "canary is not Ready (Verifying)").await;
    let verified = team.ready("canary").await.verification.unwrap().end_time.unwrap().0;
    told(&team, &format!("since {verified}, which has to be 15s ago")).await;
    assert_eq!(team.tables().await, [""; 0]);
    let status = team.ready("shop").await;
    let began = status.history[0].start_time.0;
    let soaked = began.duration_since(verified).as_secs();
    // What has a watch of its own is looked at again after a minute: this was not it.
    assert!((15..60).contains(&soaked), "verified at {verified}, begun at {began}");
}

#[tokio::test]
async fn other_scripts_stay_out_until_they_were_there_before() {
    let team = Team::new("promotion-digest").await;
    let _operator = Operator::start(&team.namespace);
    let before = canary(&team, &scripts(1)).await;
    team.apply("canary", &before).await;
    team.ready("canary").await;
    team.apply("shop", &after(json!({"from": {"name": "canary"}})).inline(&scripts(2))).await;
    let message = team.reason("shop", "DependencyNotReady").await;
    assert!(message.contains("is at version 001, and what this plan would bring into effect is not"), "{message}");
    // The same version by another script is another one.
    let mut other = scripts(2);
    other.insert("V002__b.sql".to_owned(), "create table b (id bigint);".to_owned());
    team.apply("canary", &before.clone().inline(&other)).await;
    told(&team, "is at version 002, and what this plan would bring into effect is not").await;
    team.apply("shop", &after(json!({"from": {"name": "canary"}})).inline(&other)).await;
    team.ready("shop").await;
    assert_eq!(team.value("select data_type from information_schema.columns where table_name = 'b'").await, "bigint");
}

#[tokio::test]
async fn a_part_of_the_scripts_counts_where_just_that_part_was_verified() {
    let team = Team::new("promotion-part").await;
    let _operator = Operator::start(&team.namespace);
    let before = canary(&team, &scripts(3)).await.set("/targetVersion", json!("002"));
    team.apply("canary", &before).await;
    team.ready("canary").await;
    let shop = |target: &str, scripts: &BTreeMap<String, String>| {
        after(json!({"from": {"name": "canary"}})).set("/targetVersion", json!(target)).inline(scripts)
    };
    team.apply("shop", &shop("003", &scripts(3))).await;
    team.reason("shop", "DependencyNotReady").await;
    // Another source as a whole, the same up to there.
    let mut own = scripts(2);
    own.insert("U002__b.sql".to_owned(), "drop table b;".to_owned());
    team.apply("shop", &shop("002", &own)).await;
    assert_eq!(team.ready("shop").await.applied.unwrap().version, "002");
    // And the way back needs nobody's leave.
    team.apply("shop", &shop("001", &own)).await;
    assert_eq!(team.ready("shop").await.applied.unwrap().version, "001");
}

#[tokio::test]
async fn an_operator_of_one_namespace_says_that_it_cannot_see_the_other() {
    let team = Team::new("promotion-confined").await;
    let _operator = Operator::start(&team.namespace);
    team.apply("shop", &after(json!({"from": {"name": "orders", "namespace": "staging"}})).inline(&scripts(1))).await;
    let message = team.reason("shop", "DependencyNotReady").await;
    assert!(message.contains("alone (--namespace) and cannot see namespace staging"), "{message}");
    let gates = team.get("shop").await.status.unwrap().gates.unwrap();
    assert_eq!(gates.items[0].state, "Unknown");
}

#[tokio::test]
async fn another_namespace_has_to_let_us_and_shows_nothing_before_it_does() {
    let cluster = Cluster::start();
    let _operator = Operator::everywhere(&cluster.operator);
    let postgres = &world().postgres;
    let staging = Team::of(cluster.client().await, "staging", postgres).await;
    let team = Team::of(cluster.client().await, "production", postgres).await;
    let from = json!({"from": {"name": "orders", "namespace": staging.namespace}});
    team.apply("shop", &after(from).inline(&scripts(1))).await;
    let message = team.reason("shop", "DependencyNotReady").await;
    let absent = format!("there is no DatabaseMigration orders in namespace {} that lets", staging.namespace);
    assert!(message.contains(&absent) && message.contains("sluice.dev/promotes-to"), "{message}");

    // Whatever happens there, nothing of it is seen here.
    staging
        .apply("orders", &Spec::latest().inline(&files(&[("V001__secret.sql", "select * from secret_table;")])))
        .await;
    staging.reason("orders", "ApplyFailed").await;
    staging.annotate("orders", "sluice.dev/promotes-to", "somebody-else").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(team.reason("shop", "DependencyNotReady").await, message);

    let pace = Pace::start(&team).await;
    staging.annotate("orders", "sluice.dev/promotes-to", &format!("somebody-else, {}", team.namespace)).await;
    let message = told(&team, "orders is not Ready (ApplyFailed)").await;
    assert!(pace.elapsed() < SECONDS, "{:?}", pace.elapsed());
    assert!(!message.contains("secret"), "{message}");
    staging.apply("orders", &Spec::latest().inline(&scripts(1))).await;
    team.ready("shop").await;
    assert_eq!(team.tables().await, ["a"]);

    // Whoever takes the leave back takes it back for what did not begin.
    staging.annotate("orders", "sluice.dev/promotes-to", "nobody").await;
    let from = json!({"from": {"name": "orders", "namespace": staging.namespace}});
    team.apply("shop", &after(from).inline(&scripts(2))).await;
    let message = team.reason("shop", "DependencyNotReady").await;
    assert!(message.contains(&absent), "{message}");
}

#[tokio::test]
async fn a_ring_over_two_namespaces_is_named_where_both_let_each_other_and_is_over_when_somebody_breaks_it() {
    let cluster = Cluster::start();
    let _operator = Operator::everywhere(&cluster.operator);
    let postgres = &world().postgres;
    let staging = Team::of(cluster.client().await, "ring-staging", postgres).await;
    let team = Team::of(cluster.client().await, "ring-production", postgres).await;
    let from = |namespace: &str| after(json!({"from": {"name": "orders", "namespace": namespace}})).inline(&scripts(1));
    team.apply("orders", &from(&staging.namespace)).await;
    staging.apply("orders", &from(&team.namespace)).await;
    for team in [&team, &staging] {
        let message = team.reason("orders", "DependencyNotReady").await;
        assert!(message.contains("there is no DatabaseMigration orders"), "{message}");
    }

    // One lets the other: that one knows, and the first still learns nothing.
    staging.annotate("orders", "sluice.dev/promotes-to", &team.namespace).await;
    let (here, there) = (format!("{}/orders", team.namespace), format!("{}/orders", staging.namespace));
    let message = team.reason("orders", "GateFailed").await;
    let ring = format!("each of them waits for the next: {here} → {there} → {here}");
    assert!(message.contains(&ring) && message.contains("spec.gates.promotion.from of one of them"), "{message}");
    let message = staging.reason("orders", "DependencyNotReady").await;
    assert!(message.contains("there is no DatabaseMigration orders"), "{message}");
    team.annotate("orders", "sluice.dev/promotes-to", "*").await;
    let message = staging.reason("orders", "GateFailed").await;
    assert!(message.contains(&format!("{there} → {here} → {there}")), "{message}");
    eventually("they do not keep each other awake", SOON, || async {
        let written = team.get("orders").await.metadata.resource_version;
        tokio::time::sleep(Duration::from_secs(3)).await;
        let later = team.get("orders").await.metadata.resource_version;
        if later == written { Ok(()) } else { Err(format!("{written:?}, then {later:?}")) }
    })
    .await;

    let pace = Pace::start(&team).await;
    staging.apply("orders", &Spec::latest().inline(&scripts(1))).await;
    team.ready("orders").await;
    assert!(pace.elapsed() < SECONDS, "{:?}", pace.elapsed());
    assert_eq!(team.tables().await, ["a"]);
}

/// Writes a signed statement about the object `orders` of a team.
fn attest(team: &Team, key: &str) -> String {
    let output = sluice(&["attest", "orders", "-n", &team.namespace, "--key", key, "--cluster", "eu"], &[]);
    assert!(output.status.success(), "{}", said(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// Makes a key, and returns its public half.
fn keygen(file: &str) -> String {
    let output = sluice(&["attest", "keygen", file], &[]);
    assert!(output.status.success(), "{}", said(&output));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

impl Team {
    async fn carries(&self, statement: &str) {
        let api: Api<ConfigMap> = Api::namespaced(self.client.clone(), &self.namespace);
        let body = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "before"},
            "data": {"attestation.json": statement},
        });
        api.patch("before", &PatchParams::apply("team").force(), &Patch::Apply(&body)).await.unwrap();
    }
}

#[tokio::test]
async fn a_signed_statement_of_another_cluster_opens_and_one_that_was_tampered_with_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let public = keygen(&file("key"));
    keygen(&file("other"));
    let staging = Team::new("attest-staging").await;
    let team = Team::new("attest").await;
    let _operators = [Operator::start(&staging.namespace), Operator::start(&team.namespace)];

    let output = sluice(&["attest", "orders", "-n", &staging.namespace, "--key", &file("key")], &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("there is no DatabaseMigration orders"), "{}", said(&output));
    staging.apply("orders", &Spec::latest().inline(&scripts(2))).await;
    staging.ready("orders").await;
    let good = attest(&staging, &file("key"));

    let wanted = json!({"attestation": {"configMap": "before", "publicKeys": [public]}, "minSoak": "1s"});
    team.apply("shop", &after(wanted).inline(&scripts(2))).await;
    let message = team.reason("shop", "DependencyNotReady").await;
    assert!(message.contains("the ConfigMap does not exist, or has no key attestation.json"), "{message}");
    let payload = good.find("payload\":\"").unwrap() + 60;
    let mut tampered = good.clone().into_bytes();
    tampered[payload] = if tampered[payload] == b'A' { b'B' } else { b'A' };
    team.carries(&String::from_utf8(tampered).unwrap()).await;
    told(&team, "was changed after it was signed").await;
    team.carries(&attest(&staging, &file("other"))).await;
    told(&team, ", which is not among the public keys that are accepted here").await;
    team.carries("hello").await;
    told(&team, "is not what `sluice attest` writes").await;
    assert_eq!(team.tables().await, [""; 0]);

    let pace = Pace::start(&team).await;
    team.carries(&good).await;
    team.ready("shop").await;
    assert!(pace.elapsed() < SECONDS, "{:?}", pace.elapsed());
    assert_eq!(team.tables().await, ["a", "b"]);
}

#[tokio::test]
async fn a_statement_that_grew_too_old_while_its_plan_waited_opens_nothing_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key").to_str().unwrap().to_owned();
    let public = keygen(&key);
    let team = Team::new("attest-age").await;
    let _operator = Operator::start(&team.namespace);
    let before = canary(&team, &scripts(2)).await;
    team.apply("orders", &before).await;
    team.ready("orders").await;
    let shop = |age: &str| {
        let signed = json!({"configMap": "before", "publicKeys": [public], "maxAge": age});
        after(json!({"attestation": signed})).inline(&scripts(2))
    };
    let waiting = shop("3s").set("/gates/approvals", json!({"required": 1}));
    team.carries(&attest(&team, &key)).await;
    team.apply("shop", &waiting).await;
    // Nobody touches anything: it closes by itself.
    told(&team, "and may be 3s old at most").await;
    team.apply("shop", &shop("3s")).await;
    team.reason("shop", "DependencyNotReady").await;
    assert_eq!(team.tables().await, [""; 0]);
    team.apply("shop", &shop("1h")).await;
    team.ready("shop").await;
    assert_eq!(team.tables().await, ["a", "b"]);
}

#[tokio::test]
async fn a_statement_about_other_scripts_opens_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key").to_str().unwrap().to_owned();
    let public = keygen(&key);
    let team = Team::new("attest-digest").await;
    let _operator = Operator::start(&team.namespace);
    let before = canary(&team, &scripts(1)).await;
    team.apply("orders", &before).await;
    team.ready("orders").await;
    team.carries(&attest(&team, &key)).await;
    let wanted = json!({"attestation": {"configMap": "before", "publicKeys": [public]}});
    team.apply("shop", &after(wanted).inline(&scripts(2))).await;
    let message = team.reason("shop", "DependencyNotReady").await;
    assert!(message.contains("orders of cluster eu is at version 001, and what this plan"), "{message}");
    assert_eq!(team.tables().await, [""; 0]);
}
