//! `server-wide-object`: something is created or changed that belongs to the whole server.

use super::super::{About, Class, Found, Rule, Severity, Subject};

/// Something is created or changed that belongs to the whole server.
pub struct ServerWideObject;

static ABOUT: About = About {
    name: "server-wide-object",
    class: Class::Security,
    severity: Severity::Error,
    summary: "Something is created or changed that belongs to the whole server",
    why: "Databases, tablespaces, access methods and the settings of a database reach beyond the schema that \
        a migration is for; most of them need a superuser and run in no transaction.",
    rewrite: "Let whoever runs the server do it.",
    bad: "-- sluice:no-transaction\nCREATE DATABASE reporting;\n",
    good: "CREATE SCHEMA reporting;\n",
};

impl Rule for ServerWideObject {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, subject: &Subject<'_>, found: &mut Found) {
        for judged in &subject.statements {
            let words = judged.words();
            for at in words.find(&["CREATE"]).chain(words.find(&["ALTER"])).chain(words.find(&["DROP"])) {
                let what = [
                    &["DATABASE"] as &[&str],
                    &["TABLESPACE"],
                    &["ACCESS", "METHOD"],
                    &["TRANSFORM"],
                    &["CAST"],
                    &["LARGE", "OBJECT"],
                    &["TEXT", "SEARCH", "PARSER"],
                    &["TEXT", "SEARCH", "TEMPLATE"],
                    &["OPERATOR", "CLASS"],
                    &["OPERATOR", "FAMILY"],
                ];
                let Some(kind) = what.iter().find(|kind| words.are(at + 1, kind)).filter(|_| words.begins(at)) else {
                    continue;
                };
                // That is data loss.
                if words.are(at, &["DROP", "DATABASE"]) {
                    continue;
                }
                let message = format!("{} {} reaches beyond the schema", words.upper(at), kind.join(" "));
                found.at(judged, words.span(at..at + 1 + kind.len()), message);
            }
            for at in words.find(&["CREATE", "TYPE"]).filter(|at| words.begins(*at)) {
                let name = words.last_of_name(at + 2);
                if words.is(name + 1, "(") {
                    let message = "what values of the type are is told by code that runs past every permission";
                    found.at(judged, words.span(at..name + 1), message);
                }
            }
            for at in words.find(&["SECURITY", "LABEL"]).filter(|at| words.begins(*at)) {
                found.at(judged, words.span(at..at + 2), "SECURITY LABEL decides who may reach what");
            }
        }
    }
}
