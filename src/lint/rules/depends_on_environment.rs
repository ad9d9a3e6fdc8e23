//! `depends-on-environment`: what a script does depends on where it runs.

use super::super::{About, Class, Found, Rule, Severity, Subject};

/// What a script does depends on where it runs.
pub struct DependsOnEnvironment;

static ABOUT: About = About {
    name: "depends-on-environment",
    class: Class::Environment,
    severity: Severity::Warning,
    summary: "What a script does depends on where it runs",
    why: "It was tried in one environment and does something else, or nothing, in the next.",
    rewrite: "Write one script for each, in sources of their own, or let the application decide.",
    bad: "INSERT INTO settings (name, value) SELECT 'mode', 'live' WHERE CURRENT_CATALOG = 'shop';\n",
    good: "INSERT INTO settings (name, value) VALUES ('mode', 'live');\n",
};

impl Rule for DependsOnEnvironment {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, subject: &Subject<'_>, found: &mut Found) {
        for judged in &subject.statements {
            let words = judged.words();
            for (at, name) in words.calls().filter(|(_, name)| WHERE.contains(&name.as_str())) {
                found.at(judged, words.span(at..at + 1), format!("{name} answers otherwise in another environment"));
            }
            for at in words.find(&["CURRENT_CATALOG"]) {
                found.at(judged, words.span(at..at + 1), "CURRENT_CATALOG answers otherwise in another environment");
            }
        }
    }
}

const WHERE: &[&str] = &[
    "current_database",
    "inet_server_addr",
    "inet_server_port",
    "inet_client_addr",
    "pg_is_in_recovery",
    "version",
    "pg_postmaster_start_time",
    "pg_conf_load_time",
];
