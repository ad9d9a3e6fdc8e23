//! `rows-changed-under-lock`: rows are changed while a lock on a table is held that everybody waits for.

use squawk_syntax::ast::{self, AstNode};

use super::super::{About, Class, Found, LockMode, Rule, Severity, Subject};
use super::support::{in_transaction, used, used_name};

/// Rows are changed while a lock on a table is held that everybody waits for.
pub struct RowsChangedUnderLock;

static ABOUT: About = About {
    name: "rows-changed-under-lock",
    class: Class::BlockingLock,
    severity: Severity::Warning,
    summary: "Rows are changed while a lock on a table is held that everybody waits for",
    why: "The lock of an ALTER TABLE is held until the commit, so readers and writers wait until all rows are \
        changed.",
    rewrite: "Change the rows in a migration of its own, in batches.",
    bad: "ALTER TABLE orders ADD COLUMN total bigint;\n\
        UPDATE orders SET total = amount * 100 WHERE total IS NULL;\n",
    good: "ALTER TABLE orders ADD COLUMN total bigint;\n",
};

impl Rule for RowsChangedUnderLock {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, subject: &Subject<'_>, found: &mut Found) {
        if !in_transaction(subject) {
            return;
        }
        let mut locked: Option<(String, u32)> = None;
        for judged in &subject.statements {
            let relation = match &judged.syntax {
                Some(ast::Stmt::Update(update)) => update.relation_name(),
                Some(ast::Stmt::Delete(delete)) => delete.relation_name(),
                _ => None,
            };
            if let (Some((table, line)), Some(relation)) = (&locked, relation)
                && let Some(used) = used(subject, judged, relation.syntax())
            {
                let message = format!(
                    "everybody waits for {table} (locked in line {line}) until rows of {} are changed",
                    used.with_rows()
                );
                used.weigh(found.statement(judged, message));
            }
            let strongest =
                judged.effect.touches.iter().find(|touch| touch.lock == LockMode::AccessExclusive && !touch.new);
            if let Some(touch) = strongest.filter(|_| locked.is_none())
                && let Some(used) = used_name(subject, judged, touch.table.clone())
            {
                locked = Some((used.name, judged.statement.line));
            }
        }
    }
}
