//! What every request to the Kubernetes API passes through: it is counted and timed, and it ends.
//!
//! kube's client waits for an answer without limit; an API server that was frozen in the middle of a request would hold a
//! pass over an object, or the renewal of the Lease, for ever.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use http::{Method, Request, Response, StatusCode, Uri};
use tower::{BoxError, Layer, Service};
use tower_http::timeout::TimeoutBody;

use super::Metrics;
use super::labels::{ApiOutcome, ApiResource, ApiVerb};

/// Until the head of an answer, and between two pieces of its body. client-go's callers use 30 s or so as well.
const ANSWER: Duration = Duration::from_secs(30);

/// Between two pieces of a watch: the server ends each watch after at most 295 s, so that longer silence is a dead peer.
const WATCH_SILENCE: Duration = Duration::from_secs(330);

/// The Kubernetes API did not answer in time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the Kubernetes API did not answer {method} {path} within {}", crate::duration::format(*.after))]
pub struct ApiTimeout {
    /// The HTTP method.
    pub method: Method,
    /// The path, without query.
    pub path: String,
    /// How long was waited.
    pub after: Duration,
}

/// Adds counting, timing and timeouts to a client: `ClientBuilder::try_from(config)?.with_layer(&ApiLayer::new(metrics))`.
#[derive(Debug, Clone)]
pub struct ApiLayer {
    metrics: Metrics,
    answer: Duration,
}

impl ApiLayer {
    /// A layer that records into these metrics.
    #[must_use]
    pub fn new(metrics: Metrics) -> Self {
        Self { metrics, answer: ANSWER }
    }

    /// Waits that long for an answer instead of 30 s.
    #[must_use]
    pub fn answer_timeout(self, answer: Duration) -> Self {
        Self { answer, ..self }
    }
}

impl<S> Layer<S> for ApiLayer {
    type Service = ApiCalls<S>;

    fn layer(&self, inner: S) -> ApiCalls<S> {
        ApiCalls { inner, layer: self.clone() }
    }
}

/// The service that [`ApiLayer`] makes.
#[derive(Debug, Clone)]
pub struct ApiCalls<S> {
    inner: S,
    layer: ApiLayer,
}

impl<S, Q, B> Service<Request<Q>> for ApiCalls<S>
where
    S: Service<Request<Q>, Response = Response<B>>,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
{
    type Response = Response<TimeoutBody<B>>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, request: Request<Q>) -> Self::Future {
        let (verb, resource) = classify(request.method(), request.uri());
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let ApiLayer { metrics, answer } = self.layer.clone();
        let begun = Instant::now();
        let response = self.inner.call(request);
        Box::pin(async move {
            let (outcome, result) = match tokio::time::timeout(answer, response).await {
                Ok(Ok(response)) => (class(response.status()), Ok(response)),
                Ok(Err(error)) => (ApiOutcome::Unanswered, Err(error.into())),
                Err(_) => (ApiOutcome::Timeout, Err(ApiTimeout { method, path, after: answer }.into())),
            };
            metrics.api_requested(verb, resource, outcome, begun.elapsed());
            let silence = if verb == ApiVerb::Watch { WATCH_SILENCE } else { answer };
            result.map(|response| response.map(|body| TimeoutBody::new(silence, body)))
        })
    }
}

fn class(status: StatusCode) -> ApiOutcome {
    match status.as_u16() {
        ..=299 => ApiOutcome::Success,
        300..=399 => ApiOutcome::Redirect,
        400..=499 => ApiOutcome::Client,
        500.. => ApiOutcome::Server,
    }
}

/// What a request asks for, read from its method and path: `/apis/GROUP/VERSION[/namespaces/NS]/RESOURCE[/NAME[/SUB]]`.
fn classify(method: &Method, uri: &Uri) -> (ApiVerb, ApiResource) {
    let mut parts = uri.path().split('/').filter(|part| !part.is_empty());
    let versioned = match parts.next() {
        Some("api") => parts.next().is_some(),
        Some("apis") => parts.nth(1).is_some(),
        Some(_) | None => false,
    };
    let rest: Vec<&str> = if versioned { parts.collect() } else { Vec::new() };
    // `/api/v1/namespaces/shop` is the namespace itself, `/api/v1/namespaces/shop/secrets` is what is in it.
    let rest = match rest.as_slice() {
        ["namespaces", _, inside @ ..] if !inside.is_empty() => inside,
        all => all,
    };
    let resource = match rest {
        ["databasemigrations", _, "status", ..] => ApiResource::DatabaseMigrationsStatus,
        ["databasemigrations", ..] => ApiResource::DatabaseMigrations,
        ["secrets", ..] => ApiResource::Secrets,
        ["configmaps", ..] => ApiResource::ConfigMaps,
        ["events", ..] => ApiResource::Events,
        ["leases", ..] => ApiResource::Leases,
        _ => ApiResource::Other,
    };
    (verb(method, uri, rest.len() > 1), resource)
}

