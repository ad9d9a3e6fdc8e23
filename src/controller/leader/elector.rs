//! The election itself: acquire → renew → lost or released. It must never tell that it leads after the renew deadline.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease as LeaseObject, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::Api;
use kube::api::PostParams;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::{Phase, Timings};

/// Attempts are spread over the retry period times 1 to this.
pub(super) const JITTER: f64 = 1.2;

/// A record, and when its present content was first seen here.
struct Observed {
    lease: LeaseObject,
    since: Instant,
}

/// What an attempt came to.
enum Attempt {
    /// The record is ours; the moment is the one before the request that made it so.
    Held(Instant),
    /// Somebody else's, or nobody's while we thought that it is ours.
    NotOurs(String),
}

/// Why an attempt came to nothing.
#[derive(Debug, thiserror::Error)]
enum AttemptError {
    #[error("{0}")]
    Api(#[from] kube::Error),
    #[error("the Kubernetes API did not answer within {}", crate::duration::format(*.0))]
    Timeout(Duration),
}

pub(super) struct Elector {
    api: Api<LeaseObject>,
    namespace: String,
    name: String,
    holder: String,
    timings: Timings,
    observed: Option<Observed>,
    /// The last thing said while waiting, so that it is said once.
    said: String,
}

impl Elector {
    pub(super) fn new(api: Api<LeaseObject>, namespace: &str, name: &str, holder: String, timings: Timings) -> Self {
        let (namespace, name) = (namespace.to_owned(), name.to_owned());
        Self { api, namespace, name, holder, timings, observed: None, said: String::new() }
    }

    /// Runs to the end; the caller announces it.
    pub(super) async fn run(mut self, phase: &watch::Sender<Phase>, release: &CancellationToken) {
        let Some(mut until) = self.acquire(release).await else { return };
        phase.send_replace(Phase::Leading(until));
        tracing::info!(lease = %self.shown(), holder = self.holder, "this process leads");
        loop {
            tokio::select! {
                biased;
                () = release.cancelled() => return self.release(until).await,
                () = sleep(self.pause()) => {}
            }
            match self.renew(until).await {
                Ok(renewed) => until = renewed,
                Err(why) => {
                    tracing::error!(lease = %self.shown(), "leadership is lost: {why}");
                    return;
                }
            }
            phase.send_replace(Phase::Leading(until));
        }
    }

    /// Tries until the Lease is ours, and returns until when; `None` when asked to stop before.
    async fn acquire(&mut self, release: &CancellationToken) -> Option<Instant> {
        while !release.is_cancelled() {
            // Not cut short by `release`: a request whose fate is unknown could leave the Lease to a process that is gone.
            match self.attempt_in_time(self.timings.attempt_timeout(), false).await {
                Ok(Attempt::Held(at)) => {
                    let until = at + self.timings.renew_deadline;
                    if Instant::now() < until {
                        return Some(until);
                    }
                }
                Ok(Attempt::NotOurs(holder)) => self.say(format!("waiting: {holder} leads"), false),
                // Another candidate was faster; its name comes with the next attempt.
                Err(AttemptError::Api(kube::Error::Api(status))) if status.code == 409 => {}
                Err(error) => self.say(format!("the lease cannot be had: {error}"), true),
            }
            tokio::select! {
                () = release.cancelled() => {}
                () = sleep(self.pause()) => {}
            }
        }
        None
    }

