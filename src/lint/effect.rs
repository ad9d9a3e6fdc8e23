//! What one statement does to tables: locks, rewrites, scans, rows that it destroys. Plain values.

use crate::migration::Risk;

/// PostgreSQL's lock modes on tables, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LockMode {
    /// SELECT.
    AccessShare,
    /// SELECT FOR UPDATE, the referenced table of a validated foreign key.
    RowShare,
    /// INSERT, UPDATE, DELETE.
    RowExclusive,
    /// VACUUM, ANALYZE, CREATE INDEX CONCURRENTLY, VALIDATE CONSTRAINT: nobody waits but others of the kind.
    ShareUpdateExclusive,
    /// CREATE INDEX: writers wait.
    Share,
    /// CREATE TRIGGER, a new foreign key: writers wait.
    ShareRowExclusive,
    /// REFRESH MATERIALIZED VIEW CONCURRENTLY: writers wait.
    Exclusive,
    /// Most of ALTER TABLE, DROP, TRUNCATE: readers and writers wait.
    AccessExclusive,
}

impl LockMode {
    /// `AccessExclusiveLock`, as `pg_locks` spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AccessShare => "AccessShareLock",
            Self::RowShare => "RowShareLock",
            Self::RowExclusive => "RowExclusiveLock",
            Self::ShareUpdateExclusive => "ShareUpdateExclusiveLock",
            Self::Share => "ShareLock",
            Self::ShareRowExclusive => "ShareRowExclusiveLock",
            Self::Exclusive => "ExclusiveLock",
            Self::AccessExclusive => "AccessExclusiveLock",
        }
    }

    /// Whether writers of the table wait for it.
    #[must_use]
    pub fn blocks_writes(self) -> bool {
        self >= Self::Share
    }

    /// Whether readers of the table wait for it.
    #[must_use]
    pub fn blocks_reads(self) -> bool {
        self == Self::AccessExclusive
    }
}

/// What a statement does to one table, index, view or sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touch {
    /// As the statement names it, folded as the server folds names: `orders`, `billing.orders`.
    pub table: String,
    /// The strongest lock.
    pub lock: LockMode,
    /// Its rows are written anew while the lock is held.
    pub rewrites: bool,
    /// Its rows are read from end to end while the lock is held.
    pub scans: bool,
    /// This run creates it, so nobody else can be using it.
    pub new: bool,
}

/// What one statement does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    /// 1-based position among the script's statements.
    pub number: u32,
    /// 1-based line of its first token in the file.
    pub line: u32,
    /// 1-based column of its first token.
    pub column: u32,
    /// What kind of statement it is: `ALTER TABLE … ADD COLUMN`, `CREATE INDEX CONCURRENTLY`, `INSERT`.
    pub kind: String,
    /// What it touches.
    pub touches: Vec<Touch>,
    /// What it destroys: `table orders`, `column orders.note`, `rows of orders`; empty when nothing.
    pub destroys: Vec<String>,
    /// It could not be read, or does what cannot be told from its text (DO, dynamic SQL): why.
    pub opaque: Option<String>,
    /// How much can go wrong, and why: the reasons of the highest level first. `Low` needs no reason.
    pub risk: (Risk, Vec<String>),
    /// About how long it takes, by the sizes of what it scans or writes anew; `None` where it cannot be told.
    pub estimate: Option<std::time::Duration>,
}

impl Effect {
    /// The strongest lock on something that others may be using.
    #[must_use]
    pub fn strongest(&self) -> Option<LockMode> {
        self.touches.iter().filter(|touch| !touch.new).map(|touch| touch.lock).max()
    }
}
