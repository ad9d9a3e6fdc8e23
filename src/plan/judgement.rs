//! What the target database recorded about how its runs were judged, and which of them were taken back.
//!
//! Plain values, like the rest of the ledger; what follows from them is decided in the core.

/// How a run was judged, as `migration_verifications.verdict` spells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// Every check that decides passed.
    Passed,
    /// A check that decides failed.
    Failed,
    /// No check failed, and at least one came to nothing.
    Inconclusive,
    /// A person ended the window.
    Aborted,
}

impl Judgement {
    /// The word in the ledger, in metrics and in the status.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Inconclusive => "inconclusive",
            Self::Aborted => "aborted",
        }
    }

    /// The judgement of that word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Passed, Self::Failed, Self::Inconclusive, Self::Aborted]
            .into_iter()
            .find(|judgement| judgement.as_str() == word)
    }
}

/// The verification of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// The run.
    pub run: uuid::Uuid,
    /// `spec.verification` as it was when the run began.
    pub spec: serde_json::Value,
    /// What the checks measured before it, by name.
    pub baseline: serde_json::Value,
    /// `None` while the window is open.
    pub judgement: Option<Judgement>,
    /// The retry token when it was judged: another one opens the window again.
    pub retry_token: Option<String>,
    /// Why it was judged so.
    pub message: Option<String>,
    /// The measurements that decided.
    pub evidence: serde_json::Value,
}

/// Why a run is taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// A check failed.
    Check,
    /// The window came to no result, and the spec says to take that for bad.
    Inconclusive,
    /// It failed half way.
    ApplyFailure,
    /// A person asked for it.
    Requested,
}

impl Trigger {
    /// The word in the ledger and in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Inconclusive => "inconclusive",
            Self::ApplyFailure => "apply_failure",
            Self::Requested => "requested",
        }
    }

    /// The trigger of that word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Check, Self::Inconclusive, Self::ApplyFailure, Self::Requested]
            .into_iter()
            .find(|trigger| trigger.as_str() == word)
    }
}

/// Which run is taken back, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakeBack {
    /// The run.
    pub run: uuid::Uuid,
    /// Its plan, which is not tried again …
    pub plan_digest: String,
    /// … unless the retry token is another one.
    pub retry_token: Option<String>,
    /// The request that it answers.
    pub request_token: Option<String>,
    /// Why.
    pub trigger: Trigger,
    /// Why, in a sentence.
    pub message: String,
    /// Where the database is to be after that; `None`: at nothing.
    pub to: Option<String>,
}

/// A run that was taken back, or was to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rollback {
    /// Which, and why.
    pub what: TakeBack,
    /// The newest run that takes it back.
    pub attempt: uuid::Uuid,
}
