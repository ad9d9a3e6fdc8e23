//! Checks as the spec asks for them: what holds when a field is left out, and what is refused.

use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};

use crate::api::v1alpha1::CheckSpec;
use crate::checks::{Check, CheckKind, CountBy, Endpoints, Limit, Limits, NoData, unknown_endpoints};

fn spec(fields: &Value) -> CheckSpec {
    let mut fields = fields.clone();
    fields["name"] = json!("c");
    serde_json::from_value(fields).unwrap()
}

fn check(fields: &Value) -> Check {
    Check::of(&spec(fields)).unwrap()
}

#[rstest]
#[case(json!({"rowCounts": {}}), "lost == 0")]
#[case(json!({"rowCounts": {"method": "Estimated"}}), "lost <= before * 0.1")]
#[case(json!({"latency": {"query": "select 1"}}), "(baseline == null || value <= baseline * 1.3)")]
#[case(
    json!({"latency": {"query": "select 1", "maxRegression": "50%", "max": "250ms"}}),
    "(baseline == null || value <= baseline * 1.5) && value <= 0.25"
)]
#[case(
    json!({"latency": {"statements": {}, "maxRegression": "50%"}}),
    "(baseline == null || value <= baseline * 1.5)"
)]
#[case(json!({"workload": {"kind": "Deployment", "name": "web"}}), "ready >= 1")]
#[case(json!({"builtin": "ForeignKeys"}), "value == 0")]
#[case(json!({"builtin": "InvalidObjects"}), "value == 0")]
#[case(json!({"builtin": "LedgerIntegrity"}), "value == 0")]
#[case(json!({"builtin": "Connectivity"}), "true")]
#[case(json!({"builtin": "ServerErrors"}), "transactions < 20 || value <= 0.05")]
fn what_is_expected_where_nothing_is_said(#[case] fields: Value, #[case] expression: &str) {
    assert_eq!(check(&fields).expect.expression, expression);
}

#[test]
fn the_limits_where_nothing_is_said_are_one_failure_and_four_errors() {
    let check = check(&json!({"builtin": "Connectivity"}));
    assert_eq!(
        check.limits,
        Limits { failure: Limit::InARow(1), errors: 4, min_measurements: 1, no_data: NoData::Error }
    );
    assert!(check.enforced);
}

#[test]
fn limits_are_taken_as_they_are_written() {
    let check = check(&json!({
        "builtin": "Connectivity", "failureThreshold": 3, "anywhereInWindow": true, "errorThreshold": 2,
        "minMeasurements": 5, "onNoData": "Pass", "mode": "Observe",
    }));
    assert_eq!(
        check.limits,
        Limits { failure: Limit::InAll(3), errors: 2, min_measurements: 5, no_data: NoData::Pass }
    );
    assert!(!check.enforced);
    let share = Check::of(&spec(&json!({"builtin": "Connectivity", "failureShare": "12.5%"}))).unwrap();
    assert_eq!(share.limits.failure, Limit::Share(0.125));
}

#[test]
fn each_kind_is_read_with_its_own_defaults() {
    let sql = check(&json!({"sql": {"query": "select 1"}, "expect": "value == 1"}));
    assert_eq!(sql.kind, CheckKind::Sql { query: "select 1".to_owned(), timeout: Duration::from_secs(10) });
    let latency = check(&json!({"latency": {"query": "select 1"}}));
    assert_eq!(latency.kind, CheckKind::Latency { query: "select 1".to_owned(), samples: 5 });
    let rows = check(&json!({"rowCounts": {"tables": ["orders"]}}));
    assert_eq!(rows.kind, CheckKind::RowCounts { tables: vec!["orders".to_owned()], by: CountBy::Reading });
    let http = check(&json!({"http": {"serviceRef": {"name": "web", "port": 80}}, "expect": "status == 200"}));
    assert_eq!(
        http.kind,
        CheckKind::Http {
            endpoint: None,
            service: Some(("web".to_owned(), 80)),
            path: "/".to_owned(),
            timeout: Duration::from_secs(5)
        }
    );
}

#[rstest]
#[case(json!({}), "give exactly one of sql")]
#[case(json!({"builtin": "Connectivity", "rowCounts": {}}), "give exactly one of sql")]
#[case(json!({"sql": {"query": "select 1"}}), "expect: say what the measured value has to be")]
#[case(json!({"builtin": "Connectivity", "expect": "value <"}), "expect: `value <` cannot be read")]
#[case(json!({"builtin": "Connectivity", "failureThreshold": 0}), "failureThreshold: give a number of at least 1")]
#[case(json!({"builtin": "Connectivity", "errorThreshold": -1}), "errorThreshold")]
#[case(json!({"builtin": "Connectivity", "failureShare": "half"}), "failureShare: give a percentage")]
#[case(json!({"builtin": "Connectivity", "failureShare": "NaN%"}), "failureShare: give a percentage")]
#[case(json!({"sql": {"query": "select 1", "timeout": "1m"}, "expect": "true"}), "sql.timeout: give at least 1ms and at most 20s")]
#[case(json!({"sql": {"query": "select 1", "timeout": "0s"}, "expect": "true"}), "sql.timeout: give at least")]
#[case(json!({"sql": {"query": "select 1", "timeout": "soon"}, "expect": "true"}), "sql.timeout: `soon` is not a duration")]
#[case(json!({"http": {"endpoint": "web", "timeout": "30s"}, "expect": "true"}), "http.timeout: give at least")]
#[case(json!({"http": {"serviceRef": {"name": "web", "port": 70000}}, "expect": "true"}), "http.serviceRef.port")]
#[case(json!({"latency": {"query": "select 1", "max": "fast"}}), "latency.max: `fast` is not a duration")]
fn what_cannot_be_used_is_refused_with_the_field(#[case] fields: Value, #[case] told: &str) {
    let error = Check::of(&spec(&fields)).unwrap_err().to_string();
    assert!(error.contains(told), "{error}");
}

#[test]
fn an_address_that_nobody_declared_is_told_before_anything_is_measured_unless_the_check_only_observes() {
    let check = |fields: Value| -> CheckSpec { serde_json::from_value(fields).unwrap() };
    let endpoints =
        Endpoints { http: [("shop".to_owned(), "http://shop".parse().unwrap())].into(), ..Endpoints::default() };
    let checks = [
        check(json!({"name": "a", "http": {"endpoint": "shop"}, "expect": "true"})),
        check(json!({"name": "b", "http": {"endpoint": "shpo"}, "expect": "true"})),
        check(json!({"name": "c", "http": {"serviceRef": {"name": "shpo", "port": 80}}, "expect": "true"})),
        check(json!({"name": "d", "prometheus": {"endpoint": "shop", "query": "up"}, "expect": "true"})),
        check(
            json!({"name": "e", "prometheus": {"endpoint": "shop", "query": "up"}, "expect": "true", "mode": "Observe"}),
        ),
        check(json!({"name": "f", "sql": {"query": "select 1"}, "expect": "true"})),
    ];
    let unknown = unknown_endpoints(&checks, &endpoints);
    assert_eq!(unknown.len(), 2, "{unknown:?}");
    assert!(
        unknown[0]
            .starts_with("spec.verification.checks.b.http.endpoint: there is no HTTP endpoint shpo (there is shop)")
    );
    assert!(
        unknown[1].starts_with("spec.verification.checks.d.prometheus.endpoint: there is no Prometheus endpoint shop")
    );
}
