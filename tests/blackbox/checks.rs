//! Checks of workloads and web services: what they measure of real objects, as the chart's ServiceAccount sees them.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, StatefulSet};
use k8s_openapi::api::core::v1::{Pod, Service};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use serde_json::{Value, json};
use sluice::api::v1alpha1::CheckSpec;
use sluice::checks::{Check, Endpoints, Means, Outcome, Probe, probe};
use sluice::database::{Address, Credentials, Handle, TlsMode, connect};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::env::{Spec, Team, eventually, world};
use crate::validation::{manifest, refused};

/// A check of a team's namespace, with the rights of the operator.
struct Checked {
    check: Check,
    probe: Box<dyn Probe>,
    baseline: Option<Value>,
}

impl Checked {
    async fn of(team: &Team, fields: Value) -> Self {
        Self::with(team, fields, None).await
    }

    async fn with(team: &Team, mut fields: Value, service: Option<String>) -> Self {
        fields["name"] = json!("check");
        let check = Check::of(&serde_json::from_value::<CheckSpec>(fields).unwrap()).unwrap();
        let kubeconfig = Kubeconfig::read_from(&world().operator).unwrap();
        let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
        let address = Address {
            host: "none".to_owned(),
            port: 1,
            database: "none".to_owned(),
            ledger_schema: "sluice".to_owned(),
        };
        let credentials = Credentials {
            user: "none".to_owned(),
            password: secrecy::SecretString::from("none"),
            tls: TlsMode::Disable,
            ca_pem: None,
        };
        let means = Means {
            database: Handle::new(connect(address, credentials)),
            client: Client::try_from(config).unwrap(),
            namespace: team.namespace.clone(),
            endpoints: Arc::new(Endpoints { service, ..Endpoints::default() }),
            mentioned: Arc::default(),
        };
        let probe = sluice::checks::build(&check, &means).unwrap();
        Self { check, probe, baseline: None }
    }

    async fn take_baseline(&mut self) {
        self.baseline = probe::baseline(&*self.probe).await.unwrap();
    }

    async fn told(&self) -> String {
        let measured = probe::measure(&self.check, &*self.probe, self.baseline.as_ref(), Timestamp::now()).await;
        match measured.outcome {
            Outcome::Passed => format!("passed: {}", measured.shown),
            Outcome::Failed => format!("failed: {}", measured.shown),
            Outcome::Error(why) => format!("error: {why}"),
            Outcome::NoData => measured.shown,
        }
    }
}

/// Creates an object of a team and gives it a status, as its controller would.
async fn create<K>(team: &Team, object: Value)
where
    K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>
        + Clone
        + std::fmt::Debug
        + serde::de::DeserializeOwned
        + serde::Serialize,
{
    let api: Api<K> = Api::namespaced(team.client.clone(), &team.namespace);
    api.create(&PostParams::default(), &serde_json::from_value(object.clone()).unwrap()).await.unwrap();
    if let Some(status) = object.get("status") {
        report::<K>(team, object["metadata"]["name"].as_str().unwrap(), status).await;
    }
}

async fn report<K>(team: &Team, name: &str, status: &Value)
where
    K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>
        + Clone
        + std::fmt::Debug
        + serde::de::DeserializeOwned,
{
    let api: Api<K> = Api::namespaced(team.client.clone(), &team.namespace);
    api.patch_status(name, &PatchParams::default(), &Patch::Merge(json!({"status": status}))).await.unwrap();
}

fn pod(name: &str, app: &str, restarts: i64) -> Value {
    let status = json!({"name": "main", "image": "web", "imageID": "", "ready": true, "restartCount": restarts});
    json!({
        "metadata": {"name": name, "labels": {"app": app}},
        "spec": {"containers": [{"name": "main", "image": "web"}]},
        "status": {"containerStatuses": [status]},
    })
}

fn template(app: &str) -> Value {
    json!({"metadata": {"labels": {"app": app}}, "spec": {"containers": [{"name": "main", "image": "web"}]}})
}

fn deployment(replicas: i64, status: Value) -> Value {
    json!({
        "metadata": {"name": "web"},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "template": template("web")},
        "status": status,
    })
}

