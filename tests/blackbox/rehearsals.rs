//! The way back, proved before the way forward starts: on the same server, on one that is there for nothing else, and from the
//! command line.

use serde_json::{Value, json};

use crate::command_line::{folder, said, sluice, url};
use crate::env::{GATE, Gate, Operator, Postgres, SOON, SPOILS, Servers, Spec, Team, condition, eventually, files};

const SCRIPTS: &[(&str, &str)] = &[
    ("V001__users.sql", "create table users (id int primary key);"),
    ("U001__users.sql", "drop table users;"),
    ("V002__tag.sql", "alter table users add column tag text default 'new';\ncreate index users_tag on users (tag);"),
    ("U002__tag.sql", "alter table users drop column tag;"),
];

async fn rehearsal_server(team: &Team, server: &Postgres) {
    let (port, host, user, password) = (server.port.to_string(), &*server.host, &*server.user, &*server.password);
    let keys = [("host", host), ("port", &port), ("user", user), ("password", password), ("dbname", "postgres")];
    team.secret_of("rehearsals", &keys).await;
}

fn on_another_server(version: &str, require: &str) -> Spec {
    Spec::to(version)
        .set("/gates/rehearsal/serverRef/name", json!("rehearsals"))
        .set("/rollback/require", json!(require))
}

#[tokio::test]
async fn a_rehearsal_is_held_on_the_server_that_the_spec_names_once_its_secret_is_there() {
    let other = Servers::start(&["postgres"]);
    let team = Team::new("rehearsal-server").await;
    // The role of the Secret could not create a scratch database where the database is.
    let role = team.database.clone();
    team.sql(&format!("create role {role} login password 'plain'; alter database {role} owner to {role}")).await;
    let (port, host) = (team.server.port.to_string(), team.server.host.clone());
    let keys = [("host", &*host), ("port", &*port), ("user", &*role), ("password", "plain"), ("dbname", &*role)];
    team.secret_of("db", &keys).await;
    let operator = Operator::start(&team.namespace);
    team.scripts("sql", &files(SCRIPTS)).await;
    team.apply("shop", &on_another_server("001", "Rehearsed")).await;
    let message = team.reason("shop", "DatabaseUnreachable").await;
    for part in ["the server for rehearsals", "Secret rehearsals does not exist", "spec.gates.rehearsal.serverRef"] {
        assert!(message.contains(part), "{message}");
    }
    assert_eq!(team.tables().await, [""; 0]);
    rehearsal_server(&team, &other.postgres()).await;
    let status = team.at("shop", "001").await;
    assert_eq!(condition(&status, "RollbackReady").unwrap().1, "WayBackRehearsed");
    let everything = format!("{:?} {}", team.get("shop").await.status, operator.log());
    assert!(!everything.contains(&other.postgres().password));
    let left = "select datname from pg_database where datname like 'sluice_rehearsal_%'";
    let mut admin = crate::env::connect(&other.postgres(), "postgres").await;
    let left: Vec<String> = sqlx::query_scalar(left).fetch_all(&mut admin).await.unwrap();
    assert_eq!(left, [""; 0]);
}

#[tokio::test]
async fn a_server_for_rehearsals_that_is_not_there_holds_up_only_what_requires_it() {
    let team = Team::new("rehearsal-optional").await;
    let _operator = Operator::start(&team.namespace);
    team.scripts("sql", &files(SCRIPTS)).await;
    team.apply("shop", &on_another_server("001", "Present")).await;
    let status = team.at("shop", "001").await;
    assert_eq!(condition(&status, "RollbackReady").unwrap().1, "WayBackPresent");
}

#[tokio::test]
async fn the_command_line_rehearses_and_shows_what_the_way_back_forgot() {
    let other = Servers::start(&["postgres"]);
    let team = Team::new("plan-rehearse").await;
    let dir = folder(&files(SCRIPTS));
    let dir = dir.path().to_str().unwrap();
    let (address, path) = (url(&team), std::env::var("PATH").unwrap());
    let variables = [("SLUICE_DATABASE_URL", address.as_str()), ("PATH", path.as_str())];
    let good = sluice(&["plan", "--dir", dir, "--rehearse"], &variables);
    assert_eq!(good.status.code(), Some(0), "{}", said(&good));
    assert!(said(&good).contains("rehearsal: up, back and up again work on a copy of the schema ("), "{}", said(&good));

    // A way back that puts another default back than there was.
    team.sql("create table people (name text default 'nobody')").await;
    let files = files(&[
        ("V001__default.sql", "alter table people alter column name set default 'somebody';"),
        ("U001__default.sql", "alter table people alter column name set default 'anybody';"),
    ]);
    let bad = folder(&files);
    let bad = bad.path().to_str().unwrap();
    let server = other.postgres();
    let scratch = format!("postgres://{}:{}@{}:{}/postgres", server.user, server.password, server.host, server.port);
    let arguments = ["plan", "--dir", bad, "--allow-existing", "--rehearse", "--scratch-url", &scratch];
    let text = sluice(&arguments, &variables);
    assert_eq!(text.status.code(), Some(1), "{}", said(&text));
    for part in ["rehearsal: the way back is disproved", "  column public.people.name: ", "'nobody'", "'anybody'"] {
        assert!(said(&text).contains(part), "{}", said(&text));
    }
    assert!(!said(&text).contains(&server.password));
    let output = sluice(&[&arguments[..], &["-o", "json"]].concat(), &variables);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["rehearsal"]["verdict"], "disproved", "{report}");
    assert_eq!(report["rehearsal"]["differences"][0]["object"], "column public.people.name", "{report}");
    assert_eq!(team.tables().await, ["people"], "the database itself is only read");
    // Other tests rehearse on this server, too; each scratch database says of what it is a copy.
    let left = format!(
        "select datname from pg_database where shobj_description(oid, 'pg_database') like '%of {} for%'",
        team.database
    );
    let left = team.query(&left).await;
    assert_eq!(left, [""; 0]);

    let usage = sluice(&["plan", "--dir", dir, "--rehearse"], &[]);
    assert_eq!(usage.status.code(), Some(2), "{}", said(&usage));
    let missing =
        sluice(&["plan", "--dir", dir, "--allow-existing", "--rehearse", "--pg-dump", "/nowhere/pg_dump"], &variables);
    assert_eq!(missing.status.code(), Some(1));
    assert!(
        said(&missing).contains("the way back is unproven") && said(&missing).contains("/nowhere/pg_dump"),
        "{}",
        said(&missing)
    );
}

