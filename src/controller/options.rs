//! What the operator is started with, as plain values: the command line knows flags and variables, this room does not.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::checks::Endpoints;

use super::leader::Timings;

/// What the operator is started with.
#[derive(Debug, Clone)]
pub struct Options {
    /// The one namespace to look after; all of them when `None`.
    pub namespace: Option<String>,
    /// Runs at once over all databases.
    pub concurrency: usize,
    /// How often an object that needs nothing is looked at again.
    pub resync: Duration,
    /// How long after SIGTERM the process may take.
    pub shutdown_grace: Duration,
    /// What this process is called in the Lease, in events and in ledgers: the Pod's name.
    pub identity: String,
    /// The program that writes a schema out for rehearsals.
    pub dump_program: PathBuf,
    /// The addresses that checks may name.
    pub endpoints: Arc<Endpoints>,
    /// Take part in leader election; without it the caller vouches that no other operator runs.
    pub leader_elect: bool,
    /// Where the Lease is.
    pub lease_namespace: String,
    /// Its name.
    pub lease_name: String,
    /// Its timing.
    pub lease_timings: Timings,
}
