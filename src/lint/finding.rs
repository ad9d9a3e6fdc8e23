//! What a rule found. Plain values.

use std::fmt;

use serde::Serialize;

/// What a finding is about: the classes that `spec.gates.lint` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Class {
    /// Rows are destroyed.
    DataLoss,
    /// A table's rows are written anew under a lock that readers wait for.
    TableRewrite,
    /// Readers or writers wait for longer than a moment.
    BlockingLock,
    /// A table is read from end to end under a lock that writers wait for.
    TableScan,
    /// More rights or reach than a migration needs.
    Security,
    /// The same script in another environment does something else, or nothing.
    Environment,
    /// A second run would fail, or what a run does depends on how it ended.
    Rerun,
    /// The way back does not lead back.
    WayBack,
    /// What cannot be judged from the text: dynamic SQL, what does not parse.
    Opaque,
}

impl Class {
    /// All of them, in the order of the reference page.
    pub const ALL: [Self; 9] = [
        Self::DataLoss,
        Self::TableRewrite,
        Self::BlockingLock,
        Self::TableScan,
        Self::Security,
        Self::Environment,
        Self::Rerun,
        Self::WayBack,
        Self::Opaque,
    ];

    /// As `spec.gates.lint` names it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DataLoss => "DataLoss",
            Self::TableRewrite => "TableRewrite",
            Self::BlockingLock => "BlockingLock",
            Self::TableScan => "TableScan",
            Self::Security => "Security",
            Self::Environment => "Environment",
            Self::Rerun => "Rerun",
            Self::WayBack => "WayBack",
            Self::Opaque => "Opaque",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Worth mending.
    Warning,
    /// Hurts.
    Error,
}

impl Severity {
    /// `note`, `warning`, `error`: the words of SARIF and of every compiler.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// What a rule found at one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// The rule's name: `drop-table`.
    pub rule: &'static str,
    /// Its class.
    pub class: Class,
    /// How bad.
    pub severity: Severity,
    /// The file as its author knows it.
    pub file: String,
    /// 1-based line in the file.
    pub line: u32,
    /// 1-based column in characters.
    pub column: u32,
    /// Where it ends, likewise (exclusive).
    pub end: (u32, u32),
    /// What is there, in a sentence, with object names and no literal of the script.
    pub message: String,
    /// Why it hurts: which lock, who waits.
    pub why: String,
    /// The safe way to write it; may hold several lines of SQL.
    pub rewrite: Option<String>,
    /// The reason that a `-- sluice:ignore` comment gives: it counts for nothing then, and is shown.
    pub ignored: Option<String>,
}
