//! How a run tells where it is and is told to stop.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

/// What a run is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Stage {
    /// Connecting.
    #[default]
    Connecting,
    /// Waiting for the migration lock that another run holds.
    AwaitingLock,
    /// Running statements.
    Applying,
    /// A table lock was not to be had in time; waiting before the next try.
    RetryingLock,
    /// The reply to COMMIT was lost; finding out what the database holds.
    Resolving,
    /// Over.
    Finished,
}

/// A session that stands in the way. Never carries its query text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocker {
    /// Process id.
    pub pid: i32,
    /// `application_name`, may be empty.
    pub application: String,
    /// Age of its transaction (of its session for an idle lock holder).
    pub age: Duration,
}

/// Where a run is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Progress {
    /// What it is doing.
    pub stage: Stage,
    /// The step's label.
    pub step: Option<String>,
    /// Steps in effect.
    pub steps_done: usize,
    /// Steps of the plan.
    pub steps_total: usize,
    /// Statements done over all steps.
    pub statements_done: usize,
    /// Statements of the plan.
    pub statements_total: usize,
    /// Tries that ended in a lock timeout, so far.
    pub lock_retries: u32,
    /// Who is in the way now; for `AwaitingLock` the holder of the migration lock.
    pub blockers: Vec<Blocker>,
    /// The most sessions seen in the way at once, so far; holders of the migration lock do not count.
    pub most_blockers: usize,
    /// One more thing for people: `holder: shop/orders (sluice-0)`.
    pub note: Option<String>,
}

/// The run's end of the progress channel.
#[derive(Debug)]
pub struct ProgressSender {
    told: watch::Sender<Progress>,
    /// How long the statements took that came to an end, for the report of the run.
    statements: Mutex<Vec<Duration>>,
}

impl ProgressSender {
    /// Notes how long a statement took.
    pub fn measured(&self, elapsed: Duration) {
        self.statements.lock().unwrap_or_else(PoisonError::into_inner).push(elapsed);
    }

    /// What was noted since this was asked last.
    #[must_use]
    pub fn measurements(&self) -> Vec<Duration> {
        std::mem::take(&mut self.statements.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the progress; observers are woken only when it differs.
    pub fn update(&self, change: impl FnOnce(&mut Progress)) {
        self.told.send_if_modified(|progress| {
            let before = progress.clone();
            change(progress);
            if progress.stage != Stage::AwaitingLock {
                progress.most_blockers = progress.most_blockers.max(progress.blockers.len());
            }
            *progress != before
        });
    }

    /// The progress as it was last told.
    #[must_use]
    pub fn current(&self) -> Progress {
        self.told.borrow().clone()
    }
}

/// A progress channel.
#[must_use]
pub fn progress() -> (ProgressSender, watch::Receiver<Progress>) {
    let (told, receiver) = watch::channel(Progress::default());
    (ProgressSender { told, statements: Mutex::default() }, receiver)
}

/// Tells a run to end early.
#[derive(Debug, Clone, Default)]
pub struct StopSignal {
    /// End at the next safe place: between steps, between statements of a no-transaction script, or while waiting for a lock.
    pub gently: tokio_util::sync::CancellationToken,
    /// Set besides where a person asked for it, so that the same run does not begin again by itself.
    pub abort: tokio_util::sync::CancellationToken,
    /// End now: cancel the running statement on the server, roll back.
    pub now: tokio_util::sync::CancellationToken,
    /// Likewise at that moment; what was running then ends as a `Deadline` failure. [`super::run`] sets it from its request.
    pub deadline: Option<tokio::time::Instant>,
}
