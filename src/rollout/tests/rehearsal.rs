//! What a rehearsal lets through: what it said × what the spec requires.

use std::sync::Arc;

use rstest::rstest;
use serde_json::{Value, json};

use super::fixture::{With, observed};
use crate::api::v1alpha1::{ConditionType, DatabaseMigrationSpec, Reason};
use crate::database::{DatabaseError, Difference, Rehearsal};
use crate::rollout::{Action, Desired, Observed, Rehearsed, State, decide, report};

fn wanted(gates: Value, rollback: Value) -> Desired {
    let spec: DatabaseMigrationSpec = serde_json::from_value(json!({
        "database": {"secretRef": {"name": "db"}}, "source": {"configMaps": [{"name": "sql"}]}, "targetVersion": "Latest",
        "gates": gates, "rollback": rollback,
    }))
    .unwrap();
    Desired::of(&spec).unwrap()
}

fn shadow() -> Desired {
    wanted(json!({"rehearsal": {}}), json!({}))
}

fn required() -> Desired {
    wanted(json!({}), json!({"require": "Rehearsed"}))
}

fn proven() -> Rehearsal {
    Rehearsal { up: Some(Ok(())), down: Some(Ok(())), again: Some(Ok(())), ..Rehearsal::default() }
}

fn disproved() -> Rehearsal {
    let index =
        Difference { object: "index i".into(), what: "missing after the way back".into(), detail: None, remark: false };
    Rehearsal { differences: vec![index], ..proven() }
}

fn unproven() -> Rehearsal {
    Rehearsal::obstructed("role app may not create databases; grant it CREATEDB")
}

/// The digest of the plan that is there.
fn planned() -> String {
    match decide(&observed()).state {
        State::Pending(job) => job.plan.digest,
        other => panic!("{other:?}"),
    }
}

fn rehearsed(desired: Desired, result: Result<Rehearsal, DatabaseError>) -> Observed {
    observed().with(|o| {
        o.desired = Ok(desired);
        o.rehearsal = Rehearsed::Over { plan: planned(), retry_token: None, result: result.map(Arc::new) };
    })
}

fn outcome(observed: &Observed) -> (&'static str, Reason) {
    let decision = decide(observed);
    let status = report(observed, &decision.state);
    let ready = status.conditions.iter().find(|c| c.type_ == ConditionType::Ready.as_str()).unwrap();
    let action = match decision.action {
        Action::Rehearse(_) => "rehearse",
        Action::Start(_) => "start",
        Action::Wait => "wait",
        other => panic!("{other:?}"),
    };
    (action, Reason::parse(&ready.reason).unwrap())
}

#[rstest]
#[case::not_asked_for(wanted(json!({}), json!({})), "start", Reason::Applying)]
#[case::switched_off(wanted(json!({"rehearsal": {"mode": "Disabled"}}), json!({})), "start", Reason::Applying)]
#[case::gate(shadow(), "rehearse", Reason::Rehearsing)]
#[case::required_of_the_way_back(required(), "rehearse", Reason::Rehearsing)]
fn a_plan_is_rehearsed_first_where_the_spec_asks_for_it(
    #[case] desired: Desired,
    #[case] action: &str,
    #[case] reason: Reason,
) {
    assert_eq!(outcome(&observed().with(|o| o.desired = Ok(desired))), (action, reason));
}

#[rstest]
#[case::proven(proven(), shadow(), "start", Reason::Applying)]
#[case::proven_and_required(proven(), required(), "start", Reason::Applying)]
#[case::disproved(disproved(), shadow(), "wait", Reason::RehearsalFailed)]
#[case::disproved_and_required(disproved(), required(), "wait", Reason::RehearsalFailed)]
#[case::unproven(unproven(), shadow(), "start", Reason::Applying)]
#[case::unproven_and_required(unproven(), required(), "wait", Reason::RehearsalFailed)]
fn what_it_said_opens_or_closes_the_gate(
    #[case] rehearsal: Rehearsal,
    #[case] desired: Desired,
    #[case] action: &str,
    #[case] reason: Reason,
) {
    assert_eq!(outcome(&rehearsed(desired, Ok(rehearsal))), (action, reason));
}

#[test]
fn a_database_that_could_not_be_asked_is_asked_again() {
    let down = rehearsed(shadow(), Err(DatabaseError::Unreachable("connection refused".into())));
    assert_eq!(outcome(&down), ("wait", Reason::DatabaseUnreachable));
    assert!(decide(&down).retrying);
}

#[test]
fn another_plan_and_a_retry_are_rehearsed_anew() {
    let other = rehearsed(shadow(), Ok(disproved())).with(|o| {
        o.source = crate::rollout::Source::Read(Arc::new(super::fixture::set(3)));
    });
    assert_eq!(outcome(&other).0, "rehearse");
    let retried = rehearsed(shadow(), Ok(disproved())).with(|o| o.retry_token = Some("again".into()));
    assert_eq!(outcome(&retried).0, "rehearse");
}

#[test]
fn nothing_else_begins_while_it_goes_on() {
    let under_way = observed().with(|o| o.rehearsal = Rehearsed::UnderWay("apply 2 migrations (001 … 002)".into()));
    assert_eq!(outcome(&under_way), ("wait", Reason::Rehearsing));
}

#[test]
fn whether_the_way_back_was_proved_is_told_before_it_starts() {
    let tell = |observed: &Observed| {
        let status = report(observed, &decide(observed).state);
        let ready = status.conditions.iter().find(|c| c.type_ == ConditionType::RollbackReady.as_str()).unwrap();
        (ready.status.clone(), Reason::parse(&ready.reason).unwrap(), ready.message.clone())
    };
    assert_eq!(tell(&rehearsed(shadow(), Ok(proven()))).1, Reason::WayBackRehearsed);
    assert_eq!(tell(&rehearsed(shadow(), Ok(unproven()))).1, Reason::WayBackPresent);
    let (status, reason, message) = tell(&rehearsed(shadow(), Ok(disproved())));
    assert_eq!((status.as_str(), reason), ("False", Reason::RehearsalFailed));
    assert!(message.contains("index i: missing after the way back"), "{message}");
}

#[test]
fn a_rehearsal_that_is_required_and_switched_off_is_a_contradiction() {
    let spec: DatabaseMigrationSpec = serde_json::from_value(json!({
        "database": {"secretRef": {"name": "db"}}, "source": {"configMaps": [{"name": "sql"}]}, "targetVersion": "Latest",
        "gates": {"rehearsal": {"mode": "Disabled"}}, "rollback": {"require": "Rehearsed"},
    }))
    .unwrap();
    let error = Desired::of(&spec).unwrap_err().to_string();
    assert!(error.starts_with("spec.gates.rehearsal.mode: is Disabled"), "{error}");
}
