//! Making a plan: which way, which steps, one digest.

use sha2::{Digest, Sha256};

use crate::migration::{MigrationSet, TransactionMode, Version};

use super::down::way_down;
use super::policy::{Policy, Target};
use super::up::{check_adoption, check_applied, repeats, way_up};
use super::{Action, Direction, Entry, Ledger, Plan, Refusal, Step};

/// Makes the plan. An empty plan means that the database is where it should be.
///
/// # Errors
/// The reason why there is none; nothing may run then.
pub fn make(set: &MigrationSet, ledger: &Ledger, target: &Target, policy: &Policy) -> Result<Plan, Refusal> {
    let from = ledger.current().cloned();
    let goal = goal(set, ledger, target, from.as_ref())?;
    let (direction, mut steps, warnings) = match (&from, &goal) {
        (Some(from), Some(goal)) if goal < from => {
            if !policy.allow_down {
                return Err(Refusal::DownDisabled { from: from.clone(), target: goal.clone() });
            }
            let steps = way_down(set, ledger, from, goal)?;
            (Direction::Down, steps, Vec::new())
        }
        _ => {
            check_adoption(set, ledger, policy)?;
            check_applied(set, ledger, policy)?;
            let (steps, warnings) = way_up(set, ledger, goal.as_ref(), policy)?;
            (Direction::Up, steps, warnings)
        }
    };
    if direction == Direction::Up {
        if policy.require_down {
            check_way_back(&steps)?;
        }
        steps.extend(repeats(set, ledger, goal.as_ref())?);
    }
    if policy.one_transaction && steps.len() > 1 {
        check_one_transaction(&steps)?;
    }
    let to = if steps.iter().any(|step| step.version.is_some()) { after(ledger, &steps) } else { from.clone() };
    let digest = digest(direction, from.as_ref(), to.as_ref(), &steps);
    Ok(Plan { direction, from, to, steps, digest, warnings })
}

/// The newest version that should be in effect; `None` when there is nothing at all.
fn goal(
    set: &MigrationSet,
    ledger: &Ledger,
    target: &Target,
    from: Option<&Version>,
) -> Result<Option<Version>, Refusal> {
    match target {
        // An applied version that is newer than everything in the source is a missing script, not a wish to go down.
        Target::Latest => Ok(set.latest().max(from).cloned()),
        Target::Version(version) => {
            let applied = ledger.entry(version).is_some_and(Entry::in_effect);
            // Zero is before every first version: take everything back, and stay there.
            let before_all = version.is_zero();
            if applied || before_all || set.get(version).is_some() {
                Ok(Some(version.clone()))
            } else {
                Err(Refusal::UnknownTarget { target: version.clone(), available: set.span() })
            }
        }
    }
}

/// What goes up must be able to come down again. What is only recorded as applied never went up.
fn check_way_back(steps: &[Step]) -> Result<(), Refusal> {
    let without = |step: &&Step| step.is_one_way();
    let versions: Vec<Version> = steps.iter().filter(without).filter_map(|step| step.version.clone()).collect();
    if versions.is_empty() { Ok(()) } else { Err(Refusal::NoWayBack { versions }) }
}

fn check_one_transaction(steps: &[Step]) -> Result<(), Refusal> {
    for script in steps.iter().filter_map(Step::script) {
        if let TransactionMode::NonTransactional { reason } = &script.mode {
            return Err(Refusal::NotTransactional { file: script.file.clone(), reason: reason.clone() });
        }
    }
    Ok(())
}

/// The newest version in effect once the steps are.
fn after(ledger: &Ledger, steps: &[Step]) -> Option<Version> {
    let reverted = |version: &Version| {
        steps.iter().any(|step| matches!(step.action, Action::Revert { .. }) && step.version.as_ref() == Some(version))
    };
    let stays = ledger.applied().map(|(version, _)| version).filter(|version| !reverted(version)).max();
    let comes = steps
        .iter()
        .filter(|step| !matches!(step.action, Action::Revert { .. }))
        .filter_map(|step| step.version.as_ref())
        .max();
    stays.max(comes).cloned()
}

/// `sha256:` over everything that makes one plan differ from another.
fn digest(direction: Direction, from: Option<&Version>, to: Option<&Version>, steps: &[Step]) -> String {
    let mut hash = Sha256::new();
    let mut add = |part: &str| {
        hash.update(part.len().to_le_bytes());
        hash.update(part.as_bytes());
    };
    add(direction.as_str());
    add(from.map_or("", Version::as_str));
    add(to.map_or("", Version::as_str));
    for step in steps {
        add(&step.label());
        match &step.action {
            Action::Apply { up, down } => {
                add("apply");
                add(up.checksum.as_str());
                add(down.as_ref().map_or("", |down| down.checksum.as_str()));
            }
            Action::Revert { down } => {
                add("revert");
                add(down.checksum.as_str());
            }
            Action::Baseline { up_checksum, down } => {
                add("baseline");
                add(up_checksum.as_str());
                add(down.as_ref().map_or("", |down| down.checksum.as_str()));
            }
            Action::Repeat { script } => {
                add("repeat");
                add(script.checksum.as_str());
            }
        }
    }
    format!("sha256:{}", hex::encode(hash.finalize()))
}
