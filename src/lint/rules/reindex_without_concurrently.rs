//! `reindex-without-concurrently`: indexes are rebuilt while others wait.

use super::super::{About, Class, Found, Rule, Severity, Subject};

/// Indexes are rebuilt while others wait.
pub struct ReindexWithoutConcurrently;

static ABOUT: About = About {
    name: "reindex-without-concurrently",
    class: Class::BlockingLock,
    severity: Severity::Error,
    summary: "Indexes are rebuilt while others wait",
    why: "REINDEX blocks writers of the table, and readers that would use the index, until it is rebuilt.",
    rewrite: "REINDEX … CONCURRENTLY, in a script of its own.",
    bad: "REINDEX TABLE orders;\n",
    good: "REINDEX TABLE CONCURRENTLY orders;\n",
};

impl Rule for ReindexWithoutConcurrently {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, subject: &Subject<'_>, found: &mut Found) {
        for judged in &subject.statements {
            let words = judged.words();
            let new = judged.effect.touches.iter().any(|touch| touch.new);
            if words.is(0, "REINDEX") && !words.has(words.rest(0), "CONCURRENTLY") && !new {
                found.statement(judged, "writers, and readers that need the index, wait until it is rebuilt");
            }
        }
    }
}
