//! Copies of rows that destructive statements take away: names and numbers, never a value.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;

use crate::plan::Direction;

/// What is copied before it is destroyed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UndoLimits {
    /// At most so many rows of one table.
    pub max_rows: u64,
    /// At most so many bytes of one table.
    pub max_bytes: u64,
    /// At most so many bytes of all copies of a run together.
    pub max_total_bytes: u64,
    /// How long a copy is kept.
    pub keep: Duration,
}

impl Default for UndoLimits {
    /// As the reference page states them. A copy of this size was made in 0.3 s on a small server, for which an application
    /// waits that wants the table, and put back in 1 s. Eight of them are as much as one script should make anybody wait for.
    fn default() -> Self {
        Self {
            max_rows: 100_000,
            max_bytes: 32 << 20,
            max_total_bytes: 256 << 20,
            keep: Duration::from_secs(168 * 3600),
        }
    }
}

/// What one statement of a step would take away, by the server's estimates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UndoEstimate {
    /// The step's label: `003`.
    pub label: String,
    /// The script's file.
    pub file: String,
    /// 1-based line in the file of the statement that takes it away.
    pub line: u32,
    /// `table public.orders`, `column public.orders.note`, `rows of public.orders`
    pub object: String,
    /// About so many rows; `None` where the server has no idea.
    pub rows: Option<u64>,
    /// About so many bytes to copy; likewise.
    pub bytes: Option<u64>,
    /// Why it would not be copied; `None`: it would be.
    pub not_copied: Option<String>,
}

impl fmt::Display for UndoEstimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { label, line, object, rows, bytes, not_copied, .. } = self;
        write!(f, "{label} line {line} takes away {object}")?;
        match (not_copied, rows, bytes) {
            (Some(why), _, _) => write!(f, " without an undo copy: {why}"),
            (None, Some(1), _) => write!(f, "; about 1 row is copied before"),
            (None, Some(rows), Some(bytes)) => {
                write!(f, "; about {rows} rows of {} KiB in all are copied before", bytes.div_ceil(1024))
            }
            (None, Some(rows), None) => write!(f, "; about {rows} rows are copied before"),
            (None, None, _) => write!(f, "; its rows are copied before"),
        }
    }
}

/// Where a copy stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UndoState {
    /// It is there.
    Kept,
    /// Its rows were restored; it is there until it expires.
    Restored,
    /// It expired and was dropped.
    Dropped,
    /// It was never made: the note says why.
    NotCopied,
}

impl UndoState {
    /// The word that people see.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Restored => "restored",
            Self::Dropped => "dropped",
            Self::NotCopied => "not copied",
        }
    }
}

/// One row of the ledger about a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UndoCopy {
    /// By which it is restored.
    pub id: i64,
    /// The step's label: `003`, or `R__name`.
    pub label: String,
    /// Whether its way up or its way down took the rows away.
    pub direction: Direction,
    /// The script's file.
    pub file: String,
    /// 1-based line in the file.
    pub line: u32,
    /// `column public.orders.note`
    pub object: String,
    /// The table with the rows.
    pub table: Option<String>,
    /// How many.
    pub rows: Option<u64>,
    /// How large it is.
    pub bytes: Option<u64>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When the next run drops it.
    pub expires_at: Timestamp,
    /// Where it stands.
    pub state: UndoState,
    /// Why it was not made, what of it was not restored, why not.
    pub note: Option<String>,
    /// The statement that restores it; `None` where only a person can.
    pub restore_sql: Option<String>,
}

/// What restoring a copy came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UndoRestored {
    /// `column public.orders.note`
    pub object: String,
    /// Rows restored.
    pub rows: u64,
    /// Rows of the copy that were left as they are, because they were changed or removed in between, or are back already.
    pub left: u64,
}

impl fmt::Display for UndoRestored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { object, rows, left } = self;
        let s = if *rows == 1 { "" } else { "s" };
        write!(f, "{object}: {rows} row{s} restored from the copy")?;
        if *left > 0 {
            write!(f, ", {left} left as they are")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_restored_is_told_with_what_was_left() {
        let told = |rows, left| UndoRestored { object: "table public.t".to_owned(), rows, left }.to_string();
        assert_eq!(told(1, 0), "table public.t: 1 row restored from the copy");
        assert_eq!(told(7, 2), "table public.t: 7 rows restored from the copy, 2 left as they are");
    }
}
