//! The story of one object. Pure: the object and the time in, text out.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::ResourceExt;

use crate::api::v1alpha1::{
    BlockerStatus, ConditionType, DatabaseMigration, DatabaseMigrationStatus, HistoryEntry, PlanStatus, RunStatus,
};
use crate::duration;

/// The whole story.
pub fn tell(object: &DatabaseMigration, now: Timestamp) -> String {
    let status = object.status.clone().unwrap_or_default();
    let mut lines = vec![head(object, &status), wanted(object, &status)];
    lines.extend(freshness(object, &status));
    lines.extend(conditions(&status, now));
    if let Some(run) = &status.run {
        lines.extend(running(run, now));
    }
    if let Some(plan) = &status.plan {
        lines.extend(planned(plan));
    }
    if let Some(gates) = &status.gates {
        lines.extend(super::gates::section(gates));
    }
    if !status.policies.is_empty() {
        lines.extend(super::gates::policies(&status.policies));
    }
    if let Some(verification) = &status.verification {
        lines.extend(super::checks::section(verification, now));
    }
    if let Some(source) = &status.source
        && !source.warnings.is_empty()
    {
        lines.push(title("Warnings"));
        lines.extend(source.warnings.iter().map(|warning| format!("  {warning}")));
    }
    if !status.history.is_empty() {
        lines.push(title("History, newest first"));
        lines.extend(status.history.iter().flat_map(|entry| past(entry, now)));
    }
    lines.push(title("Next"));
    lines.push(format!("  {}", super::next::next(object, &status)));
    lines.join("\n") + "\n"
}

fn title(text: &str) -> String {
    format!("\n{text}")
}

fn place(object: &DatabaseMigration) -> String {
    format!("{}/{}", object.namespace().unwrap_or_default(), object.name_any())
}

fn condition(status: &DatabaseMigrationStatus, type_: ConditionType) -> Option<&Condition> {
    status.conditions.iter().find(|condition| condition.type_ == type_.as_str())
}

fn head(object: &DatabaseMigration, status: &DatabaseMigrationStatus) -> String {
    let state = match condition(status, ConditionType::Ready) {
        Some(ready) if ready.status == "True" => "is ready".to_owned(),
        Some(ready) if condition(status, ConditionType::Stalled).is_some() => {
            format!("is stuck until somebody changes something ({})", ready.reason)
        }
        Some(ready) => format!("is not ready ({})", ready.reason),
        None => "was not looked at yet".to_owned(),
    };
    format!("{} {state}", place(object))
}

fn wanted(object: &DatabaseMigration, status: &DatabaseMigrationStatus) -> String {
    let target = &object.spec.target_version;
    let latest = status.source.as_ref().and_then(|source| source.latest.as_deref());
    let wanted = match latest {
        Some(latest) if target == "Latest" => format!("Latest ({latest})"),
        Some(_) | None => target.clone(),
    };
    let applied = status.applied.as_ref().map_or_else(
        || "nothing applied, as far as is known".to_owned(),
        |applied| {
            let time = applied.time.as_ref().map(|time| format!(" at {}", clock(time.0))).unwrap_or_default();
            format!("{} applied{time}, {} in all", applied.version, applied.count)
        },
    );
    format!("  wanted: {wanted}; {applied}")
}

/// What is said below may be about a former spec, or nobody may be there to say anything.
fn freshness(object: &DatabaseMigration, status: &DatabaseMigrationStatus) -> Option<String> {
    let generation = object.metadata.generation.unwrap_or_default();
    match status.observed_generation {
        Some(seen) if seen == generation => None,
        Some(seen) if seen >= 0 => Some(format!(
            "  the spec was changed (generation {generation}) and the operator has seen generation {seen} only: what follows \
             is about the former one"
        )),
        Some(_) | None => Some("  no operator has looked at it".to_owned()),
    }
}

fn conditions(status: &DatabaseMigrationStatus, now: Timestamp) -> Vec<String> {
    if status.conditions.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![title("Conditions")];
    let mut told: Vec<&str> = Vec::new();
    for condition in &status.conditions {
        let age = ago(condition.last_transition_time.0, now);
        lines.push(format!("  {:<13} {:<7} {} ({age})", condition.type_, condition.status, condition.reason));
        // Several conditions carry the summary's message; once is enough.
        if !condition.message.is_empty() && !told.contains(&condition.message.as_str()) {
            lines.push(format!("      {}", condition.message));
            told.push(&condition.message);
        }
    }
    lines
}

fn running(run: &RunStatus, now: Timestamp) -> Vec<String> {
    let step = run.step.as_ref().map(|step| format!(", at {step}")).unwrap_or_default();
    let mut lines = vec![
        title("Running now"),
        format!("  {}{step}: {}; since {}", run.stage, run.progress, clock(run.start_time.0)),
        format!("  for {} (run {})", lasting(run.start_time.0, now), run.id),
    ];
    if let Some(retries) = run.lock_retries.filter(|retries| *retries > 0) {
        lines.push(format!("  {retries} tries ended because a table's lock was not to be had"));
    }
    lines.extend(run.blocked_by.iter().map(blocker));
    lines
}

