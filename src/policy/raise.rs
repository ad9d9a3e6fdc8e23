//! All policies together, and the object.

use crate::api::v1alpha1::{DatabaseMigrationSpec, PolicyStatus};
use crate::checks::Endpoints;
use crate::migration::Risk;

use super::by_risk::ByRisk;
use super::database::DatabaseRules;
use super::fault::Fault;
use super::notes::{Demands, Notes};
use super::select::{Labels, Selected};
use super::validated::Policy;
use super::{endpoints, execution, gates, verification};

/// What plans of one risk are asked for once everybody was heard. The last three are the same for every risk.
#[derive(Debug, Clone, PartialEq)]
pub struct Raised {
    /// The object's spec with everything that policies impose. It is never written anywhere; raised once more it stays the same.
    pub spec: DatabaseMigrationSpec,
    /// The policies that select the object, by name, and what each of them changed.
    pub imposed: Vec<PolicyStatus>,
    /// What policies ask for and Sluice cannot impose, each with the cure: while there is any, nothing runs.
    pub violations: Vec<String>,
    /// What the database must be like.
    pub database: DatabaseRules,
    /// Addresses that checks may name, besides those that the operator was started with.
    pub endpoints: Endpoints,
    /// Leave the SQL out of the ConfigMap that shows the plan.
    pub hide_sql: bool,
}

/// Policies in error, by name: nothing runs.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{}", .faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct PolicyFault {
    /// Each of them.
    pub faults: Vec<Fault>,
}

/// Combines an object's spec with the policies that select it, for plans of each risk. The order of policies does not matter.
///
/// # Errors
/// When a policy cannot be used that selects the object, or may.
pub fn raise(
    spec: &DatabaseMigrationSpec,
    object: &Labels,
    policies: &[Result<Policy, Fault>],
) -> Result<ByRisk<Raised>, PolicyFault> {
    let selecting = selecting(object, policies)?;
    let mut risks: Vec<Risk> =
        selecting.iter().map(|policy| policy.from_risk).filter(|risk| *risk > Risk::Low).collect();
    risks.sort_unstable();
    risks.dedup();
    ByRisk::of(&risks, |risk| at(risk, spec, object, &selecting))
}

/// For plans of that risk: one policy more never asks for less, so a higher risk does not either.
fn at(risk: Risk, spec: &DatabaseMigrationSpec, object: &Labels, policies: &[&Policy]) -> Result<Raised, PolicyFault> {
    let (reaching, rest): (Vec<&Policy>, Vec<&Policy>) = policies.iter().partition(|policy| policy.from_risk <= risk);
    let mut notes = Notes::of(reaching.iter().map(|policy| policy.name.as_str()));
    let mut raised = spec.clone();
    // What the way back must be comes first: it may ask for a rehearsal.
    verification::raise(&mut raised, &of(&reaching, |policy| &policy.verification), &mut notes);
    gates::raise(&mut raised, object, &of(&reaching, |policy| &policy.gates), &mut notes);
    execution::raise(&mut raised.execution, &of(&reaching, |policy| &policy.execution), &mut notes);
    let addresses = of(&reaching, |policy| &policy.endpoints);
    let endpoints = endpoints::together(addresses.into_iter()).map_err(|fault| PolicyFault { faults: vec![fault] })?;
    let (mut imposed, violations) = notes.into_parts();
    imposed.extend(rest.iter().map(|policy| PolicyStatus {
        name: policy.name.clone(),
        imposed: Vec::new(),
        from_risk: Some(policy.from_risk.as_str().to_owned()),
    }));
    imposed.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(Raised {
        spec: raised,
        imposed,
        violations,
        database: DatabaseRules::of(&of(&reaching, |policy| &policy.database)),
        endpoints,
        hide_sql: reaching.iter().any(|policy| policy.hide_sql),
    })
}

/// One part of every policy, with the policy's name.
fn of<'a, T>(policies: &[&'a Policy], part: fn(&'a Policy) -> T) -> Demands<'a, T> {
    policies.iter().map(|policy| (policy.name.as_str(), part(policy))).collect()
}

/// The policies that select the object, by name.
fn selecting<'a>(object: &Labels, policies: &'a [Result<Policy, Fault>]) -> Result<Vec<&'a Policy>, PolicyFault> {
    let mut selecting = Vec::new();
    let mut faults = Vec::new();
    for policy in policies {
        match policy {
            Ok(policy) => match policy.reach.selects(object) {
                Selected::Yes => selecting.push(policy),
                Selected::Perhaps => faults.push(Fault::unsure(&policy.name, &object.namespace)),
                Selected::No => {}
            },
            Err(fault) => match fault.selects(object) {
                Selected::Yes | Selected::Perhaps => faults.push(fault.clone()),
                Selected::No => {}
            },
        }
    }
    selecting.sort_by(|one: &&Policy, other| one.name.cmp(&other.name));
    faults.sort_by(|one, other| one.policy.cmp(&other.policy));
    if faults.is_empty() { Ok(selecting) } else { Err(PolicyFault { faults }) }
}
