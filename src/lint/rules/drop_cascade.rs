//! `drop-cascade`: something is dropped with everything that depends on it.

use super::super::{About, Class, Found, Rule, Severity, Subject};
use super::support::only_undoes;

/// Something is dropped with everything that depends on it.
pub struct DropCascade;

static ABOUT: About = About {
    name: "drop-cascade",
    class: Class::DataLoss,
    severity: Severity::Warning,
    summary: "Something is dropped with everything that depends on it",
    why: "CASCADE drops views, columns, defaults and constraints that the script does not name, in this \
        environment perhaps others than in the one where it was tried.",
    rewrite: "Leave out CASCADE and drop by name what the server then complains about.",
    bad: "DROP TYPE mood CASCADE;\n",
    good: "DROP TYPE mood;\n",
};

impl Rule for DropCascade {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, subject: &Subject<'_>, found: &mut Found) {
        for judged in subject.statements.iter().filter(|judged| !only_undoes(subject, judged)) {
            let words = judged.words();
            // What holds rows has rules of its own.
            if !words.is(0, "DROP") || words.is_any(1, &["TABLE", "SCHEMA", "OWNED"]) {
                continue;
            }
            let Some(cascade) = words.rest(0).find(|at| words.is(*at, "CASCADE")) else { continue };
            let message = format!("{} takes along whatever depends on it", judged.effect.kind);
            found.at(judged, words.span(cascade..cascade + 1), message);
        }
    }
}
