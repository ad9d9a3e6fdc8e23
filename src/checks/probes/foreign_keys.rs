//! Rows that refer to a row that is not there, where the server does not watch over it: keys that are not validated, or whose
//! triggers are disabled.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde_json::{Value, json};

use crate::checks::probe::{Probe, ProbeError, Sample};
use crate::database::Handle;

use super::{close, open};

/// Counts such rows.
pub struct ForeignKeys {
    database: Handle,
}

impl ForeignKeys {
    pub fn new(database: Handle) -> Self {
        Self { database }
    }

    async fn orphans(&self) -> Result<BTreeMap<String, u64>, ProbeError> {
        let mut reader = open(&self.database).await?;
        let result = reader.orphans().await;
        close(reader, result).await
    }
}

#[async_trait]
impl Probe for ForeignKeys {
    /// How many there were before.
    async fn baseline(&self) -> Result<Option<Value>, ProbeError> {
        Ok(Some(json!(self.orphans().await?.values().sum::<u64>())))
    }

    async fn measure(&self, baseline: Option<&Value>) -> Result<Sample, ProbeError> {
        let orphans = self.orphans().await?;
        let sample = Sample::of([
            ("value", json!(orphans.values().sum::<u64>())),
            ("baseline", baseline.cloned().unwrap_or_default()),
        ]);
        Ok(sample.about(orphans.iter().filter(|(_, rows)| **rows > 0).map(|(key, _)| key)))
    }
}
