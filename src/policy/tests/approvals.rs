//! Who must agree.

use serde_json::json;

use super::{field, imposed, raised};

#[test]
fn the_greatest_number_of_people_holds_and_is_told_with_the_policies_that_ask_for_it() {
    let two = json!({"gates": {"approvals": {"required": 2}}});
    let three = json!({"gates": {"approvals": {"required": 3}}});
    let raised = raised(json!({"gates": {"approvals": {"required": 1}}}), &[two, three.clone(), three]);
    assert_eq!(field(&raised, "gates.approvals.required"), 3);
    assert_eq!(imposed(&raised, "a"), [""; 0]);
    assert_eq!(imposed(&raised, "b"), ["spec.gates.approvals.required: 3 instead of 1"]);
    assert_eq!(imposed(&raised, "c"), ["spec.gates.approvals.required: 3 instead of 1"]);
}

#[test]
fn an_object_that_asks_nobody_gets_the_approvals_of_the_policy() {
    let raised = raised(json!({}), &[json!({"gates": {"approvals": {"groups": ["dba"], "excludeAuthor": true}}})]);
    assert_eq!(
        field(&raised, "gates.approvals"),
        json!({"required": 1, "groups": ["dba"], "excludeAuthor": true}),
        "one person unless said otherwise"
    );
    let told = [
        "spec.gates.approvals.required: 1 instead of 0",
        "spec.gates.approvals.groups: dba added",
        "spec.gates.approvals.excludeAuthor: true instead of false",
    ];
    assert_eq!(imposed(&raised, "a"), told);
}

#[test]
fn a_matrix_by_risk_does_not_take_away_the_one_person_that_was_asked_for_without_a_number() {
    let raised = raised(json!({"gates": {"approvals": {}}}), &[json!({"approvalsByRisk": {"LOW": 1, "HIGH": 4}})]);
    assert_eq!(field(&raised, "gates.approvals"), json!({"required": 1, "byRisk": {"HIGH": 4}}));
    assert_eq!(imposed(&raised, "a"), ["spec.gates.approvals.byRisk.HIGH: 4 instead of 1"]);
}

#[test]
fn of_two_matrices_the_greater_number_of_each_risk_holds() {
    let one = json!({"approvalsByRisk": {"LOW": 2, "MEDIUM": 2}});
    let other = json!({"gates": {"approvals": {"byRisk": {"MEDIUM": 3, "CRITICAL": 5}}}});
    let raised = raised(json!({"gates": {"approvals": {"byRisk": {"LOW": 1, "CRITICAL": 6}}}}), &[one, other]);
    assert_eq!(field(&raised, "gates.approvals.byRisk"), json!({"LOW": 2, "MEDIUM": 3, "CRITICAL": 6}));
    assert_eq!(field(&raised, "gates.approvals.required"), 0);
}

#[test]
fn the_shortest_time_holds_also_over_none() {
    let day = json!({"gates": {"approvals": {"required": 0, "expiresAfter": "24h"}}});
    let week = json!({"gates": {"approvals": {"required": 0, "expiresAfter": "168h"}}});
    let forever = raised(json!({"gates": {"approvals": {"required": 1}}}), &[day.clone(), week]);
    assert_eq!(field(&forever, "gates.approvals.expiresAfter"), "24h");
    assert_eq!(imposed(&forever, "a"), ["spec.gates.approvals.expiresAfter: 24h instead of for ever"]);
    assert_eq!(imposed(&forever, "b"), [""; 0]);
    let shorter = raised(json!({"gates": {"approvals": {"expiresAfter": "90m"}}}), &[day]);
    assert_eq!(field(&shorter, "gates.approvals.expiresAfter"), "90m", "as it was written");
}
