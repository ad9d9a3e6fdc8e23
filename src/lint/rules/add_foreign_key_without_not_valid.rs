//! `add-foreign-key-without-not-valid`: a foreign key is added and checked in one step.

use squawk_syntax::ast::{self, AstNode};

use super::super::{About, Class, Found, Rule, Severity, Subject};
use super::support::{each_new_constraint, shown, table_of};

/// A foreign key is added and checked in one step.
pub struct AddForeignKeyWithoutNotValid;

static ABOUT: About = About {
    name: "add-foreign-key-without-not-valid",
    class: Class::BlockingLock,
    severity: Severity::Error,
    summary: "A foreign key is added and checked in one step",
    why: "Both tables get a ShareRowExclusiveLock while every row is checked: writers of both wait until that \
        is done.",
    rewrite: "Add the constraint NOT VALID, which takes a moment, and validate it in the next migration: writers \
        go on meanwhile.",
    bad: "ALTER TABLE orders ADD CONSTRAINT orders_customer FOREIGN KEY (customer_id) REFERENCES customers \
        (id);\n",
    good: "ALTER TABLE orders ADD CONSTRAINT orders_customer FOREIGN KEY (customer_id) REFERENCES customers \
        (id) NOT VALID;\n",
};

impl Rule for AddForeignKeyWithoutNotValid {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, subject: &Subject<'_>, found: &mut Found) {
        each_new_constraint(subject, |judged, used, column, constraint| {
            let parent = match constraint {
                ast::Constraint::ForeignKeyConstraint(key) => table_of(key.table_name_ref()),
                ast::Constraint::ReferencesConstraint(key) => table_of(key.table()),
                _ => return,
            };
            if constraint.is_not_valid() {
                return;
            }
            let table = &used.name;
            let message = format!("writers of {} and {parent} wait until every row is checked", used.with_rows());
            let finding = found.at(judged, constraint.syntax().text_range(), message);
            let text = shown(constraint.syntax());
            let (key, name) = match column {
                Some(column) => (format!("FOREIGN KEY ({column}) {text}"), format!("{table}_{column}_fkey")),
                None => (text, constraint.constraint_name().map(|name| shown(name.syntax())).unwrap_or_default()),
            };
            let named = if key.to_ascii_uppercase().starts_with("CONSTRAINT") || name.is_empty() {
                key
            } else {
                format!("CONSTRAINT {name} {key}")
            };
            finding.rewrite = Some(format!(
                "ALTER TABLE {table} ADD {named} NOT VALID;\n-- in the next migration\n\
                 ALTER TABLE {table} VALIDATE CONSTRAINT {};",
                if name.is_empty() { "…" } else { &name }
            ));
            used.weigh(finding);
        });
    }
}
