//! `owner-name`: a script names the role that shall own something.

use super::super::{About, Class, Found, Rule, Severity, Subject};

/// A script names the role that shall own something.
pub struct OwnerName;

static ABOUT: About = About {
    name: "owner-name",
    class: Class::Environment,
    severity: Severity::Warning,
    summary: "A script names the role that shall own something",
    why: "The role may not exist in another environment, or be another one; then the script fails, or the \
        application cannot use what it made.",
    rewrite: "Leave it out: what a migration makes belongs to the role of the database's Secret. Or write \
        CURRENT_USER.",
    bad: "ALTER TABLE orders OWNER TO app;\n",
    good: "ALTER TABLE orders OWNER TO CURRENT_USER;\n",
};

impl Rule for OwnerName {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, subject: &Subject<'_>, found: &mut Found) {
        for judged in &subject.statements {
            let words = judged.words();
            let known = |at: usize| words.is_any(at, &["CURRENT_USER", "SESSION_USER", "CURRENT_ROLE"]);
            for at in words.find(&["OWNER", "TO"]).filter(|at| !known(*at + 2)) {
                found.at(judged, words.span(at..at + 3), "the owner is named");
            }
            for at in words.find(&["AUTHORIZATION"]).filter(|at| !known(*at + 1)) {
                if words.has(words.statement(at), "SCHEMA") {
                    found.at(judged, words.span(at..at + 2), "the owner is named");
                }
            }
        }
    }
}
