//! Migration set × ledger × target version → a plan, or the precise reason why there is none.
//!
//! Pure: what the database recorded comes in as a [`Ledger`], what is to happen goes out as a [`Plan`]. This room must
//! never run, connect or read a clock.

mod ledger;
mod make;
mod refusal;
mod steps;

pub use ledger::{
    Entry, EntryStatus, Existing, JournalEntry, JournalState, Ledger, LedgerFailure, Outcome, RunSummary,
};
pub use make::{Adoption, MissingPolicy, OutOfOrder, Policy, Target, make};
pub use refusal::Refusal;
pub use steps::{Action, Direction, Plan, Step};
