//! The Prometheus probe against a real one, which scrapes a target of the test's own.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use serde_json::json;
use url::Url;

use crate::probing::Probing;
use crate::support::{Database, Environment, Server, database};

/// A target whose metrics the test decides on, and the server that scrapes it.
struct Site {
    _environment: Environment,
    text: Arc<Mutex<String>>,
    endpoints: BTreeMap<String, Url>,
    db: Database,
}

impl Site {
    async fn new(text: &str) -> Self {
        let text = Arc::new(Mutex::new(text.to_owned()));
        let shown = text.clone();
        let router =
            Router::new().route("/metrics", get(move || async move { shown.lock().expect("the text").clone() }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let target = listener.local_addr().expect("an address").to_string();
        tokio::spawn(async move { axum::serve(listener, router).await });
        let environment = tokio::task::spawn_blocking(move || Environment::start("prometheus", &[&target])).await;
        let environment = environment.expect("Prometheus");
        let port = Server::of(&environment.facts).port;
        let url = Url::parse(&format!("http://127.0.0.1:{port}")).expect("an address");
        Self {
            _environment: environment,
            text,
            endpoints: BTreeMap::from([("platform".to_owned(), url)]),
            db: database().await,
        }
    }

    fn show(&self, text: &str) {
        text.clone_into(&mut self.text.lock().expect("the text"));
    }

    fn check(&self, query: &str, expect: &str) -> Probing {
        let fields = json!({"prometheus": {"endpoint": "platform", "query": query}, "expect": expect});
        Probing::without_baseline(&self.db, &self.endpoints, fields)
    }

    /// Waits until a query measures as it shall.
    async fn until(&self, query: &str, expect: &str, told: &str) {
        self.check(query, expect).until(told).await;
    }
}

#[tokio::test]
async fn smoke_a_real_prometheus_is_asked_before_and_after() {
    let site = Site::new("errors_total{path=\"/a\"} 3\nerrors_total{path=\"/b\"} 5\nrequests_total 100\n").await;
    site.until("sum(errors_total) / scalar(requests_total)", "value < 0.1", "passed: value 0.08, baseline none").await;
    let mut ratio = site.check("sum(errors_total) / scalar(requests_total)", "value <= baseline * 1.5");
    ratio.take_baseline().await;
    assert_eq!(ratio.baseline, Some(json!(0.08)));
    // Whatever is not scraped in time has no data for a moment.
    ratio.until("passed: value 0.08, baseline 0.08").await;
    site.show("errors_total{path=\"/a\"} 3\nerrors_total{path=\"/b\"} 47\nrequests_total 100\n");
    site.until("sum(errors_total)", "value == 50", "passed: value 50, baseline none").await;
    ratio.until("failed: value 0.5, baseline 0.08").await;

    let told = |query: &'static str, expect: &'static str| {
        let check = site.check(query, expect);
        async move { check.told().await }
    };
    for (query, expect, seen) in [
        ("errors_total", "value == 47 && size(values) == 2", "passed: value 47, baseline none, 2 series"),
        ("errors_total", "values.all(v, v < 40)", "failed: value 47, baseline none, 2 series"),
        ("scalar(requests_total)", "value == 100", "passed: value 100, baseline none"),
    ] {
        site.until(query, expect, seen).await;
    }
    assert_eq!(told("nowhere_total", "value < 1").await, "no data");
    assert_eq!(told("errors_total / 0 * 0", "value < 1").await, "no data");
    site.check("sum(errors_total) / 0", "value < 1")
        .until_like("infinite", |seen| seen.starts_with("failed: value 17"))
        .await;
    for (query, why) in [
        ("sum(", "answers 400: bad_data, it cannot read the query"),
        ("errors_total[5m]", "answers with ranges"),
        ("\"text\"", "answers with a text"),
        ("label_replace(errors_total, \"path\", \"x\", \"path\", \".*\")", "answers 422: execution"),
    ] {
        let seen = told(query, "value < 1").await;
        assert!(seen.starts_with("error: the Prometheus endpoint platform") && seen.contains(why), "{query}: {seen}");
    }
}

#[tokio::test]
async fn a_prometheus_that_went_away_is_an_error_and_a_target_that_did_has_no_data() {
    let mut site = Site::new("up_to_now 1\n").await;
    site.until("up_to_now", "value == 1", "passed: value 1, baseline none").await;
    site.show("something_else 1\n");
    site.until("up_to_now", "value == 1", "no data").await;
    let check = site.check("up_to_now", "value == 1");
    site._environment = Environment::start("prometheus", &["127.0.0.1:1"]);
    let mut seen = String::new();
    for _ in 0..100 {
        seen = check.told().await;
        assert!(seen == "no data" || seen.starts_with("error"), "{seen}");
        if seen.ends_with("does not answer") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(seen, "error: the Prometheus endpoint platform does not answer");
}
