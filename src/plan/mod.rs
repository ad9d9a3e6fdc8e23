//! Migration set × ledger × target version → a plan, or the precise reason why there is none.
//!
//! Pure: what the database recorded comes in as a [`Ledger`], what is to happen goes out as a [`Plan`]. This room must
//! never run, connect or read a clock.

mod down;
mod effect;
mod judgement;
mod ledger;
mod make;
mod policy;
mod refilled;
mod refusal;
mod steps;
#[cfg(test)]
mod tests;
mod unfinished;
mod up;

pub use judgement::{Judgement, Rollback, TakeBack, Trigger, Verification};
pub use ledger::{
    Entry, EntryStatus, Existing, JournalEntry, JournalState, Ledger, LedgerFailure, Outcome, RunSummary,
};
pub use make::make;
pub use policy::{Adoption, MissingPolicy, OutOfOrder, Policy, Target};
pub use refilled::Refilled;
pub use refusal::Refusal;
pub use steps::{Action, Direction, Plan, Step};
