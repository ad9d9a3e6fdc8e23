//! One SQL script, split into statements that know where they stand in the file.

use super::{Checksum, Dialect, Problems};

/// Whether a script runs in one transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransactionMode {
    /// All statements and the ledger row commit together.
    Transactional,
    /// Statement by statement, each journaled; the reason is shown in the plan.
    NonTransactional {
        /// `marked no-transaction` or the first statement that PostgreSQL refuses in a transaction block.
        reason: String,
    },
}

/// How a statement relates to transactions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatementClass {
    /// Runs in a transaction and outside of one.
    Transactional,
    /// The server refuses it inside a transaction block (CREATE INDEX CONCURRENTLY, VACUUM …).
    NonTransactional,
    /// May end transactions itself when it runs outside of one: CALL, and DO with COMMIT or ROLLBACK in its body.
    MayCommit,
    /// BEGIN, START TRANSACTION: opens an explicit block (only found in scripts without a transaction).
    Begin,
    /// COMMIT, END.
    Commit,
    /// ROLLBACK, ABORT.
    Rollback,
}

/// One statement of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// 1-based position among the script's statements.
    pub number: u32,
    /// The text from its first token to its last, without the closing `;`. Leading comments are not part of it.
    pub text: String,
    /// 1-based line of the first token in the file.
    pub line: u32,
    /// 1-based column of the first token, in characters.
    pub column: u32,
    /// How it relates to transactions.
    pub class: StatementClass,
}

/// A script as it will be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// The file as its author knows it.
    pub file: String,
    /// The normalised text of the script (for single-file layouts: of this direction alone).
    pub sql: String,
    /// Of `sql`.
    pub checksum: Checksum,
    /// One transaction or none.
    pub mode: TransactionMode,
    /// Statements in order; a wrapping `BEGIN; … COMMIT;` is absorbed and not among them. Empty for a no-op.
    pub statements: Vec<Statement>,
}

impl Script {
    /// Reads one script. `first_line` is the 1-based line of the file at which `sql` begins; `no_transaction` says that
    /// the file's layout or metadata marks it so (the script's own header comment is found here).
    ///
    /// # Errors
    /// Every construct that Sluice refuses, with its line and cure.
    pub fn parse(
        _dialect: Dialect,
        _file: &str,
        _first_line: u32,
        _sql: &str,
        _no_transaction: bool,
    ) -> Result<Self, Problems> {
        unimplemented!("written by the migration room")
    }
}
