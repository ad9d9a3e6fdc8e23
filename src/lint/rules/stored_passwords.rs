//! `stored-passwords`: a script reads where the server keeps passwords.

use super::super::{About, Class, Found, Rule, Severity, Subject};

/// A script reads where the server keeps passwords.
pub struct StoredPasswords;

static ABOUT: About = About {
    name: "stored-passwords",
    class: Class::Security,
    severity: Severity::Error,
    summary: "A script reads where the server keeps passwords",
    why: "What was read there can be taken along in a table, a view or a message, and be guessed at leisure; only a \
        superuser can read most of it.",
    rewrite: "Ask pg_roles whether a role is there: it shows no password.",
    bad: "CREATE TABLE audit AS SELECT * FROM pg_shadow;\n",
    good: "CREATE TABLE audit AS SELECT rolname FROM pg_roles;\n",
};

/// Tables, views and columns of the catalog that hold passwords of roles, or of connections to other servers.
const WHERE: &[&str] = &[
    "pg_authid",
    "pg_shadow",
    "rolpassword",
    "pg_user_mapping",
    "pg_user_mappings",
    "user_mapping_options",
    "subconninfo",
];

impl Rule for StoredPasswords {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, subject: &Subject<'_>, found: &mut Found) {
        for judged in &subject.statements {
            let words = judged.words();
            for (at, _) in words.iter() {
                if let Some(name) = words.name(at).filter(|name| WHERE.contains(&name.as_str())) {
                    found.at(judged, words.span(at..at + 1), format!("{name} holds passwords"));
                }
            }
        }
    }
}
