//! The spec, validated once: below this line no function sees the raw resource.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::api::v1alpha1::{
    CaRef, DatabaseMigrationSpec, ExecutionSpec, GatesSpec, LayoutSpec, MissingSpec, ModeSpec, OutOfOrderSpec,
    RehearsalMode, SourceSpec, TransactionSpec,
};
use crate::database::SessionSettings;
use crate::gates::Gates;
use crate::migration::{Dialect, Layout, SetOptions, Version};
use crate::plan::{Adoption, MissingPolicy, OutOfOrder, Policy, Target};

use super::invalid::InvalidSpec;
use super::judging::{Mode, RollbackPolicy, Verification};
use super::undo;

/// The ledger's schema unless the spec names one.
const LEDGER_SCHEMA: &str = "sluice";

/// Where the scripts are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceDesired {
    /// In the object itself.
    Inline(BTreeMap<String, String>),
    /// In ConfigMaps of the namespace, by name.
    ConfigMaps(Vec<String>),
}

/// What a valid spec asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Desired {
    /// Name of the Secret.
    pub secret: String,
    /// Where the certificate authorities are.
    pub ca: Option<CaRef>,
    /// The ledger's schema.
    pub ledger_schema: String,
    /// Where the scripts are.
    pub source: SourceDesired,
    /// How they are read.
    pub set_options: SetOptions,
    /// Where the database should be.
    pub target: Target,
    /// What a plan may hold.
    pub policy: Policy,
    /// How a session behaves.
    pub settings: SessionSettings,
    /// How long a run may take.
    pub deadline: Duration,
    /// Leave the database alone.
    pub suspended: bool,
    /// Show what would be done, and do nothing.
    pub plan_only: bool,
    /// What must hold before anything runs.
    pub gates: Gates,
    /// How what was applied is judged, where it is.
    pub verification: Option<Verification>,
    /// How and when runs are taken back.
    pub rollback: RollbackPolicy,
    /// The rehearsal, where there is to be one.
    pub rehearsal: Option<RehearsalDesired>,
}

/// How it is rehearsed.
#[derive(Debug, Clone, PartialEq)]
pub struct RehearsalDesired {
    /// How long it may take.
    pub deadline: Duration,
    /// The Secret that leads to the server for it, and where its certificate authorities are; `None`: the database's own server.
    pub server: Option<(String, Option<CaRef>)>,
}

impl Desired {
    /// Validates a spec.
    ///
    /// # Errors
    /// The first field that cannot be used. The API server's own validation finds most of them earlier.
    pub fn of(spec: &DatabaseMigrationSpec) -> Result<Self, InvalidSpec> {
        let execution = spec.execution.clone().unwrap_or_default();
        let one_transaction = execution.transaction == Some(TransactionSpec::PerRun);
        let rollback = RollbackPolicy::of(spec.rollback.as_ref())?;
        let (settings, deadline) = timing(&execution, one_transaction)?;
        let undo = undo::limits(execution.undo.as_ref(), rollback.mode)?;
        Ok(Self {
            secret: spec.database.secret_ref.name.clone(),
            ca: spec.database.ca_ref.clone(),
            ledger_schema: spec.database.ledger_schema.clone().unwrap_or_else(|| LEDGER_SCHEMA.to_owned()),
            source: source(&spec.source)?,
            set_options: SetOptions {
                dialect: Dialect::Postgres,
                layout: layout(spec.source.layout),
                allow_gaps: spec.source.allow_gaps.unwrap_or(false),
            },
            target: target(&spec.target_version)?,
            policy: policy(spec, &execution, one_transaction, &rollback)?,
            settings: SessionSettings { undo, ..settings },
            deadline,
            suspended: spec.suspend.unwrap_or(false),
            plan_only: spec.mode == Some(ModeSpec::Plan),
            gates: gates(spec.gates.as_ref())?,
            verification: spec.verification.as_ref().map(Verification::of).transpose()?,
            rehearsal: rehearsal(spec.gates.as_ref(), &rollback)?,
            rollback,
        })
    }
}

fn target(text: &str) -> Result<Target, InvalidSpec> {
    if text == "Latest" { Ok(Target::Latest) } else { version("spec.targetVersion", text).map(Target::Version) }
}

fn version(field: &str, text: &str) -> Result<Version, InvalidSpec> {
    Version::parse(text).map_err(|error| InvalidSpec { field: field.to_owned(), problem: error.to_string() })
}

fn source(spec: &SourceSpec) -> Result<SourceDesired, InvalidSpec> {
    match (&spec.inline, &spec.config_maps) {
        (Some(files), None) => Ok(SourceDesired::Inline(files.clone())),
        (None, Some(maps)) => Ok(SourceDesired::ConfigMaps(maps.iter().map(|map| map.name.clone()).collect())),
        (None, None) | (Some(_), Some(_)) => Err(InvalidSpec {
            field: "spec.source".to_owned(),
            problem: "give exactly one source: inline or configMaps".to_owned(),
        }),
    }
}

