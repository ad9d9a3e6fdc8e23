//! Where findings are in files of several habits: line and column of the file, in characters, and where they end.

use super::super::Catalog;
use super::lint_files;

/// `file:line:column-line:column rule`, in the order in which they are told.
fn places(files: &[(&str, &str)]) -> Vec<String> {
    let found = lint_files(files, &Catalog::default());
    found
        .iter()
        .map(|found| {
            let (line, column) = found.end;
            format!("{}:{}:{}-{line}:{column} {}", found.file, found.line, found.column, found.rule)
        })
        .collect()
}

#[test]
fn actions_of_one_statement_have_places_of_their_own() {
    let sql = "-- a comment\n\nALTER TABLE orders\n    DROP COLUMN a,\n    ADD COLUMN b int NOT NULL;\n";
    assert_eq!(
        places(&[("V001__a.sql", sql)]),
        ["V001__a.sql:4:5-4:18 drop-column", "V001__a.sql:5:5-5:30 not-null-without-default"]
    );
}

#[test]
fn columns_count_characters_and_line_ends_of_both_kinds_are_one() {
    let sql = "/* äöü */ TRUNCATE orders;\r\nSELECT 'ß', pg_read_file('x');\r\n";
    assert_eq!(
        places(&[("V001__a.sql", sql)]),
        ["V001__a.sql:1:20-1:26 truncate", "V001__a.sql:2:13-2:25 server-file-function"]
    );
}

#[test]
fn both_directions_of_one_file_have_the_lines_of_the_file() {
    let sql = "-- +goose Up\nDELETE FROM orders;\n-- +goose Down\n\nDROP TABLE customers;\n";
    assert_eq!(
        places(&[("00001_a.sql", sql)]),
        ["00001_a.sql:2:1-2:19 delete-without-where", "00001_a.sql:5:12-5:21 drop-table"]
    );
}

#[test]
fn words_in_bodies_have_the_place_of_the_file() {
    let sql = "DO $$\nBEGIN\n  EXECUTE 'ALTER SYSTEM SET x = 1';\nEND $$;\n";
    let found = places(&[("V001__a.sql", sql)]);
    assert!(found.contains(&"V001__a.sql:3:12-3:24 alter-system".to_owned()), "{found:?}");
}

#[test]
fn scripts_are_told_in_the_order_in_which_they_run() {
    let files = [
        ("V002__b.sql", "LOCK TABLE orders;"),
        ("R__view.sql", "GRANT ALL ON orders TO app;"),
        ("V001__a.sql", "DROP INDEX by_day;"),
    ];
    assert_eq!(
        places(&files),
        [
            "V001__a.sql:1:12-1:18 drop-index-without-concurrently",
            "V002__b.sql:1:1-1:18 lock-table",
            "R__view.sql:1:1-1:27 grant-beyond-need",
        ]
    );
}
