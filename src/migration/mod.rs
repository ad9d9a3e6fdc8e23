//! Scripts, headers, versions, layouts, checksums and sets: what the files of a source mean.
//!
//! Pure: bytes in, a [`MigrationSet`] or a list of [`Problem`]s out. This room must never open a file, a connection or
//! a clock, and never decides what to run: that is the plan's work.

mod assemble;
mod checksum;
mod digest;
mod header;
mod header_reader;
mod layouts;
mod numbering;
mod problem;
mod script;
mod set;
mod sql;
#[cfg(test)]
mod tests;
mod transaction;
mod version;

pub use checksum::Checksum;
pub use header::{Header, Kind, Risk};
pub use problem::{Problem, Problems};
pub use script::{Script, Statement, StatementClass, TransactionMode};
pub use set::{Layout, Migration, MigrationSet, RawFile, Repeatable, SetOptions};
pub(crate) use sql::{Lexer, TokenKind};
pub use version::{Version, VersionError};

/// The SQL dialect that scripts are written in: it decides how text is split into statements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// PostgreSQL, 14 and later.
    Postgres,
}
