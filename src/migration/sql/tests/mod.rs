//! The scanner against what PostgreSQL's own scanner does.

mod classes;
mod properties;
mod statements;
