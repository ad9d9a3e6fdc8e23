//! What must hold before SQL runs: one file per gate, facts that were gathered before → open, closed, denied or unknown.
//!
//! Pure. This room must never fetch, write or read a clock.

pub mod approvals;
pub mod dependency;
mod facts;
mod guard;
pub mod lint;
mod neighbour;
pub mod preflight;
pub mod promotion;
mod ring;
mod spec;
pub mod sql;
#[cfg(test)]
mod tests;
mod verdict;
pub mod window;

pub use facts::{Facts, Forerunner, Guard, Preflight};
pub use guard::{author_guard, guard};
pub use neighbour::{Neighbour, Place};
pub(crate) use spec::NO_KEY;
pub use spec::{ApprovalRule, Gates};
pub use verdict::{GateState, Verdict};
pub use window::Window;

/// One kind of gate: its name, and what it says. One that nobody asked for says nothing.
pub type Gate = (&'static str, fn(&Facts<'_>) -> Vec<Verdict>);

/// Every kind of gate, in the order in which people read them.
pub const GATES: &[Gate] = &[
    ("window", window::check),
    ("dependency", dependency::check),
    ("promotion", promotion::check),
    ("approvals", approvals::check),
    ("lint", lint::check),
    ("preflight", preflight::check),
    ("sql", sql::check),
];

/// What all gates say.
#[must_use]
pub fn judge(facts: &Facts<'_>) -> Vec<Verdict> {
    GATES.iter().flat_map(|(_, gate)| gate(facts)).collect()
}
