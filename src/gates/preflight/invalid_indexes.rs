//! No table of the plan has an index that is not valid: one costs every write and serves no query.

use crate::database::InvalidIndex;

use super::words::several;
use super::{Case, Verdict, closed, known, open};

pub(super) fn judge(case: &Case<'_>) -> Option<Verdict> {
    let asked = case.wanted.invalid_indexes.as_ref()?;
    let indexes = match known("invalidIndexes", asked.named, &case.facts.invalid_indexes) {
        Ok(indexes) => indexes,
        Err(untold) => return untold.verdict(),
    };
    let own = |one: &InvalidIndex| case.needs.indexes.contains(&one.index) || case.needs.indexes.contains(&one.name);
    let others: Vec<&InvalidIndex> = indexes.iter().filter(|one| !own(one)).collect();
    let Some(first) = others.first() else {
        return open("no table of the plan has an invalid index");
    };
    let who = several(others.iter().map(|one| format!("{} on {}", one.index, one.table)));
    let noun = if others.len() == 1 { "index" } else { "indexes" };
    closed(
        format!(
            "{noun} {who}: not valid, as a build that failed leaves it; spec.gates.preflight.invalidIndexes is Refuse"
        ),
        format!("run REINDEX INDEX CONCURRENTLY {0}, or DROP INDEX CONCURRENTLY {0}", first.index),
    )
}
