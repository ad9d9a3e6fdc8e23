//! `copy-program`: COPY runs a program on the database server.

use super::super::{About, Class, Found, Rule, Severity, Subject};

/// COPY runs a program on the database server.
pub struct CopyProgram;

static ABOUT: About = About {
    name: "copy-program",
    class: Class::Security,
    severity: Severity::Error,
    summary: "COPY runs a program on the database server",
    why: "The program runs as the operating system user of the server and can read and change every database \
        and every file of it. Only superusers and members of pg_execute_server_program may.",
    rewrite: "Let the application or a job load the data, with COPY … FROM STDIN or INSERT.",
    bad: "COPY orders FROM PROGRAM 'zcat /var/tmp/orders.gz';\n",
    good: "INSERT INTO orders (id, note) VALUES (1, 'first');\n",
};

impl Rule for CopyProgram {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, subject: &Subject<'_>, found: &mut Found) {
        for judged in &subject.statements {
            let words = judged.words();
            for copy in words.find(&["COPY"]).filter(|at| words.begins(*at)) {
                let runs = |at: &usize| words.is_any(*at, &["FROM", "TO"]) && words.is(*at + 1, "PROGRAM");
                let program = words.rest(copy).filter(runs).find(|at| words.literal(*at + 2).is_some());
                if let Some(at) = program {
                    found.at(judged, words.span(at..at + 2), "COPY runs a program on the database server");
                }
            }
        }
    }
}
