//! `drop-owned`: everything that a role owns is dropped.

use super::super::{About, Class, Found, Rule, Severity, Subject};

/// Everything that a role owns is dropped.
pub struct DropOwned;

static ABOUT: About = About {
    name: "drop-owned",
    class: Class::DataLoss,
    severity: Severity::Error,
    summary: "Everything that a role owns is dropped",
    why: "DROP OWNED drops whatever the role owns at that moment, in every schema, also what other migrations \
        and people made.",
    rewrite: "Drop what is meant by name.",
    bad: "DROP OWNED BY app;\n",
    good: "DROP VIEW IF EXISTS active_orders;\n",
};

impl Rule for DropOwned {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, subject: &Subject<'_>, found: &mut Found) {
        for judged in &subject.statements {
            let words = judged.words();
            for at in words.find(&["DROP", "OWNED"]).filter(|at| words.begins(*at)) {
                found.at(judged, words.span(at..at + 2), "everything that a role owns here is dropped");
            }
        }
    }
}
