//! What the platform imposes: MigrationPolicies combined with an object's spec, the strictest of all that is asked for.
//!
//! Pure: specs, policies and labels in, one spec, what each policy imposed and what is in the way out. This room must never fetch, write
//! or read a clock, and it can only tighten: whatever cannot be understood closes. A part of a policy that it does not know would otherwise
//! be a gate that nobody looks at.

mod approvals;
mod by_risk;
mod database;
mod endpoints;
mod execution;
mod fault;
mod fields;
mod from_risk;
mod gates;
mod lint;
mod notes;
mod preflight;
mod promotion;
mod raise;
mod select;
#[cfg(test)]
mod tests;
mod validated;
mod verification;

pub use by_risk::ByRisk;
pub use database::DatabaseRules;
pub use fault::Fault;
pub use fields::strictly;
pub use raise::{PolicyFault, Raised, raise};
pub use select::{Labels, Reach};
pub use validated::Policy;
