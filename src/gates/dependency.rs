//! The gate `dependency`: other DatabaseMigrations of the namespace must be Ready, at a version or a newer one.

use std::collections::{HashMap, VecDeque};

use crate::api::v1alpha1::DependencySpec;
use crate::migration::Version;

use super::{Facts, GateState, Neighbour, Verdict};

const GATE: &str = "dependency";

/// What the gate says: once for each object that is waited for.
pub fn check(facts: &Facts<'_>) -> Vec<Verdict> {
    let (namespace, own) = facts.object.split_once('/').unwrap_or(("", facts.object));
    let judge = |wanted: &DependencySpec| one(facts, namespace, own, wanted).named(&wanted.name);
    facts.gates.depends_on.iter().map(judge).collect()
}

fn one(facts: &Facts<'_>, namespace: &str, own: &str, wanted: &DependencySpec) -> Verdict {
    let name = &wanted.name;
    if let Some(cycle) = cycle(facts, own, name) {
        return Verdict::shut(
            GATE,
            GateState::Denied,
            format!("each of them waits for the next: {}", cycle.join(" → ")),
            "take one of these dependencies out of spec.gates.dependsOn".to_owned(),
        );
    }
    match facts.neighbours.get(name) {
        None => Verdict::shut(
            GATE,
            GateState::Unknown,
            format!("nobody looked for DatabaseMigration {name}"),
            "Sluice looks again by itself",
        ),
        Some(None) => Verdict::shut(
            GATE,
            GateState::Closed,
            format!("there is no DatabaseMigration {name} in namespace {namespace}"),
            "create it",
        ),
        Some(Some(neighbour)) => there(namespace, wanted, neighbour),
    }
}

fn there(namespace: &str, wanted: &DependencySpec, neighbour: &Neighbour) -> Verdict {
    let name = &wanted.name;
    if !neighbour.ready {
        let reason = if neighbour.reason.is_empty() { String::new() } else { format!(" ({})", neighbour.reason) };
        return Verdict::shut(
            GATE,
            GateState::Closed,
            format!("{name} is not Ready{reason}: {}", neighbour.message),
            format!("`sluice status {name} -n {namespace}` tells what it needs"),
        );
    }
    let Some(asked) = &wanted.version else {
        let at = neighbour.applied.as_ref().map(|version| format!(" at version {version}")).unwrap_or_default();
        return Verdict::open(GATE, format!("{name} is Ready{at}"));
    };
    let Some(applied) = &neighbour.applied else {
        return Verdict::shut(
            GATE,
            GateState::Closed,
            format!("{name} is Ready with no migration in effect, and version {asked} is asked for"),
            format!("bring {name} to version {asked}"),
        );
    };
    match (Version::parse(applied), Version::parse(asked)) {
        (Ok(applied), Ok(asked)) if applied >= asked => {
            Verdict::open(GATE, format!("{name} is Ready at version {applied}; {asked} is asked for"))
        }
        (Ok(applied), Ok(asked)) => Verdict::shut(
            GATE,
            GateState::Closed,
            format!("{name} is Ready at version {applied}, which is older than {asked}"),
            format!("bring {name} to version {asked}"),
        ),
        (Err(error), _) | (_, Err(error)) => Verdict::shut(
            GATE,
            GateState::Unknown,
            format!("the version of {name} cannot be compared: {error}"),
            "write digits in spec.gates.dependsOn, and look at status.applied.version there",
        ),
    }
}

/// The shortest way from the object over that dependency back to itself.
fn cycle<'a>(facts: &'a Facts<'_>, own: &'a str, first: &'a str) -> Option<Vec<&'a str>> {
    let mut came_from: HashMap<&str, &str> = HashMap::from([(first, own)]);
    let mut next = VecDeque::from([first]);
    while let Some(name) = next.pop_front() {
        if name == own {
            return Some(way(&came_from, own));
        }
        let Some(Some(neighbour)) = facts.neighbours.get(name) else { continue };
        for further in &neighbour.depends_on {
            if !came_from.contains_key(further.as_str()) {
                came_from.insert(further, name);
                next.push_back(further);
            }
        }
    }
    None
}

fn way<'a>(came_from: &HashMap<&'a str, &'a str>, own: &'a str) -> Vec<&'a str> {
    let mut way = vec![own];
    let mut at = own;
    while let Some(before) = came_from.get(at) {
        way.push(before);
        at = before;
        if at == own {
            break;
        }
    }
    way.reverse();
    way
}
