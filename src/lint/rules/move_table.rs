//! `move-table`: a table is written anew to be stored in another way.

use squawk_syntax::ast::{self, AstNode};

use super::super::{About, Class, Found, Rule, Severity, Subject};
use super::support::each_action;

/// A table is written anew to be stored in another way.
pub struct MoveTable;

static ABOUT: About = About {
    name: "move-table",
    class: Class::TableRewrite,
    severity: Severity::Error,
    summary: "A table is written anew to be stored in another way",
    why: "SET LOGGED, UNLOGGED, ACCESS METHOD and TABLESPACE copy the table and its indexes. Readers and \
        writers wait until it is done, and the copy needs as much disk again.",
    rewrite: "Create a new table that is stored as wanted, copy rows in batches while a trigger keeps it up to \
        date, and rename in a quiet moment.",
    bad: "ALTER TABLE orders SET UNLOGGED;\n",
    good: "CREATE UNLOGGED TABLE orders_import (LIKE orders);\n",
};

impl Rule for MoveTable {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, subject: &Subject<'_>, found: &mut Found) {
        each_action(subject, |judged, used, action| {
            let (what, node) = match action {
                ast::AlterTableAction::SetLogged(set) => ("to survive a crash of the server", set.syntax()),
                ast::AlterTableAction::SetUnlogged(set) => ("to be lost when the server crashes", set.syntax()),
                ast::AlterTableAction::SetAccessMethod(set) => ("for another access method", set.syntax()),
                ast::AlterTableAction::SetTablespace(set) => ("in another tablespace", set.syntax()),
                _ => return,
            };
            let message = format!("{} is written anew {what}", used.with_rows());
            used.weigh(found.at(judged, node.text_range(), message));
        });
    }
}
