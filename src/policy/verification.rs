//! How what was applied must be judged, and what the way back must be.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::api::v1alpha1::{
    CheckMode, CheckSpec, DatabaseMigrationSpec, MigrationPolicySpec, RequireSpec, RequiredCheck, RollbackMode,
    VerificationSpec,
};
use crate::duration;

use super::fault::{Problem, length};
use super::notes::{Demands, Notes, readable};

/// What holds where `spec.verification.duration` is left out.
const FIVE_MINUTES: Duration = Duration::from_secs(300);
/// As long as an object's own may be.
const A_WEEK: Duration = Duration::from_secs(7 * 24 * 3600);

/// What one policy asks for.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct VerificationDemand {
    min_duration: Option<Duration>,
    required_checks: BTreeSet<RequiredCheck>,
    require: Option<Known>,
    automatic: bool,
}

/// What must be known of a way back, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Known {
    Nothing,
    Present,
    Rehearsed,
}

impl From<RequireSpec> for Known {
    fn from(spec: RequireSpec) -> Self {
        match spec {
            RequireSpec::None => Self::Nothing,
            RequireSpec::Present => Self::Present,
            RequireSpec::Rehearsed => Self::Rehearsed,
        }
    }
}

impl Known {
    fn spec(self) -> RequireSpec {
        match self {
            Self::Nothing => RequireSpec::None,
            Self::Present => RequireSpec::Present,
            Self::Rehearsed => RequireSpec::Rehearsed,
        }
    }
}

impl VerificationDemand {
    /// Validates `spec.verification` and `spec.rollback`.
    pub(super) fn of(spec: &MigrationPolicySpec) -> Result<Self, Problem> {
        let verification = spec.verification.clone().unwrap_or_default();
        let rollback = spec.rollback.clone().unwrap_or_default();
        let field = "verification.minDuration";
        let min_duration = length(field, verification.min_duration.as_deref())?;
        if min_duration.is_some_and(|length| length > A_WEEK) {
            return Err(Problem::at(field, "no verification may be that long; give at most 168h"));
        }
        Ok(Self {
            min_duration,
            required_checks: verification.required_checks.into_iter().flatten().collect(),
            require: rollback.require.map(Known::from),
            automatic: rollback.automatic.unwrap_or(false),
        })
    }
}

/// What the object asks for, raised; and what it lacks.
pub(super) fn raise(object: &mut DatabaseMigrationSpec, demands: &Demands<'_, &VerificationDemand>, notes: &mut Notes) {
    measure(object.verification.as_mut(), demands, notes);
    for (policy, demand) in demands {
        missing_checks(object.verification.as_ref(), policy, demand, notes);
    }
    way_back(object, demands, notes);
}

fn measure(object: Option<&mut VerificationSpec>, demands: &Demands<'_, &VerificationDemand>, notes: &mut Notes) {
    let longest: Demands<'_, Duration> =
        demands.iter().filter_map(|(policy, demand)| Some((*policy, demand.min_duration?))).collect();
    match object {
        None => {
            for (policy, length) in longest.iter().filter(|(_, length)| !length.is_zero()) {
                let length = duration::format(*length);
                notes.violated(
                    policy,
                    &format!("spec.verification is missing; give checks that are measured for {length}"),
                );
            }
        }
        Some(object) => {
            let Some(mine) = readable(object.duration.as_deref(), Some(FIVE_MINUTES)) else { return };
            let mine = mine.unwrap_or(FIVE_MINUTES);
            if let Some(length) = notes.at_least_so_long("spec.verification.duration", mine, &longest) {
                object.duration = Some(length);
            }
        }
    }
}

fn missing_checks(object: Option<&VerificationSpec>, policy: &str, demand: &VerificationDemand, notes: &mut Notes) {
    let checks: &[CheckSpec] = object.map(|object| object.checks.as_slice()).unwrap_or_default();
    for kind in &demand.required_checks {
        if checks.iter().any(|check| decides(check) && is(check, *kind)) {
            continue;
        }
        let word = word(*kind);
        let only_told = checks.iter().find(|check| is(check, *kind));
        notes.violated(
            policy,
            &match only_told {
                Some(check) => format!(
                    "a check of the kind {word} must decide; set mode: Enforce in spec.verification.checks[{}]",
                    check.name
                ),
                None => format!("a check of the kind {word} is missing; add one to spec.verification.checks"),
            },
        );
    }
}

fn decides(check: &CheckSpec) -> bool {
    match check.mode {
        None | Some(CheckMode::Enforce) => true,
        Some(CheckMode::Observe) => false,
    }
}

fn is(check: &CheckSpec, kind: RequiredCheck) -> bool {
    match kind {
        RequiredCheck::Sql => check.sql.is_some(),
        RequiredCheck::RowCounts => check.row_counts.is_some(),
        RequiredCheck::Latency => check.latency.is_some(),
        RequiredCheck::Prometheus => check.prometheus.is_some(),
        RequiredCheck::Http => check.http.is_some(),
        RequiredCheck::Workload => check.workload.is_some(),
        RequiredCheck::Builtin => check.builtin.is_some(),
    }
}

fn word(kind: RequiredCheck) -> &'static str {
    match kind {
        RequiredCheck::Sql => "sql",
        RequiredCheck::RowCounts => "rowCounts",
        RequiredCheck::Latency => "latency",
        RequiredCheck::Prometheus => "prometheus",
        RequiredCheck::Http => "http",
        RequiredCheck::Workload => "workload",
        RequiredCheck::Builtin => "builtin",
    }
}

fn way_back(object: &mut DatabaseMigrationSpec, demands: &Demands<'_, &VerificationDemand>, notes: &mut Notes) {
    let before = object.rollback.clone().unwrap_or_default();
    let mut after = before.clone();
    let automatic = demands.iter().map(|(policy, demand)| (*policy, demand.automatic)).collect();
    let mode = before.mode.unwrap_or(RollbackMode::Manual);
    let show = |automatic: &bool| format!("{:?}", if *automatic { RollbackMode::Automatic } else { mode });
    if notes.at_least("spec.rollback.mode", &(mode == RollbackMode::Automatic), &automatic, show).is_some() {
        after.mode = Some(RollbackMode::Automatic);
    }
    // As `spec.rollback` reads it: what takes back by itself must know how.
    let unless_set = if after.mode == Some(RollbackMode::Automatic) { Known::Present } else { Known::Nothing };
    let known = before.require.map_or(unless_set, Known::from);
    let require = demands.iter().filter_map(|(policy, demand)| Some((*policy, demand.require?))).collect();
    let show = |known: &Known| format!("{:?}", known.spec());
    if let Some(known) = notes.at_least("spec.rollback.require", &known, &require, show) {
        after.require = Some(known.spec());
    }
    if after != before {
        object.rollback = Some(after);
    }
}
