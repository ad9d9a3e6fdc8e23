//! `role-change`: a role is created, changed or dropped.

use super::super::{About, Class, Found, Rule, Severity, Subject};

/// A role is created, changed or dropped.
pub struct RoleChange;

static ABOUT: About = About {
    name: "role-change",
    class: Class::Security,
    severity: Severity::Error,
    summary: "A role is created, changed or dropped",
    why: "Roles belong to the whole server: the change reaches every database on it, and a role can be given \
        rights over all of them.",
    rewrite: "Let whoever runs the server, or its operator, manage roles; a migration grants rights on its own \
        objects.",
    bad: "CREATE ROLE reporting;\n",
    good: "GRANT SELECT ON orders TO reporting;\n",
};

impl Rule for RoleChange {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, subject: &Subject<'_>, found: &mut Found) {
        for judged in &subject.statements {
            let words = judged.words();
            for at in words.find(&["CREATE"]).chain(words.find(&["ALTER"])).chain(words.find(&["DROP"])) {
                let is_role = words.is_any(at + 1, &["ROLE", "USER", "GROUP"]) && !words.is(at + 2, "MAPPING");
                if is_role && words.begins(at) {
                    found.at(judged, words.span(at..at + 2), "roles belong to the whole server");
                }
            }
            for at in words.find(&["REASSIGN", "OWNED"]).filter(|at| words.begins(*at)) {
                found.at(
                    judged,
                    words.span(at..at + 2),
                    "REASSIGN OWNED hands over whatever a role owns, in one stroke",
                );
            }
        }
    }
}
