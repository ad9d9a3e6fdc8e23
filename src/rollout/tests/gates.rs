//! A plan and its gates: when it waits, what it says meanwhile, and what it never waits for.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::fixture::{With, observed, run};
use crate::api::v1alpha1::{ConditionType, DatabaseMigrationSpec, DatabaseMigrationStatus, MigrationApproval, Reason};
use crate::checks::SqlAnswer;
use crate::plan::{Ledger, Outcome, RunSummary};
use crate::rollout::{Action, Desired, Observed, Room, State, decide, events, holds, opened_by, report, waiting_since};

pub(super) fn wanted(more: Value) -> Desired {
    let mut spec = json!({
        "database": {"secretRef": {"name": "db"}}, "source": {"configMaps": [{"name": "sql"}]}, "targetVersion": "Latest",
    });
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let spec: DatabaseMigrationSpec = serde_json::from_value(spec).unwrap();
    Desired::of(&spec).unwrap()
}

fn gated(gates: Value) -> Observed {
    observed().with(|o| o.desired = Ok(wanted(json!({"gates": gates}))))
}

/// Open from 02:00 to 05:00 UTC.
fn at_night() -> Observed {
    gated(json!({"windows": [{"schedule": "0 2 * * *", "duration": "3h"}]})).at("2026-11-25T01:59:30Z")
}

fn approved_by(users: &[(&str, &str)], digest: &str) -> Vec<MigrationApproval> {
    let approvals = users.iter().map(|(user, decision)| {
        serde_json::from_value(json!({
            "apiVersion": "sluice.dev/v1alpha1", "kind": "MigrationApproval",
            "metadata": {"name": user, "namespace": "shop", "uid": user, "creationTimestamp": "2026-11-25T01:00:00Z"},
            "spec": {"migrationRef": {"name": "orders"}, "planDigest": digest, "user": user, "decision": decision},
        }))
        .unwrap()
    });
    approvals.collect()
}

trait At {
    fn at(self, time: &str) -> Self;
    fn approvals(self, users: &[(&str, &str)]) -> Self;
}

impl At for Observed {
    fn at(self, time: &str) -> Self {
        let time: Timestamp = time.parse().unwrap();
        self.with(|o| o.now = time)
    }
    fn approvals(self, users: &[(&str, &str)]) -> Self {
        let digest = planned();
        self.with(|o| o.gathered.as_mut().unwrap().approvals = approved_by(users, &digest))
    }
}

fn planned() -> String {
    match decide(&observed()).state {
        State::Pending(job) => job.plan.digest,
        other => panic!("{other:?}"),
    }
}

fn told(observed: &Observed) -> DatabaseMigrationStatus {
    report(observed, &decide(observed).state)
}

fn ready(status: &DatabaseMigrationStatus) -> (Reason, &str) {
    let ready = status.conditions.iter().find(|c| c.type_ == ConditionType::Ready.as_str()).unwrap();
    (Reason::parse(&ready.reason).unwrap(), ready.message.as_str())
}

fn condition(status: &DatabaseMigrationStatus, type_: ConditionType) -> Option<(&str, &str)> {
    let found = status.conditions.iter().find(|c| c.type_ == type_.as_str())?;
    Some((found.status.as_str(), found.reason.as_str()))
}

#[test]
fn what_gates_look_at_is_gathered_once_there_is_a_plan_and_only_then() {
    let nothing = |observed: Observed| decide(&observed.with(|o| o.gathered = None)).state;
    assert!(matches!(nothing(observed()), State::GatesDue(_)));
    assert!(matches!(nothing(observed().applied(&["001", "002"])), State::UpToDate));
    assert_eq!(decide(&observed().with(|o| o.gathered = None)).action, Action::Wait);
}

#[test]
fn a_plan_that_is_only_shown_is_never_run_whatever_its_gates_say() {
    // What gates look at changes without a change of what a look is for: only a plan without any is settled.
    for (gates, settles) in
        [(json!({}), true), (json!({"windows": [{"schedule": "0 2 * * *", "duration": "3h"}]}), false)]
    {
        let observed = observed().with(|o| o.desired = Ok(wanted(json!({"mode": "Plan", "gates": gates}))));
        let decision = decide(&observed);
        assert_eq!((decision.action, decision.settles), (Action::Wait, settles));
        let status = told(&observed);
        let (reason, message) = ready(&status);
        assert_eq!(reason, Reason::PlanOnly);
        assert!(message.contains("would apply 2 migrations (001 … 002); nothing is run"), "{message}");
        assert_eq!(status.plan.unwrap().steps, 2);
        assert_eq!(status.conditions.iter().filter(|c| c.type_ == "Stalled" || c.type_ == "Reconciling").count(), 0);
    }
}

