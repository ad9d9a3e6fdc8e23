//! How much a status shows, and how exactly.

use jiff::Timestamp;

/// How many steps, warnings and locks a status shows.
pub(super) const PENDING: usize = 20;

/// Kubernetes keeps times to the second.
pub(super) fn second(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}
