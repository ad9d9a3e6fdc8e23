//! `remote-access`: the database connects to another server.

use super::super::{About, Class, Found, Rule, Severity, Subject};

/// The database connects to another server.
pub struct RemoteAccess;

static ABOUT: About = About {
    name: "remote-access",
    class: Class::Security,
    severity: Severity::Error,
    summary: "The database connects to another server",
    why: "Data can leave by it and come in by it, with a password that stands in the script, and the \
        migration hangs when the other side does.",
    rewrite: "Let the application or a job move the data; let whoever runs the server set up replication and \
        foreign servers.",
    bad: "CREATE SERVER archive FOREIGN DATA WRAPPER postgres_fdw;\n",
    good: "CREATE SCHEMA archive;\n",
};

impl Rule for RemoteAccess {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, subject: &Subject<'_>, found: &mut Found) {
        for judged in &subject.statements {
            let words = judged.words();
            for at in words.find(&["CREATE"]).chain(words.find(&["ALTER"])).chain(words.find(&["IMPORT"])) {
                let what = [
                    &["SERVER"] as &[&str],
                    &["USER", "MAPPING"],
                    &["FOREIGN", "DATA"],
                    &["FOREIGN", "TABLE"],
                    &["FOREIGN", "SCHEMA"],
                    &["SUBSCRIPTION"],
                ];
                if let Some(kind) = what.iter().find(|kind| words.are(at + 1, kind)).filter(|_| words.begins(at)) {
                    let message = format!("{} connects the database to another server", kind.join(" "));
                    found.at(judged, words.span(at..at + 1 + kind.len()), message);
                }
            }
            for at in words.find(&["DROP", "SUBSCRIPTION"]).filter(|at| words.begins(*at)) {
                let message = "the subscription's slot is dropped on the other server";
                found.at(judged, words.span(at..at + 2), message);
            }
            for tables in [["FOR", "ALL", "TABLES"], ["TABLES", "IN", "SCHEMA"]] {
                let sent = |at: &usize| {
                    let first = words.statement(*at).start;
                    words.is_any(first, &["CREATE", "ALTER"]) && words.is(first + 1, "PUBLICATION")
                };
                for at in words.find(&tables).filter(sent) {
                    let message = "the publication sends all tables, also those that come later";
                    found.at(judged, words.span(at..at + 3), message);
                }
            }
            for (at, name) in words.calls().filter(|(_, name)| is_remote(name)) {
                found.at(judged, words.span(at..at + 1), format!("{name} connects to another server"));
            }
        }
    }
}

fn is_remote(name: &str) -> bool {
    const STARTS: &[&str] = &["dblink", "http_", "net_http_", "postgres_fdw_", "aws_s3"];
    name == "dblink" || STARTS.iter().any(|start| name.starts_with(start))
}
