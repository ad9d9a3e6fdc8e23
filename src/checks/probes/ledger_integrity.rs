//! Whether the ledger's chain of hashes is whole, and no run before the newest one is left open.

use async_trait::async_trait;
use serde_json::{Value, json};

use crate::checks::probe::{Probe, ProbeError, Sample};
use crate::database::Handle;

use super::{close, open};

/// Counts what is wrong.
pub struct LedgerIntegrity {
    database: Handle,
}

impl LedgerIntegrity {
    pub fn new(database: Handle) -> Self {
        Self { database }
    }
}

#[async_trait]
impl Probe for LedgerIntegrity {
    async fn baseline(&self) -> Result<Option<Value>, ProbeError> {
        Ok(None)
    }

    async fn measure(&self, _: Option<&Value>) -> Result<Sample, ProbeError> {
        let mut reader = open(&self.database).await?;
        let result = reader.ledger_faults().await;
        let faults = close(reader, result).await?;
        let faults = faults.ok_or_else(|| ProbeError::Error("there is no ledger in the database".to_owned()))?;
        Ok(Sample::of([
            ("value", json!(faults.changed + faults.open)),
            ("changed", json!(faults.changed)),
            ("open", json!(faults.open)),
        ]))
    }
}
