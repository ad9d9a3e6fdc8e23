//! Everything that gates look at, gathered before. Plain values.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::api::v1alpha1::MigrationApproval;
use crate::lint::Assessment;
use crate::plan::Plan;

use super::Gates;

/// Whether the ValidatingAdmissionPolicy that makes approvals worth something is installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Guard {
    /// It is, as it was shipped, and bound to everything with `Deny`.
    Installed,
    /// It is not, or was changed: how.
    Missing(String),
    /// That could not be found out: why.
    Unknown(String),
}

/// Another DatabaseMigration, as its status says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbour {
    /// Its Ready condition is True for its present generation, with its message where it is not.
    pub ready: bool,
    /// Why not, in its own words.
    pub message: String,
    /// The version in effect.
    pub applied: Option<String>,
    /// `status.applied.digest`
    pub applied_digest: Option<String>,
    /// `status.source.digest`, where everything of the source is in effect.
    pub set_digest: Option<String>,
    /// Its verification passed, or it has none and is Ready: since when.
    pub verified_since: Option<Timestamp>,
    /// The namespaces that may go after it.
    pub promotes_to: Vec<String>,
    /// The objects of its namespace that it waits for itself.
    pub depends_on: Vec<String>,
}

/// Everything that gates look at.
#[derive(Debug)]
pub struct Facts<'a> {
    /// The operator's clock.
    pub now: Timestamp,
    /// `namespace/name` of the object.
    pub object: &'a str,
    /// Who changed the spec last, where it is known for certain.
    pub author: Option<&'a str>,
    /// What is asked for.
    pub gates: &'a Gates,
    /// The plan that wants to pass.
    pub plan: &'a Plan,
    /// The digest of all its scripts.
    pub set_digest: &'a str,
    /// What its statements do.
    pub assessment: &'a Assessment,
    /// The approvals of the object's namespace that name the object, whatever plan they are about.
    pub approvals: &'a [MigrationApproval],
    /// What they are worth.
    pub guard: &'a Guard,
    /// The objects of the namespace that dependencies name, transitively; `None` where there is no such object. By name.
    pub neighbours: &'a BTreeMap<String, Option<Neighbour>>,
    /// What promotion asks about; an error where it cannot be told.
    pub promotion: Option<&'a Result<Option<Neighbour>, String>>,
}
