//! dbmate: single files with `-- migrate:up` and `-- migrate:down`, each with `transaction:false` where wanted.

use super::sections::{self, Line};
use super::{Direction, File, Found, Reader};
use crate::migration::Layout;
use crate::migration::problem::Findings;

/// See the module.
pub(super) struct Dbmate;

const UP: &str = "-- migrate:up";

impl Reader for Dbmate {
    fn layout(&self) -> Layout {
        Layout::Dbmate
    }

    fn forms(&self) -> &'static str {
        "20240131120000_create_users.sql with a line `-- migrate:up` (down: `-- migrate:down` in the same file)"
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

fn classify(line: &str) -> Line {
    let Some(directive) = line.strip_prefix("--").and_then(|comment| comment.trim_start().strip_prefix("migrate:"))
    else {
        return Line::Content;
    };
    let mut words = directive.split_whitespace();
    let direction = match words.next() {
        Some("up") => Direction::Up,
        Some("down") => Direction::Down,
        _ => return Line::Content,
    };
    Line::Begin { direction, no_transaction: words.any(|option| option == "transaction:false") }
}
