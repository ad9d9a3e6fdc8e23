//! What an object shows to those that wait for it, and since when it counts as verified.

use serde_json::{Value, json};

use super::fixture::{at, object, ready, unready};
use crate::gates::Neighbour;

fn shown(spec: Value, change: impl FnOnce(&mut Value)) -> Neighbour {
    let mut status = ready();
    change(&mut status);
    Neighbour::of(&object("staging", "orders", spec, status))
}

fn judged(run: &str, verdict: &str) -> impl FnOnce(&mut Value) {
    let judged = json!({"runId": run, "verdict": verdict, "endTime": "2026-11-24T08:30:00Z"});
    move |status: &mut Value| status["verification"] = judged
}

fn checks() -> Value {
    json!({"verification": {"checks": [{"name": "c", "builtin": "Connectivity"}]}})
}

#[test]
fn what_has_no_checks_is_verified_since_it_is_ready() {
    let neighbour = shown(json!({}), |_| {});
    assert!(neighbour.ready && neighbour.message.is_empty());
    assert_eq!(neighbour.verified_since, Some(at("2026-11-24T09:00:00Z")));
}

#[test]
fn what_has_checks_is_verified_since_they_passed_for_its_newest_run() {
    assert_eq!(shown(checks(), judged("run-2", "Passed")).verified_since, Some(at("2026-11-24T08:30:00Z")));
    for verdict in ["Measuring", "Failed", "Inconclusive", "Aborted"] {
        assert_eq!(shown(checks(), judged("run-2", verdict)).verified_since, None, "{verdict}");
        assert_eq!(shown(json!({}), judged("run-2", verdict)).verified_since, None, "{verdict}");
    }
}

#[test]
fn a_verdict_about_an_earlier_run_says_nothing_of_the_newest() {
    assert_eq!(shown(checks(), judged("run-1", "Passed")).verified_since, None);
    assert_eq!(shown(checks(), |_| {}).verified_since, None, "checks that never judged anything");
    let no_checks_any_more = shown(json!({}), judged("run-1", "Passed"));
    assert_eq!(no_checks_any_more.verified_since, Some(at("2026-11-24T09:00:00Z")));
}

#[test]
fn what_is_not_ready_now_is_not_verified_now() {
    let status = unready("Applying", "at work");
    let neighbour = Neighbour::of(&object("staging", "orders", json!({}), status));
    assert_eq!((neighbour.ready, neighbour.verified_since), (false, None));
    assert_eq!((neighbour.reason.as_str(), neighbour.message.as_str()), ("Applying", "at work"));
}

#[test]
fn whoever_waits_for_what_is_at_work_does_not_hear_of_each_step() {
    let words = |reason: &str, message: &str, run: bool| {
        let mut status = unready(reason, message);
        if run {
            status["run"] = json!({
                "id": "run-3", "stage": "Applying", "progress": message, "stepsDone": 1, "stepsTotal": 3,
                "statementsDone": 1, "statementsTotal": 3, "startTime": "2026-11-24T08:00:00Z",
            });
        }
        Neighbour::of(&object("staging", "orders", json!({}), status))
    };
    assert_eq!(words("Applying", "1/3 statements", true), words("Applying", "2/3 statements", true));
    assert_eq!(words("Applying", "1/3 statements", true).message, "a run is under way");
    assert_eq!(words("Verifying", "9s left", false), words("Verifying", "8s left", false));
    assert_eq!(words("ApplyFailed", "line 3", false).message, "line 3");
}

#[test]
fn the_digest_of_the_source_counts_only_where_all_of_it_is_in_effect() {
    assert_eq!(shown(json!({}), |_| {}).set_digest.as_deref(), Some("sha256:cc"));
    let lower = shown(json!({}), |status| status["applied"]["version"] = json!("011"));
    assert_eq!(lower.set_digest, None);
    let left_out = shown(json!({}), |status| status["applied"]["count"] = json!(11));
    assert_eq!(left_out.set_digest, None);
    let written_otherwise = shown(json!({}), |status| status["applied"]["version"] = json!("12"));
    assert!(written_otherwise.set_digest.is_some());
    assert_eq!(lower.applied_digest.as_deref(), Some("sha256:after"), "what is in effect is told anyway");
}

#[test]
fn namespaces_are_let_by_name_or_all_of_them_and_none_by_a_part_of_its_name() {
    let lets = |annotation: &str, namespace: &str| {
        let mut there = object("staging", "orders", json!({}), ready());
        there.metadata.annotations = Some([("sluice.dev/promotes-to".to_owned(), annotation.to_owned())].into());
        Neighbour::of(&there).lets(namespace)
    };
    assert!(lets("shop", "shop") && lets("a, shop ,b", "shop") && lets("*", "shop"));
    assert!(
        !lets("shop-2", "shop") && !lets("sho", "shop") && !lets("", "shop") && !lets("sh*", "shop") && !lets(",", "")
    );
    assert!(!Neighbour::of(&object("staging", "orders", json!({}), ready())).lets("shop"));
}
