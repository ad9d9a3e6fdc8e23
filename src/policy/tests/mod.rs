//! Policies and objects as people write them, and what becomes of them.

mod approvals;
mod examples;
mod faults;
mod from_risk;
mod gates;
mod hosts;
mod lint;
mod preflight;
mod properties;
mod selectors;
mod strategies;
mod verification;

use serde_json::{Value, json};

use super::{ByRisk, Fault, Labels, Policy, PolicyFault, Raised, raise};
use crate::api::v1alpha1::DatabaseMigrationSpec;
use crate::migration::Risk;

/// A spec with nothing but what must be there, and these fields.
fn spec(fields: Value) -> DatabaseMigrationSpec {
    let mut spec = json!({
        "database": {"secretRef": {"name": "orders-db"}},
        "source": {"configMaps": [{"name": "orders-sql"}]},
        "targetVersion": "Latest",
    });
    spec.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    serde_json::from_value(spec).unwrap()
}

/// A policy with that name and spec.
fn policy(name: &str, spec: Value) -> Result<Policy, Fault> {
    Policy::read(name, &json!({"spec": spec}))
}

/// The object `orders` of the namespace `shop`, which is labelled `environment: production`.
fn orders() -> Labels {
    Labels {
        namespace: "shop".to_owned(),
        name: "orders".to_owned(),
        labels: [("team".to_owned(), "sales".to_owned())].into(),
        namespace_labels: Some([("environment".to_owned(), "production".to_owned())].into()),
    }
}

/// The object's spec under policies named `a`, `b` …
fn under(object: Value, policies: &[Value]) -> Result<Raised, PolicyFault> {
    Ok(by_risk(object, policies)?.at(Risk::Low).clone())
}

/// The same for plans of each risk.
fn by_risk(object: Value, policies: &[Value]) -> Result<ByRisk<Raised>, PolicyFault> {
    let names = ["a", "b", "c", "d"];
    let policies: Vec<_> = names.iter().zip(policies).map(|(name, spec)| policy(name, spec.clone())).collect();
    raise(&spec(object), &orders(), &policies)
}

/// The same, where no policy is in error.
fn raised(object: Value, policies: &[Value]) -> Raised {
    under(object, policies).unwrap()
}

/// A field of a raised spec, by its path.
fn field(raised: &Raised, path: &str) -> Value {
    let spec = serde_json::to_value(&raised.spec).unwrap();
    path.split('.').fold(spec, |value, name| value.get(name).cloned().unwrap_or_default())
}

/// What a policy imposed.
fn imposed<'a>(raised: &'a Raised, policy: &str) -> Vec<&'a str> {
    let status = raised.imposed.iter().find(|status| status.name == policy).unwrap();
    status.imposed.iter().map(String::as_str).collect()
}
