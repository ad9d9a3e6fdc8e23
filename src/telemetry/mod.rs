//! Metrics, logs and the HTTP server that serves them.
//!
//! This room knows nothing of databases and custom resources: it is told what happened, in words from closed sets, and
//! shows it. It must never decide anything, keep a global, or let a value from a database, a Secret or a script out: not
//! as a label, not in a log line.

mod api_layer;
mod labels;
mod logs;
mod metrics;
mod names;
mod objects;
mod server;

pub use api_layer::{ApiCalls, ApiLayer, ApiTimeout};
pub use labels::{ApiOutcome, ApiResource, ApiVerb, ReconcileResult, RunResult};
pub use logs::{LogError, LogFormat, init as init_logs};
pub use metrics::{GATES as GATE_LABELS, Metrics, RunningTask};
pub use names::{ALL as ALL_METRICS, Kind as MetricKind, Metric, PROCESS as PROCESS_METRICS};
pub use objects::ObjectSample;
pub use server::{Health, Server, ServerError};

#[cfg(test)]
mod tests;
