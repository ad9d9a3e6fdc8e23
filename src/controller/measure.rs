//! From passes, runs and reports to metrics.

use std::time::Duration;

use kube::ResourceExt;

use crate::api::v1alpha1::{DatabaseMigration, DatabaseMigrationStatus};
use crate::database::RunReport;
use crate::rollout::{Observed, State};
use crate::telemetry::{Metrics, ObjectSample};

use super::observe::Sight;

/// One pass.
pub fn pass(metrics: &Metrics, elapsed: Duration, ok: bool) {
    metrics.reconciled(ok, elapsed);
}
