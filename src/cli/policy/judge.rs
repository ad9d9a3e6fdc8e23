//! What policies make of one object.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::api::v1alpha1::{DatabaseMigrationSpec, PolicyStatus};
use crate::checks;
use crate::migration::Risk;
use crate::policy::{ByRisk, Fault, Labels, Policy, Raised, raise};
use crate::rollout::Desired;

use super::documents::{Manifest, Object};
use super::risk::{self, Guess};

/// The answer about one object.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// `namespace/name`.
    pub object: String,
    /// Nothing is in the way.
    pub fits: bool,
    /// The risk of the plan that it is judged for; `None` where that makes no difference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub risk: Option<Risk>,
    /// How that risk is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub risk_because: Option<String>,
    /// The policies that select it, and what each imposes.
    pub policies: Vec<PolicyStatus>,
    /// Policies that cannot be used: nothing runs before they are mended.
    pub faults: Vec<String>,
    /// What policies ask for and cannot be imposed, or what the spec holds that cannot be used.
    pub violations: Vec<String>,
    /// What plans of a higher risk are asked for besides.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub higher: Vec<Higher>,
    /// What is looked at when the database is connected to.
    pub database: Vec<String>,
    /// Addresses that checks name and no policy declares: the operator has to be started with them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub endpoints: Vec<String>,
    /// The spec that holds in the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spec: Option<DatabaseMigrationSpec>,
}

/// What plans from a risk on are asked for, besides what lower ones are.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Higher {
    /// The lowest of these risks.
    pub from_risk: Risk,
    /// What each policy imposes.
    pub policies: Vec<PolicyStatus>,
    /// What would be in the way.
    pub violations: Vec<String>,
}

/// Combines policies and one object. `risk` is that of its plan, where the caller knows it.
pub fn judge(
    object: &Object,
    manifest: &Manifest,
    policies: &[Result<Policy, Fault>],
    namespace_labels: &BTreeMap<String, String>,
    namespace: &str,
    risk: Option<Risk>,
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
        Ok(by_risk) => of_raised(name, &by_risk, risk),
        Err(fault) => {
            Answer { object: name, faults: fault.faults.iter().map(ToString::to_string).collect(), ..Answer::default() }
        }
    }
}

fn of_raised(object: String, by_risk: &ByRisk<Raised>, risk: Option<Risk>) -> Answer {
    let guess = by_risk.differs().then(|| match risk {
        Some(risk) => Guess { risk, because: "as --risk says".to_owned() },
        None => risk::guess(&by_risk.strictest().spec),
    });
    let raised = by_risk.at(guess.as_ref().map_or(Risk::Low, |guess| guess.risk));
    let violations = violations(raised);
    Answer {
        object,
        fits: violations.is_empty(),
        risk: guess.as_ref().map(|guess| guess.risk),
        higher: higher(by_risk, guess.as_ref().map(|guess| guess.risk)),
        risk_because: guess.map(|guess| guess.because),
        policies: raised.imposed.clone(),
        faults: Vec::new(),
        violations,
        database: raised.database.sentences(),
        endpoints: raised
            .spec
            .verification
            .as_ref()
            .map(|verification| checks::unknown_endpoints(&verification.checks, &raised.endpoints))
            .unwrap_or_default(),
        spec: Some(raised.spec.clone()),
    }
}

fn violations(raised: &Raised) -> Vec<String> {
    let unusable = Desired::of(&raised.spec).err().map(|error| error.to_string());
    raised.violations.iter().cloned().chain(unusable).collect()
}

/// What each step up in risk adds, above the risk that is judged for.
fn higher(by_risk: &ByRisk<Raised>, risk: Option<Risk>) -> Vec<Higher> {
    let all: Vec<(Risk, &Raised)> = by_risk.each().collect();
    let steps = all.windows(2).filter_map(|step| match step {
        [(_, below), (from, raised)] if risk.is_none_or(|risk| *from > risk) => Some((*from, *below, *raised)),
        _ => None,
    });
    steps
        .map(|(from_risk, below, raised)| Higher {
            from_risk,
            policies: raised.imposed.iter().filter_map(|policy| added(policy, &below.imposed)).collect(),
            violations: violations(raised).into_iter().filter(|what| !violations(below).contains(what)).collect(),
        })
        .collect()
}

fn added(policy: &PolicyStatus, below: &[PolicyStatus]) -> Option<PolicyStatus> {
    let known = below.iter().find(|other| other.name == policy.name).map(|other| other.imposed.as_slice());
    let imposed = policy.imposed.iter().filter(|what| !known.unwrap_or_default().contains(what)).cloned();
    let added = PolicyStatus { imposed: imposed.collect(), ..policy.clone() };
    (!added.imposed.is_empty()).then_some(added)
}
