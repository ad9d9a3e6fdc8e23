//! How long objects may give themselves: what is longer is shortened.

use std::time::Duration;

use crate::api::v1alpha1::{ExecutionSpec, MigrationPolicySpec};

use super::fault::{Problem, length};
use super::notes::{Demands, Notes, readable};

/// The three times, with the defaults of the reference page.
const TIMES: [(&str, &str, Duration); 3] = [
    ("lockTimeout", "maxLockTimeout", Duration::from_millis(100)),
    ("statementTimeout", "maxStatementTimeout", Duration::from_secs(15 * 60)),
    ("deadline", "maxDeadline", Duration::from_secs(60 * 60)),
];

/// What one policy asks for, in the order of [`TIMES`].
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct ExecutionDemand([Option<Duration>; 3]);

impl ExecutionDemand {
    /// Validates `spec.execution`.
    pub(super) fn of(spec: &MigrationPolicySpec) -> Result<Self, Problem> {
        let Some(spec) = &spec.execution else { return Ok(Self::default()) };
        let texts = [&spec.max_lock_timeout, &spec.max_statement_timeout, &spec.max_deadline];
        let mut demand = Self::default();
        for ((time, text), (_, name, _)) in demand.0.iter_mut().zip(texts).zip(TIMES) {
            let field = format!("execution.{name}");
            *time = length(&field, text.as_deref())?;
            if *time == Some(Duration::ZERO) {
                return Err(Problem::at(&field, "no time at all is too short for anything; give at least 1ms"));
            }
        }
        Ok(demand)
    }
}

/// What the object gives itself, shortened.
pub(super) fn raise(object: &mut Option<ExecutionSpec>, demands: &Demands<'_, &ExecutionDemand>, notes: &mut Notes) {
    let before = object.clone().unwrap_or_default();
    let mut after = before.clone();
    let fields = [&mut after.lock_timeout, &mut after.statement_timeout, &mut after.deadline];
    for (number, (field, (name, _, default))) in fields.into_iter().zip(TIMES).enumerate() {
        let Some(mine) = readable(field.as_deref(), Some(default)) else { continue };
        let shortest: Demands<'_, Duration> = demands
            .iter()
            .filter_map(|(policy, demand)| Some((*policy, demand.0.get(number).copied().flatten()?)))
            .collect();
        if let Some(time) = notes.at_most(&format!("spec.execution.{name}"), mine, &shortest) {
            *field = Some(time);
        }
    }
    if after != before {
        *object = Some(after);
    }
}
