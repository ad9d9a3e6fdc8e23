//! Which probe measures which kind of check: one line each.

use crate::api::v1alpha1::{BuiltinCheck, CheckMode, CheckSpec};

use super::check::{Check, CheckKind};
use super::probe::{Endpoints, Means, Probe};
use super::probes::{
    Connectivity, ForeignKeys, Http, InvalidObjects, Latency, LedgerIntegrity, Prometheus, RowCounts, ServerErrors,
    Sql, Statements, Workload,
};

/// The probe of a check.
///
/// # Errors
/// When the check names an endpoint that there is not: which, and how it is declared.
pub fn build(check: &Check, means: &Means) -> Result<Box<dyn Probe>, String> {
    let database = means.database.clone();
    Ok(match &check.kind {
        CheckKind::Sql { query, timeout } => Box::new(Sql::new(database, query, *timeout, &check.expect)),
        CheckKind::RowCounts { tables, by } => Box::new(RowCounts::new(database, tables, *by)),
        CheckKind::Latency { query, samples } => Box::new(Latency::new(database, query, *samples)),
        CheckKind::Statements { tables, top, min_calls } => {
            Box::new(Statements::new(database, tables, *top, u64::from(*min_calls), &means.mentioned))
        }
        CheckKind::Prometheus { endpoint, query } => Box::new(Prometheus::new(&means.endpoints, endpoint, query)?),
        CheckKind::Http { endpoint, service, path, timeout } => {
            Box::new(Http::new(means, endpoint.as_deref(), service.as_ref(), path, *timeout)?)
        }
        CheckKind::Workload { kind, name } => Box::new(Workload::new(means, *kind, name)),
        CheckKind::Builtin(BuiltinCheck::ForeignKeys) => Box::new(ForeignKeys::new(database)),
        CheckKind::Builtin(BuiltinCheck::InvalidObjects) => Box::new(InvalidObjects::new(database)),
        CheckKind::Builtin(BuiltinCheck::LedgerIntegrity) => Box::new(LedgerIntegrity::new(database)),
        CheckKind::Builtin(BuiltinCheck::Connectivity) => Box::new(Connectivity::new(database)),
        CheckKind::Builtin(BuiltinCheck::ServerErrors) => Box::new(ServerErrors::new(database)),
    })
}

/// The addresses that checks name and nobody declared: such a check measures nothing, which is better known before a run than after it.
/// One that only observes decides nothing, and holds nothing back.
#[must_use]
pub fn unknown_endpoints(checks: &[CheckSpec], endpoints: &Endpoints) -> Vec<String> {
    let deciding = checks.iter().filter(|check| check.mode != Some(CheckMode::Observe));
    let unknown = deciding.filter_map(|check| {
        let prometheus =
            check.prometheus.as_ref().map(|asked| ("prometheus", endpoints.of_prometheus(&asked.endpoint)));
        let http = check.http.as_ref().and_then(|asked| asked.endpoint.as_ref());
        let (kind, found) = prometheus.or_else(|| http.map(|name| ("http", endpoints.of_http(name))))?;
        Some(format!("spec.verification.checks.{}.{kind}.endpoint: {}", check.name, found.err()?))
    });
    unknown.collect()
}
