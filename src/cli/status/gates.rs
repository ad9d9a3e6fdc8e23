//! The gates of a plan as a checklist that people read: which are open, which are not, and what would open them.

use crate::api::v1alpha1::{GateStatus, GatesStatus, PolicyStatus};

/// The section about the gates.
pub(super) fn section(gates: &GatesStatus) -> Vec<String> {
    let open = gates.items.iter().filter(|item| item.state == "Open").count();
    let mut lines = vec![format!("\nGates: {open} of {} open", gates.items.len())];
    lines.extend(gates.items.iter().flat_map(gate));
    lines
}

fn gate(gate: &GateStatus) -> Vec<String> {
    let mark = match gate.state.as_str() {
        "Open" => '✔',
        "Denied" => '✖',
        "Unknown" => '?',
        _ => '…',
    };
    let name = gate.name.as_ref().map(|name| format!(" {name}")).unwrap_or_default();
    let since = gate.since.0.strftime("%Y-%m-%d %H:%M:%S UTC");
    let mut lines = vec![format!("  {mark} {}{name}: {}", gate.gate, gate.message)];
    if gate.state != "Open" {
        let opens = gate.opens.as_ref().map(|opens| format!("; opens: {opens}")).unwrap_or_default();
        lines.push(format!("      {} since {since}{opens}", gate.state.to_lowercase()));
    }
    lines
}

/// The section about the policies.
pub(super) fn policies(policies: &[PolicyStatus]) -> Vec<String> {
    let mut lines = vec!["\nPolicies".to_owned()];
    for policy in policies {
        let nothing = match &policy.from_risk {
            Some(risk) => format!(": only for plans of risk {risk} or higher"),
            None if policy.imposed.is_empty() => ": asks for nothing more than the spec".to_owned(),
            None => String::new(),
        };
        lines.push(format!("  {}{nothing}", policy.name));
        lines.extend(policy.imposed.iter().map(|imposed| format!("      {imposed}")));
    }
    lines
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

    use super::*;

    fn item(gate: &str, name: Option<&str>, state: &str, opens: Option<&str>) -> GateStatus {
        GateStatus {
            gate: gate.to_owned(),
            name: name.map(str::to_owned),
            state: state.to_owned(),
            message: "so it is".to_owned(),
            opens: opens.map(str::to_owned),
            since: Time("2026-11-21T08:57:00Z".parse().unwrap()),
        }
    }

    #[test]
    fn each_gate_is_a_line_with_a_mark_and_what_is_shut_says_since_when_and_what_would_open_it() {
        let gates = GatesStatus {
            plan_digest: "sha256:x".to_owned(),
            since: Time("2026-11-21T08:57:00Z".parse().unwrap()),
            retry_token: None,
            items: vec![
                item("lint", None, "Open", None),
                item("approvals", None, "Closed", Some("kubectl sluice approve orders")),
                item("sql", Some("no-open-batch"), "Unknown", None),
                item("lint", Some("drop-table"), "Denied", Some("rewrite it")),
            ],
        };
        assert_eq!(
            section(&gates),
            [
                "\nGates: 1 of 4 open",
                "  ✔ lint: so it is",
                "  … approvals: so it is",
                "      closed since 2026-11-21 08:57:00 UTC; opens: kubectl sluice approve orders",
                "  ? sql no-open-batch: so it is",
                "      unknown since 2026-11-21 08:57:00 UTC",
                "  ✖ lint drop-table: so it is",
                "      denied since 2026-11-21 08:57:00 UTC; opens: rewrite it",
            ]
        );
    }

    #[test]
    fn each_policy_is_told_with_what_it_imposed() {
        let raised = PolicyStatus {
            name: "production".to_owned(),
            imposed: vec!["spec.gates.approvals.required: 3 instead of 1".to_owned()],
            from_risk: None,
        };
        let idle = PolicyStatus { name: "all".to_owned(), imposed: Vec::new(), from_risk: None };
        let apart = PolicyStatus { name: "night".to_owned(), from_risk: Some("HIGH".to_owned()), ..idle.clone() };
        assert_eq!(
            policies(&[raised, idle, apart]),
            [
                "\nPolicies",
                "  production",
                "      spec.gates.approvals.required: 3 instead of 1",
                "  all: asks for nothing more than the spec",
                "  night: only for plans of risk HIGH or higher",
            ]
        );
    }
}
