//! The page of metrics.

use sluice::api::v1alpha1::Reason;
use sluice::plan::Direction;
use sluice::telemetry::{
    ALL_METRICS, ApiOutcome, ApiResource, ApiVerb, MetricKind, PROCESS_METRICS, ReconcileResult, RunResult,
};

use crate::markdown::{codes, head, table};

pub fn page() -> String {
    let mut text = head("Metrics", "src/telemetry/names.rs");
    text.push_str(
        "Served in Prometheus' text format at `/metrics` of `--http-addr` (`SLUICE_HTTP_ADDR`, port 8080 unless set). The series of an\n\
         object show what it is now: those of former versions and reasons, and of deleted objects, vanish. Only the replica that leads\n\
         has series of objects; followers serve the rest.\n\n",
    );
    text.push_str(&table(
        &["metric", "kind", "labels", "meaning"],
        ALL_METRICS.iter().map(|metric| {
            let labels = if metric.labels.is_empty() { "–".to_owned() } else { codes(metric.labels.iter().copied()) };
            vec![format!("`{}`", metric.name), metric.kind.as_str().to_owned(), labels, metric.help.to_owned()]
        }),
    ));
    text.push_str(
        "## Label values\n\nEvery label but the names of objects and versions has a closed set of values.\n\n",
    );
    let row = |label: &str, of: &str, values: String| vec![format!("`{label}`"), of.to_owned(), values];
    text.push_str(&table(
        &["label", "of", "values"],
        [
            row("direction", "runs, steps, statements", codes([Direction::Up.as_str(), Direction::Down.as_str()])),
            row("result", "`sluice_run…`", codes(RunResult::ALL.iter().map(|value| value.as_str()))),
            row("result", "`sluice_reconcile…`", codes(ReconcileResult::ALL.iter().map(|value| value.as_str()))),
            row("reason", "`sluice_migration_status`", codes(Reason::ALL.iter().map(|value| value.as_str()))),
            row("verb", "`sluice_api_request…`", codes(ApiVerb::ALL.iter().map(|value| value.as_str()))),
            row("resource", "`sluice_api_request…`", codes(ApiResource::ALL.iter().map(|value| value.as_str()))),
            row("code", "`sluice_api_requests_total`", codes(ApiOutcome::ALL.iter().map(|value| value.as_str()))),
        ],
    ));
    text.push_str("## Buckets\n\nUpper bounds in seconds.\n\n");
    let histograms = ALL_METRICS.iter().filter(|metric| metric.kind == MetricKind::Histogram);
    text.push_str(&table(
        &["histogram", "buckets"],
        histograms.map(|metric| {
            let bounds: Vec<String> = metric.buckets.iter().map(ToString::to_string).collect();
            vec![format!("`{}`", metric.name), bounds.join(", ")]
        }),
    ));
    text.push_str(&format!(
        "## The process\n\nFrom Prometheus' client library, under the usual names: {}.\n\n",
        codes(PROCESS_METRICS.iter().copied())
    ));
    text.push_str(QUESTIONS);
    text
}

const QUESTIONS: &str = "## Questions and their queries\n\n\
| question | query |\n|---|---|\n\
| What is stuck until somebody does something? | `sluice_migration_stalled == 1` |\n\
| What is not ready for 15 minutes? | `max_over_time(sluice_migration_ready[15m]) == 0` |\n\
| Which databases cannot be reached? | `sluice_database_up == 0` |\n\
| Who stands in the way of a run? | `sluice_blocking_sessions > 0`, and the object's `status.run.blockedBy` |\n\
| How many runs fail? | `sum by (result) (increase(sluice_runs_total{result!=\"succeeded\"}[1d]))` |\n\
| Does exactly one replica lead? | `sum(sluice_leader) != 1` |\n\
| Did the operator's code panic? | `increase(sluice_reconcile_total{result=\"panic\"}[1h]) > 0` |\n";

/// The queries of the page, as alerts, through Prometheus' own checker.
#[test]
fn the_queries_of_the_page_are_valid() {
    let queries: Vec<&str> =
        QUESTIONS.lines().skip(4).filter_map(|line| line.split(" | `").nth(1)?.split('`').next()).collect();
    assert!(queries.len() >= 7, "{queries:?}");
    let rules = queries.iter().enumerate().map(|(number, query)| {
        assert!(ALL_METRICS.iter().any(|metric| query.contains(metric.name)), "{query} names no metric of ours");
        serde_json::json!({"alert": format!("Question{number}"), "expr": query})
    });
    let rules = serde_json::json!({"groups": [{"name": "questions", "rules": rules.collect::<Vec<_>>()}]});
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rules.yaml");
    std::fs::write(&file, rules.to_string()).unwrap();
    let output = std::process::Command::new("promtool").args(["check", "rules"]).arg(&file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
