//! `detach-partition-without-concurrently`: a partition is detached while readers and writers wait.

use squawk_syntax::ast::{self, AstNode};

use super::super::{About, Class, Found, Rule, Severity, Subject};
use super::support::{each_action, table_as_written, table_of};

/// A partition is detached while readers and writers wait.
pub struct DetachPartitionWithoutConcurrently;

static ABOUT: About = About {
    name: "detach-partition-without-concurrently",
    class: Class::BlockingLock,
    severity: Severity::Warning,
    summary: "A partition is detached while readers and writers wait",
    why: "The partitioned table and the partition get an AccessExclusiveLock: it waits for every running \
        query, and every later query waits behind it.",
    rewrite: "DETACH PARTITION … CONCURRENTLY (PostgreSQL 14 and later), in a script of its own.",
    bad: "ALTER TABLE orders DETACH PARTITION orders_2020;\n",
    good: "ALTER TABLE orders DETACH PARTITION orders_2020 CONCURRENTLY;\n",
};

impl Rule for DetachPartitionWithoutConcurrently {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, subject: &Subject<'_>, found: &mut Found) {
        each_action(subject, |judged, used, action| {
            let ast::AlterTableAction::DetachPartition(detach) = action else { return };
            if detach.detach_partition_option().is_some() {
                return;
            }
            let partition = table_of(detach.table_name_ref());
            let message = format!("readers and writers of {} wait for {partition} to be detached", used.name);
            found.at(judged, detach.syntax().text_range(), message).rewrite = Some(format!(
                "-- in a script of its own\nALTER TABLE {} DETACH PARTITION {} CONCURRENTLY;",
                used.sql,
                table_as_written(detach.table_name_ref())
            ));
        });
    }
}
