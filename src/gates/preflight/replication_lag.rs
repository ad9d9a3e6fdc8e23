//! No standby is far behind: what a migration writes comes on top.

use crate::database::Standby;

use super::words::{clean, limit, several};
use super::{Case, Verdict, closed, known, open};

pub(super) fn judge(case: &Case<'_>) -> Option<Verdict> {
    let wanted = &case.wanted.lag;
    let standbys = match known("maxReplicationLag", wanted.named, &case.facts.standbys) {
        Ok(standbys) => standbys,
        Err(untold) => return untold.verdict(),
    };
    let late: Vec<&Standby> =
        standbys.iter().filter(|one| one.catching_up || one.lag.is_some_and(|lag| lag > wanted.value)).collect();
    if late.is_empty() {
        return open(match standbys.is_empty() {
            true => "no standby is connected".to_owned(),
            false => format!("no standby is more than {} behind", wanted.shown),
        });
    }
    let who = several(late.iter().map(|one| match one.catching_up {
        true => format!("standby `{}` is still catching up", clean(&one.name)),
        false => format!("standby `{}` is more than {} behind", clean(&one.name), wanted.shown),
    }));
    closed(
        format!("{who}; {}", limit("maxReplicationLag", wanted)),
        "wait for it to catch up; a long query, a paused replay or a slow disk there, or much writing here, holds it up",
    )
}
