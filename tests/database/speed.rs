//! What a run costs, beside psql doing the same. Figures are printed; what is asserted is far from them.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sluice::database::Database as _;

use crate::proxy::Proxy;
use crate::support::{Database, Environment, SOON, Server, database, set};

#[tokio::test]
async fn two_hundred_small_migrations_cost_about_what_psql_takes() {
    let scripts: Vec<(String, String)> = (1..=200)
        .map(|n| {
            (
                format!("V{n:03}__t.sql"),
                format!("create table t{n}(id int primary key, a text);\ncreate index on t{n}(a);"),
            )
        })
        .collect();
    let files: Vec<(&str, &str)> = scripts.iter().map(|(name, content)| (name.as_str(), content.as_str())).collect();
    // What else the machine does meanwhile falls upon the one or the other: the best of some rounds counts.
    let (mut floor, mut ours) = (Duration::MAX, Duration::MAX);
    for _ in 0..5 {
        floor = floor.min(by_psql(&scripts).await);
        let db = database().await;
        let request = db.request(&set(&files), "Latest").await.expect("a plan");
        let started = Instant::now();
        db.start_at(request, db.postgres()).report().await.result.expect("the run succeeds");
        ours = ours.min(started.elapsed());
        let started = Instant::now();
        db.postgres().inspect().await.expect("a look");
        let (look, ratio) = (started.elapsed(), ours.as_secs_f64() / floor.as_secs_f64());
        println!("200 small migrations: psql {floor:?}, sluice {ours:?}, ratio {ratio:.2}; a look at them {look:?}");
        if ours < floor * 4 {
            return;
        }
    }
    panic!("psql took {floor:?}, sluice {ours:?}");
}

/// How long psql takes.
async fn by_psql(scripts: &[(String, String)]) -> Duration {
    let psql = database().await;
    let mut child = Command::new("psql")
        .args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"])
        .env("PGHOST", &psql.server.host)
        .env("PGPORT", psql.server.port.to_string())
        .env("PGUSER", &psql.user)
        .env("PGPASSWORD", &psql.password)
        .env("PGDATABASE", &psql.name)
        .stdin(Stdio::piped())
        .spawn()
        .expect("psql");
    let started = Instant::now();
    let mut input = child.stdin.take().expect("a pipe");
    for (_, content) in scripts {
        writeln!(input, "begin;\n{content}\ncommit;").expect("a pipe");
    }
    drop(input);
    assert!(child.wait().expect("psql ends").success());
    started.elapsed()
}

#[tokio::test]
async fn a_look_and_a_run_take_one_connection_each() {
    let db = database().await;
    let proxy = Proxy::start(&db.server).await;
    let through = || db.postgres_at("127.0.0.1", proxy.port);
    through().inspect().await.expect("a look");
    assert_eq!(proxy.accepted(), 1);
    let files = [("V001__a.sql", "create table a(id int);"), ("V002__i.sql", "create index concurrently i on a(id);")];
    let request = db.request(&set(&files), "Latest").await.expect("a plan");
    let started = Instant::now();
    db.start_at(request, through()).report().await.result.expect("the run succeeds");
    println!("a first run with the ledger's installation: {:?}", started.elapsed());
    assert_eq!(proxy.accepted(), 2);
}

#[tokio::test]
async fn a_run_goes_on_over_the_connection_of_the_look_before_it_and_no_run_leaves_none() {
    // A machine that stands still in between makes the look too old: that is another test.
    let mut tries = 0;
    let (db, proxy) = loop {
        let db = database().await;
        let proxy = Proxy::start(&db.server).await;
        let request = db.request(&set(&[("V001__a.sql", "create table a(id int);")]), "Latest").await.expect("a plan");
        let postgres = db.postgres_at("127.0.0.1", proxy.port);
        let began = Instant::now();
        postgres.inspect_for_run().await.expect("a look");
        db.start_at(request, postgres).report().await.result.expect("the run succeeds");
        tries += 1;
        if proxy.accepted() == 1 || began.elapsed() < Duration::from_secs(2) || tries == 10 {
            break (db, proxy);
        }
    };
    assert_eq!(proxy.accepted(), 1);
    let named =
        db.value("select string_agg(object, ',') from sluice.migration_runs where backend_pid is not null").await;
    assert_eq!(named, "shop/orders");

    let postgres = db.postgres_at("127.0.0.1", proxy.port);
    postgres.inspect_for_run().await.expect("a look");
    let sessions = "select count(*)::text from pg_stat_activity where application_name = 'sluice/look' \
        and datname = current_database()";
    assert_eq!(db.value(sessions).await, "1");
    postgres.no_run().await;
    let gone = async {
        while db.value(sessions).await != "0" {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(SOON, gone).await.expect("the session ends");
}

#[tokio::test]
async fn a_look_that_is_too_old_is_no_ground_for_a_run() {
    let db = database().await;
    let proxy = Proxy::start(&db.server).await;
    let request = db.request(&set(&[("V001__a.sql", "create table a(id int);")]), "Latest").await.expect("a plan");
    let postgres = db.postgres_at("127.0.0.1", proxy.port);
    postgres.inspect_for_run().await.expect("a look");
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    db.start_at(request, postgres).report().await.result.expect("the run succeeds");
    assert_eq!(proxy.accepted(), 2);
}

#[tokio::test]
async fn what_the_server_became_since_the_look_counts_for_the_run() {
    // On a server of its own, whose configuration is nobody else's.
    let environment = Environment::start("up", &["postgres"]);
    let server = Server::of(&environment.facts["postgres"]);
    let db = Database { password: server.password.clone(), server, name: "postgres".to_owned(), ..database().await };
    let request = db.request(&set(&[("V001__a.sql", "create table a(id int);")]), "Latest").await.expect("a plan");
    let postgres = db.postgres();
    let look = postgres.inspect_for_run().await.expect("a look");
    assert_eq!(look.server.unsuitable, None);
    db.execute("alter system set default_transaction_read_only = on").await;
    db.execute("select pg_reload_conf()").await;
    let reloaded = async {
        while db.value("show default_transaction_read_only").await != "on" {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(SOON, reloaded).await.expect("the server reads its configuration");
    let error = db.start_at(request, postgres).report().await.result.expect_err("a refusal").to_string();
    assert!(error.contains("is read-only"), "{error}");
    assert_eq!(db.value("select count(*)::text from pg_namespace where nspname = 'sluice'").await, "0");
}
