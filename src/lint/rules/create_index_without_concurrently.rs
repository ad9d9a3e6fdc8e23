//! `create-index-without-concurrently`: an index is built while writers wait.

use squawk_syntax::ast::{self, AstNode};

use super::super::{About, Class, Found, Rule, Severity, Subject};
use super::support::{shown, used};

/// An index is built while writers wait.
pub struct CreateIndexWithoutConcurrently;

static ABOUT: About = About {
    name: "create-index-without-concurrently",
    class: Class::BlockingLock,
    severity: Severity::Error,
    summary: "An index is built while writers wait",
    why: "CREATE INDEX takes a ShareLock: every INSERT, UPDATE and DELETE on the table waits until the index \
        is built.",
    rewrite: "CREATE INDEX CONCURRENTLY, in a script of its own: it runs without a transaction, and Sluice cleans \
        up and retries when it is interrupted.",
    bad: "CREATE INDEX orders_by_day ON orders (day);\n",
    good: "CREATE INDEX CONCURRENTLY orders_by_day ON orders (day);\n",
};

impl Rule for CreateIndexWithoutConcurrently {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, subject: &Subject<'_>, found: &mut Found) {
        for judged in &subject.statements {
            let Some(ast::Stmt::CreateIndex(create)) = &judged.syntax else { continue };
            if create.concurrently_token().is_some() {
                continue;
            }
            let Some(table) = create.table_relation_name() else { continue };
            let Some(used) = used(subject, judged, table.syntax()) else { continue };
            let partitioned = subject.catalog.find(&used.name).is_some_and(|(_, relation)| relation.kind == 'p');
            let message = format!("writers of {} wait until the index is built", used.with_rows());
            let finding = found.statement(judged, message);
            finding.rewrite = Some(if partitioned {
                format!(
                    "CREATE INDEX … ON ONLY {0} …;\n-- for each partition, in scripts of their own: CREATE INDEX CONCURRENTLY …;\n\
                     -- then: ALTER INDEX … ATTACH PARTITION …;",
                    used.sql
                )
            } else {
                let whole = shown(create.syntax());
                let (before, after) = split_after_index(&whole);
                format!("-- in a script of its own\n{before} CONCURRENTLY{after};")
            });
            used.weigh(finding);
        }
    }
}

/// `CREATE UNIQUE INDEX` and what follows it.
fn split_after_index(statement: &str) -> (&str, &str) {
    let index = statement.to_ascii_uppercase().find("INDEX").map_or(0, |at| at + "INDEX".len());
    statement.split_at_checked(index).unwrap_or((statement, ""))
}
