//! `add-foreign-key-without-not-valid`: a foreign key is added and checked in one step.

use squawk_syntax::ast::{self, AstNode};

use super::super::classify::proves_references;
use super::super::{About, Class, Found, Rule, Severity, Subject};
use super::support::{after_keyword, each_new_constraint, name, shown, table_of, written};

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
            // A new column that is null everywhere refers to nothing, and the server does not look.
            if constraint.is_not_valid() || column.is_some_and(|column| !proves_references(column)) {
                return;
            }
            let table = &used.sql;
            let both = if parent == used.name { String::new() } else { format!(" and {parent}") };
            let message = format!("writers of {}{both} wait until every row is checked", used.with_rows());
            let finding = found.at(judged, constraint.syntax().text_range(), message);
            let given = constraint.constraint_name();
            let text = shown(constraint.syntax());
            let named = given.as_ref().map(|name| format!("CONSTRAINT {} ", shown(name.syntax()))).unwrap_or_default();
            let key = after_keyword(&text, &named).unwrap_or(&text).to_owned();
            let (key, name) = match column {
                Some(column) => (
                    format!("FOREIGN KEY ({}) {key}", written(column.column_name())),
                    used.derived(&format!("{}_fkey", name(column.column_name()))),
                ),
                None => (key, String::new()),
            };
            let name = given.map_or(name, |given| shown(given.syntax()));
            let named = if name.is_empty() { key } else { format!("CONSTRAINT {name} {key}") };
            finding.rewrite = Some(format!(
                "ALTER TABLE {table} ADD {named} NOT VALID;\n-- in the next migration\n\
                 ALTER TABLE {table} VALIDATE CONSTRAINT {};",
                if name.is_empty() { "…" } else { &name }
            ));
            used.weigh(finding);
        });
    }
}
