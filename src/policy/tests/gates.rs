//! The other gates: deadlines, windows, dependencies, promotion, rehearsals.

use serde_json::{Value, json};

use super::{field, imposed, raised};

fn night() -> Value {
    json!({"schedule": "0 2 * * *", "duration": "3h"})
}

#[test]
fn windows_of_policies_are_no_alternatives_to_those_of_the_object() {
    let always = json!({"schedule": "* * * * *", "duration": "1h", "allowOverrun": true});
    let weekend =
        json!({"schedule": "0 0 * * 6", "duration": "48h", "timeZone": "Europe/Amsterdam", "group": "weekend"});
    let freeze = json!({"schedule": "0 0 24 12 *", "duration": "72h", "kind": "Deny"});
    let windows = |windows: &[Value]| json!({"gates": {"windows": windows}});
    let raised = raised(windows(&[always]), &[windows(&[night(), freeze]), windows(&[weekend])]);
    let all = field(&raised, "gates.windows");
    let groups: Vec<&Value> = all.as_array().unwrap().iter().map(|window| &window["group"]).collect();
    assert_eq!(groups, [&Value::Null, &json!("policy/a"), &json!("policy/a"), &json!("policy/b/weekend")]);
    assert_eq!(
        imposed(&raised, "a"),
        [
            "spec.gates.windows: Allow `0 2 * * *` for 3h in UTC added",
            "spec.gates.windows: Deny `0 0 24 12 *` for 72h in UTC added"
        ]
    );
}

#[test]
fn nobody_adds_an_alternative_to_the_windows_of_a_policy() {
    let mut mine = night();
    mine["schedule"] = json!("* * * * *");
    mine["group"] = json!("policy/a");
    let raised = raised(json!({"gates": {"windows": [mine]}}), &[json!({"gates": {"windows": [night()]}})]);
    let all = field(&raised, "gates.windows");
    assert_eq!((&all[0]["group"], &all[1]["group"]), (&json!("own/a"), &json!("policy/a")), "{all}");
}

#[test]
fn who_names_a_part_of_a_policys_group_as_its_own_keeps_to_that_part() {
    let mut mine = night();
    mine["group"] = json!("policy/a");
    let noon = json!({"schedule": "0 12 * * *", "duration": "3h"});
    let raised = raised(json!({"gates": {"windows": [mine]}}), &[json!({"gates": {"windows": [night(), noon]}})]);
    let all = field(&raised, "gates.windows");
    let groups: Vec<&Value> = all.as_array().unwrap().iter().map(|window| &window["group"]).collect();
    assert_eq!(groups, [&json!("own/a"), &json!("policy/a"), &json!("policy/a")], "{all}");
}

#[test]
fn the_shortest_deadlines_hold() {
    let policy = json!({
        "gates": {"deadline": "24h", "rehearsal": {"deadline": "5m"}},
        "execution": {"maxLockTimeout": "50ms", "maxStatementTimeout": "20m", "maxDeadline": "30m"},
    });
    let raised = raised(json!({"execution": {"deadline": "45m"}}), &[policy]);
    assert_eq!(field(&raised, "gates"), json!({"deadline": "24h", "rehearsal": {"deadline": "5m"}}));
    assert_eq!(field(&raised, "execution"), json!({"lockTimeout": "50ms", "deadline": "30m"}));
    assert_eq!(
        imposed(&raised, "a"),
        [
            "spec.gates.deadline: 24h instead of for ever",
            "spec.gates.rehearsal.mode: Shadow instead of none",
            "spec.gates.rehearsal.deadline: 5m instead of 10m",
            "spec.execution.lockTimeout: 50ms instead of 100ms",
            "spec.execution.deadline: 30m instead of 45m",
        ]
    );
}

#[test]
fn a_rehearsal_that_anybody_requires_is_not_disabled() {
    let disabled = json!({"gates": {"rehearsal": {"mode": "Disabled"}}});
    for policy in [json!({"gates": {"rehearsal": {}}}), json!({"rollback": {"require": "Rehearsed"}})] {
        let raised = raised(disabled.clone(), &[policy]);
        assert_eq!(field(&raised, "gates.rehearsal"), json!({"mode": "Shadow"}));
        assert!(imposed(&raised, "a").contains(&"spec.gates.rehearsal.mode: Shadow instead of none"), "{raised:?}");
    }
    let untouched = raised(disabled.clone(), &[json!({"gates": {"rehearsal": {"mode": "Disabled"}}})]);
    assert_eq!(field(&untouched, "gates"), disabled["gates"], "a policy that asks for none asks for nothing");
}

