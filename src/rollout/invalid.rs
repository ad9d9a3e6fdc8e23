//! What is wrong with a spec.

/// A field that cannot be used, told with its path and the cure.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct InvalidSpec {
    /// `spec.execution.lockTimeout`
    pub field: String,
    /// What is wrong and what would be right.
    pub problem: String,
}
