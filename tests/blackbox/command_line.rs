//! `sluice plan`, `sluice status` and `sluice crds`, as people call them.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::env::{Operator, Spec, Team, files, world};

/// Runs the program with a clean environment and the administrator's kubeconfig.
pub fn sluice(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sluice"))
        .args(arguments)
        .env_clear()
        .env("KUBECONFIG", &world().admin)
        .envs(variables.iter().copied())
        .output()
        .unwrap()
}

pub fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

pub fn url(team: &Team) -> String {
    let server = &team.server;
    format!("postgres://{}:{}@{}:{}/{}", server.user, server.password, server.host, server.port, team.database)
}

pub fn folder(files: &BTreeMap<String, String>) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    folder
}

fn history() -> BTreeMap<String, String> {
    files(&[
        ("V001__orders.sql", "-- Risk Level: LOW\ncreate table orders (id int primary key);"),
        ("U001__orders.sql", "drop table orders;"),
        ("V002__by_day.sql", "create index concurrently by_day on orders (id);"),
        ("U002__by_day.sql", "drop index by_day;"),
    ])
}

/// The answer of `sluice plan -o json` for the team's database.
fn plan(team: &Team, folder: &Path, arguments: &[&str]) -> (Value, Option<i32>) {
    let dir = folder.to_str().unwrap();
    let output =
        sluice(&[&["plan", "--dir", dir, "-o", "json"], arguments].concat(), &[("SLUICE_DATABASE_URL", &url(team))]);
    let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", said(&output)));
    (report, output.status.code())
}

fn steps(report: &Value) -> Vec<String> {
    let steps = report["plan"]["steps"].as_array().cloned().unwrap_or_default();
    steps
        .iter()
        .map(|step| format!("{} {}", step["action"].as_str().unwrap(), step["step"].as_str().unwrap()))
        .collect()
}

#[tokio::test]
async fn lint_refuses_by_its_exit_code_and_knows_how_large_tables_are() {
    let team = Team::new("lint").await;
    team.sql("create table orders (id int primary key, day date)").await;
    let folder = folder(&files(&[("V001__by_day.sql", "create index by_day on orders (day);")]));
    let dir = folder.path().to_str().unwrap();
    let denied = sluice(&["lint", dir], &[]);
    assert_eq!(denied.status.code(), Some(1), "{}", said(&denied));
    assert!(
        said(&denied).contains("error[create-index-without-concurrently]: writers of orders wait"),
        "{}",
        said(&denied)
    );
    let small = sluice(&["lint", dir], &[("SLUICE_DATABASE_URL", &url(&team))]);
    assert_eq!(small.status.code(), Some(0), "{}", said(&small));
    assert!(said(&small).contains("note[create-index-without-concurrently]"), "{}", said(&small));
    let allowed = sluice(&["lint", dir, "--allow", "BlockingLock", "-o", "github"], &[]);
    assert_eq!((allowed.status.code(), said(&allowed).as_str()), (Some(0), ""));
    let usage = sluice(&["lint", dir, "--deny", "DataLos"], &[]);
    assert_eq!(usage.status.code(), Some(2));
    assert!(
        said(&usage).contains("--deny: `DataLos` is neither a rule nor a class of rules; did you mean `DataLoss`?")
    );
}

#[tokio::test]
async fn a_plan_for_an_empty_database_touches_nothing() {
    let team = Team::new("plan").await;
    let folder = folder(&history());
    let (report, code) = plan(&team, folder.path(), &[]);
    assert_eq!((report["outcome"].as_str(), code), (Some("plan"), Some(0)), "{report}");
    assert_eq!(steps(&report), ["apply 001", "apply 002"]);
    let second = &report["plan"]["steps"][1];
    assert_eq!(second["script"]["transactional"], false, "{second}");
    assert!(second["wayDown"]["file"].as_str().unwrap().ends_with("U002__by_day.sql"), "{second}");
    assert_eq!(team.tables().await, [""; 0]);
    assert_eq!(team.value("select count(*) from pg_namespace where nspname = 'sluice'").await, "0");
}

