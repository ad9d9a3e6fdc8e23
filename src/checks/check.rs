//! Checks as the spec asks for them, validated once.

use std::time::Duration;

use crate::api::v1alpha1::{
    BuiltinCheck, CheckMode, CheckSpec, CountMethod, LatencyCheckSpec, NoDataSpec, WorkloadKind,
};

use crate::database::CountBy;

use super::assess::{Limit, Limits, NoData};
use super::expect::Expectation;

/// A check that cannot be used: which field of it, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct InvalidCheck {
    /// `expect`, `sql.timeout`
    pub field: String,
    /// What is wrong, and what would be right.
    pub problem: String,
}

/// What is measured.
#[derive(Debug, Clone, PartialEq)]
pub enum CheckKind {
    /// A query's answer.
    Sql {
        /// The query.
        query: String,
        /// How long it may take.
        timeout: Duration,
    },
    /// Rows of tables; all tables when none is named.
    RowCounts {
        /// Their names, as they were written.
        tables: Vec<String>,
        /// How they are counted.
        by: CountBy,
    },
    /// How long a query takes.
    Latency {
        /// The query.
        query: String,
        /// How often for one measurement.
        samples: u32,
    },
    /// How long the statements take that use certain tables.
    Statements {
        /// The tables' names, as they were written; those of the run's scripts when none is named.
        tables: Vec<String>,
        /// At most so many statements.
        top: u32,
        /// A statement with fewer calls is not compared.
        min_calls: u32,
    },
    /// A Prometheus query.
    Prometheus {
        /// The endpoint's name.
        endpoint: String,
        /// The query.
        query: String,
    },
    /// An HTTP request.
    Http {
        /// The endpoint's name …
        endpoint: Option<String>,
        /// … or a Service of the namespace and its port.
        service: Option<(String, u16)>,
        /// What follows the address.
        path: String,
        /// How long an answer may take.
        timeout: Duration,
    },
    /// A workload of the namespace.
    Workload {
        /// What it is.
        kind: WorkloadKind,
        /// Its name.
        name: String,
    },
    /// A ready-made check of the database.
    Builtin(BuiltinCheck),
}

/// A valid check.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// Its name.
    pub name: String,
    /// What is measured.
    pub kind: CheckKind,
    /// What is expected.
    pub expect: Expectation,
    /// When it fails.
    pub limits: Limits,
    /// Whether it decides, or is only told.
    pub enforced: bool,
}

impl Check {
    /// Validates a check.
    ///
    /// # Errors
    /// The first field that cannot be used.
    pub fn of(spec: &CheckSpec) -> Result<Self, InvalidCheck> {
        let kind = kind(spec)?;
        let expression = match &spec.expect {
            Some(expression) => expression.clone(),
            None => usual(spec, &kind)?,
        };
        let expect = Expectation::compile(&expression)
            .map_err(|error| InvalidCheck { field: "expect".to_owned(), problem: error.to_string() })?;
        Ok(Self {
            name: spec.name.clone(),
            kind,
            expect,
            limits: limits(spec)?,
            enforced: spec.mode != Some(CheckMode::Observe),
        })
    }
}

fn kind(spec: &CheckSpec) -> Result<CheckKind, InvalidCheck> {
    const TEN: Duration = Duration::from_secs(10);
    const FIVE: Duration = Duration::from_secs(5);
    let mut kinds = Vec::new();
    if let Some(sql) = &spec.sql {
        kinds.push(CheckKind::Sql {
            query: sql.query.clone(),
            timeout: limited("sql.timeout", sql.timeout.as_deref(), TEN)?,
        });
    }
    if let Some(rows) = &spec.row_counts {
        kinds.push(CheckKind::RowCounts {
            tables: rows.tables.clone().unwrap_or_default(),
            by: match rows.method {
                None | Some(CountMethod::Exact) => CountBy::Reading,
                Some(CountMethod::Estimated) => CountBy::Statistics,
            },
        });
    }
    if let Some(latency) = &spec.latency {
        kinds.push(timed(latency)?);
    }
    if let Some(prometheus) = &spec.prometheus {
        kinds.push(CheckKind::Prometheus { endpoint: prometheus.endpoint.clone(), query: prometheus.query.clone() });
    }
    if let Some(http) = &spec.http {
        let service = match &http.service_ref {
            Some(service) => Some((
                service.name.clone(),
                u16::try_from(service.port).map_err(|_| invalid("http.serviceRef.port", "give 1 to 65535"))?,
            )),
            None => None,
        };
        kinds.push(CheckKind::Http {
            endpoint: http.endpoint.clone(),
            service,
            path: http.path.clone().unwrap_or_else(|| "/".to_owned()),
            timeout: limited("http.timeout", http.timeout.as_deref(), FIVE)?,
        });
    }
    if let Some(workload) = &spec.workload {
        kinds.push(CheckKind::Workload { kind: workload.kind, name: workload.name.clone() });
    }
    kinds.extend(spec.builtin.map(CheckKind::Builtin));
    match (kinds.pop(), kinds.is_empty()) {
        (Some(kind), true) => Ok(kind),
        _ => Err(invalid(
            &spec.name,
            "give exactly one of sql, rowCounts, latency, prometheus, http, workload and builtin",
        )),
    }
}

