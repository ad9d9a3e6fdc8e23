//! goose: single files with `-- +goose Up` and `-- +goose Down` (sql-migrate: `-- +migrate Up`). Its statement markers are comments here: statements are
//! split by a real lexer.

use super::sections::{self, Line};
use super::{Direction, File, Found, Reader};
use crate::migration::Layout;
use crate::migration::problem::Findings;

/// See the module.
pub(super) struct Goose;

const UP: &str = "-- +goose Up";

impl Reader for Goose {
    fn layout(&self) -> Layout {
        Layout::Goose
    }

    fn forms(&self) -> &'static str {
        "00001_create_users.sql with a line `-- +goose Up` (down: `-- +goose Down` in the same file)"
    }

    fn claims(&self, file: &File<'_>) -> bool {
        sections::has(file, Direction::Up, classify)
    }

    fn objection(&self, file: &File<'_>) -> String {
        sections::objection(file, UP)
    }

    fn read<'a>(&self, file: &'a File<'a>, found: &mut Found<'a>, findings: &mut Findings<'_>) {
        sections::read(file, UP, classify, found, findings);
    }
}

/// goose looks at lines, wherever they stand, and does not mind the case. Its forebear sql-migrate writes `+migrate`, and
/// its mark for one direction behind Up and Down.
fn classify(line: &str) -> Line {
    let Some(comment) = line.trim().strip_prefix("--") else { return Line::Content };
    let comment = comment.trim_start_matches('-').trim();
    let Some(annotation) = ["+goose", "+migrate"].iter().find_map(|tool| comment.strip_prefix(tool)) else {
        return Line::Content;
    };
    match annotation.trim().to_ascii_lowercase().as_str() {
        "up" => Line::Begin { direction: Direction::Up, no_transaction: false },
        "down" => Line::Begin { direction: Direction::Down, no_transaction: false },
        "up notransaction" => Line::Begin { direction: Direction::Up, no_transaction: true },
        "down notransaction" => Line::Begin { direction: Direction::Down, no_transaction: true },
        "no transaction" => Line::NoTransaction,
        "statementbegin" | "statementend" | "envsub off" => Line::Marker,
        "envsub on" => Line::Refused {
            what: "`-- +goose ENVSUB ON` asks for environment variables in SQL, which Sluice does not put there".into(),
            cure: "write the values",
        },
        other => Line::Refused {
            what: format!("goose knows no annotation `{other}`"),
            cure: "write one of Up, Down, StatementBegin, StatementEnd, NO TRANSACTION",
        },
    }
}