fn layout(spec: Option<LayoutSpec>) -> Layout {
    match spec {
        None | Some(LayoutSpec::Auto) => Layout::Auto,
        Some(LayoutSpec::Flyway) => Layout::Flyway,
        Some(LayoutSpec::GolangMigrate) => Layout::GolangMigrate,
        Some(LayoutSpec::Goose) => Layout::Goose,
        Some(LayoutSpec::Dbmate) => Layout::Dbmate,
        Some(LayoutSpec::Diesel) => Layout::Diesel,
        Some(LayoutSpec::Sqlx) => Layout::Sqlx,
        Some(LayoutSpec::Rollbacks) => Layout::Rollbacks,
    }
}

fn policy(
    spec: &DatabaseMigrationSpec,
    execution: &ExecutionSpec,
    one_transaction: bool,
    rollback: &RollbackPolicy,
) -> Result<Policy, InvalidSpec> {
    let adoption = spec.adoption.clone().unwrap_or_default();
    let baseline = match &adoption.baseline_version {
        Some(text) => Some(version("spec.adoption.baselineVersion", text)?),
        None => None,
    };
    Ok(Policy {
        out_of_order: match execution.out_of_order {
            None | Some(OutOfOrderSpec::Refuse) => OutOfOrder::Refuse,
            Some(OutOfOrderSpec::Run) => OutOfOrder::Run,
            Some(OutOfOrderSpec::Ignore) => OutOfOrder::Ignore,
        },
        missing: match execution.missing {
            None | Some(MissingSpec::Refuse) => MissingPolicy::Refuse,
            Some(MissingSpec::Ignore) => MissingPolicy::Ignore,
        },
        allow_down: rollback.mode != Mode::Disabled,
        require_down: rollback.require_down,
        one_transaction,
        adoption: Adoption { baseline, allow_existing: adoption.allow_existing.unwrap_or(false) },
    })
}

fn gates(spec: Option<&GatesSpec>) -> Result<Gates, InvalidSpec> {
    Gates::of(spec).map_err(|(field, problem)| InvalidSpec { field: format!("spec.gates.{field}"), problem })
}

/// The rehearsal that the gate or the way back asks for.
fn rehearsal(gates: Option<&GatesSpec>, rollback: &RollbackPolicy) -> Result<Option<RehearsalDesired>, InvalidSpec> {
    let spec = gates.and_then(|gates| gates.rehearsal.clone());
    let asked = spec.is_some() || rollback.require_rehearsal;
    let spec = spec.unwrap_or_default();
    let invalid =
        |field: &str, problem: String| InvalidSpec { field: format!("spec.gates.rehearsal.{field}"), problem };
    match spec.mode {
        Some(RehearsalMode::Disabled) if rollback.require_rehearsal => {
            Err(invalid("mode", "is Disabled, but spec.rollback.require is Rehearsed: change one of them".to_owned()))
        }
        Some(RehearsalMode::Disabled) => Ok(None),
        None | Some(RehearsalMode::Shadow) if !asked => Ok(None),
        None | Some(RehearsalMode::Shadow) => {
            let deadline = match spec.deadline.as_deref() {
                None => Duration::from_secs(600),
                Some(text) => crate::duration::parse(text).map_err(|error| invalid("deadline", error.to_string()))?,
            };
            Ok(Some(RehearsalDesired { deadline, server: spec.server_ref.map(|server| (server.name, spec.ca_ref)) }))
        }
    }
}

/// Session settings and the run's deadline, with the defaults that the reference page states.
fn timing(execution: &ExecutionSpec, one_transaction: bool) -> Result<(SessionSettings, Duration), InvalidSpec> {
    const MINUTE: Duration = Duration::from_secs(60);
    let settings = SessionSettings {
        lock_timeout: duration("lockTimeout", execution.lock_timeout.as_deref(), Duration::from_millis(100))?,
        lock_retry_deadline: duration("lockRetryDeadline", execution.lock_retry_deadline.as_deref(), 15 * MINUTE)?,
        statement_timeout: duration("statementTimeout", execution.statement_timeout.as_deref(), 15 * MINUTE)?,
        one_transaction,
        undo: None,
    };
    Ok((settings, duration("deadline", execution.deadline.as_deref(), 60 * MINUTE)?))
}

/// PostgreSQL keeps its timeouts as milliseconds in 32 bits, and takes zero for "no timeout", which Sluice never wants.
const LONGEST: Duration = Duration::from_millis(i32::MAX as u64);

fn duration(field: &str, text: Option<&str>, default: Duration) -> Result<Duration, InvalidSpec> {
    let Some(text) = text else { return Ok(default) };
    let invalid = |problem: String| InvalidSpec { field: format!("spec.execution.{field}"), problem };
    let duration = crate::duration::parse(text).map_err(|error| invalid(error.to_string()))?;
    if duration.is_zero() || duration > LONGEST {
        return Err(invalid(format!("`{text}` is out of range: give at least 1ms and at most 24 days")));
    }
    Ok(duration)
}
