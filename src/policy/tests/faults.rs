//! Policies in error close, and close only what they may be about.

use serde_json::{Value, json};

use super::{policy, under};

fn fault(spec: Value) -> String {
    under(json!({}), &[json!({}), spec]).unwrap_err().to_string()
}

#[test]
fn a_policy_in_error_is_told_with_its_field_and_the_cure() {
    for (spec, words) in [
        (json!({"gates": {"deadline": "soon"}}), "MigrationPolicy b: spec.gates.deadline: `soon` is not a duration"),
        (json!({"gates": {"approvals": {"required": -1}}}), "spec.gates.approvals.required: -1"),
        (
            json!({"approvalsByRisk": {"HIGH": 21}}),
            "spec.approvalsByRisk.HIGH: 21 people cannot be asked; give at most 20",
        ),
        (json!({"approvalsByRisk": {"HUGE": 2}}), "spec.approvalsByRisk.HUGE: is not known to this Sluice"),
        (json!({"gates": {"windows": [{"schedule": "0 2 * * *"}]}}), "spec.gates.windows[0]: missing field `duration`"),
        (json!({"gates": {"dependsOn": [{"name": "x", "version": "one"}]}}), "spec.gates.dependsOn[0].version"),
        (json!({"gates": {"promotion": {"minSoak": "1h"}}}), "give exactly one of from and attestation"),
        (json!({"promotion": {"minSoak": "1d"}}), "spec.promotion.minSoak"),
        (
            json!({"promotion": {"maxAttestationAge": "0s"}}),
            "spec.promotion.maxAttestationAge: a statement that is too old at once",
        ),
        (
            json!({"promotion": {"publicKeys": ["x".repeat(44)]}}),
            "spec.promotion.publicKeys[0]: it is not an Ed25519 public key",
        ),
        (json!({"gates": {"deadline": "0s"}}), "spec.gates.deadline: no time at all is too short"),
        (json!({"verification": {"minDuration": "169h"}}), "give at most 168h"),
        (json!({"verification": {"requiredChecks": ["luck"]}}), "unknown variant `luck`"),
        (json!({"execution": {"maxLockTimeout": "0s"}}), "spec.execution.maxLockTimeout: no time at all"),
        (json!({"database": {"allowedHosts": []}}), "allows no host at all"),
        (json!({"database": {"allowedHosts": ["db;x"]}}), "`db;x` is no host"),
        (json!({"gates": {"lint": {"deny": ["drop-tabel"]}}}), "spec.gates.lint.deny: deny: `drop-tabel` is neither"),
        (json!({"gatez": {}}), "spec.gatez: is not known to this Sluice; remove it, or update Sluice"),
        (json!({"gates": {"approvals": {"people": 3}}}), "spec.gates.approvals.people: is not known"),
    ] {
        let error = fault(spec.clone());
        assert!(error.contains(words), "{spec}: {error}");
    }
}

#[test]
fn addresses_hold_no_password_and_an_error_does_not_show_it() {
    for (url, words) in [
        ("http://user:secret@prometheus", "no user and no password"),
        ("ftp://secret", "must begin with http://"),
        ("http://secret:port", "cannot be read"),
    ] {
        let error = fault(json!({"endpoints": {"prometheus": [{"name": "platform", "url": url}]}}));
        assert!(error.contains("spec.endpoints.prometheus.platform") && error.contains(words), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }
}

#[test]
fn a_policy_in_error_closes_only_what_it_is_about_unless_that_cannot_be_read() {
    let broken = |selector: Value| json!({"selector": selector, "gates": {"deadline": "soon"}});
    let elsewhere = json!({"matchLabels": {"team": "stock"}});
    assert!(under(json!({}), &[broken(elsewhere)]).is_ok());
    assert!(under(json!({}), &[broken(json!({"matchLabels": {"team": "sales"}}))]).is_err());
    for unreadable in [
        json!({"matchExpressions": [{"key": "team", "operator": "Like", "values": ["stock"]}]}),
        json!({"matchExpressions": [{"key": "team", "operator": "In"}]}),
        json!({"matchExpressions": [{"key": "team", "operator": "Exists", "values": ["stock"]}]}),
        json!({"matchLabels": ["team"]}),
    ] {
        let error = under(json!({}), &[json!({"selector": unreadable})]).unwrap_err().to_string();
        assert!(error.starts_with("MigrationPolicy a: spec"), "{error}");
    }
}

#[test]
fn a_policy_of_a_newer_sluice_is_about_what_it_selects() {
    let newer = json!({"selector": {"matchLabels": {"team": "stock"}}, "gates": {"moonPhase": "full"}});
    assert!(under(json!({}), &[newer]).is_ok(), "another team's");
    let newer = json!({"selector": {"matchLabels": {"team": "sales"}}, "gates": {"moonPhase": "full"}});
    assert!(under(json!({}), &[newer]).is_err());
}

#[test]
fn one_name_for_two_addresses_closes() {
    let endpoint = |url: &str| json!({"endpoints": {"http": [{"name": "shop", "url": url}]}});
    let error = under(json!({}), &[endpoint("https://a"), endpoint("https://b")]).unwrap_err().to_string();
    assert_eq!(
        error,
        "MigrationPolicy b: spec.endpoints.http.shop: MigrationPolicy a says something else; make the two agree"
    );
    let same = under(json!({}), &[endpoint("https://a"), endpoint("https://a/")]).unwrap();
    assert_eq!(same.endpoints.http["shop"].as_str(), "https://a/");
}

#[test]
fn a_policy_that_is_read_as_a_resource_is_validated_the_same() {
    let resource = |spec: Value| {
        serde_json::from_value(json!({
            "apiVersion": "sluice.dev/v1alpha1", "kind": "MigrationPolicy", "metadata": {"name": "a"}, "spec": spec
        }))
        .unwrap()
    };
    let spec = json!({"gates": {"deadline": "24h"}, "hideSql": true});
    assert_eq!(super::super::Policy::of(&resource(spec.clone())), policy("a", spec));
    let broken = json!({"gates": {"deadline": "soon"}});
    assert_eq!(super::super::Policy::of(&resource(broken.clone())), policy("a", broken));
}
