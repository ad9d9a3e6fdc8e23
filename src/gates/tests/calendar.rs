//! Several windows together.

use std::time::Instant;

use jiff::SignedDuration;
use rstest::rstest;

use crate::gates::Window;
use crate::gates::tests::clocks::window;
use crate::gates::tests::fixture::at;
use crate::gates::window::calendar::{Calendar, State};

/// `open until …`, `closed until …`
fn tell(windows: &[Window], now: &str) -> String {
    let time = |edge: Option<crate::gates::window::calendar::Edge<'_>>| {
        edge.map_or_else(|| "for ever".to_owned(), |edge| edge.at.to_string())
    };
    match Calendar::of(windows).state_at(at(now)) {
        State::Open { until } => format!("open {}", time(until)),
        State::Closed { denied: None, until } => format!("closed {}", time(until)),
        State::Closed { denied: Some(_), until } => format!("denied {}", time(until)),
    }
}

fn group(mut window: Window, name: &str) -> Window {
    window.group = Some(name.to_owned());
    window
}

fn nightly() -> Window {
    window("0 2 * * *", "3h", "Europe/Amsterdam", "Allow")
}

#[rstest]
#[case::before("2026-11-26T00:59:59Z", "closed 2026-11-26T01:00:00Z")]
#[case::at_its_beginning("2026-11-26T01:00:00Z", "open 2026-11-26T04:00:00Z")]
#[case::within("2026-11-26T03:59:59.999Z", "open 2026-11-26T04:00:00Z")]
#[case::at_its_end("2026-11-26T04:00:00Z", "closed 2026-11-27T01:00:00Z")]
// 02:00 to 05:00 by the stopwatch: the clocks jump from 02:00 to 03:00, so it ends at 06:00 there.
#[case::spring("2026-03-29T03:59:00Z", "open 2026-03-29T04:00:00Z")]
// It begins with the first 02:00 and ends at what is called 04:00.
#[case::autumn("2026-10-25T00:00:00Z", "open 2026-10-25T03:00:00Z")]
#[case::and_does_not_begin_again("2026-10-25T03:00:00Z", "closed 2026-10-26T01:00:00Z")]
fn one_window_opens_and_closes_to_the_second(#[case] now: &str, #[case] expected: &str) {
    assert_eq!(tell(&[nightly()], now), expected);
}

#[test]
fn without_any_allow_every_time_is_allowed_that_is_not_denied() {
    let freeze = window("0 0 20 12 *", "360h", "UTC", "Deny");
    assert_eq!(tell(&[], "2026-11-26T12:00:00Z"), "open for ever");
    assert_eq!(tell(std::slice::from_ref(&freeze), "2026-11-26T12:00:00Z"), "open 2026-12-20T00:00:00Z");
    assert_eq!(tell(std::slice::from_ref(&freeze), "2026-12-20T00:00:00Z"), "denied 2027-01-04T00:00:00Z");
}

#[test]
fn an_opening_is_found_behind_a_freeze_that_covers_many_windows() {
    let windows = [nightly(), window("30 22 19 12 *", "360h", "UTC", "Deny")];
    assert_eq!(tell(&windows, "2026-12-19T12:00:00Z"), "closed 2027-01-04T01:00:00Z");
    // The freeze ends while a window is open.
    let windows = [nightly(), window("0 2 19 12 *", "360h", "UTC", "Deny")];
    assert_eq!(tell(&windows, "2026-12-19T12:00:00Z"), "denied 2027-01-03T02:00:00Z");
    assert_eq!(tell(&windows, "2027-01-03T02:00:00Z"), "open 2027-01-03T04:00:00Z");
    // And it ends a window early.
    assert_eq!(tell(&windows, "2026-12-19T01:30:00Z"), "open 2026-12-19T02:00:00Z");
}

#[test]
fn two_freezes_in_a_row_are_one() {
    let windows = [nightly(), window("0 0 1 * *", "72h", "UTC", "Deny"), window("0 23 3 * *", "48h", "UTC", "Deny")];
    assert_eq!(tell(&windows, "2026-12-01T12:00:00Z"), "denied 2026-12-06T01:00:00Z");
}

#[test]
fn windows_that_touch_or_overlap_are_one_opening() {
    let windows = [window("0 2 * * *", "3h", "UTC", "Allow"), window("0 5 * * *", "1h", "UTC", "Allow")];
    assert_eq!(tell(&windows, "2026-11-26T02:30:00Z"), "open 2026-11-26T06:00:00Z");
    assert_eq!(tell(&[window("0 * * * *", "90m", "UTC", "Allow")], "2026-11-26T02:30:00Z"), "open for ever");
    // Every hour for an hour is always, also in the nights in which clocks change.
    let always = [window("0 * * * *", "1h", "Europe/Amsterdam", "Allow")];
    assert_eq!(tell(&always, "2026-10-25T01:30:00Z"), "open for ever");
    assert_eq!(tell(&always, "2026-03-29T01:30:00Z"), "open for ever");
}

#[test]
fn windows_of_different_groups_must_be_open_at_once() {
    let windows = [nightly(), group(window("0 3 * * 6", "4h", "Europe/Amsterdam", "Allow"), "policy")];
    assert_eq!(tell(&windows, "2026-11-26T02:00:00Z"), "closed 2026-11-28T02:00:00Z");
    assert_eq!(tell(&windows, "2026-11-28T02:00:00Z"), "open 2026-11-28T04:00:00Z");
    let never = [window("0 2 * * *", "1h", "UTC", "Allow"), group(window("0 4 * * *", "1h", "UTC", "Allow"), "policy")];
    assert_eq!(tell(&never, "2026-11-26T02:00:00Z"), "closed for ever");
}

#[test]
fn what_never_opens_is_said_and_the_search_ends() {
    let began = Instant::now();
    let windows = [nightly(), window("* * * * *", "1m", "UTC", "Deny")];
    assert_eq!(tell(&windows, "2026-11-26T02:00:00Z"), "denied for ever");
    let windows = [window("0 2 1 1 *", "1h", "UTC", "Allow"), window("0 0 1 1 *", "24h", "UTC", "Deny")];
    assert_eq!(tell(&windows, "2026-11-26T02:00:00Z"), "closed for ever");
    // 29 February is a Monday once in 28 years: further than is looked.
    assert_eq!(tell(&[window("0 2 29 2 +1", "1h", "UTC", "Allow")], "2026-11-26T02:00:00Z"), "closed for ever");
    assert_eq!(
        tell(&[window("0 2 29 2 *", "1h", "UTC", "Allow")], "2026-11-26T02:00:00Z"),
        "closed 2028-02-29T02:00:00Z"
    );
    assert!(began.elapsed().as_secs() < 120, "{:?}", began.elapsed());
}

#[test]
fn the_first_opening_that_is_long_enough_is_found() {
    let windows = [window("0 2 * * *", "1h", "UTC", "Allow"), window("0 2 * * 6", "6h", "UTC", "Allow")];
    let calendar = Calendar::of(&windows);
    let fitting = |hours| calendar.fitting(at("2026-11-26T12:00:00Z"), SignedDuration::from_hours(hours));
    assert_eq!(fitting(1).map(|edge| edge.at), Some(at("2026-11-27T02:00:00Z")));
    assert_eq!(fitting(4).map(|edge| edge.at), Some(at("2026-11-28T02:00:00Z")));
    assert_eq!(fitting(7), None);
}
