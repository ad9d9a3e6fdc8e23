//! Facts as a controller would gather them, with one change at a time.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use crate::api::v1alpha1::{GatesSpec, MigrationApproval};
use crate::gates::{Facts, Gates, Guard, Verdict};
use crate::lint::Assessment;
use crate::migration::Risk;
use crate::plan::{Direction, Plan};

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
            guard: Guard::Installed,
            author: None,
            risk: Risk::Low,
            estimate: None,
            approvals: Vec::new(),
        }
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
            direction: Direction::Up,
            from: None,
            to: None,
            steps: Vec::new(),
            digest: DIGEST.to_owned(),
            warnings: Vec::new(),
        };
        let assessment = Assessment {
            steps: Vec::new(),
            findings: Vec::new(),
            risk: self.risk,
            reasons: Vec::new(),
            strongest: None,
            rewrites: false,
            scans: false,
            estimate: self.estimate,
        };
        gate(&Facts {
            now: self.now,
            object: "shop/orders",
            author: self.author.as_deref(),
            gates: &self.gates,
            plan: &plan,
            set_digest: "sha256:cc",
            assessment: &assessment,
            approvals: &self.approvals,
            guard: &self.guard,
            neighbours: &BTreeMap::new(),
            promotion: None,
        })
    }

    pub fn one(&self, gate: fn(&Facts<'_>) -> Vec<Verdict>) -> Verdict {
        let mut verdicts = self.judge(gate);
        assert_eq!(verdicts.len(), 1, "{verdicts:?}");
        verdicts.remove(0)
    }
}
