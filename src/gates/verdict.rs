//! What a gate says of a plan. Plain values.

use jiff::Timestamp;

/// How a gate stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GateState {
    /// The plan may pass.
    Open,
    /// Not now; it opens when the world changes, and is looked at again.
    Closed,
    /// It cannot be told: closed meanwhile.
    Unknown,
    /// Not like this: only a change of what was asked for, or of who said no, opens it.
    Denied,
}

impl GateState {
    /// The word in the status and in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "Open",
            Self::Closed => "Closed",
            Self::Unknown => "Unknown",
            Self::Denied => "Denied",
        }
    }
}

/// What one gate says. The texts stay the same, to the letter, while the world stands still: no ages, no counters that run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The gate's kind: a name of the registry.
    pub gate: &'static str,
    /// Which of its kind: the name of a query, of another object …
    pub name: Option<String>,
    /// How it stands.
    pub state: GateState,
    /// What it is about, for people: names and numbers, no data and no server message.
    pub message: String,
    /// What would open it, and who can; `None` where it is open.
    pub opens: Option<String>,
    /// When it is known to change by itself.
    pub changes_at: Option<Timestamp>,
    /// What is recorded with the run: who approved, which override was used.
    pub record: Option<serde_json::Value>,
}

impl Verdict {
    /// An open gate.
    #[must_use]
    pub fn open(gate: &'static str, message: impl Into<String>) -> Self {
        Self {
            gate,
            name: None,
            state: GateState::Open,
            message: message.into(),
            opens: None,
            changes_at: None,
            record: None,
        }
    }

    /// One that is not open, and what would open it.
    #[must_use]
    pub fn shut(gate: &'static str, state: GateState, message: impl Into<String>, opens: impl Into<String>) -> Self {
        Self { state, opens: Some(opens.into()), ..Self::open(gate, message) }
    }

    /// The same for one of several of its kind.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }
}
