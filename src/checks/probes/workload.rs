//! Whether a workload of the namespace has its replicas, and whether its containers restart.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, ListParams};
use kube::core::Selector;
use kube::{Api, ResourceExt as _};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::api::v1alpha1::WorkloadKind;
use crate::checks::probe::{Means, Probe, ProbeError, Sample, number};

/// How long the API server may take.
const API: Duration = Duration::from_secs(10);

/// Looks at a workload.
pub struct Workload {
    client: kube::Client,
    namespace: String,
    kind: WorkloadKind,
    name: String,
}

/// What a workload says of itself.
#[derive(Debug, Clone, PartialEq)]
struct State {
    desired: f64,
    available: f64,
    updated: f64,
    /// Its controller has seen its present specification.
    observed: bool,
    selector: Option<LabelSelector>,
}

impl Workload {
    pub fn new(means: &Means, kind: WorkloadKind, name: &str) -> Self {
        Self { client: means.client.clone(), namespace: means.namespace.clone(), kind, name: name.to_owned() }
    }

    fn error(&self, why: &str) -> ProbeError {
        ProbeError::Error(format!("{} {}/{} {why}", kind_of(self.kind).1, self.namespace, self.name))
    }

    async fn state(&self) -> Result<State, ProbeError> {
        let (group, kind) = kind_of(self.kind);
        let version = if group == "apps" { "v1" } else { "v1alpha1" };
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
        let api = Api::<DynamicObject>::namespaced_with(self.client.clone(), &self.namespace, &resource);
        let object = self.answer(api.get_opt(&self.name)).await?;
        let object = object.ok_or_else(|| self.error("is not there; correct the check's workload"))?;
        Ok(state(self.kind, &json!(object)))
    }

    /// Restarts of the containers of each Pod that had any. `None` where the workload does not say which Pods are its own.
    async fn restarts(&self, state: &State) -> Result<Option<BTreeMap<String, i64>>, ProbeError> {
        let Some(selector) = &state.selector else { return Ok(None) };
        let selector =
            Selector::try_from(selector.clone()).map_err(|_| self.error("has a selector that cannot be read"))?;
        let api = Api::<Pod>::namespaced(self.client.clone(), &self.namespace);
        let pods = self.answer(api.list(&ListParams::default().labels_from(&selector))).await?;
        let restarts = pods.items.iter().map(|pod| (pod.name_any(), restarts_of(pod)));
        Ok(Some(restarts.filter(|(_, restarts)| *restarts > 0).collect()))
    }

    async fn answer<T>(&self, request: impl Future<Output = Result<T, kube::Error>>) -> Result<T, ProbeError> {
        match timeout(API, request).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(self.error(&format!("cannot be read: {}", crate::sources::kube_error(&error)))),
            Err(_) => {
                Err(self.error(&format!("cannot be read: the API server did not answer within {} s", API.as_secs())))
            }
        }
    }
}

/// Group and kind.
fn kind_of(kind: WorkloadKind) -> (&'static str, &'static str) {
    match kind {
        WorkloadKind::Deployment => ("apps", "Deployment"),
        WorkloadKind::StatefulSet => ("apps", "StatefulSet"),
        WorkloadKind::DaemonSet => ("apps", "DaemonSet"),
        WorkloadKind::Rollout => ("argoproj.io", "Rollout"),
    }
}

/// Reads the state: the four kinds tell the same things at different places.
fn state(kind: WorkloadKind, object: &Value) -> State {
    // Argo Rollouts writes the generation that it observed as a text.
    let number = |path: &str| {
        let value = object.pointer(path)?;
        value.as_f64().or_else(|| value.as_str()?.parse().ok())
    };
    let (desired, available, updated) = match kind {
        WorkloadKind::Deployment | WorkloadKind::StatefulSet | WorkloadKind::Rollout => (
            number("/spec/replicas").unwrap_or(1.0),
            number("/status/availableReplicas"),
            number("/status/updatedReplicas"),
        ),
        WorkloadKind::DaemonSet => (
            number("/status/desiredNumberScheduled").unwrap_or(0.0),
            number("/status/numberAvailable"),
            number("/status/updatedNumberScheduled"),
        ),
    };
    let generation = number("/metadata/generation").unwrap_or(0.0);
    let selector = object.pointer("/spec/selector").and_then(|selector| serde_json::from_value(selector.clone()).ok());
    State {
        desired,
        available: available.unwrap_or(0.0),
        updated: updated.unwrap_or(0.0),
        observed: number("/status/observedGeneration").is_some_and(|observed| observed >= generation),
        // An empty one would mean every Pod of the namespace.
        selector: selector.filter(|selector| *selector != LabelSelector::default()),
    }
}

