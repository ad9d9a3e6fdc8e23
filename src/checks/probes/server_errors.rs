//! The share of transactions that ended in a rollback since the measurement before, and the sessions that came to a bad end, as
//! the server counts them. It does not count refused logins: whoever has metrics of those asks Prometheus.
//!
//! What happened before the first measurement is nobody's: the run itself rolls back when it does not get its locks. So the
//! first measurement watches for a moment.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::checks::probe::{Probe, ProbeError, Sample, number};
use crate::database::{Activity, Handle};

use super::{close, open};

/// How long the first measurement watches.
const MOMENT: Duration = Duration::from_secs(5);

/// Watches the server's counters.
pub struct ServerErrors {
    database: Handle,
    last: Mutex<Option<Activity>>,
}

impl ServerErrors {
    pub fn new(database: Handle) -> Self {
        Self { database, last: Mutex::new(None) }
    }

    async fn activity(&self) -> Result<Activity, ProbeError> {
        let mut reader = open(&self.database).await?;
        let result = reader.activity().await;
        close(reader, result).await
    }
}

/// What happened in between; `None` where the counters began anew.
fn between(before: Activity, after: Activity) -> Option<Activity> {
    Some(Activity {
        commits: after.commits.checked_sub(before.commits)?,
        rollbacks: after.rollbacks.checked_sub(before.rollbacks)?,
        deadlocks: after.deadlocks.checked_sub(before.deadlocks)?,
        conflicts: after.conflicts.checked_sub(before.conflicts)?,
        sessions: after.sessions.checked_sub(before.sessions)?,
        abandoned: after.abandoned.checked_sub(before.abandoned)?,
        fatal: after.fatal.checked_sub(before.fatal)?,
        killed: after.killed.checked_sub(before.killed)?,
    })
}

#[expect(clippy::cast_precision_loss, reason = "a share needs no more")]
fn share(since: Activity) -> Option<Value> {
    let transactions = since.commits + since.rollbacks;
    number(if transactions == 0 { 0.0 } else { since.rollbacks as f64 / transactions as f64 })
}

#[async_trait]
impl Probe for ServerErrors {
    async fn baseline(&self) -> Result<Option<Value>, ProbeError> {
        Ok(None)
    }

    async fn measure(&self, _: Option<&Value>) -> Result<Sample, ProbeError> {
        let mut now = self.activity().await?;
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).replace(now);
        let mut since = last.and_then(|last| between(last, now));
        if since.is_none() {
            let first = now;
            sleep(MOMENT).await;
            now = self.activity().await?;
            *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
            since = between(first, now);
        }
        let since = since.ok_or(ProbeError::NoData)?;
        Ok(Sample::of([
            ("value", share(since).ok_or(ProbeError::NoData)?),
            ("transactions", json!(since.commits + since.rollbacks)),
            ("rollbacks", json!(since.rollbacks)),
            ("deadlocks", json!(since.deadlocks)),
            ("conflicts", json!(since.conflicts)),
            ("sessions", json!(since.sessions)),
            ("abandoned", json!(since.abandoned)),
            ("fatal", json!(since.fatal)),
            ("killed", json!(since.killed)),
        ]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn activity(commits: u64, rollbacks: u64) -> Activity {
        Activity { commits, rollbacks, deadlocks: 1, ..Activity::default() }
    }

    #[test]
    fn the_share_is_of_what_happened_in_between() {
        let since = between(activity(100, 50), activity(190, 60)).unwrap();
        assert_eq!(share(since), number(0.1));
        assert_eq!(share(between(activity(5, 5), activity(5, 5)).unwrap()), number(0.0));
    }

    #[test]
    fn counters_that_began_anew_are_not_compared() {
        assert_eq!(between(activity(100, 50), activity(3, 0)), None);
    }
}
