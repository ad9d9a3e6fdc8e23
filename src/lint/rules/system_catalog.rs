//! `system-catalog`: a script writes to the server's own catalog.

use super::super::words::Words;
use super::super::{About, Class, Found, Rule, Severity, Subject};

/// A script writes to the server's own catalog.
pub struct SystemCatalog;

static ABOUT: About = About {
    name: "system-catalog",
    class: Class::Security,
    severity: Severity::Error,
    summary: "A script writes to the server's own catalog",
    why: "The server believes what stands there: a wrong row makes tables unreadable or roles superusers, and \
        no backup of the schema holds it.",
    rewrite: "Use the statement that does it (ALTER …); where there is none, it is not a migration's work.",
    bad: "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'orders_by_day'::regclass;\n",
    good: "SELECT indisvalid FROM pg_index WHERE indexrelid = 'orders_by_day'::regclass;\n",
};

impl Rule for SystemCatalog {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, subject: &Subject<'_>, found: &mut Found) {
        for judged in &subject.statements {
            let words = judged.words();
            for (at, _) in words.iter() {
                let target = match () {
                    () if words.are(at, &["INSERT", "INTO"]) || words.are(at, &["MERGE", "INTO"]) => at + 2,
                    () if words.are(at, &["DELETE", "FROM"]) || words.are(at, &["ALTER", "TABLE"]) => at + 2,
                    () if words.is_any(at, &["UPDATE", "TRUNCATE"]) => at + 1,
                    () if words.is_any(at, &["CREATE", "ALTER", "DROP"]) && words.begins(at) => {
                        match words.statement(at).find(|at| is_kind(words, *at)) {
                            Some(kind) => kind + 1,
                            None => continue,
                        }
                    }
                    () => continue,
                };
                let target = target + 2 * usize::from(words.are(target, &["IF", "EXISTS"]));
                let target = target + usize::from(words.is_any(target, &["ONLY", "TABLE"]));
                let Some(name) = words.name(target) else { continue };
                let of_server = ["pg_catalog", "information_schema"].contains(&name.as_str());
                let writes = words.is_any(at, &["INSERT", "MERGE", "DELETE", "UPDATE", "TRUNCATE"])
                    || words.are(at, &["ALTER", "TABLE"]);
                if of_server || (name.starts_with("pg_") && writes && !name.starts_with("pg_temp")) {
                    found.at(judged, words.span(at..target + 1), format!("{name} is the server's own"));
                }
            }
        }
    }
}

/// Whether a word of `CREATE …`, `ALTER …`, `DROP …` is followed by the name of what it is about.
fn is_kind(words: &Words<'_>, at: usize) -> bool {
    const KINDS: &[&str] = &[
        "FUNCTION",
        "PROCEDURE",
        "ROUTINE",
        "TABLE",
        "VIEW",
        "OPERATOR",
        "AGGREGATE",
        "TYPE",
        "DOMAIN",
        "CAST",
        "SCHEMA",
    ];
    words.is_any(at, KINDS)
}
