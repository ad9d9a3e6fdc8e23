//! People: users of the API server with names, groups and real roles, by impersonation.

use std::path::PathBuf;
use std::process::{Command, Output};

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::admissionregistration::v1::ValidatingAdmissionPolicyBinding;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
use kube::api::{Patch, PatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use serde_json::{Value, json};
use sluice::api::admission::APPROVALS_POLICY;

use super::{Team, world};

/// A user of the API server.
pub struct Person {
    pub client: Client,
    /// As a command line finds them.
    pub kubeconfig: PathBuf,
    _folder: tempfile::TempDir,
}

impl Person {
    /// In these groups, and `system:authenticated`.
    pub async fn new(user: &str, groups: &[&str]) -> Self {
        let mut kubeconfig = Kubeconfig::read_from(&world().admin).unwrap();
        let info = kubeconfig.auth_infos[0].auth_info.as_mut().unwrap();
        info.impersonate = Some(user.to_owned());
        info.impersonate_groups = Some(groups.iter().map(|group| (*group).to_owned()).collect());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kubeconfig");
        std::fs::write(&path, serde_yaml::to_string(&kubeconfig).unwrap()).unwrap();
        let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
        Self { client: Client::try_from(config).unwrap(), kubeconfig: path, _folder: folder }
    }

    /// kubectl's plugin, as this person, without a terminal.
    pub fn sluice(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_kubectl-sluice"))
            .args(arguments)
            .env_clear()
            .env("KUBECONFIG", &self.kubeconfig)
            .output()
            .unwrap()
    }

    /// The same; what it printed, or what it complained about.
    pub fn says(&self, arguments: &[&str]) -> Result<String, String> {
        let output = self.sluice(arguments);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }
}

impl Team {
    /// Somebody who may approve here, with the role that the chart installs.
    pub async fn approver(&self, user: &str, groups: &[&str]) -> Person {
        self.policy_has_settled().await;
        self.bind(user, "ClusterRole", "sluice-approver").await;
        Person::new(user, groups).await
    }

    /// Somebody with these rules only.
    pub async fn person(&self, user: &str, groups: &[&str], rules: Value) -> Person {
        let name = user.replace(':', "-");
        let body = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": name}, "rules": rules,
        });
        let api: Api<Role> = Api::namespaced(self.client.clone(), &self.namespace);
        api.patch(&name, &PatchParams::apply("team").force(), &Patch::Apply(&body)).await.unwrap();
        self.bind(user, "Role", &name).await;
        Person::new(user, groups).await
    }

    /// Lets somebody read policies and the labels of namespaces, as the chart lets the operator.
    pub async fn lets_see_the_platform(&self, user: &str) {
        let name = format!("{}-{user}", self.namespace);
        let rules = json!([
            {"apiGroups": ["sluice.dev"], "resources": ["migrationpolicies"], "verbs": ["get", "list", "watch"]},
            {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get", "list", "watch"]},
        ]);
        let role = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": name}, "rules": rules,
        });
        let api: Api<ClusterRole> = Api::all(self.client.clone());
        api.patch(&name, &PatchParams::apply("team").force(), &Patch::Apply(&role)).await.unwrap();
        let binding = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": name},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
            "subjects": [{"kind": "User", "name": user, "apiGroup": "rbac.authorization.k8s.io"}],
        });
        let api: Api<ClusterRoleBinding> = Api::all(self.client.clone());
        api.patch(&name, &PatchParams::apply("team").force(), &Patch::Apply(&binding)).await.unwrap();
    }

    /// What is written in the first two seconds of the admission policy does not count.
    async fn policy_has_settled(&self) {
        let api: Api<ValidatingAdmissionPolicyBinding> = Api::all(self.client.clone());
        let Some(binding) = api.get_opt(APPROVALS_POLICY).await.unwrap() else { return };
        let since = binding.metadata.creation_timestamp.unwrap().0 + SignedDuration::from_secs(3);
        let left = since.duration_since(Timestamp::now());
        tokio::time::sleep(left.try_into().unwrap_or_default()).await;
    }

    async fn bind(&self, user: &str, kind: &str, role: &str) {
        let name = format!("{}-{role}", user.replace(':', "-"));
        let body = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": name},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role},
            "subjects": [{"kind": "User", "name": user, "apiGroup": "rbac.authorization.k8s.io"}],
        });
        let api: Api<RoleBinding> = Api::namespaced(self.client.clone(), &self.namespace);
        api.patch(&name, &PatchParams::apply("team").force(), &Patch::Apply(&body)).await.unwrap();
    }
}
