//! An object that is done stays done: looks that change nothing, restarts, lost reports, objects made anew.

use serde_json::{Value, json};
use sluice::api::v1alpha1::{DatabaseMigrationStatus, HistoryEntry};

use crate::env::{Operator, SOON, Spec, Team, eventually, files};

const ORDERS: &[(&str, &str)] = &[
    ("V001__orders.sql", "create table orders (id int primary key);"),
    ("V002__note.sql", "alter table orders add column note text;"),
];

/// Everything that a look that changes nothing must leave as it is.
#[derive(Debug, PartialEq)]
struct Traces {
    writes: Vec<String>,
    events: Vec<(String, String)>,
    ledger: Vec<String>,
    status: Value,
}

async fn traces(team: &Team, name: &str) -> Traces {
    Traces {
        writes: team.writes(),
        events: team.events(name).await,
        ledger: team.ledger_rows().await,
        status: serde_json::to_value(team.get(name).await).unwrap(),
    }
}

/// Events are published in the background: the last one may still be on its way when the status is there.
async fn settled(team: &Team, name: &str) -> Traces {
    eventually("the event of the last transition is there, and in the audit log", SOON, || async {
        let events = team.events(name).await;
        // The API server writes its log a moment after it answered.
        let logged = team.writes().iter().filter(|write| write.as_str() == "create events/").count();
        let last = events.last().is_some_and(|(reason, _)| reason == "UpToDate");
        if last && logged == events.len() { Ok(()) } else { Err(format!("{logged} logged of {events:?}")) }
    })
    .await;
    // The last lines of that log may be in the wrong order.
    eventually("the audit log stands still", SOON, || async {
        let before = team.writes().len();
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        let after = team.writes().len();
        if before == after { Ok(()) } else { Err(format!("{before}, then {after}")) }
    })
    .await;
    traces(team, name).await
}

/// Passes that found everything as it was.
fn unchanged(operator: &Operator) -> f64 {
    operator.metric("sluice_reconcile_total{result=\"unchanged\"}").unwrap_or_default()
}

async fn unchanged_above(operator: &Operator, before: f64) {
    eventually("passes that found nothing to do", SOON, || async {
        let now = unchanged(operator);
        if now > before { Ok(()) } else { Err(format!("{now} of more than {before}")) }
    })
    .await;
}

#[tokio::test]
async fn a_second_look_writes_nothing_to_the_api_server_and_only_reads_from_the_database() {
    let team = Team::new("second-look").await;
    let operator = Operator::with(&team.namespace, &["--leader-elect=false", "--resync", "500ms"]);
    team.listen().await;
    team.apply("shop", &Spec::latest().inline(&files(ORDERS))).await;
    team.ready("shop").await;
    assert!(
        team.heard().iter().any(|(_, sql)| sql.contains("create table orders")),
        "the server writes down too little"
    );
    let before = settled(&team, "shop").await;
    let heard = team.heard().len();

    unchanged_above(&operator, unchanged(&operator) + 2.0).await;

    let looks = team.heard().split_off(heard);
    assert!(looks.len() >= 2, "it did look: {looks:?}");
    for (application, sql) in &looks {
        assert_eq!(application, "sluice/look", "{sql}");
        let sql = sql.to_lowercase();
        for word in
            ["insert ", "update ", "delete ", "create ", "alter ", "drop ", "advisory_lock", "for update", "nextval"]
        {
            assert!(!sql.contains(word), "{word} in {sql}");
        }
    }
    assert_eq!(traces(&team, "shop").await, before);
}

#[tokio::test]
async fn after_a_restart_a_ready_object_costs_neither_a_write_nor_a_connection() {
    let team = Team::new("restart").await;
    let first = Operator::start(&team.namespace);
    team.listen().await;
    team.apply("shop", &Spec::latest().inline(&files(ORDERS))).await;
    team.ready("shop").await;
    let before = settled(&team, "shop").await;
    drop(first);
    let heard = team.heard().len();

    let second = Operator::start(&team.namespace);
    unchanged_above(&second, 0.0).await;

    assert_eq!(traces(&team, "shop").await, before);
    assert_eq!(team.heard().split_off(heard), [], "thousands of objects that are done must not all connect");
    team.apply("shop", &Spec::to("001").inline(&files(ORDERS))).await;
    let message = team.reason("shop", "PlanFailed").await;
    assert!(message.contains("version 002 has no down script"), "and it still listens: {message}");
}

