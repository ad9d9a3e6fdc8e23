//! Verifications in the background, one per object: measure, judge, record the verdict in the ledger, wake the object.
//!
//! What follows from a verdict is decided elsewhere. A verification that this process does not get to the end of is begun again by
//! the next one: the ledger says that it is open.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::future::join_all;
use jiff::Timestamp;
use kube::runtime::reflector::ObjectRef;
use serde_json::{Map, Value};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

use crate::api::v1alpha1::DatabaseMigration;
use crate::checks::{self, Check, CheckState, Means, Measurement, Outcome, Probe, Verdict, Window};
use crate::database::{Conclusion, Database, Handle};
use crate::plan::Judgement;
use crate::rollout::{self, Requests, Verifying, backoff};
use crate::telemetry::Metrics;

/// What a verification is started with.
pub struct Start {
    /// The object.
    pub object: ObjectRef<DatabaseMigration>,
    /// Its uid.
    pub uid: String,
    /// The run that is judged.
    pub run: Uuid,
    /// The generation of the spec that it was begun for.
    pub generation: i64,
    /// The version that it brought the database to.
    pub version: String,
    /// What is measured, when.
    pub verification: rollout::Verification,
    /// What the checks measured before the run, by name.
    pub baseline: Value,
    /// What it measures with.
    pub means: Means,
    /// The retry token in force.
    pub retry_token: Option<String>,
    /// The requests that were there when the run began.
    pub ignored: Requests,
}

struct UnderWay {
    database: Handle,
    progress: watch::Receiver<Verifying>,
    /// A person ends the window.
    end: CancellationToken,
    /// Nobody needs the verdict any more.
    forget: CancellationToken,
}

/// The table of verifications.
pub struct Verifications {
    inner: Mutex<HashMap<String, UnderWay>>,
    metrics: Metrics,
    wake: mpsc::UnboundedSender<ObjectRef<DatabaseMigration>>,
    /// The process is about to end.
    closing: CancellationToken,
}

