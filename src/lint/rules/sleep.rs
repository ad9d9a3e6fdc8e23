//! `sleep`: a script waits on purpose.

use super::super::{About, Class, Found, Rule, Severity, Subject};

/// A script waits on purpose.
pub struct Sleep;

static ABOUT: About = About {
    name: "sleep",
    class: Class::BlockingLock,
    severity: Severity::Warning,
    summary: "A script waits on purpose",
    why: "Whatever the transaction has locked stays locked meanwhile.",
    rewrite: "Split the script where it waits; spec.verification waits between migrations.",
    bad: "SELECT pg_sleep(5);\n",
    good: "CREATE TABLE archive (id bigint PRIMARY KEY);\n",
};

impl Rule for Sleep {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, subject: &Subject<'_>, found: &mut Found) {
        for judged in &subject.statements {
            let words = judged.words();
            for (at, name) in words.calls().filter(|(_, name)| name.starts_with("pg_sleep")) {
                found.at(
                    judged,
                    words.span(at..at + 1),
                    format!("{name} makes everybody wait who waits for this script"),
                );
            }
        }
    }
}
