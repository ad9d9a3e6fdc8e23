//! `not-null-without-default`: A NOT NULL column is added without a default.

use squawk_syntax::ast::{self, AstNode};

use super::super::{About, Class, Found, Rule, Severity, Subject};
use super::support::{each_action, name, shown, written};

/// A NOT NULL column is added without a default.
pub struct NotNullWithoutDefault;

static ABOUT: About = About {
    name: "not-null-without-default",
    class: Class::Environment,
    severity: Severity::Error,
    summary: "A NOT NULL column is added without a default",
    why: "It works on an empty table, in a test, and fails on one with rows, in production. Running releases \
        that do not know the column cannot insert any more.",
    rewrite: "Add it with a constant default, which takes a moment whatever the table's size, or nullable first.",
    bad: "ALTER TABLE orders ADD COLUMN channel text NOT NULL;\n",
    good: "ALTER TABLE orders ADD COLUMN channel text NOT NULL DEFAULT 'web';\n",
};

impl Rule for NotNullWithoutDefault {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, subject: &Subject<'_>, found: &mut Found) {
        each_action(subject, |judged, used, action| {
            let ast::AlterTableAction::AddColumn(add) = action else { return };
            let serial = add.ty().is_some_and(|ty| shown(ty.syntax()).to_lowercase().contains("serial"));
            let (mut required, mut filled) = (false, serial);
            for constraint in add.constraints() {
                match constraint {
                    ast::Constraint::NotNullConstraint(_) => required = true,
                    ast::Constraint::PrimaryKeyConstraint(_) => required = true,
                    ast::Constraint::DefaultConstraint(_) | ast::Constraint::GeneratedConstraint(_) => filled = true,
                    _ => {}
                }
            }
            if !required || filled {
                return;
            }
            let column = name(add.column_name());
            let ty = add.ty().map(|ty| shown(ty.syntax())).unwrap_or_default();
            let written = written(add.column_name());
            let message =
                format!("column {column} is NOT NULL without a default: this fails as soon as {} has a row", used.name);
            found.at(judged, add.syntax().text_range(), message).rewrite = Some(format!(
                "ALTER TABLE {0} ADD COLUMN {written} {ty} NOT NULL DEFAULT …;\n\
                 -- or: ALTER TABLE {0} ADD COLUMN {written} {ty}; fill it in batches, then make it NOT NULL",
                used.sql
            ));
        });
    }
}
