//! What earlier runs leave to be done: a word for each of it. It decides nothing.

use crate::plan::{Judgement, Plan, RunSummary, TakeBack, Verification};

/// What is left of earlier runs.
#[derive(Debug, Clone)]
pub enum Aftermath {
    /// Nothing: on to the plan.
    Nothing,
    /// A run is to be judged.
    Verify(Box<DueVerification>),
    /// A run is to be taken back, by this plan.
    TakeBack(Box<Plan>, TakeBack),
    /// A run was judged, and a person has to say what follows.
    Held(Box<RunSummary>, Judgement, String),
    /// A rollback failed.
    RollbackFailed(Box<RunSummary>, TakeBack),
    /// A rollback must not begin: why, and the cure.
    RollbackBlocked(String),
}

/// A run that is to be judged now.
#[derive(Debug, Clone, PartialEq)]
pub struct DueVerification {
    /// The run.
    pub run: RunSummary,
    /// What the ledger recorded for it when it began.
    pub recorded: Verification,
    /// What it is judged by. Another release of Sluice may have recorded what this one cannot use: then it is what the spec says.
    pub by: super::Verification,
}

impl DueVerification {
    /// Whether the recorded checks cannot be used and those of the spec take their place.
    #[must_use]
    pub fn substituted(&self) -> bool {
        super::Verification::recorded(&self.recorded.spec).is_err()
    }
}
