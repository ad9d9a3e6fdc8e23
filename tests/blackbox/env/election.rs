//! Operators that stand for election: each test elects on a Lease of its own, in the team's namespace.

use std::path::Path;
use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use serde_json::{Value, json};

use super::{Operator, SOON, Team, eventually, world};

/// Long enough for a machine that stands still for seconds, short enough for a test.
pub const SHORT: &[&str] = &["--lease-duration=14s", "--lease-renew-deadline=11s", "--lease-retry-period=500ms"];
/// Nobody takes such a Lease over unless it was given back.
pub const ENDLESS: &[&str] = &["--lease-duration=10m", "--lease-renew-deadline=5m", "--lease-retry-period=500ms"];

impl Team {
    /// Grants the operator's ServiceAccount in the team's namespace what the chart grants it in its own.
    pub fn may_elect(&self) {
        let chart: Value = serde_json::from_str(&self.kubectl(&[
            "--namespace=sluice-system",
            "get",
            "role",
            "sluice-leader-election",
            "--output=json",
        ]))
        .unwrap();
        let kind = "rbac.authorization.k8s.io/v1";
        let items = json!([
            {"apiVersion": kind, "kind": "Role", "metadata": {"name": "election"}, "rules": chart["rules"]},
            {"apiVersion": kind, "kind": "RoleBinding", "metadata": {"name": "election"},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "election"},
                "subjects": [{"kind": "ServiceAccount", "name": "sluice", "namespace": "sluice-system"}]},
        ]);
        let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
        self.kubectl_with(&["apply", "--filename", "-"], &list.to_string()).unwrap();
    }

    /// An operator that takes part in the team's election.
    pub fn candidate(&self, identity: &str, timings: &[&str], more: &[&str]) -> Operator {
        self.candidate_at(&world().operator, identity, timings, more)
    }

    /// The same with a kubeconfig of its own.
    pub fn candidate_at(&self, kubeconfig: &Path, identity: &str, timings: &[&str], more: &[&str]) -> Operator {
        let own = ["--lease-namespace", &*self.namespace, "--identity", identity];
        Operator::as_told(&self.namespace, kubeconfig, &[&own[..], timings, more].concat())
    }

    /// Who holds the Lease, as the operator was called; empty when nobody does.
    pub async fn leader(&self) -> Option<String> {
        let api: Api<Lease> = Api::namespaced(self.client.clone(), &self.namespace);
        let holder = api.get_opt("sluice").await.unwrap()?.spec?.holder_identity?;
        Some(holder.split('_').next().unwrap_or_default().to_owned())
    }

    /// Waits until the Lease is held by that operator.
    pub async fn led_by(&self, identity: &str, within: Duration) {
        eventually(&format!("{identity} leads"), within, || async {
            let leader = self.leader().await;
            if leader.as_deref() == Some(identity) { Ok(()) } else { Err(format!("{leader:?}")) }
        })
        .await;
    }
}

impl Operator {
    /// Whether it says that it leads.
    pub fn leads(&self) -> bool {
        self.metric("sluice_leader") == Some(1.0)
    }

    /// Waits until it says so.
    pub async fn serves(&self) {
        eventually("the operator answers", SOON, || async {
            self.page("/readyz").map(|_| ()).ok_or_else(|| "no answer".to_owned())
        })
        .await;
    }
}
