//! Elections against a stand-in for the API server that keeps one Lease by the real one's rules (resource versions, 404, 409),
//! and that can be made to fail. Time is tokio's paused clock: seconds pass at once, and exactly.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use http::{Method, Request, Response};
use k8s_openapi::api::coordination::v1::Lease as LeaseObject;
use serde_json::json;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tower::BoxError;

use super::{LeaderElector, Lease, Timings, TimingsError};

#[derive(Clone, Copy, PartialEq)]
enum Fault {
    None,
    /// Every request gets a 500.
    Refuse,
    /// No request is answered or carried out.
    Hang,
    /// Writes are carried out, and their answers lost.
    LoseAnswers,
}

#[derive(Default)]
struct Store {
    lease: Option<LeaseObject>,
    version: u64,
    writes: Vec<Method>,
}

#[derive(Clone)]
struct Server {
    store: Arc<Mutex<Store>>,
    fault: Arc<Mutex<Fault>>,
}

impl Server {
    fn new() -> Self {
        Self { store: Arc::default(), fault: Arc::new(Mutex::new(Fault::None)) }
    }

    /// One candidate's connection, with faults of its own.
    fn connection(&self) -> Self {
        Self { store: Arc::clone(&self.store), fault: Arc::new(Mutex::new(Fault::None)) }
    }

    fn set(&self, fault: Fault) {
        *self.fault.lock().unwrap() = fault;
    }

    fn client(&self) -> kube::Client {
        let server = self.clone();
        kube::Client::new(
            tower::service_fn(move |request: Request<kube::client::Body>| {
                let server = server.clone();
                async move { server.answer(request).await }
            }),
            "sluice",
        )
    }

    async fn answer(&self, request: Request<kube::client::Body>) -> Result<Response<Body>, BoxError> {
        let fault = *self.fault.lock().unwrap();
        if fault == Fault::Hang {
            std::future::pending::<()>().await;
        }
        let method = request.method().clone();
        let body = to_bytes(Body::new(request.into_body()), 100_000).await?;
        if fault == Fault::Refuse {
            return Ok(status(500, "InternalError"));
        }
        let answer = self.store.lock().unwrap().serve(&method, &body);
        if fault == Fault::LoseAnswers && method != Method::GET {
            std::future::pending::<()>().await;
        }
        Ok(answer)
    }

    fn spec(&self) -> k8s_openapi::api::coordination::v1::LeaseSpec {
        self.store.lock().unwrap().lease.clone().unwrap().spec.unwrap()
    }

    fn holder(&self) -> String {
        self.spec().holder_identity.unwrap_or_default()
    }
}

impl Store {
    fn serve(&mut self, method: &Method, body: &[u8]) -> Response<Body> {
        match (method, &self.lease) {
            (&Method::GET, Some(lease)) => ok(lease),
            (&Method::GET | &Method::PUT, None) => status(404, "NotFound"),
            (&Method::POST, Some(_)) => status(409, "AlreadyExists"),
            (&Method::PUT, Some(current)) => {
                let lease: LeaseObject = serde_json::from_slice(body).unwrap();
                if lease.metadata.resource_version == current.metadata.resource_version {
                    self.keep(method, lease)
                } else {
                    status(409, "Conflict")
                }
            }
            (&Method::POST, None) => self.keep(method, serde_json::from_slice(body).unwrap()),
            other => panic!("nobody should ask {other:?}"),
        }
    }

    /// Somebody edits the Lease by hand.
    fn give_to(&mut self, thief: &str) {
        self.version += 1;
        let lease = self.lease.as_mut().unwrap();
        lease.metadata.resource_version = Some(self.version.to_string());
        lease.spec.as_mut().unwrap().holder_identity = Some(thief.to_owned());
    }

    fn keep(&mut self, method: &Method, mut lease: LeaseObject) -> Response<Body> {
        self.writes.push(method.clone());
        self.version += 1;
        lease.metadata.resource_version = Some(self.version.to_string());
        let answer = ok(&lease);
        self.lease = Some(lease);
        answer
    }
}

