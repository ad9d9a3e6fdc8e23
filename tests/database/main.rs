//! The engine against a real PostgreSQL: one database per test, all tests in parallel.

mod apply;
mod faults;
mod journal;
mod ledger;
mod locks;
mod proxy;
mod suitability;
mod support;
