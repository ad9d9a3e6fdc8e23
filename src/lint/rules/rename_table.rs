//! `rename-table`: a table is renamed while applications use it.

use squawk_syntax::ast::{self, AstNode};

use crate::plan::Direction;

use super::super::{About, Class, Found, Object, ObjectKind, Rule, Severity, Subject};
use super::support::{each_action, table_as_written};

/// A table is renamed while applications use it.
pub struct RenameTable;

static ABOUT: About = About {
    name: "rename-table",
    class: Class::BlockingLock,
    severity: Severity::Error,
    summary: "A table is renamed while applications use it",
    why: "From the commit on, every query of a running release that names the old table fails, and so does \
        every query of the new release before.",
    rewrite: "Keep a view with the old name in the same script until no release uses it.",
    bad: "ALTER TABLE orders RENAME TO purchases;\n",
    good: "ALTER TABLE orders RENAME TO purchases;\nCREATE VIEW orders AS SELECT * FROM purchases;\n",
};

impl Rule for RenameTable {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, subject: &Subject<'_>, found: &mut Found) {
        each_action(subject, |judged, used, action| {
            let ast::AlterTableAction::TableRenameTo(rename) = action else { return };
            let last = used.name.rsplit('.').next().unwrap_or_default();
            let is_kept =
                |object: &Object| object.kind == ObjectKind::View && object.name.rsplit('.').next() == Some(last);
            if subject.direction == Direction::Down
                || subject.statements.iter().any(|other| other.creates.iter().any(is_kept))
            {
                return;
            }
            let new = table_as_written(rename.table_name());
            let message = format!("running applications do not find {} any more", used.name);
            found.at(judged, rename.syntax().text_range(), message).rewrite =
                Some(format!("ALTER TABLE {0} RENAME TO {new};\nCREATE VIEW {0} AS SELECT * FROM {new};", used.sql));
        });
    }
}