fn ok(lease: &LeaseObject) -> Response<Body> {
    Response::new(Body::from(serde_json::to_vec(lease).unwrap()))
}

fn status(code: u16, reason: &str) -> Response<Body> {
    let body = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": reason, "reason": reason, "code": code});
    Response::builder().status(code).body(Body::from(body.to_string())).unwrap()
}

fn start(server: &Server, identity: &str) -> (Lease, CancellationToken) {
    let release = CancellationToken::new();
    let elector = LeaderElector::new(server.client(), "sluice", "sluice", identity, Timings::default());
    (elector.start(release.clone()), release)
}

async fn seconds(number: u64) {
    sleep(Duration::from_secs(number)).await;
}

#[tokio::test(start_paused = true)]
async fn the_first_candidate_creates_the_lease_and_keeps_it() {
    let server = Server::new();
    let (lease, _release) = start(&server, "a");
    assert!(!lease.is_leader_now());
    assert!(lease.acquired().await);
    assert!(lease.is_leader_now());
    let first = server.spec();
    assert!(first.holder_identity.as_deref().unwrap().starts_with("a_"), "{first:?}");
    assert_eq!((first.lease_duration_seconds, first.lease_transitions), (Some(15), Some(0)));
    seconds(60).await;
    let later = server.spec();
    assert!(lease.is_leader_now() && later.renew_time > first.renew_time);
    assert_eq!((later.acquire_time, later.lease_transitions), (first.acquire_time, Some(0)));
    let writes = server.store.lock().unwrap().writes.len();
    assert!((25..=31).contains(&writes), "one write each 2 to 2.4 s, not {writes} in a minute");
}

#[tokio::test(start_paused = true)]
async fn a_second_candidate_waits_for_as_long_as_the_first_renews() {
    let server = Server::new();
    let (first, _release) = start(&server, "a");
    assert!(first.acquired().await);
    let (second, _release) = start(&server, "b");
    timeout(Duration::from_secs(300), second.acquired()).await.unwrap_err();
    assert!(first.is_leader_now() && !second.is_leader_now());
}

#[tokio::test(start_paused = true)]
async fn a_released_lease_goes_to_the_next_one_at_once() {
    let server = Server::new();
    let (first, release) = start(&server, "a");
    assert!(first.acquired().await);
    let (second, _release) = start(&server, "b");
    seconds(5).await;
    release.cancel();
    first.released().await;
    let spec = server.spec();
    assert_eq!((spec.holder_identity.as_deref(), spec.lease_duration_seconds), (Some(""), Some(1)));
    assert!(!first.is_leader_now() && first.lost().is_cancelled());
    let begun = Instant::now();
    assert!(second.acquired().await);
    assert!(begun.elapsed() < Duration::from_millis(2500), "{:?}", begun.elapsed());
    assert_eq!(server.spec().lease_transitions, Some(1));
}

