//! What a web service answers.
//!
//! A service that does not answer is measured, and bad: that is what a check of it is for. A service that there is not, or an
//! address that the operator does not know, is not measured.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use k8s_openapi::api::core::v1::Service;
use kube::Api;
use serde_json::{Value, json};
use tokio::time::timeout;
use url::Url;

use crate::checks::probe::{Endpoints, Means, Probe, ProbeError, Sample, number};
use crate::checks::web::{Reply, below, get};

/// How long the API server may take.
const API: Duration = Duration::from_secs(10);
/// How much of a body is read.
const MOST: usize = 64 * 1024;

/// Asks a web service.
pub struct Http {
    place: Place,
    path: String,
    timeout: Duration,
}

enum Place {
    /// An address that the operator was started with.
    Endpoint(Url),
    /// A Service of the namespace.
    Service { client: kube::Client, namespace: String, name: String, port: u16, endpoints: Arc<Endpoints> },
}

impl Http {
    pub fn new(
        means: &Means,
        endpoint: Option<&str>,
        service: Option<&(String, u16)>,
        path: &str,
        timeout: Duration,
    ) -> Result<Self, String> {
        let place = match (endpoint, service) {
            (Some(name), _) => Place::Endpoint(means.endpoints.of_http(name)?.clone()),
            (None, Some((name, port))) => Place::Service {
                client: means.client.clone(),
                namespace: means.namespace.clone(),
                name: name.clone(),
                port: *port,
                endpoints: means.endpoints.clone(),
            },
            (None, None) => return Err("give exactly one of http.endpoint and http.serviceRef".to_owned()),
        };
        if let Place::Endpoint(base) = &place {
            below(base, path)?;
        }
        Ok(Self { place, path: path.to_owned(), timeout })
    }

    async fn url(&self) -> Result<Url, String> {
        match &self.place {
            Place::Endpoint(base) => below(base, &self.path),
            Place::Service { client, namespace, name, port, endpoints } => {
                let api = Api::<Service>::namespaced(client.clone(), namespace);
                let service = timeout(API, api.get_opt(name))
                    .await
                    .map_err(|_| format!("the API server did not answer within {} s", API.as_secs()))?
                    .map_err(|error| {
                        format!("Service {namespace}/{name} cannot be read: {}", crate::sources::kube_error(&error))
                    })?;
                let Some(service) = service else {
                    return Err(format!(
                        "there is no Service {name} in namespace {namespace}; correct http.serviceRef"
                    ));
                };
                usable(&service, *port).map_err(|why| format!("Service {namespace}/{name} {why}"))?;
                below(&address(endpoints, namespace, name, *port)?, &self.path)
            }
        }
    }
}

/// Whether a Service leads to Pods of its own namespace, at that port.
fn usable(service: &Service, port: u16) -> Result<(), String> {
    let spec = service.spec.clone().unwrap_or_default();
    // Both would be a way to write any address at all.
    if spec.type_.as_deref() == Some("ExternalName") {
        return Err(
            "is of type ExternalName, which checks do not follow; let the platform team declare an HTTP endpoint"
                .to_owned(),
        );
    }
    if spec.selector.unwrap_or_default().is_empty() {
        return Err("has no selector, and checks do not follow addresses written by hand; let the platform team declare an HTTP endpoint".to_owned());
    }
    let ports: Vec<i32> = spec.ports.unwrap_or_default().iter().map(|port| port.port).collect();
    if ports.contains(&i32::from(port)) {
        return Ok(());
    }
    let known: Vec<String> = ports.iter().map(i32::to_string).collect();
    Err(format!("has no port {port}; it has {}", known.join(", ")))
}

/// How a Service is reached.
fn address(endpoints: &Endpoints, namespace: &str, name: &str, port: u16) -> Result<Url, String> {
    let template = endpoints.service.as_deref().unwrap_or("http://{name}.{namespace}.svc:{port}");
    let address =
        template.replace("{name}", name).replace("{namespace}", namespace).replace("{port}", &port.to_string());
    Url::parse(&address).map_err(|error| format!("the operator's address of Services, {template}, is no URL: {error}"))
}

#[async_trait]
impl Probe for Http {
    async fn baseline(&self) -> Result<Option<Value>, ProbeError> {
        Ok(None)
    }

    async fn measure(&self, _: Option<&Value>) -> Result<Sample, ProbeError> {
        let url = self.url().await.map_err(ProbeError::Error)?;
        let (reply, took) = get(&url, self.timeout, MOST)
            .await
            .map_err(|why| ProbeError::Error(format!("{} was not asked: {why}", self.place.shown())))?;
        let (status, body) = match reply {
            Reply::Answer { status, body } => (status, body.unwrap_or_default()),
            Reply::Nobody => (0, Vec::new()),
        };
        Ok(Sample::of([
            ("status", json!(status)),
            ("latency", number(took.as_secs_f64()).unwrap_or_default()),
            ("json", serde_json::from_slice(&body).unwrap_or_default()),
        ]))
    }
}

impl Place {
    /// Without user and password.
    fn shown(&self) -> String {
        match self {
            Self::Endpoint(url) => {
                format!(
                    "{}://{}{}",
                    url.scheme(),
                    url.host_str().unwrap_or_default(),
                    url.port().map(|port| format!(":{port}")).unwrap_or_default()
                )
            }
            Self::Service { namespace, name, port, .. } => format!("Service {namespace}/{name} at port {port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(spec: Value) -> Service {
        serde_json::from_value(json!({"spec": spec})).unwrap()
    }

    #[test]
    fn a_service_is_followed_to_its_own_pods_only() {
        let ports = json!([{"port": 80}, {"port": 443}]);
        let plain = service(json!({"selector": {"app": "web"}, "ports": ports}));
        assert_eq!(usable(&plain, 443), Ok(()));
        let why = usable(&plain, 8080).unwrap_err();
        assert!(why.contains("has no port 8080; it has 80, 443"), "{why}");
        let external = service(json!({"type": "ExternalName", "externalName": "metadata.internal", "ports": ports}));
        assert!(usable(&external, 80).unwrap_err().contains("ExternalName"));
        let by_hand = service(json!({"ports": ports}));
        assert!(usable(&by_hand, 80).unwrap_err().contains("no selector"));
    }

    #[test]
    fn a_service_is_reached_by_its_name_unless_the_operator_knows_better() {
        let own = Endpoints::default();
        assert_eq!(address(&own, "shop", "web", 8080).unwrap().as_str(), "http://web.shop.svc:8080/");
        let told = Endpoints { service: Some("https://proxy/{namespace}/{name}:{port}/proxy".to_owned()), ..own };
        assert_eq!(address(&told, "shop", "web", 80).unwrap().as_str(), "https://proxy/shop/web:80/proxy");
    }
}