fn timed(latency: &LatencyCheckSpec) -> Result<CheckKind, InvalidCheck> {
    match (&latency.query, &latency.statements) {
        (Some(query), None) => {
            let samples = number("latency.samples", latency.samples, 5)?;
            Ok(CheckKind::Latency { query: query.clone(), samples })
        }
        (None, Some(_)) if latency.samples.is_some() => {
            Err(invalid("latency.samples", "leave it out: statements are not run, the server has counted them"))
        }
        (None, Some(statements)) => Ok(CheckKind::Statements {
            tables: statements.tables.clone().unwrap_or_default(),
            top: number("latency.statements.top", statements.top, 10)?,
            min_calls: number("latency.statements.minCalls", statements.min_calls, 10)?,
        }),
        (None, None) | (Some(_), Some(_)) => Err(invalid("latency", "give exactly one of query and statements")),
    }
}

/// What is expected where the spec does not say.
fn usual(spec: &CheckSpec, kind: &CheckKind) -> Result<String, InvalidCheck> {
    Ok(match kind {
        CheckKind::Latency { .. } | CheckKind::Statements { .. } => slower(spec.latency.as_ref())?,
        // Each table for itself: another one's gain is no consolation.
        CheckKind::RowCounts { by: CountBy::Reading, .. } => "lost == 0".to_owned(),
        // Two estimates of the same rows differ.
        CheckKind::RowCounts { by: CountBy::Statistics, .. } => "lost <= before * 0.1".to_owned(),
        CheckKind::Workload { .. } => "ready >= 1".to_owned(),
        CheckKind::Builtin(BuiltinCheck::ServerErrors) => "transactions < 20 || value <= 0.05".to_owned(),
        CheckKind::Builtin(BuiltinCheck::Connectivity) => "true".to_owned(),
        CheckKind::Builtin(
            BuiltinCheck::ForeignKeys | BuiltinCheck::InvalidObjects | BuiltinCheck::LedgerIntegrity,
        ) => "value == 0".to_owned(),
        CheckKind::Sql { .. } | CheckKind::Prometheus { .. } | CheckKind::Http { .. } => {
            return Err(invalid("expect", "say what the measured value has to be, as in \"value < 0.01\""));
        }
    })
}

/// A query's own limits as an expression. Without a baseline only the absolute one can be judged.
fn slower(latency: Option<&LatencyCheckSpec>) -> Result<String, InvalidCheck> {
    let Some(latency) = latency else { return Ok("true".to_owned()) };
    let regression = match &latency.max_regression {
        Some(text) => share("latency.maxRegression", text)?,
        None => 0.3,
    };
    let relative = format!("(baseline == null || value <= baseline * {:?})", 1.0 + regression);
    Ok(match &latency.max {
        Some(text) => {
            let max = duration("latency.max", Some(text), Duration::ZERO)?;
            format!("{relative} && value <= {:?}", max.as_secs_f64())
        }
        None => relative,
    })
}

fn limits(spec: &CheckSpec) -> Result<Limits, InvalidCheck> {
    let threshold = number("failureThreshold", spec.failure_threshold, 1)?;
    let failure = match (&spec.failure_share, spec.anywhere_in_window.unwrap_or(false)) {
        (Some(text), _) => Limit::Share(share("failureShare", text)?),
        (None, true) => Limit::InAll(threshold),
        (None, false) => Limit::InARow(threshold),
    };
    Ok(Limits {
        failure,
        errors: number("errorThreshold", spec.error_threshold, 4)?,
        min_measurements: number("minMeasurements", spec.min_measurements, 1)?,
        no_data: match spec.on_no_data {
            None | Some(NoDataSpec::Error) => NoData::Error,
            Some(NoDataSpec::Pass) => NoData::Pass,
            Some(NoDataSpec::Fail) => NoData::Fail,
        },
    })
}

fn invalid(field: &str, problem: &str) -> InvalidCheck {
    InvalidCheck { field: field.to_owned(), problem: problem.to_owned() }
}

fn number(field: &str, given: Option<i64>, default: u32) -> Result<u32, InvalidCheck> {
    match given {
        None => Ok(default),
        Some(number) => u32::try_from(number)
            .ok()
            .filter(|number| *number >= 1)
            .ok_or_else(|| invalid(field, "give a number of at least 1")),
    }
}

fn duration(field: &str, text: Option<&str>, default: Duration) -> Result<Duration, InvalidCheck> {
    match text {
        None => Ok(default),
        Some(text) => crate::duration::parse(text).map_err(|error| invalid(field, &error.to_string())),
    }
}

/// How long one measurement may wait for its answer: with all that belongs to it, it takes no longer than half a minute.
pub(super) fn limited(field: &str, text: Option<&str>, default: Duration) -> Result<Duration, InvalidCheck> {
    const LONGEST: Duration = Duration::from_secs(20);
    match duration(field, text, default)? {
        timeout if timeout.is_zero() || timeout > LONGEST => Err(invalid(field, "give at least 1ms and at most 20s")),
        timeout => Ok(timeout),
    }
}

/// `30%` as 0.3.
fn share(field: &str, text: &str) -> Result<f64, InvalidCheck> {
    let number = text.strip_suffix('%').and_then(|number| number.parse::<f64>().ok());
    let number = number.filter(|number| number.is_finite() && *number >= 0.0);
    number.map(|number| number / 100.0).ok_or_else(|| invalid(field, "give a percentage, as in \"30%\""))
}
