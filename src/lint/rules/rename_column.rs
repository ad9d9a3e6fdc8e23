//! `rename-column`: a column is renamed while applications use it.

use squawk_syntax::ast::{self, AstNode};

use crate::plan::Direction;

use super::super::{About, Class, Found, Rule, Severity, Subject};
use super::support::{each_action, is_new_column, name, written};

/// A column is renamed while applications use it.
pub struct RenameColumn;

static ABOUT: About = About {
    name: "rename-column",
    class: Class::BlockingLock,
    severity: Severity::Error,
    summary: "A column is renamed while applications use it",
    why: "From the commit on, every query of a running release that names the old column fails, and so does \
        every query of the new release before.",
    rewrite: "Add the new column, write both, switch readers over, and drop the old column a release later.",
    bad: "ALTER TABLE orders RENAME COLUMN note TO remark;\n",
    good: "ALTER TABLE orders ADD COLUMN remark text;\n",
};

impl Rule for RenameColumn {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, subject: &Subject<'_>, found: &mut Found) {
        each_action(subject, |judged, used, action| {
            let ast::AlterTableAction::RenameColumn(rename) = action else { return };
            let old = name(rename.column_name_ref());
            if subject.direction == Direction::Down || is_new_column(subject, judged, &used.name, &old) {
                return;
            }
            let (from, to) = (written(rename.column_name_ref()), written(rename.column_name()));
            let message = format!("running applications do not find column {old} of {} any more", used.name);
            found.at(judged, rename.syntax().text_range(), message).rewrite = Some(format!(
                "ALTER TABLE {0} ADD COLUMN {to} …;\n-- releases write both, then read {to}; in a later migration:\n\
                 ALTER TABLE {0} DROP COLUMN {from};",
                used.sql
            ));
        });
    }
}