#[tokio::test]
async fn a_deployment_is_judged_by_its_replicas_and_by_restarts_since_the_baseline() {
    let team = Team::new("workload").await;
    let status = json!({"replicas": 4, "availableReplicas": 4, "readyReplicas": 4, "updatedReplicas": 4, "observedGeneration": 1});
    create::<Deployment>(&team, deployment(4, status)).await;
    for (name, app, restarts) in [("web-1", "web", 2), ("web-2", "web", 0), ("other", "other", 9)] {
        create::<Pod>(&team, pod(name, app, restarts)).await;
    }
    let web = json!({"kind": "Deployment", "name": "web"});
    let usual = Checked::of(&team, json!({"workload": web})).await;
    let mut restarts = Checked::of(&team, json!({"workload": web, "expect": "restarts == 0 && observed"})).await;
    restarts.take_baseline().await;
    assert_eq!(restarts.baseline, Some(json!({"web-1": 2})));
    let all = "ready 1, desired 4, available 4, updated 4, restarts 0, observed true";
    assert_eq!(restarts.told().await, format!("passed: {all}"));
    assert_eq!(
        usual.told().await,
        format!("passed: {}", all.replace("restarts 0", "restarts 2")),
        "without a baseline all count"
    );

    report::<Pod>(&team, "web-2", &pod("web-2", "web", 3)["status"]).await;
    report::<Deployment>(&team, "web", &json!({"availableReplicas": 3, "readyReplicas": 3, "unavailableReplicas": 1}))
        .await;
    let fewer = "ready 0.75, desired 4, available 3, updated 4, restarts 3, observed true";
    assert_eq!(restarts.told().await, format!("failed: {fewer}"));
    assert!(usual.told().await.starts_with("failed: ready 0.75"));

    let api: Api<Deployment> = Api::namespaced(team.client.clone(), &team.namespace);
    api.patch("web", &PatchParams::default(), &Patch::Merge(json!({"spec": {"replicas": 0}}))).await.unwrap();
    assert_eq!(usual.told().await, "no data");
}

#[tokio::test]
async fn the_other_kinds_of_workloads_are_read_too() {
    let team = Team::new("kinds").await;
    let selector = json!({"matchLabels": {"app": "db"}});
    create::<StatefulSet>(
        &team,
        json!({"metadata": {"name": "db"}, "spec": {"replicas": 3, "serviceName": "db", "selector": selector, "template": template("db")},
            "status": {"replicas": 3, "readyReplicas": 2, "availableReplicas": 2, "updatedReplicas": 3, "observedGeneration": 1}}),
    )
    .await;
    create::<DaemonSet>(
        &team,
        json!({"metadata": {"name": "agent"}, "spec": {"selector": selector, "template": template("db")},
            "status": {"desiredNumberScheduled": 2, "currentNumberScheduled": 2, "numberMisscheduled": 0, "numberReady": 2,
                "numberAvailable": 2, "updatedNumberScheduled": 2}}),
    )
    .await;
    rollout(&team).await;
    let told = |kind: &'static str, name: &'static str, expect: &'static str| {
        let team = &team;
        async move {
            Checked::of(team, json!({"workload": {"kind": kind, "name": name}, "expect": expect})).await.told().await
        }
    };
    assert_eq!(
        told("StatefulSet", "db", "ready >= 0.5").await,
        "passed: ready 0.6667, desired 3, available 2, updated 3, restarts 0, observed true"
    );
    assert_eq!(
        told("DaemonSet", "agent", "ready >= 1 && observed").await,
        "failed: ready 1, desired 2, available 2, updated 2, restarts 0, observed false"
    );
    assert_eq!(
        told("Rollout", "canary", "ready >= 1").await,
        "failed: ready 0.5, desired 2, available 1, updated 1, restarts 0, observed true"
    );
    let missing = told("Deployment", "nowhere", "ready >= 1").await;
    assert_eq!(
        missing,
        format!("error: Deployment {}/nowhere is not there; correct the check's workload", team.namespace)
    );
}

/// Argo Rollouts' resource, as far as checks look at it, and one of it.
async fn rollout(team: &Team) {
    let definition = json!({
        "metadata": {"name": "rollouts.argoproj.io"},
        "spec": {
            "group": "argoproj.io", "scope": "Namespaced",
            "names": {"kind": "Rollout", "plural": "rollouts", "singular": "rollout"},
            "versions": [{
                "name": "v1alpha1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
            }],
        },
    });
    let definitions: Api<CustomResourceDefinition> = Api::all(team.client.clone());
    definitions.create(&PostParams::default(), &serde_json::from_value(definition).unwrap()).await.unwrap();
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("argoproj.io", "v1alpha1", "Rollout"));
    let rollouts: Api<DynamicObject> = Api::namespaced_with(team.client.clone(), &team.namespace, &resource);
    let canary: DynamicObject = serde_json::from_value(json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": {"name": "canary"},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "canary"}}},
        "status": {"availableReplicas": 1, "updatedReplicas": 1, "observedGeneration": "1"},
    }))
    .unwrap();
    eventually("the resource of Argo Rollouts", Duration::from_secs(30), || async {
        rollouts.create(&PostParams::default(), &canary).await.map_err(|error| error.to_string())
    })
    .await;
}

/// A web service that says who was asked for what.
async fn web() -> u16 {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 1024];
            let read = stream.read(&mut request).await.unwrap_or(0);
            let line = String::from_utf8_lossy(&request[..read]).lines().next().unwrap_or_default().to_owned();
            let body = json!({"asked": line}).to_string();
            let answer =
                format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    port
}

