//! `database-name`: a script names its own database.

use super::super::{About, Class, Found, Rule, Severity, Subject};

/// A script names its own database.
pub struct DatabaseName;

static ABOUT: About = About {
    name: "database-name",
    class: Class::Environment,
    severity: Severity::Warning,
    summary: "A script names its own database",
    why: "The database has another name in another environment; there the script fails, or changes the wrong \
        one.",
    rewrite: "Leave the database out: a script runs in the one that it is for.",
    bad: "COMMENT ON DATABASE shop IS 'orders';\n",
    good: "COMMENT ON SCHEMA public IS 'orders';\n",
};

impl Rule for DatabaseName {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, subject: &Subject<'_>, found: &mut Found) {
        for judged in &subject.statements {
            let words = judged.words();
            for at in words.find(&["ON", "DATABASE"]) {
                found.at(judged, words.span(at..at + 3), "the database is named");
            }
        }
    }
}
