//! What the API server refuses before the operator ever sees it.

use serde_json::{Value, json};

use crate::env::{Spec, Team, files};

/// What kubectl says when a spec is applied; fails when it is accepted.
pub fn refused(team: &Team, spec: &Spec) -> String {
    let object = manifest(spec);
    match team.kubectl_with(&["apply", "--dry-run=server", "--filename", "-"], &object.to_string()) {
        Err(complaint) => complaint,
        Ok(accepted) => panic!("accepted: {accepted}\n{object}"),
    }
}

pub fn manifest(spec: &Spec) -> Value {
    json!({"apiVersion": "sluice.dev/v1alpha1", "kind": "DatabaseMigration", "metadata": {"name": "shop"}, "spec": spec.0})
}

#[tokio::test]
async fn the_examples_are_accepted_as_they_are() {
    let team = Team::new("examples").await;
    for example in ["examples/production.yaml", "examples/quickstart/04-migration.yaml"] {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(example);
        let text = std::fs::read_to_string(&path)
            .unwrap()
            .replace("namespace: shop", &format!("namespace: {}", team.namespace));
        let accepted =
            team.kubectl_with(&["create", "--dry-run=server", "--validate=strict", "--filename", "-"], &text);
        assert!(accepted.as_ref().is_ok_and(|said| said.contains("created")), "{example}: {accepted:?}");
        let object: sluice::api::v1alpha1::DatabaseMigration = serde_yaml::from_str(&text).unwrap();
        sluice::rollout::Desired::of(&object.spec).unwrap_or_else(|error| panic!("{example}: {error}"));
    }
}

#[tokio::test]
async fn the_example_policies_are_accepted_as_they_are() {
    let team = Team::new("policies").await;
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/policies");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.path().extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let text = std::fs::read_to_string(entry.path()).unwrap();
        let accepted =
            team.kubectl_with(&["create", "--dry-run=server", "--validate=strict", "--filename", "-"], &text);
        assert!(accepted.as_ref().is_ok_and(|said| said.contains("created")), "{:?}: {accepted:?}", entry.path());
        seen += 1;
    }
    assert_eq!(seen, 6);
}

#[tokio::test]
async fn a_spec_with_each_field_used_as_documented_is_accepted() {
    let team = Team::new("accepted").await;
    let spec = Spec::to("2024.01_2")
        .set("/database/caRef", json!({"kind": "ConfigMap", "name": "ca", "key": "root.pem"}))
        .set("/database/ledgerSchema", json!("ledger_2"))
        .set("/source/layout", json!("Flyway"))
        .set("/source/allowGaps", json!(true))
        .set("/suspend", json!(true))
        .set(
            "/execution",
            json!({"transaction": "PerRun", "lockTimeout": "100ms", "lockRetryDeadline": "1h30m", "statementTimeout": "15m",
                "deadline": "24h", "outOfOrder": "Ignore", "missing": "Ignore"}),
        )
        .set("/adoption", json!({"baselineVersion": "001", "allowExisting": true}))
        .set("/rollback", json!({"mode": "Disabled"}));
    let accepted = team.kubectl_with(&["apply", "--dry-run=server", "--filename", "-"], &manifest(&spec).to_string());
    assert!(accepted.as_ref().is_ok_and(|text| text.contains("created")), "{accepted:?}");
}

#[tokio::test]
async fn two_sources_or_none_are_refused() {
    let team = Team::new("sources").await;
    for source in [json!({"inline": {"V001__x.sql": "select 1;"}, "configMaps": [{"name": "sql"}]}), json!({})] {
        let complaint = refused(&team, &Spec::latest().set("/source", source));
        assert!(complaint.contains("give exactly one source: inline or configMaps"), "{complaint}");
    }
}

#[tokio::test]
async fn a_field_that_does_not_exist_is_refused_instead_of_dropped() {
    let team = Team::new("unknown-field").await;
    let complaint = refused(&team, &Spec::latest().set("/execution/lockTimout", json!("1s")));
    assert!(complaint.contains("unknown field \"spec.execution.lockTimout\""), "{complaint}");
}

