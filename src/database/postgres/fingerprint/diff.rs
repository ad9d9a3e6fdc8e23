//! What differs between two fingerprints, in words.

use std::collections::BTreeSet;

use similar::TextDiff;

use crate::database::Difference;

use super::{Definition, Fingerprint};

/// How much of one changed definition is shown.
const SHOWN: usize = 2000;
/// What the key of a table's order of columns begins with.
const ORDER: &str = "order of columns of ";

/// What is compared with what was before: `after the way back`.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Side<'a> {
    /// `after the way back`
    pub when: &'a str,
    /// Objects that are not compared.
    pub except: &'a BTreeSet<String>,
}

/// What `after` has otherwise than `before`.
pub(in super::super) fn differences(before: &Fingerprint, after: &Fingerprint, side: Side<'_>) -> Vec<Difference> {
    let keys: BTreeSet<&String> = before.0.keys().chain(after.0.keys()).collect();
    let mut found = Vec::new();
    for object in keys.into_iter().filter(|object| !side.except.contains(*object)) {
        let difference = match (before.0.get(object), after.0.get(object)) {
            (Some(before), Some(after)) if before == after => continue,
            (Some(before), Some(after)) if object.starts_with(ORDER) && same_order(before, after) => continue,
            (Some(before), Some(after)) => changed(object, before, after, side.when),
            // A table that is gone or new is told by itself, not by each of its columns.
            (Some(_), None) if belongs_to_missing(object, before, after) => continue,
            (None, Some(_)) if belongs_to_missing(object, after, before) => continue,
            (Some(_), None) => told(object, "missing", side.when),
            (None, Some(_)) => told(object, "left over", side.when),
            (None, None) => continue,
        };
        found.push(difference);
    }
    found
}

fn told(object: &str, what: &str, when: &str) -> Difference {
    Difference {
        object: object.to_owned(),
        what: format!("{what} {when}"),
        detail: None,
        remark: object.starts_with(ORDER),
    }
}

fn changed(object: &str, before: &Definition, after: &Definition, when: &str) -> Difference {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let differs: Vec<&String> = names.into_iter().filter(|name| before.get(*name) != after.get(*name)).collect();
    let list: Vec<&str> = differs.iter().map(|name| name.as_str()).collect();
    let mut detail = String::new();
    for name in differs {
        let value = |of: &Definition| of.get(name).cloned().flatten().unwrap_or_default();
        let (old, new) = (value(before), value(after));
        if old.contains('\n') || new.contains('\n') {
            detail.push_str(&format!("{name}:\n"));
            detail.push_str(&TextDiff::from_lines(&old, &new).unified_diff().context_radius(1).to_string());
        } else {
            detail.push_str(&format!("{name}: \"{old}\" became \"{new}\"\n"));
        }
    }
    if let Some((end, _)) = detail.char_indices().nth(SHOWN) {
        detail.truncate(end);
        detail.push('…');
    }
    let verb = if list.len() == 1 { "differs" } else { "differ" };
    Difference {
        object: object.to_owned(),
        what: format!("{} {verb} {when}", list.join(", ")),
        detail: Some(detail),
        remark: object.starts_with(ORDER),
    }
}

/// Whether the columns that both have stand in the same order.
fn same_order(before: &Definition, after: &Definition) -> bool {
    let columns = |of: &Definition| -> Vec<String> {
        of.values().flatten().flat_map(|list| list.split(", ")).map(ToOwned::to_owned).collect()
    };
    let (before, after) = (columns(before), columns(after));
    let common = |of: &[String], other: &[String]| -> Vec<String> {
        of.iter().filter(|column| other.contains(column)).cloned().collect()
    };
    common(&before, &after) == common(&after, &before)
}

/// Whether an object is a part of a table, view or type that only one side has.
fn belongs_to_missing(object: &str, one: &Fingerprint, other: &Fingerprint) -> bool {
    let is_gone = |owner: &str| {
        ["table", "foreign table", "view", "materialized view", "type"].iter().any(|kind| {
            let key = format!("{kind} {owner}");
            one.0.contains_key(&key) && !other.0.contains_key(&key)
        })
    };
    if let Some(name) = object.strip_prefix("column ") {
        return name.match_indices('.').any(|(at, _)| name.get(..at).is_some_and(is_gone));
    }
    if let Some(owner) = object.strip_prefix(ORDER) {
        return is_gone(owner);
    }
    let part = ["constraint ", "trigger ", "rule ", "policy "].iter().any(|kind| object.starts_with(kind));
    part && object.match_indices(" on ").any(|(at, on)| object.get(at + on.len()..).is_some_and(is_gone))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn print(objects: &[(&str, &[(&str, &str)])]) -> Fingerprint {
        let definition = |parts: &[(&str, &str)]| -> Definition {
            parts.iter().map(|(name, value)| ((*name).to_owned(), Some((*value).to_owned()))).collect()
        };
        Fingerprint(objects.iter().map(|(object, parts)| ((*object).to_owned(), definition(parts))).collect())
    }

    fn told(before: &Fingerprint, after: &Fingerprint) -> Vec<String> {
        let side = Side { when: "after the way back", except: &BTreeSet::new() };
        differences(before, after, side).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_missing_left_over_or_changed_is_named() {
        let before = print(&[("index s.i", &[]), ("column s.t.a", &[("type", "text"), ("default", "1")])]);
        let after = print(&[("index s.j", &[]), ("column s.t.a", &[("type", "int"), ("default", "2")])]);
        assert_eq!(
            told(&before, &after),
            [
                "column s.t.a: default, type differ after the way back",
                "index s.i: missing after the way back",
                "index s.j: left over after the way back",
            ]
        );
        assert_ne!(before.digest(), after.digest());
        assert!(told(&before, &before).is_empty());
    }

    #[test]
    fn a_table_that_is_gone_is_told_once() {
        let before = print(&[
            ("table s.t", &[]),
            ("column s.t.a", &[]),
            ("constraint t_pkey on s.t", &[]),
            ("order of columns of s.t", &[("columns", "a")]),
            ("index s.i", &[]),
        ]);
        assert_eq!(
            told(&before, &print(&[])),
            ["index s.i: missing after the way back", "table s.t: missing after the way back"]
        );
    }

    #[test]
    fn the_order_of_columns_counts_among_those_that_both_have() {
        let order =
            |columns: &'static str| Fingerprint(print(&[("order of columns of s.t", &[("columns", columns)])]).0);
        assert!(told(&order("a, b, c"), &order("a, c")).is_empty());
        assert_eq!(
            told(&order("a, b, c"), &order("a, c, b")),
            ["order of columns of s.t: columns differs after the way back"]
        );
    }

    #[test]
    fn a_long_definition_is_shown_as_what_changed_in_it_and_cut_short() {
        let body = |last: &str| format!("begin\n{}{last}\nend", "  perform 1;\n".repeat(50));
        let (old, new) = (body("x"), body("y"));
        let of = |text: &str| print(&[("function s.f()", &[("definition", text)])]);
        let side = Side { when: "after the way back", except: &BTreeSet::new() };
        let found = differences(&of(&old), &of(&new), side);
        let detail = found[0].detail.clone().unwrap();
        assert!(detail.contains("-x\n+y\n") && detail.lines().count() < 10, "{detail}");
        let long = "x\n".repeat(5000);
        let found = differences(&of(&old), &of(&long), side);
        assert!(found[0].detail.as_ref().unwrap().chars().count() <= SHOWN + 1);
    }
}
