//! Policies that cannot be used: where, why, and the cure.

use std::time::Duration;

use crate::duration;

use super::select::{Labels, Reach, Selected};

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
    pub(super) reach: Option<Reach>,
}

/// What is wrong with a policy, before it is told of which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) field: String,
    pub(super) problem: String,
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

/// A duration of a policy.
pub(super) fn length(field: &str, text: Option<&str>) -> Result<Option<Duration>, Problem> {
    text.map(|text| duration::parse(text).map_err(|error| Problem::at(field, error.to_string()))).transpose()
}
