//! The way down: the ledger's own copies of the down scripts, so that reverting Git cannot lose them.

use std::sync::Arc;

use crate::migration::{Dialect, Header, MigrationSet, Script, Version};

use super::unfinished::edited;
use super::{Action, Ledger, Refusal, Step};

/// The steps back to the goal: the ledger's own copies of the down scripts, newest first.
pub(super) fn way_down(
    set: &MigrationSet,
    ledger: &Ledger,
    from: &Version,
    goal: &Version,
) -> Result<Vec<Step>, Refusal> {
    let mut steps = Vec::new();
    let mut without = Vec::new();
    for (version, entry) in ledger.applied().rev().take_while(|(version, _)| *version > goal) {
        let Some(sql) = &entry.down_sql else {
            without.push(version.clone());
            continue;
        };
        let file = entry.down_file.clone().unwrap_or_else(|| format!("down script of version {version}"));
        let down = Script::parse(Dialect::Postgres, &file, entry.down_line, sql, entry.down_no_transaction)
            .map_err(|problems| Refusal::UnreadableDown { version: version.clone(), problem: problems.to_string() })?;
        if entry.reverting {
            edited(version, &down, entry)?;
        }
        steps.push(Step {
            version: Some(version.clone()),
            repeatable: None,
            description: entry.description.clone(),
            kind: entry.kind,
            header: Header::default(),
            action: Action::Revert { down: Arc::new(down) },
        });
    }
    if without.is_empty() {
        Ok(steps)
    } else {
        let broken = without.iter().find_map(|version| set.get(version)?.down_refused.as_ref());
        let hint =
            broken.map(|problems| format!(" (there was one that cannot be run: {problems})")).unwrap_or_default();
        Err(Refusal::NoWayDown { from: from.clone(), to: goal.to_string(), versions: without, hint })
    }
}
