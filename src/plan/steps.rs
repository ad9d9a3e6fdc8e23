//! The plan itself: ordered steps, each with the script that runs, and one digest over them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::migration::{Checksum, Header, Kind, Script, Version};

/// Which way a plan goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Towards a newer version.
    Up,
    /// Back to an older version.
    Down,
}

impl Direction {
    /// `up` or `down`: for metrics labels, ledger rows and messages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Run the up script and record the version as applied, with its down script copied.
    Apply {
        /// The way up.
        up: Arc<Script>,
        /// The way down, copied into the ledger.
        down: Option<Arc<Script>>,
    },
    /// Run the ledger's copy of the down script and record the version as rolled back.
    Revert {
        /// The way down.
        down: Arc<Script>,
    },
    /// Record the version as applied without running anything.
    Baseline {
        /// Checksum of the up script that is taken as applied.
        up_checksum: Checksum,
        /// The way down, copied into the ledger.
        down: Option<Arc<Script>>,
    },
    /// Run a repeatable script.
    Repeat {
        /// The script.
        script: Arc<Script>,
    },
}

/// One step of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The version; `None` for a repeatable.
    pub version: Option<Version>,
    /// The repeatable's name; `None` for a version.
    pub repeatable: Option<String>,
    /// For people.
    pub description: String,
    /// What it changes.
    pub kind: Kind,
    /// The up script's header.
    pub header: Header,
    /// What it does.
    pub action: Action,
}

impl Step {
    /// `003` or `R__active_users`: how messages, metrics and the ledger name the step.
    #[must_use]
    pub fn label(&self) -> String {
        match (&self.version, &self.repeatable) {
            (Some(version), _) => version.to_string(),
            (None, Some(name)) => format!("R__{name}"),
            (None, None) => String::new(),
        }
    }

    /// Whether it goes up and could not come down again: it has no down script, or its author says that there is no way back.
    #[must_use]
    pub fn is_one_way(&self) -> bool {
        match &self.action {
            Action::Apply { down, .. } => down.is_none() || self.header.rollback_available == Some(false),
            Action::Revert { .. } | Action::Baseline { .. } | Action::Repeat { .. } => false,
        }
    }

    /// The script that runs, if any does.
    #[must_use]
    pub fn script(&self) -> Option<&Arc<Script>> {
        match &self.action {
            Action::Apply { up, .. } => Some(up),
            Action::Revert { down } => Some(down),
            Action::Repeat { script } => Some(script),
            Action::Baseline { .. } => None,
        }
    }
}

/// The steps from the ledger's version to the target version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Up, also when it is empty or only repeats scripts.
    pub direction: Direction,
    /// The newest version in effect before.
    pub from: Option<Version>,
    /// The newest version in effect after.
    pub to: Option<Version>,
    /// In the order in which they run; empty when the database is where it should be.
    pub steps: Vec<Step>,
    /// `sha256:` over direction, from, to and each step's label, action and checksums.
    pub digest: String,
    /// What a person should know before it runs.
    pub warnings: Vec<String>,
}

impl Plan {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Statements in all scripts of the plan.
    #[must_use]
    pub fn statements(&self) -> usize {
        self.steps.iter().filter_map(Step::script).map(|script| script.statements.len()).sum()
    }
}
