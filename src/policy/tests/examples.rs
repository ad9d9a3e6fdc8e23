//! The policies that users copy ask for what their page says: the matrix by environment and risk.

use rstest::rstest;
use serde_json::{Value, json};

use super::{ByRisk, Labels, Policy, Raised, raise, spec};
use crate::gates::Gates;
use crate::migration::Risk;

const RISKS: [Risk; 4] = [Risk::Low, Risk::Medium, Risk::High, Risk::Critical];

/// The object of the team's own page under all example policies, in a namespace of that environment.
fn in_environment(environment: &str, object: Value, personal: bool) -> ByRisk<Raised> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/policies");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let policies = files.filter(|file| file.extension().is_some_and(|extension| extension == "yaml")).map(|file| {
        let policy: Value = serde_yaml::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
        let name = policy["metadata"]["name"].as_str().unwrap();
        assert_eq!(file.file_stem().unwrap(), name);
        Policy::read(name, &policy)
    });
    let label = |key: &str, value: &str| [(key.to_owned(), value.to_owned())].into();
    let labels = Labels {
        namespace: "shop".to_owned(),
        name: "orders".to_owned(),
        labels: if personal { label("data", "personal") } else { label("data", "public") },
        namespace_labels: Some(label("environment", environment)),
    };
    raise(&spec(object), &labels, &policies.collect::<Vec<_>>()).unwrap()
}

fn gates(raised: &Raised) -> Gates {
    Gates::of(raised.spec.gates.as_ref()).unwrap()
}

#[rstest]
#[case("development", [1, 1, 1, 1], &[])]
#[case("staging", [2, 2, 2, 2], &[])]
#[case("production", [3, 3, 4, 4], &["data-ops", "technical-review"])]
fn how_many_must_agree(#[case] environment: &str, #[case] people: [usize; 4], #[case] groups: &[&str]) {
    let by_risk = in_environment(environment, json!({}), false);
    for (risk, people) in RISKS.into_iter().zip(people) {
        let rule = gates(by_risk.at(risk)).approvals.unwrap();
        assert_eq!((rule.people(risk), rule.groups), (people, groups.iter().map(ToString::to_string).collect()));
    }
}

#[test]
fn personal_data_takes_security_and_business_too() {
    let rule = gates(in_environment("production", json!({}), true).at(Risk::Low)).approvals.unwrap();
    assert_eq!(rule.groups, ["business", "data-ops", "security", "technical-review"]);
}

#[test]
fn the_matrix_by_risk_itself_is_the_documents() {
    let file = format!("{}/examples/policies/production.yaml", env!("CARGO_MANIFEST_DIR"));
    let policy: Value = serde_yaml::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let matrix = &policy["spec"]["gates"]["approvals"]["byRisk"];
    assert_eq!(*matrix, json!({"LOW": 2, "MEDIUM": 3, "HIGH": 4, "CRITICAL": 4}));
}

#[rstest]
#[case(Risk::Low, false, false)]
#[case(Risk::Medium, true, false)]
#[case(Risk::High, true, true)]
#[case(Risk::Critical, true, true)]
fn what_production_takes_besides_by_risk(#[case] risk: Risk, #[case] staging: bool, #[case] window: bool) {
    let missing = in_environment("production", json!({}), false);
    let asks = missing.at(risk).violations.iter().any(|what| what.contains("spec.gates.promotion is missing"));
    assert_eq!(asks, staging, "{:?}", missing.at(risk).violations);

    let from = json!({"gates": {"promotion": {"from": {"name": "orders", "namespace": "staging"}}}});
    let named = in_environment("production", from, false);
    let raised = named.at(risk);
    let soak = gates(raised).promotion.unwrap().min_soak;
    assert_eq!(soak.as_deref(), staging.then_some("24h"));
    assert_eq!(gates(raised).windows.len(), if window { 2 } else { 0 });
    let way_back = super::field(raised, "rollback.require");
    assert_eq!(way_back, if window { json!("Rehearsed") } else { Value::Null });
}

#[test]
fn elsewhere_the_risk_makes_no_difference() {
    for environment in ["development", "staging"] {
        assert!(!in_environment(environment, json!({}), false).differs(), "{environment}");
    }
}