#[test]
fn a_plan_waits_for_its_window_and_is_looked_at_again_just_when_it_opens() {
    let waiting = at_night();
    let decision = decide(&waiting);
    assert_eq!(decision.action, Action::Wait);
    let requeue = decision.requeue.unwrap();
    assert!(requeue > Duration::from_secs(30) && requeue < Duration::from_secs(31), "{requeue:?}");
    let status = told(&waiting);
    assert_eq!(ready(&status).0, Reason::AwaitingWindow);
    assert!(ready(&status).1.contains("waiting to apply 2 migrations (001 … 002): window: "), "{}", ready(&status).1);
    assert_eq!(condition(&status, ConditionType::GatesPassed), Some(("False", "AwaitingWindow")));
    assert_eq!(condition(&status, ConditionType::Reconciling).unwrap().0, "True");
    assert_eq!(status.gates.as_ref().unwrap().items[0].state, "Closed");
    let open = at_night().at("2026-11-25T02:00:00Z").reported(status);
    assert!(matches!(decide(&open).action, Action::Start(_)));
    assert_eq!(condition(&told(&open), ConditionType::GatesPassed), Some(("True", "GatesOpen")));
}

#[test]
fn a_run_may_only_begin_while_what_opened_its_gates_holds() {
    let Action::Start(job) = decide(&at_night().at("2026-11-25T02:00:00Z")).action else { panic!("not begun") };
    let hold = holds(&job, false).unwrap();
    assert_eq!(hold.until, Some("2026-11-25T05:00:00Z".parse().unwrap()), "when the window closes");
    let Action::Start(job) = decide(&observed()).action else { panic!("not begun") };
    assert_eq!(holds(&job, false), None, "nothing had to be opened");
    assert!(holds(&job, true).is_some(), "at a higher risk something would have had to be");
}

#[test]
fn a_database_that_is_all_that_is_waited_for_is_asked_again_soon() {
    let condition = json!([{"name": "no-open-batch", "query": "select 0", "expect": "value == 0"}]);
    let window = json!([{"schedule": "0 2 * * *", "duration": "3h"}]);
    let answer = |holds| SqlAnswer { holds, shown: String::new() };
    let (soon, minute) = (Duration::from_secs(10), Duration::from_secs(60));
    for (name, gates, time, holds, after) in [
        ("closed", json!({"sql": condition}), "2026-11-25T01:00:00Z", Ok(false), soon),
        ("cannot tell", json!({"sql": condition}), "2026-11-25T01:00:00Z", Err("no row".to_owned()), soon),
        ("pre-flight unanswered", json!({"preflight": {}}), "2026-11-25T01:00:00Z", Ok(true), soon),
        ("both", json!({"preflight": {}, "sql": condition}), "2026-11-25T01:00:00Z", Ok(false), soon),
        // The window brings the next look, and so do people.
        ("a window, too", json!({"sql": condition, "windows": window}), "2026-11-25T01:00:00Z", Ok(false), minute),
        ("in its window", json!({"sql": condition, "windows": window}), "2026-11-25T02:00:00Z", Ok(false), soon),
        ("people, too", json!({"sql": condition, "approvals": {}}), "2026-11-25T01:00:00Z", Ok(false), minute),
        ("people alone", json!({"sql": condition, "approvals": {}}), "2026-11-25T01:00:00Z", Ok(true), minute),
    ] {
        let waiting = gated(gates).at(time).with(|o| o.gathered.as_mut().unwrap().sql = vec![answer(holds)]);
        let decision = decide(&waiting);
        assert_eq!((decision.action, decision.requeue), (Action::Wait, Some(after)), "{name}");
    }
}

#[test]
fn a_gate_that_closes_again_before_the_run_begins_holds_it_back() {
    let queued = at_night().at("2026-11-25T04:59:59Z").with(|o| o.room = Room::Full { limit: 1 });
    assert!(matches!(decide(&queued).state, State::AwaitingRoom(..)));
    let late = queued.at("2026-11-25T05:00:00Z").with(|o| o.room = Room::Free);
    assert!(matches!(decide(&late).state, State::Gated { .. }));
}

