//! The plan itself. The field names of the JSON are stable.

use std::time::Duration;

use serde::Serialize;

use crate::database::UndoEstimate;
use crate::duration;
use crate::lint::{Assessment, Effect, Finding, LockMode, Touch};
use crate::migration::{Kind, Risk, Script, Statement, TransactionMode};
use crate::plan::{Action, Direction, Plan, Step};

/// A plan and what it would do.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanShown {
    /// `up` or `down`
    pub direction: Direction,
    /// The newest version in effect before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The newest version in effect after.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Digest over the steps, as in `status.plan.digest`.
    pub digest: String,
    /// How much can go wrong.
    pub risk: Risk,
    /// Why it is not less, the gravest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub risk_reasons: Vec<String>,
    /// The strongest lock on something that is in use, as `pg_locks` spells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strongest_lock: Option<&'static str>,
    /// Rows of a table in use are written anew.
    pub rewrites: bool,
    /// A table in use is read from end to end while writers wait.
    pub scans: bool,
    /// About how long it takes; absent where that cannot be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimate: Option<String>,
    /// Statements of all steps.
    pub statements: usize,
    /// In the order in which they run.
    pub steps: Vec<StepShown>,
    /// What the linter found.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
}

/// One step.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StepShown {
    /// `003` or `R__active_users`
    pub step: String,
    /// `apply`, `revert`, `baseline` or `repeat`
    pub action: &'static str,
    /// For people.
    pub description: String,
    /// schema, data, seed or repeatable
    pub kind: Kind,
    /// The script that runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub script: Option<ScriptShown>,
    /// How much can go wrong: by its statements, or by its header where that says more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub risk: Option<Risk>,
    /// The strongest lock on something that is in use, as `pg_locks` spells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strongest_lock: Option<&'static str>,
    /// Tables in use whose rows are written anew.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rewrites: Vec<String>,
    /// Tables in use that are read from end to end, and not written anew.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scans: Vec<String>,
    /// About how long it takes; absent where that cannot be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimate: Option<String>,
    /// The script's own estimate, from its header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimated_duration: Option<String>,
    /// The script of the way back; absent where there is none, and for steps that are one themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub way_down: Option<ScriptShown>,
    /// Whether the step can be taken back.
    pub reversible: bool,
    /// What its statements do.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub effects: Vec<StatementShown>,
    /// What its statements take away, and how much would be copied before.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub undo: Vec<UndoShown>,
}

/// A script.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ScriptShown {
    /// Its file.
    pub file: String,
    /// How many statements it has; 0 is a no-op.
    pub statements: usize,
    /// Whether it runs in one transaction.
    pub transactional: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What one statement does.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StatementShown {
    /// 1-based position in its script.
    pub number: u32,
    /// 1-based line of the file.
    pub line: u32,
    /// `ALTER TABLE … ADD COLUMN`
    pub kind: String,
    /// What it locks, writes anew or reads.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub touches: Vec<TouchShown>,
    /// What it destroys.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub destroys: Vec<String>,
    /// Why it cannot be told what it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opaque: Option<String>,
    /// How much can go wrong.
    pub risk: Risk,
    /// Why it is not less.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub risk_reasons: Vec<String>,
    /// About how long it takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimate: Option<String>,
    /// The statement itself, where it is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sql: Option<String>,
}

/// What a statement does to one table.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TouchShown {
    /// As the statement names it.
    pub table: String,
    /// The strongest lock, as `pg_locks` spells it.
    pub lock: &'static str,
    /// Its rows are written anew.
    pub rewrites: bool,
    /// Its rows are read from end to end.
    pub scans: bool,
    /// This run creates it: nobody else uses it yet.
    pub new: bool,
}

/// Rows that a statement takes away, as the server estimates them.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UndoShown {
    /// `column public.orders.note`
    pub object: String,
    /// 1-based line of the statement in the file.
    pub line: u32,
    /// About so many; absent where the server has no idea.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// About so many bytes to copy; likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Why they would not be copied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_copied: Option<String>,
}

