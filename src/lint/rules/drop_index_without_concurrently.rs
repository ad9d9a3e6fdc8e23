//! `drop-index-without-concurrently`: an index is dropped while readers and writers wait.

use squawk_syntax::ast::{self, AstNode};

use super::super::{About, Class, Found, Judged, ObjectKind, Rule, Severity, Subject};
use super::support::{table_of, used};

/// An index is dropped while readers and writers wait.
pub struct DropIndexWithoutConcurrently;

static ABOUT: About = About {
    name: "drop-index-without-concurrently",
    class: Class::BlockingLock,
    severity: Severity::Warning,
    summary: "An index is dropped while readers and writers wait",
    why: "DROP INDEX takes an AccessExclusiveLock on the table: it waits for every running query, and every \
        later query waits behind it.",
    rewrite: "DROP INDEX CONCURRENTLY, in a script of its own.",
    bad: "DROP INDEX orders_by_day;\n",
    good: "DROP INDEX CONCURRENTLY orders_by_day;\n",
};

impl Rule for DropIndexWithoutConcurrently {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, subject: &Subject<'_>, found: &mut Found) {
        for (at, judged) in subject.statements.iter().enumerate() {
            let Some(ast::Stmt::DropIndex(drop)) = &judged.syntax else { continue };
            if drop.concurrently_token().is_some() || judged.effect.touches.iter().any(|touch| touch.new) {
                continue;
            }
            let indexes: Vec<String> = drop.index_refs().map(|index| table_of(Some(index))).collect();
            let tables: Vec<&str> = judged.effect.touches.iter().map(|touch| touch.table.as_str()).collect();
            let tables: Vec<&str> =
                tables.into_iter().filter(|table| !indexes.iter().any(|one| one == table)).collect();
            // Whoever drops the table makes everybody wait for that.
            let later = subject.statements.get(at + 1..).unwrap_or_default();
            if !tables.is_empty() && tables.iter().all(|table| later.iter().any(|judged| drops(judged, table))) {
                continue;
            }
            let table = match (indexes.as_slice(), tables.first()) {
                ([_], Some(table)) => table,
                _ => "the table",
            };
            let if_exists = if drop.if_exists().is_some() { "IF EXISTS " } else { "" };
            for index in drop.index_refs() {
                let Some(used) = used(subject, judged, index.syntax()).filter(|used| !used.sql.is_empty()) else {
                    continue;
                };
                let message = format!("readers and writers of {table} wait for index {} to be dropped", used.name);
                let finding = found.at(judged, index.syntax().text_range(), message);
                finding.rewrite =
                    Some(format!("-- in a script of its own\nDROP INDEX CONCURRENTLY {if_exists}{};", used.sql));
                used.weigh(finding);
            }
        }
    }
}

/// Whether a statement drops a table that another names so.
fn drops(judged: &Judged<'_>, table: &str) -> bool {
    judged
        .drops
        .iter()
        .filter(|object| object.kind == ObjectKind::Table)
        .any(|object| object.name.strip_suffix(table).is_some_and(|schema| schema.is_empty() || schema.ends_with('.')))
}
