//! What `sluice lint` shows, letter by letter.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

use std::path::Path;

use serde_json::{Value, json};

use super::report::Report;
use super::{github, human, sarif};
use crate::lint::{self, Catalog, LintPolicy, Severity};
use crate::migration::{Dialect, Layout, MigrationSet, RawFile, SetOptions};

fn report(files: &[(&str, &str)], policy: &LintPolicy) -> Report {
    let files: Vec<RawFile> = files
        .iter()
        .map(|(name, content)| RawFile {
            path: (*name).to_owned(),
            shown: format!("sql/{name}"),
            content: (*content).to_owned(),
        })
        .collect();
    let options = SetOptions { dialect: Dialect::Postgres, layout: Layout::Auto, allow_gaps: false };
    match MigrationSet::read(&files, options) {
        Ok(set) => {
            let findings = lint::judge_set(&set, &Catalog::default()).findings;
            Report::new(Path::new("sql"), &files, &set, findings, policy)
        }
        Err(problems) => Report::unreadable(Path::new("sql"), &files, &problems),
    }
}

fn strict() -> LintPolicy {
    LintPolicy { deny_from: Some(Severity::Error), ..LintPolicy::default() }
}

const FILES: &[(&str, &str)] = &[
    (
        "V001__orders.sql",
        "-- Orders.\nCREATE TABLE orders (id bigint PRIMARY KEY, note text DEFAULT 'hunter2');\n\
         CREATE INDEX orders_by_note ON orders (note);\n",
    ),
    (
        "V002__näme.sql",
        "/* ä */ CREATE INDEX by_note ON orders (note) WHERE note = 'hunter2';\r\n\
         -- sluice:ignore drop-column nobody reads it\r\nALTER TABLE orders\r\n  DROP COLUMN note;\r\n",
    ),
];

#[test]
fn findings_are_shown_with_their_lines_and_without_what_strings_hold() {
    let shown = human::render(&report(FILES, &strict()), false);
    assert_eq!(
        shown,
        "\
error[create-index-without-concurrently]: writers of orders wait until the index is built
 --> sql/V002__näme.sql:1:9
  |
1 | /* ä */ CREATE INDEX by_note ON orders (note) WHERE note = '*******';
  |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = note: CREATE INDEX takes a ShareLock: every INSERT, UPDATE and DELETE on the table waits until the index is built.
  = help: -- in a script of its own
          CREATE INDEX CONCURRENTLY by_note ON orders (note) WHERE note = '*******';

ignored: drop-column at sql/V002__näme.sql:4:3: nobody reads it
4 statements in 2 scripts: 1 denied, 0 warned, 1 ignored
"
    );
}

#[test]
fn a_long_statement_is_shown_by_its_first_lines() {
    let columns: String = (0..30).map(|n| format!("  DROP COLUMN c{n},\n")).collect();
    let sql = format!(
        "CREATE ROLE x;\nUPDATE orders SET\n{}  a = 1;\n",
        columns.replace("DROP COLUMN c", "c").replace(",\n", " = 1,\n")
    );
    let shown = human::render(&report(&[("V001__a.sql", &sql)], &strict()), false);
    assert!(shown.contains("9 |") && !shown.contains("12 |"), "{shown}");
}

#[test]
fn what_keeps_scripts_from_being_read_is_shown_with_its_place() {
    let report = report(&[("V001__a.sql", "SELECT 1;\n\\i other.sql\n")], &strict());
    assert!(!report.passes());
    let shown = human::render(&report, false);
    assert!(
        shown.starts_with("error[unreadable-source]: `\\i` is a command for psql\n --> sql/V001__a.sql:2:1"),
        "{shown}"
    );
    assert!(shown.ends_with("the scripts cannot be read: 1 problem\n"), "{shown}");
    let line = github::render(&report);
    assert!(
        line.starts_with("::error file=sql/V001__a.sql,line=2,title=unreadable-source::`\\i` is a command"),
        "{line}"
    );
    let log = sarif::render(&report);
    let result = &log["runs"][0]["results"][0];
    assert_eq!(result["locations"][0]["physicalLocation"]["region"]["startLine"], 2);
}

#[test]
fn annotations_name_file_line_and_columns_in_one_line() {
    let shown = github::render(&report(FILES, &strict()));
    assert_eq!(shown.lines().count(), 1, "{shown}");
    assert!(
        shown.starts_with(
            "::error file=sql/V002__näme.sql,line=1,col=9,endColumn=69,title=create-index-without-concurrently::writers of orders"
        ),
        "{shown}"
    );
    assert!(shown.contains("%0A%0A-- in a script of its own%0ACREATE INDEX CONCURRENTLY"), "{shown}");
}

#[test]
fn sarif_names_rules_places_and_what_is_suppressed() {
    let log = sarif::render(&report(FILES, &strict()));
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), 2);
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(run["tool"]["driver"]["rules"][index]["id"], result["ruleId"]);
    }
    assert_eq!(results[0]["level"], "error");
    assert_eq!(
        results[0]["locations"][0]["physicalLocation"],
        json!({
            "artifactLocation": {"uri": "sql/V002__n%C3%A4me.sql", "uriBaseId": "%SRCROOT%"},
            "region": {"startLine": 1, "startColumn": 9, "endLine": 1, "endColumn": 69},
        })
    );
    assert_eq!(results[1]["suppressions"], json!([{"kind": "inSource", "justification": "nobody reads it"}]));
}

#[test]
fn the_json_has_verdicts_and_counts() {
    let report = serde_json::to_value(report(FILES, &strict())).unwrap();
    let finding = &report["findings"][0];
    for (field, value) in [
        ("rule", json!("create-index-without-concurrently")),
        ("class", json!("BlockingLock")),
        ("severity", json!("error")),
        ("verdict", json!("denied")),
        ("line", json!(1)),
        ("end", json!([1, 69])),
        ("ignored", Value::Null),
    ] {
        assert_eq!(finding[field], value, "{field}");
    }
    assert_eq!((&report["denied"], &report["ignored"], &report["scripts"]), (&json!(1), &json!(1), &json!(2)));
    assert!(!report.to_string().contains("hunter2"));
}

#[test]
fn what_a_list_allows_is_not_shown() {
    let policy = LintPolicy::parse(&["Security"], &[], &["BlockingLock"]).unwrap();
    let report = report(FILES, &policy);
    assert!(report.passes() && report.findings.len() == 1, "the silenced one is left: {:?}", report.findings);
}