#[tokio::test]
async fn a_plan_weighs_statements_by_the_tables_that_they_are_for_and_tells_the_safe_way() {
    let team = Team::new("plan-weighs").await;
    team.sql(
        "create table users (id int, day date, name varchar(20)); create table tags (id int);
         insert into users select n, now(), 'name' from generate_series(1, 300000) n; analyze users, tags",
    )
    .await;
    let scripts = files(&[
        ("V001__narrow.sql", "alter table users alter name type varchar(10);"),
        ("U001__narrow.sql", "alter table users alter name type varchar(20);"),
        ("V002__by_day.sql", "create index users_by_day on users (day);"),
        ("V003__new.sql", "create table new (id int);\ncreate index new_by_id on new (id);"),
        ("V004__tag.sql", "alter table tags add column note text;"),
        ("V005__ignored.sql", "-- sluice:ignore drop-table nobody reads tags since release 41\ndrop table tags;"),
    ]);
    let folder = folder(&scripts);
    let dir = folder.path().to_str().unwrap();
    let tell = |more: &[&str]| {
        let all = [&["plan", "--dir", dir, "--allow-existing"], more].concat();
        let output = sluice(&all, &[("SLUICE_DATABASE_URL", &url(&team))]);
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        said(&output)
    };
    let text = tell(&[]);
    let row = |step: &str| {
        text.lines().find(|line| line.trim_start().starts_with(step)).unwrap_or_else(|| panic!("{step}: {text}"))
    };
    assert!(row("plan").contains("5 steps, 6 statements, risk critical, about "), "{text}");
    for column in ["RISK", "STRONGEST LOCK", "REWRITES OR SCANS", "ESTIMATE", "WAY DOWN"] {
        assert!(row("STEP").contains(column), "{column}: {text}");
    }
    for words in ["critical", "AccessExclusive", "users (rewrite)", "about ", "U001__narrow.sql"] {
        assert!(row("001").contains(words), "{words}: {text}");
    }
    assert!(row("002").contains(" Share ") && row("002").contains(" users "), "{text}");
    assert!(row("003").contains("low") && row("003").contains("a moment"), "what is new is harmless: {text}");
    assert!(row("004").contains("AccessExclusive") && row("004").contains("a moment"), "{text}");
    let place = format!("{dir}/V002__by_day.sql:1:1: error[create-index-without-concurrently]: writers of users");
    assert!(text.contains(&place), "{place}: {text}");
    assert!(text.contains("create index CONCURRENTLY users_by_day on users (day)"), "{text}");
    assert!(text.contains("; ignored: nobody reads tags since release 41"), "{text}");

    let (report, _) = plan(&team, folder.path(), &["--allow-existing"]);
    let first = &report["plan"]["steps"][0];
    assert_eq!(
        (&first["strongestLock"], &first["rewrites"]),
        (&json!("AccessExclusiveLock"), &json!(["users"])),
        "{first}"
    );
    assert_eq!(report["plan"]["steps"][1]["scans"], json!(["users"]));

    let markdown = tell(&["-o", "markdown"]);
    for words in [
        "## Plan: up from nothing to 005",
        "risk **CRITICAL** · strongest lock AccessExclusiveLock · rewrites a table · scans a table while writers wait · about ",
        "| 1 | CREATE INDEX | `users` ShareLock, read from end to end | ",
        "### Findings",
        "- **create-index-without-concurrently** ",
        "  - ignored: nobody reads tags since release 41",
    ] {
        assert!(markdown.contains(words), "{words}: {markdown}");
    }
}

