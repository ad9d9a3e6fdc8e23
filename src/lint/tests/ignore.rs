//! Comments that silence findings.

use super::super::Finding;
use super::lint;

/// The rule of each finding, with the reason where one silences it.
fn told(findings: &[Finding]) -> Vec<(&'static str, Option<&str>)> {
    findings.iter().map(|finding| (finding.rule, finding.ignored.as_deref())).collect()
}

#[test]
fn a_comment_before_a_statement_silences_it_and_its_reason_is_kept() {
    let found = lint("-- sluice:ignore drop-table unused since release 41\n\n-- more\nDROP TABLE orders;");
    assert_eq!(told(&found), [("drop-table", Some("unused since release 41"))]);
}

#[test]
fn it_silences_the_next_statement_alone() {
    let found = lint("-- sluice:ignore drop-table unused\nDROP TABLE a;\nDROP TABLE b;");
    assert_eq!(told(&found), [("drop-table", Some("unused")), ("drop-table", None)]);
}

#[test]
fn a_comment_behind_code_is_about_its_line() {
    let found = lint("DROP TABLE a;\nDROP TABLE b; -- sluice:ignore drop-table unused\nDROP TABLE c;");
    assert_eq!(told(&found), [("drop-table", None), ("drop-table", Some("unused")), ("drop-table", None)]);
}

#[test]
fn inside_of_a_statement_it_is_about_the_rest_of_it() {
    let sql = "ALTER TABLE orders\n  DROP COLUMN a,\n  -- sluice:ignore drop-column unused\n  DROP COLUMN b;";
    assert_eq!(told(&lint(sql)), [("drop-column", None), ("drop-column", Some("unused"))]);
}

#[test]
fn one_comment_can_name_several_rules() {
    let sql = "/* sluice:ignore drop-table, truncate: the module is gone */\nDROP TABLE a;\n\
               -- sluice:ignore truncate , drop-table gone\nTRUNCATE b;";
    let found = lint(sql);
    assert!(told(&found).contains(&("drop-table", Some("the module is gone"))), "{found:?}");
    assert!(told(&found).contains(&("truncate", Some("gone"))), "{found:?}");
    assert_eq!(found.iter().filter(|finding| finding.rule == "ignore-of-nothing").count(), 2);
}

#[test]
fn without_a_reason_it_silences_nothing_and_is_found_itself() {
    let found = lint("-- sluice:ignore drop-table\nDROP TABLE orders;");
    assert_eq!(told(&found), [("ignore-without-reason", None), ("drop-table", None)]);
    assert_eq!((found[0].line, found[0].column, found[0].end), (1, 1, (1, 28)));
}

#[test]
fn an_unknown_rule_is_found_with_the_one_that_is_meant() {
    let found = lint("-- sluice:ignore drop-tables unused\nDROP TABLE orders;");
    assert_eq!(told(&found), [("ignore-unknown-rule", None), ("drop-table", None)]);
    assert_eq!(found[0].message, "no rule is called drop-tables; did you mean drop-table?");
}

#[test]
fn a_comment_that_names_nothing_is_found() {
    assert_eq!(told(&lint("-- sluice:ignore\nSELECT 1;")), [("ignore-unknown-rule", None)]);
}

#[test]
fn what_silences_nothing_is_found() {
    let found = lint("SELECT 1;\n-- sluice:ignore drop-table unused\n");
    assert_eq!(told(&found), [("ignore-of-nothing", None)]);
}

#[test]
fn a_comment_in_a_string_or_a_body_silences_nothing() {
    let found = lint("SELECT '-- sluice:ignore drop-table unused';\nDROP TABLE orders;");
    assert_eq!(told(&found), [("drop-table", None)]);
}
