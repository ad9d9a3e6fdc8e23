//! The checks of a verification as a list that people read: what each says, how often it was measured, what it saw last.

use jiff::Timestamp;

use crate::api::v1alpha1::{CheckStatus, VerificationStatus};

/// The section about a verification.
pub(super) fn section(verification: &VerificationStatus, now: Timestamp) -> Vec<String> {
    let version = verification.version.as_deref().unwrap_or("none");
    let left = match (&verification.end_time, verification.verdict.as_str()) {
        (Some(end), "Measuring") => {
            let seconds = end.0.duration_since(now).as_secs().max(0);
            format!(", {} left", crate::duration::format(std::time::Duration::from_secs(seconds.unsigned_abs())))
        }
        _ => String::new(),
    };
    let mut lines = vec![format!("\nVerification of version {version}: {}{left}", verification.verdict)];
    lines.extend(verification.checks.iter().map(check));
    lines
}

fn check(check: &CheckStatus) -> String {
    let mark = match check.state.as_str() {
        "Passed" => '✔',
        "Failed" => '✖',
        "Inconclusive" => '?',
        _ => '…',
    };
    let mut counts = vec![format!("{} passed", check.passed)];
    if check.failed > 0 {
        counts.push(format!("{} failed", check.failed));
    }
    if check.errors > 0 {
        counts.push(format!("{} not measured", check.errors));
    }
    let observed = if check.observe == Some(true) { " (observed only)" } else { "" };
    let last = check.last.as_ref().map(|last| format!("; last: {last}")).unwrap_or_default();
    format!("  {mark} {}{observed}: {}{last}", check.name, counts.join(", "))
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

    use super::*;

    fn measured(name: &str, state: &str, counts: (i64, i64, i64), observe: Option<bool>) -> CheckStatus {
        let (passed, failed, errors) = counts;
        let last = Some("value 3".to_owned());
        CheckStatus { name: name.to_owned(), state: state.to_owned(), passed, failed, errors, last, observe }
    }

    #[test]
    fn each_check_is_a_line_with_a_mark_its_counts_and_its_last_value() {
        let verification = VerificationStatus {
            run_id: "run".to_owned(),
            version: Some("003".to_owned()),
            verdict: "Measuring".to_owned(),
            start_time: None,
            end_time: Some(Time(Timestamp::from_second(190).unwrap())),
            checks: vec![
                measured("health", "Measuring", (4, 0, 0), None),
                measured("errors", "Failed", (1, 3, 0), Some(true)),
                measured("lag", "Inconclusive", (0, 0, 4), None),
            ],
        };
        let lines = section(&verification, Timestamp::from_second(100).unwrap());
        assert_eq!(
            lines,
            [
                "\nVerification of version 003: Measuring, 1m30s left",
                "  … health: 4 passed; last: value 3",
                "  ✖ errors (observed only): 1 passed, 3 failed; last: value 3",
                "  ? lag: 0 passed, 4 not measured; last: value 3",
            ]
        );
    }
}
