//! Whether the database accepts a login and answers, and how long that takes.
//!
//! A database that cannot be reached is not measured rather than measured and bad: whatever would take a migration back then
//! could not reach it either.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use serde_json::Value;

use crate::checks::probe::{Probe, ProbeError, Sample, number};
use crate::database::Handle;

use super::{close, open};

/// How long the answer may take after the login.
const ANSWER: Duration = Duration::from_secs(10);

/// Logs in.
pub struct Connectivity {
    database: Handle,
}

impl Connectivity {
    pub fn new(database: Handle) -> Self {
        Self { database }
    }

    async fn took(&self) -> Result<Value, ProbeError> {
        let began = Instant::now();
        let mut reader = open(&self.database).await?;
        let result = reader.query("select 1", ANSWER).await;
        let took = began.elapsed();
        close(reader, result).await?;
        number(took.as_secs_f64()).ok_or(ProbeError::NoData)
    }
}

#[async_trait]
impl Probe for Connectivity {
    /// How long it took before, in seconds.
    async fn baseline(&self) -> Result<Option<Value>, ProbeError> {
        self.took().await.map(Some)
    }

    async fn measure(&self, baseline: Option<&Value>) -> Result<Sample, ProbeError> {
        Ok(Sample::of([("value", self.took().await?), ("baseline", baseline.cloned().unwrap_or_default())]))
    }
}
