//! What a whole plan would do.

use std::time::Duration;

use crate::migration::Risk;

use super::{Effect, Finding, LockMode};

/// What one step would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssessedStep {
    /// The step's label: `003`.
    pub label: String,
    /// The file of its script.
    pub file: String,
    /// What each statement does, in order.
    pub effects: Vec<Effect>,
}

/// What a whole plan would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assessment {
    /// Step by step; those that run nothing have no effects.
    pub steps: Vec<AssessedStep>,
    /// What the rules found.
    pub findings: Vec<Finding>,
    /// The highest risk of a statement, raised to what headers say.
    pub risk: Risk,
    /// Why it is not lower, the highest first.
    pub reasons: Vec<String>,
    /// The strongest lock on something that is in use.
    pub strongest: Option<LockMode>,
    /// Rows of a table in use are written anew.
    pub rewrites: bool,
    /// A table in use is read from end to end while writers wait.
    pub scans: bool,
    /// About how long it takes; `None` where that cannot be told.
    pub estimate: Option<Duration>,
}
