//! `search-path-setting`: the search path is set for the rest of the session.

use super::super::{About, Class, Found, Rule, Severity, Subject};

/// The search path is set for the rest of the session.
pub struct SearchPathSetting;

static ABOUT: About = About {
    name: "search-path-setting",
    class: Class::Rerun,
    severity: Severity::Note,
    summary: "The search path is set for the rest of the session",
    why: "Scripts of one run share a session: those after this one find other tables by the same names, or \
        none, and another run does not.",
    rewrite: "SET LOCAL search_path, or names with their schema.",
    bad: "SET search_path = billing;\n",
    good: "SET LOCAL search_path = billing;\n",
};

impl Rule for SearchPathSetting {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, subject: &Subject<'_>, found: &mut Found) {
        for judged in &subject.statements {
            let words = judged.words();
            for at in words.settings().filter(|at| *at > 0 && words.is(*at, "search_path")) {
                if words.begins(at - 1) || (words.is(at - 1, "SESSION") && words.begins(at.saturating_sub(2))) {
                    found.at(judged, words.span(at..at + 1), "the search path stays so for the scripts after this one");
                }
            }
        }
    }
}
