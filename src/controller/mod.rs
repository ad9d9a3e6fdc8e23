//! The shell around the core, against Kubernetes: observe → decide → record → act, one pass at a time per object.
//!
//! This room does the talking: it reads what a decision needs, writes what was decided, and starts runs. It must never
//! decide anything itself.

mod act;
mod assessed;
mod context;
mod credentials;
mod error;
mod gates;
mod guards;
mod inputs;
pub mod leader;
mod measure;
mod memory;
mod neighbours;
mod observe;
mod options;
mod others;
mod platform;
mod reconcile;
mod record;
mod rehearsals;
mod serve;
mod show;
mod tasks;
#[cfg(test)]
mod tests;
mod verify;
mod watch;

pub use options::Options;
pub use serve::{ServeError, serve};
