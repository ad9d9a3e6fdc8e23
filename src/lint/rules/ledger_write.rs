//! `ledger-write`: a script writes to Sluice's own ledger.

use super::super::{About, Class, Found, Rule, Severity, Subject};

/// A script writes to Sluice's own ledger.
pub struct LedgerWrite;

static ABOUT: About = About {
    name: "ledger-write",
    class: Class::Security,
    severity: Severity::Error,
    summary: "A script writes to Sluice's own ledger",
    why: "What was applied, approved and verified stands there, and every decision is made of it.",
    rewrite: "Leave the schemas sluice and sluice_undo alone; `sluice undo`, `sluice retry` and `sluice rollback` \
        do what is to be done.",
    bad: "DELETE FROM sluice.schema_migrations WHERE version = '7';\n",
    good: "SELECT version FROM sluice.v_migration_status;\n",
};

impl Rule for LedgerWrite {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, subject: &Subject<'_>, found: &mut Found) {
        for judged in &subject.statements {
            let words = judged.words();
            for (at, _) in words.iter() {
                let Some(schema) = words.name(at).filter(|name| LEDGER.contains(&name.as_str())) else { continue };
                let named = words.is(at + 1, ".") || (at > 0 && words.is(at - 1, "SCHEMA"));
                let reads =
                    words.statement(at).next().is_some_and(|first| words.is_any(first, &["SELECT", "WITH", "TABLE"]));
                if named && !reads {
                    found.at(judged, words.span(at..at + 1), format!("schema {schema} is Sluice's own"));
                }
            }
        }
    }
}

const LEDGER: &[&str] = &["sluice", "sluice_undo"];
