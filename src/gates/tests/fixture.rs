//! Facts as a controller would gather them, with one change at a time.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use crate::api::v1alpha1::{DatabaseMigration, GatesSpec, MigrationApproval};
use crate::gates::{Facts, Forerunner, Gates, Guard, Neighbour, Place, Verdict};
use crate::lint::Assessment;
use crate::migration::Risk;
use crate::plan::{Direction, Plan, Step};

/// The digest of the plan that wants to pass.
pub const DIGEST: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
/// The digest of another one.
pub const OTHER: &str = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

pub struct World {
    pub now: Timestamp,
    pub gates: Gates,
    pub guard: Guard,
    pub author: Option<String>,
    pub risk: Risk,
    pub estimate: Option<Duration>,
    pub approvals: Vec<MigrationApproval>,
    pub direction: Direction,
    pub steps: Vec<Step>,
    pub after_digest: Option<String>,
    pub neighbours: BTreeMap<Place, Option<Neighbour>>,
    pub promotion: Option<Forerunner>,
}

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

impl World {
    /// `spec.gates` as JSON, on a Thursday at noon.
    pub fn of(gates: serde_json::Value) -> Self {
        let spec: GatesSpec = serde_json::from_value(gates).unwrap();
        Self {
            now: at("2026-11-26T12:00:00Z"),
            gates: Gates::of(Some(&spec)).unwrap(),
            guard: Guard::Installed { since: at("2026-01-01T00:00:00Z") },
            author: None,
            risk: Risk::Low,
            estimate: None,
            approvals: Vec::new(),
            direction: Direction::Up,
            steps: Vec::new(),
            after_digest: Some("sha256:after".to_owned()),
            neighbours: BTreeMap::new(),
            promotion: None,
        }
    }

    /// What promotion asks about.
    pub fn before(mut self, forerunner: Forerunner) -> Self {
        self.promotion = Some(forerunner);
        self
    }

    pub fn now(mut self, now: &str) -> Self {
        self.now = at(now);
        self
    }

    /// An approval of an hour ago, with more fields of its spec.
    pub fn says(self, user: &str, decision: &str, more: serde_json::Value) -> Self {
        self.said(user, decision, "2026-11-26T11:00:00Z", more)
    }

    pub fn said(mut self, user: &str, decision: &str, when: &str, more: serde_json::Value) -> Self {
        let mut spec = json!({
            "migrationRef": {"name": "orders"}, "planDigest": DIGEST, "user": user, "decision": decision,
        });
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let name = format!("orders-{user}-{}", self.approvals.len());
        let object = json!({
            "apiVersion": "sluice.dev/v1alpha1", "kind": "MigrationApproval", "spec": spec,
            "metadata": {"name": name, "uid": format!("uid-of-{user}"), "creationTimestamp": when},
        });
        self.approvals.push(serde_json::from_value(object).unwrap());
        self
    }

    pub fn judge(&self, gate: fn(&Facts<'_>) -> Vec<Verdict>) -> Vec<Verdict> {
        let plan = Plan {
            direction: self.direction,
            from: None,
            to: None,
            steps: self.steps.clone(),
            digest: DIGEST.to_owned(),
            warnings: Vec::new(),
        };
        let assessment = Assessment { risk: self.risk, estimate: self.estimate, ..Assessment::default() };
        gate(&Facts {
            now: self.now,
            object: "shop/orders",
            author: self.author.as_deref(),
            gates: &self.gates,
            plan: &plan,
            set_digest: "sha256:cc",
            after_digest: self.after_digest.as_deref(),
            assessment: &assessment,
            approvals: &self.approvals,
            guard: &self.guard,
            neighbours: &self.neighbours,
            promotion: self.promotion.as_ref(),
            preflight: None,
            sql: &[],
        })
    }

    pub fn one(&self, gate: fn(&Facts<'_>) -> Vec<Verdict>) -> Verdict {
        let mut verdicts = self.judge(gate);
        assert_eq!(verdicts.len(), 1, "{verdicts:?}");
        verdicts.remove(0)
    }
}

/// A DatabaseMigration, as the API server shows it, with the parts that matter: metadata, spec and status.
pub fn object(namespace: &str, name: &str, spec: serde_json::Value, status: serde_json::Value) -> DatabaseMigration {
    let mut all = json!({
        "database": {"secretRef": {"name": "db"}}, "source": {"configMaps": [{"name": "sql"}]}, "targetVersion": "Latest",
    });
    all.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    serde_json::from_value(json!({
        "apiVersion": "sluice.dev/v1alpha1", "kind": "DatabaseMigration",
        "metadata": {"name": name, "namespace": namespace, "generation": 3}, "spec": all, "status": status,
    }))
    .unwrap()
}

/// The status of an object that has been Ready since the 24th with everything of its source in effect.
pub fn ready() -> serde_json::Value {
    json!({
        "applied": {"version": "012", "count": 12, "digest": "sha256:after"},
        "source": {"digest": "sha256:cc", "versions": 12, "latest": "012"},
        "history": [{
            "id": "run-2", "direction": "up", "outcome": "succeeded", "startTime": "2026-11-24T08:00:00Z",
        }],
        "conditions": [{
            "type": "Ready", "status": "True", "reason": "UpToDate", "message": "fine", "observedGeneration": 3,
            "lastTransitionTime": "2026-11-24T09:00:00Z",
        }],
    })
}

/// The same, not Ready.
pub fn unready(reason: &str, message: &str) -> serde_json::Value {
    let mut status = ready();
    let condition = &mut status["conditions"][0];
    (condition["status"], condition["reason"], condition["message"]) = (json!("False"), json!(reason), json!(message));
    status
}
