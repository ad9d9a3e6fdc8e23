//! How long to wait before the next try.

use std::time::Duration;

/// The longest wait: a database that comes back is noticed within a minute, jitter included.
const CAP: Duration = Duration::from_secs(30);
/// The wait after the first failure.
const FIRST: Duration = Duration::from_secs(1);

/// One second, doubled with each attempt up to half a minute, each time between 75 % and 125 % of that: many objects
/// that failed together do not come back together. `jitter` is a random number from 0 to 1.
#[must_use]
pub fn backoff(attempts: u32, jitter: f64) -> Duration {
    let doubled = FIRST.saturating_mul(2_u32.saturating_pow(attempts.min(16)));
    doubled.min(CAP).mul_f64(0.75 + 0.5 * jitter.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_until_the_cap_and_never_reaches_a_minute() {
        assert_eq!(backoff(0, 0.5), Duration::from_secs(1));
        assert_eq!(backoff(3, 0.5), Duration::from_secs(8));
        assert_eq!(backoff(u32::MAX, 0.5), CAP);
        assert!(backoff(u32::MAX, 1.0) < Duration::from_secs(60));
    }

    #[test]
    fn jitter_spreads_by_a_quarter_each_way() {
        assert_eq!(backoff(2, 0.0), Duration::from_secs(3));
        assert_eq!(backoff(2, 1.0), Duration::from_secs(5));
        assert_eq!(backoff(2, 99.0), Duration::from_secs(5), "a jitter out of range does no harm");
    }
}
