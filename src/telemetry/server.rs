//! The one HTTP server of the operator: `/metrics`, `/healthz`, `/readyz`.
//!
//! It only shows. Nothing that can be asked of it changes anything, and no answer holds more than metrics and one sentence.

use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::Metrics;

/// Whoever is in the middle of an answer gets this long when the operator stops.
const LAST_ANSWERS: Duration = Duration::from_secs(2);

const NOT_FOUND: &str = "There is nothing here. Sluice serves /metrics, /healthz and /readyz.\n";

/// Whether this process is ready to do its work: the API server was reached and the caches are filled. A follower that
/// waits for the Lease is ready too. Clones share the answer.
#[derive(Debug, Clone)]
pub struct Health(Arc<RwLock<Result<(), String>>>);

impl Default for Health {
    fn default() -> Self {
        Self(Arc::new(RwLock::new(Err("the operator is starting".to_owned()))))
    }
}

impl Health {
    /// From now on `/readyz` answers 200.
    pub fn set_ready(&self) {
        self.set(Ok(()));
    }

    /// From now on `/readyz` answers 503 with that reason.
    pub fn set_not_ready(&self, reason: impl Into<String>) {
        self.set(Err(reason.into()));
    }

    fn set(&self, state: Result<(), String>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = state;
    }

    /// Why it is not ready.
    ///
    /// # Errors
    /// The reason.
    pub fn check(&self) -> Result<(), String> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Why the server could not be started, or ended.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The address cannot be had.
    #[error(
        "cannot listen on {addr}: {source}; choose another address with --http-addr or SLUICE_HTTP_ADDR, \
         for instance 127.0.0.1:0 for any free port"
    )]
    Bind {
        /// The address asked for.
        addr: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// The listener broke.
    #[error("the HTTP server ended: {0}")]
    Serve(#[source] std::io::Error),
}

/// A server that listens already and answers once [`Server::run`] is called.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    local: SocketAddr,
    router: Router,
}

impl Server {
    /// Takes the address, so that a mistake in it ends the start-up rather than a log line later on.
    ///
    /// # Errors
    /// When the address is taken or not this machine's.
    pub async fn bind(addr: SocketAddr, metrics: Metrics, health: Health) -> Result<Self, ServerError> {
        let failed = |source| ServerError::Bind { addr, source };
        let listener = TcpListener::bind(addr).await.map_err(failed)?;
        let local = listener.local_addr().map_err(failed)?;
        let router = Router::new()
            .route("/metrics", get(show_metrics).with_state(metrics))
            .route("/healthz", get(|| async { "ok\n" }))
            .route("/readyz", get(show_readiness).with_state(health))
            .fallback(|| async { (StatusCode::NOT_FOUND, NOT_FOUND) });
        Ok(Self { listener, local, router })
    }

    /// Where it listens: the port that the system chose where port 0 was asked for.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Answers until cancelled; answers that are under way then get two seconds.
    ///
    /// # Errors
    /// When the listener breaks.
    pub async fn run(self, cancel: CancellationToken) -> Result<(), ServerError> {
        let stopped = cancel.clone();
        let serving = axum::serve(self.listener, self.router)
            .with_graceful_shutdown(async move { stopped.cancelled().await })
            .into_future();
        let overdue = async {
            cancel.cancelled().await;
            tokio::time::sleep(LAST_ANSWERS).await;
        };
        tokio::select! {
            served = serving => served.map_err(ServerError::Serve),
            // A client that never finishes its request must not keep the process alive.
            () = overdue => Ok(()),
        }
    }
}

async fn show_metrics(State(metrics): State<Metrics>) -> Response {
    match metrics.encode() {
        Ok(text) => ([(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "the metrics could not be written");
            (StatusCode::INTERNAL_SERVER_ERROR, "the metrics could not be written; see the log\n").into_response()
        }
    }
}

async fn show_readiness(State(health): State<Health>) -> Response {
    match health.check() {
        Ok(()) => "ok\n".into_response(),
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {reason}\n")).into_response(),
    }
}
