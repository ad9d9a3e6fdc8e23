//! The metrics as Prometheus sees them, and the server over real sockets.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::*;

fn sample(name: &str) -> ObjectSample {
    ObjectSample {
        namespace: "shop".to_owned(),
        name: name.to_owned(),
        desired: "003".to_owned(),
        applied: "002".to_owned(),
        ready: false,
        stalled: true,
        reason: "ApplyFailed",
        rollback_ready: Some(true),
        pending: Some(1),
        database_up: Some(true),
        blocking_sessions: 2,
        waiting_since: Some(1_795_000_000),
    }
}

/// Metrics in which every metric has at least one series.
fn full() -> Metrics {
    let metrics = Metrics::new().unwrap();
    metrics.observe_object(sample("orders"));
    for result in RunResult::ALL {
        metrics.run_finished("up", *result, Duration::from_millis(70));
    }
    metrics.step_finished("up", Duration::from_millis(12));
    metrics.statement_finished("down", Duration::from_millis(3));
    metrics.lock_waited(Duration::ZERO);
    metrics.lock_retried(3);
    metrics.reconciled(ReconcileResult::Acted, Duration::from_millis(4));
    metrics.api_requested(
        ApiVerb::Patch,
        ApiResource::DatabaseMigrationsStatus,
        ApiOutcome::Success,
        Duration::from_millis(9),
    );
    metrics.rolled_back("check", RunResult::Succeeded, Duration::from_millis(40));
    metrics.verified("failed", Duration::from_secs(31));
    metrics.measured("passed");
    metrics.set_leader(true);
    metrics
}

#[test]
fn prometheus_own_checker_accepts_the_metrics() {
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is part of the Debian package prometheus; tests/env/install says how to get it");
    promtool.stdin.take().unwrap().write_all(full().encode().unwrap().as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.trim().is_empty(), "{said}");
}

#[test]
fn the_table_of_metrics_is_what_is_served() {
    let text = full().encode().unwrap();
    let served: BTreeSet<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
        .filter_map(|line| line.split(' ').next())
        .collect();
    let table: BTreeSet<&str> =
        ALL_METRICS.iter().map(|metric| metric.name).chain(PROCESS_METRICS.iter().copied()).collect();
    assert_eq!(served, table);
    for metric in ALL_METRICS {
        assert!(text.contains(&format!("# TYPE {} {}\n", metric.name, metric.kind.as_str())), "{}", metric.name);
        assert!(text.contains(&format!("# HELP {} {}\n", metric.name, metric.help)), "{}", metric.name);
    }
}

