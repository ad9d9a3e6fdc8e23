//! How many rows tables have, compared with before the run.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde_json::{Value, json};

use crate::checks::probe::{Probe, ProbeError, Sample};
use crate::database::{CountBy, Handle};

use super::{close, open};

/// Measures rows.
pub struct RowCounts {
    database: Handle,
    tables: Vec<String>,
    by: CountBy,
}

impl RowCounts {
    pub fn new(database: Handle, tables: &[String], by: CountBy) -> Self {
        Self { database, tables: tables.to_vec(), by }
    }

    async fn counts(&self) -> Result<BTreeMap<String, u64>, ProbeError> {
        let mut reader = open(&self.database).await?;
        let result = reader.row_counts(&self.tables, self.by).await;
        close(reader, result).await
    }
}

#[async_trait]
impl Probe for RowCounts {
    /// The rows of each table.
    async fn baseline(&self) -> Result<Option<Value>, ProbeError> {
        Ok(Some(json!(self.counts().await?)))
    }

    async fn measure(&self, baseline: Option<&Value>) -> Result<Sample, ProbeError> {
        let before: BTreeMap<String, u64> =
            baseline.and_then(|counts| serde_json::from_value(counts.clone()).ok()).ok_or_else(|| {
                ProbeError::Error(
                    "the rows were not counted before the run, so there is nothing to compare with".to_owned(),
                )
            })?;
        let after = self.counts().await?;
        // A table that is gone has lost all its rows; one that was not there before has lost none.
        let lost: BTreeMap<&String, u64> = before
            .iter()
            .map(|(table, rows)| (table, rows.saturating_sub(after.get(table).copied().unwrap_or(0))))
            .filter(|(_, lost)| *lost > 0)
            .collect();
        let sample = Sample::of([
            ("before", json!(before.values().sum::<u64>())),
            ("after", json!(after.values().sum::<u64>())),
            ("lost", json!(lost.values().sum::<u64>())),
        ]);
        Ok(sample.about(lost.into_keys()))
    }
}
