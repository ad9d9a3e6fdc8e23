//! Servers that must not be migrated, and those that only look like it.

use sluice::database::postgres::PostgresDatabase;
use sluice::database::{Address, Credentials, Database as _, DatabaseError, TlsMode};

use crate::support::{Environment, Server, database, identity, server};

async fn refusal(db: &crate::support::Database, host: &str, port: u16) -> String {
    let look = db.postgres_at(host, port).inspect().await.expect("a look is allowed");
    let why = look.server.unsuitable.expect("a reason");
    match db.postgres_at(host, port).open(&identity("shop/orders"), &db.settings).await {
        Err(DatabaseError::Unsuitable(same)) => assert_eq!(same, why),
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("a session on an unsuitable server"),
    }
    why
}

fn pooler(mode: &str) -> (Environment, u16) {
    let Server { host, port, user, password, .. } = server().clone();
    let environment = Environment::start("pgbouncer", &[&host, &port.to_string(), &user, &password, mode]);
    let port = Server::of(&environment.facts).port;
    (environment, port)
}

#[tokio::test]
async fn smoke_a_transaction_pooler_is_refused_with_the_cure() {
    let db = database().await;
    let (_environment, port) = pooler("transaction");
    let why = refusal(&db, "127.0.0.1", port).await;
    assert!(why.contains("transaction mode") && why.contains("session mode"), "{why}");
    // The look left nothing behind on the pool's shared session.
    let leaked =
        "select count(*)::text from pg_stat_activity where datname = current_database() and state like 'idle in%'";
    assert_eq!(db.value(leaked).await, "0");
}

#[tokio::test]
async fn a_session_pooler_is_as_good_as_the_server_itself() {
    let db = database().await;
    let (_environment, port) = pooler("session");
    let look = db.postgres_at("127.0.0.1", port).inspect().await.expect("a look");
    assert_eq!(look.server.unsuitable, None);
    let request = db.request(&crate::support::set(&[("V001__a.sql", "create table a(id int);")]), "Latest").await;
    let running = db.start_at(request.expect("a plan"), db.postgres_at("127.0.0.1", port));
    running.report().await.result.expect("the run succeeds");
}

#[tokio::test]
async fn a_standby_is_refused_with_the_cure() {
    let db = database().await;
    let Server { host, port, user, password, .. } = server().clone();
    let standby = Environment::start("standby", &[&host, &port.to_string(), &user, &password]);
    let standby_server = Server::of(&standby.facts);
    let why = refusal(&db, &standby_server.host, standby_server.port).await;
    assert!(why.contains("standby") && why.contains("point the Secret at the primary"), "{why}");
}

#[tokio::test]
async fn a_read_only_database_is_refused_with_the_cure() {
    let db = database().await;
    db.execute(&format!("alter database {} set default_transaction_read_only = on", db.name)).await;
    let why = refusal(&db, &db.server.host, db.server.port).await;
    assert!(why.contains("read-only"), "{why}");
}

#[tokio::test]
async fn an_odd_password_works_and_a_wrong_one_is_a_refused_login_without_it() {
    let mut db = database().await;
    let password = "p@ss:w/ör?d#'\"\\ %41 $&=;";
    let role = format!("odd_{}", db.name);
    db.execute(&format!(
        "create role {role} login password '{}'; grant create on database {} to {role}",
        password.replace('\'', "''"),
        db.name
    ))
    .await;
    (db.user, db.password) = (role.clone(), password.to_owned());
    db.up(&[("V001__a.sql", "create schema app; create table app.a(id int);")]).await;
    assert_eq!(
        db.value("select applied_by from sluice.schema_migrations").await,
        format!("shop/orders (sluice-0) as {role}")
    );
    db.password = "wrong-secret".to_owned();
    let error = db.postgres().inspect().await.expect_err("no login");
    assert!(matches!(error, DatabaseError::Login(_)), "{error:?}");
    assert!(error.to_string().contains(&role) && error.to_string().contains("28P01"), "{error}");
    assert!(!format!("{error:?}").contains("wrong-secret"));
}

#[tokio::test]
async fn a_database_that_is_not_there_is_named() {
    let mut db = database().await;
    db.name = "nowhere".to_owned();
    let error = db.postgres().inspect().await.expect_err("no database");
    assert!(
        matches!(&error, DatabaseError::Login(why) if why.contains("\"nowhere\"") && why.contains("3D000")),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_role_that_may_not_create_the_ledger_is_told_what_to_grant_and_the_grant_is_enough() {
    let mut db = database().await;
    let role = format!("poor_{}", db.name);
    db.execute(&format!("create role {role} login password 'x'")).await;
    (db.user, db.password) = (role.clone(), "x".to_owned());
    let files = [("V001__a.sql", "select 1;")];
    let report = db.run(&crate::support::set(&files), "Latest").await;
    let Err(DatabaseError::Unsuitable(why)) = report.result else { panic!("{:?}", report.result) };
    let (_, cure) = why.split_once("run: ").expect("a cure");
    let (grant, create) = cure.split_once("; or ").expect("two cures");
    // Either cure is enough.
    db.execute(create).await;
    db.up(&files).await;
    db.execute("drop schema sluice cascade").await;
    db.execute(grant).await;
    db.up(&files).await;
}

#[tokio::test]
async fn the_servers_certificate_is_checked_against_the_given_authority_and_the_name() {
    let environment = Environment::start("up", &["postgres", "--tls"]);
    let facts = &environment.facts["postgres"];
    let server = Server::of(facts);
    let ca = facts["ca"].as_str().expect("an authority");
    let pem =
        if ca.contains("BEGIN CERTIFICATE") { ca.to_owned() } else { std::fs::read_to_string(ca).expect("a file") };
    let at = |host: &str, tls: TlsMode, ca_pem: Option<&str>| {
        let address = Address {
            host: host.to_owned(),
            port: server.port,
            database: "postgres".to_owned(),
            ledger_schema: "sluice".to_owned(),
        };
        PostgresDatabase::new(
            address,
            Credentials {
                user: server.user.clone(),
                password: secrecy::SecretString::from(server.password.clone()),
                tls,
                ca_pem: ca_pem.map(|pem| pem.as_bytes().to_vec()),
            },
        )
    };
    at("localhost", TlsMode::VerifyFull, Some(&pem)).inspect().await.expect("the right authority and name");
    at("127.0.0.1", TlsMode::VerifyFull, Some(&pem)).inspect().await.expect("the address is in the certificate");
    at("localhost", TlsMode::Require, None).inspect().await.expect("unchecked");
    let error = at("localhost", TlsMode::VerifyFull, None).inspect().await.expect_err("an unknown authority");
    assert!(error.to_string().contains("authority has signed") && error.to_string().contains("caRef"), "{error}");
}
