//! A plan as it is shown to whoever decides about it. Nothing in it can move the cursor or hide a line.

use kube::ResourceExt;

use crate::api::v1alpha1::{DatabaseMigration, PlanStatus};

/// The plan, its risk, its gates, and in full where that can be had.
pub fn plan(object: &DatabaseMigration, plan: &PlanStatus, full: &Result<String, String>) -> String {
    let version = |version: &Option<String>| version.clone().unwrap_or_else(|| "nothing".to_owned());
    let steps = if plan.steps == 1 { "1 step".to_owned() } else { format!("{} steps", plan.steps) };
    let mut lines = vec![
        format!("{} in namespace {}", object.name_any(), object.namespace().unwrap_or_default()),
        format!("plan {}", plan.digest),
        format!(
            "{} from {} to {}: {steps} ({})",
            plan.direction,
            version(&plan.from),
            version(&plan.to),
            plan.pending.join(", ")
        ),
    ];
    if let Some(risk) = &plan.risk {
        lines.push(format!("risk {risk}"));
    }
    lines.extend(plan.risk_reasons.iter().map(|reason| format!("  because {reason}")));
    lines.extend(plan.strongest_lock.as_ref().map(|lock| format!("strongest lock: {lock}")));
    lines.extend((plan.rewrites == Some(true)).then(|| "it writes a table anew while others wait".to_owned()));
    lines.extend((plan.scans == Some(true)).then(|| "it reads a whole table while writers wait".to_owned()));
    lines.extend(plan.estimate.as_ref().map(|estimate| format!("it takes about {estimate}")));
    lines.extend(plan.warnings.iter().map(|warning| format!("warning: {warning}")));
    if let Some(rehearsal) = &plan.rehearsal {
        lines.push(format!("rehearsal: {}: {}", rehearsal.verdict, rehearsal.message));
    }
    let gates = object.status.iter().filter_map(|status| status.gates.as_ref()).flat_map(|gates| &gates.items);
    for gate in gates {
        let mark = match gate.state.as_str() {
            "Open" => '✔',
            "Unknown" => '?',
            _ => '✖',
        };
        let name = gate.name.as_ref().map(|name| format!(" {name}")).unwrap_or_default();
        lines.push(format!("{mark} {}{name}: {}", gate.gate, gate.message));
    }
    match full {
        Ok(text) => lines.extend([String::new(), text.trim_end().to_owned()]),
        Err(why) => lines.push(format!("the plan in full cannot be shown: {why}")),
    }
    lines.push(String::new());
    plain(&lines.join("\n")) + "\n"
}

/// Without control characters: a script with an escape sequence in a comment must not hide what it does.
fn plain(text: &str) -> String {
    text.chars()
        .map(|letter| if letter.is_control() && !matches!(letter, '\n' | '\t') { '\u{fffd}' } else { letter })
        .collect()
}
