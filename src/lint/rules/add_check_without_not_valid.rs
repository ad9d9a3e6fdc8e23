//! `add-check-without-not-valid`: a check is added and every row is read for it.

use squawk_syntax::ast::{self, AstNode};

use super::super::{About, Class, Found, Rule, Severity, Subject};
use super::support::{each_new_constraint, name, shown};

/// A check is added and every row is read for it.
pub struct AddCheckWithoutNotValid;

static ABOUT: About = About {
    name: "add-check-without-not-valid",
    class: Class::BlockingLock,
    severity: Severity::Error,
    summary: "A check is added and every row is read for it",
    why: "The table has an AccessExclusiveLock while it is read from end to end: readers and writers wait \
        until that is done.",
    rewrite: "Add the constraint NOT VALID, which takes a moment, and validate it in the next migration: readers \
        and writers go on meanwhile.",
    bad: "ALTER TABLE orders ADD CONSTRAINT amount_positive CHECK (amount > 0);\n",
    good: "ALTER TABLE orders ADD CONSTRAINT amount_positive CHECK (amount > 0) NOT VALID;\n",
};

impl Rule for AddCheckWithoutNotValid {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, subject: &Subject<'_>, found: &mut Found) {
        each_new_constraint(subject, |judged, used, column, constraint| {
            let ast::Constraint::CheckConstraint(check) = constraint else { return };
            if constraint.is_not_valid() {
                return;
            }
            let table = &used.sql;
            let message = format!("readers and writers of {} wait until every row is checked", used.with_rows());
            let finding = found.at(judged, check.syntax().text_range(), message);
            let given = constraint.constraint_name().map(|name| shown(name.syntax()));
            let check_name = given.clone().unwrap_or_else(|| {
                used.derived(&format!(
                    "{}check",
                    column.map(|column| name(column.column_name()) + "_").unwrap_or_default()
                ))
            });
            let text = shown(check.syntax());
            let text = if given.is_some() { text } else { format!("CONSTRAINT {check_name} {text}") };
            finding.rewrite = Some(format!(
                "ALTER TABLE {table} ADD {text} NOT VALID;\n-- in the next migration\n\
                 ALTER TABLE {table} VALIDATE CONSTRAINT {check_name};"
            ));
            used.weigh(finding);
        });
    }
}
