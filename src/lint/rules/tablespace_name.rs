//! `tablespace-name`: a script names a tablespace.

use super::super::{About, Class, Found, Rule, Severity, Subject};

/// A script names a tablespace.
pub struct TablespaceName;

static ABOUT: About = About {
    name: "tablespace-name",
    class: Class::Environment,
    severity: Severity::Note,
    summary: "A script names a tablespace",
    why: "Tablespaces are made by whoever runs the server; in an environment without this one the script \
        fails.",
    rewrite: "Leave it out, and let default_tablespace of the role or database decide.",
    bad: "CREATE TABLE archive (id bigint PRIMARY KEY) TABLESPACE slow;\n",
    good: "CREATE TABLE archive (id bigint PRIMARY KEY);\n",
};

impl Rule for TablespaceName {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, subject: &Subject<'_>, found: &mut Found) {
        for judged in &subject.statements {
            let words = judged.words();
            for at in words.find(&["TABLESPACE"]).filter(|at| *at > 0 && !words.is(*at + 1, "pg_default")) {
                let about_it = words.is_any(at - 1, &["CREATE", "ALTER", "DROP", "ON", "SET"]);
                if !about_it && words.name(at + 1).is_some() {
                    found.at(judged, words.span(at..at + 2), "the tablespace is named");
                }
            }
        }
    }
}
