//! Objects with a past, for the tables of what earlier runs leave to be done.

use serde_json::{Value, json};
use uuid::Uuid;

use super::fixture::{With, observed, run, seen, set};
use crate::api::v1alpha1::{ConditionType, DatabaseMigrationSpec, Reason};
use crate::plan::{
    Direction, Judgement, Ledger, Outcome, Policy, Rollback, RunSummary, TakeBack, Target, Trigger, Verification, make,
};
use crate::rollout::{Action, Desired, Look, Observed, Requests, decide, report};

/// The run from 001 to 002.
pub(super) const UP: Uuid = Uuid::from_u128(1);
/// The run that takes it back.
const BACK: Uuid = Uuid::from_u128(2);

pub(super) fn wanted(rollback: Value, target: &str) -> Desired {
    let spec: DatabaseMigrationSpec = serde_json::from_value(json!({
        "database": {"secretRef": {"name": "db"}},
        "source": {"configMaps": [{"name": "sql"}]},
        "targetVersion": target,
        "verification": {"checks": [{"name": "orphans", "sql": {"query": "select 0"}, "expect": "value == 0"}]},
        "rollback": rollback,
    }))
    .unwrap();
    Desired::of(&spec).unwrap()
}

pub(super) fn automatic() -> Desired {
    wanted(json!({"mode": "Automatic"}), "Latest")
}

/// The plan that brought the database from 001 to 002.
pub(super) fn plan_digest() -> String {
    let before = seen(&["001"]).ledger;
    make(&set(2), &before, &Target::Latest, &Policy { allow_down: true, require_down: true, ..Policy::default() })
        .unwrap()
        .digest
}

/// The run from 001 to 002.
pub(super) fn up(outcome: Outcome) -> RunSummary {
    RunSummary { id: UP, from: Some("001".into()), plan_digest: plan_digest(), ..run(Some(outcome)) }
}

pub(super) fn verification(judgement: Option<Judgement>) -> Verification {
    Verification {
        run: UP,
        spec: json!({"checks": [{"name": "orphans", "sql": {"query": "select 0"}, "expect": "value == 0"}]}),
        baseline: json!({}),
        judgement,
        retry_token: None,
        message: judgement.map(|_| "check orphans failed (value 3)".into()),
        evidence: Value::Null,
    }
}

pub(super) fn rollback(trigger: Trigger) -> Rollback {
    let what = TakeBack {
        run: UP,
        plan_digest: plan_digest(),
        retry_token: None,
        request_token: None,
        trigger,
        message: "check orphans failed (value 3)".into(),
        to: Some("001".into()),
    };
    Rollback { what, attempt: BACK }
}

pub(super) fn back(outcome: Option<Outcome>) -> RunSummary {
    RunSummary {
        id: BACK,
        direction: Direction::Down,
        from: Some("002".into()),
        to: Some("001".into()),
        ..run(outcome)
    }
}

/// An object whose newest run went from 001 to 002, on a database that is at these versions.
pub(super) fn after(
    applied: &[&str],
    outcome: Outcome,
    desired: Desired,
    change: impl FnOnce(&mut Ledger),
) -> Observed {
    observed().applied(applied).with(|o| {
        o.desired = Ok(desired);
        if let Look::Seen(seen) = &mut o.database {
            seen.ledger.runs.push(up(outcome));
            change(&mut seen.ledger);
        }
    })
}

pub(super) fn judged(judgement: Option<Judgement>, desired: Desired) -> Observed {
    after(&["001", "002"], Outcome::Succeeded, desired, |ledger| ledger.verifications.push(verification(judgement)))
}

pub(super) fn taken_back(applied: &[&str], outcome: Option<Outcome>) -> Observed {
    after(applied, Outcome::Succeeded, automatic(), |ledger| {
        ledger.verifications.push(verification(Some(Judgement::Failed)));
        ledger.rollbacks.push(rollback(Trigger::Check));
        ledger.runs.insert(0, back(outcome));
    })
}

pub(super) fn asking(token: &str) -> impl FnOnce(&mut Observed) {
    let token = token.to_owned();
    move |o| o.requests = Requests { rollback: Some(token), ..Requests::default() }
}

/// The action in a word, and the reason.
pub(super) fn outcome(observed: &Observed) -> (&'static str, Reason) {
    let decision = decide(observed);
    let status = report(observed, &decision.state);
    let ready = status.conditions.iter().find(|c| c.type_ == ConditionType::Ready.as_str()).unwrap();
    let action = match &decision.action {
        Action::Wait => "wait",
        Action::Start(job) if job.take_back.is_some() => "roll back",
        Action::Start(_) => "start",
        Action::Rehearse(_) => "rehearse",
        Action::Verify(_) => "verify",
        Action::EndVerification => "end verification",
        Action::Queue => "queue",
        Action::Stop { abort: true } => "abort",
        Action::Stop { abort: false } => "stop",
    };
    (action, Reason::parse(&ready.reason).unwrap())
}