    /// Renews, again and again until the deadline, and returns the next deadline, or why there is none.
    async fn renew(&mut self, until: Instant) -> Result<Instant, String> {
        let mut last = "the process was stopped for longer than that".to_owned();
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let deadline = crate::duration::format(self.timings.renew_deadline);
                return Err(format!("it was not renewed within {deadline}: {last}"));
            }
            match self.attempt_in_time(left.min(self.timings.attempt_timeout()), true).await {
                // An answer that comes after the deadline is too late: work may have been stopped already.
                Ok(Attempt::Held(at)) if Instant::now() < until => return Ok(at + self.timings.renew_deadline),
                Ok(Attempt::Held(_)) => last = "the answer came too late".to_owned(),
                Ok(Attempt::NotOurs(holder)) => return Err(format!("{holder} holds the lease")),
                Err(error) => {
                    tracing::warn!(lease = %self.shown(), "the lease could not be renewed, trying again: {error}");
                    last = error.to_string();
                }
            }
            let left = until.saturating_duration_since(Instant::now());
            sleep(self.pause().min(left)).await;
        }
    }

    async fn attempt_in_time(&mut self, limit: Duration, leading: bool) -> Result<Attempt, AttemptError> {
        match timeout(limit, self.attempt(leading)).await {
            Ok(attempt) => Ok(attempt?),
            Err(_) => Err(AttemptError::Timeout(limit)),
        }
    }

    /// One attempt to get or keep the Lease. Every write carries the resource version that it is based on, or is a create:
    /// of two that try at once one fails.
    async fn attempt(&mut self, leading: bool) -> Result<Attempt, kube::Error> {
        let begun = Instant::now();
        if leading && let Some(observed) = &self.observed {
            match self.put(self.renewed(&observed.lease)).await {
                Ok(()) => return Ok(Attempt::Held(begun)),
                // Somebody wrote, perhaps ourselves in a request whose answer was lost: look.
                Err(kube::Error::Api(status)) if status.code == 409 || status.code == 404 => {}
                Err(error) => return Err(error),
            }
        }
        let Some(lease) = self.api.get_opt(&self.name).await? else {
            let lease = self.api.create(&PostParams::default(), &self.fresh()).await?;
            self.observe(lease);
            return Ok(Attempt::Held(begun));
        };
        let holder = holder(&lease).to_owned();
        let valid_until = self.observe(lease);
        let Some(observed) = &self.observed else { return Ok(Attempt::NotOurs(holder)) };
        let next = if holder == self.holder {
            self.renewed(&observed.lease)
        } else if leading || (!holder.is_empty() && Instant::now() < valid_until) {
            return Ok(Attempt::NotOurs(if holder.is_empty() { "nobody".to_owned() } else { holder }));
        } else {
            self.taken(&observed.lease)
        };
        self.put(next).await?;
        Ok(Attempt::Held(begun))
    }

    async fn put(&mut self, lease: LeaseObject) -> Result<(), kube::Error> {
        let lease = self.api.replace(&self.name, &PostParams::default(), &lease).await?;
        self.observe(lease);
        Ok(())
    }

    /// Remembers a record, and returns until when it holds: counted from when its content was first seen here.
    fn observe(&mut self, lease: LeaseObject) -> Instant {
        let seconds = lease.spec.as_ref().and_then(|spec| spec.lease_duration_seconds);
        let duration = seconds
            .and_then(|seconds| u64::try_from(seconds).ok())
            .map_or(self.timings.lease_duration, Duration::from_secs);
        let since = match &self.observed {
            Some(observed) if observed.lease.spec == lease.spec => observed.since,
            Some(_) | None => Instant::now(),
        };
        self.observed = Some(Observed { lease, since });
        since + duration
    }

    /// Gives the Lease back, if it is still ours to give.
    async fn release(&mut self, until: Instant) {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        let Some(mut lease) = self.observed.as_ref().map(|observed| self.renewed(&observed.lease)) else { return };
        if let Some(spec) = &mut lease.spec {
            spec.holder_identity = Some(String::new());
            spec.lease_duration_seconds = Some(1);
            spec.acquire_time.clone_from(&spec.renew_time);
        }
        let shown = self.shown();
        match timeout(left.min(self.timings.attempt_timeout()), self.put(lease)).await {
            Ok(Ok(())) => tracing::info!(lease = shown, "the lease is released"),
            Ok(Err(error)) => tracing::warn!(lease = shown, "the lease was not released and has to expire: {error}"),
            Err(_) => tracing::warn!(lease = shown, "the lease was not released in time and has to expire"),
        }
    }

    fn fresh(&self) -> LeaseObject {
        let metadata = ObjectMeta {
            name: Some(self.name.clone()),
            namespace: Some(self.namespace.clone()),
            ..ObjectMeta::default()
        };
        self.written(metadata, None, 0)
    }

    /// The same holder, renewed.
    fn renewed(&self, lease: &LeaseObject) -> LeaseObject {
        let spec = lease.spec.clone().unwrap_or_default();
        self.written(lease.metadata.clone(), spec.acquire_time, spec.lease_transitions.unwrap_or_default())
    }

    /// Another holder than before.
    fn taken(&self, lease: &LeaseObject) -> LeaseObject {
        let transitions = lease.spec.as_ref().and_then(|spec| spec.lease_transitions).unwrap_or_default();
        self.written(lease.metadata.clone(), None, transitions.saturating_add(1))
    }

    fn written(&self, mut metadata: ObjectMeta, acquired: Option<MicroTime>, transitions: i32) -> LeaseObject {
        metadata.managed_fields = None;
        let now = MicroTime(Timestamp::now());
        // Rounded up: a follower that waits longer is safe.
        let seconds = self.timings.lease_duration.as_millis().div_ceil(1000);
        let spec = LeaseSpec {
            holder_identity: Some(self.holder.clone()),
            lease_duration_seconds: Some(i32::try_from(seconds).unwrap_or(i32::MAX)),
            acquire_time: Some(acquired.unwrap_or_else(|| now.clone())),
            renew_time: Some(now),
            lease_transitions: Some(transitions),
            ..LeaseSpec::default()
        };
        LeaseObject { metadata, spec: Some(spec) }
    }

    /// Spread, so that candidates do not ask in step.
    fn pause(&self) -> Duration {
        self.timings.retry_period.mul_f64(rand::random_range(1.0..JITTER))
    }

    fn shown(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    fn say(&mut self, message: String, trouble: bool) {
        if self.said == message {
            return;
        }
        if trouble {
            tracing::warn!(lease = %self.shown(), "{message}");
        } else {
            tracing::info!(lease = %self.shown(), "{message}");
        }
        self.said = message;
    }
}

fn holder(lease: &LeaseObject) -> &str {
    lease.spec.as_ref().and_then(|spec| spec.holder_identity.as_deref()).unwrap_or_default()
}
