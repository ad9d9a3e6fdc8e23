//! No-transaction scripts that were begun and did not end: what has taken effect must still be what was sent.

use crate::migration::{Checksum, Migration, Script, Version};

use super::{Entry, EntryStatus, JournalState, Refusal};

/// A way down that was begun outside of a transaction has to end before anything goes up again.
pub(super) fn check_not_half_reverted(migration: &Migration, entry: Option<&Entry>) -> Result<(), Refusal> {
    match entry {
        Some(entry) if entry.reverting && !entry.journal.is_empty() => Err(Refusal::Unfinished {
            version: migration.version.clone(),
            begun: "down",
            cure: "set targetVersion to the version below it again, and go up from there".to_owned(),
        }),
        _ => Ok(()),
    }
}

/// A no-transaction script that was begun goes on where it stopped: what has taken effect must still be what was sent.
pub(super) fn check_unfinished(migration: &Migration, entry: Option<&Entry>) -> Result<(), Refusal> {
    let Some(entry) = entry else { return Ok(()) };
    match entry.status {
        EntryStatus::Running | EntryStatus::Failed => edited(&migration.version, &migration.up, entry),
        EntryStatus::Pending | EntryStatus::Completed | EntryStatus::RolledBack => Ok(()),
    }
}

/// Refuses when a statement that took effect, or may have, is not in the script as it was sent.
pub(super) fn edited(version: &Version, script: &Script, entry: &Entry) -> Result<(), Refusal> {
    for journal in &entry.journal {
        match journal.state {
            JournalState::Failed => continue,
            JournalState::Started | JournalState::Done => {}
        }
        let same = script
            .statements
            .iter()
            .find(|statement| statement.number == journal.statement)
            .is_some_and(|statement| Checksum::of(&statement.text) == journal.checksum);
        if !same {
            return Err(Refusal::EditedAfterExecution {
                version: version.clone(),
                statement: journal.statement,
                file: script.file.clone(),
            });
        }
    }
    Ok(())
}
