//! Black-box tests: the operator's own binary, as the chart's ServiceAccount, against a real API server and a real
//! PostgreSQL. One test is one scenario, named as a sentence. Each has a namespace, a database and an operator to itself.

#![allow(missing_docs, reason = "tests are named as sentences")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod admission;
mod adoption;
mod approvals;
mod checks;
mod command_line;
mod concurrently;
mod dependencies;
mod endings;
mod env;
mod first_steps;
mod gates;
mod inputs;
mod kills;
mod leaders;
mod lifecycle;
mod locks;
mod measurements;
mod network;
mod objects;
mod plans;
mod policies;
mod promises;
mod promotion;
mod races;
mod rehearsals;
mod releases;
mod restart;
mod rotation;
mod scripts;
mod servers;
mod sharing;
mod taking_back;
mod tls;
mod undo;
mod validation;
mod verification;
mod waiting;
mod watching;
mod windows;
