//! What Sluice promises, one test named after each promise. Other files try each of them in many more ways; the promises of
//! the automatic rollback (5, 6, 7) stand with its other scenarios, in `verification.rs`.

use std::time::Duration;

use sqlx::Executor;

use crate::env::{GATE, Gate, Operator, SOON, Spec, Team, Writer, counted, eventually, files, history};

#[tokio::test]
async fn promise_1_at_most_once_a_migration_takes_effect_however_often_its_operator_dies() {
    let (team, mut operator) = Team::at_001("promise-once").await;
    let mut gate = Gate::close(&team).await;
    team.scripts("sql", &history(&[("002", counted("002", GATE))])).await;
    gate.reached().await;
    operator.kill();
    gate.open().await;
    let _next = Operator::start(&team.namespace);
    team.at("shop", "002").await;
    assert_eq!(team.effects().await, ["002"]);
}

#[tokio::test]
async fn promise_2_the_database_is_the_fence_between_two_operators_that_both_believe_to_lead() {
    let (team, _first) = Team::at_001("promise-fence").await;
    let _second = Operator::start(&team.namespace);
    team.scripts("sql", &history(&[("002", counted("002", "")), ("003", counted("003", ""))])).await;
    team.at("shop", "003").await;
    assert_eq!(team.effects().await, ["002", "003"]);
}

#[tokio::test]
async fn promise_3_unknown_is_a_state_and_a_lost_reply_to_commit_is_resolved_from_the_ledger() {
    use crate::env::{Fault, Proxy, commits_a_step};
    let team = Team::new("promise-unknown").await;
    let proxy = Proxy::to(&team.server);
    team.through(&proxy).await;
    let _operator = Operator::start(&team.namespace);
    team.bring_to_001().await;
    proxy.next(Fault::ReplyLost, commits_a_step);
    team.scripts("sql", &history(&[("002", counted("002", ""))])).await;
    proxy.happened(1).await;
    let status = team.at("shop", "002").await;
    assert_eq!(team.effects().await, ["002"]);
    assert_eq!(status.failures, None, "what was unknown for a moment did not fail");
}

#[tokio::test]
async fn promise_4_when_faults_stop_every_object_comes_to_rest_and_makes_no_more_writes() {
    let team = Team::new("promise-rest").await;
    let _operator = Operator::start(&team.namespace);
    let good = files(&[("V001__a.sql", "create table a (id int);")]);
    let bad = files(&[("V001__b.sql", "create tabel b (id int);")]);
    team.create_database(&format!("{}_bad", team.database)).await;
    team.secret("bad", &format!("{}_bad", team.database)).await;
    team.apply("good", &Spec::latest().inline(&good)).await;
    team.apply("bad", &Spec::latest().inline(&bad).set("/database/secretRef/name", "bad".into())).await;
    team.ready("good").await;
    team.reason("bad", "ApplyFailed").await;
    team.falls_silent().await;
    team.deserted().await;
}

#[tokio::test]
async fn promise_8_applications_keep_writing_while_a_migration_waits_behind_a_long_reader() {
    let team = Team::new("promise-writing").await;
    let _operator = Operator::start(&team.namespace);
    let first = ("V001__t.sql", "create table t (id bigint generated always as identity primary key, v int);");
    team.apply("shop", &Spec::latest().inline(&files(&[first]))).await;
    team.ready("shop").await;

    let mut reader = team.connect().await;
    reader.execute("begin; select count(*) from t").await.unwrap();
    team.sql("create table elsewhere (v int)").await;
    let writer = Writer::start(&team, "insert into t (v) values (1)");
    let elsewhere = Writer::start(&team, "insert into elsewhere values (1)");
    let second = ("V002__t.sql", "alter table t add column w int;");
    team.apply("shop", &Spec::latest().inline(&files(&[first, second]))).await;
    let message = team.reason("shop", "RetryingLock").await;
    assert!(message.contains("002"), "{message}");
    let status =
        team.until("shop", "the reader is named", |s| s.run.as_ref().is_some_and(|r| !r.blocked_by.is_empty())).await;
    let blocker = &status.run.unwrap().blocked_by[0];
    assert_eq!(blocker.application, "blackbox");
    writer.goes_on(100).await;
    reader.execute("commit").await.unwrap();
    team.at("shop", "002").await;
    let (longest, machine) = (writer.stop().longest, elsewhere.stop().gap);
    assert!(longest < Duration::from_secs(1) + machine, "a writer was stalled for {longest:?}, others {machine:?}");
}

#[tokio::test]
async fn promise_9_no_secret_and_no_data_of_a_database_leaks_into_status_events_logs_or_metrics() {
    let team = Team::new("promise-leak").await;
    let operator = Operator::start(&team.namespace);
    let password = "pa55-w0rd-never-shown";
    team.sql(&format!("create role \"{}\" superuser login password '{password}'", team.database)).await;
    let (port, host) = (team.server.port.to_string(), team.server.host.clone());
    team.secret_of(
        "db",
        &[
            ("host", &host),
            ("port", &port),
            ("user", &team.database),
            ("password", password),
            ("dbname", &team.database),
        ],
    )
    .await;
    let data = "create table people (name text unique);\ninsert into people values ('Ada-Lovelace-1815'), ('Ada-Lovelace-1815');\n";
    team.apply("shop", &Spec::latest().inline(&files(&[("V001__people.sql", data)]))).await;
    let message = team.reason("shop", "ApplyFailed").await;
    assert!(message.contains("23505") && message.contains("people"), "the table is named: {message}");
    eventually("the failure's event", SOON, || async {
        let told = team.events("shop").await.iter().any(|(reason, _)| reason == "ApplyFailed");
        if told { Ok(()) } else { Err("not yet".to_owned()) }
    })
    .await;
    let everything = [
        ("status", serde_json::to_string(&team.get("shop").await.status).unwrap()),
        ("events", format!("{:?}", team.events("shop").await)),
        ("log", operator.log()),
        ("metrics", operator.page("/metrics").unwrap()),
    ];
    for (place, text) in everything {
        for secret in [password, "Ada-Lovelace-1815"] {
            assert!(!text.contains(secret), "{secret} in {place}:\n{text}");
        }
    }
    let detail = team.value("select failure_detail from sluice.migration_runs").await;
    assert!(detail.contains("Ada-Lovelace-1815"), "the server's own words are in the ledger: {detail}");
}

#[tokio::test]
async fn promise_10_no_reference_leaves_the_namespace() {
    let rich = Team::new("promise-rich").await;
    let poor = Team::new("promise-poor").await;
    let _operator = Operator::start(&poor.namespace);
    rich.secret("treasure", &rich.database).await;
    rich.scripts("scripts", &files(&[("V001__a.sql", "create table a (id int);")])).await;
    let spec = Spec::latest().set("/database/secretRef/name", "treasure".into());
    let spec = spec.inline(&files(&[("V001__a.sql", "create table a (id int);")]));
    poor.apply("thief", &spec).await;
    let message = poor.reason("thief", "SourceNotReady").await;
    assert!(message.contains("treasure") && message.contains(&poor.namespace), "{message}");
    let elsewhere = spec.set("/database/secretRef/namespace", rich.namespace.clone().into());
    let refused = poor.try_apply("thief", &elsewhere).await.unwrap_err().to_string();
    assert!(refused.contains("namespace"), "there is no such field: {refused}");
    assert_eq!(rich.tables().await, [""; 0]);
}