#[test]
fn an_object_shows_every_series_of_its_own() {
    let text = full().encode().unwrap();
    for line in [
        r#"sluice_migration_info{applied="002",desired="003",name="orders",namespace="shop"} 1"#,
        r#"sluice_migration_ready{name="orders",namespace="shop"} 0"#,
        r#"sluice_migration_stalled{name="orders",namespace="shop"} 1"#,
        r#"sluice_migration_status{name="orders",namespace="shop",reason="ApplyFailed"} 1"#,
        r#"sluice_migration_pending{name="orders",namespace="shop"} 1"#,
        r#"sluice_database_up{name="orders",namespace="shop"} 1"#,
        r#"sluice_blocking_sessions{name="orders",namespace="shop"} 2"#,
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

#[test]
fn former_label_values_of_an_object_vanish() {
    let metrics = full();
    metrics.observe_object(ObjectSample {
        applied: "003".to_owned(),
        ready: true,
        reason: "UpToDate",
        pending: None,
        database_up: None,
        ..sample("orders")
    });
    metrics.observe_blocking_sessions("shop", "orders", 0);
    let text = metrics.encode().unwrap();
    assert!(text.contains(r#"applied="003",desired="003""#) && text.contains(r#"reason="UpToDate"} 1"#), "{text}");
    assert!(text.contains(r#"sluice_blocking_sessions{name="orders",namespace="shop"} 0"#), "{text}");
    assert!(!text.contains(r#"applied="002""#) && !text.contains("ApplyFailed"), "{text}");
    assert!(!text.contains("sluice_migration_pending{") && !text.contains("sluice_database_up{"), "{text}");
}

#[test]
fn a_deleted_object_leaves_no_series_behind_and_takes_none_of_the_others_along() {
    let metrics = full();
    metrics.observe_object(sample("users"));
    metrics.forget("shop", "orders");
    let text = metrics.encode().unwrap();
    assert!(!text.contains(r#"name="orders""#) && text.contains(r#"name="users""#), "{text}");
    metrics.observe_blocking_sessions("shop", "orders", 4);
    assert!(!metrics.encode().unwrap().contains(r#"name="orders""#), "a late report must not bring it back");
    metrics.forget_all();
    assert!(!metrics.encode().unwrap().contains("namespace="));
}

#[test]
fn counters_are_there_before_the_first_event() {
    let text = Metrics::new().unwrap().encode().unwrap();
    assert!(text.contains(r#"sluice_runs_total{direction="down",result="needs_operator"} 0"#), "{text}");
    assert!(text.contains("sluice_lock_retries_total 0"), "{text}");
    assert!(text.contains("sluice_leader 0"), "{text}");
    assert!(text.contains(&format!("rustc=\"{}\"", crate::build::RUSTC)), "{text}");
}

#[test]
fn a_task_counts_while_its_guard_lives_even_when_it_panics() {
    let metrics = Metrics::new().unwrap();
    let running = |count: u32| metrics.encode().unwrap().contains(&format!("sluice_tasks_running {count}\n"));
    let guard = metrics.task_started();
    assert!(running(1));
    drop(guard);
    assert!(running(0));
    let other = metrics.clone();
    let panicked = std::thread::spawn(move || {
        let _guard = other.task_started();
        panic!("on purpose");
    })
    .join();
    assert!(panicked.is_err() && running(0));
}

async fn ask(addr: std::net::SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(format!("{request} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn the_server_answers_what_probes_and_prometheus_ask() {
    let health = Health::default();
    let server = Server::bind(([127, 0, 0, 1], 0).into(), full(), health.clone()).await.unwrap();
    let (addr, cancel) = (server.local_addr(), CancellationToken::new());
    let serving = tokio::spawn(server.run(cancel.clone()));

    let answer = ask(addr, "GET /healthz").await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("ok\n"), "{answer}");
    let answer = ask(addr, "GET /readyz").await;
    assert!(
        answer.starts_with("HTTP/1.1 503") && answer.ends_with("not ready: the operator is starting\n"),
        "{answer}"
    );
    health.set_ready();
    assert!(ask(addr, "GET /readyz").await.starts_with("HTTP/1.1 200"));
    health.set_not_ready("the Kubernetes API does not answer");
    assert!(ask(addr, "GET /readyz").await.ends_with("not ready: the Kubernetes API does not answer\n"));

    let answer = ask(addr, "GET /metrics").await;
    assert!(answer.contains("content-type: text/plain; version=0.0.4"), "{answer}");
    assert!(answer.contains("sluice_build_info{"), "{answer}");
    let answer = ask(addr, "GET /").await;
    assert!(answer.starts_with("HTTP/1.1 404") && answer.contains("/metrics, /healthz and /readyz"), "{answer}");
    assert!(ask(addr, "POST /metrics").await.starts_with("HTTP/1.1 405"));

    cancel.cancel();
    serving.await.unwrap().unwrap();
    assert!(TcpStream::connect(addr).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn a_client_that_never_finishes_its_request_does_not_keep_the_server_alive() {
    let server = Server::bind(([127, 0, 0, 1], 0).into(), full(), Health::default()).await.unwrap();
    let (addr, cancel) = (server.local_addr(), CancellationToken::new());
    let serving = tokio::spawn(server.run(cancel.clone()));
    let mut lame = TcpStream::connect(addr).await.unwrap();
    lame.write_all(b"GET /metr").await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    cancel.cancel();
    tokio::time::timeout(Duration::from_secs(120), serving).await.expect("it ends by itself").unwrap().unwrap();
}

#[tokio::test]
async fn an_address_that_is_taken_is_a_clear_error() {
    let first = Server::bind(([127, 0, 0, 1], 0).into(), full(), Health::default()).await.unwrap();
    let error = Server::bind(first.local_addr(), full(), Health::default()).await.unwrap_err().to_string();
    assert!(error.contains(&first.local_addr().to_string()) && error.contains("--http-addr"), "{error}");
}
