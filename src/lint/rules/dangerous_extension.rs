//! `dangerous-extension`: an extension reaches beyond the database.

use super::super::{About, Class, Found, Rule, Severity, Subject};

/// An extension reaches beyond the database.
pub struct DangerousExtension;

static ABOUT: About = About {
    name: "dangerous-extension",
    class: Class::Security,
    severity: Severity::Error,
    summary: "An extension reaches beyond the database",
    why: "It runs programs, reads files, connects to other servers, plans jobs as a superuser or changes \
        pages of tables past all checks; once it is there, every role that may call its functions can.",
    rewrite: "Let whoever runs the server decide about it and install it.",
    bad: "CREATE EXTENSION file_fdw;\n",
    good: "CREATE EXTENSION IF NOT EXISTS pgcrypto;\n",
};

impl Rule for DangerousExtension {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, subject: &Subject<'_>, found: &mut Found) {
        for judged in &subject.statements {
            let words = judged.words();
            for at in words.find(&["CREATE", "EXTENSION"]).filter(|at| words.begins(*at)) {
                let name = if words.is(at + 2, "IF") { at + 5 } else { at + 2 };
                if let Some(extension) = words.name(name).filter(|name| reaches_out(name)) {
                    let message = format!("extension {extension} reaches beyond the database");
                    found.at(judged, words.span(name..name + 1), message);
                }
            }
        }
    }
}

fn reaches_out(name: &str) -> bool {
    const KNOWN: &[&str] = &[
        "adminpack",
        "file_fdw",
        "dblink",
        "postgres_fdw",
        "mysql_fdw",
        "oracle_fdw",
        "tds_fdw",
        "multicorn",
        "plsh",
        "plr",
        "pg_cron",
        "pg_net",
        "http",
        "pgsql_http",
        "aws_s3",
        "aws_lambda",
        "aws_commons",
        "azure_storage",
        "pageinspect",
        "pg_surgery",
        "pg_visibility",
        "pg_walinspect",
        "pg_buffercache",
        "pg_background",
        "pg_execute",
        "pldbgapi",
        "pg_read_file",
        "system_stats",
        "orafce_fs",
        "session_exec",
        "plproxy",
    ];
    KNOWN.contains(&name) || (name.starts_with("pl") && name.ends_with('u'))
}
