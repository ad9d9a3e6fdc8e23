//! The way up: what may run on this database, and which steps are missing.

use std::sync::Arc;

use crate::migration::{Header, Kind, Migration, MigrationSet, Version};

use super::policy::{MissingPolicy, OutOfOrder, Policy};
use super::unfinished::{check_not_half_reverted, check_unfinished};
use super::{Action, Entry, EntryStatus, Ledger, Refusal, Step};

/// Nobody runs the first version over somebody's production by mistake.
pub(super) fn check_adoption(set: &MigrationSet, ledger: &Ledger, policy: &Policy) -> Result<(), Refusal> {
    let first_time = ledger.entries.is_empty();
    if first_time
        && let Some(version) = &policy.adoption.baseline
        && set.get(version).is_none()
    {
        return Err(Refusal::UnknownBaseline { version: version.clone(), available: set.span() });
    }
    let adopted = policy.adoption.allow_existing || policy.adoption.baseline.is_some();
    if !ledger.installed && ledger.existing.total > 0 && !adopted {
        let shown = ledger.existing.sample.len();
        let mut found = ledger.existing.sample.join(", ");
        if ledger.existing.total > shown {
            found.push_str(&format!(" and {} more", ledger.existing.total - shown));
        }
        return Err(Refusal::NotEmpty { total: ledger.existing.total, found, ledger_schema: ledger.schema.clone() });
    }
    Ok(())
}

/// What is applied must still be what the source says.
pub(super) fn check_applied(set: &MigrationSet, ledger: &Ledger, policy: &Policy) -> Result<(), Refusal> {
    let mut missing = Vec::new();
    for (version, entry) in ledger.applied() {
        let Some(migration) = set.get(version) else {
            missing.push(version.clone());
            continue;
        };
        if let Some(recorded) = &entry.up_checksum
            && *recorded != migration.up.checksum
        {
            return Err(Refusal::ChecksumMismatch {
                version: version.clone(),
                file: migration.up.file.clone(),
                recorded: recorded.clone(),
                found: migration.up.checksum.clone(),
                hint: applied_by(ledger),
            });
        }
    }
    match policy.missing {
        MissingPolicy::Refuse if !missing.is_empty() => {
            Err(Refusal::MissingFromSource { hint: applied_by(ledger), versions: missing })
        }
        MissingPolicy::Refuse | MissingPolicy::Ignore => Ok(()),
    }
}

/// Names the objects that wrote this ledger: another one among them is a likely cause of a version that is missing or another.
fn applied_by(ledger: &Ledger) -> String {
    let mut objects: Vec<&str> = ledger.runs.iter().map(|run| run.object.as_str()).collect();
    objects.sort_unstable();
    objects.dedup();
    if objects.is_empty() {
        return String::new();
    }
    format!(
        " (this ledger was written by {}; other scripts need a ledger of their own: spec.database.ledgerSchema)",
        objects.join(" and ")
    )
}

/// The steps up to the goal, and what a person should know.
pub(super) fn way_up(
    set: &MigrationSet,
    ledger: &Ledger,
    goal: Option<&Version>,
    policy: &Policy,
) -> Result<(Vec<Step>, Vec<String>), Refusal> {
    let newest = ledger.current();
    let baseline = policy.adoption.baseline.as_ref().filter(|_| ledger.entries.is_empty());
    let mut steps = Vec::new();
    let mut late = Vec::new();
    let mut warnings = Vec::new();
    for migration in &set.migrations {
        if goal.is_some_and(|goal| migration.version > *goal) && baseline.is_none_or(|b| migration.version > *b) {
            break;
        }
        let entry = ledger.entry(&migration.version);
        if entry.is_some_and(Entry::in_effect) {
            check_not_half_reverted(migration, entry)?;
            continue;
        }
        check_unfinished(migration, entry)?;
        let begun = entry.is_some_and(|entry| !entry.journal.is_empty());
        if newest.is_some_and(|newest| migration.version < *newest) && !begun {
            late.push(migration.version.clone());
            if policy.out_of_order != OutOfOrder::Run {
                continue;
            }
        }
        if baseline.is_some_and(|baseline| migration.version <= *baseline) {
            steps.push(baseline_step(migration));
        } else {
            if migration.up.statements.is_empty() {
                warnings.push(format!(
                    "{} holds no statement: version {} changes nothing",
                    migration.up.file, migration.version
                ));
            }
            steps.push(apply_step(migration));
        }
    }
    match policy.out_of_order {
        OutOfOrder::Refuse => {
            if let (false, Some(newest)) = (late.is_empty(), newest) {
                return Err(Refusal::OutOfOrder { versions: late, newest: newest.clone() });
            }
        }
        OutOfOrder::Run | OutOfOrder::Ignore => {
            let done = if policy.out_of_order == OutOfOrder::Run { "runs" } else { "is left out" };
            warnings.extend(late.iter().map(|version| format!("version {version} came late and {done} (outOfOrder)")));
        }
    }
    Ok((steps, warnings))
}

fn apply_step(migration: &Migration) -> Step {
    let action = Action::Apply { up: Arc::new(migration.up.clone()), down: migration.down.clone().map(Arc::new) };
    step(migration, action)
}

fn baseline_step(migration: &Migration) -> Step {
    let action =
        Action::Baseline { up_checksum: migration.up.checksum.clone(), down: migration.down.clone().map(Arc::new) };
    step(migration, action)
}

fn step(migration: &Migration, action: Action) -> Step {
    Step {
        version: Some(migration.version.clone()),
        repeatable: None,
        description: migration.description.clone(),
        kind: migration.kind,
        header: migration.header.clone(),
        action,
    }
}

/// Repeatable scripts whose content is not what was last run. They run only when the newest version of the source is
/// the goal: they are written for the newest schema.
pub(super) fn repeats(set: &MigrationSet, ledger: &Ledger, goal: Option<&Version>) -> Result<Vec<Step>, Refusal> {
    if goal < set.latest() {
        return Ok(Vec::new());
    }
    let mut steps = Vec::new();
    for repeatable in &set.repeatables {
        let entry = ledger.repeatable(&repeatable.name);
        let unchanged = entry.is_some_and(|entry| {
            entry.status == EntryStatus::Completed && entry.up_checksum.as_ref() == Some(&repeatable.script.checksum)
        });
        if !unchanged {
            steps.push(Step {
                version: None,
                repeatable: Some(repeatable.name.clone()),
                description: repeatable.name.replace('_', " "),
                kind: Kind::Repeatable,
                header: Header::default(),
                action: Action::Repeat { script: Arc::new(repeatable.script.clone()) },
            });
        }
    }
    Ok(steps)
}
