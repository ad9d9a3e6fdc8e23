//! Servers that are down, and servers that must not be migrated as they are.

use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, Executor};

use crate::env::{
    Cluster, GATE, Gate, Operator, Pace, Postgres, SOON, Servers, Spec, Team, connect, eventually, files,
};

/// How soon a database that comes back is noticed, unaided.
const A_MINUTE: Duration = Duration::from_secs(60);

const A: (&str, &str) = ("V001__a.sql", "create table a (id int);");
const B: (&str, &str) = ("V002__b.sql", "create table b (id int);");

impl Team {
    /// A Secret that leads to the same database by another way.
    async fn secret_by(&self, server: &Postgres) {
        let port = server.port.to_string();
        let keys = [
            ("host", server.host.as_str()),
            ("port", &port),
            ("user", &server.user),
            ("password", &server.password),
            ("dbname", &self.database),
        ];
        self.secret_of("db", &keys).await;
    }

    /// Notes of the events with that reason.
    async fn told(&self, name: &str, reason: &str) -> Vec<String> {
        let events = self.events(name).await;
        events.into_iter().filter(|(found, _)| found == reason).map(|(_, note)| note).collect()
    }

    /// Fails unless exactly one event has that reason. It is published in the background: it may come after the status.
    async fn told_once(&self, name: &str, reason: &str) {
        eventually("the event is there", SOON, || async {
            if self.told(name, reason).await.is_empty() { Err("none yet".to_owned()) } else { Ok(()) }
        })
        .await;
        assert_eq!(self.told(name, reason).await.len(), 1, "told once");
    }
}

/// Waits until the operator has looked at its objects that often and found nothing to do but wait.
async fn passes(operator: &Operator, count: f64) {
    eventually("passes", A_MINUTE, || async {
        let passes = operator.metric("sluice_reconcile_total{result=\"blocked\"}").unwrap_or_default();
        if passes >= count { Ok(()) } else { Err(format!("{passes} of {count} passes")) }
    })
    .await;
}

#[tokio::test]
async fn a_database_that_is_down_is_told_once_and_used_when_it_is_back() {
    let servers = Servers::start(&["postgres"]);
    let team = Team::on("down", &servers.postgres()).await;
    servers.tell("stop postgres");
    let operator = Operator::start(&team.namespace);
    team.apply("shop", &Spec::latest().inline(&files(&[A]))).await;
    let message = team.reason("shop", "DatabaseUnreachable").await;
    for part in [format!("127.0.0.1:{}", team.server.port), "refused".to_owned(), "trying again".to_owned()] {
        assert!(message.contains(&part), "{part} is not in: {message}");
    }
    let writes = team.writes();
    assert_eq!(writes.iter().filter(|write| write.contains("databasemigrations/status")).count(), 1, "{writes:?}");
    passes(&operator, 4.0).await;
    team.told_once("shop", "DatabaseUnreachable").await;
    eventually("both writes are in the audit log", SOON, || async {
        if team.writes().len() < 2 { Err(format!("{:?}", team.writes())) } else { Ok(()) }
    })
    .await;
    assert_eq!(team.writes().len(), 2, "one report and one event, however often it is tried: {:?}", team.writes());
    let down = format!("sluice_database_up{{name=\"shop\",namespace=\"{}\"}}", team.namespace);
    assert_eq!(operator.metric(&down), Some(0.0));

    servers.tell("start postgres");
    let back = Instant::now();
    team.at_within("shop", "001", A_MINUTE).await;
    assert!(back.elapsed() < A_MINUTE);
    assert_eq!(operator.metric(&down), Some(1.0));
}

#[tokio::test]
async fn a_database_that_is_down_is_tried_ever_more_slowly_whatever_else_wakes_its_object() {
    let team = Team::new("ever-slower").await;
    let operator = Operator::start(&team.namespace);
    // Hangs up on whoever calls, and notes when that was.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let server = Postgres { port: listener.local_addr().unwrap().port(), ..team.server.clone() };
    let (called, mut calls) = tokio::sync::mpsc::unbounded_channel();
    std::thread::spawn(move || listener.incoming().take_while(|_| called.send(Instant::now()).is_ok()).for_each(drop));
    team.secret_by(&server).await;
    let began = Instant::now();
    team.apply("shop", &Spec::latest().inline(&files(&[A]))).await;
    let mut tries = Vec::new();
    let mut label = 0;
    while tries.len() < 4 {
        tokio::select! {
            call = calls.recv() => tries.push(call.unwrap() - began),
            // What is imposed on the namespace may have changed: each of these wakes the object.
            () = tokio::time::sleep(Duration::from_millis(100)) => {
                label += 1;
                team.label("turn", &label.to_string()).await;
            }
        }
    }
    // One second, two, four, and a quarter less each at worst.
    assert!(tries[3] > Duration::from_secs(5), "tried at {tries:?}, with {label} changes meanwhile");
    passes(&operator, 8.0).await;
}

