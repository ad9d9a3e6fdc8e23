//! No standby has much left to replay.

use crate::database::Standby;

use super::words::{clean, limit, several};
use super::{Case, Verdict, closed, known, open};

pub(super) fn judge(case: &Case<'_>) -> Option<Verdict> {
    let wanted = case.wanted.lag_bytes.as_ref()?;
    let standbys = match known("maxReplicationLagBytes", wanted.named, &case.facts.standbys) {
        Ok(standbys) => standbys,
        Err(untold) => return untold.verdict(),
    };
    let late: Vec<&Standby> =
        standbys.iter().filter(|one| one.bytes.is_some_and(|bytes| bytes > wanted.value)).collect();
    if late.is_empty() {
        return open(match standbys.is_empty() {
            true => "no standby is connected".to_owned(),
            false => format!("no standby has more than {} left to replay", wanted.shown),
        });
    }
    let who = several(late.iter().map(|one| format!("`{}`", clean(&one.name))));
    closed(
        format!(
            "standby {who}: more than {} left to replay; {}",
            wanted.shown,
            limit("maxReplicationLagBytes", wanted)
        ),
        "wait for it to catch up; a long query, a paused replay or a slow disk there, or much writing here, holds it up",
    )
}
