//! What a run costs, beside psql doing the same. Figures are printed; what is asserted is far from them.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Instant;

use sluice::database::Database as _;

use crate::proxy::Proxy;
use crate::support::{database, set};

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
    for (_, content) in &scripts {
        writeln!(input, "begin;\n{content}\ncommit;").expect("a pipe");
    }
    drop(input);
    assert!(child.wait().expect("psql ends").success());
    let floor = started.elapsed();

    let db = database().await;
    let request = db.request(&set(&files), "Latest").await.expect("a plan");
    let started = Instant::now();
    db.start_at(request, db.postgres()).report().await.result.expect("the run succeeds");
    let ours = started.elapsed();
    let started = Instant::now();
    db.postgres().inspect().await.expect("a look");
    let look = started.elapsed();
    println!(
        "200 small migrations: psql {floor:?}, sluice {ours:?}, ratio {:.2}; a look at them {look:?}",
        ours.as_secs_f64() / floor.as_secs_f64()
    );
    assert!(ours < floor * 4, "psql took {floor:?}, sluice {ours:?}");
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
