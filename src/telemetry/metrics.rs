//! The metrics of one operator process: typed methods to record what happened, and the text that Prometheus reads.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use prometheus::core::Collector;
use prometheus::process_collector::ProcessCollector;
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder};

use super::labels::{ApiOutcome, ApiResource, ApiVerb, ReconcileResult, RunResult};
use super::names::{self, Metric};
use super::objects::{ObjectCollector, ObjectSample, Objects};

/// The gates that there are; a test of the controller compares them with the registry of gates.
pub const GATES: &[&str] = &["approvals", "window", "lint", "preflight", "sql", "dependency", "promotion"];

/// All metrics of this process, with a registry of their own. Clones share everything.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    objects: Arc<Objects>,
    gate_evaluations: IntCounterVec,
    gates_wait: HistogramVec,
    runs: IntCounterVec,
    run_duration: HistogramVec,
    step_duration: HistogramVec,
    statement_duration: HistogramVec,
    lock_wait: HistogramVec,
    lock_retries: IntCounterVec,
    tasks_running: IntGauge,
    measurements: IntCounterVec,
    verifications: IntCounterVec,
    verification_duration: HistogramVec,
    rollbacks: IntCounterVec,
    rollback_duration: HistogramVec,
    reconciles: IntCounterVec,
    reconcile_duration: HistogramVec,
    api_requests: IntCounterVec,
    api_request_duration: HistogramVec,
    leader: IntGauge,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

