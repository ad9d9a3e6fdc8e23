//! `drop-column`: a column is dropped.

use squawk_syntax::ast::{self, AstNode};

use super::super::{About, Class, Found, Rule, Severity, Subject};
use super::support::{each_action, is_new_column, name, only_undoes, written};

/// A column is dropped.
pub struct DropColumn;

static ABOUT: About = About {
    name: "drop-column",
    class: Class::DataLoss,
    severity: Severity::Error,
    summary: "A column is dropped",
    why: "Its values are gone with the commit, and a release that still names it fails. The lock itself is \
        brief.",
    rewrite: "Release an application that does not use the column, wait until that holds, and drop the column in \
        a migration of its own, under a `-- sluice:ignore drop-column` comment that says why nobody needs \
        it.",
    bad: "ALTER TABLE orders DROP COLUMN note;\n",
    good: "ALTER TABLE orders ALTER COLUMN note DROP NOT NULL;\n",
};

impl Rule for DropColumn {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, subject: &Subject<'_>, found: &mut Found) {
        each_action(subject, |judged, used, action| {
            let ast::AlterTableAction::DropColumn(drop) = action else { return };
            let column = name(drop.column_name_ref());
            // What this run added holds nothing yet that anybody wrote.
            if only_undoes(subject, judged) || is_new_column(subject, judged, &used.name, &column) {
                return;
            }
            let written = written(drop.column_name_ref());
            let message = format!("column {column} of {} is dropped with all its values", used.with_rows());
            found.at(judged, drop.syntax().text_range(), message).rewrite = Some(format!(
                "First a release that does not use the column (ALTER TABLE {0} ALTER COLUMN {written} DROP NOT NULL lets it leave \
                 the column out); then, in a migration of its own:\n-- sluice:ignore drop-column <why nobody needs {column}>\n\
                 ALTER TABLE {0} DROP COLUMN {written};",
                used.sql
            ));
        });
    }
}
