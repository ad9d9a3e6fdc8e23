//! The gate `window`: runs begin only when they may.
//!
//! The times are in [`calendar`], what a schedule means in a time zone is in [`schedule`], and what a user wrote is read in [`parse`].

pub mod calendar;
mod parse;
pub mod schedule;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::api::v1alpha1::WindowKind;

use calendar::{Calendar, Edge, State, fits};
use schedule::Schedule;

use super::{Facts, GateState, Verdict, approvals};

const GATE: &str = "window";

/// A time that comes again and again, validated.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    /// When it begins.
    pub schedule: Schedule,
    /// How long it is, by a stopwatch: three hours are three hours also when clocks are changed meanwhile.
    pub duration: SignedDuration,
    /// What it does.
    pub kind: WindowKind,
    /// A run may outlast it.
    pub allow_overrun: bool,
    /// `Allow` windows of one group are alternatives.
    pub group: Option<String>,
}

/// What the windows say of a plan.
pub fn check(facts: &Facts<'_>) -> Vec<Verdict> {
    if facts.gates.windows.is_empty() {
        return Vec::new();
    }
    let calendar = Calendar::of(&facts.gates.windows);
    let length = facts.assessment.estimate.and_then(|estimate| SignedDuration::try_from(estimate).ok());
    let verdict = match calendar.state_at(facts.now) {
        State::Open { until } => open(facts.now, length, until, calendar.limit(facts.now)).unwrap_or_else(|limit| {
            let text = format!("open until {}, but a run of {} would outlast that", said(&limit), about(length));
            let next = until.map_or(limit.at, |end| end.at);
            let fitting = length.and_then(|length| calendar.fitting(next, length));
            shut(facts, text, fitting, length)
        }),
        State::Closed { denied, until } => {
            let by = denied.map(|window| format!(" by the Deny window `{}`", window.schedule.cron.as_str()));
            let closed = format!("closed{}", by.unwrap_or_default());
            let fitting = length.map_or(until, |length| calendar.fitting(facts.now, length));
            match (until, fitting) {
                (Some(edge), Some(fitting)) if edge.at == fitting.at => {
                    shut(facts, format!("{closed}; opens {}", said(&edge)), Some(edge), None)
                }
                (Some(edge), fitting) => {
                    let text =
                        format!("{closed}; opens {}, not long enough for a run of {}", said(&edge), about(length));
                    shut(facts, text, fitting, length)
                }
                (None, _) => shut(facts, format!("{closed}; no opening is in sight"), None, None),
            }
        }
    };
    vec![overridden(facts, verdict)]
}

/// An open window, or the end that the run has to keep where it does not fit.
fn open<'a>(
    now: Timestamp,
    length: Option<SignedDuration>,
    until: Option<Edge<'a>>,
    limit: Option<Edge<'a>>,
) -> Result<Verdict, Edge<'a>> {
    let mut verdict = match &until {
        Some(end) => Verdict::open(GATE, format!("open until {}", said(end))),
        None => Verdict::open(GATE, "open; no end is in sight"),
    };
    verdict.changes_at = until.map(|end| end.at);
    match (length, limit) {
        (Some(length), Some(limit)) if !fits(now, length, Some(&limit)) => Err(limit),
        // The last moment at which it fits; from the next on it does not.
        (Some(length), Some(limit)) => {
            let last = limit.at.checked_sub(length).and_then(|last| last.checked_add(SignedDuration::from_nanos(1)));
            verdict.changes_at = [last.ok(), verdict.changes_at].into_iter().flatten().min();
            Ok(verdict)
        }
        (Some(_) | None, _) => Ok(verdict),
    }
}

fn shut(facts: &Facts<'_>, message: String, opens: Option<Edge<'_>>, length: Option<SignedDuration>) -> Verdict {
    let by_itself = match (&opens, length) {
        (Some(edge), None) => format!("by itself at {}", said(edge)),
        (Some(edge), Some(_)) => format!("by itself at {}, when the run fits", said(edge)),
        (None, None) => "change spec.gates.windows".to_owned(),
        (None, Some(_)) => "give the windows a longer duration, or allowOverrun".to_owned(),
    };
    let (namespace, name) = facts.place();
    let emergency = format!(
        "in an emergency `kubectl sluice approve {name} -n {namespace} --override-windows`, by as many as the plan needs and at least one"
    );
    let mut verdict = Verdict::shut(GATE, GateState::Closed, message, format!("{by_itself}; {emergency}"));
    verdict.changes_at = opens.map(|edge| edge.at);
    verdict
}

/// The same verdict, opened by people where they said so.
fn overridden(facts: &Facts<'_>, verdict: Verdict) -> Verdict {
    if verdict.state == GateState::Open {
        return verdict;
    }
    let people = match approvals::override_windows(facts) {
        Ok(people) => people,
        Err(None) => return verdict,
        Err(Some(why)) => return Verdict { message: format!("{}; {why}", verdict.message), ..verdict },
    };
    let users: Vec<&str> = people.counted.iter().map(|approval| approval.spec.user.as_str()).collect();
    let mut opened = Verdict::open(GATE, format!("overridden by {}: {}", users.join(", "), verdict.message));
    opened.changes_at = [verdict.changes_at, people.until].into_iter().flatten().min();
    opened.record = Some(json!({"overriddenBy": users, "window": verdict.message}));
    opened
}

/// `2026-11-26T02:00+01:00 (Europe/Amsterdam)`
fn said(edge: &Edge<'_>) -> String {
    let zone = &edge.window.schedule.zone;
    let local = edge.at.to_zoned(zone.clone());
    let format = if local.second() == 0 { "%Y-%m-%dT%H:%M%:z" } else { "%Y-%m-%dT%H:%M:%S%:z" };
    format!("{} ({})", local.strftime(format), zone.iana_name().unwrap_or("UTC"))
}

fn about(length: Option<SignedDuration>) -> String {
    let seconds = length.map_or(0, |length| length.as_secs().unsigned_abs());
    format!("about {}", crate::duration::format(std::time::Duration::from_secs(seconds)))
}
