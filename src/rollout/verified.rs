//! The part of the status that tells of verification: while it goes on, from what this process measures; afterwards, from
//! what the ledger keeps.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::{Value, json};

use crate::api::v1alpha1::{CheckStatus, VerificationStatus};
use crate::checks::{CheckState, Window};
use crate::plan::{Judgement, Ledger};

use super::measures::second;
use super::{Observed, State, Verifying};

/// The status of a window that is open.
pub(super) fn open(verifying: &Verifying) -> VerificationStatus {
    VerificationStatus {
        run_id: verifying.run.to_string(),
        version: Some(verifying.version.clone()),
        verdict: "Measuring".to_owned(),
        start_time: Some(Time(second(verifying.since))),
        end_time: Some(Time(second(verifying.until))),
        checks: checks(&verifying.window, false),
    }
}

/// The status of the newest window that the ledger knows of this object. Where the ledger says that it is open and it is held all
/// the same, it cannot be measured.
pub(super) fn recorded(observed: &Observed, state: &State, ledger: &Ledger) -> Option<VerificationStatus> {
    let (run, verification) = ledger.judged(&observed.object, &observed.uid)?;
    let verdict = match verification.judgement {
        None if matches!(state, State::Held(..)) => "Inconclusive",
        None => "Measuring",
        Some(Judgement::Passed) => "Passed",
        Some(Judgement::Failed) => "Failed",
        Some(Judgement::Inconclusive) => "Inconclusive",
        Some(Judgement::Aborted) => "Aborted",
    };
    let time = |name: &str| {
        let text = verification.evidence.get(name)?.as_str()?;
        text.parse::<Timestamp>().ok().map(|time| Time(second(time)))
    };
    let checks = verification.evidence.get("checks").cloned().unwrap_or_default();
    Some(VerificationStatus {
        run_id: run.id.to_string(),
        version: run.to.clone(),
        verdict: verdict.to_owned(),
        start_time: time("startTime"),
        end_time: time("endTime"),
        checks: serde_json::from_value(checks).unwrap_or_default(),
    })
}

/// What the ledger keeps of a window.
#[must_use]
pub fn evidence(window: &Window, since: Timestamp, now: Timestamp) -> Value {
    json!({
        "startTime": second(since).to_string(),
        "endTime": second(now).to_string(),
        "checks": checks(window, true),
    })
}

fn checks(window: &Window, over: bool) -> Vec<CheckStatus> {
    let status = |tally: &crate::checks::assess::Tally| CheckStatus {
        name: tally.name.clone(),
        state: match tally.state(over) {
            CheckState::Measuring => "Measuring",
            CheckState::Passed => "Passed",
            CheckState::Failed => "Failed",
            CheckState::Inconclusive => "Inconclusive",
        }
        .to_owned(),
        passed: i64::from(tally.counts.passed),
        failed: i64::from(tally.counts.failed),
        errors: i64::from(tally.counts.errors),
        last: tally.last.as_ref().map(|measurement| measurement.shown.clone()),
        observe: (!tally.enforced).then_some(true),
    };
    window.tallies.iter().map(status).collect()
}

/// What a verdict means, in a sentence that names the check that decided.
#[must_use]
pub fn sentence(window: &Window, judgement: Judgement) -> String {
    let last = |tally: &crate::checks::assess::Tally| {
        tally.last.as_ref().map(|measurement| format!(" ({})", measurement.shown)).unwrap_or_default()
    };
    match judgement {
        Judgement::Passed => {
            let number = window.tallies.iter().filter(|tally| tally.enforced).count();
            format!("{number} {} passed", if number == 1 { "check" } else { "checks" })
        }
        Judgement::Failed => window.culprit().map_or_else(
            || "a check failed".to_owned(),
            |tally| {
                format!(
                    "check {} failed{}: {} of {} measurements were not as expected",
                    tally.name,
                    last(tally),
                    tally.counts.failed,
                    tally.counts.made()
                )
            },
        ),
        Judgement::Inconclusive if window.tallies.is_empty() => "there was nothing to measure".to_owned(),
        Judgement::Inconclusive => {
            let open: Vec<String> = window
                .tallies
                .iter()
                .filter(|tally| tally.enforced && tally.state(true) == CheckState::Inconclusive)
                .map(|tally| {
                    format!(
                        "check {} came to no result{}: {} measured, {} could not be made",
                        tally.name,
                        last(tally),
                        tally.counts.made(),
                        tally.counts.errors
                    )
                })
                .collect();
            open.join("; ")
        }
        Judgement::Aborted => "a person ended the verification".to_owned(),
    }
}
