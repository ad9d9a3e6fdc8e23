//! `opaque-statement`: what a statement does cannot be told from its text.

use super::super::{About, Class, Found, Judged, Rule, Severity, Subject};

/// What a statement does cannot be told from its text.
pub struct OpaqueStatement;

static ABOUT: About = About {
    name: "opaque-statement",
    class: Class::Opaque,
    severity: Severity::Note,
    summary: "What a statement does cannot be told from its text",
    why: "Locks, rewrites and lost rows of it are not known here; the rehearsal (spec.gates.rehearsal) sees \
        them.",
    rewrite: "Write plain statements instead of a block where that is possible.",
    bad: "DO $$ BEGIN PERFORM 1; END $$;\n",
    good: "SELECT 1;\n",
};

impl Rule for OpaqueStatement {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, subject: &Subject<'_>, found: &mut Found) {
        for judged in &subject.statements {
            if let Some(why) = &judged.effect.opaque
                && !has_findings(judged)
            {
                found.statement(judged, format!("{} cannot be judged: {why}", judged.effect.kind));
            }
        }
    }
}

/// Whether another rule says more: about `EXECUTE` in a body, or about `DROP OWNED`.
fn has_findings(judged: &Judged<'_>) -> bool {
    let words = judged.words();
    words.executes().next().is_some() || words.are(0, &["DROP", "OWNED"])
}
