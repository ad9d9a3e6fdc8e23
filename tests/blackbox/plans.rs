//! Plans as people see them before anything runs: in the status, in a ConfigMap, and with `spec.mode: Plan` for good.

use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::{ObjectMeta, PostParams};
use serde_json::{Value, json};

use crate::env::{Operator, Spec, Team, files};

const USERS: (&str, &str) = ("V001__users.sql", "create table users (id int primary key, name varchar(20));");
const NARROW: (&str, &str) = ("V002__narrow.sql", "alter table users alter name type varchar(10);");
const WIDE: (&str, &str) = ("U002__narrow.sql", "alter table users alter name type varchar(20);");

async fn map(team: &Team, name: &str) -> Option<ConfigMap> {
    Api::<ConfigMap>::namespaced(team.client.clone(), &team.namespace).get_opt(name).await.unwrap()
}

fn file(map: &ConfigMap, name: &str) -> String {
    map.data.as_ref().unwrap()[name].clone()
}

#[tokio::test]
async fn smoke_a_plan_is_shown_in_full_and_nothing_runs_before_the_mode_says_so() {
    let team = Team::new("planonly").await;
    let _operator = Operator::start(&team.namespace);
    team.apply("shop", &Spec::latest().inline(&files(&[USERS]))).await;
    team.ready("shop").await;
    team.sql("insert into users select n, 'name' from generate_series(1, 5000) n; analyze users").await;
    let scripts = files(&[USERS, NARROW, WIDE]);
    team.apply("shop", &Spec::latest().inline(&scripts).set("/mode", json!("Plan"))).await;
    let message = team.reason("shop", "PlanOnly").await;
    assert!(message.contains("would apply 1 migration (002); nothing is run"), "{message}");
    let plan = team.get("shop").await.status.unwrap().plan.unwrap();
    assert_eq!((plan.risk.as_deref(), plan.rewrites), (Some("CRITICAL"), Some(true)), "{plan:?}");
    assert_eq!(plan.strongest_lock.as_deref(), Some("AccessExclusiveLock"));
    let shown = map(&team, "shop-plan").await.expect("the plan's ConfigMap");
    assert_eq!(plan.config_map.as_deref(), Some("shop-plan"));
    assert_eq!(shown.metadata.owner_references.as_ref().unwrap()[0].name, "shop");
    let json: Value = serde_json::from_str(&file(&shown, "plan.json")).unwrap();
    assert_eq!(json["digest"], plan.digest.as_str());
    assert_eq!(json["steps"][0]["effects"][0]["sql"], NARROW.1.trim_end_matches(';'));
    assert_eq!(json["steps"][0]["effects"][0]["touches"][0]["rewrites"], true);
    assert!(file(&shown, "plan.md").contains("```sql\nalter table users"), "{}", file(&shown, "plan.md"));
    let width = "select character_maximum_length from information_schema.columns where table_name = 'users' and column_name = 'name'";
    assert_eq!(team.value(width).await, "20");
    team.apply("shop", &Spec::latest().inline(&scripts)).await;
    team.until("shop", "version 002", |s| s.applied.as_ref().is_some_and(|a| a.version == "002")).await;
    assert_eq!(team.value(width).await, "10");
    assert_eq!(
        team.value("select plan_digest from sluice.migration_runs order by ordinal desc limit 1").await,
        plan.digest
    );
}

#[tokio::test]
async fn a_config_map_that_is_somebody_elses_is_left_alone_and_the_plan_waits_without() {
    let team = Team::new("planmap").await;
    let _operator = Operator::start(&team.namespace);
    let own = ConfigMap {
        metadata: ObjectMeta { name: Some("shop-plan".into()), ..ObjectMeta::default() },
        data: Some([("mine".to_owned(), "untouched".to_owned())].into()),
        ..ConfigMap::default()
    };
    let api = Api::<ConfigMap>::namespaced(team.client.clone(), &team.namespace);
    api.create(&PostParams::default(), &own).await.unwrap();
    team.apply("shop", &Spec::latest().inline(&files(&[USERS])).set("/mode", json!("Plan"))).await;
    team.reason("shop", "PlanOnly").await;
    assert_eq!(team.get("shop").await.status.unwrap().plan.unwrap().config_map, None);
    let there = map(&team, "shop-plan").await.unwrap();
    assert_eq!(there.data, own.data);
}

#[tokio::test]
async fn a_plan_waits_for_its_window_writes_nothing_meanwhile_and_runs_when_it_opens() {
    let team = Team::new("window").await;
    let operator = Operator::start(&team.namespace);
    let scripts = files(&[USERS]);
    // Open in a month that is not this one.
    let month = (jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).month() + 5) % 12 + 1;
    let shut = json!([{"schedule": format!("0 2 1 {month} *"), "duration": "3h", "timeZone": "Europe/Amsterdam"}]);
    team.apply("shop", &Spec::latest().inline(&scripts).set("/gates/windows", shut)).await;
    let message = team.reason("shop", "AwaitingWindow").await;
    assert!(message.contains("waiting to apply 1 migration (001): window: closed; opens "), "{message}");
    assert!(message.contains("02:00") && message.contains("(Europe/Amsterdam)"), "{message}");
    let before = team.get("shop").await.metadata.resource_version;
    team.annotate("shop", "reconcile.fluxcd.io/requestedAt", "now").await;
    team.until("shop", "the look that was asked for", |s| s.last_handled_reconcile_at.as_deref() == Some("now")).await;
    assert_eq!(team.tables().await, Vec::<String>::new());
    assert!(operator.metric(r#"sluice_gate_evaluations_total{gate="window",result="closed"}"#).unwrap() >= 1.0);
    assert_ne!(team.get("shop").await.metadata.resource_version, before, "the annotation and its answer");
    let story = team.sluice(&["status", "shop", "-n", &team.namespace]);
    assert!(story.contains("Gates: 0 of 1 open") && story.contains("… window: closed; opens "), "{story}");
    let open = json!([{"schedule": "* * * * *", "duration": "2m"}]);
    team.apply("shop", &Spec::latest().inline(&scripts).set("/gates/windows", open)).await;
    team.ready("shop").await;
    assert_eq!(team.tables().await, ["users"]);
}

#[tokio::test]
async fn a_plan_tells_what_it_takes_away_and_what_of_that_is_copied_before() {
    let team = Team::new("plancopies").await;
    let _operator = Operator::start(&team.namespace);
    team.apply("shop", &Spec::latest().inline(&files(&[USERS]))).await;
    team.ready("shop").await;
    team.sql("insert into users select n, 'name' from generate_series(1, 5000) n; analyze users").await;
    let without = ("V002__nameless.sql", "alter table users drop column name;");
    let spec = Spec::latest().inline(&files(&[USERS, without])).set("/mode", json!("Plan"));
    team.apply("shop", &spec.set("/execution/undo", json!({}))).await;
    team.reason("shop", "PlanOnly").await;
    let plan = team.get("shop").await.status.unwrap().plan.unwrap();
    let told = &plan.undo[0];
    assert!(told.starts_with("002 line 1 takes away column public.users.name; about 5000 rows of "), "{told}");
    let shown = map(&team, "shop-plan").await.unwrap();
    let json: Value = serde_json::from_str(&file(&shown, "plan.json")).unwrap();
    assert_eq!(json["steps"][0]["undo"][0]["rows"], 5000);
    let story = team.sluice(&["status", "shop", "-n", &team.namespace]);
    assert!(story.contains(told), "{story}");
}