fn verb(method: &Method, uri: &Uri, named: bool) -> ApiVerb {
    let watch =
        || uri.query().is_some_and(|query| query.split('&').any(|pair| matches!(pair, "watch=true" | "watch=1")));
    match *method {
        Method::GET if watch() => ApiVerb::Watch,
        Method::GET if named => ApiVerb::Get,
        Method::GET => ApiVerb::List,
        Method::POST => ApiVerb::Create,
        Method::PUT => ApiVerb::Update,
        Method::PATCH => ApiVerb::Patch,
        Method::DELETE => ApiVerb::Delete,
        _ => ApiVerb::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use rstest::rstest;

    #[rstest]
    #[case(
        "GET",
        "/apis/sluice.dev/v1alpha1/databasemigrations?limit=500",
        ApiVerb::List,
        ApiResource::DatabaseMigrations
    )]
    #[case(
        "GET",
        "/apis/sluice.dev/v1alpha1/databasemigrations?&watch=true&timeoutSeconds=290",
        ApiVerb::Watch,
        ApiResource::DatabaseMigrations
    )]
    #[case(
        "PATCH",
        "/apis/sluice.dev/v1alpha1/namespaces/shop/databasemigrations/orders/status?&force=true",
        ApiVerb::Patch,
        ApiResource::DatabaseMigrationsStatus
    )]
    #[case(
        "GET",
        "/apis/sluice.dev/v1alpha1/namespaces/shop/databasemigrations/orders",
        ApiVerb::Get,
        ApiResource::DatabaseMigrations
    )]
    #[case("GET", "/api/v1/namespaces/shop/secrets/orders-db", ApiVerb::Get, ApiResource::Secrets)]
    #[case("GET", "/api/v1/configmaps?watch=1", ApiVerb::Watch, ApiResource::ConfigMaps)]
    #[case("POST", "/apis/events.k8s.io/v1/namespaces/shop/events?", ApiVerb::Create, ApiResource::Events)]
    #[case("PUT", "/apis/coordination.k8s.io/v1/namespaces/sluice/leases/sluice", ApiVerb::Update, ApiResource::Leases)]
    #[case("GET", "/api/v1/namespaces/secrets", ApiVerb::Get, ApiResource::Other)]
    #[case("GET", "/version", ApiVerb::List, ApiResource::Other)]
    #[case("OPTIONS", "/", ApiVerb::Other, ApiResource::Other)]
    #[case("DELETE", "/apis/apps/v1/namespaces/a/deployments/secrets", ApiVerb::Delete, ApiResource::Other)]
    fn a_request_is_named_by_its_method_and_path(
        #[case] method: Method,
        #[case] uri: Uri,
        #[case] verb: ApiVerb,
        #[case] resource: ApiResource,
    ) {
        assert_eq!(classify(&method, &uri), (verb, resource));
    }

    fn service<F, R>(
        metrics: &Metrics,
        answer: F,
    ) -> impl Service<Request<()>, Response = Response<TimeoutBody<Body>>, Error = BoxError>
    where
        F: FnMut(Request<()>) -> R,
        R: Future<Output = Result<Response<Body>, BoxError>> + Send + 'static,
    {
        ApiLayer::new(metrics.clone()).answer_timeout(Duration::from_secs(5)).layer(tower::service_fn(answer))
    }

    fn request(path: &str) -> Request<()> {
        Request::get(path).body(()).unwrap()
    }

    #[tokio::test]
    async fn an_answer_is_counted_by_its_class() {
        let metrics = Metrics::new().unwrap();
        let mut calls =
            service(&metrics, |_| async { Ok(Response::builder().status(409).body(Body::empty()).unwrap()) });
        calls.call(request("/api/v1/namespaces/a/secrets/b")).await.unwrap();
        let text = metrics.encode().unwrap();
        assert!(text.contains(r#"sluice_api_requests_total{code="4xx",resource="secrets",verb="get"} 1"#), "{text}");
        assert!(
            text.contains(r#"sluice_api_request_duration_seconds_count{resource="secrets",verb="get"} 1"#),
            "{text}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_never_answers_is_given_up() {
        let metrics = Metrics::new().unwrap();
        let mut calls = service(&metrics, |_| std::future::pending());
        let error = calls.call(request("/api/v1/secrets?limit=5")).await.map(|_| ()).unwrap_err();
        assert_eq!(error.to_string(), "the Kubernetes API did not answer GET /api/v1/secrets within 5s");
        assert!(
            metrics
                .encode()
                .unwrap()
                .contains(r#"sluice_api_requests_total{code="timeout",resource="secrets",verb="list"} 1"#)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_stops_half_way_is_given_up_too() {
        let metrics = Metrics::new().unwrap();
        let endless = || Body::from_stream(futures::stream::pending::<Result<axum::body::Bytes, BoxError>>());
        let mut calls = service(&metrics, move |_| {
            let body = endless();
            async move { Ok(Response::new(body)) }
        });
        for (path, patience) in [("/api/v1/secrets", 5), ("/api/v1/secrets?watch=true", 330)] {
            let begun = tokio::time::Instant::now();
            let response = calls.call(request(path)).await.unwrap();
            axum::body::to_bytes(Body::new(response.into_body()), 1000).await.unwrap_err();
            assert_eq!(begun.elapsed().as_secs(), patience, "{path}");
        }
    }

    #[tokio::test]
    async fn a_broken_connection_is_counted_as_unanswered() {
        let metrics = Metrics::new().unwrap();
        let mut calls = service(&metrics, |_| async { Err("connection refused".into()) });
        calls.call(request("/version")).await.map(|_| ()).unwrap_err();
        assert!(metrics.encode().unwrap().contains(r#"code="unanswered""#));
    }
}
