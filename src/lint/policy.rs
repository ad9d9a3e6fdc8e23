//! Which findings a team or a platform lets through. Pure: lists of names in, one verdict for each finding out.

use std::fmt;

use super::{Class, Finding, Severity};

/// What a finding comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Not even told, or silenced by a comment.
    Allowed,
    /// Told; nothing waits for it.
    Warned,
    /// Nothing runs while it is there.
    Denied,
}

/// What one entry of a list names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Selector {
    /// One rule, by its name.
    Rule(&'static str),
    /// All rules of a class.
    Class(Class),
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rule(name) => f.write_str(name),
            Self::Class(class) => f.write_str(class.as_str()),
        }
    }
}

/// `gates.lint`: what is refused, told and passed over. A rule's name counts for more than its class; of two lists that name
/// the same, the stricter counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LintPolicy {
    /// Nothing runs while one of these is found.
    pub deny: Vec<Selector>,
    /// Told.
    pub warn: Vec<Selector>,
    /// Passed over.
    pub allow: Vec<Selector>,
    /// What no list names is refused from this severity on; `None` refuses nothing.
    pub deny_from: Option<Severity>,
    /// A comment does not silence what is denied.
    pub forbid_ignore: bool,
}

/// A name that is neither a rule nor a class.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{list}: `{name}` is neither a rule nor a class of rules; {}", match nearest {
    Some(nearest) => format!("did you mean `{nearest}`?"),
    None => format!("classes are {}, rules are listed in docs/lint/README.md", Class::ALL.map(Class::as_str).join(", ")),
})]
pub struct UnknownName {
    /// `deny`, `warn` or `allow`.
    pub list: &'static str,
    /// As written.
    pub name: String,
    /// The known name that it is most like, if it is like one.
    pub nearest: Option<&'static str>,
}

impl LintPolicy {
    /// Reads the three lists, of which each entry is the name of a rule or a class.
    ///
    /// # Errors
    /// The first name that is neither, with the known one that is nearest to it.
    pub fn parse<S: AsRef<str>>(deny: &[S], warn: &[S], allow: &[S]) -> Result<Self, UnknownName> {
        let read = |list: &'static str, names: &[S]| -> Result<Vec<Selector>, UnknownName> {
            names.iter().map(|name| selector(list, name.as_ref().trim())).collect()
        };
        Ok(Self {
            deny: read("deny", deny)?,
            warn: read("warn", warn)?,
            allow: read("allow", allow)?,
            deny_from: None,
            forbid_ignore: false,
        })
    }

    /// What the finding comes to. One that a comment silences is allowed whatever the lists say.
    #[must_use]
    pub fn verdict(&self, finding: &Finding) -> Verdict {
        match (finding.ignored.is_some(), self.listed(finding)) {
            (true, Verdict::Denied) if self.forbid_ignore => Verdict::Denied,
            (true, _) => Verdict::Allowed,
            (false, verdict) => verdict,
        }
    }

    /// What the lists say of it.
    fn listed(&self, finding: &Finding) -> Verdict {
        let named = |selector: Selector| {
            let lists = [(&self.deny, Verdict::Denied), (&self.warn, Verdict::Warned), (&self.allow, Verdict::Allowed)];
            lists.into_iter().find(|(list, _)| list.contains(&selector)).map(|(_, verdict)| verdict)
        };
        named(Selector::Rule(finding.rule)).or_else(|| named(Selector::Class(finding.class))).unwrap_or_else(|| {
            let refused = self.deny_from.is_some_and(|least| finding.severity >= least);
            if refused { Verdict::Denied } else { Verdict::Warned }
        })
    }
}

/// Every name that a list may hold.
fn known() -> impl Iterator<Item = (&'static str, Selector)> {
    let classes = Class::ALL.into_iter().map(|class| (class.as_str(), Selector::Class(class)));
    classes.chain(super::registry::names().map(|name| (name, Selector::Rule(name))))
}

fn selector(list: &'static str, name: &str) -> Result<Selector, UnknownName> {
    if let Some((_, found)) = known().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
        return Ok(found);
    }
    Err(UnknownName { list, name: name.to_owned(), nearest: nearest(name, known().map(|(known, _)| known)) })
}

/// The known name that differs from `name` by the fewest letters, if those are at most a third of it.
pub(super) fn nearest(name: &str, known: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    let written = name.to_ascii_lowercase();
    let near = known.map(|known| (strsim::levenshtein(&written, &known.to_ascii_lowercase()), known)).min()?;
    (near.0 * 3 <= written.len().max(near.1.len())).then_some(near.1)
}
