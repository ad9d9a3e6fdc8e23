//! `attach-partition`: a table is attached as a partition and read from end to end.

use squawk_syntax::ast::{self, AstNode};

use super::super::{About, Class, Found, Rule, Severity, Subject};
use super::support::used;

/// A table is attached as a partition and read from end to end.
pub struct AttachPartition;

static ABOUT: About = About {
    name: "attach-partition",
    class: Class::TableScan,
    severity: Severity::Warning,
    summary: "A table is attached as a partition and read from end to end",
    why: "The partition has an AccessExclusiveLock while its rows are compared with the bounds, and so has a \
        default partition while it is searched for rows that belong into the new one.",
    rewrite: "Give the table a validated CHECK that says the same as the bounds; the server then reads nothing.",
    bad: "ALTER TABLE orders ATTACH PARTITION orders_2026 FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');\n",
    good: "CREATE TABLE orders_2026 PARTITION OF orders FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');\n",
};

impl Rule for AttachPartition {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, subject: &Subject<'_>, found: &mut Found) {
        for judged in &subject.statements {
            let Some(ast::Stmt::AlterTable(alter)) = &judged.syntax else { continue };
            for action in alter.actions() {
                let ast::AlterTableAction::AttachPartition(attach) = action else { continue };
                let Some(partition) = attach.table_name_ref() else { continue };
                let Some(used) = used(subject, judged, partition.syntax()) else { continue };
                if !judged.effect.touches.iter().any(|touch| touch.scans && !touch.new) {
                    continue;
                }
                let message = format!("readers and writers of {} wait until its rows are compared", used.with_rows());
                used.weigh(found.at(judged, attach.syntax().text_range(), message));
            }
        }
    }
}
