//! Files that hold both directions, parted by marker comments. Read here once for the layouts that share the idea.

use super::numbered::Name;
use super::{Direction, File, Found, FoundScript, words};
use crate::migration::problem::Findings;
use crate::migration::sql::Lexer;

/// What a line of such a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line {
    /// Begins a direction.
    Begin { direction: Direction, no_transaction: bool },
    /// Says that both directions run without a transaction.
    NoTransaction,
    /// Another marker: no content, and nothing to do.
    Marker,
    /// A marker that cannot be obeyed: what is wrong, and the cure.
    Refused { what: String, cure: &'static str },
    /// SQL.
    Content,
}

/// A direction in the making.
struct Section {
    direction: Direction,
    no_transaction: bool,
    first_line: u32,
    start: usize,
    end: usize,
    /// Whether there is anything in it but markers and blanks.
    filled: bool,
}

/// Whether a file has a section for a direction. Its name must leave the direction open: in `1_x.up.sql` the markers are
/// leftovers of another tool.
pub(super) fn has(file: &File<'_>, wanted: Direction, classify: impl Fn(&str) -> Line) -> bool {
    let begins = |line: &str| matches!(classify(line), Line::Begin { direction, .. } if direction == wanted);
    file.stem().and_then(Name::read).is_some_and(|name| name.direction.is_none()) && file.text.lines().any(begins)
}

/// Why a file has no sections.
pub(super) fn objection(file: &File<'_>, begin: &str) -> String {
    match file.stem().and_then(Name::read) {
        Some(_) => format!("there is no line `{begin}` in this file"),
        None => "no version can be read from this name".to_owned(),
    }
}

/// Reads a file by its markers; `begin` is how the first direction must begin, for messages.
pub(super) fn read<'a>(
    file: &'a File<'a>,
    begin: &str,
    classify: impl Fn(&str) -> Line,
    found: &mut Found<'a>,
    findings: &mut Findings<'_>,
) {
    let Some(name) = file.stem().and_then(Name::read) else { return };
    let mut sections: Vec<Section> = Vec::new();
    let mut preamble_end = file.text.len();
    let mut no_transaction = false;
    let mut offset = 0;
    for (number, line) in (1..).zip(file.text.split_inclusive('\n')) {
        let start = offset;
        offset += line.len();
        match classify(line.trim_end()) {
            Line::Begin { direction, no_transaction } => {
                if sections.iter().any(|section| section.direction == direction) {
                    let what = format!("this file has more than one section like `{}`", line.trim_end());
                    findings.add(Some(number), what, "write one file per version");
                    break;
                }
                if sections.is_empty() {
                    preamble_end = start;
                }
                let first_line = number + 1;
                sections.push(Section {
                    direction,
                    no_transaction,
                    first_line,
                    start: offset,
                    end: offset,
                    filled: false,
                });
            }
            Line::NoTransaction => no_transaction = true,
            Line::Marker => {}
            Line::Refused { what, cure } => findings.add(Some(number), what, cure),
            Line::Content => {
                if let Some(section) = sections.last_mut() {
                    section.filled |= !line.trim().is_empty();
                }
            }
        }
        if let Some(section) = sections.last_mut() {
            section.end = section.end.max(offset);
        }
    }
    let preamble = file.text.get(..preamble_end).unwrap_or_default();
    if let Some(line) = first_statement(preamble) {
        findings.add(Some(line), format!("SQL before `{begin}`"), format!("move it behind `{begin}`"));
    }
    let description = words(if name.rest.is_empty() { name.version.as_str() } else { name.rest });
    for section in sections {
        let sql = if section.filled { file.text.get(section.start..section.end).unwrap_or_default() } else { "" };
        found.scripts.push(FoundScript {
            preamble,
            sql,
            first_line: section.first_line,
            no_transaction: no_transaction || section.no_transaction,
            ..FoundScript::whole(file, section.direction, name.version.clone(), description.clone())
        });
    }
}

/// The line of the first token that is no comment.
fn first_statement(text: &str) -> Option<u32> {
    let start = Lexer::new(text).find_map(|token| match token {
        Ok(token) if token.kind.is_blank() => None,
        Ok(token) => Some(token.start),
        Err(unterminated) => Some(unterminated.start),
    })?;
    u32::try_from(text.get(..start)?.matches('\n').count() + 1).ok()
}
