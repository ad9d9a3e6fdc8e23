//! `add-unique-without-using-index`: a unique or primary key is added and its index built in one step.

use squawk_syntax::ast::{self, AstNode};

use super::super::{About, Class, Found, Rule, Severity, Subject};
use super::support::{after_keyword, each_new_constraint, shown, written};

/// A unique or primary key is added and its index built in one step.
pub struct AddUniqueWithoutUsingIndex;

static ABOUT: About = About {
    name: "add-unique-without-using-index",
    class: Class::BlockingLock,
    severity: Severity::Error,
    summary: "A unique or primary key is added and its index built in one step",
    why: "The table has an AccessExclusiveLock while the index is built: readers and writers wait until that \
        is done.",
    rewrite: "Build the unique index CONCURRENTLY in a script of its own, then add the constraint USING INDEX, \
        which takes a moment.",
    bad: "ALTER TABLE orders ADD CONSTRAINT orders_number UNIQUE (number);\n",
    good: "ALTER TABLE orders ADD CONSTRAINT orders_number UNIQUE USING INDEX orders_number_idx;\n",
};

impl Rule for AddUniqueWithoutUsingIndex {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, subject: &Subject<'_>, found: &mut Found) {
        each_new_constraint(subject, |judged, used, column, constraint| {
            let (kind, using) = match constraint {
                ast::Constraint::UniqueConstraint(key) => ("UNIQUE", key.using_index().is_some()),
                ast::Constraint::PrimaryKeyConstraint(key) => ("PRIMARY KEY", key.using_index().is_some()),
                ast::Constraint::ExcludeConstraint(_) => ("EXCLUDE", false),
                _ => return,
            };
            if using {
                return;
            }
            let table = &used.sql;
            let message = format!("readers and writers of {} wait until its new index is built", used.with_rows());
            let finding = found.at(judged, constraint.syntax().text_range(), message);
            if kind == "EXCLUDE" {
                // No index can be handed to it.
                finding.rewrite =
                    Some("Create a new table with the constraint, copy in batches, and rename.".to_owned());
            } else {
                let text = shown(constraint.syntax());
                let own = column.map(|column| written(column.column_name()));
                let key = own.map_or_else(|| Key::of(&text), |column| Key { columns: column, ..Key::of(&text) });
                let name = constraint.constraint_name().map(|name| shown(name.syntax()));
                let name = name.unwrap_or_else(|| used.derived(&key.columns.replace(", ", "_").replace('"', "")));
                let Key { columns, index, constraint } = key;
                finding.rewrite = Some(format!(
                    "-- in a script of its own\nCREATE UNIQUE INDEX CONCURRENTLY {name} ON {table} ({columns}){index};\n\
                     -- in the next migration\nALTER TABLE {table} ADD CONSTRAINT {name} {kind} USING INDEX {name}{constraint};"
                ));
            }
            used.weigh(finding);
        });
    }
}

/// What a key says, in the places where an index and a constraint that takes it say the same.
struct Key {
    columns: String,
    /// What belongs to the index, with a blank before it.
    index: String,
    /// What belongs to the constraint, with a blank before it.
    constraint: String,
}

impl Key {
    /// From `UNIQUE NULLS NOT DISTINCT (a, b) INCLUDE (c) DEFERRABLE`.
    fn of(text: &str) -> Self {
        let (before, rest) = text.split_once('(').unwrap_or((text, "…)"));
        let (columns, rest) = rest.split_once(')').unwrap_or((rest, ""));
        let (included, rest) = match after_keyword(rest.trim_start(), "INCLUDE").and_then(|rest| rest.split_once(')')) {
            Some((included, rest)) => (format!(" INCLUDE{included})"), rest),
            None => (String::new(), rest),
        };
        let distinct = if before.to_ascii_uppercase().contains("NOT DISTINCT") { " NULLS NOT DISTINCT" } else { "" };
        let deferred = rest.to_ascii_uppercase().find("DEFERRABLE").and_then(|at| rest.get(at..));
        Self {
            columns: columns.trim().to_owned(),
            index: included + distinct,
            constraint: deferred.map(|deferred| format!(" {}", deferred.trim())).unwrap_or_default(),
        }
    }
}