#[tokio::test]
async fn a_plan_that_ran_before_takes_as_long_as_it_took() {
    let team = Team::new("plan-took").await;
    let _operator = Operator::start(&team.namespace);
    let scripts = files(&[
        ("V001__first.sql", "select 1;"),
        ("V002__slow.sql", "select pg_sleep(2);"),
        ("U002__slow.sql", "select 1;"),
    ]);
    let folder = folder(&scripts);
    let slow = std::time::Duration::from_secs(2);
    let estimate = || {
        let estimate = plan(&team, folder.path(), &[]).0["plan"]["estimate"].clone();
        sluice::duration::parse(estimate.as_str().unwrap_or("0s")).unwrap()
    };
    let to = |version: &str| Spec::to(version).inline(&scripts);
    team.apply("shop", &to("001")).await;
    team.at("shop", "001").await;
    assert!(estimate() < slow, "{:?}", estimate());
    for version in ["002", "001"] {
        team.apply("shop", &to(version)).await;
        team.at("shop", version).await;
    }
    assert!(estimate() >= slow, "{:?}", estimate());
    team.apply("shop", &to("002").set("/mode", json!("Plan"))).await;
    team.reason("shop", "PlanOnly").await;
    let shown = team.get("shop").await.status.unwrap().plan.unwrap();
    let map = team.kubectl(&["get", "configmap", &shown.config_map.unwrap(), "-o", "jsonpath={.data.plan\\.json}"]);
    let shown: Value = serde_json::from_str(&map).unwrap();
    let shown = sluice::duration::parse(shown["estimate"].as_str().unwrap()).unwrap();
    assert!(shown >= slow, "{shown:?}");
}

#[tokio::test]
async fn a_plan_sees_what_the_operator_did_and_shows_the_way_up_and_down() {
    let team = Team::new("plan-after").await;
    let _operator = Operator::start(&team.namespace);
    let mut files = history();
    team.apply("shop", &Spec::latest().inline(&files)).await;
    let status = team.ready("shop").await;
    let ledger = team.ledger_rows().await;

    let folder_before = folder(&files);
    let (report, code) = plan(&team, folder_before.path(), &[]);
    assert_eq!((report["outcome"].as_str(), code), (Some("nothingToDo"), Some(0)), "{report}");
    assert_eq!(report["database"]["applied"], "002");
    assert_eq!(report["source"]["digest"].as_str(), status.source.map(|source| source.digest).as_deref());

    let (report, _) = plan(&team, folder_before.path(), &["--target", "0"]);
    assert_eq!(steps(&report), ["revert 002", "revert 001"], "{report}");
    assert_eq!(report["plan"]["direction"], "down");

    files.insert("V003__more.sql".to_owned(), "create table more (id int);".to_owned());
    let folder_after = folder(&files);
    let text =
        sluice(&["plan", "--dir", folder_after.path().to_str().unwrap()], &[("SLUICE_DATABASE_URL", &url(&team))]);
    let text = said(&text);
    assert!(text.contains("at version 002 (2 applied)"), "{text}");
    assert!(text.contains("up from 002 to 003: 1 step, 1 statement"), "{text}");
    assert!(text.contains("none"), "it has no way down: {text}");
    assert_eq!(team.ledger_rows().await, ledger, "nothing was written");
}

#[tokio::test]
async fn what_cannot_be_planned_is_said_with_an_exit_code_of_one() {
    let team = Team::new("plan-refused").await;
    team.sql("create table somebody_elses (id int)").await;
    let good = folder(&history());
    let (report, code) = plan(&team, good.path(), &[]);
    assert_eq!((report["outcome"].as_str(), code), (Some("refused"), Some(1)));
    assert!(report["refusal"].as_str().unwrap().contains("table public.somebody_elses"), "{report}");
    let (report, code) = plan(&team, good.path(), &["--baseline-version", "001"]);
    assert_eq!((steps(&report), code), (vec!["baseline 001".to_owned(), "apply 002".to_owned()], Some(0)));

    let bad = folder(&files(&[("V001__a.sql", "select 1;\n\\i b.sql\n"), ("V1__b.sql", "select 1;")]));
    let output = sluice(&["plan", "--dir", bad.path().to_str().unwrap()], &[]);
    let text = said(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.lines().any(|line| line.contains("V001__a.sql:2: ")), "file and line begin the line: {text}");
    assert!(text.contains("2 problems"), "{text}");
    assert_eq!(sluice(&["plan"], &[]).status.code(), Some(2), "wrong usage");
}

#[tokio::test]
async fn a_password_never_comes_out_of_a_plan() {
    let folder = folder(&history());
    let dir = folder.path().to_str().unwrap();
    for url in ["postgres://app:s3cr3t@127.0.0.1:1/shop", "postgres://app:s3c/r3t@h/d", "mysql://app:s3cr3t@h/d"] {
        let output = sluice(&["plan", "--dir", dir], &[("SLUICE_DATABASE_URL", url)]);
        let text = said(&output);
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(!text.contains("s3c") && !text.contains("r3t"), "{text}");
    }
    let help = said(&sluice(&["plan", "--help"], &[("SLUICE_DATABASE_URL", "postgres://app:s3cr3t@h/d")]));
    assert!(help.contains("SLUICE_DATABASE_URL") && !help.contains("s3cr3t"), "{help}");
}

