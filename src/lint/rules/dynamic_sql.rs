//! `dynamic-sql`: SQL is put together while it runs.

use super::super::words::runs_text;
use super::super::{About, Class, Found, Rule, Severity, Subject};

/// SQL is put together while it runs.
pub struct DynamicSql;

static ABOUT: About = About {
    name: "dynamic-sql",
    class: Class::Opaque,
    severity: Severity::Warning,
    summary: "SQL is put together while it runs",
    why: "Neither a reader nor this linter can tell what it will do, and a value in it can become SQL.",
    rewrite: "Write the statements out. Where names must vary, use format with %I and %L and say in a comment \
        what it runs.",
    bad: "DO $$ DECLARE t text; BEGIN FOR t IN SELECT relname FROM pg_class LOOP EXECUTE 'ANALYZE ' || t; END \
        LOOP; END $$;\n",
    good: "ANALYZE orders;\n",
};

impl Rule for DynamicSql {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, subject: &Subject<'_>, found: &mut Found) {
        for judged in &subject.statements {
            let words = judged.words();
            for at in words.executes().filter(|at| !words.is_plain(*at + 1, &[";", "INTO", "USING", "LOOP"])) {
                found.at(judged, words.span(at..at + 1), "what EXECUTE runs is put together while it runs");
            }
            for (at, name) in words.calls().filter(|(_, name)| runs_text(name)) {
                let is_name = at > 0 && words.is_any(at - 1, &["FUNCTION", "PROCEDURE"]);
                if !is_name && !words.is_plain(at + 2, &[",", ")"]) {
                    found.at(judged, words.span(at..at + 1), format!("what {name} runs is put together while it runs"));
                }
            }
        }
    }
}
