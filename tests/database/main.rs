//! The engine against a real PostgreSQL: one database per test, all tests in parallel.

mod apply;
mod journal;
mod proxy;
mod support;
