//! What policies make of one object.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::api::v1alpha1::{DatabaseMigrationSpec, PolicyStatus};
use crate::policy::{Fault, Labels, Policy, Raised, raise};
use crate::rollout::Desired;

use super::documents::{Manifest, Object};

/// The answer about one object.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// `namespace/name`.
    pub object: String,
    /// Nothing is in the way.
    pub fits: bool,
    /// The policies that select it, and what each imposes.
    pub policies: Vec<PolicyStatus>,
    /// Policies that cannot be used: nothing runs before they are mended.
    pub faults: Vec<String>,
    /// What policies ask for and cannot be imposed, or what the spec holds that cannot be used.
    pub violations: Vec<String>,
    /// What is looked at when the database is connected to.
    pub database: Vec<String>,
    /// The spec that holds in the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spec: Option<DatabaseMigrationSpec>,
}

/// Combines policies and one object.
pub fn judge(
    object: &Object,
    manifest: &Manifest,
    policies: &[Result<Policy, Fault>],
    namespace_labels: &BTreeMap<String, String>,
    namespace: &str,
) -> Answer {
    let namespace = object.namespace.clone().unwrap_or_else(|| namespace.to_owned());
    let mut labels = manifest.namespaces.get(&namespace).cloned().unwrap_or_default();
    labels.extend(namespace_labels.clone());
    // Every namespace has it.
    labels.insert("kubernetes.io/metadata.name".to_owned(), namespace.clone());
    let name = format!("{namespace}/{}", object.name);
    let about =
        Labels { namespace, name: object.name.clone(), labels: object.labels.clone(), namespace_labels: Some(labels) };
    match raise(&object.spec, &about, policies) {
        Ok(raised) => of_raised(name, raised),
        Err(fault) => Answer {
            object: name,
            fits: false,
            policies: Vec::new(),
            faults: fault.faults.iter().map(ToString::to_string).collect(),
            violations: Vec::new(),
            database: Vec::new(),
            spec: None,
        },
    }
}

fn of_raised(object: String, raised: Raised) -> Answer {
    let mut violations = raised.violations;
    violations.extend(Desired::of(&raised.spec).err().map(|error| error.to_string()));
    Answer {
        object,
        fits: violations.is_empty(),
        policies: raised.imposed,
        faults: Vec::new(),
        violations,
        database: raised.database.sentences(),
        spec: Some(raised.spec),
    }
}
