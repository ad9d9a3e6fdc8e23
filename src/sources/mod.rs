//! Where scripts come from: raw files out, nothing read into them. One file per kind of source.
//!
//! This room must not interpret names or contents (that is [`crate::migration`]'s work), and no reference leaves the
//! object's namespace.

mod config_map;
mod directory;
mod inline;

use async_trait::async_trait;

use crate::migration::RawFile;

pub use config_map::{ConfigMaps, Snapshot};
pub use directory::Directory;
pub use inline::Inline;

/// Why a source has no files to give. Messages name what is missing and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// Something that it names does not exist (yet).
    #[error("{0}")]
    NotFound(String),
    /// It holds something that cannot be a script.
    #[error("{0}")]
    Invalid(String),
    /// It cannot be asked right now.
    #[error("{0}")]
    Unavailable(String),
}

/// A place that scripts come from.
#[async_trait]
pub trait Source: Send + Sync {
    /// All its files, in any order.
    ///
    /// # Errors
    /// When something is missing, unreadable or out of reach.
    async fn fetch(&self) -> Result<Vec<RawFile>, SourceError>;
}

/// An error of the API server in words that are safe in a status: its own message for a refusal, the kind of trouble
/// otherwise.
#[must_use]
pub fn kube_error(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => format!("{} ({})", status.message, status.code),
        other => format!("the API server did not answer ({other})"),
    }
}
