//! A run that is to be judged.

use crate::plan::{RunSummary, Verification};

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
