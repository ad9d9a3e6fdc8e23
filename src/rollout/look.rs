//! Whether the database has to be looked at in this pass: thousands of objects that are done must not cost a storm of
//! connections when the operator restarts, and a wake-up that changes nothing must not cost one either.

use std::time::Duration;

use jiff::Timestamp;

use crate::api::v1alpha1::{ConditionType, DatabaseMigrationStatus};

use super::decide::PATIENCE;
use super::{Requests, Room};

/// Everything whose change makes a look necessary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettledKey {
    /// The object's generation.
    pub generation: i64,
    /// The digest of the scripts.
    pub set_digest: String,
    /// Versions of the Secret and the certificate authorities.
    pub credentials: String,
    /// The retry annotation.
    pub retry_token: Option<String>,
    /// The other annotations.
    pub requests: Requests,
    /// The annotation that asks for a look.
    pub requested_at: Option<String>,
}

/// A look that found nothing left to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// What it was for.
    pub key: SettledKey,
    /// Until when it holds.
    pub until: Timestamp,
}

/// Whether the look waits for room: a new object, which is looked at in order to run, when as many runs are under way as may
/// be. Soon there is room, and then look and run need one connection between them; where it takes long, it is looked at
/// after all, so that there is something to tell.
#[must_use]
pub fn later(room: &Room, previous: Option<&DatabaseMigrationStatus>, waiting_for: Duration) -> bool {
    let full = match room {
        Room::Full { .. } => true,
        Room::Free | Room::Taken { .. } | Room::Closing => false,
    };
    let new = previous.is_none_or(|status| status.conditions.is_empty());
    full && new && waiting_for < PATIENCE
}

/// How long the next look can wait: `None` means that it is due now. With `Some`, the look that is remembered from then
/// on comes back too, so that an object that was Ready before this process started is looked at at leisure.
#[must_use]
pub fn due(
    settled: Option<&Settled>,
    key: &SettledKey,
    previous: Option<&DatabaseMigrationStatus>,
    now: Timestamp,
    resync: Duration,
    jitter: f64,
) -> Option<(Duration, Settled)> {
    if let Some(settled) = settled {
        let left = Duration::try_from(settled.until.duration_since(now)).unwrap_or_default();
        return (settled.key == *key && !left.is_zero()).then(|| (left, settled.clone()));
    }
    let previous = previous?;
    let ready = previous.conditions.iter().any(|condition| {
        condition.type_ == ConditionType::Ready.as_str()
            && condition.status == "True"
            && condition.observed_generation == Some(key.generation)
    });
    let same = previous.observed_generation == Some(key.generation)
        && previous.source.as_ref().is_some_and(|source| source.digest == key.set_digest)
        && previous.last_handled_reconcile_at == key.requested_at;
    if !(ready && same) {
        return None;
    }
    let left = resync.mul_f64(jitter.clamp(0.0, 1.0));
    let until = now.checked_add(left).unwrap_or(now);
    (!left.is_zero()).then(|| (left, Settled { key: key.clone(), until }))
}
