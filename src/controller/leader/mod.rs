//! Leader election on a Lease, with client-go's semantics: so that of several operators one works and the others wait.
//!
//! This saves duplicate work and duplicate connections. It is not what keeps a database safe: that is the lock and the
//! ledger in the database itself.
//!
//! Clocks are never compared. A follower measures, by its own monotonic clock, how long a record has not changed; a leader
//! measures from the moment before it sent its last successful renewal, and stops to lead at the renew deadline, which is
//! shorter than the lease. So however slow a request, a process or a network is, the old leader knows before the next one
//! starts.

mod elector;
#[cfg(test)]
mod tests;

use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease as LeaseObject;
use kube::{Api, Client};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use elector::Elector;

/// The timing of an election; the defaults are client-go's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timings {
    /// How long a record must not have changed before somebody else may take the Lease. Written into it in whole seconds.
    pub lease_duration: Duration,
    /// A leader that could not renew for this long does not lead any more.
    pub renew_deadline: Duration,
    /// Between two attempts, up to a fifth longer.
    pub retry_period: Duration,
}

impl Default for Timings {
    fn default() -> Self {
        Self {
            lease_duration: Duration::from_secs(15),
            renew_deadline: Duration::from_secs(10),
            retry_period: Duration::from_secs(2),
        }
    }
}

/// Timings that would not be safe, or would never elect anybody.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimingsError {
    /// Two could lead at once.
    #[error("the lease duration must be longer than the renew deadline, else two could lead at once")]
    LeaseTooShort,
    /// No second attempt at a renewal.
    #[error("the renew deadline must be longer than 1.2 times the retry period, else one lost request ends leadership")]
    DeadlineTooShort,
    /// A Lease counts in seconds.
    #[error("the lease duration must be at least one second, and the retry period more than nothing")]
    TooSmall,
}

impl Timings {
    /// Whether these are safe.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn check(&self) -> Result<(), TimingsError> {
        if self.lease_duration < Duration::from_secs(1) || self.retry_period.is_zero() {
            Err(TimingsError::TooSmall)
        } else if self.lease_duration <= self.renew_deadline {
            Err(TimingsError::LeaseTooShort)
        } else if self.renew_deadline <= self.retry_period.mul_f64(elector::JITTER) {
            Err(TimingsError::DeadlineTooShort)
        } else {
            Ok(())
        }
    }

    /// An attempt that takes longer leaves time for another one before the deadline.
    fn attempt_timeout(&self) -> Duration {
        self.renew_deadline / 2
    }
}

/// Where an elector is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Somebody else leads, or nobody yet.
    Waiting,
    /// This process leads, until then if nothing is renewed.
    Leading(Instant),
    /// Over: lost, released, or stopped before it led.
    Ended,
}

/// Takes part in an election.
pub struct LeaderElector {
    elector: Elector,
}

impl LeaderElector {
    /// An elector for one Lease. `identity` is for people; what is written as the holder has a random part as well, so that
    /// two processes of one name never take each other for themselves.
    #[must_use]
    pub fn new(client: Client, namespace: &str, lease_name: &str, identity: &str, timings: Timings) -> Self {
        let api = Api::<LeaseObject>::namespaced(client, namespace);
        let holder = format!("{identity}_{:08x}", rand::random::<u32>());
        Self { elector: Elector::new(api, namespace, lease_name, holder, timings) }
    }

    /// Starts trying, in a task of its own, until leadership is lost or `release` is cancelled. A leader then gives the
    /// Lease back, so that the next one takes over at once: cancel it only when nothing of this process' work runs any more.
    #[must_use]
    pub fn start(self, release: CancellationToken) -> Lease {
        let (sender, phase) = watch::channel(Phase::Waiting);
        let lost = CancellationToken::new();
        let lease = Lease { phase, lost: lost.clone() };
        tokio::spawn(async move {
            // However this task ends, by a panic too: who does not renew does not lead, and must know.
            let _lost = lost.drop_guard();
            self.elector.run(&sender, &release).await;
            sender.send_replace(Phase::Ended);
        });
        lease
    }
}

/// The state of an election, as the one who takes part sees it. Dropping it changes nothing.
#[derive(Debug, Clone)]
pub struct Lease {
    phase: watch::Receiver<Phase>,
    lost: CancellationToken,
}

impl Lease {
    /// Waits until this process leads. False when the elector ended before that.
    pub async fn acquired(&self) -> bool {
        let mut phase = self.phase.clone();
        let settled = phase.wait_for(|phase| *phase != Phase::Waiting).await;
        settled.is_ok_and(|phase| matches!(*phase, Phase::Leading(_)))
    }

    /// Cancelled as soon as this process does not lead any more, for whatever reason. After a freeze of the whole process
    /// other tasks may run before this one is noticed: ask [`Lease::is_leader_now`] before something that matters.
    #[must_use]
    pub fn lost(&self) -> CancellationToken {
        self.lost.clone()
    }

    /// Whether this process leads at this very moment, by the monotonic clock, which goes on while a process is stopped.
    #[must_use]
    pub fn is_leader_now(&self) -> bool {
        match *self.phase.borrow() {
            Phase::Leading(until) => Instant::now() < until && !self.lost.is_cancelled(),
            Phase::Waiting | Phase::Ended => false,
        }
    }

    /// Waits until the elector has ended: the Lease is given back, or was not ours any more.
    pub async fn released(&self) {
        let mut phase = self.phase.clone();
        // An error means that the elector's task is gone, which is an end as well.
        let _ended = phase.wait_for(|phase| *phase == Phase::Ended).await;
    }
}
