//! One MigrationPolicy, validated once.

use std::time::Duration;

use kube::ResourceExt;
use serde_json::Value;

use crate::api::v1alpha1::{GatesSpec, MigrationPolicy, MigrationPolicySpec};
use crate::checks::Endpoints;
use crate::duration;
use crate::gates::Gates;

use super::approvals::ApprovalsDemand;
use super::database::DatabaseDemand;
use super::execution::ExecutionDemand;
use super::gates::GatesDemand;
use super::promotion::PromotionDemand;
use super::select::{Labels, Reach, Selected};
use super::verification::VerificationDemand;
use super::{endpoints, fields};

/// A policy that can be used.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// Its name.
    pub name: String,
    /// The objects that it is about.
    pub(super) reach: Reach,
    pub(super) gates: GatesDemand,
    pub(super) approvals: Option<ApprovalsDemand>,
    pub(super) promotion: PromotionDemand,
    pub(super) verification: VerificationDemand,
    pub(super) execution: ExecutionDemand,
    pub(super) database: DatabaseDemand,
    pub(super) endpoints: Endpoints,
    pub(super) hide_sql: bool,
}

/// A policy that cannot be used. It closes every object that it selects or may select.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("MigrationPolicy {policy}: {field}: {problem}")]
pub struct Fault {
    /// Its name.
    pub policy: String,
    /// The field.
    pub field: String,
    /// What is wrong with it, and the cure.
    pub problem: String,
    /// The objects that it is about; `None` where that cannot be read: all of them.
    reach: Option<Reach>,
}

/// What is wrong with a policy, before it is told of which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    field: String,
    problem: String,
}

impl Problem {
    /// At a field below `spec`.
    pub(super) fn at(field: &str, problem: impl Into<String>) -> Self {
        Self { field: format!("spec.{field}"), problem: problem.into() }
    }
}

impl Fault {
    /// How sure it is that the policy is about the object.
    pub(super) fn selects(&self, object: &Labels) -> Selected {
        self.reach.as_ref().map_or(Selected::Yes, |reach| reach.selects(object))
    }

    /// Two policies that contradict each other.
    pub(super) fn conflict(policy: &str, field: &str, other: &str) -> Self {
        let problem = format!("MigrationPolicy {other} says something else; make the two agree");
        Self { policy: policy.to_owned(), field: field.to_owned(), problem, reach: None }
    }

    /// A policy that may be about an object or not.
    pub(super) fn unsure(policy: &str, namespace: &str) -> Self {
        let problem = format!(
            "the labels of namespace {namespace} cannot be read, so nobody knows whether it is selected; let the operator read namespaces"
        );
        Self { policy: policy.to_owned(), field: "spec.namespaceSelector".to_owned(), problem, reach: None }
    }
}

impl Policy {
    /// Validates a policy.
    ///
    /// # Errors
    /// The first field that cannot be used.
    pub fn of(policy: &MigrationPolicy) -> Result<Self, Fault> {
        Self::of_spec(&policy.name_any(), &policy.spec)
    }

    /// Reads and validates a policy as it was written or as the API server shows it. A field that this Sluice does not know makes
    /// the policy unusable: it would be a demand that nobody looks at.
    ///
    /// # Errors
    /// The first field that cannot be used.
    pub fn read(name: &str, policy: &Value) -> Result<Self, Fault> {
        let written = policy.get("spec").cloned().unwrap_or_else(|| Value::Object(serde_json::Map::new()));
        let reach = || {
            let selector = |name: &str| written.get(name).cloned().map_or(Ok(None), serde_json::from_value).ok();
            Reach::of(selector("namespaceSelector")?.as_ref(), selector("selector")?.as_ref()).ok()
        };
        let spec: MigrationPolicySpec = fields::strictly(&written, "spec").map_err(|(field, problem)| Fault {
            policy: name.to_owned(),
            field,
            problem,
            reach: reach(),
        })?;
        Self::of_spec(name, &spec)
    }

    fn of_spec(name: &str, spec: &MigrationPolicySpec) -> Result<Self, Fault> {
        let reach = Reach::of(spec.namespace_selector.as_ref(), spec.selector.as_ref());
        let reach = reach.map_err(|(field, problem)| Fault {
            policy: name.to_owned(),
            field: format!("spec.{field}"),
            problem,
            reach: None,
        })?;
        Self::demands(name, &reach, spec).map_err(|Problem { field, problem }| Fault {
            policy: name.to_owned(),
            field,
            problem,
            reach: Some(reach),
        })
    }

    fn demands(name: &str, reach: &Reach, spec: &MigrationPolicySpec) -> Result<Self, Problem> {
        let none = GatesSpec::default();
        let gates = spec.gates.as_ref().unwrap_or(&none);
        // Whatever a gate would not understand in an object, it does not understand in a policy.
        Gates::of(Some(gates)).map_err(|(field, problem)| Problem::at(&format!("gates.{field}"), problem))?;
        Ok(Self {
            name: name.to_owned(),
            reach: reach.clone(),
            gates: GatesDemand::of(gates)?,
            approvals: ApprovalsDemand::of(spec)?,
            promotion: PromotionDemand::of(spec)?,
            verification: VerificationDemand::of(spec)?,
            execution: ExecutionDemand::of(spec)?,
            database: DatabaseDemand::of(spec)?,
            endpoints: endpoints::read(spec)?,
            hide_sql: spec.hide_sql.unwrap_or(false),
        })
    }
}

/// A duration of a policy.
pub(super) fn length(field: &str, text: Option<&str>) -> Result<Option<Duration>, Problem> {
    text.map(|text| duration::parse(text).map_err(|error| Problem::at(field, error.to_string()))).transpose()
}
