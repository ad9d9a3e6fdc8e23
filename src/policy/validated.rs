//! One MigrationPolicy, validated once.

use kube::ResourceExt;
use serde_json::Value;

use crate::api::v1alpha1::{GatesSpec, MigrationPolicy, MigrationPolicySpec};
use crate::checks::Endpoints;
use crate::gates::Gates;
use crate::migration::Risk;

use super::database::DatabaseDemand;
use super::execution::ExecutionDemand;
use super::fault::{Fault, Problem};
use super::gates::GatesDemand;
use super::select::Reach;
use super::verification::VerificationDemand;
use super::{endpoints, fields, from_risk};

/// A policy that can be used.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// Its name.
    pub name: String,
    /// The objects that it is about.
    pub(super) reach: Reach,
    /// The lowest risk of the plans that it is about.
    pub(super) from_risk: Risk,
    pub(super) gates: GatesDemand,
    pub(super) verification: VerificationDemand,
    pub(super) execution: ExecutionDemand,
    pub(super) database: DatabaseDemand,
    pub(super) endpoints: Endpoints,
    pub(super) hide_sql: bool,
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
            from_risk: from_risk::of(spec)?,
            gates: GatesDemand::of(spec)?,
            verification: VerificationDemand::of(spec)?,
            execution: ExecutionDemand::of(spec)?,
            database: DatabaseDemand::of(spec)?,
            endpoints: endpoints::read(spec)?,
            hide_sql: spec.hide_sql.unwrap_or(false),
        })
    }
}
