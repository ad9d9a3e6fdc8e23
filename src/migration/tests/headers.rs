use rstest::rstest;

use super::{only_problem, read};
use crate::migration::{Header, Kind, Risk, TransactionMode};

/// The header of version 5, in a set of five.
fn header(head: &str) -> Header {
    let five = format!("{head}\nselect 1;");
    let set = read(&[
        ("001_a.sql", "select 1"),
        ("002_create_users.sql", "select 1"),
        ("003_c.sql", "select 1"),
        ("004_d.sql", "select 1"),
        ("005_e.sql", &five),
    ])
    .unwrap();
    set.migrations[4].header.clone()
}

fn dependencies(value: &str) -> Vec<String> {
    header(&format!("-- Dependencies: {value}")).dependencies.iter().map(ToString::to_string).collect()
}

#[rstest]
#[case::line_comments(
    "-- Migration: 005\n-- Author: Ada <ada@example.org>\n-- Description: Prices: gross and net\n-- Type: DATA\n\
     -- Risk Level: high - rewrites a table\n-- Estimated Duration: 5-10 minutes\n-- Rollback Available: Yes\n\
     -- Dependencies: 001, V002\n-- Ticket: SHOP-1\n-- sluice:no-transaction"
)]
#[case::block_comment(
    "/*\n * Author: Ada <ada@example.org>\n * Description: Prices: gross and net\n * Type: data\n * Risk_Level: HIGH\n\
     \n * ESTIMATED DURATION: 5-10 minutes\n * rollback-available: true\n * Dependencies: 1; 002_create_users.sql\n\
     * sluice:no-transaction */"
)]
fn a_header_is_read_from_comments_before_the_first_statement(#[case] head: &str) {
    let header = header(head);
    assert_eq!(header.author.as_deref(), Some("Ada <ada@example.org>"));
    assert_eq!(header.description.as_deref(), Some("Prices: gross and net"));
    assert_eq!(header.kind, Some(Kind::Data));
    assert_eq!(header.risk, Some(Risk::High));
    assert_eq!(header.estimated_duration.as_deref(), Some("5-10 minutes"));
    assert_eq!(header.rollback_available, Some(true));
    let dependencies: Vec<_> = header.dependencies.iter().map(ToString::to_string).collect();
    assert_eq!(dependencies, ["001", "002"]);
    assert!(header.no_transaction);
}

#[test]
fn comments_behind_the_first_statement_are_no_header() {
    let set = read(&[("1_a.sql", "-- Author: Ada\nselect 1;\n-- Author: Eve\n-- sluice:no-transaction")]).unwrap();
    assert_eq!(set.migrations[0].header.author.as_deref(), Some("Ada"));
    assert_eq!(set.migrations[0].up.mode, TransactionMode::Transactional);
}

#[rstest]
#[case("none")]
#[case("None (first migration)")]
#[case("N/A")]
#[case("-")]
#[case("")]
fn no_dependencies_are_written_in_many_ways(#[case] value: &str) {
    assert_eq!(dependencies(value), [""; 0]);
}

#[rstest]
#[case("004", &["004"])]
#[case("V1,V02 , 3", &["001", "002", "003"])]
#[case("001_create_anything.sql, 004 (indexes)", &["001", "004"])]
fn dependencies_are_the_versions_of_the_set(#[case] value: &str, #[case] expected: &[&str]) {
    assert_eq!(dependencies(value), expected);
}

#[test]
fn a_reference_is_read_as_far_as_a_version_exists() {
    let set = read(&[
        ("V1__a.sql", "select 1"),
        ("V1_2__b.sql", "select 1"),
        ("V2__c.sql", "-- Dependencies: V1_2__b.sql, V1_3_things\nselect 1"),
    ])
    .unwrap();
    let found: Vec<_> = set.migrations[2].header.dependencies.iter().map(ToString::to_string).collect();
    assert_eq!(found, ["1.2", "1"]);
}

#[rstest]
#[case("-- Risk Level: banana", "`banana` is no value for `risk level`", "LOW, MEDIUM, HIGH, CRITICAL")]
#[case("-- Type: ddl", "`ddl` is no value for `type`", "schema, data, seed")]
#[case("-- Rollback Available: maybe", "`maybe` is no value for `rollback available`", "yes, no")]
#[case("-- Dependencies: the users table", "`the users table` is no version to depend on", "or `none`")]
#[case("-- Dependencies: 1, 9", "depends on version 9, which is not in this source", "name versions of this source")]
#[case("-- Dependencies: 2", "version 2 depends on 2, which is itself", "earlier versions")]
#[case("-- Dependencies: 003", "version 2 depends on 3, which comes later", "earlier versions")]
fn a_header_that_cannot_be_right_is_refused_with_its_line(#[case] head: &str, #[case] what: &str, #[case] cure: &str) {
    let content = format!("-- Version: 2\n{head}\nselect 1");
    let told = only_problem(read(&[("1_a.sql", ""), ("2_b.sql", &content), ("3_c.sql", "")]));
    assert!(told.starts_with("2_b.sql:2: "), "{told}");
    assert!(told.contains(what) && told.contains(cure), "{told}");
}

#[rstest]
#[case::first_line("-- no-transaction\nselect 1", true)]
#[case::second_line("-- a\n-- no-transaction\nselect 1", false)]
#[case::ours_anywhere("-- a\n\n-- SLUICE:no-transaction\nselect 1", true)]
#[case::atlas("-- atlas:txmode none\nselect 1", true)]
fn marks_against_the_transaction_are_read_where_their_tools_read_them(#[case] content: &str, #[case] marked: bool) {
    let set = read(&[("1_a.sql", content)]).unwrap();
    assert_eq!(set.migrations[0].up.mode != TransactionMode::Transactional, marked);
    assert_eq!(set.migrations[0].header.no_transaction, marked);
}

#[test]
fn a_promised_rollback_that_is_not_there_is_a_warning() {
    let set = read(&[("1_a.sql", "-- Rollback Available: yes\nselect 1")]).unwrap();
    assert_eq!(set.warnings, ["1_a.sql: promises a rollback, but version 1 has no down script"]);
}
