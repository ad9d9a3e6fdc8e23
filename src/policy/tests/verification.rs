//! How what was applied must be judged, and the way back.

use serde_json::{Value, json};

use super::{field, imposed, raised};

fn checks(checks: Value) -> Value {
    json!({"verification": {"checks": checks}})
}

#[test]
fn a_verification_is_made_longer_and_never_shorter() {
    let one = checks(json!([{"name": "x", "builtin": "Connectivity"}]));
    let longer = raised(one.clone(), &[json!({"verification": {"minDuration": "10m"}})]);
    assert_eq!(field(&longer, "verification.duration"), "10m");
    assert_eq!(imposed(&longer, "a"), ["spec.verification.duration: 10m instead of 5m"]);
    let shorter = raised(one, &[json!({"verification": {"minDuration": "1m"}})]);
    assert_eq!(field(&shorter, "verification.duration"), Value::Null);
}

#[test]
fn a_verification_that_is_missing_cannot_be_invented() {
    let missing = raised(json!({}), &[json!({"verification": {"minDuration": "5m"}})]);
    assert_eq!(
        missing.violations,
        ["MigrationPolicy a: spec.verification is missing; give checks that are measured for 5m"]
    );
}

#[test]
fn a_check_that_is_required_must_be_there_and_decide() {
    let policy = json!({"verification": {"requiredChecks": ["http", "sql", "builtin"]}});
    let sql = json!({"name": "orphans", "sql": {"query": "select 0"}, "expect": "value == 0", "mode": "Observe"});
    let raised = raised(checks(json!([sql, {"name": "keys", "builtin": "ForeignKeys", "mode": "Enforce"}])), &[policy]);
    assert_eq!(
        raised.violations,
        [
            "MigrationPolicy a: a check of the kind sql must decide; set mode: Enforce in spec.verification.checks[orphans]",
            "MigrationPolicy a: a check of the kind http is missing; add one to spec.verification.checks",
        ]
    );
}

#[test]
fn the_way_back_is_raised_to_what_anybody_asks_for() {
    let rehearsed = raised(json!({}), &[json!({"rollback": {"require": "Rehearsed", "automatic": true}})]);
    assert_eq!(field(&rehearsed, "rollback"), json!({"mode": "Automatic", "require": "Rehearsed"}));
    assert_eq!(
        imposed(&rehearsed, "a"),
        ["spec.rollback.mode: Automatic instead of Manual", "spec.rollback.require: Rehearsed instead of Present",]
    );
    let automatic = json!({"rollback": {"mode": "Automatic"}});
    let as_it_was = raised(automatic.clone(), &[json!({"rollback": {"require": "Present"}})]);
    assert_eq!(field(&as_it_was, "rollback"), automatic["rollback"], "what takes back by itself must know how anyway");
    let present = raised(json!({"rollback": {"require": "None"}}), &[json!({"rollback": {"require": "Present"}})]);
    assert_eq!(field(&present, "rollback.require"), "Present");
}