#[tokio::test(start_paused = true)]
async fn the_lease_of_a_leader_that_vanished_is_taken_after_it_stood_still_for_its_duration() {
    let server = Server::new();
    let dead = server.connection();
    let (first, _release) = start(&dead, "a");
    assert!(first.acquired().await);
    dead.set(Fault::Hang);
    let (second, _release) = start(&server, "b");
    let begun = Instant::now();
    assert!(second.acquired().await);
    let waited = begun.elapsed().as_secs_f64();
    assert!((15.0..17.5).contains(&waited), "{waited}");
    assert!(server.holder().starts_with("b_"));
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_is_cut_off_knows_before_anybody_else_leads() {
    for fault in [Fault::Hang, Fault::Refuse] {
        let server = Server::new();
        let cut_off = server.connection();
        let (first, _release) = start(&cut_off, "a");
        assert!(first.acquired().await);
        let (second, _release) = start(&server, "b");
        seconds(7).await;
        cut_off.set(fault);
        let begun = Instant::now();
        first.lost().cancelled().await;
        let waited = begun.elapsed().as_secs_f64();
        assert!((7.0..=10.1).contains(&waited), "{waited}");
        assert!(!first.is_leader_now() && !second.is_leader_now());
        assert!(second.acquired().await);
    }
}

#[tokio::test(start_paused = true)]
async fn a_short_outage_costs_nobody_leadership() {
    let server = Server::new();
    let (first, _release) = start(&server, "a");
    assert!(first.acquired().await);
    for fault in [Fault::Refuse, Fault::Hang, Fault::LoseAnswers] {
        server.set(fault);
        seconds(4).await;
        server.set(Fault::None);
        seconds(20).await;
        assert!(first.is_leader_now(), "it kept the lease");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_was_won_by_a_request_without_an_answer_is_ours_once_it_is_seen() {
    let server = Server::new();
    server.set(Fault::LoseAnswers);
    let (lease, _release) = start(&server, "a");
    timeout(Duration::from_secs(20), lease.acquired()).await.unwrap_err();
    assert!(server.holder().starts_with("a_"));
    server.set(Fault::None);
    assert!(timeout(Duration::from_secs(8), lease.acquired()).await.unwrap());
    assert_eq!(server.spec().lease_transitions, Some(0));
}

#[tokio::test(start_paused = true)]
async fn a_leader_whose_lease_was_taken_or_emptied_stops_at_its_next_renewal() {
    for thief in ["somebody", ""] {
        let server = Server::new();
        let (lease, _release) = start(&server, "a");
        assert!(lease.acquired().await);
        server.store.lock().unwrap().give_to(thief);
        timeout(Duration::from_secs(3), lease.lost().cancelled()).await.unwrap();
        assert!(!lease.is_leader_now());
        assert_eq!(server.holder(), thief, "what is not ours is left alone");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_was_deleted_is_created_again() {
    let server = Server::new();
    let (lease, _release) = start(&server, "a");
    assert!(lease.acquired().await);
    server.store.lock().unwrap().lease = None;
    seconds(3).await;
    assert!(lease.is_leader_now() && server.holder().starts_with("a_"));
}

#[tokio::test(start_paused = true)]
async fn two_processes_of_one_name_do_not_lead_together() {
    let server = Server::new();
    let (first, _release) = start(&server, "a");
    assert!(first.acquired().await);
    let (second, _release) = start(&server, "a");
    timeout(Duration::from_secs(100), second.acquired()).await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn of_many_candidates_exactly_one_leads_at_any_time() {
    let server = Server::new();
    let candidates: Vec<_> = (0..8).map(|number| start(&server, &format!("c{number}"))).collect();
    for _ in 0..8 {
        seconds(5).await;
        let leaders: Vec<_> = candidates.iter().filter(|(lease, _)| lease.is_leader_now()).collect();
        assert_eq!(leaders.len(), 1);
        leaders[0].1.cancel();
        leaders[0].0.released().await;
    }
    assert_eq!(server.spec().lease_transitions, Some(7));
}

#[tokio::test(start_paused = true)]
async fn a_candidate_that_is_stopped_while_it_waits_never_leads() {
    let server = Server::new();
    let (first, _release) = start(&server, "a");
    assert!(first.acquired().await);
    let (second, release) = start(&server, "b");
    seconds(3).await;
    release.cancel();
    assert!(!second.acquired().await);
    second.released().await;
    assert!(first.is_leader_now() && server.holder().starts_with("a_"));
}

#[test]
fn timings_that_could_elect_two_leaders_are_refused() {
    let timings = |lease, deadline, retry| Timings {
        lease_duration: Duration::from_millis(lease),
        renew_deadline: Duration::from_millis(deadline),
        retry_period: Duration::from_millis(retry),
    };
    assert_eq!(Timings::default().check(), Ok(()));
    assert_eq!(timings(3000, 2000, 500).check(), Ok(()));
    assert_eq!(timings(10_000, 10_000, 2000).check(), Err(TimingsError::LeaseTooShort));
    assert_eq!(timings(15_000, 2000, 2000).check(), Err(TimingsError::DeadlineTooShort));
    assert_eq!(timings(500, 400, 100).check(), Err(TimingsError::TooSmall));
    assert_eq!(timings(5000, 4000, 0).check(), Err(TimingsError::TooSmall));
}