#[test]
fn an_unchanged_world_causes_no_write_while_a_plan_waits() {
    let first = told(&at_night().at("2026-11-25T00:00:00Z"));
    let second = told(&at_night().at("2026-11-25T01:30:00Z").reported(first.clone()));
    assert_eq!(first, second);
}

#[test]
fn a_plan_that_waits_for_people_says_so_and_begins_with_the_last_of_them() {
    let two = || gated(json!({"approvals": {"required": 2}})).at("2026-11-25T02:00:00Z");
    let status = told(&two().approvals(&[("alice", "Approve")]));
    assert_eq!(ready(&status).0, Reason::AwaitingApproval);
    assert!(ready(&status).1.contains("1 of 2 approvals (alice)"), "{}", ready(&status).1);
    assert_eq!(condition(&status, ConditionType::Approved), Some(("False", "AwaitingApproval")));
    let both = two().approvals(&[("alice", "Approve"), ("bob", "Approve")]);
    let Action::Start(job) = decide(&both).action else { panic!("{:?}", decide(&both).action) };
    let record = opened_by(&job).to_string();
    assert!(record.contains("alice") && record.contains("bob"), "{record}");
    assert_eq!(condition(&told(&both), ConditionType::Approved), Some(("True", "Approved")));
}

#[test]
fn a_denied_plan_stands_still_until_somebody_changes_something() {
    let denied = gated(json!({"approvals": {"required": 1}})).at("2026-11-25T02:00:00Z");
    let denied = denied.approvals(&[("alice", "Approve"), ("bob", "Deny")]);
    let status = told(&denied);
    assert_eq!(ready(&status).0, Reason::ApprovalDenied);
    assert!(ready(&status).1.starts_with("must not apply 2 migrations"), "{}", ready(&status).1);
    assert_eq!(condition(&status, ConditionType::Stalled).unwrap().0, "True");
    let told = events(None, &status, &decide(&denied).state);
    assert!(told[0].warning && told[0].reason == Reason::ApprovalDenied, "{told:?}");
}

#[test]
fn what_waiting_does_not_open_is_told_before_what_it_opens() {
    let windows = json!([{"schedule": "0 2 * * *", "duration": "3h"}]);
    let both = gated(json!({"approvals": {"required": 1}, "windows": windows})).at("2026-11-25T00:00:00Z");
    let status = told(&both.approvals(&[("bob", "Deny")]));
    let message = ready(&status).1;
    let at = |text: &str| message.find(text).unwrap_or_else(|| panic!("{text}: {message}"));
    assert!(at("approvals: denied by bob") < at("window: closed"), "{message}");
}

#[test]
fn a_plan_that_waits_too_long_is_given_up_until_somebody_asks_for_it() {
    let wish = || gated(json!({"approvals": {}, "deadline": "24h"}));
    let first = told(&wish().at("2026-11-25T00:00:00Z"));
    let waiting = wish().at("2026-11-25T23:59:59Z").reported(first.clone());
    assert_eq!(ready(&told(&waiting)).0, Reason::AwaitingApproval);
    let late = || wish().at("2026-11-26T00:00:00Z").reported(first.clone());
    let status = told(&late());
    assert_eq!(ready(&status).0, Reason::DeadlineExceeded);
    assert!(ready(&status).1.contains("sluice.dev/retry"), "{}", ready(&status).1);
    assert_eq!(condition(&status, ConditionType::Stalled).unwrap().0, "True");
    let asked = late().with(|o| o.retry_token = Some("again".into()));
    assert_eq!(ready(&told(&asked)).0, Reason::AwaitingApproval, "the clock begins anew");
    let approved = |observed: Observed| decide(&observed.approvals(&[("alice", "Approve")])).action;
    assert_eq!(approved(late().reported(status.clone())), Action::Wait, "what is given up is not begun by surprise");
    let still = told(&late().reported(status.clone()).approvals(&[("alice", "Approve")]));
    assert_eq!(approved(late().reported(still)), Action::Wait, "nor one pass later");
    assert!(matches!(
        approved(late().with(|o| o.retry_token = Some("again".into())).reported(status)),
        Action::Start(_)
    ));
    assert!(matches!(approved(late()), Action::Start(_)), "it opened before anybody said that it is given up");
}

