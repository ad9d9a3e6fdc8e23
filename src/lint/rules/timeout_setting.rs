//! `timeout-setting`: a script sets its own timeouts.

use super::super::{About, Class, Found, Rule, Severity, Subject};

/// A script sets its own timeouts.
pub struct TimeoutSetting;

static ABOUT: About = About {
    name: "timeout-setting",
    class: Class::BlockingLock,
    severity: Severity::Warning,
    summary: "A script sets its own timeouts",
    why: "Sluice asks for locks with a short lock_timeout and tries again, so that applications never queue \
        behind a migration. A script that sets the timeout undoes that, for itself and for those after it.",
    rewrite: "Leave it to spec.execution (lockTimeout, statementTimeout).",
    bad: "SET lock_timeout = 0;\n",
    good: "CREATE TABLE archive (id bigint PRIMARY KEY);\n",
};

impl Rule for TimeoutSetting {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, subject: &Subject<'_>, found: &mut Found) {
        for judged in &subject.statements {
            let words = judged.words();
            for at in words.settings() {
                let name = words.name(at).or_else(|| words.literal(at).map(str::to_lowercase)).unwrap_or_default();
                if TIMEOUTS.contains(&name.as_str()) {
                    found.at(judged, words.span(at..at + 1), format!("{name} is set by the script"));
                }
            }
        }
    }
}

const TIMEOUTS: &[&str] = &[
    "lock_timeout",
    "statement_timeout",
    "idle_in_transaction_session_timeout",
    "transaction_timeout",
    "deadlock_timeout",
];