#[test]
fn dependencies_are_put_together_with_the_newest_version_and_without_the_object_itself() {
    let others = |others: Value| json!({"gates": {"dependsOn": others}});
    let raised = raised(
        others(json!([{"name": "users", "version": "012"}, {"name": "stock"}])),
        &[
            others(json!([{"name": "orders"}, {"name": "users", "version": "9"}, {"name": "audit", "version": "3"}])),
            others(json!([{"name": "audit", "version": "10"}, {"name": "stock", "version": "002"}])),
        ],
    );
    assert_eq!(
        field(&raised, "gates.dependsOn"),
        json!([
            {"name": "users", "version": "012"},
            {"name": "stock", "version": "002"},
            {"name": "audit", "version": "10"}
        ])
    );
    assert_eq!(imposed(&raised, "a"), ["spec.gates.dependsOn: audit at 3 added"]);
}

#[test]
fn where_promotion_is_required_it_cannot_be_invented() {
    let policy = json!({"promotion": {"required": true, "minSoak": "24h", "fromNamespaces": ["staging"]}});
    let missing = raised(json!({}), std::slice::from_ref(&policy));
    assert_eq!(
        missing.violations,
        ["MigrationPolicy a: spec.gates.promotion is missing; name the environment that these scripts come from"]
    );
    let from = |namespace: &str| json!({"gates": {"promotion": {"from": {"name": "orders", "namespace": namespace}}}});
    let soaked = raised(from("staging"), std::slice::from_ref(&policy));
    assert_eq!((soaked.violations.len(), field(&soaked, "gates.promotion.minSoak")), (0, json!("24h")));
    let elsewhere = raised(from("playground"), &[policy]);
    assert!(elsewhere.violations[0].contains("must be one of staging, and is playground"), "{elsewhere:?}");
}

#[test]
fn a_policy_says_which_place_and_which_keys_count() {
    let key = |letter: &str| format!("{}A=", letter.repeat(42));
    let signed =
        |keys: Value| json!({"gates": {"promotion": {"attestation": {"configMap": "proof", "publicKeys": keys}}}});
    let policy = json!({"promotion": {"publicKeys": [key("A"), key("B")]}});
    let some = raised(signed(json!([key("A"), key("X")])), std::slice::from_ref(&policy));
    assert_eq!(field(&some, "gates.promotion.attestation.publicKeys"), json!([key("A")]));
    assert_eq!(imposed(&some, "a"), ["spec.gates.promotion.attestation.publicKeys: 1 of 2 do not count"]);
    let none = raised(signed(json!([key("X")])), &[policy]);
    assert!(none.violations[0].contains("holds no key that counts"), "{none:?}");

    let old = |keys: Value, age: &str| {
        let mut spec = signed(keys);
        spec["gates"]["promotion"]["attestation"]["maxAge"] = json!(age);
        spec
    };
    let limit = json!({"promotion": {"maxAttestationAge": "24h"}});
    let named = old(json!([key("A")]), "36h");
    for (object, policies, age) in [
        (signed(json!([key("A")])), vec![limit.clone()], "24h"),
        (old(json!([key("A")]), "48h"), vec![named.clone(), limit.clone()], "24h"),
        (old(json!([key("A")]), "48h"), vec![named.clone()], "36h"),
        (old(json!([key("A")]), "12h"), vec![named.clone(), limit.clone()], "12h"),
        (json!({}), vec![named.clone(), limit], "24h"),
        (json!({}), vec![named], "36h"),
    ] {
        let raised = raised(object, &policies);
        assert_eq!(field(&raised, "gates.promotion.attestation.maxAge"), json!(age), "{raised:?}");
        assert!(raised.violations.is_empty(), "{raised:?}");
    }

    let place = json!({"gates": {"promotion": {"from": {"name": "orders", "namespace": "staging"}, "minSoak": "1h"}}});
    let added = raised(json!({}), &[place.clone(), place.clone()]);
    assert_eq!(field(&added, "gates"), place["gates"]);
    let contradicted = raised(signed(json!([key("A")])), &[place]);
    assert!(
        contradicted.violations[0].contains("must name staging/orders, and names the attestation in ConfigMap proof"),
        "{contradicted:?}"
    );
}