fn restarts_of(pod: &Pod) -> i64 {
    let Some(status) = &pod.status else { return 0 };
    let containers = [&status.container_statuses, &status.init_container_statuses];
    containers.into_iter().flatten().flatten().map(|container| i64::from(container.restart_count)).sum()
}

/// Restarts that were not there before. A Pod that came since counts from nothing.
fn since(before: &BTreeMap<String, i64>, now: &BTreeMap<String, i64>) -> i64 {
    now.iter().map(|(pod, restarts)| (restarts - before.get(pod).copied().unwrap_or(0)).max(0)).sum()
}

#[async_trait]
impl Probe for Workload {
    /// The restarts of each Pod that had any.
    async fn baseline(&self) -> Result<Option<Value>, ProbeError> {
        let state = self.state().await?;
        Ok(self.restarts(&state).await?.map(|restarts| json!(restarts)))
    }

    async fn measure(&self, baseline: Option<&Value>) -> Result<Sample, ProbeError> {
        let state = self.state().await?;
        if state.desired <= 0.0 {
            return Err(ProbeError::NoData);
        }
        let before = baseline.and_then(|before| serde_json::from_value(before.clone()).ok()).unwrap_or_default();
        let restarts = self.restarts(&state).await?.map(|now| since(&before, &now));
        Ok(Sample::of([
            ("ready", number((state.available / state.desired).min(1.0)).unwrap_or_default()),
            ("desired", json!(state.desired)),
            ("available", json!(state.available)),
            ("updated", json!(state.updated)),
            ("restarts", json!(restarts)),
            ("observed", json!(state.observed)),
        ]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_tells_its_replicas_at_its_own_place() {
        let deployment = json!({
            "metadata": {"generation": 3},
            "spec": {"replicas": 4, "selector": {"matchLabels": {"app": "web"}}},
            "status": {"availableReplicas": 3, "updatedReplicas": 2, "observedGeneration": 2},
        });
        let seen = state(WorkloadKind::Deployment, &deployment);
        assert_eq!((seen.desired, seen.available, seen.updated, seen.observed), (4.0, 3.0, 2.0, false));
        assert!(seen.selector.is_some());
        let daemons = json!({
            "metadata": {"generation": 1},
            "status": {"desiredNumberScheduled": 5, "numberAvailable": 5, "observedGeneration": 1},
        });
        let seen = state(WorkloadKind::DaemonSet, &daemons);
        assert_eq!((seen.desired, seen.available, seen.observed), (5.0, 5.0, true));
    }

    #[test]
    fn a_rollout_writes_its_generation_as_a_text_and_may_select_nothing_itself() {
        let rollout = json!({
            "metadata": {"generation": 7},
            "spec": {"workloadRef": {"name": "web"}},
            "status": {"availableReplicas": 1, "observedGeneration": "7"},
        });
        let seen = state(WorkloadKind::Rollout, &rollout);
        assert_eq!((seen.desired, seen.observed, seen.selector), (1.0, true, None));
    }

    #[test]
    fn an_empty_selector_does_not_make_every_pod_its_own() {
        assert_eq!(state(WorkloadKind::Deployment, &json!({"spec": {"selector": {}}})).selector, None);
    }

    #[test]
    fn restarts_count_from_what_each_pod_had_before() {
        let map =
            |pods: &[(&str, i64)]| pods.iter().map(|(pod, n)| ((*pod).to_owned(), *n)).collect::<BTreeMap<_, _>>();
        let before = map(&[("old", 5), ("same", 2)]);
        assert_eq!(since(&before, &map(&[("same", 3), ("new", 4)])), 5);
        assert_eq!(since(&before, &map(&[("same", 1)])), 0);
    }
}
