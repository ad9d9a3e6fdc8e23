//! `advisory-lock`: a script takes or drops advisory locks.

use squawk_syntax::ast;

use super::super::{About, Class, Found, Rule, Severity, Subject};

/// A script takes or drops advisory locks.
pub struct AdvisoryLock;

static ABOUT: About = About {
    name: "advisory-lock",
    class: Class::Security,
    severity: Severity::Error,
    summary: "A script takes or drops advisory locks",
    why: "Sluice holds one so that no two runs meet: pg_advisory_unlock_all and DISCARD ALL drop it. A \
        session that waits for one keeps a snapshot that CREATE INDEX CONCURRENTLY waits for.",
    rewrite: "Leave the lock to Sluice; for the application's own, use pg_advisory_xact_lock in the application.",
    bad: "SELECT pg_advisory_unlock_all();\n",
    good: "SELECT count(*) FROM orders;\n",
};

impl Rule for AdvisoryLock {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, subject: &Subject<'_>, found: &mut Found) {
        for judged in &subject.statements {
            let words = judged.words();
            let is_routine =
                matches!(judged.syntax, Some(ast::Stmt::CreateFunction(_) | ast::Stmt::CreateProcedure(_)));
            for (at, name) in words.calls().filter(|(_, name)| is_advisory(name)) {
                // What the application's own functions lock until their transaction ends is the application's own business.
                if is_routine && name.contains("_xact_") {
                    continue;
                }
                found.at(judged, words.span(at..at + 1), format!("{name} meddles with the locks that keep runs apart"));
            }
            for at in words.find(&["DISCARD", "ALL"]).filter(|at| words.begins(*at)) {
                found.at(judged, words.span(at..at + 2), "DISCARD ALL drops the locks that keep runs apart");
            }
        }
    }
}

fn is_advisory(name: &str) -> bool {
    name.starts_with("pg_advisory_") || name.starts_with("pg_try_advisory_")
}
