//! No replication slot keeps so much WAL that the disk fills, and none is about to lose what it needs.

use crate::database::{Slot, SlotWal};

use super::words::{limit, several};
use super::{Case, Verdict, closed, known, open};

pub(super) fn judge(case: &Case<'_>) -> Option<Verdict> {
    let wanted = &case.wanted.retained;
    let slots = match known("maxSlotRetained", wanted.named, &case.facts.slots) {
        Ok(slots) => slots,
        Err(untold) => return untold.verdict(),
    };
    let trouble = |slot: &&Slot| match slot.wal {
        SlotWal::Kept => slot.retained > wanted.value,
        SlotWal::AtRisk => true,
        // Nothing is kept for it any more.
        SlotWal::Lost => false,
    };
    let trouble: Vec<&Slot> = slots.iter().filter(trouble).collect();
    let Some(first) = trouble.first() else {
        return open(format!("no replication slot keeps more than {} of WAL", wanted.shown));
    };
    let who = several(trouble.iter().map(|slot| {
        let idle = if slot.active { "" } else { " that nobody reads" };
        match slot.wal {
            SlotWal::Kept | SlotWal::Lost => {
                format!("replication slot `{}`{idle} keeps more than {} of WAL", slot.name, wanted.shown)
            }
            SlotWal::AtRisk => format!("replication slot `{}`{idle} is about to lose WAL that it needs", slot.name),
        }
    }));
    closed(
        format!("{who}; {}", limit("maxSlotRetained", wanted)),
        format!(
            "let whoever reads it catch up, or drop it where nobody needs it: select pg_drop_replication_slot('{}')",
            first.name
        ),
    )
}
