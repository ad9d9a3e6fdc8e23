//! Limits and windows: tables of what measurements come to, and the same against a definition that is too slow to use.

use proptest::prelude::*;
use rstest::rstest;

use crate::checks::assess::{CheckState, Limit, Limits, Measurement, NoData, Outcome, Verdict, Window};

/// A measurement by a letter: passed, failed, error, no data.
fn outcome(letter: char) -> Outcome {
    match letter {
        'p' => Outcome::Passed,
        'f' => Outcome::Failed,
        'e' => Outcome::Error("nobody answers".to_owned()),
        'n' => Outcome::NoData,
        other => panic!("{other}"),
    }
}

fn measurement(letter: char) -> Measurement {
    Measurement { at: jiff::Timestamp::UNIX_EPOCH, outcome: outcome(letter), shown: letter.to_string() }
}

fn limits(failure: Limit) -> Limits {
    Limits { failure, errors: 4, min_measurements: 1, no_data: NoData::Error }
}

/// A window of one check after these measurements.
fn window(limits: Limits, measurements: &str) -> Window {
    let mut window = Window::new([("c".to_owned(), limits, true)]);
    measurements.chars().for_each(|letter| window.add(0, measurement(letter)));
    window
}

fn verdict(limits: Limits, measurements: &str) -> Verdict {
    window(limits, measurements).verdict(true)
}

#[rstest]
#[case::at_the_first(1, "pppf", Verdict::Failed)]
#[case::below(3, "ppffpp", Verdict::Passed)]
#[case::at_the_third(3, "ppfff", Verdict::Failed)]
#[case::not_at_the_second(3, "ppff", Verdict::Passed)]
#[case::flapping_never_adds_up(3, "ffpffpffpffpff", Verdict::Passed)]
#[case::errors_do_not_heal(3, "ffeef", Verdict::Failed)]
#[case::what_comes_later_does_not_heal(3, "fffpppppppppp", Verdict::Failed)]
fn failures_in_a_row(#[case] limit: u32, #[case] measurements: &str, #[case] expected: Verdict) {
    assert_eq!(verdict(limits(Limit::InARow(limit)), measurements), expected);
}

#[rstest]
#[case("ffpf", Verdict::Failed)]
#[case("fpppppfpppp", Verdict::Passed)]
#[case("fpepnpfpepf", Verdict::Failed)]
fn failures_anywhere_in_the_window(#[case] measurements: &str, #[case] expected: Verdict) {
    assert_eq!(verdict(limits(Limit::InAll(3)), measurements), expected);
}

#[rstest]
#[case::half_is_not_more_than_half("pfpf", Verdict::Passed)]
#[case::more_than_half("pfff", Verdict::Failed)]
#[case::too_early_to_tell("ff", Verdict::Inconclusive)]
#[case::bad_from_the_beginning("ffff", Verdict::Failed)]
#[case::at_the_beginning_only("ffppppppp", Verdict::Passed)]
#[case::errors_count_for_neither("pfefef", Verdict::Failed)]
fn a_share_of_failures(#[case] measurements: &str, #[case] expected: Verdict) {
    let limits = Limits { min_measurements: 4, ..limits(Limit::Share(0.5)) };
    assert_eq!(verdict(limits, measurements), expected);
}

#[rstest]
#[case::never_measured("", Verdict::Inconclusive)]
#[case::too_seldom("pp", Verdict::Inconclusive)]
#[case::often_enough("ppp", Verdict::Passed)]
#[case::with_errors_in_between("peepeep", Verdict::Passed)]
#[case::errors_at_the_end("ppppeeee", Verdict::Inconclusive)]
#[case::errors_that_ended("eeeeppp", Verdict::Passed)]
#[case::no_data_is_an_error("nnnnnnn", Verdict::Inconclusive)]
fn what_is_not_measured_is_inconclusive(#[case] measurements: &str, #[case] expected: Verdict) {
    assert_eq!(verdict(Limits { min_measurements: 3, ..limits(Limit::InARow(1)) }, measurements), expected);
}

#[rstest]
#[case(NoData::Error, Verdict::Inconclusive)]
#[case(NoData::Pass, Verdict::Passed)]
#[case(NoData::Fail, Verdict::Failed)]
fn no_data_counts_as_the_check_says(#[case] no_data: NoData, #[case] expected: Verdict) {
    assert_eq!(verdict(Limits { no_data, ..limits(Limit::InARow(3)) }, "nnn"), expected);
}

#[test]
fn a_failure_is_told_at_once_and_everything_else_at_the_end() {
    let limits = limits(Limit::InARow(2));
    assert_eq!(window(limits, "").verdict(false), Verdict::Open);
    assert_eq!(window(limits, "pppp").verdict(false), Verdict::Open);
    assert_eq!(window(limits, "eeeeeeee").verdict(false), Verdict::Open);
    assert_eq!(window(limits, "pff").verdict(false), Verdict::Failed);
}

