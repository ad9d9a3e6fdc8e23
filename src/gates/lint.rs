//! What the scripts must not do: a finding that is denied holds the plan back until the scripts or the spec change.

use crate::lint::{Finding, LintVerdict};

use super::{Facts, GateState, Verdict};

/// The gate's kind.
pub const LINT: &str = "lint";
/// So many findings are told one by one.
const TOLD: usize = 10;

/// One verdict for each finding that is denied; an open one where none is.
#[must_use]
pub fn check(facts: &Facts<'_>) -> Vec<Verdict> {
    let Some(rule) = &facts.gates.lint else { return Vec::new() };
    let runs = facts.plan.steps.iter().any(|step| step.script().is_some());
    if runs && facts.assessment.steps.is_empty() {
        let opens = "another release of Sluice; please report this with its log";
        return vec![Verdict::shut(LINT, GateState::Unknown, "the scripts could not be judged", opens)];
    }
    let findings = &facts.assessment.findings;
    let of =
        |wanted: LintVerdict| findings.iter().filter(|finding| rule.verdict(finding) == wanted).collect::<Vec<_>>();
    let denied = of(LintVerdict::Denied);
    if denied.is_empty() {
        let ignored = findings.iter().filter(|finding| finding.ignored.is_some()).count();
        let mut text = "nothing that is denied was found".to_owned();
        for (number, what) in [(of(LintVerdict::Warned).len(), "warned of"), (ignored, "silenced by a comment")] {
            if number > 0 {
                text.push_str(&format!(", {number} {what}"));
            }
        }
        return vec![Verdict { record: silenced(findings), ..Verdict::open(LINT, text) }];
    }
    let mut verdicts: Vec<Verdict> = denied.iter().take(TOLD).map(|finding| told(finding)).collect();
    if let Some(more) = denied.len().checked_sub(TOLD).filter(|more| *more > 0) {
        let opens = "see the plan's ConfigMap, or run `sluice lint` on the scripts";
        verdicts.push(Verdict::shut(LINT, GateState::Denied, format!("{more} more findings are denied"), opens));
    }
    verdicts
}

fn told(finding: &Finding) -> Verdict {
    let message = format!("{}:{}:{}: {}. {}", finding.file, finding.line, finding.column, finding.message, finding.why);
    let opens = match &finding.rewrite {
        Some(rewrite) => {
            let rewrite: Vec<&str> = rewrite.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
            format!("write instead: {}", rewrite.join(" "))
        }
        None => "the script does without it".to_owned(),
    };
    Verdict::shut(LINT, GateState::Denied, message, opens).named(finding.rule)
}

/// Which findings comments silenced, for the ledger: somebody answered for them.
fn silenced(findings: &[Finding]) -> Option<serde_json::Value> {
    let silenced: Vec<serde_json::Value> = findings
        .iter()
        .filter_map(|finding| {
            let reason = finding.ignored.as_ref()?;
            let place = format!("{}:{}", finding.file, finding.line);
            Some(serde_json::json!({"rule": finding.rule, "place": place, "reason": reason}))
        })
        .collect();
    (!silenced.is_empty()).then(|| serde_json::json!({"gate": LINT, "ignored": silenced}))
}
