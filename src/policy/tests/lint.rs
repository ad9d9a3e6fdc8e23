//! What scripts must not do.

use serde_json::{Value, json};

use super::{field, imposed, raised};

fn lint(lists: Value) -> Value {
    json!({"gates": {"lint": lists}})
}

#[test]
fn an_objects_exception_does_not_undo_what_a_policy_denies() {
    let raised = raised(
        lint(json!({"allow": ["drop-table", "TableScan"], "warn": ["DATALOSS"]})),
        &[lint(json!({"deny": ["DataLoss"], "forbidIgnore": true}))],
    );
    assert_eq!(
        field(&raised, "gates.lint"),
        json!({"deny": ["DataLoss"], "warn": [], "allow": ["TableScan"], "forbidIgnore": true})
    );
    assert_eq!(
        imposed(&raised, "a"),
        [
            "spec.gates.lint.deny: DataLoss added",
            "spec.gates.lint.warn: DATALOSS removed",
            "spec.gates.lint.allow: drop-table removed",
            "spec.gates.lint.forbidIgnore: true instead of false",
        ]
    );
}

#[test]
fn a_policys_own_exception_holds_where_nobody_else_denies_the_class() {
    let policy = lint(json!({"deny": ["DataLoss"], "allow": ["delete-without-where"]}));
    let raised_here = raised(json!({}), std::slice::from_ref(&policy));
    assert_eq!(
        field(&raised_here, "gates.lint"),
        json!({"deny": ["DataLoss"], "warn": ["delete-without-where"]}),
        "told, as the object would have it"
    );
    let denied = raised(lint(json!({"deny": ["DataLoss"]})), &[policy]);
    assert_eq!(field(&denied, "gates.lint"), json!({"deny": ["DataLoss"]}));
}

#[test]
fn a_policy_that_says_nothing_of_a_class_leaves_the_objects_exceptions_alone() {
    let object = lint(json!({"allow": ["TableScan", "drop-table"], "warn": ["BlockingLock"]}));
    let raised = raised(object.clone(), &[lint(json!({"warn": [], "allow": ["TableScan"]}))]);
    assert_eq!(field(&raised, "gates"), object["gates"]);
    assert_eq!(imposed(&raised, "a"), [""; 0]);
}
