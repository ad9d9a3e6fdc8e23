//! What SQL would do before it does it: locks, rewrites, scans, lost rows, reach. Rules one per file.
//!
//! Pure: scripts and what is known of the database go in, effects and findings come out. This room must never connect, run or read
//! a clock, and no message of it may hold a literal of a script.

mod assess;
mod catalog;
mod classify;
mod effect;
mod finding;
mod ignore;
mod objects;
mod policy;
mod registry;
mod risk;
mod rule;
mod rules;
mod sketch;
mod subject;
mod syntax;
#[cfg(test)]
mod tests;
mod types;
mod words;
mod world;

pub use assess::{AssessedStep, Assessment, assess, judge_set, names, names_of_set};
pub use catalog::{Catalog, Column, Constraint, Relation, split_name};
pub use effect::{Effect, LockMode, Touch};
pub use finding::{Class, Finding, Severity};
pub use objects::{Created, Object, ObjectKind};
pub use policy::{LintPolicy, Selector, UnknownName, Verdict as LintVerdict};
pub use registry::RULES;
pub use rule::{About, Found, Rule};
pub use subject::{Judged, Subject};
pub use words::without_literals;
