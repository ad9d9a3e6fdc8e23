//! Nobody has been in a transaction for long: whoever waits for its locks would hold up everybody behind.

use jiff::SignedDuration;

use crate::database::SessionFacts;

use super::words::{limit, session, several, since};
use super::{Case, Untold, Verdict, closed, known, open};

pub(super) fn judge(case: &Case<'_>) -> Option<Verdict> {
    let wanted = &case.wanted.transaction_age;
    let sessions = match known("maxTransactionAge", wanted.named, &case.facts.sessions) {
        Ok(sessions) => sessions,
        Err(untold) => return untold.verdict(),
    };
    let now = case.facts.now;
    let old = |session: &&SessionFacts| {
        now.duration_since(session.since) > SignedDuration::try_from(wanted.value).unwrap_or(SignedDuration::MAX)
    };
    let old: Vec<&SessionFacts> = sessions.seen.iter().filter(old).collect();
    let Some(first) = old.first() else {
        return match &sessions.hidden {
            Some(why) => Untold { field: "maxTransactionAge", named: wanted.named, why }.verdict(),
            None => open(format!("no session has been in a transaction for more than {}", wanted.shown)),
        };
    };
    let (pid, have) = (first.pid, if old.len() == 1 { "has" } else { "have" });
    let who = several(old.iter().map(|one| format!("{} since {}", session(one), since(one.since))));
    closed(
        format!("{who} {have} been in a transaction; {}", limit("maxTransactionAge", wanted)),
        format!("wait for it, or end it with: select pg_terminate_backend({pid})"),
    )
}
