//! What SQL would do before it does it: locks, rewrites, scans, lost rows, reach. Rules one per file.
//!
//! Pure: scripts and what is known of the database go in, effects and findings come out. This room must never connect, run or read
//! a clock, and no message of it may hold a literal of a script.

mod assess;
mod catalog;
mod effect;
mod finding;

pub use assess::{AssessedStep, Assessment};
pub use catalog::{Catalog, Column, Relation};
pub use effect::{Effect, LockMode, Touch};
pub use finding::{Class, Finding, Severity};
