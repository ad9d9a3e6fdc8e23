//! Policies that hold for plans of a risk or a higher one.

use rstest::rstest;
use serde_json::{Value, json};

use super::{by_risk, field, imposed, under};
use crate::gates::Gates;
use crate::migration::Risk;

const RISKS: [Risk; 4] = [Risk::Low, Risk::Medium, Risk::High, Risk::Critical];

fn fault(spec: Value) -> String {
    under(json!({}), &[spec]).unwrap_err().to_string()
}

#[rstest]
#[case("MEDIUM", [false, true, true, true])]
#[case("HIGH", [false, false, true, true])]
#[case("CRITICAL", [false, false, false, true])]
fn it_holds_from_that_risk_on(#[case] from: &str, #[case] holds: [bool; 4]) {
    let policy = json!({"fromRisk": from, "gates": {"deadline": "24h"}});
    let answer = by_risk(json!({}), &[policy, json!({"gates": {"approvals": {"required": 2}}})]).unwrap();
    assert!(answer.differs());
    for (risk, holds) in RISKS.into_iter().zip(holds) {
        let raised = answer.at(risk);
        assert_eq!(field(raised, "gates.deadline"), if holds { json!("24h") } else { Value::Null }, "{risk:?}");
        assert_eq!(field(raised, "gates.approvals.required"), 2, "the other policy holds for all");
        let told = raised.imposed.iter().find(|policy| policy.name == "a").unwrap();
        assert_eq!(told.imposed.is_empty(), !holds);
        assert_eq!(told.from_risk.as_deref(), (!holds).then_some(from), "of one that holds, what it imposed is told");
    }
}

#[test]
fn where_no_policy_asks_for_the_risk_there_is_one_answer() {
    let answer = by_risk(json!({}), &[json!({"gates": {"deadline": "24h"}})]).unwrap();
    assert!(!answer.differs());
    assert_eq!(answer.at(Risk::Low), answer.strictest());
}

#[test]
fn everything_that_is_judged_with_the_gates_may_wait_for_the_risk() {
    let policy = json!({
        "fromRisk": "HIGH",
        "gates": {
            "deadline": "24h", "approvals": {"required": 4, "byRisk": {"CRITICAL": 5}, "groups": ["dba"]},
            "windows": [{"schedule": "0 2 * * *", "duration": "3h"}], "lint": {"deny": ["DataLoss"]},
            "preflight": {"minFreeConnections": 20, "forbidRoles": ["superuser"]},
            "sql": [{"name": "quiet", "query": "select 0", "expect": "value == 0"}],
            "dependsOn": [{"name": "users"}], "rehearsal": {"mode": "Shadow"},
        },
        "approvalsByRisk": {"HIGH": 4},
        "promotion": {"required": true, "minSoak": "24h"},
        "rollback": {"require": "Rehearsed"},
    });
    let answer = by_risk(json!({}), &[policy]).unwrap();
    let low = answer.at(Risk::Low);
    assert_eq!((field(low, "gates"), low.violations.len()), (Value::Null, 0));
    let high = answer.at(Risk::High);
    let gates = Gates::of(high.spec.gates.as_ref()).unwrap();
    assert_eq!(gates.windows.len() + gates.sql.len() + gates.depends_on.len(), 3);
    let rule = gates.approvals.unwrap();
    assert_eq!((rule.people(Risk::High), rule.people(Risk::Critical)), (4, 5));
    assert_eq!(field(high, "rollback.require"), "Rehearsed");
    assert!(high.violations[0].contains("spec.gates.promotion is missing"), "{:?}", high.violations);
    assert!(imposed(high, "a").contains(&"spec.gates.approvals.groups: dba added"), "{high:?}");
}

#[test]
fn what_is_needed_before_the_risk_is_known_or_after_the_gates_is_a_fault() {
    for (field, value) in [
        ("verification", json!({"minDuration": "5m"})),
        ("verification", json!({"requiredChecks": ["sql"]})),
        ("rollback", json!({"automatic": true})),
        ("database", json!({"tls": "Require"})),
        ("database", json!({"forbidRoles": ["superuser"]})),
        ("execution", json!({"maxDeadline": "1h"})),
        ("endpoints", json!({"http": [{"name": "shop", "url": "https://shop"}]})),
        ("hideSql", json!(true)),
    ] {
        let error = fault(json!({"fromRisk": "HIGH", field: value}));
        let place = if field == "rollback" { "spec.rollback.automatic" } else { &format!("spec.{field}") };
        let words = format!("MigrationPolicy a: {place}: is not judged together with the gates of a plan");
        assert!(error.starts_with(&words), "{error}");
        assert!(error.ends_with("move it to a MigrationPolicy without fromRisk"), "{error}");
    }
}

#[test]
fn a_number_for_a_lower_risk_would_hold_for_no_plan_and_is_a_fault() {
    let error = fault(json!({"fromRisk": "HIGH", "approvalsByRisk": {"MEDIUM": 3, "HIGH": 4}}));
    let words = "MigrationPolicy a: spec.approvalsByRisk.MEDIUM: no plan of that risk comes under a policy with fromRisk: HIGH; move it";
    assert!(error.starts_with(words), "{error}");
    let error = fault(json!({"fromRisk": "MEDIUM", "gates": {"approvals": {"byRisk": {"LOW": 1}}}}));
    assert!(error.contains("spec.gates.approvals.byRisk.LOW: no plan"), "{error}");
}

#[test]
fn a_risk_that_is_none_is_a_fault_that_closes() {
    for risk in ["LOW", "high", "SEVERE"] {
        let error = fault(json!({"fromRisk": risk}));
        assert!(error.starts_with("MigrationPolicy a: spec.fromRisk: unknown variant"), "{error}");
    }
}

#[test]
fn more_people_for_a_lower_risk_hold_for_a_higher_one_too() {
    let odd = json!({"approvalsByRisk": {"LOW": 3, "HIGH": 1}});
    let answer = by_risk(json!({}), &[odd]).unwrap();
    let rule = Gates::of(answer.at(Risk::Low).spec.gates.as_ref()).unwrap().approvals.unwrap();
    assert_eq!(RISKS.map(|risk| rule.people(risk)), [3, 3, 3, 3]);
}
