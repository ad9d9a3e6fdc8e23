//! `alter-system`: the configuration of the whole server is changed.

use super::super::{About, Class, Found, Rule, Severity, Subject};

/// The configuration of the whole server is changed.
pub struct AlterSystem;

static ABOUT: About = About {
    name: "alter-system",
    class: Class::Security,
    severity: Severity::Error,
    summary: "The configuration of the whole server is changed",
    why: "ALTER SYSTEM changes the server of every database on it, survives restarts and can make it run \
        programs (archive_command) or not start at all.",
    rewrite: "Let whoever runs the server set it; for one database or role, ask them for ALTER DATABASE or ALTER \
        ROLE … SET.",
    bad: "ALTER SYSTEM SET work_mem = '64MB';\n",
    good: "SET LOCAL work_mem = '64MB';\n",
};

impl Rule for AlterSystem {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, subject: &Subject<'_>, found: &mut Found) {
        for judged in &subject.statements {
            let words = judged.words();
            for at in words.find(&["ALTER", "SYSTEM"]).filter(|at| words.begins(*at)) {
                found.at(judged, words.span(at..at + 2), "ALTER SYSTEM changes the server of everybody");
            }
        }
    }
}