/// Names of scratch databases on the shared server.
async fn scratch(team: &Team) -> Vec<String> {
    team.query("select datname from pg_database where datname like 'sluice_rehearsal_%'").await
}

#[tokio::test]
async fn a_way_back_that_forgets_an_index_is_caught_before_anything_runs() {
    let (team, _operator) = Team::verified_at_001("rehearsal").await;
    let mut scripts = files(SPOILS);
    scripts.insert(
        "V002__tag.sql".to_owned(),
        "create index users_email on users (email); alter table users add column tag text;".to_owned(),
    );
    scripts.insert("U002__tag.sql".to_owned(), "alter table users drop column tag;".to_owned());
    team.scripts("sql", &scripts).await;
    let spec = Team::shop("002").set("/rollback/require", json!("Rehearsed"));
    team.apply("shop", &spec).await;
    let message = team.reason("shop", "RehearsalFailed").await;
    assert!(message.contains("index public.users_email") && message.contains("Nothing was run"), "{message}");
    let status = team.get("shop").await.status.unwrap();
    let ready = condition(&status, "RollbackReady").unwrap();
    assert_eq!((ready.0.as_str(), ready.1.as_str()), ("False", "RehearsalFailed"));
    assert_eq!(status.plan.unwrap().rehearsal.unwrap().verdict, "Disproved");
    assert_eq!(team.story().await, ["up - 001 succeeded"]);

    scripts.insert("U002__tag.sql".to_owned(), "alter table users drop column tag; drop index users_email;".to_owned());
    team.scripts("sql", &scripts).await;
    let status = team.at("shop", "002").await;
    let ready = condition(&status, "RollbackReady").unwrap();
    assert_eq!((ready.0.as_str(), ready.1.as_str()), ("True", "WayBackRehearsed"));
    assert_eq!(team.value("select count(*) from sluice.migration_runs where rehearsed").await, "1");
}

#[tokio::test]
async fn a_rehearsal_leaves_no_database_behind_when_its_operator_is_killed() {
    let (team, mut operator) = Team::verified_at_001("rehearsal-killed").await;
    let mut scripts = files(SPOILS);
    // The gate of this database, which the scratch database knows nothing of, holds there as well.
    let gate = GATE.replace("datname = current_database()", &format!("datname = '{}'", team.database));
    scripts.insert("V002__tag.sql".to_owned(), format!("alter table users add column tag text; {gate}"));
    scripts.insert("U002__tag.sql".to_owned(), "alter table users drop column tag;".to_owned());
    team.scripts("sql", &scripts).await;
    let gate = Gate::close(&team).await;
    team.apply("shop", &Team::shop("002").set("/rollback/require", json!("Rehearsed"))).await;
    team.reason("shop", "Rehearsing").await;
    let mine = eventually("the scratch database is there", SOON, || async {
        // Other tests rehearse on this server, too; each scratch database says of what it is a copy.
        let mine = format!(
            "select datname from pg_database where shobj_description(oid, 'pg_database') like '%of {} for%'",
            team.database
        );
        team.query(&mine).await.into_iter().next().ok_or_else(|| "none".to_owned())
    })
    .await;
    operator.kill();
    assert!(scratch(&team).await.contains(&mine), "killed in the middle");
    gate.open().await;
    // What the server still does for the one that was killed is in use, and left alone.
    eventually("its sessions are gone", SOON, || async {
        let left = team.query(&format!("select pid from pg_stat_activity where datname = '{mine}'")).await;
        if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
    })
    .await;
    team.deserted().await;
    let _next = Operator::start(&team.namespace);
    team.at("shop", "002").await;
    assert!(!scratch(&team).await.contains(&mine));
}
