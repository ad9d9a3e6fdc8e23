//! The nights in which clocks are changed, and a search of every minute against the real one.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use rstest::rstest;
use serde_json::json;

use crate::api::v1alpha1::WindowSpec;
use crate::gates::Window;
use crate::gates::tests::fixture::at;

pub fn window(schedule: &str, duration: &str, zone: &str, kind: &str) -> Window {
    let spec = json!({"schedule": schedule, "duration": duration, "timeZone": zone, "kind": kind});
    Window::of(&serde_json::from_value::<WindowSpec>(spec).unwrap()).unwrap()
}

/// The beginnings in the twelve hours after a moment.
fn beginnings(window: &Window, after: &str) -> Vec<String> {
    let (mut at, end) = (at(after), at(after) + SignedDuration::from_hours(12));
    let mut found = Vec::new();
    while let Some(next) = window.schedule.next(at).filter(|next| *next < end) {
        assert_eq!(window.schedule.latest(next), Some(next), "what begins now has begun");
        found.push(next.to_zoned(window.schedule.zone.clone()).strftime("%H:%M%:z").to_string());
        at = next;
    }
    found
}

#[rstest]
// Spring: at 02:00 it is 03:00.
#[case::begins_when_the_clocks_have_jumped("Europe/Amsterdam", "30 2 * * *", "Allow", "2026-03-28T20:00Z", &["03:00+02:00"])]
#[case::before_the_jump("Europe/Amsterdam", "0 1 * * *", "Allow", "2026-03-28T20:00Z", &["01:00+01:00"])]
#[case::one_of_several_hours("America/New_York", "0 2,5 * * *", "Allow", "2026-03-08T00:00Z", &["03:00-04:00", "05:00-04:00"])]
#[case::two_that_fall_into_the_jump_begin_together("America/New_York", "0,30 2 * * *", "Allow", "2026-03-08T00:00Z", &["03:00-04:00"])]
#[case::half_an_hour_is_jumped_over("Australia/Lord_Howe", "15 2 * * *", "Allow", "2026-10-03T12:00Z", &["02:30+11:00"])]
#[case::not_jumped_over("Australia/Lord_Howe", "45 2 * * *", "Allow", "2026-10-03T12:00Z", &["02:45+11:00"])]
// Autumn: at 03:00 it is 02:00 again.
#[case::once_the_first_time("Europe/Amsterdam", "30 2 * * *", "Allow", "2026-10-24T20:00Z", &["02:30+02:00"])]
#[case::what_closes_closes_twice("Europe/Amsterdam", "30 2 * * *", "Deny", "2026-10-24T20:00Z", &["02:30+02:00", "02:30+01:00"])]
#[case::every_hour_is_every_hour("America/New_York", "0 * * * *", "Allow", "2026-11-01T03:30Z", &[
    "00:00-04:00", "01:00-04:00", "01:00-05:00", "02:00-05:00", "03:00-05:00", "04:00-05:00", "05:00-05:00", "06:00-05:00",
    "07:00-05:00", "08:00-05:00", "09:00-05:00", "10:00-05:00"])]
#[case::several_hours_come_once("America/New_York", "0 1,5 * * *", "Allow", "2026-11-01T03:30Z", &["01:00-04:00", "05:00-05:00"])]
#[case::half_an_hour_comes_twice("Australia/Lord_Howe", "45 1 * * *", "Allow", "2026-04-04T11:00Z", &["01:45+11:00"])]
#[case::and_is_closed_twice("Australia/Lord_Howe", "45 1 * * *", "Deny", "2026-04-04T11:00Z", &["01:45+11:00", "01:45+10:30"])]
fn in_the_night_in_which_clocks_change_a_schedule(
    #[case] zone: &str,
    #[case] schedule: &str,
    #[case] kind: &str,
    #[case] after: &str,
    #[case] expected: &[&str],
) {
    assert_eq!(beginnings(&window(schedule, "1h", zone, kind), after), expected);
}

#[test]
fn the_time_zones_are_in_the_program_itself() {
    let bundled = jiff::tz::TimeZoneDatabase::bundled();
    for zone in ["Europe/Amsterdam", "America/New_York", "Australia/Lord_Howe"] {
        assert!(bundled.get(zone).is_ok(), "{zone}");
    }
}

/// Every beginning from the definition: each minute of the wall clock, day by day, is asked.
fn beginnings_by_definition(window: &Window, from: Timestamp, to: Timestamp) -> Vec<Timestamp> {
    let zone = &window.schedule.zone;
    let mut found = Vec::new();
    let mut wall = zone.to_datetime(from - SignedDuration::from_hours(4)).with().second(0).build().unwrap();
    let end = zone.to_datetime(to + SignedDuration::from_hours(4));
    while wall < end {
        if window.schedule.cron.is_time_matching(&wall).unwrap() {
            let ambiguous = zone.to_ambiguous_timestamp(wall);
            match ambiguous.offset() {
                jiff::tz::AmbiguousOffset::Gap { .. } => {
                    // Minute by minute until there is such a time.
                    let mut later = wall;
                    while zone.to_ambiguous_timestamp(later).is_ambiguous() {
                        later = later.checked_add(SignedDuration::from_mins(1)).unwrap();
                    }
                    found.push(zone.to_timestamp(later).unwrap());
                }
                _ => {
                    found.push(ambiguous.earlier().unwrap());
                    if window.schedule.both_passes {
                        found.push(zone.to_ambiguous_timestamp(wall).later().unwrap());
                    }
                }
            }
        }
        wall = wall.checked_add(SignedDuration::from_mins(1)).unwrap();
    }
    found.sort();
    found.dedup();
    found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]
    #[test]
    fn around_a_change_of_the_clocks_no_beginning_is_missed_and_none_invented(
        schedule in prop::sample::select(vec![
            "*/7 * * * *", "0 * * * *", "30 2 * * *", "0 2,3 * * *", "*/20 1-3 * * *", "15 2 * * 0", "59 1 * * *", "0 3 * * *", "* 2 * * *",
        ]),
        change in prop::sample::select(vec![
            ("Europe/Amsterdam", "2026-03-29T01:00:00Z"), ("Europe/Amsterdam", "2026-10-25T01:00:00Z"),
            ("America/New_York", "2026-03-08T07:00:00Z"), ("America/New_York", "2026-11-01T06:00:00Z"),
            ("Australia/Lord_Howe", "2026-10-03T15:30:00Z"), ("Australia/Lord_Howe", "2026-04-04T15:00:00Z"),
        ]),
        kind in prop::sample::select(vec!["Allow", "Deny"]),
        minutes in -200i64..200,
        seconds in 0i64..60,
    ) {
        let window = window(schedule, "1h", change.0, kind);
        let now = at(change.1) + SignedDuration::from_secs(minutes * 60 + seconds * i64::from(seconds > 30));
        let all = beginnings_by_definition(
            &window, now - SignedDuration::from_hours(26), now + SignedDuration::from_hours(26));
        let next = all.iter().find(|begin| **begin > now).copied();
        let latest = all.iter().rfind(|begin| **begin <= now).copied();
        if next.is_some() {
            prop_assert_eq!(window.schedule.next(now), next, "{}", now);
        }
        if latest.is_some() {
            prop_assert_eq!(window.schedule.latest(now), latest, "{}", now);
        }
    }
}
