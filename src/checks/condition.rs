//! Conditions of a team's own before SQL runs: a query, and what its answer has to be. And what else is asked before a run.
//!
//! Nothing is decided here. What cannot be asked, and what gives no answer, is neither true nor false.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use crate::api::v1alpha1::SqlGateSpec;
use crate::database::{Database, Handle};

use super::check::{InvalidCheck, limited};
use super::expect::Expectation;
use super::probe::{Endpoints, LONGEST, ProbeError};
use super::probes::{Prometheus, Sql};

/// A valid condition.
#[derive(Debug, Clone, PartialEq)]
pub struct SqlGate {
    /// Its name.
    pub name: String,
    /// One query.
    pub query: String,
    /// What its answer has to make true: an expression over `value`, `row` and `rows`.
    pub expect: Expectation,
    /// How long it may take.
    pub timeout: Duration,
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlAnswer {
    /// Whether it is as expected, or why that cannot be told.
    pub holds: Result<bool, String>,
    /// The numbers in it, for people: `value 3`; empty where there is no answer.
    pub shown: String,
}

impl SqlGate {
    /// Validates a condition.
    ///
    /// # Errors
    /// The first field of it that cannot be used.
    pub fn of(spec: &SqlGateSpec) -> Result<Self, InvalidCheck> {
        let expect = Expectation::compile(&spec.expect)
            .map_err(|error| InvalidCheck { field: "expect".to_owned(), problem: error.to_string() })?;
        let timeout = limited("timeout", spec.timeout.as_deref(), Duration::from_secs(10))?;
        Ok(Self { name: spec.name.clone(), query: spec.query.clone(), expect, timeout })
    }
}

/// Asks the database, as its role, in a read-only transaction. Takes no longer than half a minute.
pub async fn ask(database: &Arc<dyn Database>, gate: &SqlGate) -> SqlAnswer {
    let sql = Sql::new(Handle::new(Arc::clone(database)), &gate.query, gate.timeout, &gate.expect);
    let nothing = |why: String| SqlAnswer { holds: Err(why), shown: String::new() };
    match timeout(LONGEST, sql.ask()).await {
        Ok(Ok(sample)) => SqlAnswer { holds: gate.expect.holds(&sample.names), shown: sample.shown },
        Ok(Err(ProbeError::NoData)) => nothing(
            "the query gives no row, or null; give one with coalesce(…) or count(*), or say in the expression what that \
             means: `size(rows) == 0`, `value == null`"
                .to_owned(),
        ),
        Ok(Err(ProbeError::Error(why))) => nothing(why),
        Err(_) => nothing(format!("there was no answer within {} s", LONGEST.as_secs())),
    }
}

/// How many bytes are free, as a Prometheus query tells: of several series the least.
///
/// # Errors
/// Why that cannot be told.
pub async fn free_disk(endpoints: &Endpoints, endpoint: &str, query: &str) -> Result<u64, String> {
    let least = Prometheus::new(endpoints, endpoint, query)?.least().await.map_err(|error| match error {
        ProbeError::NoData => {
            format!("the Prometheus endpoint {endpoint} has no data for the free disk; correct the query")
        }
        ProbeError::Error(why) => why,
    })?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it saturates, and nothing is below zero"
    )]
    Ok(least.max(0.0) as u64)
}
