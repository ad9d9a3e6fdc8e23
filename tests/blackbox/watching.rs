//! What those see who watch: Prometheus, probes, people who read the log.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::env::{GATE, Gate, Operator, SOON, Spec, Team, eventually, files};

/// Prometheus' own opinion of a page of metrics; empty when it has none.
fn promtool(page: &str) -> String {
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool, of Debian's package prometheus");
    promtool.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.success(), said.trim().is_empty(), "{said}");
    said
}

/// Waits until a series has a value.
async fn shows(operator: &Operator, series: &str, value: f64) {
    eventually(&format!("{series} is {value}"), SOON, || async {
        match operator.metric(series) {
            Some(shown) if (shown - value).abs() < f64::EPSILON => Ok(()),
            other => Err(format!("{other:?}\n{}", operator.page("/metrics").unwrap_or_default())),
        }
    })
    .await;
}

#[tokio::test]
async fn what_was_done_can_be_counted_and_what_is_can_be_seen() {
    let team = Team::new("watching").await;
    let operator = Operator::start(&team.namespace);
    let of = |labels: &str| format!("{{{labels}name=\"shop\",namespace=\"{}\"", team.namespace);
    let first = [
        ("V001__orders.sql", "create table orders (id int primary key); insert into orders values (1), (2);"),
        ("V002__by_id.sql", "create index concurrently by_id on orders (id);"),
    ];
    team.apply("shop", &Spec::latest().inline(&files(&first))).await;
    team.ready("shop").await;
    shows(&operator, &format!("sluice_migration_info{}}}", of("applied=\"002\",desired=\"002\",")), 1.0).await;
    shows(&operator, &format!("sluice_migration_ready{}}}", of("")), 1.0).await;
    shows(&operator, &format!("sluice_migration_status{},reason=\"UpToDate\"}}", of("")), 1.0).await;
    shows(&operator, &format!("sluice_migration_pending{}}}", of("")), 0.0).await;
    shows(&operator, &format!("sluice_database_up{}}}", of("")), 1.0).await;
    shows(&operator, "sluice_runs_total{direction=\"up\",result=\"succeeded\"}", 1.0).await;
    shows(&operator, "sluice_run_duration_seconds_count{direction=\"up\",result=\"succeeded\"}", 1.0).await;
    shows(&operator, "sluice_step_duration_seconds_count{direction=\"up\"}", 2.0).await;
    shows(&operator, "sluice_statement_duration_seconds_count{direction=\"up\"}", 3.0).await;
    shows(&operator, "sluice_lock_wait_seconds_count", 1.0).await;
    shows(&operator, "sluice_leader", 1.0).await;
    let patches = "sluice_api_requests_total{code=\"2xx\",resource=\"databasemigrations/status\",verb=\"patch\"}";
    assert!(operator.metric(patches).unwrap() >= 1.0);
    assert_eq!(operator.metric("sluice_api_requests_total{code=\"4xx\",resource=\"events\",verb=\"create\"}"), None);

    let broken = [&first[..], &[("V003__typo.sql", "select * from nowhere;")]].concat();
    team.apply("shop", &Spec::latest().inline(&files(&broken))).await;
    team.reason("shop", "ApplyFailed").await;
    shows(&operator, &format!("sluice_migration_info{}}}", of("applied=\"002\",desired=\"003\",")), 1.0).await;
    shows(&operator, &format!("sluice_migration_stalled{}}}", of("")), 1.0).await;
    shows(&operator, "sluice_runs_total{direction=\"up\",result=\"failed\"}", 1.0).await;
    let page = operator.page("/metrics").unwrap();
    assert!(!page.contains("desired=\"002\"") && !page.contains("reason=\"UpToDate\""), "former values stay: {page}");
    assert_eq!(promtool(&page), "");
}

#[tokio::test]
async fn a_session_in_the_way_can_be_seen_while_it_is_there() {
    let team = Team::new("watching-locks").await;
    let operator = Operator::start(&team.namespace);
    let table = [("V001__orders.sql", "create table orders (id int primary key);")];
    team.apply("shop", &Spec::latest().inline(&files(&table))).await;
    team.ready("shop").await;
    let mut reader = team.connect().await;
    sqlx::raw_sql("begin; select * from orders").execute(&mut reader).await.unwrap();
    let more = [&table[..], &[("V002__note.sql", "alter table orders add column note text;")]].concat();
    team.apply("shop", &Spec::latest().inline(&files(&more))).await;
    let blocking = format!("sluice_blocking_sessions{{name=\"shop\",namespace=\"{}\"}}", team.namespace);
    shows(&operator, &blocking, 1.0).await;
    sqlx::raw_sql("rollback").execute(&mut reader).await.unwrap();
    team.ready("shop").await;
    shows(&operator, &blocking, 0.0).await;
    shows(&operator, "sluice_tasks_running", 0.0).await;
    assert!(operator.metric("sluice_lock_retries_total").unwrap() >= 1.0);
}

#[tokio::test]
async fn probes_and_wrong_paths_are_answered_while_a_run_is_under_way() {
    let team = Team::new("watching-probes").await;
    let operator = Operator::start(&team.namespace);
    let gate = Gate::close(&team).await;
    team.apply("shop", &Spec::latest().inline(&files(&[("V001__gate.sql", GATE)]))).await;
    shows(&operator, "sluice_tasks_running", 1.0).await;
    assert_eq!(operator.page("/healthz").as_deref(), Some("ok\n"));
    assert_eq!(operator.page("/readyz").as_deref(), Some("ok\n"));
    assert!(operator.page("/").unwrap().contains("/metrics, /healthz and /readyz"));
    drop(gate);
    team.ready("shop").await;
}

#[tokio::test]
async fn an_address_that_is_taken_ends_the_start_with_a_clear_message() {
    let team = Team::new("watching-address").await;
    let first = Operator::start(&team.namespace);
    eventually("it serves", SOON, || async { first.page("/healthz").ok_or_else(|| "nobody listens".to_owned()) }).await;
    let taken = format!("127.0.0.1:{}", first.port());
    let mut second = Operator::with(&team.namespace, &["--leader-elect=false", "--http-addr", &taken]);
    let status = second.ended(SOON).await;
    assert_eq!(status.code(), Some(1));
    let log = second.log();
    assert!(log.contains(&format!("cannot listen on {taken}")) && log.contains("--http-addr"), "{log}");
}
