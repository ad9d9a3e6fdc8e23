//! What many rules ask: whether others can be using a table, how large it is, and its name.

use squawk_syntax::ast::{self, AstNode};
use squawk_syntax::quote::quote_ident;
use squawk_syntax::{SyntaxKind, SyntaxNode};

use crate::migration::TransactionMode;
use crate::plan::Direction;

use super::super::catalog::split_name;
use super::super::syntax::{ident, join, path};
use super::super::{Finding, Judged, ObjectKind, Severity, Subject, without_literals};

/// What is locked or read for no longer than a moment, in bytes: some hundred MB a second are read.
const SMALL: u64 = 8 * 1024 * 1024;

/// Something that others may be using.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Used {
    /// As messages name it.
    pub(super) name: String,
    /// As SQL has to name it: as the statement does.
    pub(super) sql: String,
    /// How many rows it has, about; `None` where nobody knows.
    pub(super) rows: Option<u64>,
    small: bool,
}

impl Used {
    /// `orders`, `orders (about 1200 rows)`.
    pub(super) fn with_rows(&self) -> String {
        match self.rows {
            Some(rows) => format!("{} (about {rows} rows)", self.name),
            None => self.name.clone(),
        }
    }

    /// A name made of the table's own and what it is for, as SQL has to name it.
    pub(super) fn derived(&self, purpose: &str) -> String {
        quote_ident(&format!("{}_{purpose}", split_name(&self.name).1))
    }

    /// The same for something that is to be in the table's schema.
    pub(super) fn beside(&self, purpose: &str) -> String {
        let schema = split_name(&self.name).0.map(|schema| quote_ident(&schema) + ".").unwrap_or_default();
        schema + &self.derived(purpose)
    }

    /// Makes less of a finding about locks and time where the table is known to be small.
    pub(super) fn weigh(&self, finding: &mut Finding) {
        if self.small {
            finding.severity = Severity::Note;
            finding.why.push_str(" This one is small now, so it takes a moment.");
        }
    }
}

/// What a node names, unless this run creates it and nobody else can be using it.
pub(super) fn used(subject: &Subject<'_>, judged: &Judged<'_>, node: &SyntaxNode) -> Option<Used> {
    used_name(subject, judged, join(&path(node))).map(|used| Used { sql: path_as_written(node), ..used })
}

/// Likewise for a name as [touches](super::super::Touch) spell it.
pub(super) fn used_name(subject: &Subject<'_>, judged: &Judged<'_>, name: String) -> Option<Used> {
    let is = |touched: &str| touched == name || touched.rsplit_once('.').is_some_and(|(_, last)| last == name);
    let touch = judged.effect.touches.iter().find(|touch| is(&touch.table));
    if touch.is_some_and(|touch| touch.new) {
        return None;
    }
    let relation = subject.catalog.find(&name).map(|(_, relation)| relation);
    Some(Used {
        rows: relation.and_then(|relation| relation.rows),
        small: relation.is_some_and(|relation| relation.bytes < SMALL),
        sql: name.clone(),
        name,
    })
}

/// Every action of every `ALTER TABLE` on a table that others may be using.
pub(super) fn each_action(subject: &Subject<'_>, mut look: impl FnMut(&Judged<'_>, &Used, &ast::AlterTableAction)) {
    for judged in &subject.statements {
        let Some(ast::Stmt::AlterTable(alter)) = &judged.syntax else { continue };
        let Some(used) = alter.table_relation_name().and_then(|name| used(subject, judged, name.syntax())) else {
            continue;
        };
        alter.actions().for_each(|action| look(judged, &used, &action));
    }
}

/// Every constraint that `ALTER TABLE` adds to a table that others may be using, with the column where it is added together with
/// one.
pub(super) fn each_new_constraint(
    subject: &Subject<'_>,
    mut look: impl FnMut(&Judged<'_>, &Used, Option<&ast::AddColumn>, &ast::Constraint),
) {
    each_action(subject, |judged, used, action| match action {
        ast::AlterTableAction::AddConstraint(add) => {
            add.constraint().iter().for_each(|constraint| look(judged, used, None, constraint));
        }
        ast::AlterTableAction::AddColumn(add) => {
            add.constraints().for_each(|constraint| look(judged, used, Some(add), &constraint));
        }
        _ => {}
    });
}

/// A table that a node names, in one piece.
pub(super) fn table_of<N: AstNode>(node: Option<N>) -> String {
    node.map(|node| join(&path(node.syntax()))).unwrap_or_default()
}

/// Whether a condition is missing, or true for every row.
pub(super) fn is_everything(condition: Option<&ast::WhereClauseOrCurrentOf>) -> bool {
    let Some(condition) = condition else { return true };
    let text: String = condition.syntax().text().to_string().chars().filter(|c| !c.is_whitespace()).collect();
    matches!(text.to_ascii_lowercase().as_str(), "wheretrue" | "where1=1" | "where(true)" | "where(1=1)")
}

/// A name of one part.
pub(super) fn name<N: AstNode>(node: Option<N>) -> String {
    node.map(|node| ident(node.syntax())).unwrap_or_default()
}

/// A name of one part as SQL has to name it: as the statement does.
pub(super) fn written<N: AstNode>(node: Option<N>) -> String {
    node.map(|node| without_trivia(node.syntax())).unwrap_or_default()
}

/// A table that a node names, as SQL has to name it.
pub(super) fn table_as_written<N: AstNode>(node: Option<N>) -> String {
    node.map(|node| path_as_written(node.syntax())).unwrap_or_default()
}

fn path_as_written(node: &SyntaxNode) -> String {
    let is_path = |node: &SyntaxNode| matches!(node.kind(), SyntaxKind::PATH | SyntaxKind::PATH_REF);
    node.descendants().find(is_path).map(|path| without_trivia(&path)).unwrap_or_default()
}

/// The text of a node without comments and blanks.
fn without_trivia(node: &SyntaxNode) -> String {
    let tokens = node.descendants_with_tokens().filter_map(|element| element.into_token());
    tokens.filter(|token| !token.kind().is_trivia()).map(|token| token.text().to_owned()).collect()
}

/// The text of a node in one line, without what its literals hold.
pub(super) fn shown(node: &SyntaxNode) -> String {
    without_literals(&node.text().to_string()).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What follows a text's beginning, which people write in capitals or not.
pub(super) fn after_keyword<'a>(text: &'a str, beginning: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(beginning.len())?;
    head.eq_ignore_ascii_case(beginning).then_some(rest)
}

/// Whether the statement is in a transaction with all others of the script.
pub(super) fn in_transaction(subject: &Subject<'_>) -> bool {
    subject.script.mode == TransactionMode::Transactional
}

/// Whether the script is a way back that drops only what the way up created: what it is for, and guarded elsewhere.
pub(super) fn only_undoes(subject: &Subject<'_>, judged: &Judged<'_>) -> bool {
    subject.direction == Direction::Down
        && (subject.way_back.is_none() || judged.drops.iter().all(|object| subject.way_back_creates.contains(object)))
}

/// Whether the run created a column of a table before the statement.
pub(super) fn is_new_column(subject: &Subject<'_>, judged: &Judged<'_>, table: &str, column: &str) -> bool {
    let end = format!("{table}.{column}");
    let is = |name: &str| name == end || name.strip_suffix(&end).is_some_and(|schema| schema.ends_with('.'));
    let created = |(object, number): (&super::super::Object, u32)| {
        object.kind == ObjectKind::Column && number < judged.statement.number && is(&object.name)
    };
    subject.created.iter().any(created)
}
