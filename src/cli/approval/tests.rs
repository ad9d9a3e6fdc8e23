use serde_json::json;

use super::*;

fn object(plan: serde_json::Value, observed: i64) -> DatabaseMigration {
    serde_json::from_value(json!({
        "apiVersion": "sluice.dev/v1alpha1", "kind": "DatabaseMigration",
        "metadata": {"name": "orders", "namespace": "shop", "generation": 2},
        "spec": {"database": {"secretRef": {"name": "db"}}, "source": {"inline": {}}, "targetVersion": "Latest"},
        "status": {"observedGeneration": observed, "plan": plan, "gates": {
            "planDigest": "sha256:aa", "since": "2026-11-26T12:00:00Z", "items": [
                {"gate": "window", "state": "Open", "message": "open", "since": "2026-11-26T12:00:00Z"},
                {"gate": "approvals", "state": "Closed", "message": "0 of 1 approvals", "since": "2026-11-26T12:00:00Z"},
            ]}},
    }))
    .unwrap()
}

fn status() -> serde_json::Value {
    json!({
        "digest": "sha256:0123456789abcdef", "direction": "up", "from": "002", "to": "003", "steps": 1, "pending": ["003"],
        "risk": "HIGH", "riskReasons": ["rewrites public.orders"], "rewrites": true,
    })
}

#[test]
fn only_the_plan_of_the_present_spec_can_be_decided_about() {
    assert!(waiting(&object(status(), 2)).is_ok());
    assert!(waiting(&object(status(), 1)).unwrap_err().contains("try again"));
    assert!(waiting(&object(json!(null), 2)).unwrap_err().contains("nothing to approve"));
}

#[test]
fn a_digest_may_be_shortened_but_not_be_another() {
    let there = "sha256:0123456789abcdef";
    for meant in ["sha256:0123456789abcdef", "sha256:01234567", "0123456789", "sha256:0123456789ab…"] {
        assert_eq!(same(meant, there), Ok(()), "{meant}");
    }
    assert!(same("sha256:fedcba98", there).unwrap_err().contains("another one now"));
    assert!(same("sha256:01", there).unwrap_err().contains("too short"));
}

#[test]
fn the_same_person_and_plan_have_the_same_name() {
    let name = name_of("orders", "sha256:0123456789abcdef", "alice@example.com");
    assert_eq!(name, name_of("orders", "sha256:0123456789abcdef", "alice@example.com"));
    assert!(name.starts_with("orders-0123456789-"), "{name}");
    assert_ne!(name, name_of("orders", "sha256:0123456789abcdef", "bob@example.com"));
    assert_ne!(name, name_of("orders", "sha256:9876543210abcdef", "alice@example.com"));
    let long = name_of(&"x".repeat(253), "sha256:0123456789abcdef", "alice");
    assert_eq!(long.len(), 253);
}

#[test]
fn people_speak_for_their_groups_or_for_those_that_they_name() {
    let alice = Person::of("alice", &["system:authenticated", "developers", "dba"]);
    let group = |name: &str| vec![name.to_owned()];
    assert_eq!(alice.groups(&[], &group("dba")).unwrap(), ["dba", "developers"]);
    assert_eq!(alice.groups(&group("developers"), &[]).unwrap(), ["developers"]);
    assert!(alice.groups(&group("security"), &[]).unwrap_err().contains("alice is not in the group security"));
}

#[test]
fn what_is_shown_holds_risk_and_gates_and_nothing_that_moves_the_cursor() {
    let object = object(status(), 2);
    let text = show::plan(&object, waiting(&object).unwrap(), &Ok("drop table a; -- \u{1b}[2K\r\n".to_owned()));
    for part in [
        "up from 002 to 003: 1 step (003)",
        "risk HIGH\n  because rewrites public.orders",
        "✔ window: open",
        "✖ approvals: 0 of 1",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    assert!(
        text.contains("drop table a; -- \u{fffd}[2K") && !text.contains('\u{1b}') && !text.contains('\r'),
        "{text:?}"
    );
    let text = show::plan(&object, waiting(&object).unwrap(), &Err("forbidden".to_owned()));
    assert!(text.contains("cannot be shown: forbidden"));
}
