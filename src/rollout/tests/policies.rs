//! What the platform imposes: what it holds back, and what it leaves alone.

use serde_json::json;

use super::fixture::{With, observed, running, seen};
use super::gates::wanted;
use crate::api::v1alpha1::{ConditionType, PolicyStatus, Reason};
use crate::database::Stage;
use crate::rollout::{Action, Closed, Look, Observed, Platform, State, Task, decide, report};

fn under(platform: Platform) -> Observed {
    observed().with(|o| o.platform = platform)
}

fn refused() -> Platform {
    Platform { closed: Some(Closed::Refused("MigrationPolicy a: broken".into())), ..Platform::default() }
}

fn violated() -> Platform {
    let status = PolicyStatus {
        name: "a".into(),
        imposed: vec!["spec.gates.deadline: 24h instead of for ever".into()],
        from_risk: None,
    };
    let violations = vec!["MigrationPolicy a: a check is missing".into(), "MigrationPolicy b: another".into()];
    Platform { policies: Some(vec![status]), closed: None, violations }
}

fn told(observed: &Observed) -> (String, String) {
    let status = report(observed, &State::of(observed));
    let ready = status.conditions.iter().find(|condition| condition.type_ == ConditionType::Ready.as_str()).unwrap();
    (ready.reason.clone(), ready.message.clone())
}

#[test]
fn a_policy_that_cannot_be_used_closes() {
    let observed = under(refused());
    assert!(matches!(decide(&observed).action, Action::Wait));
    assert_eq!(told(&observed), (Reason::PolicyViolation.to_string(), "MigrationPolicy a: broken".into()));
}

#[test]
fn policies_that_cannot_be_read_close_until_they_can() {
    let closed = Some(Closed::Unread("MigrationPolicies cannot be read".into()));
    let observed = under(Platform { closed, ..Platform::default() });
    let decision = decide(&observed);
    assert!(matches!(decision.action, Action::Wait) && decision.retrying, "{decision:?}");
    assert_eq!(told(&observed).0, Reason::SourceNotReady.to_string());
}

#[test]
fn what_a_policy_asks_for_in_vain_holds_a_plan_back_and_nothing_else() {
    let observed = under(violated());
    assert!(matches!(decide(&observed).action, Action::Wait));
    let message = "MigrationPolicy a: a check is missing; MigrationPolicy b: another".to_owned();
    assert_eq!(told(&observed), (Reason::PolicyViolation.to_string(), message));
    let status = report(&observed, &State::of(&observed));
    assert!(status.plan.is_some() && status.policies[0].imposed.len() == 1, "{status:?}");
    let stalled = status.conditions.iter().any(|condition| condition.type_ == ConditionType::Stalled.as_str());
    assert!(stalled, "{:?}", status.conditions);

    let done = under(violated()).with(|o| o.database = Look::Seen(Box::new(seen(&["001", "002"]))));
    assert!(matches!(State::of(&done), State::UpToDate), "there is nothing to hold back");
}

#[test]
fn what_would_refuse_a_plan_that_is_only_shown_is_told_before_its_gates() {
    let shown = |platform: Platform| {
        under(platform)
            .with(|o| o.desired = Ok(wanted(json!({"mode": "Plan", "gates": {"approvals": {"required": 1}}}))))
    };
    let observed = shown(violated());
    assert!(matches!(decide(&observed).action, Action::Wait));
    let (reason, message) = told(&observed);
    assert_eq!(reason, Reason::PlanOnly.to_string());
    let refused = "; it would be refused: MigrationPolicy a: a check is missing; MigrationPolicy b: another; it would wait for approvals";
    assert!(message.contains(refused), "{message}");
    let (_, message) = told(&shown(Platform::default()));
    assert!(!message.contains("refused") && message.contains("it would wait for approvals"), "{message}");
}

/// What a policy from HIGH on did for a plan of that risk, and what it says of others.
fn from_high(imposed: bool) -> Platform {
    let status = PolicyStatus {
        name: "night".into(),
        imposed: if imposed { vec!["spec.gates.deadline: 24h instead of for ever".into()] } else { Vec::new() },
        from_risk: (!imposed).then(|| "HIGH".into()),
    };
    Platform { policies: Some(vec![status]), ..Platform::default() }
}

#[test]
fn while_a_plan_is_under_way_it_is_told_what_policies_asked_for_at_its_risk() {
    let planned = under(from_high(true));
    let before = report(&planned, &State::of(&planned));
    // Nobody gathers anything for what is under way, so nobody knows its risk.
    let under_way = under(from_high(false)).with(|o| {
        o.previous = Some(before.clone());
        o.gathered = None;
        o.task = running(Stage::Applying);
    });
    assert_eq!(report(&under_way, &State::of(&under_way)).policies, before.policies);
    let done = under_way.with(|o| {
        o.task = Task::None;
        o.database = Look::Seen(Box::new(seen(&["001", "002"])));
    });
    let after = report(&done, &State::of(&done));
    assert_eq!(after.policies[0].from_risk.as_deref(), Some("HIGH"), "there is no plan any more");
}
