//! `set-role`: a script goes on as another role.

use super::super::{About, Class, Found, Rule, Severity, Subject};

/// A script goes on as another role.
pub struct SetRole;

static ABOUT: About = About {
    name: "set-role",
    class: Class::Security,
    severity: Severity::Error,
    summary: "A script goes on as another role",
    why: "What follows runs with other rights, is owned by another role, and stays so for the scripts after \
        it.",
    rewrite: "Give the role of the database's Secret what it needs, or name the owner in the statement.",
    bad: "SET ROLE admin;\n",
    good: "SELECT current_user;\n",
};

impl Rule for SetRole {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, subject: &Subject<'_>, found: &mut Found) {
        for judged in &subject.statements {
            let words = judged.words();
            for at in words.find(&["SET"]) {
                let next = at
                    + 1
                    + usize::from(words.is_any(at + 1, &["LOCAL", "SESSION"]) && !words.is(at + 2, "AUTHORIZATION"));
                let changes = words.name(next).is_some_and(|name| names_a_role(&name))
                    || words.are(next, &["SESSION", "AUTHORIZATION"]);
                let of_routine = words.is_any(0, &["CREATE", "ALTER"])
                    && ["FUNCTION", "PROCEDURE", "ROUTINE"].iter().any(|routine| words.has(0..at, routine));
                if changes && (words.begins(at) || of_routine) {
                    found.at(judged, words.span(at..next + 1), "what follows runs as another role");
                }
            }
            for at in words.settings().filter(|at| words.is_string(*at)) {
                if words.literal(at).is_some_and(|name| names_a_role(&name.to_lowercase())) {
                    found.at(judged, words.span(at..at + 1), "what follows runs as another role");
                }
            }
        }
    }
}

/// Whether a setting is the role as which a session goes on.
fn names_a_role(setting: &str) -> bool {
    setting == "role" || setting == "session_authorization"
}
