//! What can go wrong in a pass itself. Everything about scripts and databases is a state of the object instead.

/// Why a pass ended without a report.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API server did not take it.
    #[error("the API server did not take the status: {0}")]
    Status(#[from] kube::Error),
    /// A bug. The object is tried again later; the others never notice.
    #[error("the pass panicked; this is a bug, and the operator's log has its place")]
    Panicked,
}
