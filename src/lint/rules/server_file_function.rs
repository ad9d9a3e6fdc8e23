//! `server-file-function`: a function reads or writes files of the database server.

use super::super::{About, Class, Found, Rule, Severity, Subject};

/// A function reads or writes files of the database server.
pub struct ServerFileFunction;

static ABOUT: About = About {
    name: "server-file-function",
    class: Class::Security,
    severity: Severity::Error,
    summary: "A function reads or writes files of the database server",
    why: "A file of the server can hold passwords, keys and the data of other databases; a written one can \
        become code that the server runs.",
    rewrite: "Bring what is needed along in the script, or let a job load it.",
    bad: "SELECT pg_read_file('pg_hba.conf');\n",
    good: "SELECT count(*) FROM orders;\n",
};

impl Rule for ServerFileFunction {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, subject: &Subject<'_>, found: &mut Found) {
        for judged in &subject.statements {
            let words = judged.words();
            for (at, name) in words.calls().filter(|(_, name)| is_about_files(name)) {
                found.at(judged, words.span(at..at + 1), format!("{name} reaches for files of the database server"));
            }
            for (at, _) in words.iter().filter(|(at, _)| !words.is(*at + 1, "(")) {
                if let Some(view) = words.name(at).filter(|name| VIEWS.contains(&name.as_str())) {
                    let message = format!("{view} shows what is in files of the database server");
                    found.at(judged, words.span(at..at + 1), message);
                }
            }
        }
    }
}

const VIEWS: &[&str] = &["pg_hba_file_rules", "pg_ident_file_mappings", "pg_file_settings"];

fn is_about_files(name: &str) -> bool {
    const EXACT: &[&str] = &[
        "lo_import",
        "lo_export",
        "pg_stat_file",
        "pg_current_logfile",
        "pg_hba_file_rules",
        "pg_show_all_file_settings",
        "pg_ident_file_mappings",
        "pg_sync_file",
        "loread",
        "pg_walfile_name_offset",
    ];
    const STARTS: &[&str] = &["pg_read_", "pg_ls_", "pg_file_", "pg_logdir_ls"];
    EXACT.contains(&name) || STARTS.iter().any(|start| name.starts_with(start))
}
