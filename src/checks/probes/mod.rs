//! The probes, one file per kind of check.

mod connectivity;
mod foreign_keys;
mod http;
mod invalid_objects;
mod latency;
mod ledger_integrity;
mod prometheus;
mod row_counts;
mod server_errors;
mod sql;
mod statements;
mod workload;

use crate::database::{Handle, ReadError, Reader};

use super::probe::ProbeError;

pub(super) use connectivity::Connectivity;
pub(super) use foreign_keys::ForeignKeys;
pub(super) use http::Http;
pub(super) use invalid_objects::InvalidObjects;
pub(super) use latency::Latency;
pub(super) use ledger_integrity::LedgerIntegrity;
pub(super) use prometheus::Prometheus;
pub(super) use row_counts::RowCounts;
pub(super) use server_errors::ServerErrors;
pub(super) use sql::Sql;
pub(super) use statements::Statements;
pub(super) use workload::Workload;

/// Opens a session for one measurement.
async fn open(database: &Handle) -> Result<Box<dyn Reader>, ProbeError> {
    database.now().reader().await.map_err(|error| ProbeError::Error(error.to_string()))
}

/// Ends the session of a measurement.
async fn close<T>(reader: Box<dyn Reader>, result: Result<T, ReadError>) -> Result<T, ProbeError> {
    reader.close().await;
    result.map_err(|error| ProbeError::Error(error.to_string()))
}
