//! What measures: one file per kind of check, one line each in [`build`].
//!
//! A probe reads and never writes. What it lets out are numbers and short reasons of Sluice's own; no row, body, header,
//! address with a password or server message.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::{Map, Value};
use url::Url;

use crate::database::Database;

use super::assess::{Measurement, Outcome};
use super::check::{Check, CheckKind};

/// What was measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The names that the expression can use: `value`, `baseline` …
    pub names: Map<String, Value>,
    /// The same for people, numbers only: `value 0.034, baseline 0.002`.
    pub shown: String,
}

/// Why nothing was measured.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProbeError {
    /// It could not be measured.
    #[error("{0}")]
    Error(String),
    /// There was nothing to measure.
    #[error("no data")]
    NoData,
}

/// The addresses that the operator was started with. Objects name them; they cannot write addresses of their own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Endpoints {
    /// Prometheus servers by name.
    pub prometheus: BTreeMap<String, Url>,
    /// Web services by name.
    pub http: BTreeMap<String, Url>,
    /// How a Service is reached, with `{name}`, `{namespace}` and `{port}`; by its name in the cluster's DNS unless set.
    pub service: Option<String>,
}

/// What probes measure with.
#[derive(Clone)]
pub struct Means {
    /// The migrated database.
    pub database: Arc<dyn Database>,
    /// The API server.
    pub client: kube::Client,
    /// The object's namespace: nothing else is looked at.
    pub namespace: String,
    /// The addresses that there are.
    pub endpoints: Arc<Endpoints>,
}

/// One kind of measurement.
#[async_trait]
pub trait Probe: Send + Sync {
    /// What the same is before the run, where it is worth comparing with; `None` where it is not.
    ///
    /// # Errors
    /// When it cannot be measured. The run goes on without a baseline then.
    async fn baseline(&self) -> Result<Option<Value>, ProbeError>;

    /// Measures once. Takes no longer than half a minute.
    ///
    /// # Errors
    /// When it cannot be measured, or there is nothing to measure.
    async fn measure(&self, baseline: Option<&Value>) -> Result<Sample, ProbeError>;
}

/// The probe of a check.
///
/// # Errors
/// When the check names an endpoint that there is not: which, and how it is declared.
pub fn build(check: &Check, means: &Means) -> Result<Box<dyn Probe>, String> {
    let _ = means;
    match &check.kind {
        CheckKind::Sql { .. }
        | CheckKind::RowCounts { .. }
        | CheckKind::Latency { .. }
        | CheckKind::Prometheus { .. }
        | CheckKind::Http { .. }
        | CheckKind::Workload { .. }
        | CheckKind::Builtin(_) => Err("not built yet".to_owned()),
    }
}

/// Measures once and judges it by what the check expects.
pub async fn measure(check: &Check, probe: &dyn Probe, baseline: Option<&Value>, now: Timestamp) -> Measurement {
    match probe.measure(baseline).await {
        Ok(sample) => {
            let outcome = match check.expect.holds(&sample.names) {
                Ok(true) => Outcome::Passed,
                Ok(false) => Outcome::Failed,
                Err(why) => Outcome::Error(why),
            };
            Measurement { at: now, outcome, shown: sample.shown }
        }
        Err(ProbeError::NoData) => Measurement { at: now, outcome: Outcome::NoData, shown: "no data".to_owned() },
        Err(ProbeError::Error(why)) => Measurement { at: now, outcome: Outcome::Error(why.clone()), shown: why },
    }
}
