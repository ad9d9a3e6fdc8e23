//! How much of what a statement takes away may be copied: pure.

use crate::database::UndoLimits;

use super::items::{Item, What};

/// What a row costs on disk beside its values.
const ROW_OVERHEAD: u64 = 28;

/// How many bytes one more copy may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Room {
    pub bytes: u64,
    /// `more than spec.execution.undo.maxBytes (1000)`
    pub over: String,
}

impl Room {
    /// `copied`: so many bytes have the other copies of the run.
    pub fn of(limits: &UndoLimits, copied: u64) -> Self {
        let left = limits.max_total_bytes.saturating_sub(copied);
        if left >= limits.max_bytes {
            let over = format!("more than spec.execution.undo.maxBytes ({})", limits.max_bytes);
            return Self { bytes: limits.max_bytes, over };
        }
        let others = if copied > 0 { "what other copies of the run leave of " } else { "" };
        let over = format!("more than {others}spec.execution.undo.maxTotalBytes ({})", limits.max_total_bytes);
        Self { bytes: left, over }
    }
}

impl Item {
    /// About so many bytes a row, where the server knows.
    fn width(&self) -> Option<u64> {
        let known: Option<u64> = self.stored().iter().map(|column| column.width).sum();
        let average = || self.table.rows.filter(|rows| *rows > 0).map(|rows| self.table.bytes / rows);
        known.map(|width| width + ROW_OVERHEAD).or_else(average)
    }

    /// About so many bytes that its copy takes of what all copies of a run may have; nobody can say of rows of a condition.
    pub fn takes(&self) -> u64 {
        match &self.what {
            What::Rows(Some(_)) => 0,
            What::Column(..) => self.bytes().unwrap_or(0),
            What::Table | What::Emptied | What::Rows(None) => self.bytes().unwrap_or(self.table.bytes),
        }
    }

    /// About so many bytes.
    pub fn bytes(&self) -> Option<u64> {
        Some(self.table.rows?.saturating_mul(self.width()?))
    }

    /// At most so many rows are copied, or why none is.
    pub fn limit(&self, limits: &UndoLimits, room: &Room) -> Result<u64, String> {
        if let Some(why) = self.table.hidden() {
            return Err(why.to_owned());
        }
        if self.stored().is_empty() {
            return Err("it has no columns to copy".to_owned());
        }
        if room.bytes == 0 {
            return Err(format!("any row is {}", room.over));
        }
        let few = matches!(self.what, What::Rows(Some(_)));
        let rows = self.table.rows.filter(|_| !few);
        if let Some(rows) = rows.filter(|rows| *rows > limits.max_rows) {
            return Err(format!("about {rows} rows are {}", over_rows(limits)));
        }
        match self.width() {
            Some(width) => {
                let most = room.bytes / width.max(1);
                if let Some(rows) = rows.filter(|rows| *rows > most) {
                    return Err(format!("about {} bytes are {}", rows.saturating_mul(width), room.over));
                }
                Ok(most.min(limits.max_rows))
            }
            // Never analysed: its size is all that is known.
            None if self.table.bytes > room.bytes && self.column().is_none() => {
                Err(format!("{} bytes are {}", self.table.bytes, room.over))
            }
            None => Ok(limits.max_rows),
        }
    }
}

pub(super) fn over_rows(limits: &UndoLimits) -> String {
    format!("more than spec.execution.undo.maxRows ({})", limits.max_rows)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::facts::tests::table;
    use super::*;

    const LIMITS: UndoLimits =
        UndoLimits { max_rows: 100, max_bytes: 1000, max_total_bytes: 2500, keep: Duration::from_secs(1) };

    fn item(what: What) -> Item {
        Item { table: table(), what }
    }

    #[test]
    fn rows_are_counted_by_what_one_of_them_takes() {
        // Two stored columns of 72 bytes each, and what a row costs.
        let mut whole = item(What::Table);
        assert_eq!(whole.bytes(), Some(1720));
        assert_eq!(
            whole.limit(&LIMITS, &Room::of(&LIMITS, 0)).unwrap_err(),
            "about 1720 bytes are more than spec.execution.undo.maxBytes (1000)"
        );
        whole.table.rows = Some(5);
        assert_eq!(whole.limit(&LIMITS, &Room::of(&LIMITS, 0)), Ok(5));
        whole.table.rows = Some(101);
        assert!(whole.limit(&LIMITS, &Room::of(&LIMITS, 0)).unwrap_err().contains("maxRows (100)"));
        // A condition may leave few of many.
        whole.what = What::Rows(Some(("t".to_owned(), "id = 1".to_owned())));
        assert_eq!(whole.limit(&LIMITS, &Room::of(&LIMITS, 0)), Ok(5));
    }

    #[test]
    fn what_others_leave_of_the_limit_for_all_copies_of_a_run_is_a_limit_too() {
        let mut whole = item(What::Table);
        whole.table.rows = Some(5);
        let after = |copied| whole.limit(&LIMITS, &Room::of(&LIMITS, copied));
        assert_eq!((after(1500), after(1640)), (Ok(5), Ok(5)));
        assert_eq!(
            after(1641).unwrap_err(),
            "about 860 bytes are more than what other copies of the run leave of spec.execution.undo.maxTotalBytes (2500)"
        );
        assert!(after(9999).unwrap_err().starts_with("any row is more than what other copies"));
        let few = UndoLimits { max_total_bytes: 500, ..LIMITS };
        let why = whole.limit(&few, &Room::of(&few, 0)).unwrap_err();
        assert_eq!(why, "about 860 bytes are more than spec.execution.undo.maxTotalBytes (500)");
    }

    #[test]
    fn a_table_that_was_never_analysed_is_judged_by_its_size() {
        let mut whole = item(What::Table);
        whole.table.rows = None;
        whole.table.columns.iter_mut().for_each(|column| column.width = None);
        assert!(whole.limit(&LIMITS, &Room::of(&LIMITS, 0)).unwrap_err().starts_with("8192 bytes are more"));
        whole.table.bytes = 1000;
        assert_eq!(whole.limit(&LIMITS, &Room::of(&LIMITS, 0)), Ok(100));
    }
}
