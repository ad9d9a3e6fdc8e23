//! `untrusted-language`: code of an untrusted language, or a library, is loaded into the server.

use super::super::{About, Class, Found, Rule, Severity, Subject};

/// Code of an untrusted language, or a library, is loaded into the server.
pub struct UntrustedLanguage;

static ABOUT: About = About {
    name: "untrusted-language",
    class: Class::Security,
    severity: Severity::Error,
    summary: "Code of an untrusted language, or a library, is loaded into the server",
    why: "It runs with the rights of the server's operating system user, past every permission of the \
        database.",
    rewrite: "Write it in PL/pgSQL or SQL, or outside of the database.",
    bad: "CREATE FUNCTION run(command text) RETURNS text LANGUAGE plpython3u AS 'return command';\n",
    good: "CREATE FUNCTION run(command text) RETURNS text LANGUAGE sql AS 'SELECT command';\n",
};

impl Rule for UntrustedLanguage {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, subject: &Subject<'_>, found: &mut Found) {
        for judged in &subject.statements {
            let words = judged.words();
            for at in words.find(&["LANGUAGE"]) {
                let name =
                    words.name(at + 1).or_else(|| words.literal(at + 1).map(str::to_lowercase)).unwrap_or_default();
                let creates = words.statement(at).next().is_some_and(|first| words.is(first, "CREATE"))
                    && at > 0
                    && words.is_any(at - 1, &["CREATE", "REPLACE", "TRUSTED", "PROCEDURAL"]);
                if creates {
                    found.at(judged, words.span(at..at + 2), format!("language {name} is for the whole database"));
                } else if is_untrusted(&name) {
                    found.at(
                        judged,
                        words.span(at..at + 2),
                        format!("code in {name} runs past every permission of the database"),
                    );
                }
            }
            for at in words.find(&["LOAD"]).filter(|at| words.begins(*at) && words.literal(*at + 1).is_some()) {
                found.at(judged, words.span(at..at + 1), "LOAD runs a library inside of the server");
            }
        }
    }
}

fn is_untrusted(name: &str) -> bool {
    ["c", "internal", "plsh", "plr"].contains(&name) || (name.starts_with("pl") && name.ends_with('u'))
}
