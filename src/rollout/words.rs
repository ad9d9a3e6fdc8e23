//! Words that several sentences need: where the database is, and the command that asks for something. They decide nothing.

use super::Observed;

/// The version that the database is at, or `none`.
pub(super) fn current(observed: &Observed) -> String {
    let version = observed.inspection().and_then(|seen| seen.ledger.current()).map(ToString::to_string);
    version.unwrap_or_else(|| "none".to_owned())
}

/// The command that sets one of the annotations anew.
pub(super) fn annotate(object: &str, what: &str) -> String {
    let (name, namespace) = (name_of(object), namespace_of(object));
    format!("kubectl annotate dbm {name} -n {namespace} --overwrite sluice.dev/{what}=\"$(date +%s)\"")
}

/// The command that takes one of the annotations off.
pub(super) fn take_off(object: &str, what: &str) -> String {
    let (name, namespace) = (name_of(object), namespace_of(object));
    format!("kubectl annotate dbm {name} -n {namespace} sluice.dev/{what}-")
}

fn namespace_of(object: &str) -> &str {
    object.split_once('/').map_or("default", |(namespace, _)| namespace)
}

fn name_of(object: &str) -> &str {
    object.split_once('/').map_or(object, |(_, name)| name)
}