#[test]
fn since_when_a_gate_is_shut_is_kept_while_others_move() {
    let wish = |time: &str| {
        gated(json!({"approvals": {"required": 2}, "windows": [{"schedule": "0 2 * * *", "duration": "3h"}]})).at(time)
    };
    let first = told(&wish("2026-11-25T01:00:00Z"));
    let second = told(&wish("2026-11-25T02:30:00Z").reported(first));
    let since: Vec<(String, String)> = second
        .gates
        .unwrap()
        .items
        .into_iter()
        .map(|item| (format!("{} {}", item.gate, item.state), item.since.0.to_string()))
        .collect();
    assert_eq!(
        since,
        [
            ("window Open".to_owned(), "2026-11-25T02:30:00Z".to_owned()),
            ("approvals Closed".to_owned(), "2026-11-25T01:00:00Z".to_owned())
        ]
    );
}

#[test]
fn since_when_a_plan_waits_is_told_of_what_the_reason_says() {
    let gates = json!({
        "deadline": "3h",
        "approvals": {"required": 1, "expiresAfter": "90m"}, "windows": [{"schedule": "0 4 * * *", "duration": "3h"}],
    });
    let wish = |time: &str| gated(gates.clone()).at(time);
    let at = |status: &DatabaseMigrationStatus| {
        let ready = status.conditions.iter().find(|condition| condition.type_ == "Ready").unwrap();
        let reason = Reason::parse(&ready.reason).unwrap();
        (reason, waiting_since(status.gates.as_ref().unwrap(), reason).to_string())
    };
    let alone = told(&wish("2026-11-25T01:15:00Z"));
    assert_eq!(at(&alone), (Reason::AwaitingApproval, "2026-11-25T01:15:00Z".to_owned()));
    let approved = told(&wish("2026-11-25T01:30:00Z").approvals(&[("alice", "Approve")]).reported(alone));
    assert_eq!(
        at(&approved),
        (Reason::AwaitingWindow, "2026-11-25T01:15:00Z".to_owned()),
        "the window was shut before"
    );
    // The approval was given at 01:00, and is worth nothing any more: nobody has been asked for hours.
    let expired = told(&wish("2026-11-25T02:30:00Z").approvals(&[("alice", "Approve")]).reported(approved));
    assert_eq!(at(&expired), (Reason::AwaitingApproval, "2026-11-25T02:30:00Z".to_owned()));
    let given_up = told(&wish("2026-11-25T04:15:00Z").approvals(&[("alice", "Approve")]).reported(expired));
    assert_eq!(at(&given_up), (Reason::DeadlineExceeded, "2026-11-25T01:15:00Z".to_owned()));
}

#[test]
fn how_long_a_plan_took_is_known_from_its_last_run_that_came_to_its_end() {
    let ran = |outcome: Option<Outcome>, seconds: i64, digest: &str| RunSummary {
        plan_digest: digest.to_owned(),
        finished_at: outcome.map(|_| run(None).started_at + SignedDuration::from_secs(seconds)),
        ..run(outcome)
    };
    // The newest run is the first.
    let runs = vec![
        ran(None, 0, "a"),
        ran(Some(Outcome::Failed), 1, "a"),
        ran(Some(Outcome::Succeeded), 90, "b"),
        ran(Some(Outcome::Succeeded), 60, "a"),
        ran(Some(Outcome::Succeeded), 30, "a"),
        ran(Some(Outcome::Interrupted), 5, "c"),
    ];
    let ledger = Ledger { runs, ..Ledger::default() };
    let took = |digest| ledger.took(digest).map(|took| took.as_secs());
    assert_eq!([took("a"), took("b"), took("c"), took("d")], [Some(60), Some(90), None, None]);
}

#[test]
fn a_suspended_object_shows_its_gates_and_waits_for_the_spec() {
    let observed = observed().with(|o| {
        o.desired = Ok(wanted(json!({"suspend": true, "gates": {"approvals": {}}})));
    });
    let status = told(&observed);
    assert_eq!(ready(&status).0, Reason::Suspended);
    assert_eq!(status.gates.unwrap().items[0].gate, "approvals");
}