fn blocker(blocker: &BlockerStatus) -> String {
    let application = if blocker.application.is_empty() { "without a name" } else { &blocker.application };
    format!("  in the way: session {} ({application}), open for {}", blocker.pid, blocker.age)
}

fn planned(plan: &PlanStatus) -> Vec<String> {
    let from = plan.from.as_deref().unwrap_or("nothing");
    let to = plan.to.as_deref().unwrap_or("nothing");
    let mut lines =
        vec![title("Plan"), format!("  {} from {from} to {to}: {}", plan.direction, plan.pending.join(", "))];
    let hidden = usize::try_from(plan.steps).unwrap_or_default().saturating_sub(plan.pending.len());
    if hidden > 0 {
        lines.push(format!("  and {hidden} more"));
    }
    if let Some(risk) = &plan.risk {
        let mut words = vec![format!("risk {risk}")];
        words.extend(plan.strongest_lock.iter().map(|lock| format!("strongest lock {lock}")));
        words.extend(plan.rewrites.filter(|it| *it).map(|_| "rewrites a table".to_owned()));
        words.extend(plan.scans.filter(|it| *it).map(|_| "scans a table".to_owned()));
        words.extend(plan.estimate.iter().map(|estimate| format!("about {estimate}")));
        lines.push(format!("  {}", words.join(", ")));
        lines.extend(plan.risk_reasons.iter().map(|reason| format!("      {reason}")));
    }
    lines.extend(plan.undo.iter().map(|undo| format!("  {undo}")));
    if let Some(map) = &plan.config_map {
        lines.push(format!("  in full: ConfigMap {map}"));
    }
    lines.extend(plan.warnings.iter().map(|warning| format!("  warning: {warning}")));
    lines
}

fn past(entry: &HistoryEntry, now: Timestamp) -> Vec<String> {
    let from = entry.from.as_deref().unwrap_or("nothing");
    let to = entry.to.as_deref().unwrap_or("nothing");
    let took = entry.end_time.as_ref().map(|end: &Time| format!(" after {}", lasting(entry.start_time.0, end.0)));
    let mut lines = vec![format!(
        "  {}  {:<4} {from} → {to}: {}{} ({})",
        clock(entry.start_time.0),
        entry.direction,
        entry.outcome.replace('_', " "),
        took.unwrap_or_default(),
        ago(entry.start_time.0, now),
    )];
    lines.extend(entry.message.iter().map(|message| format!("      {message}")));
    lines
}