#[tokio::test]
async fn a_database_that_goes_down_while_its_object_is_ready_is_told_and_comes_back_by_itself() {
    let servers = Servers::start(&["postgres"]);
    let team = Team::on("goes-down", &servers.postgres()).await;
    let _operator = Operator::with(&team.namespace, &["--leader-elect=false", "--resync", "1s"]);
    team.scripts("sql", &files(&[A])).await;
    team.apply("shop", &Spec::latest()).await;
    team.ready("shop").await;
    servers.tell("stop postgres fast");
    team.reason("shop", "DatabaseUnreachable").await;
    let status = team.get("shop").await.status.unwrap();
    assert_eq!(status.applied.unwrap().version, "001", "what was in effect is still told");
    team.scripts("sql", &files(&[A, B])).await;
    servers.tell("start postgres");
    team.at("shop", "002").await;
    team.told_once("shop", "DatabaseUnreachable").await;
}

#[tokio::test]
async fn an_api_server_that_is_out_when_the_secret_is_to_be_read_is_asked_again_and_nothing_is_connected_to_meanwhile()
{
    let cluster = Cluster::start();
    let servers = Servers::start(&["postgres"]);
    let team = Team::of(cluster.client().await, "no-secret", &servers.postgres()).await;
    servers.tell("stop postgres");
    let operator = Operator::as_told(&team.namespace, &cluster.operator, &["--leader-elect=false"]);
    // Inline scripts: the Secret is all that a pass reads.
    team.apply("shop", &Spec::latest().inline(&files(&[A]))).await;
    team.reason("shop", "DatabaseUnreachable").await;
    let in_vain = || operator.metric("sluice_reconcile_total{result=\"error\"}").unwrap_or_default();

    cluster.servers.tell("stop apiserver");
    let of = format!("{{name=\"shop\",namespace=\"{}\",reason=\"SourceNotReady\"}}", team.namespace);
    eventually("a pass that cannot read the Secret", A_MINUTE, || async {
        let shown = operator.metric(&format!("sluice_migration_status{of}"));
        if shown == Some(1.0) { Ok(()) } else { Err(operator.page("/metrics").unwrap_or_default()) }
    })
    .await;
    servers.tell("start postgres");
    let before = in_vain();
    eventually("another pass", A_MINUTE, || async {
        if in_vain() > before { Ok(()) } else { Err(format!("{before} as before")) }
    })
    .await;
    assert_eq!(team.tables().await, [""; 0], "where a database is, and who one is there, is never taken from memory");

    cluster.servers.tell("start apiserver");
    eventually("the script is in effect", 2 * A_MINUTE, || async {
        let tables = team.tables().await;
        if tables == ["a"] { Ok(()) } else { Err(operator.log()) }
    })
    .await;
    let log = operator.log();
    assert!(!log.contains("panicked"), "{log}");
}

#[tokio::test]
async fn a_server_that_crashes_during_a_run_delays_it_and_the_script_takes_effect_once() {
    let servers = Servers::start(&["postgres"]);
    let team = Team::on("crash", &servers.postgres()).await;
    let _operator = Operator::start(&team.namespace);
    let script = format!("create table a (id int); insert into a values (1); {GATE}");
    let mut gate = Gate::close(&team).await;
    team.apply("shop", &Spec::latest().inline(&files(&[("V001__a.sql", &script), B]))).await;
    gate.reached().await;
    servers.tell("stop postgres immediate");
    let message = team.reason("shop", "Resolving").await;
    assert!(message.contains("finding out what the database holds"), "{message}");
    servers.tell("start postgres");
    team.at("shop", "002").await;
    assert_eq!(team.query("select count(*) from a").await, ["1"]);
}

