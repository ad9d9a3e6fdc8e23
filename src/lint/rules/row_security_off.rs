//! `row-security-off`: row security of a table is weakened.

use squawk_syntax::ast::{self, AstNode};

use crate::plan::Direction;

use super::super::{About, Class, Found, Judged, Rule, Severity, Subject};
use super::support::{shown, used};

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
            if let Some(table) = opened(subject, judged) {
                let message = format!("policies add up: with this one every role may reach all rows of {table}");
                found.statement(judged, message).severity = Severity::Warning;
            }
        }
    }
}

/// The table in use whose rows a policy opens to everybody, unless the script is the one that switches row security on.
fn opened(subject: &Subject<'_>, judged: &Judged<'_>) -> Option<String> {
    let Some(ast::Stmt::CreatePolicy(policy)) = &judged.syntax else { return None };
    let all = policy.using_expr_clause()?.syntax().text().to_string();
    let all: String = all.chars().filter(|c| !c.is_whitespace()).collect();
    let words = judged.words();
    let to_everybody =
        policy.policy_roles().is_none_or(|roles| shown(roles.syntax()).eq_ignore_ascii_case("to public"));
    let restrictive = words.has(words.rest(0), "RESTRICTIVE");
    let fresh = subject.statements.iter().any(|other| other.words().find(&["ENABLE", "ROW", "LEVEL"]).next().is_some());
    if !all.eq_ignore_ascii_case("using(true)") || !to_everybody || restrictive || fresh {
        return None;
    }
    used(subject, judged, policy.on_table()?.syntax()).map(|table| table.name)
}
