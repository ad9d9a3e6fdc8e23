//! Checks and their limits, with a real web application and a real Prometheus: what passes, what fails at exactly its threshold,
//! what could not be measured, and what each of them leads to.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use sluice::api::v1alpha1::VerificationStatus;

use crate::env::{App, Operator, SOON, Servers, Spec, Team, condition, eventually, files};

/// A window that only a verdict ends.
const LONG: &str = "10m";

const TABLE: &[(&str, &str)] =
    &[("V001__t.sql", "create table t (id int primary key);"), ("U001__t.sql", "drop table t;")];

/// Applies one small version that is judged by these checks, and gives back the verdict and the reason.
async fn judged(team: &Team, checks: Value, duration: &str) -> (VerificationStatus, String) {
    let spec = Spec::latest()
        .inline(&files(TABLE))
        .set(
            "/verification",
            json!({"initialDelay": "100ms", "interval": "100ms", "duration": duration, "checks": checks}),
        )
        .set("/rollback/mode", json!("Automatic"));
    team.apply("shop", &spec).await;
    let status = team
        .until("shop", "a verdict and what follows", |status| {
            let judged = status.verification.as_ref().is_some_and(|v| v.verdict != "Measuring");
            let over = condition(status, "Reconciling").is_none();
            judged && over
        })
        .await;
    let reason = condition(&status, "Ready").unwrap().1;
    (status.verification.unwrap(), reason)
}

async fn with_app(name: &str) -> (Team, App, Operator) {
    let team = Team::new(name).await;
    let app = App::start().await;
    let operator = Operator::with(&team.namespace, &["--leader-elect=false", &app.flag()]);
    (team, app, operator)
}

fn http(more: Value) -> Value {
    let mut check = json!({"name": "app", "http": {"endpoint": "app", "path": "/healthz"}, "expect": "status == 200"});
    check.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!([check])
}

#[tokio::test]
async fn a_check_fails_at_exactly_its_threshold_and_not_before() {
    let (team, app, _operator) = with_app("threshold").await;
    app.answers(&[200, 500, 500, 200, 500, 500, 500]);
    let (verdict, reason) = judged(&team, http(json!({"failureThreshold": 3})), LONG).await;
    assert_eq!((verdict.verdict.as_str(), reason.as_str()), ("Failed", "RolledBack"));
    let check = &verdict.checks[0];
    assert_eq!((check.passed, check.failed, app.asked()), (2, 5, 7), "it acts at the third in a row");
}

#[tokio::test]
async fn flapping_below_the_threshold_passes() {
    let (team, app, _operator) = with_app("flapping").await;
    // A window is no longer because its measurements take long: what was asked for until its end counts.
    let answers = [500, 500, 200, 500, 500, 200, 500, 500];
    app.answers(&answers);
    let check = http(json!({"failureThreshold": 3, "minMeasurements": 4}));
    let (verdict, reason) = judged(&team, check, "8s").await;
    assert_eq!((verdict.verdict.as_str(), reason.as_str()), ("Passed", "UpToDate"));
    let failed = answers.iter().take(app.asked()).filter(|code| **code == 500).count();
    assert_eq!(usize::try_from(verdict.checks[0].failed).unwrap(), failed);
}

#[tokio::test]
async fn failures_anywhere_in_the_window_add_up_where_the_spec_says_so() {
    let (team, app, _operator) = with_app("anywhere").await;
    app.answers(&[500, 200, 500, 200, 500]);
    let check = http(json!({"failureThreshold": 3, "anywhereInWindow": true}));
    let (verdict, reason) = judged(&team, check, LONG).await;
    assert_eq!((verdict.verdict.as_str(), reason.as_str(), app.asked()), ("Failed", "RolledBack", 5));
}

