//! `row-security-off`: row security of a table is weakened.

use crate::plan::Direction;

use super::super::{About, Class, Found, Rule, Severity, Subject};

/// Row security of a table is weakened.
pub struct RowSecurityOff;

static ABOUT: About = About {
    name: "row-security-off",
    class: Class::Security,
    severity: Severity::Error,
    summary: "Row security of a table is weakened",
    why: "Rows of one tenant become visible to others with the commit.",
    rewrite: "Replace a policy by another one in the same transaction, and leave row security on.",
    bad: "ALTER TABLE orders DISABLE ROW LEVEL SECURITY;\n",
    good: "ALTER TABLE orders ENABLE ROW LEVEL SECURITY;\n",
};

impl Rule for RowSecurityOff {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, subject: &Subject<'_>, found: &mut Found) {
        for judged in &subject.statements {
            let words = judged.words();
            for start in
                [["DISABLE", "ROW", "LEVEL", "SECURITY"].as_slice(), &["NO", "FORCE", "ROW", "LEVEL", "SECURITY"]]
            {
                for at in words.find(start) {
                    found.at(judged, words.span(at..at + start.len()), "rows that policies hid become visible");
                }
            }
            for at in words.find(&["DROP", "POLICY"]).filter(|at| words.begins(*at)) {
                let replaced = subject.statements.iter().any(|other| other.words().are(0, &["CREATE", "POLICY"]));
                if subject.direction == Direction::Up && !replaced {
                    let message = "what the policy let through or kept back is decided by the others alone";
                    found.at(judged, words.span(at..at + 2), message).severity = Severity::Warning;
                }
            }
        }
    }
}
