//! The core: a pure state machine. What was observed, with the time, becomes one [`State`], one [`Decision`] and the
//! status that reports it.
//!
//! Nothing here may wait, connect, draw random numbers or read a clock: time and jitter come in as arguments, so that every
//! state × every event is tested as a table.

mod aftermath;
mod back;
mod backoff;
mod conditions;
mod consequences;
mod cut;
mod decide;
mod desired;
mod due;
mod events;
mod gating;
mod invalid;
mod judging;
mod look;
mod measures;
mod messages;
mod observed;
mod report;
mod state;
#[cfg(test)]
mod tests;
mod undo;
mod verified;
mod words;

pub use aftermath::allows_loss;
pub use back::{way_back, way_back_target};
pub use backoff::backoff;
pub use decide::{Action, Decision, decide};
pub use desired::{Desired, RehearsalDesired, SourceDesired};
pub use due::DueVerification;
pub use events::{Event, events};
pub use gating::{Gathered, holds, opened_by, waiting_since};
pub use invalid::InvalidSpec;
pub use judging::{Mode, OnInconclusive, RollbackPolicy, Verification};
pub use look::{Settled, SettledKey, due, later};
pub use messages::work;
pub use observed::{Closed, Look, Observed, Platform, Rehearsed, Requests, Room, Source, Task, Verifying};
pub use report::report;
pub use state::{Job, State};
pub use verified::{evidence, sentence};
