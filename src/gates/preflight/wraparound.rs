//! No vacuum against wraparound is at work on a table of the plan or due for it: it gives way to nobody who waits.

use crate::database::{TableFacts, Vacuum};

use super::words::{in_sql, several};
use super::{Case, Verdict, closed, known, open};

/// From this age on the database itself is in danger: the server's own `vacuum_failsafe_age` is 1.6 thousand million, and at
/// two it takes no more writes.
const DANGER: u64 = 1_500_000_000;

pub(super) fn judge(case: &Case<'_>) -> Option<Verdict> {
    let asked = case.wanted.wraparound.as_ref()?;
    let age = known("wraparound", asked.named, &case.facts.database_age);
    if age.as_ref().is_ok_and(|age| **age >= DANGER) {
        return closed(
            "the database is close to wraparound: its oldest transaction id is more than 1500 million transactions old",
            "vacuum the oldest tables first: select oid::regclass from pg_class where relkind in ('r', 'm', 't') \
             order by age(relfrozenxid) desc limit 10",
        );
    }
    let vacuums = known("wraparound", asked.named, &case.facts.vacuums);
    let at_work: Vec<&Vacuum> = vacuums.iter().flat_map(|all| all.iter()).filter(|one| one.wraparound).collect();
    if !at_work.is_empty() {
        let who = several(at_work.iter().map(|one| format!("{} (session {})", one.table, one.pid)));
        return closed(
            format!("a vacuum against wraparound is at work on {who}, and gives way to nobody"),
            "wait until it is done: select * from pg_stat_progress_vacuum shows how far it is",
        );
    }
    let tables = known("wraparound", asked.named, &case.facts.tables);
    let is_due = |table: &&TableFacts| table.there.as_ref().is_some_and(|there| there.wraparound >= 100);
    let due: Vec<&TableFacts> = tables.iter().flat_map(|all| all.iter()).filter(is_due).collect();
    if let Some(first) = due.first() {
        let who = several(due.iter().map(|table| table.name.clone()));
        return closed(
            format!("a vacuum against wraparound is due for {who}: once it begins, it gives way to nobody"),
            format!("wait for autovacuum, or as its owner run: VACUUM (FREEZE) {}", in_sql(&first.name)),
        );
    }
    match age.err().or(vacuums.err()).or(tables.err()) {
        Some(untold) => untold.verdict(),
        None => open("no vacuum against wraparound is at work on a table of the plan or due for it"),
    }
}
