//! `drop-table`: a table is dropped.

use squawk_syntax::ast::{self, AstNode};

use super::super::{About, Class, Found, Rule, Severity, Subject};
use super::support::{only_undoes, used};

/// A table is dropped.
pub struct DropTable;

static ABOUT: About = About {
    name: "drop-table",
    class: Class::DataLoss,
    severity: Severity::Error,
    summary: "A table is dropped",
    why: "Its rows are gone with the commit, and a release that still reads it fails; the lock makes readers \
        and writers of it wait, and writers of the tables that its foreign keys point to.",
    rewrite: "Release an application that does not use the table, wait until that holds, and drop the table in a \
        migration of its own, under a `-- sluice:ignore drop-table` comment that says why nobody needs it.",
    bad: "DROP TABLE orders;\n",
    good: "COMMENT ON TABLE orders IS 'unused since release 41, dropped after release 43';\n",
};

impl Rule for DropTable {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, subject: &Subject<'_>, found: &mut Found) {
        for judged in subject.statements.iter().filter(|judged| !only_undoes(subject, judged)) {
            let Some(ast::Stmt::DropTable(drop)) = &judged.syntax else { continue };
            for table in drop.table_name_refs() {
                let Some(used) = used(subject, judged, table.syntax()) else { continue };
                let message = format!("{} is dropped with all its rows", used.with_rows());
                let rewrite = format!(
                    "First a release that does not use {1}; then, in a migration of its own:\n\
                     -- sluice:ignore drop-table <why nobody needs {1}>\nDROP TABLE {0};",
                    used.sql, used.name
                );
                found.at(judged, table.syntax().text_range(), message).rewrite = Some(rewrite);
            }
        }
    }
}
