//! Everything that gates look at, gathered before. Plain values.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::api::v1alpha1::MigrationApproval;
use crate::checks::SqlAnswer;
use crate::database::PreflightFacts;
use crate::lint::Assessment;
use crate::plan::Plan;

use super::preflight::Needs;
use super::{Gates, Neighbour, Place};

/// Whether the ValidatingAdmissionPolicy that makes approvals worth something is installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Guard {
    /// It is, as it was shipped, and bound to everything with `Deny`.
    Installed {
        /// What was written before was not looked at by it.
        since: Timestamp,
    },
    /// It is not, or was changed: how.
    Missing(String),
    /// That could not be found out: why.
    Unknown(String),
}

/// What promotion asks about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Forerunner {
    /// A DatabaseMigration of this cluster; `None`: there is none of that name.
    Object(Option<Neighbour>),
    /// What the ConfigMap holds for a signed statement; `None`: there is no such ConfigMap, or no such key in it.
    Signed(Option<String>),
    /// It cannot be told: why, and what would help.
    Unknown {
        /// Why.
        why: String,
        /// What would help.
        cure: String,
    },
}

/// What the database said of itself.
#[derive(Debug, Clone)]
pub struct Preflight {
    /// It, or why it could not be asked.
    pub facts: Result<PreflightFacts, String>,
    /// What the plan needs.
    pub needs: Needs,
    /// How many bytes of the disk are free, or why that cannot be told, where somebody else was asked.
    pub free_disk: Option<Result<u64, String>>,
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
    /// The digest of all scripts of its source.
    pub set_digest: &'a str,
    /// The digest of what will be in effect once it is carried out; `None` for nothing.
    pub after_digest: Option<&'a str>,
    /// What its statements do.
    pub assessment: &'a Assessment,
    /// The approvals of the object's namespace that name the object, whatever plan they are about.
    pub approvals: &'a [MigrationApproval],
    /// What they are worth.
    pub guard: &'a Guard,
    /// The objects that it waits for, and those that they wait for in turn; `None` where there is no such object. What a gate may tell of
    /// one in another namespace is what that one allows.
    pub neighbours: &'a BTreeMap<Place, Option<Neighbour>>,
    /// What promotion asks about, where it does.
    pub promotion: Option<&'a Forerunner>,
    /// What the database said of itself, where it was asked.
    pub preflight: Option<&'a Preflight>,
    /// What the team's own conditions were answered, in their order; as far as they were asked.
    pub sql: &'a [SqlAnswer],
}

impl<'a> Facts<'a> {
    /// The object's namespace, and its name in it.
    #[must_use]
    pub fn place(&self) -> (&'a str, &'a str) {
        self.object.split_once('/').unwrap_or(("", self.object))
    }

    /// The object's namespace.
    #[must_use]
    pub fn namespace(&self) -> &'a str {
        self.place().0
    }
}
