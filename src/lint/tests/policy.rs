//! Which findings a policy lets through.

use super::super::policy::nearest;
use super::super::{Class, Finding, LintPolicy, LintVerdict, Selector, Severity};

fn finding(rule: &'static str, class: Class, severity: Severity) -> Finding {
    Finding {
        rule,
        class,
        severity,
        file: "001.sql".to_owned(),
        line: 1,
        column: 1,
        end: (1, 2),
        message: String::new(),
        why: String::new(),
        rewrite: None,
        ignored: None,
    }
}

fn policy(deny: &[&str], warn: &[&str], allow: &[&str]) -> LintPolicy {
    LintPolicy::parse(deny, warn, allow).unwrap()
}

fn drop_table() -> Finding {
    finding("drop-table", Class::DataLoss, Severity::Error)
}

#[test]
fn without_lists_everything_is_told_and_nothing_refused() {
    assert_eq!(LintPolicy::default().verdict(&drop_table()), LintVerdict::Warned);
}

#[test]
fn a_rules_name_counts_for_more_than_its_class() {
    assert_eq!(policy(&["DataLoss"], &[], &["drop-table"]).verdict(&drop_table()), LintVerdict::Allowed);
    assert_eq!(policy(&["drop-table"], &[], &["DataLoss"]).verdict(&drop_table()), LintVerdict::Denied);
    assert_eq!(policy(&["DataLoss"], &["drop-table"], &[]).verdict(&drop_table()), LintVerdict::Warned);
}

#[test]
fn of_two_lists_at_one_level_the_stricter_counts() {
    assert_eq!(policy(&["DataLoss"], &["DataLoss"], &["DataLoss"]).verdict(&drop_table()), LintVerdict::Denied);
    assert_eq!(policy(&[], &["drop-table"], &["drop-table"]).verdict(&drop_table()), LintVerdict::Warned);
}

#[test]
fn what_no_list_names_is_refused_from_the_given_severity_on() {
    let strict = LintPolicy { deny_from: Some(Severity::Error), ..policy(&[], &["truncate"], &[]) };
    assert_eq!(strict.verdict(&drop_table()), LintVerdict::Denied);
    assert_eq!(strict.verdict(&finding("lock-table", Class::BlockingLock, Severity::Warning)), LintVerdict::Warned);
    assert_eq!(strict.verdict(&finding("truncate", Class::DataLoss, Severity::Error)), LintVerdict::Warned);
}

#[test]
fn what_a_comment_silences_is_allowed_whatever_the_lists_say() {
    let silenced = Finding { ignored: Some("unused".to_owned()), ..drop_table() };
    assert_eq!(policy(&["drop-table"], &[], &[]).verdict(&silenced), LintVerdict::Allowed);
}

#[test]
fn the_stricter_of_two_verdicts_is_the_greater() {
    assert!(LintVerdict::Denied > LintVerdict::Warned && LintVerdict::Warned > LintVerdict::Allowed);
}

#[test]
fn an_unknown_name_is_refused_with_the_nearest_known_one() {
    let error = LintPolicy::parse(&["DataLoss", "drop-tabel"], &[], &[]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "deny: `drop-tabel` is neither a rule nor a class of rules; did you mean `drop-table`?"
    );
    let error = LintPolicy::parse(&[], &["BlokingLock"], &[]).unwrap_err();
    assert!(error.to_string().ends_with("did you mean `BlockingLock`?"), "{error}");
    let error = LintPolicy::parse(&[], &[], &["xyz"]).unwrap_err();
    assert!(error.to_string().contains("classes are DataLoss, TableRewrite"), "{error}");
}

#[test]
fn names_are_read_whatever_their_case_and_blanks() {
    assert_eq!(policy(&[" dataloss "], &[], &[]).deny, [Selector::Class(Class::DataLoss)]);
}

#[test]
fn the_nearest_name_is_the_one_with_the_fewest_changes() {
    let known = || ["drop-table", "drop-column", "truncate"].into_iter();
    assert_eq!(nearest("drop-colum", known()), Some("drop-column"));
    assert_eq!(nearest("truncat", known()), Some("truncate"));
    assert_eq!(nearest("grant", known()), None);
}
