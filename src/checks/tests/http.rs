//! The HTTP probe against servers of its own, good and bad.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::routing::get;
use jiff::Timestamp;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket};
use url::Url;

use crate::api::v1alpha1::{CheckSpec, HttpCheckSpec, PrometheusCheckSpec};
use crate::checks::{Check, Endpoints, Means, Measurement, Outcome, probe};
use crate::database::{Address, Credentials, Handle, TlsMode};

/// What probes of the web need: nobody asks the database or the API server.
fn means(endpoints: &[(&str, &str)]) -> Means {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let address = Address {
        host: "127.0.0.1".to_owned(),
        port: 1,
        database: "none".to_owned(),
        ledger_schema: "sluice".to_owned(),
    };
    let credentials = Credentials {
        user: "nobody".to_owned(),
        password: secrecy::SecretString::from("none"),
        tls: TlsMode::Disable,
        ca_pem: None,
    };
    let endpoints: BTreeMap<String, Url> =
        endpoints.iter().map(|(name, url)| ((*name).to_owned(), Url::parse(url).unwrap())).collect();
    Means {
        database: Handle::new(crate::database::connect(address, credentials)),
        client: kube::Client::try_from(kube::Config::new("http://127.0.0.1:1".parse().unwrap())).unwrap(),
        namespace: "shop".to_owned(),
        endpoints: Arc::new(Endpoints { http: endpoints.clone(), prometheus: endpoints, service: None }),
        mentioned: Arc::default(),
    }
}

/// Longer than a busy machine takes for anything.
const PATIENT: &str = "20s";

fn check(path: &str, expect: &str, timeout: &str) -> Check {
    let http = HttpCheckSpec {
        endpoint: Some("web".to_owned()),
        path: Some(path.to_owned()),
        timeout: Some(timeout.to_owned()),
        ..HttpCheckSpec::default()
    };
    let spec =
        CheckSpec { name: "c".to_owned(), http: Some(http), expect: Some(expect.to_owned()), ..CheckSpec::default() };
    Check::of(&spec).unwrap()
}

/// A port where nobody listens; bound while the socket lives, so that it is nobody else's.
fn closed() -> (TcpSocket, SocketAddr) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

async fn measured(url: &str, path: &str, expect: &str) -> Measurement {
    measured_within(url, path, expect, PATIENT).await
}

async fn measured_within(url: &str, path: &str, expect: &str, timeout: &str) -> Measurement {
    let check = check(path, expect, timeout);
    let probe = crate::checks::build(&check, &means(&[("web", url)])).unwrap();
    assert_eq!(probe::baseline(&*probe).await, Ok(None));
    probe::measure(&check, &*probe, None, Timestamp::UNIX_EPOCH).await
}

