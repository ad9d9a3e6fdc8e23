//! `ledger-write`: a script writes to Sluice's own ledger.

use super::super::words::Words;
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
                let Some(schema) = words.name(at).filter(|name| is_ledger(name)) else { continue };
                let named = words.is(at + 1, ".") || is_schema(words, at);
                let reads =
                    words.statement(at).next().is_some_and(|first| words.is_any(first, &["SELECT", "WITH", "TABLE"]));
                if named && (!reads || is_target(words, at)) {
                    found.at(judged, words.span(at..at + 1), format!("schema {schema} is Sluice's own"));
                }
            }
            // What follows finds the ledger's tables without naming their schema.
            let paths = words.settings().filter(|at| {
                let name = words.name(*at).or_else(|| words.literal(*at).map(str::to_lowercase));
                name.is_some_and(|name| name == "search_path")
            });
            for path in paths {
                let own = |at: &usize| {
                    words.name(*at).is_some_and(|name| is_ledger(&name))
                        || words.literal(*at).is_some_and(|text| text.split(',').any(|one| is_ledger(one.trim())))
                };
                if let Some(at) = words.rest(path).find(own) {
                    found.at(judged, words.span(at..at + 1), "the search path leads into Sluice's own schema");
                }
            }
        }
    }
}

fn is_ledger(name: &str) -> bool {
    ["sluice", "sluice_undo"].contains(&name)
}

/// Whether a name stands where a statement names schemas: `SCHEMA [IF EXISTS] a, b`.
fn is_schema(words: &Words<'_>, at: usize) -> bool {
    let before = words.statement(at).start..at;
    let list = before.rev().take_while(|at| {
        words.is_any(*at, &[",", "IF", "NOT", "EXISTS"]) || (words.name(*at).is_some() && !words.is(*at, "SCHEMA"))
    });
    let start = at - list.count();
    start > 0 && words.is(start - 1, "SCHEMA") && (start == at || words.is_any(at - 1, &[",", "EXISTS"]))
}

/// Whether a statement in a query's WITH writes to what is named at an index, or the query makes a table of it.
fn is_target(words: &Words<'_>, at: usize) -> bool {
    let back = |n: usize, keyword: &str| at.checked_sub(n).is_some_and(|at| words.is(at, keyword));
    let skip = usize::from(back(1, "ONLY"));
    back(1, "INTO") || back(1 + skip, "UPDATE") || (back(1 + skip, "FROM") && back(2 + skip, "DELETE"))
}
