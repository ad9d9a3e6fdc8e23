//! What a query answers.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;

use crate::checks::expect::Expectation;
use crate::checks::probe::{Probe, ProbeError, Sample};
use crate::database::{Handle, Row};

use super::{close, open};

/// Measures with a query.
pub struct Sql {
    database: Handle,
    query: String,
    timeout: Duration,
    /// The expression can say what no row at all means: it asks for `rows`.
    knows_no_rows: bool,
    /// The expression can say what a null means: it asks for a whole row, or mentions `null`.
    knows_null: bool,
}

impl Sql {
    pub fn new(database: Handle, query: &str, timeout: Duration, expect: &Expectation) -> Self {
        let knows_no_rows = expect.mentions("rows");
        Self {
            database,
            query: query.to_owned(),
            timeout,
            knows_no_rows,
            knows_null: knows_no_rows || expect.mentions("row") || expect.mentions("null"),
        }
    }

    async fn rows(&self) -> Result<Vec<Row>, ProbeError> {
        let mut reader = open(&self.database).await?;
        let result = reader.query(&self.query, self.timeout).await;
        close(reader, result).await
    }

    /// The answer's first row and all of its rows, where the expression can say something about them.
    async fn answer(&self) -> Result<(Row, Vec<Value>), ProbeError> {
        let rows = self.rows().await?;
        let first = match rows.first() {
            None if self.knows_no_rows => Row::default(),
            None => return Err(ProbeError::NoData),
            Some(row) if row.first.is_null() && !self.knows_null => return Err(ProbeError::NoData),
            Some(row) => row.clone(),
        };
        Ok((first, rows.into_iter().map(|row| Value::Object(row.columns)).collect()))
    }

    /// For people: where the expression is about rows, how many there are.
    fn shown(&self, count: usize, mut sample: Sample) -> Sample {
        if self.knows_no_rows {
            sample.shown = format!("{count} rows");
        }
        sample
    }

    /// Asks once, with nothing to compare with.
    pub async fn ask(&self) -> Result<Sample, ProbeError> {
        let (first, rows) = self.answer().await?;
        let count = rows.len();
        let sample =
            Sample::of([("value", first.first), ("row", Value::Object(first.columns)), ("rows", Value::Array(rows))]);
        Ok(self.shown(count, sample))
    }
}

#[async_trait]
impl Probe for Sql {
    /// The value before the run, where it is a number or tells whether something is: texts are data of the database.
    async fn baseline(&self) -> Result<Option<Value>, ProbeError> {
        let first = self.rows().await?.into_iter().next().map(|row| row.first);
        Ok(first.filter(|value| value.is_number() || value.is_boolean()))
    }

    async fn measure(&self, baseline: Option<&Value>) -> Result<Sample, ProbeError> {
        let (first, rows) = self.answer().await?;
        let count = rows.len();
        let sample = Sample::of([
            ("value", first.first),
            ("baseline", baseline.cloned().unwrap_or_default()),
            ("row", Value::Object(first.columns)),
            ("rows", Value::Array(rows)),
        ]);
        Ok(self.shown(count, sample))
    }
}