#[tokio::test]
async fn values_that_cannot_be_used_are_refused_with_the_field_and_what_would_do() {
    let team = Team::new("values").await;
    let key = format!("{}A=", "A".repeat(42));
    let signed = |map: &str, key: &str, age: &str| json!({"configMap": map, "publicKeys": [key], "maxAge": age});
    for (field, value, part) in [
        ("/targetVersion", json!("v1"), "Latest"),
        ("/targetVersion", json!(""), "spec.targetVersion"),
        ("/execution/lockTimeout", json!("5 minutes"), "spec.execution.lockTimeout"),
        ("/execution/lockTimeout", json!("10"), "spec.execution.lockTimeout"),
        ("/execution/deadline", json!("-1s"), "spec.execution.deadline"),
        ("/execution/outOfOrder", json!("Maybe"), "\"Refuse\", \"Run\", \"Ignore\""),
        ("/database/ledgerSchema", json!("public"), "ledgerSchema must be a schema of its own"),
        ("/database/ledgerSchema", json!("pg_ledger"), "ledgerSchema must be a schema of its own"),
        ("/database/ledgerSchema", json!("Ledger"), "spec.database.ledgerSchema"),
        ("/database/secretRef/name", json!(""), "spec.database.secretRef.name"),
        ("/source", json!({"inline": {}}), "spec.source.inline"),
        ("/source", json!({"configMaps": []}), "spec.source.configMaps"),
        ("/source/layout", json!("Liquibase"), "spec.source.layout"),
        ("/adoption/baselineVersion", json!("one"), "spec.adoption.baselineVersion"),
        ("/rollback/mode", json!("Sometimes"), "spec.rollback.mode"),
        ("/database/secretRef/name", json!("Shop DB"), "spec.database.secretRef.name"),
        ("/gates/deadline", json!("0s"), "leave it out to wait for ever"),
        ("/gates/approvals", json!({"expiresAfter": "0m"}), "spec.gates.approvals.expiresAfter"),
        ("/gates/windows", json!([{"schedule": "0 2 * * *", "duration": "0s"}]), "a window of no length never opens"),
        ("/gates/dependsOn", json!([{"name": "shop/users"}]), "spec.gates.dependsOn[0].name"),
        ("/gates/promotion", json!({"from": {"name": "orders", "namespace": "Staging"}}), "promotion.from.namespace"),
        ("/gates/promotion", json!({"attestation": signed("../orders", &key, "24h")}), "attestation.configMap"),
        ("/gates/promotion", json!({"attestation": signed("orders", &"x".repeat(44), "24h")}), "publicKeys[0]"),
        ("/gates/promotion", json!({"attestation": signed("orders", &key, "0s")}), "leave it out for one of any age"),
    ] {
        let complaint = refused(&team, &Spec::latest().set(field, value.clone()));
        assert!(complaint.contains(part), "{field} = {value}: {complaint}");
    }
}

#[tokio::test]
async fn a_policy_that_would_close_everything_in_error_is_refused_when_it_is_written() {
    let team = Team::new("policy-values").await;
    let apply = |spec: &Value| {
        let object = json!({"apiVersion": "sluice.dev/v1alpha1", "kind": "MigrationPolicy", "metadata": {"name": "values"}, "spec": spec});
        team.kubectl_with(&["create", "--dry-run=server", "--filename", "-"], &object.to_string())
    };
    let test = |operator: &str, values: Value| json!({"namespaceSelector": {"matchExpressions": [{"key": "team", "operator": operator, "values": values}]}});
    for (spec, part) in [
        (test("Like", json!(["a"])), "In and NotIn, which need values"),
        (test("In", json!([])), "In and NotIn, which need values"),
        (test("Exists", json!(["a"])), "Exists and DoesNotExist, which take none"),
        (json!({"selector": {"matchExpressions": [{"key": "team", "operator": "NotIn"}]}}), "spec.selector"),
        (json!({"namespaceSelector": {"matchLabels": {"environment ": "production"}}}), "none that a label can have"),
        (json!({"selector": {"matchLabels": {"environment": "production "}}}), "spec.selector.matchLabels.environment"),
        (
            json!({"selector": {"matchExpressions": [{"key": "a b", "operator": "Exists"}]}}),
            "spec.selector.matchExpressions[0].key",
        ),
        (json!({"fromRisk": "HIGH", "verification": {"minDuration": "5m"}}), "without fromRisk"),
        (json!({"fromRisk": "HIGH", "rollback": {"automatic": true}}), "without fromRisk"),
        (json!({"promotion": {"publicKeys": ["x".repeat(44)]}}), "spec.promotion.publicKeys[0]"),
        (json!({"promotion": {"maxAttestationAge": "0s"}}), "spec.promotion.maxAttestationAge"),
        (json!({"promotion": {"fromNamespaces": ["Staging"]}}), "spec.promotion.fromNamespaces[0]"),
    ] {
        let complaint = apply(&spec).expect_err(&spec.to_string());
        assert!(complaint.contains(part), "{spec}: {complaint}");
    }
    for spec in [
        test("In", json!(["a"])),
        test("DoesNotExist", Value::Null),
        json!({"fromRisk": "HIGH", "rollback": {"require": "Rehearsed"}, "promotion": {"maxAttestationAge": "168h"}}),
    ] {
        assert!(apply(&spec).is_ok(), "{spec}: {:?}", apply(&spec));
    }
}

#[tokio::test]
async fn the_custom_resources_stay_small() {
    let team = Team::new("crd-size").await;
    for plural in ["databasemigrations", "migrationapprovals", "migrationpolicies"] {
        let definition = team.kubectl(&["get", "crd", &format!("{plural}.sluice.dev"), "-o", "json"]);
        let definition: Value = serde_json::from_str(&definition).unwrap();
        let length = definition.to_string().len();
        assert!(length < 120_000, "{plural}: {length} bytes; an annotation takes no more than 256 KiB");
    }
    // By its whole name: what kubectl learnt of short names may be older than the definitions.
    let explained = team.kubectl(&["explain", "databasemigrations.spec.execution.lockTimeout"]);
    assert!(explained.contains("100ms"), "{explained}");
}

#[tokio::test]
async fn the_status_that_nobody_wrote_yet_is_not_mistaken_for_a_current_one() {
    let team = Team::new("kstatus").await;
    let object = team.apply("shop", &Spec::latest().inline(&files(&[("V001__x.sql", "select 1;")]))).await;
    assert_eq!(object.status.unwrap().observed_generation, Some(-1));
}
