//! A plan as people and tools review it: the same facts in an object's ConfigMap, on the command line and in a pull request.
//!
//! Pure. This room decides nothing, and shows of scripts what their authors wrote only where it is asked to.

mod markdown;
mod plan;
#[cfg(test)]
mod tests;

pub use markdown::markdown;
pub use plan::{PlanShown, ScriptShown, StatementShown, StepShown, TouchShown, UndoShown};
