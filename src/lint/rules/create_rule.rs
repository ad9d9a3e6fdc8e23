//! `create-rule`: a rule rewrites what others write to a table.

use super::super::syntax::join;
use super::super::{About, Class, Found, Rule, Severity, Subject};
use super::support::used_name;

/// A rule rewrites what others write to a table.
pub struct CreateRule;

static ABOUT: About = About {
    name: "create-rule",
    class: Class::Security,
    severity: Severity::Warning,
    summary: "A rule rewrites what others write to a table",
    why: "Statements of applications become other statements before they run, and nobody is told: with DO \
        INSTEAD their rows are never written, and functions in them may be called twice.",
    rewrite: "Write a trigger: it sees each row once, and can refuse it with an error.",
    bad: "CREATE RULE no_updates AS ON UPDATE TO orders DO INSTEAD NOTHING;\n",
    good: "CREATE TRIGGER watch BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION refuse();\n",
};

impl Rule for CreateRule {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, subject: &Subject<'_>, found: &mut Found) {
        for judged in &subject.statements {
            let words = judged.words();
            let created = words.find(&["CREATE"]).filter(|at| words.begins(*at)).filter_map(|at| {
                let rule = at + 1 + 2 * usize::from(words.are(at + 1, &["OR", "REPLACE"]));
                words.is(rule, "RULE").then_some((at, rule))
            });
            for (at, rule) in created {
                let Some(to) = words.rest(at).find(|at| words.is(*at, "TO")) else { continue };
                let mut parts: Vec<String> = words.name(to + 1).into_iter().collect();
                if words.is(to + 2, ".") {
                    parts.extend(words.name(to + 3));
                }
                let Some(table) = used_name(subject, judged, join(&parts)) else { continue };
                // The rows of a view are written by its rules, or not at all.
                if subject.catalog.find(&table.name).is_some_and(|(_, relation)| relation.kind == 'v') {
                    continue;
                }
                let replaced = words.has(words.rest(at), "INSTEAD");
                let what = if replaced { "is replaced by what the rule says" } else { "becomes more than they wrote" };
                found.at(judged, words.span(at..rule + 1), format!("what others write to {} {what}", table.name));
            }
        }
    }
}
