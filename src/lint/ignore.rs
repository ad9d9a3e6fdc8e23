//! `-- sluice:ignore <rule>[, <rule>] <reason>`: comments that silence findings, and what is wrong with such comments.
//!
//! A comment on a line of its own is about the next statement (inside of a statement: about the rest of it); one behind code is
//! about what is found on its line. It never silences without a reason, and the reason stays with the finding.

use crate::migration::{Lexer, Script, TokenKind};

use super::policy::nearest;
use super::registry;
use super::rules::ignored::{OF_NOTHING, UNKNOWN_RULE, WITHOUT_REASON};
use super::{About, Finding};

/// What the comment begins with.
const MARK: &str = "sluice:ignore";

/// A 1-based line and column.
type Place = (u32, u32);

/// One comment.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Comment<'a> {
    rules: Vec<&'a str>,
    reason: Option<&'a str>,
    start: Place,
    end: Place,
    about: Scope,
}

/// What a comment is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// Findings that touch the line.
    Line(u32),
    /// Findings that begin there (first included, last excluded).
    Between(Place, Place),
}

impl Scope {
    fn covers(self, finding: &Finding) -> bool {
        let at = (finding.line, finding.column);
        match self {
            Self::Line(line) => finding.line <= line && line <= finding.end.0,
            Self::Between(first, last) => first <= at && at < last,
        }
    }
}

/// Silences what the comments of the script silence, and adds what is wrong with the comments. `findings` are those of this
/// script alone.
pub(super) fn apply(script: &Script, findings: &mut Vec<Finding>) {
    let mut added = Vec::new();
    for comment in comments(script) {
        let mut add = |about: &'static About, message: String| {
            added.push(Finding {
                rule: about.name,
                class: about.class,
                severity: about.severity,
                file: script.file.clone(),
                line: comment.start.0,
                column: comment.start.1,
                end: comment.end,
                message,
                why: about.why.to_owned(),
                rewrite: Some(about.rewrite.to_owned()),
                ignored: None,
            });
        };
        if comment.rules.is_empty() {
            add(&UNKNOWN_RULE, "this comment names no rule".to_owned());
        }
        if comment.reason.is_none() && !comment.rules.is_empty() {
            add(&WITHOUT_REASON, format!("no reason is given for ignoring {}", comment.rules.join(", ")));
        }
        for rule in &comment.rules {
            if !registry::names().any(|known| known == *rule) {
                let hint = nearest(rule, registry::names()).map(|near| format!("; did you mean {near}?"));
                add(&UNKNOWN_RULE, format!("no rule is called {rule}{}", hint.unwrap_or_default()));
                continue;
            }
            let Some(reason) = comment.reason else { continue };
            let silenced = findings.iter_mut().filter(|found| found.rule == *rule && comment.about.covers(found));
            if silenced.map(|found| found.ignored = Some(reason.to_owned())).count() == 0 {
                add(&OF_NOTHING, format!("{rule} is not found here, so there is nothing to ignore"));
            }
        }
    }
    findings.append(&mut added);
}

/// The comments of a script, in order.
fn comments(script: &Script) -> Vec<Comment<'_>> {
    if !script.sql.contains(MARK) {
        return Vec::new();
    }
    let mut found = Vec::new();
    let (mut line, mut column) = (script.first_line, 1);
    // The line of the last token that is part of a statement.
    let mut code_line = 0;
    for token in Lexer::new(&script.sql).map_while(Result::ok) {
        let text = script.sql.get(token.start..token.end).unwrap_or_default();
        let start = (line, column);
        for character in text.chars() {
            (line, column) = if character == '\n' { (line + 1, 1) } else { (line, column + 1) };
        }
        if !token.kind.is_blank() {
            code_line = line;
        } else if token.kind != TokenKind::Whitespace
            && let Some(body) = bare(text).strip_prefix(MARK)
        {
            let about = if code_line == start.0 { Scope::Line(code_line) } else { next(script, start) };
            let (rules, reason) = words(body);
            found.push(Comment { rules, reason, start, end: (line, column), about });
        }
    }
    found
}

/// The statement that goes on or begins behind a place; nothing at the end of the script.
fn next(script: &Script, at: Place) -> Scope {
    let ends = script.statements.iter().map(|statement| {
        let length = u32::try_from(statement.text.chars().count()).unwrap_or(u32::MAX);
        ((statement.line, statement.column), statement.locate(length.saturating_add(1)))
    });
    let about = ends.into_iter().find(|(_, end)| *end > at);
    about.map_or(Scope::Between(at, at), |(start, end)| Scope::Between(start.max(at), end))
}

/// A comment without its decoration.
fn bare(text: &str) -> &str {
    text.trim_start_matches(['-', '/', '*']).trim_end_matches("*/").trim()
}

/// `a, b why` in rules and reason.
fn words(body: &str) -> (Vec<&str>, Option<&str>) {
    let mut rules = Vec::new();
    let mut rest = body.trim_start();
    loop {
        let end = rest.find(|c: char| c == ',' || c.is_whitespace()).unwrap_or(rest.len());
        let (rule, after) = rest.split_at(end);
        rest = after.trim_start();
        if !rule.is_empty() {
            rules.push(rule.trim_end_matches(':'));
        }
        match rest.strip_prefix(',') {
            Some(more) => rest = more.trim_start(),
            None => break,
        }
    }
    let reason = rest.trim_start_matches([':', '-', '–']).trim();
    (rules, (!reason.is_empty()).then_some(reason))
}
