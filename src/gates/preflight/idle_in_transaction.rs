//! Nobody sits idle in a transaction and keeps its locks.

use jiff::{SignedDuration, Timestamp};

use super::words::{limit, session, several, since};
use super::{Case, Untold, Verdict, closed, known, open};

pub(super) fn judge(case: &Case<'_>) -> Option<Verdict> {
    let wanted = &case.wanted.idle_in_transaction;
    let sessions = match known("maxIdleInTransaction", wanted.named, &case.facts.sessions) {
        Ok(sessions) => sessions,
        Err(untold) => return untold.verdict(),
    };
    let longest = SignedDuration::try_from(wanted.value).unwrap_or(SignedDuration::MAX);
    let long = |idle: &Timestamp| case.facts.now.duration_since(*idle) > longest;
    let mut idle: Vec<_> = sessions.seen.iter().filter_map(|one| Some((one.idle_since.filter(long)?, one))).collect();
    idle.sort_by_key(|(idle, one)| (*idle, one.pid));
    let Some((_, first)) = idle.first() else {
        return match &sessions.hidden {
            Some(why) => Untold { field: "maxIdleInTransaction", named: wanted.named, why }.verdict(),
            None => open(format!("no session has been idle in a transaction for more than {}", wanted.shown)),
        };
    };
    let (pid, have) = (first.pid, if idle.len() == 1 { "has" } else { "have" });
    let who = several(idle.iter().map(|(idle, one)| format!("{} since {}", session(one), since(*idle))));
    closed(
        format!("{who} {have} been idle in a transaction; {}", limit("maxIdleInTransaction", wanted)),
        format!(
            "commit or roll it back there, or end it with: select pg_terminate_backend({pid}); the server's setting \
             idle_in_transaction_session_timeout ends such sessions by itself"
        ),
    )
}
