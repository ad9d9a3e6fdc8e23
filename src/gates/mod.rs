//! What must hold before SQL runs: one file per gate, facts that were gathered before → open, closed, denied or unknown.
//!
//! Pure. This room must never fetch, write or read a clock.

mod facts;
pub mod preflight;
mod spec;
pub mod sql;
mod verdict;

pub use facts::{Facts, Guard, Neighbour};
pub use spec::{ApprovalRule, Gates};
pub use verdict::{GateState, Verdict};

/// One kind of gate: its name, and what it says. One that nobody asked for says nothing.
pub type Gate = (&'static str, fn(&Facts<'_>) -> Vec<Verdict>);

/// Every kind of gate, in the order in which people read them.
pub const GATES: &[Gate] = &[];

/// What all gates say.
#[must_use]
pub fn judge(facts: &Facts<'_>) -> Vec<Verdict> {
    GATES.iter().flat_map(|(_, gate)| gate(facts)).collect()
}
