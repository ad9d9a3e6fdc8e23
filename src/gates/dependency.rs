//! The gate `dependency`: other DatabaseMigrations of the namespace must be Ready, at a version or a newer one.

use crate::api::v1alpha1::DependencySpec;
use crate::migration::Version;

use super::neighbour::Wait;
use super::ring::Ring;
use super::{Facts, GateState, Neighbour, Verdict};

const GATE: &str = "dependency";

/// What the gate says: once for each object that is waited for.
pub fn check(facts: &Facts<'_>) -> Vec<Verdict> {
    let namespace = facts.namespace();
    let judge = |wanted: &DependencySpec| one(facts, namespace, wanted).named(&wanted.name);
    facts.gates.depends_on.iter().map(judge).collect()
}

fn one(facts: &Facts<'_>, namespace: &str, wanted: &DependencySpec) -> Verdict {
    let place = (namespace.to_owned(), wanted.name.clone());
    let ring = |promotion| Ring::of(facts, Wait::DependsOn, &place, promotion);
    if let Some(ring) = ring(false) {
        return ring.denies(GATE);
    }
    let name = &wanted.name;
    let verdict = match facts.neighbours.get(&place) {
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
    };
    // Promotion holds what is new, not what is there: a ring through it is told where it is in the way. Otherwise another namespace could
    // close a gate here by what it asks for there.
    if verdict.state == GateState::Open { verdict } else { ring(true).map_or(verdict, |ring| ring.denies(GATE)) }
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