impl Metrics {
    /// Registers every metric of the table in [`names`](super::ALL_METRICS), and the process' own.
    ///
    /// # Errors
    /// When the table contradicts itself (a name twice, a label that is none): a bug that the first test finds.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let objects = Arc::new(Objects::default());
        registry.register(Box::new(ObjectCollector::new(Arc::clone(&objects))?))?;
        registry.register(Box::new(ProcessCollector::for_self()))?;
        let build = register(&registry, IntGaugeVec::new(opts(&names::BUILD_INFO), names::BUILD_INFO.labels)?)?;
        build.get_metric_with_label_values(&crate::build::LABELS)?.set(1);
        let inner = Inner {
            objects,
            gate_evaluations: counter(&registry, &names::GATE_EVALUATIONS)?,
            gates_wait: histogram(&registry, &names::GATES_WAIT)?,
            runs: counter(&registry, &names::RUNS)?,
            run_duration: histogram(&registry, &names::RUN_DURATION)?,
            step_duration: histogram(&registry, &names::STEP_DURATION)?,
            statement_duration: histogram(&registry, &names::STATEMENT_DURATION)?,
            lock_wait: histogram(&registry, &names::LOCK_WAIT)?,
            lock_retries: counter(&registry, &names::LOCK_RETRIES)?,
            tasks_running: register(&registry, IntGauge::with_opts(opts(&names::TASKS_RUNNING))?)?,
            measurements: counter(&registry, &names::MEASUREMENTS)?,
            verifications: counter(&registry, &names::VERIFICATIONS)?,
            verification_duration: histogram(&registry, &names::VERIFICATION_DURATION)?,
            rollbacks: counter(&registry, &names::ROLLBACKS)?,
            rollback_duration: histogram(&registry, &names::ROLLBACK_DURATION)?,
            reconciles: counter(&registry, &names::RECONCILES)?,
            reconcile_duration: histogram(&registry, &names::RECONCILE_DURATION)?,
            api_requests: counter(&registry, &names::API_REQUESTS)?,
            api_request_duration: histogram(&registry, &names::API_REQUEST_DURATION)?,
            leader: register(&registry, IntGauge::with_opts(opts(&names::LEADER))?)?,
            registry,
        };
        // Counters start at 0 rather than at the first event: `increase()` does not see a series' first value.
        for result in RunResult::ALL {
            for direction in ["up", "down"] {
                inner.runs.with_label_values(&[direction, result.as_str()]);
            }
        }
        for gate in GATES {
            for result in ["open", "closed", "unknown", "denied"] {
                inner.gate_evaluations.with_label_values(&[*gate, result]);
            }
        }
        inner.gates_wait.with_label_values::<&str>(&[]);
        for result in ["passed", "failed", "error", "no_data"] {
            inner.measurements.with_label_values(&[result]);
        }
        for verdict in ["passed", "failed", "inconclusive", "aborted"] {
            inner.verifications.with_label_values(&[verdict]);
        }
        for trigger in ["check", "inconclusive", "apply_failure", "requested"] {
            for result in RunResult::ALL {
                inner.rollbacks.with_label_values(&[trigger, result.as_str()]);
            }
        }
        for result in ReconcileResult::ALL {
            inner.reconciles.with_label_values(&[result.as_str()]);
        }
        inner.lock_retries.with_label_values::<&str>(&[]);
        inner.lock_wait.with_label_values::<&str>(&[]);
        Ok(Self(Arc::new(inner)))
    }

    /// Shows an object as it is now. Series with its former label values vanish.
    pub fn observe_object(&self, sample: ObjectSample) {
        self.0.objects.set(sample);
    }

    /// Changes the number of sessions in the way of an object's run. Does nothing for an object that was never observed.
    pub fn observe_blocking_sessions(&self, namespace: &str, name: &str, sessions: usize) {
        self.0.objects.set_blocking_sessions(namespace, name, sessions);
    }

    /// Removes every series of a deleted object.
    pub fn forget(&self, namespace: &str, name: &str) {
        self.0.objects.remove(namespace, name);
    }

    /// Removes the series of all objects: a process that leads no longer does not know how they are.
    pub fn forget_all(&self) {
        self.0.objects.clear();
    }

    /// Records one look at a gate; `result` is `open`, `closed`, `unknown` or `denied`.
    pub fn gate_evaluated(&self, gate: &'static str, result: &'static str) {
        self.0.gate_evaluations.with_label_values(&[gate, result]).inc();
    }

    /// Records how long a plan waited for its gates before its run began.
    pub fn gates_passed(&self, waited: Duration) {
        self.0.gates_wait.with_label_values::<&str>(&[]).observe(waited.as_secs_f64());
    }

    /// Records the end of a run. `direction` is `up` or `down`, as the plan spells it.
    pub fn run_finished(&self, direction: &'static str, result: RunResult, elapsed: Duration) {
        let labels = [direction, result.as_str()];
        self.0.runs.with_label_values(&labels).inc();
        self.0.run_duration.with_label_values(&labels).observe(elapsed.as_secs_f64());
    }

    /// Records the end of a run that took another one back. `trigger` is a word of `plan::Trigger`.
    pub fn rolled_back(&self, trigger: &'static str, result: RunResult, elapsed: Duration) {
        self.0.rollbacks.with_label_values(&[trigger, result.as_str()]).inc();
        self.0.rollback_duration.with_label_values(&[trigger]).observe(elapsed.as_secs_f64());
    }

    /// Records one measurement of a check: `passed`, `failed`, `error` or `no_data`.
    pub fn measured(&self, result: &'static str) {
        self.0.measurements.with_label_values(&[result]).inc();
    }

    /// Records a verdict, a word of `plan::Judgement`.
    pub fn verified(&self, verdict: &'static str, elapsed: Duration) {
        self.0.verifications.with_label_values(&[verdict]).inc();
        self.0.verification_duration.with_label_values(&[verdict]).observe(elapsed.as_secs_f64());
    }

    /// Records a step that took effect: the time of the attempt that succeeded.
    pub fn step_finished(&self, direction: &'static str, elapsed: Duration) {
        self.0.step_duration.with_label_values(&[direction]).observe(elapsed.as_secs_f64());
    }

    /// Records one statement that was executed.
    pub fn statement_finished(&self, direction: &'static str, elapsed: Duration) {
        self.0.statement_duration.with_label_values(&[direction]).observe(elapsed.as_secs_f64());
    }

    /// Records how long a run waited for the migration lock of its database; zero counts too.
    pub fn lock_waited(&self, waited: Duration) {
        self.0.lock_wait.with_label_values::<&str>(&[]).observe(waited.as_secs_f64());
    }

    /// Adds attempts that ended in a lock timeout.
    pub fn lock_retried(&self, attempts: u32) {
        self.0.lock_retries.with_label_values::<&str>(&[]).inc_by(u64::from(attempts));
    }

    /// Counts a background task as running until the returned guard is dropped, by a panic too.
    #[must_use = "the task counts as running only while the guard lives"]
    pub fn task_started(&self) -> RunningTask {
        self.0.tasks_running.inc();
        RunningTask(self.0.tasks_running.clone())
    }

    /// Records one pass over an object.
    pub fn reconciled(&self, result: ReconcileResult, elapsed: Duration) {
        self.0.reconciles.with_label_values(&[result.as_str()]).inc();
        self.0.reconcile_duration.with_label_values(&[result.as_str()]).observe(elapsed.as_secs_f64());
    }

    /// Records a request to the Kubernetes API.
    pub fn api_requested(&self, verb: ApiVerb, resource: ApiResource, outcome: ApiOutcome, elapsed: Duration) {
        let (verb, resource) = (verb.as_str(), resource.as_str());
        self.0.api_requests.with_label_values(&[verb, resource, outcome.as_str()]).inc();
        self.0.api_request_duration.with_label_values(&[verb, resource]).observe(elapsed.as_secs_f64());
    }

    /// Whether this process leads.
    pub fn set_leader(&self, leads: bool) {
        self.0.leader.set(i64::from(leads));
    }

    /// Everything in Prometheus' text format.
    ///
    /// # Errors
    /// When a metric cannot be written as text: a bug.
    pub fn encode(&self) -> Result<String, prometheus::Error> {
        TextEncoder::new().encode_to_string(&self.0.registry.gather())
    }
}

/// A background task that counts as running.
#[derive(Debug)]
pub struct RunningTask(IntGauge);

impl Drop for RunningTask {
    fn drop(&mut self) {
        self.0.dec();
    }
}

fn opts(metric: &Metric) -> Opts {
    Opts::new(metric.name, metric.help)
}

fn register<C: Collector + Clone + 'static>(registry: &Registry, collector: C) -> Result<C, prometheus::Error> {
    registry.register(Box::new(collector.clone()))?;
    Ok(collector)
}

fn counter(registry: &Registry, metric: &Metric) -> Result<IntCounterVec, prometheus::Error> {
    register(registry, IntCounterVec::new(opts(metric), metric.labels)?)
}

fn histogram(registry: &Registry, metric: &Metric) -> Result<HistogramVec, prometheus::Error> {
    let options = HistogramOpts::new(metric.name, metric.help).buckets(metric.buckets.to_vec());
    register(registry, HistogramVec::new(options, metric.labels)?)
}