#[test]
fn the_first_failed_check_that_decides_is_the_culprit() {
    let one = limits(Limit::InARow(1));
    let checks = [("told", false), ("good", true), ("bad", true), ("worse", true)];
    let mut window = Window::new(checks.map(|(name, enforced)| (name.to_owned(), one, enforced)));
    assert!(window.culprit().is_none());
    for (check, letter) in ['f', 'p', 'f', 'f'].into_iter().enumerate() {
        window.add(check, measurement(letter));
    }
    assert_eq!(window.culprit().map(|tally| tally.name.as_str()), Some("bad"));
}

#[test]
fn a_check_that_only_tells_decides_nothing() {
    let one = limits(Limit::InARow(1));
    let mut window = Window::new([("told".to_owned(), one, false), ("good".to_owned(), one, true)]);
    window.add(0, measurement('f'));
    window.add(1, measurement('p'));
    assert_eq!(window.verdict(true), Verdict::Passed);
    assert_eq!(window.tallies[0].state(true), CheckState::Failed);
}

#[test]
fn a_failure_outweighs_what_could_not_be_measured() {
    let one = limits(Limit::InARow(1));
    let mut window = Window::new([("lost".to_owned(), one, true), ("bad".to_owned(), one, true)]);
    window.add(0, measurement('e'));
    window.add(1, measurement('f'));
    assert_eq!(window.verdict(false), Verdict::Failed);
}

#[test]
fn a_window_in_which_nothing_is_measured_comes_to_no_result() {
    assert_eq!(Window::new([]).verdict(true), Verdict::Inconclusive);
    assert_eq!(Window::new([]).verdict(false), Verdict::Open);
}

#[test]
fn a_measurement_of_a_check_that_there_is_not_changes_nothing() {
    let mut some = window(limits(Limit::InARow(1)), "p");
    some.add(7, measurement('f'));
    assert_eq!(some.verdict(true), Verdict::Passed);
}

/// What a check's measurements mean, by definition: the list is read again for every one of its beginnings.
fn by_definition(limits: &Limits, letters: &[char]) -> CheckState {
    let made = |upto: usize| letters[..upto].iter().copied().filter(|letter| *letter != 'e').collect::<Vec<_>>();
    let failed = |made: &[char]| made.iter().filter(|letter| **letter == 'f').count();
    let tripped = (1..=letters.len()).map(made).any(|made| match limits.failure {
        Limit::InARow(limit) => {
            made.len() >= limit as usize && failed(&made[made.len() - limit as usize..]) == limit as usize
        }
        Limit::InAll(limit) => failed(&made) >= limit as usize,
        Limit::Share(share) => {
            !made.is_empty()
                && made.len() >= limits.min_measurements as usize
                && failed(&made) as f64 > share * made.len() as f64
        }
    });
    let blind =
        letters.len() >= limits.errors as usize && letters.iter().rev().take(limits.errors as usize).all(|l| *l == 'e');
    match (tripped, blind || made(letters.len()).len() < limits.min_measurements as usize) {
        (true, _) => CheckState::Failed,
        (false, true) => CheckState::Inconclusive,
        (false, false) => CheckState::Passed,
    }
}

fn any_limits() -> impl Strategy<Value = Limits> {
    let failure = prop_oneof![
        (1_u32..6).prop_map(Limit::InARow),
        (1_u32..6).prop_map(Limit::InAll),
        (0_u32..10).prop_map(|tenths| Limit::Share(f64::from(tenths) / 10.0)),
    ];
    let no_data = prop_oneof![Just(NoData::Error), Just(NoData::Pass), Just(NoData::Fail)];
    (failure, 1_u32..6, 0_u32..8, no_data).prop_map(|(failure, errors, min_measurements, no_data)| Limits {
        failure,
        errors,
        min_measurements,
        no_data,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn every_sequence_of_measurements_means_what_the_definition_says(limits in any_limits(), letters in "[pfen]{0,30}") {
        let seen: Vec<char> = letters.chars().map(|letter| match (letter, limits.no_data) {
            ('n', NoData::Error) => 'e',
            ('n', NoData::Pass) => 'p',
            ('n', NoData::Fail) => 'f',
            (letter, _) => letter,
        }).collect();
        let window = window(limits, &letters);
        prop_assert_eq!(window.tallies[0].state(true), by_definition(&limits, &seen));
        let expected = match window.tallies[0].state(true) {
            CheckState::Failed => Verdict::Failed,
            CheckState::Inconclusive => Verdict::Inconclusive,
            CheckState::Passed => Verdict::Passed,
            CheckState::Measuring => return Err(TestCaseError::fail("measuring after the end")),
        };
        prop_assert_eq!(window.verdict(true), expected);
        prop_assert_eq!(window.culprit().is_some(), expected == Verdict::Failed);
    }

    #[test]
    fn an_outage_of_whatever_measures_never_fails_a_check(limits in any_limits(), good in "p{0,5}", outage in "[en]{0,200}") {
        let limits = Limits { no_data: NoData::Error, ..limits };
        prop_assert_ne!(verdict(limits, &format!("{good}{outage}")), Verdict::Failed);
    }

    #[test]
    fn a_failure_stays_one_whatever_comes_later(limits in any_limits(), before in "[pfen]{0,20}", after in "[pfen]{0,20}") {
        if window(limits, &before).verdict(false) == Verdict::Failed {
            prop_assert_eq!(verdict(limits, &format!("{before}{after}")), Verdict::Failed);
        }
    }
}
