//! `spec.verification` and `spec.rollback`, validated once.

use std::time::Duration;

use crate::api::v1alpha1::{
    ApplyFailureSpec, DataLossSpec, InconclusiveSpec, RequireSpec, RollbackMode, RollbackSpec, VerificationSpec,
};
use crate::checks::Check;
use crate::migration::Version;

use super::invalid::InvalidSpec;

/// How what was applied is judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Verification {
    /// From the end of the run to the first measurement.
    pub initial_delay: Duration,
    /// From one measurement of a check to its next.
    pub interval: Duration,
    /// How long is measured after the initial delay.
    pub duration: Duration,
    /// What is measured.
    pub checks: Vec<Check>,
    /// The spec that this was read from, for the ledger.
    pub spec: serde_json::Value,
}

/// Shorter intervals would measure the measuring.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(100);
/// A window of days is monitoring, not verification.
const LONGEST_WINDOW: Duration = Duration::from_secs(7 * 24 * 3600);

impl Verification {
    /// Validates `spec.verification`.
    ///
    /// # Errors
    /// The first field that cannot be used.
    pub fn of(spec: &VerificationSpec) -> Result<Self, InvalidSpec> {
        let mut checks = Vec::with_capacity(spec.checks.len());
        for (number, check) in spec.checks.iter().enumerate() {
            if spec.checks.iter().take(number).any(|before| before.name == check.name) {
                return Err(invalid(&format!("checks[{number}].name"), &format!("`{}` is there twice", check.name)));
            }
            checks.push(
                Check::of(check)
                    .map_err(|error| invalid(&format!("checks[{}].{}", check.name, error.field), &error.problem))?,
            );
        }
        if checks.is_empty() {
            return Err(invalid("checks", "give at least one check, or leave spec.verification out"));
        }
        let interval = duration("interval", spec.interval.as_deref(), Duration::from_secs(15))?;
        if interval < SHORTEST_INTERVAL {
            return Err(invalid("interval", "give at least 100ms"));
        }
        let window = duration("duration", spec.duration.as_deref(), Duration::from_secs(300))?;
        if window > LONGEST_WINDOW {
            return Err(invalid("duration", "give at most 168h"));
        }
        Ok(Self {
            initial_delay: duration("initialDelay", spec.initial_delay.as_deref(), Duration::from_secs(10))?,
            interval,
            duration: window,
            checks,
            spec: serde_json::to_value(spec).unwrap_or_default(),
        })
    }

    /// Reads what a ledger recorded when a run began.
    ///
    /// # Errors
    /// When this Sluice cannot use it any more: which field, and why.
    pub fn recorded(spec: &serde_json::Value) -> Result<Self, InvalidSpec> {
        let spec: VerificationSpec =
            serde_json::from_value(spec.clone()).map_err(|error| invalid("checks", &error.to_string()))?;
        Self::of(&spec)
    }

    /// A window that is opened only to be ended by a person. Left alone it comes to no result.
    #[must_use]
    pub fn nothing() -> Self {
        Self {
            initial_delay: Duration::ZERO,
            interval: Duration::from_secs(60),
            duration: Duration::from_secs(300),
            checks: Vec::new(),
            spec: serde_json::Value::Null,
        }
    }

    /// From the end of the run to the end of the window.
    #[must_use]
    pub fn length(&self) -> Duration {
        self.initial_delay + self.duration
    }
}

/// What a run does when it fails half way, and what happens to a window without a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnInconclusive {
    /// Wait for a person.
    Pause,
    /// Take it for good.
    Accept,
    /// Take it back.
    Rollback,
}

/// Who decides about a way back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// A person.
    Manual,
    /// Also a failed check or run.
    Automatic,
    /// Nobody.
    Disabled,
}

/// How and when runs are taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RollbackPolicy {
    /// Who decides.
    pub mode: Mode,
    /// Where to; `None`: the version before the run.
    pub to: Option<Version>,
    /// Every migration must have a down script before it runs.
    pub require_down: bool,
    /// And a rehearsal must have proved it.
    pub require_rehearsal: bool,
    /// A window without a result.
    pub on_inconclusive: OnInconclusive,
    /// A run that fails half way is taken back.
    pub on_apply_failure: bool,
    /// A person may allow that rows are destroyed.
    pub data_loss_with_approval: bool,
    /// So many failed runs within an hour stop the object; `None`: there is no limit.
    pub max_failures_per_hour: Option<usize>,
    /// How long a rollback may take.
    pub deadline: Duration,
}

impl RollbackPolicy {
    /// Validates `spec.rollback`.
    ///
    /// # Errors
    /// The first field that cannot be used.
    pub fn of(spec: Option<&RollbackSpec>) -> Result<Self, InvalidSpec> {
        let spec = spec.cloned().unwrap_or_default();
        let field = |field: &str, problem: String| InvalidSpec { field: format!("spec.rollback.{field}"), problem };
        let mode = match spec.mode {
            None | Some(RollbackMode::Manual) => Mode::Manual,
            Some(RollbackMode::Automatic) => Mode::Automatic,
            Some(RollbackMode::Disabled) => Mode::Disabled,
        };
        let to = match spec.to.as_deref() {
            None | Some("PreviousVersion") => None,
            Some(text) => Some(Version::parse(text).map_err(|error| field("to", error.to_string()))?),
        };
        let automatic = mode == Mode::Automatic;
        let deadline = match spec.deadline.as_deref() {
            None => Duration::from_secs(1800),
            Some(text) => crate::duration::parse(text).map_err(|error| field("deadline", error.to_string()))?,
        };
        let max_failures = match (spec.max_failures_per_hour, automatic) {
            (None, false) => None,
            (None, true) => Some(3),
            (Some(number), _) => Some(
                usize::try_from(number)
                    .ok()
                    .filter(|number| *number > 0)
                    .ok_or_else(|| field("maxFailuresPerHour", "give at least 1".to_owned()))?,
            ),
        };
        Ok(Self {
            mode,
            to,
            require_down: match spec.require {
                None => automatic,
                Some(RequireSpec::Present | RequireSpec::Rehearsed) => true,
                Some(RequireSpec::None) => false,
            },
            require_rehearsal: spec.require == Some(RequireSpec::Rehearsed),
            on_inconclusive: match spec.on_inconclusive {
                None | Some(InconclusiveSpec::Pause) => OnInconclusive::Pause,
                Some(InconclusiveSpec::Accept) => OnInconclusive::Accept,
                Some(InconclusiveSpec::Rollback) => OnInconclusive::Rollback,
            },
            on_apply_failure: match spec.on_apply_failure {
                None | Some(ApplyFailureSpec::Rollback) => automatic,
                Some(ApplyFailureSpec::Stop) => false,
            },
            data_loss_with_approval: spec.data_loss == Some(DataLossSpec::WithApproval),
            max_failures_per_hour: max_failures,
            deadline,
        })
    }
}

impl RollbackPolicy {
    /// Whether what a run applied before it failed is taken back by itself.
    #[must_use]
    pub fn takes_back_half(&self) -> bool {
        self.mode == Mode::Automatic && self.on_apply_failure
    }
}

fn invalid(field: &str, problem: &str) -> InvalidSpec {
    InvalidSpec { field: format!("spec.verification.{field}"), problem: problem.to_owned() }
}

fn duration(field: &str, text: Option<&str>, default: Duration) -> Result<Duration, InvalidSpec> {
    match text {
        None => Ok(default),
        Some(text) => crate::duration::parse(text).map_err(|error| invalid(field, &error.to_string())),
    }
}
