//! Checks: what is measured after SQL ran, and what the measurements mean.
//!
//! Two halves that must not mix. [`assess`] is pure: measurements and limits in, a verdict out; no clock, no network. The
//! probes, one file per kind of check and one line each in [`build`], measure; they decide nothing. A probe reads
//! only, and lets no row, body, header or password out: numbers and short reasons that Sluice composed.

pub mod assess;
mod check;
mod condition;
mod expect;
mod expression;
pub mod probe;
mod probes;
mod registry;
#[cfg(test)]
mod tests;
mod web;

pub use assess::{CheckState, Counts, Limit, Limits, Measurement, NoData, Outcome, Verdict, Window};
pub use check::{Check, CheckKind, InvalidCheck};
pub use condition::{SqlAnswer, SqlGate, ask, free_disk};
pub use expect::{Expectation, InvalidExpectation};
pub use probe::{Endpoints, Means, Probe, ProbeError, Sample};
pub use registry::{build, unknown_endpoints};

pub use crate::database::CountBy;
