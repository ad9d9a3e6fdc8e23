//! `truncate`: a table is emptied.

use squawk_syntax::ast::{self, AstNode};

use super::super::{About, Class, Found, Rule, Severity, Subject};
use super::support::used;

/// A table is emptied.
pub struct Truncate;

static ABOUT: About = About {
    name: "truncate",
    class: Class::DataLoss,
    severity: Severity::Error,
    summary: "A table is emptied",
    why: "All rows are gone with the commit. Readers and writers of the table wait until then; with CASCADE, \
        tables that refer to it are emptied too.",
    rewrite: "Delete in batches what is meant, with a WHERE, in a script without a transaction or a job of the \
        application.",
    bad: "TRUNCATE orders;\n",
    good: "DELETE FROM orders WHERE day < DATE '2020-01-01';\n",
};

impl Rule for Truncate {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, subject: &Subject<'_>, found: &mut Found) {
        for judged in &subject.statements {
            let Some(ast::Stmt::Truncate(truncate)) = &judged.syntax else { continue };
            let cascades = matches!(truncate.drop_behavior(), Some(ast::DropBehavior::Cascade(_)));
            for table in truncate.table_list().iter().flat_map(|list| list.table_relation_names()) {
                let Some(used) = used(subject, judged, table.syntax()) else { continue };
                let along = if cascades { ", and so are all tables that refer to it" } else { "" };
                found.at(judged, table.syntax().text_range(), format!("{} is emptied{along}", used.with_rows()));
            }
        }
    }
}
