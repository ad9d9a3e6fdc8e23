//! What SQL would do before it does it: locks, rewrites, scans, lost rows, reach. Rules one per file.
//!
//! Pure: scripts and what is known of the database go in, effects and findings come out. This room must never connect, run or read
//! a clock, and no message of it may hold a literal of a script.

mod assess;
mod catalog;
mod classify;
mod effect;
mod finding;
mod objects;
mod registry;
mod risk;
mod rule;
mod sketch;
mod subject;
mod syntax;
mod types;
mod world;

pub use assess::{AssessedStep, Assessment, assess, judge_set, names};
pub use catalog::{Catalog, Column, Constraint, Relation, split_name};
pub use effect::{Effect, LockMode, Touch};
pub use finding::{Class, Finding, Severity};
pub use objects::{Created, Object, ObjectKind};
pub use registry::RULES;
pub use rule::{About, Found, Rule};
pub use subject::{Judged, Subject};
