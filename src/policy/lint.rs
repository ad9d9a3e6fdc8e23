//! What scripts must not do: what anybody denies is denied, whatever others allow.
//!
//! A rule's name weighs more than its class, so lists cannot simply be put together: the `allow: [drop-table]` of one would undo the
//! `deny: [DataLoss]` of another.

use crate::api::v1alpha1::{GatesSpec, LintSpec};
use crate::lint::{Class, RULES};

use super::notes::{Demands, Notes};

const FIELD: &str = "spec.gates.lint";

/// What a finding comes to, mildest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Allowed,
    Warned,
    Denied,
}

fn is_class(name: &str) -> bool {
    Class::ALL.iter().any(|class| class.as_str().eq_ignore_ascii_case(name))
}

fn class_of(rule: &str) -> Option<Class> {
    RULES.iter().map(|known| known.about()).find(|about| about.name.eq_ignore_ascii_case(rule)).map(|about| about.class)
}

fn list(names: Option<&Vec<String>>) -> &[String] {
    names.map(Vec::as_slice).unwrap_or_default()
}

/// What a source says of just that name.
fn said(spec: &LintSpec, name: &str) -> Option<Level> {
    let lists = [(&spec.deny, Level::Denied), (&spec.warn, Level::Warned), (&spec.allow, Level::Allowed)];
    let holds = |names: &Option<Vec<String>>| list(names.as_ref()).iter().any(|entry| entry.eq_ignore_ascii_case(name));
    lists.into_iter().find(|(names, _)| holds(names)).map(|(_, level)| level)
}

/// What a source makes of a name that is a rule or a class. `silent` is what it makes of what it does not mention.
fn level(spec: &LintSpec, name: &str, silent: Level) -> Level {
    let by_class = || said(spec, class_of(name)?.as_str());
    said(spec, name).or_else(by_class).unwrap_or(silent)
}

/// What the object asks for, raised.
pub(super) fn raise(gates: &mut GatesSpec, specs: &Demands<'_, &GatesSpec>, notes: &mut Notes) {
    let demands: Demands<'_, &LintSpec> =
        specs.iter().filter_map(|(policy, spec)| Some((*policy, spec.lint.as_ref()?))).collect();
    if demands.is_empty() {
        return;
    }
    let before = gates.lint.clone().unwrap_or_default();
    let mut after = before.clone();
    let denied = demands.iter().map(|(policy, demand)| (*policy, list(demand.deny.as_ref()))).collect();
    if let Some(deny) = notes.together(&format!("{FIELD}.deny"), before.deny.as_ref(), &denied) {
        after.deny = Some(deny);
    }
    let mut warn = Vec::new();
    let mut allow = Vec::new();
    for name in milder(&before, &demands) {
        let own = level(&before, &name, Level::Warned);
        let strictest = demands.iter().map(|(_, demand)| level(demand, &name, Level::Allowed)).max();
        let all = strictest.unwrap_or(Level::Allowed).max(own);
        let listed = said(&before, &name);
        match all {
            Level::Denied => {}
            Level::Warned if is_class(&name) && listed != Some(Level::Warned) => {}
            Level::Warned => warn.push(name.clone()),
            Level::Allowed => allow.push(name.clone()),
        }
        if listed.is_some() && all > own {
            let word = if own == Level::Allowed { "allow" } else { "warn" };
            for (policy, _) in demands.iter().filter(|(_, demand)| level(demand, &name, Level::Allowed) == all) {
                notes.imposed(policy, format!("{FIELD}.{word}: {name} removed"));
            }
        }
    }
    after.warn = kept(before.warn.as_ref(), warn);
    after.allow = kept(before.allow.as_ref(), allow);
    let forbid = demands.iter().map(|(policy, demand)| (*policy, demand.forbid_ignore.unwrap_or(false))).collect();
    if let Some(forbid) = notes.either(&format!("{FIELD}.forbidIgnore"), before.forbid_ignore, &forbid) {
        after.forbid_ignore = Some(forbid);
    }
    if after != before {
        gates.lint = Some(after);
    }
}

/// The names that anybody warns of or allows: the object's in its order, then those of policies, each once.
fn milder(object: &LintSpec, demands: &Demands<'_, &LintSpec>) -> Vec<String> {
    let of = |spec: &LintSpec| -> Vec<String> {
        list(spec.warn.as_ref()).iter().chain(list(spec.allow.as_ref())).cloned().collect()
    };
    let mut theirs: Vec<String> = demands.iter().flat_map(|(_, demand)| of(demand)).collect();
    theirs.sort();
    let mut names: Vec<String> = Vec::new();
    for name in of(object).into_iter().chain(theirs) {
        if !names.iter().any(|known| known.eq_ignore_ascii_case(&name)) {
            names.push(name);
        }
    }
    names
}

/// A list that was not there and would be empty stays away.
fn kept(before: Option<&Vec<String>>, after: Vec<String>) -> Option<Vec<String>> {
    (before.is_some() || !after.is_empty()).then_some(after)
}
