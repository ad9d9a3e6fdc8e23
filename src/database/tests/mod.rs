//! The course of a run against a database made of answers: what cannot be arranged with a real server.

mod engine;
mod fake;
