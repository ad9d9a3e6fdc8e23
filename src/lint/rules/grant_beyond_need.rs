//! `grant-beyond-need`: more is granted than one role needs for one thing.

use super::super::{About, Class, Found, Rule, Severity, Subject};

/// More is granted than one role needs for one thing.
pub struct GrantBeyondNeed;

static ABOUT: About = About {
    name: "grant-beyond-need",
    class: Class::Security,
    severity: Severity::Warning,
    summary: "More is granted than one role needs for one thing",
    why: "ALL holds rights that nobody thought of (TRUNCATE, REFERENCES, TRIGGER, CREATE), PUBLIC is \
        everybody who can log in, WITH GRANT OPTION lets the role hand the right on, and membership in a \
        role gives all that the role has.",
    rewrite: "Name the rights and the role: GRANT SELECT, INSERT ON orders TO app.",
    bad: "GRANT ALL ON orders TO app;\n",
    good: "GRANT SELECT, INSERT ON orders TO app;\n",
};

impl Rule for GrantBeyondNeed {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, subject: &Subject<'_>, found: &mut Found) {
        for judged in &subject.statements {
            let words = judged.words();
            for at in words.find(&["GRANT"]).filter(|at| !words.is(*at + 1, "OPTION")) {
                let rest = words.rest(at);
                // `REVOKE GRANT OPTION FOR` was passed over; `CREATE SCHEMA … GRANT` and `ALTER DEFAULT PRIVILEGES … GRANT` count.
                let Some(to) = rest.clone().find(|at| words.is(*at, "TO")) else { continue };
                let on = rest.clone().take_while(|at| *at < to).any(|at| words.is(at, "ON"));
                let membership = !on && !words.are(0, &["ALTER", "DEFAULT"]);
                let server = (at..to).filter_map(|at| words.name(at)).find(|name| name.starts_with("pg_"));
                let parameter = (at..to).any(|at| words.are(at, &["ON", "PARAMETER"]));
                let foreign = (at..to).any(|at| words.are(at, &["ON", "FOREIGN"]) && !words.is(at + 2, "TABLE"));
                let (what, severity) = if foreign {
                    ("the role can connect the database to other servers and files".to_owned(), Severity::Error)
                } else if parameter {
                    ("settings of the whole server are the role's to change".to_owned(), Severity::Error)
                } else if let Some(role) = server.filter(|_| membership) {
                    (format!("{role} gives rights over the whole server"), Severity::Error)
                } else if membership {
                    ("membership in a role gives all that the role has and will have".to_owned(), Severity::Error)
                } else if rest.clone().any(|at| words.are(at, &["WITH", "GRANT"])) {
                    ("WITH GRANT OPTION lets the role hand the right on".to_owned(), Severity::Warning)
                } else if (to..rest.end).any(|at| words.is(at, "PUBLIC")) {
                    ("PUBLIC is everybody who can log in".to_owned(), Severity::Warning)
                } else if words.is(at + 1, "ALL") {
                    ("ALL holds rights that nobody thought of".to_owned(), Severity::Warning)
                } else {
                    continue;
                };
                found.at(judged, words.span(rest), what).severity = severity;
            }
        }
    }
}
