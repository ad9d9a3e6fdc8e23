//! No prepared transaction was left behind: it keeps its locks, without any session and across restarts.

use jiff::SignedDuration;

use crate::database::Prepared;

use super::words::{clean, limit, several, since};
use super::{Case, Verdict, closed, known, open};

pub(super) fn judge(case: &Case<'_>) -> Option<Verdict> {
    let wanted = &case.wanted.prepared_age;
    let prepared = match known("maxPreparedAge", wanted.named, &case.facts.prepared) {
        Ok(prepared) => prepared,
        Err(untold) => return untold.verdict(),
    };
    let longest = SignedDuration::try_from(wanted.value).unwrap_or(SignedDuration::MAX);
    let old: Vec<&Prepared> =
        prepared.iter().filter(|one| case.facts.now.duration_since(one.since) > longest).collect();
    let Some(first) = old.first() else {
        return open(format!("no transaction has been prepared for more than {}", wanted.shown));
    };
    let who = several(
        old.iter().map(|one| format!("`{}` of role {} since {}", clean(&one.gid), clean(&one.owner), since(one.since))),
    );
    let (noun, have) = if old.len() == 1 { ("transaction", "has") } else { ("transactions", "have") };
    closed(
        format!("{noun} {who} {have} been prepared and not ended; {}", limit("maxPreparedAge", wanted)),
        format!(
            "let its transaction manager end it, or as its owner run: ROLLBACK PREPARED '{}'",
            clean(&first.gid).replace('\'', "''")
        ),
    )
}
