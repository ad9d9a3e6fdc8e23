//! `disable-trigger`: triggers or rules of a table are switched off.

use super::super::{About, Class, Found, Rule, Severity, Subject};

/// Triggers or rules of a table are switched off.
pub struct DisableTrigger;

static ABOUT: About = About {
    name: "disable-trigger",
    class: Class::Security,
    severity: Severity::Warning,
    summary: "Triggers or rules of a table are switched off",
    why: "Rows that are written meanwhile are not checked or audited; ALL includes foreign keys, and a script \
        that stops half way leaves them off. ENABLE REPLICA changes when they run.",
    rewrite: "Write the rows so that the triggers let them through.",
    bad: "ALTER TABLE orders DISABLE TRIGGER ALL;\n",
    good: "ALTER TABLE orders ENABLE TRIGGER orders_audit;\n",
};

impl Rule for DisableTrigger {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, subject: &Subject<'_>, found: &mut Found) {
        for judged in &subject.statements {
            let words = judged.words();
            for at in words.find(&["DISABLE"]).filter(|at| words.is_any(*at + 1, &["TRIGGER", "RULE"])) {
                let severity = if words.is_any(at + 2, &["ALL", "USER"]) { Severity::Error } else { Severity::Warning };
                found.at(judged, words.span(at..at + 3), "rows that are written now pass unchecked").severity =
                    severity;
            }
            for at in words.find(&["ENABLE", "REPLICA"]).filter(|at| words.is_any(*at + 2, &["TRIGGER", "RULE"])) {
                found.at(judged, words.span(at..at + 4), "it no longer acts on what applications write");
            }
        }
    }
}
