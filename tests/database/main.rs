//! The engine against a real PostgreSQL: one database per test, all tests in parallel.

#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot go on ends there")]

mod apply;
mod catalog;
mod checks;
mod copies_one_by_one;
mod faults;
mod hostile;
mod journal;
mod ledger;
mod lint_forms;
mod lint_locks;
mod locks;
mod losses;
mod preflight;
mod preflight_servers;
mod probing;
mod prometheus;
mod proxy;
mod reading;
mod rehearsal;
mod speed;
mod statements;
mod suitability;
mod support;
mod undo;
mod ways_back;
