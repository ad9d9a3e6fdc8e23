//! Indexes that are not valid and constraints that are not validated, and were so not before the run.

use std::collections::BTreeSet;

use async_trait::async_trait;
use serde_json::{Value, json};

use crate::checks::probe::{Probe, ProbeError, Sample};
use crate::database::Handle;

use super::{close, open};

/// Looks for them.
pub struct InvalidObjects {
    database: Handle,
}

impl InvalidObjects {
    pub fn new(database: Handle) -> Self {
        Self { database }
    }

    async fn objects(&self) -> Result<BTreeSet<String>, ProbeError> {
        let mut reader = open(&self.database).await?;
        let result = reader.invalid_objects().await;
        close(reader, result).await
    }
}

#[async_trait]
impl Probe for InvalidObjects {
    /// Their names before the run.
    async fn baseline(&self) -> Result<Option<Value>, ProbeError> {
        Ok(Some(json!(self.objects().await?)))
    }

    async fn measure(&self, baseline: Option<&Value>) -> Result<Sample, ProbeError> {
        let before: BTreeSet<String> =
            baseline.and_then(|names| serde_json::from_value(names.clone()).ok()).ok_or_else(|| {
                ProbeError::Error("nobody looked before the run, so there is nothing to compare with".to_owned())
            })?;
        let now = self.objects().await?;
        let new: BTreeSet<&String> = now.difference(&before).collect();
        let sample =
            Sample::of([("value", json!(new.len())), ("baseline", json!(before.len())), ("total", json!(now.len()))]);
        Ok(sample.about(new))
    }
}
