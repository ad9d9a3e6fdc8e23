//! Scripts that stand in the object itself.

use std::collections::BTreeMap;

use async_trait::async_trait;

use crate::migration::RawFile;

use super::{Source, SourceError};

/// Files of `spec.source.inline`.
#[derive(Debug)]
pub struct Inline {
    files: BTreeMap<String, String>,
}

impl Inline {
    /// File names and contents.
    #[must_use]
    pub fn new(files: BTreeMap<String, String>) -> Self {
        Self { files }
    }
}

#[async_trait]
impl Source for Inline {
    async fn fetch(&self) -> Result<Vec<RawFile>, SourceError> {
        Ok(self.files.iter().map(|(name, content)| RawFile::named(name, content)).collect())
    }
}
