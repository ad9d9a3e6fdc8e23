//! `lock-table`: a table is locked explicitly.

use super::super::{About, Class, Found, Rule, Severity, Subject};
use super::support::used_name;

/// A table is locked explicitly.
pub struct LockTable;

static ABOUT: About = About {
    name: "lock-table",
    class: Class::BlockingLock,
    severity: Severity::Warning,
    summary: "A table is locked explicitly",
    why: "The lock is held until the script commits, whatever else is in it.",
    rewrite: "Leave the lock out: each statement takes the one that it needs. Where two statements must see the \
        same rows, lock the rows with SELECT … FOR UPDATE.",
    bad: "LOCK TABLE orders IN SHARE ROW EXCLUSIVE MODE;\n",
    good: "SELECT id FROM orders WHERE id = 1 FOR UPDATE;\n",
};

impl Rule for LockTable {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, subject: &Subject<'_>, found: &mut Found) {
        for judged in subject.statements.iter().filter(|judged| judged.words().is(0, "LOCK")) {
            let names: Vec<String> = judged.effect.touches.iter().map(|touch| touch.table.clone()).collect();
            let used: Vec<_> = names.into_iter().filter_map(|name| used_name(subject, judged, name)).collect();
            let blocks = judged.effect.strongest().is_some_and(|lock| lock.blocks_writes());
            if let Some(first) = used.first().filter(|_| blocks) {
                let who = if judged.effect.strongest().is_some_and(|lock| lock.blocks_reads()) {
                    "readers and writers"
                } else {
                    "writers"
                };
                first.weigh(found.statement(judged, format!("{who} of {} wait until the script commits", first.name)));
            }
        }
    }
}
