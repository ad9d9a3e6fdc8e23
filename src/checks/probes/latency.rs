//! How long a query takes, compared with before the run.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;

use crate::checks::probe::{Probe, ProbeError, Sample, number};
use crate::database::{Handle, Timing};

use super::{close, open};

/// How long all runs of one measurement may take together. A query that takes longer counts as taking that long, which is
/// measured well enough to be bad.
const BUDGET: Duration = Duration::from_secs(18);

/// Measures how long a query takes.
pub struct Latency {
    database: Handle,
    query: String,
    samples: u32,
}

impl Latency {
    pub fn new(database: Handle, query: &str, samples: u32) -> Self {
        Self { database, query: query.to_owned(), samples }
    }

    async fn timing(&self) -> Result<Timing, ProbeError> {
        let mut reader = open(&self.database).await?;
        let result = reader.time(&self.query, self.samples, BUDGET).await;
        close(reader, result).await
    }
}

#[async_trait]
impl Probe for Latency {
    /// The median in seconds; none where the query was slower than can be measured already.
    async fn baseline(&self) -> Result<Option<Value>, ProbeError> {
        let timing = self.timing().await?;
        Ok(if timing.cut_short { None } else { number(timing.median.as_secs_f64()) })
    }

    async fn measure(&self, baseline: Option<&Value>) -> Result<Sample, ProbeError> {
        let timing = self.timing().await?;
        let value = number(timing.median.as_secs_f64()).ok_or(ProbeError::NoData)?;
        let mut sample = Sample::of([("value", value), ("baseline", baseline.cloned().unwrap_or_default())]);
        if timing.cut_short {
            sample.shown.push_str(&format!(", cut short after {} s", BUDGET.as_secs()));
        }
        Ok(sample)
    }
}
