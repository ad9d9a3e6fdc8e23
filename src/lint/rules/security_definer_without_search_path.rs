//! `security-definer-without-search-path`: a function runs with its owner's rights and the caller's search path.

use super::super::{About, Class, Found, Rule, Severity, Subject};

/// A function runs with its owner's rights and the caller's search path.
pub struct SecurityDefinerWithoutSearchPath;

static ABOUT: About = About {
    name: "security-definer-without-search-path",
    class: Class::Security,
    severity: Severity::Error,
    summary: "A function runs with its owner's rights and the caller's search path",
    why: "Whoever calls it can put a function or operator of their own first in the search path, and the \
        owner runs it.",
    rewrite: "Add SET search_path = pg_catalog, pg_temp (and the schema that it needs, before pg_temp) to the \
        function.",
    bad: "CREATE FUNCTION total() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM \
        orders';\n",
    good: "CREATE FUNCTION total() RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, \
        public, pg_temp AS 'SELECT count(*) FROM orders';\n",
};

impl Rule for SecurityDefinerWithoutSearchPath {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, subject: &Subject<'_>, found: &mut Found) {
        for judged in &subject.statements {
            let words = judged.words();
            for at in words.find(&["SECURITY", "DEFINER"]) {
                let fixed = words
                    .statement(at)
                    .any(|at| words.is(at, "SET") && words.is_any(at + 1, &["search_path", "\"search_path\""]));
                if !fixed {
                    let message = "the caller decides what the names in this function mean";
                    found.at(judged, words.span(at..at + 2), message);
                }
            }
            for at in
                words.find(&["RESET"]).filter(|at| words.is_any(*at + 1, &["search_path", "\"search_path\"", "ALL"]))
            {
                let first = words.statement(at).start;
                if words.is(first, "ALTER") && words.is_any(first + 1, &["FUNCTION", "PROCEDURE", "ROUTINE"]) {
                    let message = "if it runs with its owner's rights, the caller decides what the names in it mean";
                    found.at(judged, words.span(at..at + 2), message);
                }
            }
        }
    }
}
