//! Finds the header in a script's leading comments. Prose, keys of other tools and licences are passed over; only a
//! known key with a value that cannot be right is a problem.

use super::problem::Findings;
use super::sql::{Lexer, TokenKind};
use super::{Header, Kind, Risk};

/// A header as read from one file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct HeaderRead {
    /// All but the dependencies, which need the whole set to be understood.
    pub(super) header: Header,
    /// What `-- Dependencies:` lists, as written, with the line it stands in.
    pub(super) references: Vec<(u32, String)>,
}

/// Our own mark, and those of tools whose files look like ours otherwise.
const NO_TRANSACTION: [&str; 3] =
    ["sluice:no-transaction", "atlas:txmode none", "postgres-migrations disable-transaction"];

/// A line of a comment without its decoration.
fn bare(line: &str) -> &str {
    line.trim().trim_start_matches(['-', '/', '*']).trim_end_matches("*/").trim()
}

impl HeaderRead {
    /// Reads the comments before the first statement of `text`, which begins in line `first_line` of its file.
    pub(super) fn read(&mut self, text: &str, first_line: u32, findings: &mut Findings<'_>) {
        // sqlx looks at the first bytes of a file and nowhere else.
        self.header.no_transaction |= first_line == 1 && text.starts_with("-- no-transaction");
        let mut line = first_line;
        for token in Lexer::new(text).map_while(Result::ok).take_while(|token| token.kind.is_blank()) {
            let comment = text.get(token.start..token.end).unwrap_or_default();
            if token.kind != TokenKind::Whitespace {
                for (offset, content) in (0..).zip(comment.lines()) {
                    self.line(line + offset, bare(content), findings);
                }
            }
            line += u32::try_from(comment.matches('\n').count()).unwrap_or(u32::MAX);
        }
    }

    fn line(&mut self, line: u32, text: &str, findings: &mut Findings<'_>) {
        let lower = text.to_ascii_lowercase();
        if NO_TRANSACTION.contains(&lower.as_str()) {
            self.header.no_transaction = true;
            return;
        }
        let Some((key, value)) = text.split_once(':') else { return };
        let key = key.to_ascii_lowercase().replace(['_', '-'], " ");
        let key = key.split_whitespace().collect::<Vec<_>>().join(" ");
        let value = value.trim();
        let mut refuse = |accepted: &str| {
            findings.add(Some(line), format!("`{value}` is no value for `{key}`"), format!("write one of {accepted}"));
        };
        match key.as_str() {
            "author" => self.header.author = non_empty(value),
            "description" => self.header.description = non_empty(value),
            "estimated duration" => self.header.estimated_duration = non_empty(value),
            "type" => match kind(value) {
                Some(kind) => self.header.kind = Some(kind),
                None => refuse("schema, data, seed"),
            },
            "risk level" => match risk(value) {
                Some(risk) => self.header.risk = Some(risk),
                None => refuse("LOW, MEDIUM, HIGH, CRITICAL"),
            },
            "rollback available" => match yes_or_no(value) {
                Some(available) => self.header.rollback_available = Some(available),
                None => refuse("yes, no"),
            },
            "dependencies" => self.references.extend(references(value).map(|reference| (line, reference))),
            _ => {}
        }
    }
}

fn non_empty(value: &str) -> Option<String> {
    (!value.is_empty()).then(|| value.to_owned())
}

/// The first word of a value, lower case: people explain themselves behind it (`LOW - adds a column`).
fn first_word(value: &str) -> String {
    value.split(|c: char| !c.is_alphanumeric()).find(|word| !word.is_empty()).unwrap_or_default().to_ascii_lowercase()
}

fn kind(value: &str) -> Option<Kind> {
    match first_word(value).as_str() {
        "schema" => Some(Kind::Schema),
        "data" => Some(Kind::Data),
        "seed" => Some(Kind::Seed),
        _ => None,
    }
}

fn risk(value: &str) -> Option<Risk> {
    match first_word(value).as_str() {
        "low" => Some(Risk::Low),
        "medium" => Some(Risk::Medium),
        "high" => Some(Risk::High),
        "critical" => Some(Risk::Critical),
        _ => None,
    }
}

fn yes_or_no(value: &str) -> Option<bool> {
    match first_word(value).as_str() {
        "yes" | "true" => Some(true),
        "no" | "false" => Some(false),
        _ => None,
    }
}

/// The items of a list of dependencies; none for the words that people write instead of an empty list.
fn references(value: &str) -> impl Iterator<Item = String> {
    let nothing = matches!(first_word(value).as_str(), "" | "none" | "n" | "na" | "nil" | "nothing");
    let items = if nothing { "" } else { value };
    items.split([',', ';']).map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned)
}
