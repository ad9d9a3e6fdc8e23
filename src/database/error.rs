//! What can go wrong with a database, split by what to do about it. Messages are safe for status, events and logs: the
//! server's own words are kept apart, in `detail`, for the ledger alone.

use super::Holder;

/// What to do about a failed step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureClass {
    /// The SQL is wrong for this database: the same again fails again.
    Terminal,
    /// Worth another try as it is (serialisation failure, lost connection …), when tries within the step are used up.
    Retryable,
    /// A deadline passed.
    Deadline,
    /// Only a person can tell what the database holds now.
    NeedsOperator,
    /// It was not begun, because it would have destroyed rows that were written since.
    Blocked,
}

/// A step that did not take effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepFailure {
    /// The step's label: `003`.
    pub label: String,
    /// The file.
    pub file: String,
    /// 1-based statement number; `None` when the failure is not a statement's (COMMIT, ledger).
    pub statement: Option<u32>,
    /// 1-based line in the file: the server's error position where it gave one, else the statement's first line.
    pub line: Option<u32>,
    /// 1-based column in characters, likewise.
    pub column: Option<u32>,
    /// The five-character code.
    pub sqlstate: Option<String>,
    /// What to do.
    pub class: FailureClass,
    /// One sentence, safe everywhere: position, SQLSTATE and its standard name, object names, what is left behind, cure.
    pub message: String,
    /// The server's full message, for the ledger alone.
    pub detail: Option<String>,
}

impl std::fmt::Display for StepFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl DatabaseError {
    /// Whether the same again may succeed without anybody changing what was asked for.
    #[must_use]
    pub fn passes(&self) -> bool {
        match self {
            Self::Step(failure) => failure.class == FailureClass::Retryable,
            Self::Unreachable(_)
            | Self::Login(_)
            | Self::Unsuitable(_)
            | Self::Ledger(_)
            | Self::LockLost(_)
            | Self::Stopped(_) => true,
        }
    }
}

/// Why something could not be done with a database.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DatabaseError {
    /// Nobody answers, or the connection broke. Retried for ever.
    #[error("{0}")]
    Unreachable(String),
    /// The server refuses the login, or there is no such database. Retried: a Secret or the server may be mended.
    #[error("{0}")]
    Login(String),
    /// The server must not be migrated as it is: standby, read-only, transaction pooler, too old. Retried slowly.
    #[error("{0}")]
    Unsuitable(String),
    /// The ledger cannot be read or written: missing privilege, written by a newer Sluice …
    #[error("{0}")]
    Ledger(String),
    /// A step failed.
    #[error("{0}")]
    Step(Box<StepFailure>),
    /// The lock was lost in the middle: somebody else may hold it now. Look again.
    #[error("the migration lock was lost{}", .0.as_ref().map(|h| format!(" to session {}", h.pid)).unwrap_or_default())]
    LockLost(Option<Holder>),
    /// Asked to stop (shutdown, suspend, abort, deletion) and stopped at a safe place.
    #[error("stopped on request: {0}")]
    Stopped(String),
}