#[tokio::test]
async fn a_service_is_asked_at_its_address_and_one_that_leads_elsewhere_is_not() {
    let team = Team::new("service").await;
    let port = web().await;
    let ports = json!([{"port": port}]);
    let selector = json!({"app": "web"});
    for (name, spec) in [
        ("web", json!({"selector": selector, "ports": ports})),
        ("elsewhere", json!({"type": "ExternalName", "externalName": "127.0.0.1", "ports": ports})),
        ("by-hand", json!({"ports": ports})),
    ] {
        create::<Service>(&team, json!({"metadata": {"name": name}, "spec": spec})).await;
    }
    let ask = |name: &'static str, port: u16, expect: &'static str| {
        let fields = json!({
            "http": {"serviceRef": {"name": name, "port": port}, "path": "/healthz?full=1"}, "expect": expect, "onNoData": "Fail",
        });
        let team = &team;
        async move {
            let template = "http://127.0.0.1:{port}/{namespace}/{name}".to_owned();
            Checked::with(team, fields, Some(template)).await.told().await
        }
    };
    let asked = ask("web", port, "status == 200 && json.asked.endsWith('/web/healthz?full=1 HTTP/1.1')").await;
    assert!(asked.starts_with("passed: status 200"), "{asked}");
    for (name, port, told) in [
        ("elsewhere", port, "is of type ExternalName"),
        ("by-hand", port, "has no selector"),
        ("nowhere", port, "there is no Service nowhere in namespace"),
        ("web", 1, "has no port 1; it has"),
    ] {
        let seen = ask(name, port, "status == 200").await;
        assert!(seen.starts_with("error: ") && seen.contains(told), "{name}: {seen}");
    }
    let gone =
        json!({"http": {"serviceRef": {"name": "web", "port": port}, "timeout": "2s"}, "expect": "status == 200"});
    let gone = Checked::with(&team, gone, Some("http://127.0.0.1:1".to_owned())).await.told().await;
    assert!(gone.starts_with("failed: status 0"), "{gone}");
}

#[tokio::test]
async fn checks_are_accepted_as_documented_and_refused_with_what_is_wrong() {
    let team = Team::new("checkspecs").await;
    let with = |checks: Value| Spec::latest().set("/verification", json!({"checks": checks}));
    let all = json!([
        {"name": "sql", "sql": {"query": "select 1", "timeout": "5s"}, "expect": "value == 1", "failureThreshold": 3,
            "anywhereInWindow": true, "errorThreshold": 2, "minMeasurements": 5, "onNoData": "Pass", "mode": "Observe"},
        {"name": "rows", "rowCounts": {"tables": ["orders"], "method": "Estimated"}},
        {"name": "latency", "latency": {"query": "select 1", "samples": 9, "maxRegression": "30%", "max": "100ms"}},
        {"name": "top", "latency": {"statements": {"tables": ["orders"], "top": 5, "minCalls": 20}}, "expect": "worst < 3"},
        {"name": "errors", "prometheus": {"endpoint": "platform", "query": "up"}, "expect": "value < 0.01", "failureShare": "50%"},
        {"name": "http", "http": {"serviceRef": {"name": "web", "port": 80}, "path": "/healthz", "timeout": "2s"}, "expect": "status == 200"},
        {"name": "web", "workload": {"kind": "Deployment", "name": "web"}},
        {"name": "keys", "builtin": "ForeignKeys"},
    ]);
    let accepted =
        team.kubectl_with(&["apply", "--dry-run=server", "--filename", "-"], &manifest(&with(all)).to_string());
    assert!(accepted.as_ref().is_ok_and(|text| text.contains("created")), "{accepted:?}");
    for (check, told) in [
        (json!({"name": "c"}), "give exactly one of sql"),
        (json!({"name": "c", "builtin": "Connectivity", "rowCounts": {}}), "give exactly one of sql"),
        (json!({"name": "c", "sql": {"query": "select 1"}}), "give expect"),
        (json!({"name": "c", "builtin": "Connectivity", "failureThreshold": 2, "failureShare": "5%"}), "not both"),
        (json!({"name": "c", "http": {"path": "/"}, "expect": "true"}), "give exactly one of endpoint and serviceRef"),
        (json!({"name": "c", "latency": {"samples": 3}}), "give exactly one of query and statements"),
        (json!({"name": "c", "latency": {"statements": {}, "samples": 3}}), "samples are of a query"),
        (json!({"name": "Upper", "builtin": "Connectivity"}), "name"),
        (json!({"name": "c", "builtin": "Everything"}), "Unsupported value"),
    ] {
        let complaint = refused(&team, &with(json!([check])));
        assert!(complaint.contains(told), "{check}: {complaint}");
    }
    let twice = json!([{"name": "c", "builtin": "Connectivity"}, {"name": "c", "builtin": "ForeignKeys"}]);
    let complaint = refused(&team, &with(twice));
    assert!(complaint.contains("Duplicate value"), "{complaint}");
}