impl Verifications {
    /// An empty table; objects to wake are sent to `wake`.
    pub fn new(
        metrics: Metrics,
        wake: mpsc::UnboundedSender<ObjectRef<DatabaseMigration>>,
        closing: CancellationToken,
    ) -> Arc<Self> {
        Arc::new(Self { inner: Mutex::default(), metrics, wake, closing })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, UnderWay>> {
        // Nothing that happens while it is held can panic half way.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The object's verification, while it is under way.
    pub fn under_way(&self, uid: &str) -> Option<Verifying> {
        self.lock().get(uid).map(|under_way| under_way.progress.borrow().clone())
    }

    /// Ends the object's window as it stands.
    pub fn end(&self, uid: &str) {
        if let Some(under_way) = self.lock().get(uid) {
            under_way.end.cancel();
        }
    }

    /// The Secret leads to this database now. One at another address is not the one that is being verified: the object's
    /// verification is forgotten, for the next pass to look at what the ledger there says. Whether it goes on.
    pub fn renew(&self, uid: &str, database: Arc<dyn Database>) -> bool {
        let goes_on = self.lock().get(uid).is_none_or(|under_way| under_way.database.renew(database));
        if !goes_on {
            self.forget(uid);
        }
        goes_on
    }

    /// The object is gone: nobody is told any more.
    pub fn forget(&self, uid: &str) {
        if let Some(under_way) = self.lock().remove(uid) {
            under_way.forget.cancel();
        }
    }

    /// Begins, unless the object has one under way: `false` then.
    pub fn start(self: &Arc<Self>, start: Start) -> bool {
        let since = Timestamp::now();
        let until = since.checked_add(start.verification.length()).unwrap_or(Timestamp::MAX);
        let checks = start.verification.checks.iter();
        let window = Window::new(checks.map(|check| (check.name.clone(), check.limits, check.enforced)));
        let verifying = Verifying {
            run: start.run,
            generation: start.generation,
            version: start.version.clone(),
            since,
            until,
            window,
            trouble: None,
            ignored: start.ignored.clone(),
        };
        let (sender, progress) = watch::channel(verifying);
        let (end, forget) = (CancellationToken::new(), CancellationToken::new());
        {
            let mut inner = self.lock();
            if inner.contains_key(&start.uid) {
                return false;
            }
            let under_way =
                UnderWay { database: start.means.database.clone(), progress, end: end.clone(), forget: forget.clone() };
            inner.insert(start.uid.clone(), under_way);
        }
        let table = Arc::clone(self);
        tokio::spawn(async move {
            let (uid, object) = (start.uid.clone(), start.object.clone());
            tokio::select! {
                // A panic in a probe ends this task alone; the ledger says that the window is open, and it begins again.
                _ = AbortOnDropHandle::new(tokio::spawn(Arc::clone(&table).judge(start, sender, end))) => {}
                () = forget.cancelled() => return,
                () = table.closing.cancelled() => return,
            }
            table.lock().remove(&uid);
            table.wake_one(object);
        });
        true
    }

    fn wake_one(&self, object: ObjectRef<DatabaseMigration>) {
        // Nobody listens once the controller has ended: then there is nobody to wake.
        let _ = self.wake.send(object);
    }

    async fn judge(self: Arc<Self>, start: Start, sender: watch::Sender<Verifying>, end: CancellationToken) {
        let began = Instant::now();
        let judgement = self.measure(&start, &sender, &end).await;
        let verifying = sender.borrow().clone();
        let conclusion = Conclusion {
            run: start.run,
            judgement,
            retry_token: start.retry_token.clone(),
            message: rollout::sentence(&verifying.window, judgement),
            evidence: rollout::evidence(&verifying.window, verifying.since, Timestamp::now()),
        };
        let mut tries = 0;
        while let Err(error) = start.means.database.now().conclude(&conclusion).await {
            let trouble = error.to_string();
            if sender.borrow().trouble.as_ref() != Some(&trouble) {
                sender.send_modify(|verifying| verifying.trouble = Some(trouble));
                self.wake_one(start.object.clone());
            }
            tokio::time::sleep(backoff(tries, rand::random())).await;
            tries += 1;
        }
        self.metrics.verified(judgement.as_str(), began.elapsed());
    }

    async fn measure(&self, start: &Start, sender: &watch::Sender<Verifying>, end: &CancellationToken) -> Judgement {
        let verification = &start.verification;
        let probes: Vec<_> = verification.checks.iter().map(|check| checks::build(check, &start.means)).collect();
        let over_at = Instant::now() + verification.length();
        let mut next = Instant::now() + verification.initial_delay;
        loop {
            tokio::select! {
                () = end.cancelled() => return Judgement::Aborted,
                () = tokio::time::sleep_until(next) => {}
            }
            let measured = join_all(verification.checks.iter().zip(&probes).map(|(check, probe)| {
                let baseline = start.baseline.get(&check.name).filter(|value| !value.is_null());
                once(check, probe.as_ref().map(AsRef::as_ref), baseline)
            }));
            let measurements = tokio::select! {
                () = end.cancelled() => return Judgement::Aborted,
                measurements = measured => measurements,
            };
            let before = told(&sender.borrow().window);
            sender.send_modify(|verifying| {
                for (number, measurement) in measurements.into_iter().enumerate() {
                    self.metrics.measured(outcome(&measurement.outcome));
                    verifying.window.add(number, measurement);
                }
            });
            // What takes longer than the interval is not made up for: measurements on each other's heels would be one. Nor does it
            // make the window longer.
            next = (next + verification.interval).max(Instant::now());
            let over = next > over_at;
            let (verdict, after) = {
                let verifying = sender.borrow();
                (verifying.window.verdict(over), told(&verifying.window))
            };
            match verdict {
                Verdict::Open => {}
                Verdict::Passed => return Judgement::Passed,
                Verdict::Failed => return Judgement::Failed,
                Verdict::Inconclusive => return Judgement::Inconclusive,
            }
            if before != after {
                self.wake_one(start.object.clone());
            }
        }
    }
}

/// What people are told of at once: what each check says, and whether its last measurement was as expected.
fn told(window: &Window) -> Vec<(CheckState, bool, bool)> {
    window
        .tallies
        .iter()
        .map(|tally| (tally.state(false), tally.counts.failed_in_a_row > 0, tally.counts.errors_in_a_row > 0))
        .collect()
}

fn outcome(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "passed",
        Outcome::Failed => "failed",
        Outcome::Error(_) => "error",
        Outcome::NoData => "no_data",
    }
}

async fn once(check: &Check, probe: Result<&dyn Probe, &String>, baseline: Option<&Value>) -> Measurement {
    let now = Timestamp::now();
    match probe {
        Ok(probe) => checks::probe::measure(check, probe, baseline, now).await,
        Err(why) => Measurement { at: now, outcome: Outcome::Error(why.clone()), shown: why.clone() },
    }
}

/// Measures what the checks compare with, before a run. What cannot be measured is left out: its check has no baseline then.
pub async fn baseline(checks: Vec<Check>, means: Means) -> Value {
    let measured = join_all(checks.iter().map(async |check| {
        let probe = checks::build(check, &means).ok()?;
        let value = checks::probe::baseline(probe.as_ref()).await.ok()??;
        Some((check.name.clone(), value))
    }));
    Value::Object(measured.await.into_iter().flatten().collect::<Map<_, _>>())
}
