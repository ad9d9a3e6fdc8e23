//! `vacuum-full-or-cluster`: a table is compacted while everybody waits.

use super::super::{About, Class, Found, Rule, Severity, Subject};

/// A table is compacted while everybody waits.
pub struct VacuumFullOrCluster;

static ABOUT: About = About {
    name: "vacuum-full-or-cluster",
    class: Class::TableRewrite,
    severity: Severity::Error,
    summary: "A table is compacted while everybody waits",
    why: "VACUUM FULL and CLUSTER write the table and its indexes anew. Readers and writers wait until it is \
        done.",
    rewrite: "Plain VACUUM makes room for new rows without blocking; pg_repack compacts online.",
    bad: "-- sluice:no-transaction\nVACUUM FULL orders;\n",
    good: "-- sluice:no-transaction\nVACUUM orders;\n",
};

impl Rule for VacuumFullOrCluster {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, subject: &Subject<'_>, found: &mut Found) {
        for judged in &subject.statements {
            let words = judged.words();
            let rest = words.rest(0);
            if words.is(0, "CLUSTER") || (words.is(0, "VACUUM") && words.has(rest, "FULL")) {
                let message = format!("{} makes everybody wait until the table is written anew", judged.effect.kind);
                found.statement(judged, message);
            }
        }
    }
}
