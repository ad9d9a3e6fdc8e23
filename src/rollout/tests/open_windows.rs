//! A window that is open: who ends it, and what waits for its end.

use std::sync::Arc;

use rstest::rstest;

use super::earlier::{UP, automatic, judged, outcome};
use super::fixture::{With, at, observed, set};
use crate::api::v1alpha1::Reason;
use crate::checks::Window;
use crate::rollout::{Requests, Source, Verifying, decide, report};

fn verifying() -> Verifying {
    Verifying {
        run: UP,
        generation: 3,
        version: "002".into(),
        since: at(999_000),
        until: at(1_001_000),
        window: Window::new([]),
        trouble: None,
        ignored: Requests { abort: Some("old".into()), rollback: Some("old".into()), allow_data_loss: None },
    }
}

#[rstest]
#[case::nothing_new(Requests { abort: Some("old".into()), rollback: Some("old".into()), ..Requests::default() }, "wait")]
#[case::no_annotation(Requests::default(), "wait")]
#[case::an_abort(Requests { abort: Some("new".into()), ..Requests::default() }, "end verification")]
#[case::a_rollback(Requests { rollback: Some("new".into()), ..Requests::default() }, "end verification")]
fn a_window_is_ended_by_new_requests_only(#[case] requests: Requests, #[case] action: &str) {
    let observed = observed().with(|o| {
        o.verifying = Some(verifying());
        o.requests = requests;
    });
    assert_eq!(outcome(&observed), (action, Reason::Verifying));
}

#[test]
fn a_change_of_the_spec_that_waits_for_the_end_of_the_window_is_told_with_the_way_to_end_it() {
    let message = |generation: i64| {
        let observed = observed().with(|o| {
            o.verifying = Some(verifying());
            o.generation = generation;
        });
        report(&observed, &decide(&observed).state).conditions[0].message.clone()
    };
    assert!(!message(3).contains("the change of the spec"), "{}", message(3));
    for part in ["the change of the spec is looked at when that is over", "sluice.dev/abort"] {
        assert!(message(4).contains(part), "{}", message(4));
    }
}

#[test]
fn nothing_new_begins_while_a_version_is_being_verified() {
    // New content is there, and the ledger says that the last run is not judged yet.
    let new = judged(None, automatic()).with(|o| o.source = Source::Read(Arc::new(set(3))));
    assert_eq!(outcome(&new).0, "verify");
    let under_way = new.with(|o| o.verifying = Some(verifying()));
    assert_eq!(outcome(&under_way), ("wait", Reason::Verifying));
}