impl PlanShown {
    /// A plan, what its statements do, and what would be copied before they do it. `with_sql`: their text, too.
    #[must_use]
    pub fn of(plan: &Plan, assessment: &Assessment, undo: &[UndoEstimate], with_sql: bool) -> Self {
        Self {
            direction: plan.direction,
            from: plan.from.as_ref().map(ToString::to_string),
            to: plan.to.as_ref().map(ToString::to_string),
            digest: plan.digest.clone(),
            risk: assessment.risk,
            risk_reasons: assessment.reasons.clone(),
            strongest_lock: assessment.strongest.map(LockMode::as_str),
            rewrites: assessment.rewrites,
            scans: assessment.scans,
            estimate: assessment.estimate.filter(|estimate| !estimate.is_zero()).map(duration::rough),
            statements: plan.statements(),
            steps: plan.steps.iter().map(|one| step(one, assessment, undo, with_sql)).collect(),
            findings: assessment.findings.clone(),
        }
    }
}

fn step(step: &Step, assessment: &Assessment, undo: &[UndoEstimate], with_sql: bool) -> StepShown {
    let (action, way_down, reversible) = match &step.action {
        Action::Apply { down, .. } => ("apply", down.as_deref(), down.is_some()),
        Action::Baseline { down, .. } => ("baseline", down.as_deref(), down.is_some()),
        // A way down is taken back by going up again.
        Action::Revert { .. } => ("revert", None, true),
        Action::Repeat { .. } => ("repeat", None, false),
    };
    let label = step.label();
    let effects = assessment.steps.iter().find(|assessed| assessed.label == label).map(|assessed| &assessed.effects);
    let effects = effects.map_or(&[][..], Vec::as_slice);
    let script_of = step.script();
    StepShown {
        action,
        description: step.description.clone(),
        kind: step.kind,
        script: script_of.map(|it| script(it)),
        risk: effects.iter().map(|effect| effect.risk.0).chain(step.header.risk).max(),
        strongest_lock: effects.iter().filter_map(Effect::strongest).max().map(LockMode::as_str),
        rewrites: tables(effects, |touch| touch.rewrites),
        scans: tables(effects, |touch| touch.scans && !touch.rewrites),
        estimate: script_of.and_then(|_| estimate(effects)).map(duration::format),
        estimated_duration: step.header.estimated_duration.clone(),
        way_down: way_down.map(script),
        reversible,
        effects: effects
            .iter()
            .map(|effect| {
                let written = script_of.and_then(|script| {
                    script.statements.iter().find(|statement| statement.number == effect.number).filter(|_| with_sql)
                });
                statement(effect, written)
            })
            .collect(),
        undo: undo.iter().filter(|estimate| estimate.label == label).map(copied).collect(),
        step: label,
    }
}

/// The tables in use that statements do that to, each once, in their order.
fn tables(effects: &[Effect], does: fn(&Touch) -> bool) -> Vec<String> {
    let mut tables: Vec<String> = Vec::new();
    for touch in effects.iter().flat_map(|effect| &effect.touches).filter(|touch| !touch.new && does(touch)) {
        if !tables.contains(&touch.table) {
            tables.push(touch.table.clone());
        }
    }
    tables
}

/// All statements together; `None` where it cannot be told of one.
fn estimate(effects: &[Effect]) -> Option<Duration> {
    effects.iter().map(|effect| effect.estimate).sum()
}

fn statement(effect: &Effect, written: Option<&Statement>) -> StatementShown {
    StatementShown {
        number: effect.number,
        line: effect.line,
        kind: effect.kind.clone(),
        touches: effect.touches.iter().map(touch).collect(),
        destroys: effect.destroys.clone(),
        opaque: effect.opaque.clone(),
        risk: effect.risk.0,
        risk_reasons: effect.risk.1.clone(),
        estimate: effect.estimate.filter(|estimate| !estimate.is_zero()).map(duration::rough),
        sql: written.map(|statement| statement.text.clone()),
    }
}

fn touch(touch: &Touch) -> TouchShown {
    TouchShown {
        table: touch.table.clone(),
        lock: touch.lock.as_str(),
        rewrites: touch.rewrites,
        scans: touch.scans,
        new: touch.new,
    }
}

fn copied(estimate: &UndoEstimate) -> UndoShown {
    UndoShown {
        object: estimate.object.clone(),
        line: estimate.line,
        rows: estimate.rows,
        bytes: estimate.bytes,
        not_copied: estimate.not_copied.clone(),
    }
}

fn script(script: &Script) -> ScriptShown {
    let (transactional, reason) = match &script.mode {
        TransactionMode::Transactional => (true, None),
        TransactionMode::NonTransactional { reason } => (false, Some(reason.clone())),
    };
    ScriptShown { file: script.file.clone(), statements: script.statements.len(), transactional, reason }
}
