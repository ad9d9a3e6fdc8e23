//! Runs in the background: one per object, one per database, so many in all. A run that panics ends like one that failed,
//! and every end wakes its object and those that waited for room.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use jiff::Timestamp;
use kube::runtime::reflector::ObjectRef;
use tokio::sync::{Notify, mpsc, watch};
use uuid::Uuid;

use crate::api::v1alpha1::DatabaseMigration;
use crate::database::{
    self, Address, Database, DatabaseError, Progress, Purpose, RunReport, RunRequest, Stage, StopSignal,
};
use crate::migration::MigrationSet;
use crate::plan::{Direction, Trigger};
use crate::rollout::{Room, SettledKey};
use crate::telemetry::Metrics;

use super::measure;

/// What a run is started with.
pub struct Start {
    /// The object.
    pub object: ObjectRef<DatabaseMigration>,
    /// Its uid.
    pub uid: String,
    /// The database.
    pub database: Arc<dyn Database>,
    /// The run.
    pub request: RunRequest,
    /// `apply 3 migrations (001 … 003)`, for messages.
    pub purpose: String,
    /// What it was decided from.
    pub key: SettledKey,
    /// What is measured before it, where it is verified afterwards.
    pub baseline: Option<BoxFuture<'static, serde_json::Value>>,
}

/// A run under way.
#[derive(Debug, Clone)]
pub struct Running {
    /// Its id.
    pub run: Uuid,
    /// Since when.
    pub since: Timestamp,
    /// For which generation of the object.
    pub generation: i64,
    /// Where it is.
    pub progress: watch::Receiver<Progress>,
    /// What it was started for.
    pub purpose: String,
    /// Why another run is taken back by it.
    pub rollback: bool,
    /// The request to abort that was there when it began.
    pub abort_token: Option<String>,
    /// How it is told to end.
    pub stop: StopSignal,
    address: Address,
    object: ObjectRef<DatabaseMigration>,
    /// The object is gone.
    forgotten: bool,
}

/// A run that ended.
#[derive(Debug)]
pub struct Ended {
    /// How.
    pub report: RunReport,
    /// What it had been decided from: what it saw holds for that, and for nothing else.
    pub key: SettledKey,
    /// The scripts that it was decided from.
    pub set: Arc<MigrationSet>,
    /// The database that it ran on.
    pub database: Arc<dyn Database>,
    /// Which way it went.
    pub direction: Direction,
    /// Why it took another run back, where it did.
    pub trigger: Option<Trigger>,
    /// From its start in this process to its end.
    pub elapsed: Duration,
}

#[derive(Default)]
struct Inner {
    running: HashMap<String, Running>,
    ended: HashMap<String, Ended>,
    /// First come, first served.
    waiting: Vec<(ObjectRef<DatabaseMigration>, Address)>,
    closing: bool,
}

/// The table of runs.
pub struct Tasks {
    inner: Mutex<Inner>,
    limit: usize,
    metrics: Metrics,
    wake: mpsc::UnboundedSender<ObjectRef<DatabaseMigration>>,
    ended: Notify,
}

