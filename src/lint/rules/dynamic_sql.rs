//! `dynamic-sql`: SQL is put together while it runs.

use squawk_syntax::ast;

use super::super::words::{Words, runs_text};
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

/// What may follow the text that is run.
const ENDS: &[&str] = &[";", "INTO", "USING", "LOOP"];

impl Rule for DynamicSql {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, subject: &Subject<'_>, found: &mut Found) {
        for judged in &subject.statements {
            let words = judged.words();
            let is_routine =
                matches!(judged.syntax, Some(ast::Stmt::CreateFunction(_) | ast::Stmt::CreateProcedure(_)));
            for at in words.executes().filter(|at| !words.is_plain(*at + 1, ENDS)) {
                // It does not run now, and no value can become SQL when it does.
                if is_routine && names_only(words, at + 1) {
                    continue;
                }
                found.at(judged, words.span(at..at + 1), "what EXECUTE runs is put together while it runs");
            }
            for at in words.set_configs().filter(|at| !words.is_plain(*at, &[",", ")"])) {
                found.at(judged, words.span(at..at + 1), "which setting is set is put together while it runs");
            }
            for at in hidden_bodies(words) {
                let message = "what the body does is written in escapes or in pieces";
                found.at(judged, words.span(at - 1..at), message);
            }
            for at in words.find(&["UESCAPE"]).filter_map(|at| at.checked_sub(1)).filter(|at| words.is_name(*at)) {
                found.at(judged, words.span(at..at + 3), "what is named here is written in escapes of its own");
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

/// The bodies of blocks and routines that do not stand there as they run: letters written as numbers, or several strings in one.
fn hidden_bodies<'a>(words: &'a Words<'_>) -> impl Iterator<Item = usize> + 'a {
    let bodies = words.iter().filter(|(at, word)| *at > 0 && word.depth == 0 && words.is_body(*at));
    let hidden = bodies.filter(|(at, word)| {
        let (begin, text) = (word.text.get(..1).unwrap_or_default(), word.text);
        let numbers = |text: &str| {
            text.split('\\')
                .skip(1)
                .any(|escape| escape.starts_with(['x', 'u', 'U', '0', '1', '2', '3', '4', '5', '6', '7']))
        };
        let pieces = begin != "$" && words.literal(*at).is_some_and(|inner| inner.replace("''", "").contains("'\n"));
        match begin {
            "u" | "U" => text.contains('\\') || pieces || words.is(words.after_body(*at).unwrap_or(*at), "UESCAPE"),
            "e" | "E" => numbers(text) || pieces,
            _ => pieces,
        }
    });
    hidden.map(|(at, _)| at).filter(|at| !words.is_any(*at - 1, &["(", ","]))
}

/// Whether `format('… %I … %L …', …)` is at an index and nothing else: whatever its arguments hold, they are names and values.
fn names_only(words: &Words<'_>, at: usize) -> bool {
    let text = at + 2;
    let is_format = words.are(at, &["format", "("]) && words.is_plain(text, &[",", ")"]);
    let Some(literal) = words.literal(text).filter(|_| is_format) else { return false };
    let mut signs = literal.split('%').skip(1);
    let mut quoted = true;
    while let Some(sign) = signs.next() {
        // A doubled one is a sign like any other.
        quoted &= if sign.is_empty() { signs.next().is_some() } else { sign.starts_with(['I', 'L']) };
    }
    let depth = words.depth(at);
    let mut open = 0_usize;
    let inside = words.iter().skip(at + 1).filter(|(at, _)| words.depth(*at) == depth);
    for (at, word) in inside {
        match word.text {
            "(" => open += 1,
            ")" if open == 1 => return quoted && words.is_any(at + 1, ENDS),
            ")" => open -= 1,
            _ => {}
        }
    }
    false
}
