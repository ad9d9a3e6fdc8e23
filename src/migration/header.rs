//! What a script says about itself in the comments at its head.

use serde::{Deserialize, Serialize};

use super::Version;

/// What a migration changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Structure: tables, indexes, functions.
    #[default]
    Schema,
    /// Rows that the application owns.
    Data,
    /// Reference rows that ship with the application.
    Seed,
    /// Run again whenever its content changes.
    Repeatable,
}

/// How much can go wrong, lowest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Risk {
    /// Nothing that is in use changes.
    Low,
    /// What is in use changes, briefly.
    Medium,
    /// Applications may notice.
    High,
    /// Data or service may be lost.
    Critical,
}

impl Risk {
    /// `LOW`, `MEDIUM`, `HIGH` or `CRITICAL`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "LOW",
            Self::Medium => "MEDIUM",
            Self::High => "HIGH",
            Self::Critical => "CRITICAL",
        }
    }
}

/// The header comments of a script.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Header {
    /// `-- Author:`
    pub author: Option<String>,
    /// `-- Description:`
    pub description: Option<String>,
    /// `-- Type:`
    pub kind: Option<Kind>,
    /// `-- Risk Level:`
    pub risk: Option<Risk>,
    /// `-- Estimated Duration:`, as written.
    pub estimated_duration: Option<String>,
    /// `-- Rollback Available:` (yes/no/true/false).
    pub rollback_available: Option<bool>,
    /// `-- Dependencies:` versions that must be applied before.
    pub dependencies: Vec<Version>,
    /// `-- sluice:no-transaction`, sqlx's `-- no-transaction`, goose's and dbmate's marks.
    pub no_transaction: bool,
}