#[tokio::test]
async fn applying_the_same_manifest_again_does_nothing() {
    let team = Team::new("same-again").await;
    let operator = Operator::start(&team.namespace);
    let spec = Spec::latest().inline(&files(ORDERS));
    team.apply("shop", &spec).await;
    team.ready("shop").await;
    let before = settled(&team, "shop").await;
    team.apply("shop", &spec).await;
    team.annotate("shop", "example.com/touched", "yes").await;
    let mut after = traces(&team, "shop").await;
    assert_eq!(after.status["metadata"]["annotations"]["example.com/touched"], "yes");
    after.status.clone_from(&before.status);
    assert_eq!(after, before);
    assert_eq!(operator.metric("sluice_runs_total{direction=\"up\",result=\"succeeded\"}"), Some(1.0));
}

/// What of a status has to come back to the letter; times of transitions begin anew.
fn essence(status: &DatabaseMigrationStatus) -> Value {
    let conditions: Vec<Value> = status
        .conditions
        .iter()
        .map(|c| json!([c.type_, c.status, c.reason, c.message, c.observed_generation]))
        .collect();
    let mut rest = serde_json::to_value(status).unwrap();
    rest["conditions"] = Value::Array(conditions);
    rest
}

/// Takes the status away, as `kubectl replace` of a manifest without one does.
fn wipe(team: &Team, name: &str) {
    let mut object: Value = serde_json::from_str(&team.kubectl(&["get", "dbm", name, "-o", "json"])).unwrap();
    object.as_object_mut().unwrap().remove("status");
    object["metadata"].as_object_mut().unwrap().remove("managedFields");
    let body = object.to_string();
    team.kubectl_with(&["replace", "--subresource", "status", "--filename", "-"], &body).unwrap();
}

#[tokio::test]
async fn a_status_that_was_wiped_by_hand_is_rebuilt_from_the_ledger() {
    let team = Team::new("wiped").await;
    let _operator = Operator::start(&team.namespace);
    let scripts = files(&[ORDERS, &[("U002__note.sql", "alter table orders drop column note;")]].concat());
    for target in ["002", "001", "002"] {
        team.apply("shop", &Spec::to(target).inline(&scripts)).await;
        team.ready("shop").await;
    }
    let before = team.get("shop").await.status.unwrap();
    let directions = |history: &[HistoryEntry]| history.iter().map(|run| run.direction.clone()).collect::<Vec<_>>();
    assert_eq!(directions(&before.history), ["up", "down", "up"]);
    let ledger = team.ledger_rows().await;

    wipe(&team, "shop");

    let after = team.ready("shop").await;
    assert_eq!(essence(&after), essence(&before));
    assert_eq!(team.ledger_rows().await, ledger, "only read");
}

#[tokio::test]
async fn a_failure_whose_report_was_wiped_is_told_again_and_not_tried_again() {
    let team = Team::new("wiped-failure").await;
    let _operator = Operator::start(&team.namespace);
    let scripts = files(&[("V001__orders.sql", "create table orders (id int);\nselect nonsense;")]);
    team.apply("shop", &Spec::latest().inline(&scripts)).await;
    let message = team.reason("shop", "ApplyFailed").await;
    let before = team.get("shop").await.status.unwrap();
    let ledger = team.ledger_rows().await;

    wipe(&team, "shop");

    assert_eq!(team.reason("shop", "ApplyFailed").await, message);
    let after = team.get("shop").await.status.unwrap();
    assert_eq!(essence(&after), essence(&before));
    assert_eq!(team.ledger_rows().await, ledger, "not run again");
}

#[tokio::test]
async fn an_object_made_anew_finds_its_database_up_to_date_and_runs_nothing() {
    let team = Team::new("made-anew").await;
    let operator = Operator::start(&team.namespace);
    let spec = Spec::latest().inline(&files(ORDERS));
    team.apply("shop", &spec).await;
    let before = team.ready("shop").await;
    let ledger = team.ledger_rows().await;
    team.kubectl(&["delete", "dbm", "shop"]);
    team.apply("shop", &spec).await;
    let after = team.ready("shop").await;
    assert_eq!(after.applied, before.applied);
    assert_eq!(team.ledger_rows().await, ledger);
    assert_eq!(operator.metric("sluice_runs_total{direction=\"up\",result=\"succeeded\"}"), Some(1.0));
}