#[tokio::test]
async fn a_standby_is_refused_until_it_is_promoted() {
    let servers = Servers::start(&["postgres"]);
    let primary = servers.postgres();
    let team = Team::on("standby", &primary).await;
    let port = primary.port.to_string();
    let standby = Servers::of("standby", &[&primary.host, &port, &primary.user, &primary.password]);
    team.secret_by(&Postgres::of(&standby.description)).await;
    let _operator = Operator::start(&team.namespace);
    team.apply("shop", &Spec::latest().inline(&files(&[A]))).await;
    let message = team.reason("shop", "DatabaseUnsuitable").await;
    assert!(message.contains("is a standby") && message.contains("point the Secret at the primary"), "{message}");
    team.told_once("shop", "DatabaseUnsuitable").await;
    standby.tell("promote");
    team.at("shop", "001").await;
    assert_eq!(team.tables().await, [""; 0], "the old primary was not touched");
    let mut promoted = connect(&Postgres::of(&standby.description), &team.database).await;
    let count: i64 = sqlx::query_scalar("select count(*) from a").fetch_one(&mut promoted).await.unwrap();
    assert_eq!(count, 0);
}

#[tokio::test]
async fn a_pooler_in_transaction_mode_is_refused_and_one_in_session_mode_is_not() {
    let team = Team::new("pooler").await;
    let Postgres { host, port, user, password, .. } = team.server.clone();
    let port = port.to_string();
    let pooler = |mode| Servers::of("pgbouncer", &[&host, &port, &user, &password, mode]);
    let through = |pooler: &Servers| Postgres {
        port: pooler.description["port"].as_u64().unwrap().try_into().unwrap(),
        ..team.server.clone()
    };
    let transactions = pooler("transaction");
    team.secret_by(&through(&transactions)).await;
    let _operator = Operator::start(&team.namespace);
    team.apply("shop", &Spec::latest().inline(&files(&[A]))).await;
    let message = team.reason("shop", "DatabaseUnsuitable").await;
    for part in ["pooler in transaction mode", "point the Secret at the server itself", "session mode"] {
        assert!(message.contains(part), "{part} is not in: {message}");
    }
    assert_eq!(team.tables().await, [""; 0]);
    let sessions = pooler("session");
    team.secret_by(&through(&sessions)).await;
    team.at("shop", "001").await;
}

#[tokio::test]
async fn a_read_only_server_is_refused_until_it_takes_writes() {
    let team = Team::new("read-only").await;
    let alter = async |setting: &str| {
        let sql = format!("alter database \"{}\" {setting}", team.database);
        connect(&team.server, "postgres").await.execute(AssertSqlSafe(sql)).await.unwrap();
    };
    alter("set default_transaction_read_only = on").await;
    let _operator = Operator::start(&team.namespace);
    team.apply("shop", &Spec::latest().inline(&files(&[A]))).await;
    let message = team.reason("shop", "DatabaseUnsuitable").await;
    assert!(message.contains("default_transaction_read_only is on"), "{message}");
    alter("reset default_transaction_read_only").await;
    team.at("shop", "001").await;
}

#[tokio::test]
async fn a_role_that_may_do_too_little_is_told_the_very_grant_that_is_missing() {
    let team = Team::new("grants").await;
    let operator = Operator::start(&team.namespace);
    let (role, database) = (format!("{}_app", team.database), team.database.clone());
    team.sql(&format!(
        "create role \"{role}\" login password 'app'; revoke all on database \"{database}\" from public"
    ))
    .await;
    let app = Postgres { user: role.clone(), password: "app".to_owned(), ..team.server.clone() };
    team.secret_by(&app).await;
    team.apply("shop", &Spec::latest().inline(&files(&[A]))).await;
    let message = team.reason("shop", "DatabaseUnreachable").await;
    assert!(message.contains(&format!("role \"{role}\" may not connect to database \"{database}\"")), "{message}");

    // Each of these is what the message before asked for; none needs anything but the database's owner.
    team.sql(&format!("grant connect on database \"{database}\" to \"{role}\"")).await;
    let message = team.reason("shop", "DatabaseUnsuitable").await;
    for part in ["may not create the ledger", &format!("GRANT CREATE ON DATABASE \"{database}\" TO \"{role}\"")] {
        assert!(message.contains(part), "{part} is not in: {message}");
    }
    passes(&operator, 4.0).await;
    team.told_once("shop", "DatabaseUnsuitable").await;

    team.sql(&format!(
        "grant create on database \"{database}\" to \"{role}\"; revoke create on schema public from public"
    ))
    .await;
    let message = team.reason("shop", "ApplyFailed").await;
    assert!(message.contains("42501") && message.contains("grant the privilege to the migrating role"), "{message}");

    team.sql(&format!("grant create on schema public to \"{role}\"")).await;
    team.annotate("shop", "sluice.dev/retry", "granted").await;
    team.at("shop", "001").await;
    assert_eq!(team.told("shop", "Interrupted").await, [""; 0], "a retry that was asked for does not wait");
}

