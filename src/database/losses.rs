//! What a way down would destroy that was written after the way up: names and numbers, never a value.

use std::fmt;

/// Where counting ends: more is told as "more than 10000".
pub const COUNTED: u64 = 10_000;

/// Something with rows at risk that a way down takes away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// The step's label: `003`.
    pub label: String,
    /// The down script's file.
    pub file: String,
    /// 1-based line in the file of the statement that takes it away.
    pub line: u32,
    /// `table public.orders`, `column public.orders.note`; for what cannot be looked into, the statement: `DO`.
    pub object: String,
    /// How many rows.
    pub rows: RowsAtRisk,
}

/// Rows that would be lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowsAtRisk {
    /// Written since the version was applied: so many, or more than [`COUNTED`].
    Written(u64),
    /// There are rows, and whether they were written since cannot be told: why.
    Unknown(String),
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { label, file, line, object, rows } = self;
        match rows {
            RowsAtRisk::Written(rows) if *rows > COUNTED => {
                write!(f, "{object}: more than {COUNTED} rows written since {label} was applied ({file}:{line})")
            }
            RowsAtRisk::Written(1) => write!(f, "{object}: 1 row written since {label} was applied ({file}:{line})"),
            RowsAtRisk::Written(rows) => {
                write!(f, "{object}: {rows} rows written since {label} was applied ({file}:{line})")
            }
            RowsAtRisk::Unknown(why) => {
                write!(f, "{object}: rows may have been written since {label} was applied; {why} ({file}:{line})")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_is_told_with_object_number_version_and_line() {
        let told = |rows| {
            let object = "column public.orders.note".to_owned();
            Loss { label: "003".to_owned(), file: "U003__x.sql".to_owned(), line: 2, object, rows }.to_string()
        };
        assert_eq!(
            told(RowsAtRisk::Written(12)),
            "column public.orders.note: 12 rows written since 003 was applied (U003__x.sql:2)"
        );
        assert!(told(RowsAtRisk::Written(1)).contains(": 1 row written since"));
        assert!(told(RowsAtRisk::Written(COUNTED + 1)).contains(": more than 10000 rows written since"));
        assert!(told(RowsAtRisk::Unknown("no privilege".to_owned())).contains("; no privilege ("));
    }
}
