//! `event-trigger`: an event trigger is created, changed or dropped.

use super::super::{About, Class, Found, Rule, Severity, Subject};

/// An event trigger is created, changed or dropped.
pub struct EventTrigger;

static ABOUT: About = About {
    name: "event-trigger",
    class: Class::Security,
    severity: Severity::Error,
    summary: "An event trigger is created, changed or dropped",
    why: "It runs at every DDL statement of every role of the database, Sluice's own among them, and can \
        refuse or change all of them.",
    rewrite: "Let whoever runs the server have it.",
    bad: "CREATE EVENT TRIGGER watch ON ddl_command_end EXECUTE FUNCTION note_ddl();\n",
    good: "CREATE TRIGGER watch AFTER INSERT ON orders FOR EACH ROW EXECUTE FUNCTION note_order();\n",
};

impl Rule for EventTrigger {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, subject: &Subject<'_>, found: &mut Found) {
        for judged in &subject.statements {
            let words = judged.words();
            for at in words.find(&["EVENT", "TRIGGER"]) {
                if at > 0 && words.is_any(at - 1, &["CREATE", "ALTER", "DROP"]) && words.begins(at - 1) {
                    found.at(judged, words.span(at - 1..at + 2), "an event trigger acts on every role of the database");
                }
            }
        }
    }
}
