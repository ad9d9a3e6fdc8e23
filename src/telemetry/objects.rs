//! The series of single objects. They are made at each scrape from one table of samples, so that an old label value or a
//! deleted object leaves no series behind.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{IntGaugeVec, Opts};

use super::names::{
    BLOCKING_SESSIONS, DATABASE_UP, MIGRATION_INFO, MIGRATION_PENDING, MIGRATION_READY, MIGRATION_STALLED,
    MIGRATION_STATUS, Metric, ROLLBACK_READY, WAITING_SINCE,
};

/// What is shown of one object. Each sample replaces the one before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectSample {
    /// `metadata.namespace`
    pub namespace: String,
    /// `metadata.name`
    pub name: String,
    /// The version that the spec asks for: the newest of the source for `Latest`, empty while that is not known.
    pub desired: String,
    /// The newest version in effect, empty for none or while that is not known.
    pub applied: String,
    /// Whether the Ready condition is True.
    pub ready: bool,
    /// Whether the Stalled condition is True.
    pub stalled: bool,
    /// The reason of the Ready condition, from the closed set of reasons.
    pub reason: &'static str,
    /// Whether the RollbackReady condition is True; `None` where there is none.
    pub rollback_ready: Option<bool>,
    /// Steps that the plan would still run; `None` while there is no plan.
    pub pending: Option<usize>,
    /// Whether the last look at the database succeeded; `None` before the first.
    pub database_up: Option<bool>,
    /// Sessions in the way of its run right now.
    pub blocking_sessions: usize,
    /// Since when its plan has been waiting for what the reason says, in seconds since 1970; `None` while it waits for no gate.
    pub waiting_since: Option<i64>,
}

/// All samples, keyed by namespace and name.
#[derive(Debug, Default)]
pub(super) struct Objects {
    samples: Mutex<BTreeMap<(String, String), ObjectSample>>,
}

impl Objects {
    /// A poisoned lock only means that another thread panicked between two plain assignments: the table is still whole.
    fn samples(&self) -> MutexGuard<'_, BTreeMap<(String, String), ObjectSample>> {
        self.samples.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set(&self, sample: ObjectSample) {
        self.samples().insert((sample.namespace.clone(), sample.name.clone()), sample);
    }

    pub(super) fn set_blocking_sessions(&self, namespace: &str, name: &str, sessions: usize) {
        if let Some(sample) = self.samples().get_mut(&(namespace.to_owned(), name.to_owned())) {
            sample.blocking_sessions = sessions;
        }
    }

    pub(super) fn remove(&self, namespace: &str, name: &str) {
        self.samples().remove(&(namespace.to_owned(), name.to_owned()));
    }

    pub(super) fn clear(&self) {
        self.samples().clear();
    }
}

/// Turns the table into metric families.
pub(super) struct ObjectCollector {
    objects: std::sync::Arc<Objects>,
    /// Empty gauges: the registry wants to know names and labels before the first sample.
    descriptors: Vec<IntGaugeVec>,
}

/// The metrics that this collector serves.
const SERVED: &[&Metric] = &[
    &MIGRATION_INFO,
    &MIGRATION_READY,
    &MIGRATION_STATUS,
    &MIGRATION_STALLED,
    &ROLLBACK_READY,
    &MIGRATION_PENDING,
    &DATABASE_UP,
    &BLOCKING_SESSIONS,
    &WAITING_SINCE,
];

impl ObjectCollector {
    pub(super) fn new(objects: std::sync::Arc<Objects>) -> Result<Self, prometheus::Error> {
        let descriptors = SERVED.iter().map(|metric| gauge(metric)).collect::<Result<_, _>>()?;
        Ok(Self { objects, descriptors })
    }

    fn families(&self) -> Result<Vec<MetricFamily>, prometheus::Error> {
        let info = gauge(&MIGRATION_INFO)?;
        let ready = gauge(&MIGRATION_READY)?;
        let status = gauge(&MIGRATION_STATUS)?;
        let stalled = gauge(&MIGRATION_STALLED)?;
        let way_back = gauge(&ROLLBACK_READY)?;
        let pending = gauge(&MIGRATION_PENDING)?;
        let up = gauge(&DATABASE_UP)?;
        let blocking = gauge(&BLOCKING_SESSIONS)?;
        let waiting = gauge(&WAITING_SINCE)?;
        for sample in self.objects.samples().values() {
            let (namespace, name) = (sample.namespace.as_str(), sample.name.as_str());
            let object = [namespace, name];
            info.get_metric_with_label_values(&[namespace, name, &sample.desired, &sample.applied])?.set(1);
            status.get_metric_with_label_values(&[namespace, name, sample.reason])?.set(1);
            ready.get_metric_with_label_values(&object)?.set(i64::from(sample.ready));
            stalled.get_metric_with_label_values(&object)?.set(i64::from(sample.stalled));
            blocking.get_metric_with_label_values(&object)?.set(count(sample.blocking_sessions));
            if let Some(since) = sample.waiting_since {
                waiting.get_metric_with_label_values(&[namespace, name, sample.reason])?.set(since);
            }
            if let Some(ready) = sample.rollback_ready {
                way_back.get_metric_with_label_values(&object)?.set(i64::from(ready));
            }
            if let Some(steps) = sample.pending {
                pending.get_metric_with_label_values(&object)?.set(count(steps));
            }
            if let Some(reachable) = sample.database_up {
                up.get_metric_with_label_values(&object)?.set(i64::from(reachable));
            }
        }
        Ok([info, ready, status, stalled, way_back, pending, up, blocking, waiting]
            .iter()
            .flat_map(Collector::collect)
            .collect())
    }
}

impl Collector for ObjectCollector {
    fn desc(&self) -> Vec<&Desc> {
        self.descriptors.iter().flat_map(Collector::desc).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        self.families().unwrap_or_else(|error| {
            // The names and label counts are constants, so this cannot happen; were it to, silence would hide it.
            tracing::error!(%error, "the metrics of the objects could not be collected");
            Vec::new()
        })
    }
}

fn gauge(metric: &Metric) -> Result<IntGaugeVec, prometheus::Error> {
    IntGaugeVec::new(Opts::new(metric.name, metric.help), metric.labels)
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
