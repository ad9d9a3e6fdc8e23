//! `copy-file`: COPY reads or writes a file of the database server, or sends rows to the client.

use super::super::{About, Class, Found, Rule, Severity, Subject};

/// COPY reads or writes a file of the database server, or sends rows to the client.
pub struct CopyFile;

static ABOUT: About = About {
    name: "copy-file",
    class: Class::Security,
    severity: Severity::Error,
    summary: "COPY reads or writes a file of the database server, or sends rows to the client",
    why: "A file of the server can hold what the role may not see, and writing one can overwrite the server's \
        own. Only superusers and members of pg_read_server_files and pg_write_server_files may. Nobody \
        reads what COPY … TO STDOUT sends.",
    rewrite: "Write the rows as INSERT statements, or let a job load them.",
    bad: "COPY orders FROM '/var/tmp/orders.csv';\n",
    good: "INSERT INTO orders (id, note) VALUES (1, 'first');\n",
};

impl Rule for CopyFile {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, subject: &Subject<'_>, found: &mut Found) {
        for judged in &subject.statements {
            let words = judged.words();
            for copy in words.find(&["COPY"]).filter(|at| words.begins(*at)) {
                let is_way = |at: &usize| words.is_any(*at, &["FROM", "TO"]);
                for at in words.rest(copy).filter(is_way) {
                    let message = if words.literal(at + 1).is_some() {
                        "COPY uses a file of the database server"
                    } else if words.are(at, &["TO", "STDOUT"]) {
                        "COPY sends rows to nobody"
                    } else {
                        continue;
                    };
                    found.at(judged, words.span(at..at + 2), message);
                }
            }
        }
    }
}