#[tokio::test]
async fn kubectl_get_tells_the_truth_in_one_line_at_each_station() {
    let team = Team::new("columns").await;
    let row = |name: &str| {
        let mut row = team.row(name);
        row.retain(|(column, _)| column != "AGE");
        row.into_iter().map(|(column, cell)| format!("{column}={cell}")).collect::<Vec<_>>().join(" ")
    };
    team.apply("shop", &Spec::latest()).await;
    assert_eq!(row("shop"), "NAME=shop TARGET=Latest APPLIED= READY= REASON=", "before anybody looked");
    let _operator = Operator::start(&team.namespace);
    team.reason("shop", "SourceNotReady").await;
    assert_eq!(row("shop"), "NAME=shop TARGET=Latest APPLIED= READY=False REASON=SourceNotReady");
    team.scripts("sql", &files(ORDERS)).await;
    team.ready("shop").await;
    assert_eq!(row("shop"), "NAME=shop TARGET=Latest APPLIED=002 READY=True REASON=UpToDate");
    team.scripts("sql", &files(&[ORDERS, &[("V003__typo.sql", "alter table order add column x int;")]].concat())).await;
    team.reason("shop", "ApplyFailed").await;
    assert_eq!(row("shop"), "NAME=shop TARGET=Latest APPLIED=002 READY=False REASON=ApplyFailed");
    let wide = team.kubectl(&["get", "databasemigrations", "-o", "wide"]);
    assert!(wide.contains("MESSAGE") && wide.contains("V003__typo.sql:1:13"), "{wide}");
    let story = eventually("kubectl describe tells the events in their order", SOON, || async {
        let story = team.kubectl(&["describe", "dbm", "shop"]);
        let (_, events) = story.split_once("Events:").unwrap();
        let reasons: Vec<&str> = events.lines().skip(3).filter_map(|line| line.split_whitespace().nth(1)).collect();
        let expected = ["SourceNotReady", "Applying", "UpToDate", "Applying", "ApplyFailed"];
        if reasons == expected { Ok(story) } else { Err(format!("{reasons:?}")) }
    })
    .await;
    for part in ["starting to apply 2 migrations (001 … 002)", "version 002 is in effect", "V003__typo.sql:1:13"] {
        assert!(story.contains(part), "{part} is not in\n{story}");
    }
}

/// Refuses each report that says what is applied, as an admission policy of the cluster might.
fn refuse_reports(team: &Team) -> String {
    let name = format!("refuse-{}", team.namespace);
    let policy = json!({"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy", "metadata": {"name": name}, "spec": {
            "matchConstraints": {"resourceRules": [{"apiGroups": ["sluice.dev"], "apiVersions": ["*"], "operations": ["UPDATE"],
                "resources": ["databasemigrations/status"]}]},
            "validations": [{"expression": "!has(object.status.applied)", "message": "not now"}]}},
        {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": name}, "spec": {
            "policyName": name, "validationActions": ["Deny"],
            "matchResources": {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": team.namespace}}}}},
    ]});
    team.kubectl_with(&["apply", "--filename", "-"], &policy.to_string()).unwrap();
    name
}

#[tokio::test]
async fn a_report_that_the_api_server_refused_is_made_as_soon_as_it_is_taken_and_nothing_runs_twice() {
    let team = Team::new("refused-report").await;
    team.apply("shop", &Spec::latest().inline(&files(ORDERS))).await;
    let policy = refuse_reports(&team);
    let probe = json!({"status": {"applied": {"version": "000", "count": 0}}}).to_string();
    eventually("the policy is in force", SOON, || async {
        let probe = [
            "patch",
            "dbm",
            "shop",
            "--subresource",
            "status",
            "--type",
            "merge",
            "--dry-run=server",
            "--patch",
            &probe,
        ];
        team.kubectl_with(&probe, "").map_or_else(|_| Ok(()), Err)
    })
    .await;
    let operator = Operator::start(&team.namespace);
    eventually("refused passes", SOON, || async {
        let errors = operator.metric("sluice_reconcile_total{result=\"error\"}").unwrap_or_default();
        if errors >= 2.0 { Ok(()) } else { Err(format!("{errors} errors")) }
    })
    .await;
    assert_eq!(team.tables().await, ["orders"], "the run is over");
    assert_eq!(team.row("shop")[3], ("READY".to_owned(), "False".to_owned()), "nobody was told");
    let ledger = team.ledger_rows().await;

    team.kubectl(&["delete", "validatingadmissionpolicybinding,validatingadmissionpolicy", &policy]);
    assert_eq!(team.ready("shop").await.applied.unwrap().version, "002");
    assert_eq!(team.ledger_rows().await, ledger);
}
