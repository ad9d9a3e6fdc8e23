//! Events: one for each transition, none for a world that stands still.

use super::fixture::{With, observed, run, running};
use crate::api::v1alpha1::Reason;
use crate::database::{DatabaseError, Stage};
use crate::plan::Outcome;
use crate::rollout::{Event, Observed, Source, decide, events, report};

fn told(observed: &Observed) -> Vec<Event> {
    let state = decide(observed).state;
    let next = report(observed, &state);
    if observed.previous.as_ref() == Some(&next) {
        return Vec::new();
    }
    events(observed.previous.as_ref(), &next, &state)
}

/// Leads an object through a story and collects what was told at each station.
fn story(stations: Vec<Observed>) -> Vec<Vec<(bool, Reason)>> {
    let mut previous = None;
    let mut all = Vec::new();
    for mut station in stations {
        station.previous = previous.take();
        all.push(told(&station).into_iter().map(|event| (event.warning, event.reason)).collect());
        previous = Some(report(&station, &decide(&station).state));
    }
    all
}

#[test]
fn a_migration_that_works_tells_of_its_begin_and_its_end() {
    let told = story(vec![
        observed(),
        observed().with(|o| o.task = running(Stage::Applying)),
        observed().applied(&["001", "002"]),
        observed().applied(&["001", "002"]),
    ]);
    assert_eq!(told, [vec![(false, Reason::Applying)], vec![], vec![(false, Reason::UpToDate)], vec![]]);
}

#[test]
fn a_database_that_is_down_is_told_once() {
    let down = || observed().failing(DatabaseError::Unreachable("connection refused".into()));
    let told = story(vec![down(), down(), down(), observed()]);
    assert_eq!(told, [vec![(true, Reason::DatabaseUnreachable)], vec![], vec![], vec![(false, Reason::Applying)]]);
}

#[test]
fn a_second_and_different_failure_is_told_too() {
    let bad = |text: &str| observed().with(|o| o.source = Source::Invalid(text.into()));
    let told = story(vec![bad("one"), bad("one"), bad("two")]);
    assert_eq!(told, [vec![(true, Reason::InvalidSource)], vec![], vec![(true, Reason::InvalidSource)]]);
}

#[test]
fn an_event_fits_into_what_kubernetes_takes() {
    let long = "é".repeat(3_000);
    for event in told(&observed().with(|o| o.source = Source::Invalid(long))) {
        assert!(event.note.len() <= 1_024, "{}", event.note.len());
        assert!(event.action.len() <= 128);
    }
}

#[test]
fn a_failure_is_told_with_the_place_where_it_left_the_database_and_the_way_to_try_again() {
    let failed = told(&observed().applied(&["001"]).last_run(run(Some(Outcome::Failed))));
    assert_eq!(failed.len(), 1);
    for part in ["42601", "The database is at version 001.", "sluice.dev/retry", "dbm orders -n shop"] {
        assert!(failed[0].note.contains(part), "{}", failed[0].note);
    }
}
