//! `delete-without-where`: all rows of a table are deleted.

use squawk_syntax::ast::{self, AstNode};

use super::super::syntax::all;
use super::super::{About, Class, Found, Rule, Severity, Subject};
use super::support::{is_everything, used};

/// All rows of a table are deleted.
pub struct DeleteWithoutWhere;

static ABOUT: About = About {
    name: "delete-without-where",
    class: Class::DataLoss,
    severity: Severity::Error,
    summary: "All rows of a table are deleted",
    why: "Every row is gone with the commit; until then writers of those rows wait, and the dead rows stay \
        for vacuum.",
    rewrite: "Say with WHERE which rows are meant; delete many of them in batches.",
    bad: "DELETE FROM orders;\n",
    good: "DELETE FROM orders WHERE day < DATE '2020-01-01';\n",
};

impl Rule for DeleteWithoutWhere {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, subject: &Subject<'_>, found: &mut Found) {
        for judged in &subject.statements {
            let Some(tree) = &judged.syntax else { continue };
            for delete in all::<ast::Delete>(tree.syntax()) {
                let Some(relation) = delete.relation_name() else { continue };
                let Some(used) = used(subject, judged, relation.syntax()) else { continue };
                if is_everything(delete.where_clause_or_current_of().as_ref()) {
                    let message = format!("all rows of {} are deleted", used.with_rows());
                    found.at(judged, delete.syntax().text_range(), message);
                }
            }
        }
    }
}
