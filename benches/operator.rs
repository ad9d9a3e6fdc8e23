//! How long people wait: from creating an object to Ready, alone and 200 at once; what it costs in API writes, database
//! connections and memory; and 200 small migrations beside psql, which runs the same files one transaction each.
//!
//! `cargo bench --bench operator` prints a table. Nothing is judged here: machines differ, and a timed test lies.

#![allow(missing_docs, clippy::expect_used, clippy::panic, reason = "a program, not a library: what fails ends it")]

#[allow(dead_code, unused_imports, clippy::unwrap_used, reason = "the scenarios use more of it, and are tests")]
#[path = "../tests/blackbox/env/mod.rs"]
mod env;

use std::collections::{BTreeMap, HashSet};
use std::process::Command;
use std::time::{Duration, Instant};

use env::{Operator, Spec, Team, files, world};
use futures::TryStreamExt;
use kube::ResourceExt;
use kube::runtime::{WatchStreamExt, watcher};
use sqlx::Row;
use tokio::pin;

const ALONE: usize = 50;
const AT_ONCE: usize = 200;
const SMALL: usize = 200;

#[tokio::main]
async fn main() {
    // `cargo test --benches` runs benches with this flag: nothing to measure then.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    alone().await;
    at_once().await;
    beside_psql().await;
}

fn one() -> BTreeMap<String, String> {
    files(&[("V001__t.sql", "create table t (id int primary key, name text);")])
}

/// A team with so many more databases, each with a Secret `db-N`.
async fn team(name: &str, databases: usize) -> Team {
    let team = Team::new(name).await;
    for n in 0..databases {
        let database = format!("{}_{n}", team.database);
        team.create_database(&database).await;
        team.secret(&format!("db-{n}"), &database).await;
    }
    team
}

fn spec(n: usize) -> Spec {
    Spec::latest().inline(&one()).set("/database/secretRef/name", serde_json::json!(format!("db-{n}")))
}

/// Waits by a watch until all these objects are Ready, as `kubectl wait` does.
async fn all_ready(team: &Team, mut names: HashSet<String>) {
    let stream = watcher(team.migrations(), watcher::Config::default()).applied_objects();
    pin!(stream);
    while let Some(object) = stream.try_next().await.expect("the watch goes on") {
        let ready = object.status.as_ref().is_some_and(|status| {
            status.conditions.iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
        });
        if ready {
            names.remove(&object.name_any());
        }
        if names.is_empty() {
            return;
        }
    }
}

/// Sessions that were ever opened on the team's databases.
async fn sessions(team: &Team) -> i64 {
    let mut connection = env::connect(&team.server, "postgres").await;
    let query = "select coalesce(sum(sessions), 0)::bigint from pg_stat_database where datname like $1";
    let row = sqlx::query(query).bind(format!("{}_%", team.database)).fetch_one(&mut connection).await;
    row.expect("statistics").get(0)
}

fn memory(operator: &Operator) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", operator.pid())).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0");
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap_or(0) / 1024
}

async fn alone() {
    let team = team("alone", ALONE).await;
    let operator = Operator::start(&team.namespace);
    while operator.page("/readyz").is_none() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    println!("operator's memory, idle: {} MiB", memory(&operator));
    let mut times = Vec::new();
    for n in 0..ALONE {
        let name = format!("shop-{n}");
        let began = Instant::now();
        team.apply(&name, &spec(n)).await;
        all_ready(&team, HashSet::from([name])).await;
        times.push(began.elapsed());
    }
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)].as_millis();
    println!("create → Ready, one migration, {ALONE} one after another: median {} ms, p99 {} ms", at(50), at(99));
    let mut writes = BTreeMap::new();
    for write in team.writes() {
        *writes.entry(write).or_insert(0) += 1;
    }
    println!("API writes of the operator for these {ALONE}: {writes:?}");
    // The statistics collector tells of a session when it has ended.
    tokio::time::sleep(Duration::from_secs(1)).await;
    println!("database sessions for these {ALONE}: {}", sessions(&team).await);
}

async fn at_once() {
    let team = team("atonce", AT_ONCE).await;
    let operator = Operator::start(&team.namespace);
    while operator.page("/readyz").is_none() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let names: HashSet<String> = (0..AT_ONCE).map(|n| format!("shop-{n}")).collect();
    let began = Instant::now();
    let specs: Vec<(String, Spec)> = (0..AT_ONCE).map(|n| (format!("shop-{n}"), spec(n))).collect();
    let (_, ()) = tokio::join!(
        futures::future::join_all(specs.iter().map(|(name, spec)| team.apply(name, spec))),
        all_ready(&team, names)
    );
    println!("{AT_ONCE} objects on {AT_ONCE} databases at once: {:.2} s", began.elapsed().as_secs_f64());
    println!("operator's memory after that: {} MiB", memory(&operator));
}

async fn beside_psql() {
    let team = Team::new("beside").await;
    let scripts: BTreeMap<String, String> = (1..=SMALL)
        .map(|n| {
            (
                format!("V{n:03}__t.sql"),
                format!("create table t{n} (id int primary key, v text);\ncreate index on t{n} (v);\n"),
            )
        })
        .collect();
    let folder = tempfile::tempdir().expect("a folder");
    for (name, script) in &scripts {
        std::fs::write(folder.path().join(name), script).expect("a file");
    }
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..3 {
        let (database, floor) = (format!("{}_{round}", team.database), format!("{}_psql_{round}", team.database));
        team.create_database(&database).await;
        team.create_database(&floor).await;
        let began = Instant::now();
        let mut psql = Command::new("psql");
        psql.args(["-qX", "-v", "ON_ERROR_STOP=1", "-h", &team.server.host, "-p", &team.server.port.to_string()]);
        psql.args(["-U", &team.server.user, "-d", &floor]).env("PGPASSWORD", &team.server.password);
        for name in scripts.keys() {
            psql.args(["-c", "begin", "-f", folder.path().join(name).to_str().expect("a path"), "-c", "commit"]);
        }
        assert!(psql.status().expect("psql runs").success());
        theirs.push(began.elapsed().as_secs_f64());

        team.secret(&format!("db-{round}"), &database).await;
        team.scripts(&format!("sql-{round}"), &scripts).await;
        let operator = Operator::start(&team.namespace);
        while operator.page("/readyz").is_none() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let spec = Spec::latest()
            .set("/database/secretRef/name", serde_json::json!(format!("db-{round}")))
            .set("/source/configMaps", serde_json::json!([{"name": format!("sql-{round}")}]));
        let name = format!("shop-{round}");
        let began = Instant::now();
        team.apply(&name, &spec).await;
        all_ready(&team, HashSet::from([name])).await;
        ours.push(began.elapsed().as_secs_f64());
    }
    println!(
        "{SMALL} small migrations, server {}: from create to Ready {ours:.2?} s; psql in one session, one transaction each, {theirs:.2?} s",
        world().postgres.version
    );
}
