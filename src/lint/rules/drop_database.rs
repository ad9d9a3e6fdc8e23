//! `drop-database`: a database is dropped.

use super::super::{About, Class, Found, Rule, Severity, Subject};

/// A database is dropped.
pub struct DropDatabase;

static ABOUT: About = About {
    name: "drop-database",
    class: Class::DataLoss,
    severity: Severity::Error,
    summary: "A database is dropped",
    why: "Everything in it is gone, for every application that uses it, and it cannot run in a transaction.",
    rewrite: "Databases belong to whoever runs the server; a migration works inside of one.",
    bad: "DROP DATABASE shop;\n",
    good: "DROP INDEX CONCURRENTLY IF EXISTS orders_by_day;\n",
};

impl Rule for DropDatabase {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, subject: &Subject<'_>, found: &mut Found) {
        for judged in &subject.statements {
            let words = judged.words();
            for at in words.find(&["DROP", "DATABASE"]).filter(|at| words.begins(*at)) {
                found.at(judged, words.span(at..at + 2), "a database is dropped with everything in it");
            }
        }
    }
}
