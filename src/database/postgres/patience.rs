//! How long to wait for whom: the schedule of tries for locks that others hold.
//!
//! The stall of the application's writers equals `lock_timeout`: they queue behind the waiting statement. So it is short
//! and the pauses between tries are long, during which everybody works.

use std::time::Duration;

use rand::Rng as _;
use tokio::time::Instant;

use crate::database::SessionSettings;

/// Tries with the same `lock_timeout`.
const TRIES_PER_LEVEL: u32 = 4;
/// The longest `lock_timeout` that growing leads to.
const LONGEST_LOCK_TIMEOUT: Duration = Duration::from_secs(1);
/// The first pause; doubles with each try.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The tries of one step.
#[derive(Debug, Clone)]
pub(super) struct Patience {
    first: Duration,
    until: Instant,
    /// Tries that ended without success.
    pub tries: u32,
}

impl Patience {
    /// Patience for what begins now.
    pub fn of(settings: &SessionSettings) -> Self {
        Self::new(settings.lock_timeout, settings.lock_retry_deadline)
    }

    fn new(lock_timeout: Duration, retry_deadline: Duration) -> Self {
        Self { first: lock_timeout, until: Instant::now() + retry_deadline, tries: 0 }
    }

    /// The `lock_timeout` of the next try.
    pub fn lock_timeout(&self) -> Duration {
        let level = i32::try_from(self.tries / TRIES_PER_LEVEL).unwrap_or(i32::MAX).min(64);
        self.first.mul_f64(1.5_f64.powi(level)).min(LONGEST_LOCK_TIMEOUT.max(self.first))
    }

    /// When to look at who is in the way of the next try: once somebody was, while it still waits.
    pub fn first_look(&self) -> Option<Duration> {
        (self.tries > 0).then(|| self.lock_timeout() / 2)
    }

    /// What is left for a statement that may wait as long as it likes, because nobody queues behind it.
    pub fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }

    /// After a try without success: how long to pause before the next, `None` when the deadline comes first.
    pub fn pause(&mut self) -> Option<Duration> {
        let doubled = FIRST_PAUSE.saturating_mul(1_u32.checked_shl(self.tries.min(20)).unwrap_or(u32::MAX));
        self.tries += 1;
        let pause = doubled.min(LONGEST_PAUSE).mul_f64(rand::rng().random_range(0.75..1.25));
        (Instant::now() + pause < self.until).then_some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_lock_timeout_grows_every_fourth_try_and_never_exceeds_a_second() {
        let mut patience = Patience::new(Duration::from_millis(100), Duration::from_secs(3600));
        let mut seen = Vec::new();
        for _ in 0..40 {
            seen.push(patience.lock_timeout().as_millis());
            patience.pause();
        }
        assert_eq!(&seen[..9], [100, 100, 100, 100, 150, 150, 150, 150, 225]);
        assert_eq!(seen.last(), Some(&1000));
    }

    #[tokio::test(start_paused = true)]
    async fn a_longer_lock_timeout_that_was_asked_for_is_kept() {
        let mut patience = Patience::new(Duration::from_secs(5), Duration::from_secs(3600));
        for _ in 0..20 {
            patience.pause();
        }
        assert_eq!(patience.lock_timeout(), Duration::from_secs(5));
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_double_up_to_half_a_minute_and_end_before_the_deadline() {
        let mut patience = Patience::new(Duration::from_millis(100), Duration::from_secs(100));
        let mut pauses = Vec::new();
        while let Some(pause) = patience.pause() {
            assert!(pauses.len() < 100);
            tokio::time::advance(pause).await;
            pauses.push(pause);
        }
        assert!(pauses[0] >= Duration::from_millis(75) && pauses[0] <= Duration::from_millis(125));
        assert!(pauses.iter().all(|pause| *pause <= Duration::from_secs(38)));
        assert!(pauses.iter().sum::<Duration>() < Duration::from_secs(100));
    }
}
