//! What every pass has at hand.

use std::sync::Arc;

use kube::Client;
use kube::runtime::reflector::Store;
use tokio_util::sync::CancellationToken;

use crate::api::v1alpha1::{DatabaseMigration, MigrationApproval};
use crate::telemetry::Metrics;

use super::Options;
use super::guards::Guards;
use super::leader::Lease;
use super::memory::Memory;
use super::neighbours::Neighbours;
use super::platform::Platforms;
use super::rehearsals::Rehearsals;
use super::tasks::Tasks;
use super::verify::Verifications;

/// What every pass has at hand.
pub struct Context {
    /// The API server.
    pub client: Client,
    /// What the process was started with.
    pub options: Options,
    /// The objects that there are, as the watch has shown them.
    pub objects: Store<DatabaseMigration>,
    /// What is remembered between passes.
    pub memory: Memory,
    /// Runs in the background.
    pub tasks: Arc<Tasks>,
    /// Rehearsals in the background.
    pub rehearsals: Arc<Rehearsals>,
    /// Verifications in the background.
    pub verifications: Arc<Verifications>,
    /// Who waits for whom.
    pub neighbours: Neighbours,
    /// The approvals that there are.
    pub approvals: Store<MigrationApproval>,
    /// What the platform imposes.
    pub platforms: Arc<Platforms>,
    /// Whether approvals are guarded.
    pub guards: Guards,
    /// What is measured.
    pub metrics: Metrics,
    /// Set when the process is about to end.
    pub closing: CancellationToken,
    /// The Lease, where there is an election.
    pub lease: Option<Lease>,
}

impl Context {
    /// Whether a run may start: this process is not about to end, and leads at this very moment.
    pub fn may_start(&self) -> bool {
        !self.closing.is_cancelled() && self.lease.as_ref().is_none_or(Lease::is_leader_now)
    }
}
