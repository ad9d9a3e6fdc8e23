//! Reading from a target database: queries of users and of ready-made checks, in read-only transactions.
//!
//! What comes back are the rows that were asked for and numbers. Errors are codes, positions and object names; the server's
//! own words go nowhere.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::lint::Catalog;

use super::{DatabaseError, PreflightFacts};

/// At most so many rows come back.
pub const MOST_ROWS: usize = 100;
/// At most so many bytes come back, all rows as JSON together.
pub const MOST_BYTES: usize = 64 * 1024;

/// Why nothing was read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The database cannot be asked.
    #[error("{0}")]
    Unavailable(DatabaseError),
    /// The query cannot be run, or its answer cannot be used: where and why, and what would help.
    #[error("{0}")]
    Refused(String),
}

/// One row of an answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Row {
    /// Its first column; null where it has none.
    pub first: Value,
    /// All columns by name. Of two with the same name the last counts.
    pub columns: Map<String, Value>,
}

/// How long a query takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// The median of all runs: on the server and on the way there and back.
    pub median: Duration,
    /// How often it ran.
    pub runs: u32,
    /// The last run was cut short, and would have taken longer than the median says.
    pub cut_short: bool,
}

/// How rows are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CountBy {
    /// Reading the table.
    Reading,
    /// The server's statistics.
    Statistics,
}

/// What is wrong with a ledger.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LedgerFaults {
    /// Finished runs whose record was changed afterwards, or is missing.
    pub changed: u64,
    /// Runs before the newest one that have not ended.
    pub open: u64,
}

/// What a database counted since its statistics were reset.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Activity {
    /// Transactions that committed.
    pub commits: u64,
    /// Transactions that rolled back.
    pub rollbacks: u64,
    /// Deadlocks.
    pub deadlocks: u64,
    /// Queries that were cancelled because of a conflict with recovery.
    pub conflicts: u64,
    /// Sessions that were begun. A login that is refused begins none, and no counter of the server tells of it.
    pub sessions: u64,
    /// Sessions that ended because their client was gone.
    pub abandoned: u64,
    /// Sessions that ended in a fatal error.
    pub fatal: u64,
    /// Sessions that somebody ended.
    pub killed: u64,
}

/// Which statements of applications are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatementsOf {
    /// Of those that mention certain tables, the ones that took the most time so far.
    Tables {
        /// The tables' names, as they were written …
        named: Vec<String>,
        /// … or, where there are none, words among which the names of tables and indexes are.
        mentioned: Vec<String>,
        /// At most so many statements.
        most: u32,
    },
    /// Those with these ids.
    These(Vec<i64>),
}

/// What a server counted of one statement.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct StatementTime {
    /// How often it was called.
    pub calls: u64,
    /// How long all calls took together, in seconds.
    pub seconds: f64,
}

/// What a server counted of statements, since it was told to begin anew.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct StatementTimes {
    /// The tables that are meant: `public.orders`.
    pub tables: BTreeSet<String>,
    /// Statements that the role may not see.
    pub hidden: u64,
    /// When the server was told to begin anew, as it says it.
    pub reset: Option<String>,
    /// By id.
    pub statements: BTreeMap<i64, StatementTime>,
}

/// A session for reading, as the role of the credentials. Every method is one read-only transaction that waits neither long
/// for an answer nor long for a lock.
#[async_trait]
pub trait Reader: Send {
    /// Runs one query and gives back its rows, at most [`MOST_ROWS`] of at most [`MOST_BYTES`].
    ///
    /// # Errors
    /// When it is not one query, when the server refuses it, when it takes longer than `timeout`, when more comes back.
    async fn query(&mut self, query: &str, timeout: Duration) -> Result<Vec<Row>, ReadError>;

    /// Runs one query that many times and throws its rows away where they were made. All runs together take no longer than
    /// `budget`; the one that would is cut short and counts as long as it took.
    ///
    /// # Errors
    /// When it is not one query, or the server refuses it.
    async fn time(&mut self, query: &str, runs: u32, budget: Duration) -> Result<Timing, ReadError>;

    /// Rows of tables by the names given, those that there are not left out; of all tables but ledgers where none is named.
    ///
    /// # Errors
    /// When a table cannot be read.
    async fn row_counts(&mut self, tables: &[String], by: CountBy) -> Result<BTreeMap<String, u64>, ReadError>;

    /// Rows that refer to a row that is not there, where a foreign key is not validated or its triggers are disabled, by the
    /// key's name.
    ///
    /// # Errors
    /// When a table cannot be read.
    async fn orphans(&mut self) -> Result<BTreeMap<String, u64>, ReadError>;

    /// Indexes that are not valid and constraints that are not validated: `index public.orders_idx`.
    ///
    /// # Errors
    /// When the server cannot be asked.
    async fn invalid_objects(&mut self) -> Result<BTreeSet<String>, ReadError>;

    /// What is wrong with the ledger; `None` where there is no ledger.
    ///
    /// # Errors
    /// When it cannot be read.
    async fn ledger_faults(&mut self) -> Result<Option<LedgerFaults>, ReadError>;

    /// What the database counted so far.
    ///
    /// # Errors
    /// When the server cannot be asked.
    async fn activity(&mut self) -> Result<Activity, ReadError>;

    /// What holds in the database and on its server, and of these tables, named as [`crate::lint::names`] names them. A fact that
    /// the role may not see is unknown, and no error.
    ///
    /// # Errors
    /// When the server cannot be asked.
    async fn preflight(&mut self, tables: &[String]) -> Result<PreflightFacts, ReadError>;

    /// The relations of these names ([`crate::lint::names`]), their indexes, partitions and what foreign keys tie them to, with
    /// sizes as the catalog has them. Locks no relation of the user, reads no row of one.
    ///
    /// # Errors
    /// When the server cannot be asked.
    async fn catalog(&mut self, names: &[String]) -> Result<Catalog, ReadError>;

    /// What the server counted of statements in this database; `None` where it does not count.
    ///
    /// # Errors
    /// When the server cannot be asked.
    async fn statement_times(&mut self, of: &StatementsOf) -> Result<Option<StatementTimes>, ReadError>;

    /// Closes the connection and waits until the server knows.
    async fn close(self: Box<Self>);
}