#[tokio::test]
async fn a_ledger_that_belongs_to_another_role_names_the_grant_that_reads_it() {
    let team = Team::new("ledger-owner").await;
    let _operator = Operator::start(&team.namespace);
    team.scripts("sql", &files(&[A])).await;
    team.apply("shop", &Spec::latest()).await;
    team.at("shop", "001").await;
    let role = format!("{}_app", team.database);
    team.sql(&format!("create role \"{role}\" login password 'app'; grant all on schema public to \"{role}\"")).await;
    let app = Postgres { user: role.clone(), password: "app".to_owned(), ..team.server.clone() };
    team.secret_by(&app).await;
    let grants = [
        format!("GRANT USAGE ON SCHEMA \"sluice\" TO \"{role}\""),
        format!("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA \"sluice\" TO \"{role}\""),
    ];
    let message = team.reason("shop", "DatabaseUnsuitable").await;
    assert!(grants.iter().all(|grant| message.contains(grant)), "{message}");
    // Reading alone does not do either.
    team.sql(&format!("{}; grant select on all tables in schema sluice to \"{role}\"", grants[0])).await;
    team.annotate("shop", "reconcile.fluxcd.io/requestedAt", "now").await;
    team.until("shop", "the request is acted on", |status| status.last_handled_reconcile_at.is_some()).await;
    let message = team.reason("shop", "DatabaseUnsuitable").await;
    assert!(message.contains(&grants[1]), "{message}");
    team.sql(&grants[1]).await;
    team.scripts("sql", &files(&[A, B])).await;
    team.at("shop", "002").await;
}

#[tokio::test]
async fn an_interruption_that_comes_again_and_again_is_tried_ever_more_slowly_until_its_cause_is_gone() {
    let team = Team::new("interrupted").await;
    let operator = Operator::start(&team.namespace);
    // What a server that shuts down says to those it serves.
    let script = "do $$ begin raise exception using errcode = '57P01'; end $$;";
    team.scripts("sql", &files(&[("V001__a.sql", script)])).await;
    let began = Instant::now();
    team.apply("shop", &Spec::latest()).await;
    let interruptions =
        || operator.metric("sluice_runs_total{direction=\"up\",result=\"interrupted\"}").unwrap_or_default();
    eventually("four interrupted runs", SOON, || async {
        if interruptions() >= 4.0 { Ok(()) } else { Err(format!("{}", interruptions())) }
    })
    .await;
    assert!(began.elapsed() > Duration::from_secs(5), "four runs within {:?}", began.elapsed());
    let message = team.reason("shop", "Interrupted").await;
    assert!(message.contains("57P01") && message.contains("will apply 1 migration (001)"), "{message}");
    let pace = Pace::start(&team).await;
    team.scripts("sql", &files(&[A])).await;
    team.at("shop", "001").await;
    assert!(pace.elapsed() < Duration::from_secs(15), "what is new does not wait: {:?}", pace.elapsed());
}

#[tokio::test]
async fn what_answers_but_is_no_postgresql_is_told_as_such() {
    let team = Team::new("no-postgres").await;
    let operator = Operator::start(&team.namespace);
    // The operator's own HTTP port: it answers, and not as a database does.
    let other = Postgres { port: operator.port(), ..team.server.clone() };
    team.secret_by(&other).await;
    team.apply("shop", &Spec::latest().inline(&files(&[A]))).await;
    let message = team.reason("shop", "DatabaseUnreachable").await;
    assert!(message.contains(&format!("127.0.0.1:{}", operator.port())), "{message}");
    assert!(message.contains("or no PostgreSQL"), "{message}");
}