#[tokio::test]
async fn a_status_tells_the_story_and_the_next_step() {
    let team = Team::new("story").await;
    let tell = || {
        let output = sluice(&["status", "shop", "-n", &team.namespace], &[]);
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        said(&output)
    };
    team.apply("shop", &Spec::latest().inline(&history())).await;
    assert!(tell().contains("no operator has looked at it"), "{}", tell());

    let _operator = Operator::start(&team.namespace);
    team.ready("shop").await;
    let story = tell();
    for part in ["shop is ready", "wanted: Latest (002); 002 applied", "nothing → 002: succeeded", "nothing to do"] {
        assert!(story.contains(part), "{part} is not in\n{story}");
    }

    let mut broken = history();
    broken.insert("V003__typo.sql".to_owned(), "select 1;\nalter table nowhere add column x int;".to_owned());
    team.apply("shop", &Spec::latest().inline(&broken)).await;
    team.reason("shop", "ApplyFailed").await;
    let story = tell();
    for part in
        ["is stuck until somebody changes something (ApplyFailed)", "V003__typo.sql:2", "42P01", "sluice.dev/retry"]
    {
        assert!(story.contains(part), "{part} is not in\n{story}");
    }

    let output = sluice(&["status", "nobody", "-n", &team.namespace], &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("there is no DatabaseMigration nobody"), "{}", said(&output));
    let output = sluice(&["status", "shop"], &[("KUBECONFIG", "/nowhere"), ("HOME", "/nowhere")]);
    assert!(said(&output).contains("name a kubeconfig file in KUBECONFIG"), "{}", said(&output));
}

#[tokio::test]
async fn a_context_of_the_kubeconfig_is_the_cluster_that_is_meant() {
    let team = Team::new("context").await;
    team.apply("shop", &Spec::latest()).await;
    let status = |context: &str| sluice(&["status", "shop", "-n", &team.namespace, "--context", context], &[]);
    let here = team.kubectl(&["config", "current-context"]);
    let found = status(here.trim());
    assert!(found.status.success() && said(&found).contains("was not looked at yet"), "{}", said(&found));
    let nowhere = status("nowhere");
    assert_eq!(nowhere.status.code(), Some(1));
    let complaint = said(&nowhere);
    assert!(complaint.contains("the context nowhere cannot be used"), "{complaint}");
    assert!(complaint.contains("kubectl config get-contexts"), "{complaint}");
}

#[tokio::test]
async fn the_printed_definitions_are_those_that_the_cluster_has() {
    let team = Team::new("crds").await;
    let output = sluice(&["crds"], &[]);
    let printed: Vec<Value> = serde_yaml::Deserializer::from_slice(&output.stdout)
        .map(|document| Value::deserialize(document).unwrap())
        .collect();
    let applied = team.kubectl_with(
        &[
            "apply",
            "--server-side",
            "--dry-run=server",
            "--field-manager=helm",
            "--force-conflicts",
            "--filename",
            "-",
            "-o",
            "json",
        ],
        &String::from_utf8(output.stdout).unwrap(),
    );
    let applied: Value = serde_json::from_str(&applied.unwrap()).unwrap();
    let names: Vec<&Value> = printed.iter().map(|definition| &definition["metadata"]["name"]).collect();
    assert_eq!(
        names,
        ["databasemigrations.sluice.dev", "migrationapprovals.sluice.dev", "migrationpolicies.sluice.dev"]
    );
    let applied = applied["items"].as_array().unwrap();
    assert_eq!(applied.len(), printed.len());
    for (applied, printed) in applied.iter().zip(&printed) {
        assert_eq!(applied["metadata"]["name"], printed["metadata"]["name"]);
        assert_eq!(applied["spec"]["versions"], printed["spec"]["versions"]);
    }
}