impl Tasks {
    /// An empty table that lets `limit` runs go on at once; objects to wake are sent to `wake`.
    pub fn new(limit: usize, metrics: Metrics, wake: mpsc::UnboundedSender<ObjectRef<DatabaseMigration>>) -> Arc<Self> {
        Arc::new(Self { inner: Mutex::default(), limit, metrics, wake, ended: Notify::new() })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing that happens while it is held can panic half way.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The object's run, while it is under way.
    pub fn running(&self, uid: &str) -> Option<Running> {
        self.lock().running.get(uid).cloned()
    }

    /// The report of the object's run that ended since this was asked last.
    pub fn take_ended(&self, uid: &str) -> Option<Ended> {
        self.lock().ended.remove(uid)
    }

    /// How many runs are under way.
    pub fn count(&self) -> usize {
        self.lock().running.len()
    }

    /// Whether a run on that database may start now.
    pub fn room(&self, address: &Address) -> Room {
        Self::room_in(&self.lock(), self.limit, address)
    }

    /// Queues an object that waits for room; it is woken when it is its turn.
    pub fn queue(&self, object: ObjectRef<DatabaseMigration>, address: &Address) {
        {
            let mut inner = self.lock();
            if !inner.waiting.iter().any(|(waiting, _)| *waiting == object) {
                inner.waiting.push((object, address.clone()));
            }
        }
        // A run may have ended between the look for room and now.
        self.offer();
    }

    /// Wakes as many of those that wait as there is room for, in their order. To be called whenever room may be left: a
    /// run ended, or somebody who was woken did not want it after all.
    pub fn offer(&self) {
        let woken = {
            let mut inner = self.lock();
            let mut left = if inner.closing { 0 } else { self.limit.saturating_sub(inner.running.len()) };
            let mut busy: HashSet<Address> = inner.running.values().map(|running| running.address.clone()).collect();
            let (woken, waiting) = std::mem::take(&mut inner.waiting).into_iter().partition(|(_, address)| {
                let turn = left > 0 && busy.insert(address.clone());
                left -= usize::from(turn);
                turn
            });
            inner.waiting = waiting;
            woken
        };
        let woken: Vec<(ObjectRef<DatabaseMigration>, Address)> = woken;
        for (object, _) in woken {
            self.wake_one(object);
        }
    }

    fn room_in(inner: &Inner, limit: usize, address: &Address) -> Room {
        if inner.closing {
            return Room::Closing;
        }
        if let Some(other) = inner.running.values().find(|running| running.address == *address) {
            let namespace = other.object.namespace.as_deref().unwrap_or_default();
            return Room::Taken { by: format!("{namespace}/{}", other.object.name) };
        }
        if inner.running.len() >= limit { Room::Full { limit } } else { Room::Free }
    }

    /// Starts a run, unless the room was taken in the meantime: `false` then.
    pub fn start(self: &Arc<Self>, start: Start) -> bool {
        let Start { object, uid, database, mut request, purpose, key, baseline } = start;
        let trigger = match &request.purpose {
            Purpose::Rollback(back) => Some(back.trigger),
            Purpose::Apply | Purpose::ApplyAndVerify(_) => None,
        };
        let (sender, progress) = database::progress();
        let stop = StopSignal::default();
        {
            let mut inner = self.lock();
            let address = database.address().clone();
            if inner.running.contains_key(&uid) || Self::room_in(&inner, self.limit, &address) != Room::Free {
                return false;
            }
            let running = Running {
                run: request.identity.id,
                since: Timestamp::now(),
                generation: request.identity.generation,
                progress: progress.clone(),
                purpose,
                rollback: trigger.is_some(),
                abort_token: request.identity.abort_token.clone(),
                stop: stop.clone(),
                address,
                object: object.clone(),
                forgotten: false,
            };
            inner.running.insert(uid.clone(), running);
        }
        let (began, direction, set) = (Instant::now(), request.plan.direction, Arc::clone(&request.set));
        let on = Arc::clone(&database);
        let work = tokio::spawn(async move {
            if let (Some(baseline), Purpose::ApplyAndVerify(verify)) = (baseline, &mut request.purpose) {
                verify.baseline = baseline.await;
            }
            database::run(on.as_ref(), &request, &sender, &stop).await
        });
        let tasks = Arc::clone(self);
        let counted = self.metrics.task_started();
        tokio::spawn(async move {
            let report = tasks.supervise(work, progress, &object).await;
            drop(counted);
            tasks.end(&uid, object, Ended { report, key, set, database, direction, trigger, elapsed: began.elapsed() });
        });
        true
    }

    /// Waits for a run, waking its object whenever it begins to wait for somebody or stops doing so.
    async fn supervise(
        &self,
        mut work: tokio::task::JoinHandle<RunReport>,
        mut progress: watch::Receiver<Progress>,
        object: &ObjectRef<DatabaseMigration>,
    ) -> RunReport {
        let mut told = (Stage::Connecting, Vec::new());
        // The sender goes with the run, a moment before its result is there.
        let mut tells = true;
        loop {
            tokio::select! {
                biased;
                result = &mut work => {
                    return result.unwrap_or_else(|error| {
                        tracing::error!(object = %object, %error, "a run ended abnormally");
                        RunReport::aborted(DatabaseError::Unreachable(
                            "the run ended abnormally (see the operator's log); looking at the database again".to_owned(),
                        ))
                    });
                }
                changed = progress.changed(), if tells => {
                    tells = changed.is_ok();
                    let now = waiting(&progress.borrow_and_update());
                    let waits = |stage| matches!(stage, Stage::AwaitingLock | Stage::RetryingLock | Stage::Resolving);
                    if now != told && (waits(now.0) || waits(told.0)) {
                        self.wake_one(object.clone());
                        told = now;
                    }
                }
            }
        }
    }

    fn end(&self, uid: &str, object: ObjectRef<DatabaseMigration>, ended: Ended) {
        // Here, and not where somebody asks how it ended: nobody does so for an object that is gone.
        measure::run(&self.metrics, ended.direction, ended.trigger, ended.elapsed, &ended.report);
        {
            let mut inner = self.lock();
            let forgotten = inner.running.remove(uid).is_some_and(|running| running.forgotten);
            if !forgotten {
                inner.ended.insert(uid.to_owned(), ended);
            }
        }
        self.ended.notify_waiters();
        self.wake_one(object);
        self.offer();
    }

    fn wake_one(&self, object: ObjectRef<DatabaseMigration>) {
        // Nobody listens once the controller has ended: then there is nobody to wake.
        let _ = self.wake.send(object);
    }

    /// Tells an object's run to end at the next safe place; with `abort`, and not to begin again by itself.
    pub fn stop(&self, uid: &str, abort: bool) {
        if let Some(running) = self.lock().running.get(uid) {
            if abort {
                running.stop.abort.cancel();
            }
            running.stop.gently.cancel();
        }
    }

    /// Forgets what an object that is gone left behind, and tells its run to end.
    pub fn forget(&self, uid: &str, object: &ObjectRef<DatabaseMigration>) {
        self.stop(uid, false);
        {
            let mut inner = self.lock();
            inner.ended.remove(uid);
            inner.waiting.retain(|(waiting, _)| waiting != object);
            if let Some(running) = inner.running.get_mut(uid) {
                running.forgotten = true;
            }
        }
        // It may have been woken already.
        self.offer();
    }

    /// Lets no run start any more, asks those under way to end at the next safe place, and after `patience` cancels what
    /// still runs on its server. Comes back when none is left, or `patience` and `last` are over.
    pub async fn close(&self, patience: Duration, last: Duration) {
        {
            let mut inner = self.lock();
            inner.closing = true;
            inner.running.values().for_each(|running| running.stop.gently.cancel());
        }
        if tokio::time::timeout(patience, self.idle()).await.is_ok() {
            return;
        }
        tracing::warn!(runs = self.count(), "the grace period is nearly over: cancelling what still runs");
        self.lock().running.values().for_each(|running| running.stop.now.cancel());
        if tokio::time::timeout(last, self.idle()).await.is_err() {
            tracing::error!(
                runs = self.count(),
                "runs did not end in time; their servers notice when the connections close"
            );
        }
    }

    async fn idle(&self) {
        loop {
            let ended = self.ended.notified();
            if self.count() == 0 {
                return;
            }
            ended.await;
        }
    }
}

/// What people are told of at once: that a run waits, and for whom. Ages and counts come with the next look.
fn waiting(progress: &Progress) -> (Stage, Vec<i32>) {
    let mut pids: Vec<i32> = progress.blockers.iter().map(|blocker| blocker.pid).collect();
    pids.sort_unstable();
    (progress.stage, pids)
}
