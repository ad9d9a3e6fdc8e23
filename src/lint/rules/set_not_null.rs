//! `set-not-null`: a column is made NOT NULL and every row is read for it.

use squawk_syntax::ast::{self, AstNode};
use squawk_syntax::quote::quote_ident;

use super::super::{About, Class, Found, Rule, Severity, Subject};
use super::support::{each_action, name, written};

/// A column is made NOT NULL and every row is read for it.
pub struct SetNotNull;

static ABOUT: About = About {
    name: "set-not-null",
    class: Class::BlockingLock,
    severity: Severity::Error,
    summary: "A column is made NOT NULL and every row is read for it",
    why: "The table has an AccessExclusiveLock while it is read from end to end: readers and writers wait \
        until that is done.",
    rewrite: "Add a CHECK (… IS NOT NULL) NOT VALID, validate it in the next migration, and SET NOT NULL in the \
        one after that: the server then believes the constraint and reads nothing.",
    bad: "ALTER TABLE orders ALTER COLUMN note SET NOT NULL;\n",
    good: "ALTER TABLE orders ADD CONSTRAINT note_set CHECK (note IS NOT NULL) NOT VALID;\n",
};

impl Rule for SetNotNull {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, subject: &Subject<'_>, found: &mut Found) {
        each_action(subject, |judged, used, action| {
            let ast::AlterTableAction::AlterColumn(alter) = action else { return };
            let Some(ast::AlterColumnOption::SetNotNull(_)) = alter.option() else { return };
            if !judged.effect.touches.iter().any(|touch| touch.scans && !touch.new) {
                return;
            }
            let (table, column) = (&used.sql, name(alter.column_name_ref()));
            let written = written(alter.column_name_ref());
            let proof = quote_ident(&format!("{column}_set"));
            let message = format!("readers and writers of {} wait until every {column} is looked at", used.with_rows());
            let finding = found.at(judged, alter.syntax().text_range(), message);
            finding.rewrite = Some(format!(
                "ALTER TABLE {table} ADD CONSTRAINT {proof} CHECK ({written} IS NOT NULL) NOT VALID;\n\
                 -- in the next migration\nALTER TABLE {table} VALIDATE CONSTRAINT {proof};\n\
                 -- and in the one after it\nALTER TABLE {table} ALTER COLUMN {written} SET NOT NULL;\n\
                 ALTER TABLE {table} DROP CONSTRAINT {proof};"
            ));
            used.weigh(finding);
        });
    }
}