fn clock(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

fn lasting(from: Timestamp, to: Timestamp) -> String {
    let lasting = Duration::try_from(to.duration_since(from)).unwrap_or_default();
    // Times in a status are whole seconds.
    match lasting.as_secs() {
        0 => "less than 1s".to_owned(),
        seconds => duration::format(Duration::from_secs(seconds)),
    }
}

fn ago(then: Timestamp, now: Timestamp) -> String {
    let seconds = Duration::try_from(now.duration_since(then)).unwrap_or_default().as_secs();
    let (number, unit) = match seconds {
        0..=119 => (seconds, "s"),
        120..=7_199 => (seconds / 60, "m"),
        7_200..=172_799 => (seconds / 3_600, "h"),
        172_800.. => (seconds / 86_400, "d"),
    };
    format!("{number}{unit} ago")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::v1alpha1::Reason;
    use serde_json::{Value, json};

    fn now() -> Timestamp {
        "2026-11-21T09:00:00Z".parse().unwrap()
    }

    fn story(status: &Value) -> String {
        let object = json!({
            "apiVersion": "sluice.dev/v1alpha1", "kind": "DatabaseMigration",
            "metadata": {"name": "orders", "namespace": "shop", "generation": 3},
            "spec": {"database": {"secretRef": {"name": "db"}}, "source": {"inline": {}}, "targetVersion": "Latest"},
            "status": status,
        });
        tell(&serde_json::from_value(object).unwrap(), now())
    }

    fn with_reason(reason: &str, message: &str) -> Value {
        let ready = json!({"type": "Ready", "status": if reason == "UpToDate" {"True"} else {"False"}, "reason": reason,
            "message": message, "lastTransitionTime": "2026-11-21T08:57:00Z", "observedGeneration": 3});
        json!({"observedGeneration": 3, "conditions": [ready]})
    }

    #[test]
    fn an_object_that_nobody_looked_at_says_where_to_look() {
        for status in [Value::Null, json!({"observedGeneration": -1})] {
            let story = story(&status);
            assert!(story.contains("shop/orders was not looked at yet"), "{story}");
            assert!(story.contains("no operator has looked at it") && story.contains("kubectl get pods -A"), "{story}");
        }
    }

    #[test]
    fn a_status_of_a_former_spec_is_told_as_such() {
        let mut status = with_reason("UpToDate", "version 003 is in effect");
        status["observedGeneration"] = json!(2);
        assert!(story(&status).contains("(generation 3) and the operator has seen generation 2 only"));
    }

    #[test]
    fn a_run_under_way_names_what_is_in_the_way() {
        let mut status = with_reason("RetryingLock", "a table's lock is not to be had");
        status["applied"] = json!({"version": "002", "count": 2, "time": "2026-11-20T10:00:00Z"});
        status["source"] = json!({"digest": "sha256:x", "versions": 3, "latest": "003"});
        status["run"] = json!({"id": "0193", "stage": "RetryingLock", "step": "003", "progress": "0/1 migrations",
            "stepsDone": 0, "stepsTotal": 1, "statementsDone": 0, "statementsTotal": 2, "lockRetries": 4,
            "startTime": "2026-11-21T08:58:30Z", "blockedBy": [{"pid": 4711, "application": "report", "age": "12m"}]});
        let story = story(&status);
        for words in [
            "wanted: Latest (003); 002 applied at 2026-11-20 10:00:00 UTC, 2 in all",
            "Ready         False   RetryingLock (3m ago)",
            "RetryingLock, at 003: 0/1 migrations",
            "for 1m30s (run 0193)",
            "4 tries ended",
            "in the way: session 4711 (report), open for 12m",
            "end the transactions of the sessions",
        ] {
            assert!(story.contains(words), "{words}\n{story}");
        }
    }

    #[test]
    fn a_failure_is_told_with_its_history_and_the_command_that_tries_again() {
        let mut status = with_reason("ApplyFailed", "V003__x.sql:4:7: 42P01");
        let stalled = json!({"type": "Stalled", "status": "True", "reason": "ApplyFailed", "message": "V003__x.sql:4:7: 42P01",
            "lastTransitionTime": "2026-11-21T08:57:00Z"});
        let planned = json!({"type": "Planned", "status": "True", "reason": "Planning", "message": "to apply 1 migration",
            "lastTransitionTime": "2026-11-21T08:57:00Z"});
        let applied = json!({"type": "Applied", "status": "False", "reason": "ApplyFailed",
            "message": "V003__x.sql:4:7: 42P01", "lastTransitionTime": "2026-11-21T08:57:00Z"});
        status["conditions"].as_array_mut().unwrap().extend([stalled, planned, applied]);
        status["plan"] = json!({"digest": "sha256:y", "direction": "up", "from": "002", "to": "003", "steps": 1, "pending": ["003"]});
        status["history"] = json!([
            {"id": "2", "direction": "up", "from": "002", "to": "003", "outcome": "needs_operator", "message": "look",
             "startTime": "2026-11-21T08:56:58Z", "endTime": "2026-11-21T08:56:59.500Z"},
            {"id": "1", "direction": "up", "to": "002", "outcome": "succeeded", "startTime": "2026-11-19T08:56:00Z"},
        ]);
        let story = story(&status);
        for words in [
            "shop/orders is stuck until somebody changes something (ApplyFailed)",
            "up from 002 to 003: 003",
            "up   002 → 003: needs operator after 1s (3m ago)\n      look",
            "up   nothing → 002: succeeded (2d ago)",
            "kubectl annotate dbm orders -n shop --overwrite sluice.dev/retry=",
        ] {
            assert!(story.contains(words), "{words}\n{story}");
        }
        assert_eq!(story.matches("V003__x.sql:4:7").count(), 1, "the same message is told once: {story}");
    }

    #[test]
    fn nobody_is_sent_to_approve_where_approvals_count_for_nothing() {
        let mut status = with_reason("AwaitingApproval", "waiting");
        let mut next = |state: &str, opens: &str| {
            status["gates"] = json!({"planDigest": "sha256:y", "since": "2026-11-21T08:57:00Z", "items": [
                {"gate": "approvals", "state": state, "message": "0 of 1", "opens": opens, "since": "2026-11-21T08:57:00Z"}]});
            story(&status).split("\nNext\n").nth(1).unwrap().trim().to_owned()
        };
        let usual = "whoever may: kubectl sluice approve orders -n shop";
        assert_eq!(next("Closed", "1 more approval: `kubectl sluice approve orders -n shop`"), usual);
        assert_eq!(next("Closed", "install the admission policies"), "install the admission policies");
        assert_eq!(next("Unknown", "let the operator read them"), "let the operator read them");
    }

    #[test]
    fn every_reason_has_a_next_step() {
        for reason in Reason::ALL {
            let story = story(&with_reason(reason.as_str(), "so it is"));
            let next = story.split("\nNext\n").nth(1).unwrap();
            assert!(next.trim().len() > 10 && !next.contains("does not know"), "{reason}: {next}");
            let whole = next
                .split("sluice ")
                .skip(1)
                .all(|command| command.contains("orders -n shop") || command.starts_with("plan "));
            assert!(whole, "a command that can be copied names the object: {next}");
        }
        assert!(story(&with_reason("Novel", "x")).contains("does not know the reason Novel"));
    }
}