#[tokio::test]
async fn a_share_of_failures_above_half_rolls_back() {
    let (team, app, _operator) = with_app("share").await;
    // After ten measurements five of them failed; the eleventh tips it.
    app.answers(&[200, 500, 200, 500, 200, 500, 200, 500, 200, 500, 500]);
    let (verdict, reason) = judged(&team, http(json!({"failureShare": "50%", "minMeasurements": 4})), LONG).await;
    assert_eq!((verdict.verdict.as_str(), reason.as_str(), app.asked()), ("Failed", "RolledBack", 11));
}

#[tokio::test]
async fn an_application_that_is_gone_is_a_failed_measurement() {
    let (team, app, _operator) = with_app("gone").await;
    let gone = Operator::with(&team.namespace, &["--leader-elect=false"]);
    drop(gone);
    drop(app);
    let (verdict, reason) = judged(&team, http(json!({})), LONG).await;
    assert_eq!((verdict.verdict.as_str(), reason.as_str()), ("Failed", "RolledBack"));
    assert!(verdict.checks[0].last.as_ref().unwrap().contains("status 0"), "{verdict:?}");
}

#[tokio::test]
async fn a_service_of_the_namespace_is_reached_by_its_name_and_its_answer_is_read() {
    let team = Team::new("service").await;
    let app = App::start().await;
    let template = format!("--service-url=http://127.0.0.1:{}/{{namespace}}/{{name}}", app.port);
    let _operator = Operator::with(&team.namespace, &["--leader-elect=false", &template]);
    team.kubectl(&["create", "service", "clusterip", "api", "--tcp=80:8080"]);
    app.always(200, r#"{"queue": {"depth": 3}}"#);
    let check = json!([{
        "name": "queue", "http": {"serviceRef": {"name": "api", "port": 80}},
        "expect": "status == 200 && json.queue.depth < 5 && latency < 60"
    }]);
    let (verdict, reason) = judged(&team, check, "500ms").await;
    assert_eq!((verdict.verdict.as_str(), reason.as_str()), ("Passed", "UpToDate"), "{verdict:?}");
}

#[tokio::test]
async fn a_check_that_only_observes_decides_nothing() {
    let (team, app, _operator) = with_app("observes").await;
    app.always(500, "{}");
    let (verdict, reason) = judged(&team, http(json!({"mode": "Observe"})), "500ms").await;
    assert_eq!((verdict.verdict.as_str(), reason.as_str()), ("Passed", "UpToDate"));
    let check = &verdict.checks[0];
    assert_eq!((check.state.as_str(), check.observe), ("Failed", Some(true)));
}

#[tokio::test]
async fn too_few_measurements_come_to_no_result_and_the_spec_says_what_follows() {
    for (follows, expected) in [("Pause", "Paused"), ("Accept", "UpToDate"), ("Rollback", "RolledBack")] {
        let (team, _app, _operator) = with_app(&format!("few-{}", follows.to_lowercase())).await;
        let spec = Spec::latest()
            .inline(&files(TABLE))
            .set("/verification", json!({
                "initialDelay": "100ms", "interval": "200ms", "duration": "600ms", "checks": http(json!({"minMeasurements": 50}))
            }))
            .set("/rollback", json!({"mode": "Automatic", "onInconclusive": follows}));
        team.apply("shop", &spec).await;
        team.reason("shop", expected).await;
        let verdict = team.value("select verdict from sluice.migration_verifications").await;
        assert_eq!(verdict, "inconclusive");
    }
}

#[tokio::test]
async fn rows_that_a_migration_loses_are_noticed_and_a_latency_that_grows_is_too() {
    let team = Team::new("rows-lost").await;
    let _operator = Operator::start(&team.namespace);
    let history = |second: &str| {
        files(&[
            ("V001__t.sql", "create table t (id int primary key); insert into t select generate_series(1, 100);"),
            ("U001__t.sql", "drop table t;"),
            ("V002__t.sql", second),
            ("U002__t.sql", "-- nothing to take back"),
        ])
    };
    let verification =
        |check: Value| json!({"initialDelay": "100ms", "interval": "200ms", "duration": "600ms", "checks": [check]});
    let kept = json!({"name": "kept", "rowCounts": {"tables": ["t"]}});
    let spec = Spec::to("001").inline(&history("select 1;")).set("/rollback/mode", json!("Automatic"));
    team.apply("shop", &spec).await;
    team.at("shop", "001").await;
    let loses =
        Spec::latest().inline(&history("delete from t where id > 97;")).set("/rollback/mode", json!("Automatic"));
    team.apply("shop", &loses.set("/verification", verification(kept))).await;
    team.reason("shop", "RolledBack").await;
    let status = team.get("shop").await.status.unwrap().verification.unwrap();
    assert!(status.checks[0].last.as_ref().unwrap().contains("lost 3"), "{status:?}");

    // From 97 rows to a query that takes two seconds.
    let slow = "create function slow() returns int language sql as 'select 1'";
    team.sql(slow).await;
    let grows = Spec::latest()
        .inline(&history("create or replace function slow() returns int language sql as 'select 1 from pg_sleep(2)';"))
        .set("/rollback/mode", json!("Automatic"))
        .set(
            "/verification",
            verification(json!({"name": "fast", "latency": {"query": "select slow()", "samples": 3}})),
        );
    team.apply("shop", &grows).await;
    let message = team.reason("shop", "RolledBack").await;
    assert!(message.contains("check fast failed"), "{message}");
}

const ERRORS: &str = "shop_errors > 0 or shop_errors == 0";

fn errors() -> Value {
    json!([{"name": "errors", "prometheus": {"endpoint": "platform", "query": ERRORS}, "expect": "value < 5", "failureThreshold": 2}])
}

/// Until it was scraped there is nothing to measure, which is neither good nor bad.
async fn scraped(app: &App) {
    eventually("it is scraped", SOON, || async {
        if app.asked() > 2 { Ok(()) } else { Err(format!("{}", app.asked())) }
    })
    .await;
}

#[tokio::test]
async fn an_error_count_that_prometheus_sees_rise_takes_the_version_back() {
    let team = Team::new("prometheus").await;
    let app = App::start().await;
    app.always(200, "shop_errors 0\n");
    let prometheus = Servers::of("prometheus", &[&format!("127.0.0.1:{}", app.port)]);
    let endpoint = format!("--prometheus-endpoint=platform=http://127.0.0.1:{}", prometheus.description["port"]);
    let _operator = Operator::with(&team.namespace, &["--leader-elect=false", &endpoint]);
    scraped(&app).await;
    app.always(200, "shop_errors 7\n");
    let (verdict, reason) = judged(&team, errors(), LONG).await;
    assert_eq!((verdict.verdict.as_str(), reason.as_str()), ("Failed", "RolledBack"), "{verdict:?}");
    assert!(verdict.checks[0].last.as_ref().unwrap().contains("value 7"), "{verdict:?}");
}

#[tokio::test]
async fn a_prometheus_that_is_down_for_the_whole_window_takes_nothing_back() {
    let team = Team::new("prometheus-down").await;
    // A port that is bound, so that it is nobody else's, and where nobody listens.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let port = socket.local_addr().unwrap().port();
    let endpoint = format!("--prometheus-endpoint=platform=http://127.0.0.1:{port}");
    let operator = Operator::with(&team.namespace, &["--leader-elect=false", &endpoint]);
    let (verdict, reason) = judged(&team, errors(), "3s").await;
    assert_eq!((verdict.verdict.as_str(), reason.as_str()), ("Inconclusive", "Paused"), "{verdict:?}");
    let check = &verdict.checks[0];
    assert_eq!((check.passed, check.failed), (0, 0));
    assert!(check.errors >= 1, "{check:?}");
    assert_eq!(team.tables().await, ["t"], "it stays");
    assert!(operator.metric("sluice_measurements_total{result=\"error\"}").unwrap() >= 1.0);
    assert_eq!(operator.metric("sluice_measurements_total{result=\"failed\"}"), Some(0.0));
    let rollbacks = team.value("select count(*) from sluice.migration_rollbacks").await;
    assert_eq!(rollbacks, "0");
}

/// Logins that an application counts: a hundred more all the time, so many of them failed.
async fn logins(app: Arc<App>, failing: Arc<AtomicU64>) {
    let (mut good, mut bad) = (0, 0);
    loop {
        let now = failing.load(Ordering::Relaxed);
        (good, bad) = (good + 100 - now, bad + now);
        let page = format!("shop_logins_total{{result=\"ok\"}} {good}\nshop_logins_total{{result=\"failed\"}} {bad}\n");
        app.always(200, &page);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn logins_of_which_more_than_five_percent_fail_take_the_version_back_as_the_example_says() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/production.yaml")).unwrap();
    let mut check = None;
    for document in serde_yaml::Deserializer::from_str(&text) {
        let document = <Value as serde::Deserialize>::deserialize(document).unwrap();
        let checks = document.pointer("/spec/verification/checks").and_then(Value::as_array).cloned();
        check = check.or_else(|| checks?.into_iter().find(|check| check["name"] == "logins"));
    }
    let mut check = check.expect("the example's check");
    assert_eq!(check["expect"], "value <= 0.05");
    // Seconds instead of a minute.
    check["prometheus"]["query"] = json!(check["prometheus"]["query"].as_str().unwrap().replace("[1m]", "[2s]"));

    let team = Team::new("logins").await;
    let (app, failing) = (Arc::new(App::start().await), Arc::new(AtomicU64::new(4)));
    let counting = tokio::spawn(logins(app.clone(), failing.clone()));
    let prometheus = Servers::of("prometheus", &[&format!("127.0.0.1:{}", app.port)]);
    let endpoint = format!("--prometheus-endpoint=platform=http://127.0.0.1:{}", prometheus.description["port"]);
    let _operator = Operator::with(&team.namespace, &["--leader-elect=false", &endpoint]);
    let spec = |version: &str, duration: &str| {
        let mut scripts = files(TABLE);
        scripts.insert("V002__u.sql".to_owned(), "create table u (id int);".to_owned());
        scripts.insert("U002__u.sql".to_owned(), "drop table u;".to_owned());
        let window = json!({"initialDelay": "3s", "interval": "300ms", "duration": duration, "checks": [check]});
        Spec::to(version).inline(&scripts).set("/verification", window).set("/rollback/mode", json!("Automatic"))
    };
    team.apply("shop", &spec("001", "9s")).await;
    let status = team.at("shop", "001").await.verification.unwrap();
    let four = &status.checks[0];
    assert!(four.passed >= 1 && four.failed == 0, "{four:?}");
    assert!(four.last.as_ref().unwrap().starts_with("value 0.04,"), "{four:?}");

    team.apply("shop", &spec("002", LONG)).await;
    team.reason("shop", "Verifying").await;
    failing.store(8, Ordering::Relaxed);
    let message = team.reason("shop", "RolledBack").await;
    assert!(message.contains("check logins failed (value 0.0"), "{message}");
    assert_eq!(team.tables().await, ["t"]);
    counting.abort();
}

#[tokio::test]
async fn exactly_five_percent_of_failed_logins_are_not_more_than_five_percent() {
    let team = Team::new("five-percent").await;
    let app = App::start().await;
    let show = |failed: u32| app.always(200, &format!("logins{{ok=\"yes\"}} 95\nlogins{{ok=\"no\"}} {failed}\n"));
    show(5);
    let prometheus = Servers::of("prometheus", &[&format!("127.0.0.1:{}", app.port)]);
    let endpoint = format!("--prometheus-endpoint=platform=http://127.0.0.1:{}", prometheus.description["port"]);
    let _operator = Operator::with(&team.namespace, &["--leader-elect=false", &endpoint]);
    scraped(&app).await;
    let check = json!([{
        "name": "logins", "expect": "value <= 0.05", "failureThreshold": 2, "minMeasurements": 3, "errorThreshold": 100,
        "prometheus": {"endpoint": "platform", "query": "sum(logins{ok=\"no\"}) / sum(logins)"},
    }]);
    let (verdict, reason) = judged(&team, check.clone(), "10s").await;
    assert_eq!((verdict.verdict.as_str(), reason.as_str()), ("Passed", "UpToDate"), "{verdict:?}");
    assert!(verdict.checks[0].last.as_ref().unwrap().starts_with("value 0.05,"), "{verdict:?}");
    show(6);
    team.migrations().delete("shop", &kube::api::DeleteParams::default()).await.unwrap();
    team.sql("drop schema sluice cascade; drop table t").await;
    let (verdict, reason) = judged(&team, check, LONG).await;
    assert_eq!((verdict.verdict.as_str(), reason.as_str()), ("Failed", "RolledBack"), "{verdict:?}");
    assert!(verdict.checks[0].last.as_ref().unwrap().starts_with("value 0.05941,"), "{verdict:?}");
}

#[tokio::test]
async fn an_index_that_the_application_needed_is_put_back_because_its_statements_became_slower() {
    let server = Servers::start(&["postgres", "--set", "shared_preload_libraries=pg_stat_statements"]);
    let team = Team::on("statements", &server.postgres()).await;
    let _operator = Operator::start(&team.namespace);
    team.sql("create extension pg_stat_statements").await;
    let scripts = files(&[
        (
            "V001__orders.sql",
            "create table orders (id int primary key, customer int); create index orders_customer on orders (customer);
             insert into orders select n, n from generate_series(1, 50000) n;",
        ),
        ("U001__orders.sql", "drop table orders;"),
        ("V002__tidy.sql", "drop index orders_customer;"),
        ("U002__tidy.sql", "create index orders_customer on orders (customer);"),
    ]);
    let spec = |version: &str| Spec::to(version).inline(&scripts).set("/rollback/mode", json!("Automatic"));
    let spec = |version: &str| spec(version).set("/adoption/allowExisting", json!(true));
    team.apply("shop", &spec("001")).await;
    team.at("shop", "001").await;
    let mut application = team.connect().await;
    let calls = tokio::spawn(async move {
        for customer in 0.. {
            let query = sqlx::query("select id from orders where customer = $1").bind(customer);
            sqlx::Executor::fetch_all(&mut application, query).await.unwrap();
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    // A stall of the machine in these calls must not pass for how long they take.
    let counted = "select calls >= 100 and mean_exec_time < 1 as is from pg_stat_statements
        where query like 'select id from orders where customer%'";
    eventually("an idle machine's calls were counted", SOON, || async {
        if team.value(counted).await == "t" {
            return Ok(());
        }
        if team.value(&counted.replace("and mean_exec_time < 1", "")).await == "t" {
            team.sql("select pg_stat_statements_reset()").await;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        Err("not yet".to_owned())
    })
    .await;
    let check = json!({"name": "statements", "latency": {"statements": {}}, "expect": "worst < 5"});
    let window = json!({"initialDelay": "100ms", "interval": "500ms", "duration": LONG, "checks": [check]});
    team.apply("shop", &spec("002").set("/verification", window)).await;
    let message = team.reason("shop", "RolledBack").await;
    assert!(message.contains("check statements failed (value 0.0") && message.contains("(statement "), "{message}");
    assert_eq!(team.value("select count(*) from pg_indexes where indexname = 'orders_customer'").await, "1");
    let kept = team.query("select baseline, evidence from sluice.migration_verifications").await.join(" ");
    assert!(kept.contains("public.orders") && !kept.contains("select"), "{kept}");
    calls.abort();
}