/// A web service; gives back its address.
async fn serve() -> String {
    let router = Router::new()
        .route("/healthz", get(|| async { r#"{"ok": true, "queue": {"depth": 7}}"# }))
        .route("/broken", get(|| async { (StatusCode::SERVICE_UNAVAILABLE, "secret words") }))
        .route("/moved", get(|| async { (StatusCode::FOUND, [(LOCATION, "/healthz")]) }))
        .route("/long", get(|| async { format!("[{}1]", "1,".repeat(100_000)) }))
        .route("/slow", get(|| async { tokio::time::sleep(Duration::from_secs(3600)).await }))
        .route(
            "/asked",
            get(|headers: axum::http::HeaderMap| async move {
                format!("{{\"agent\": {:?}}}", headers["user-agent"].to_str().unwrap())
            }),
        );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

/// A server that reads a request and answers with these bytes, then closes.
async fn answering(bytes: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(bytes).await;
        }
    });
    format!("http://{address}")
}

#[tokio::test]
async fn status_body_and_time_are_measured() {
    let url = serve().await;
    let good = measured(&url, "/healthz", "status == 200 && json.ok && json.queue.depth < 10 && latency < 20").await;
    assert_eq!(good.outcome, Outcome::Passed, "{}", good.shown);
    assert!(good.shown.starts_with("status 200, latency "), "{}", good.shown);
    let bad = measured(&url, "/healthz", "json.queue.depth == 0").await;
    assert_eq!(bad.outcome, Outcome::Failed);
    let agent = measured(&url, "/asked", "json.agent.startsWith('sluice/')").await;
    assert_eq!(agent.outcome, Outcome::Passed);
}

#[tokio::test]
async fn a_bad_answer_is_a_failed_measurement_and_none_of_its_body_is_told() {
    let url = serve().await;
    for path in ["/broken", "/nowhere"] {
        let measured = measured(&url, path, "status == 200").await;
        assert_eq!(measured.outcome, Outcome::Failed, "{path}");
        assert!(!measured.shown.contains("secret"), "{}", measured.shown);
    }
    let asked = measured(&url, "/broken", "json.ok").await;
    let Outcome::Error(why) = asked.outcome else { panic!("{asked:?}") };
    assert!(!why.contains("secret"), "{why}");
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_not_followed() {
    let url = serve().await;
    assert_eq!(measured(&url, "/moved", "status == 302 && json == null").await.outcome, Outcome::Passed);
}

#[tokio::test]
async fn a_long_body_is_not_read_to_the_end() {
    let url = serve().await;
    assert_eq!(measured(&url, "/long", "status == 200 && json == null").await.outcome, Outcome::Passed);
}

#[tokio::test]
async fn nobody_who_answers_is_a_failed_measurement() {
    let (_bound, closed) = closed();
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let hanging_up = answering(b"").await;
    let half = answering(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"ok\": true").await;
    for (what, url, path) in [
        ("a closed port", format!("http://{closed}"), "/"),
        ("a silent server", format!("http://{}", silent.local_addr().unwrap()), "/"),
        ("a slow answer", serve().await, "/slow"),
        ("a server that hangs up", hanging_up, "/"),
        ("half a body", half, "/"),
    ] {
        let began = Instant::now();
        let seen = measured_within(&url, path, "status == 200", "700ms").await;
        assert_eq!(seen.outcome, Outcome::Failed, "{what}: {seen:?}");
        assert!(seen.shown.starts_with("status 0, latency"), "{what}: {}", seen.shown);
        assert!(began.elapsed() < Duration::from_secs(600), "{what}: {:?}", began.elapsed());
    }
}

#[tokio::test]
async fn what_says_nothing_about_the_service_is_an_error() {
    let plain = serve().await.replace("http://", "https://");
    let gibberish = answering(b"SSH-2.0-OpenSSH_9.2\r\n").await;
    for (url, told) in [
        (plain.as_str(), "no TLS session"),
        (gibberish.as_str(), "does not speak HTTP"),
        ("http://user:secret@no-such-host.invalid:81", "http://no-such-host.invalid:81 was not asked: its address"),
    ] {
        let Outcome::Error(why) = measured(url, "/", "status == 200").await.outcome else { panic!("{url}") };
        assert!(why.contains(told) && !why.contains("secret"), "{url}: {why}");
    }
}

#[tokio::test]
async fn an_endpoint_that_there_is_not_is_named_with_the_flag_that_declares_it() {
    let why = crate::checks::build(&check("/", "status == 200", PATIENT), &means(&[])).err().unwrap();
    assert!(why.contains("no HTTP endpoint web (none is declared)"), "{why}");
    assert!(
        why.contains("--http-endpoint web=URL") && why.contains("spec.endpoints.http of a MigrationPolicy"),
        "{why}"
    );
    let why = crate::checks::build(
        &check("/", "status == 200", PATIENT),
        &means(&[("app", "http://a"), ("shop", "http://b")]),
    );
    assert!(why.err().unwrap().contains("(there is app, shop)"));
    let why = crate::checks::build(&check("/../admin", "status == 200", PATIENT), &means(&[("web", "http://web/app")]))
        .err()
        .unwrap();
    assert!(why.contains("leads out"), "{why}");
}

#[tokio::test]
async fn a_prometheus_that_is_none_or_not_there_is_an_error_and_never_a_failure() {
    let (_bound, closed) = closed();
    for (url, told) in [
        (serve().await, "answers 404, and not as Prometheus does"),
        (answering(b"HTTP/1.1 503 x\r\ncontent-length: 6\r\n\r\nsecret").await, "answers 503"),
        (format!("http://{closed}"), "does not answer"),
    ] {
        let query = PrometheusCheckSpec { endpoint: "web".to_owned(), query: "up".to_owned() };
        let spec = CheckSpec {
            name: "c".to_owned(),
            prometheus: Some(query),
            expect: Some("value == 0".to_owned()),
            ..CheckSpec::default()
        };
        let check = Check::of(&spec).unwrap();
        let probe = crate::checks::build(&check, &means(&[("web", &url)])).unwrap();
        let measured = probe::measure(&check, &*probe, None, Timestamp::UNIX_EPOCH).await;
        let Outcome::Error(why) = measured.outcome else { panic!("{measured:?}") };
        assert!(why.contains(told) && !why.contains("secret"), "{why}");
        assert!(probe::baseline(&*probe).await.is_err());
    }
}
