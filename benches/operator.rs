//! How long people wait: from creating an object to Ready, alone and 200 at once; what it costs in CPU time of each
//! process, API requests, database connections and memory; and 200 small migrations beside psql, which runs the same
//! files one transaction each.
//!
//! `cargo bench --bench operator` prints a table, `cargo bench --bench operator -- alone` a part of it (or `at_once`, or
//! `beside_psql`). Nothing is judged here: machines differ, and a timed test lies. On a busy machine the CPU times are to
//! be trusted, the wall times are not.

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
    let chosen: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let wanted = |part: &str| chosen.is_empty() || chosen.iter().any(|name| name == part);
    if wanted("alone") {
        alone().await;
    }
    if wanted("at_once") {
        at_once().await;
    }
    if wanted("beside_psql") {
        beside_psql().await;
    }
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

/// CPU time that each process has used so far, in seconds. The kernel counts in hundredths.
struct Cpu(Vec<(&'static str, f64)>);

impl Cpu {
    fn now(operator: &Operator) -> Self {
        let servers = &world().servers.description;
        let pid = |value: &serde_json::Value| u32::try_from(value.as_u64().unwrap_or_default()).unwrap_or_default();
        let postmaster = pid(&servers["postgres"]["pid"]);
        let own = |pid| times(pid).map_or(0, |(_, own, _)| own);
        // The postmaster has the times of the sessions that ended; those that go on are added.
        let living: u64 =
            processes().filter_map(times).filter(|(parent, ..)| *parent == postmaster).map(|at| at.1).sum();
        let postgres = times(postmaster).map_or(0, |(_, own, ended)| own + ended) + living;
        Self(
            [
                ("operator", own(operator.pid())),
                ("postgres", postgres),
                ("kube-apiserver", own(pid(&servers["controlplane"]["pid"]["apiserver"]))),
                ("etcd", own(pid(&servers["controlplane"]["pid"]["etcd"]))),
                ("this client", own(std::process::id())),
            ]
            .map(|(name, ticks)| (name, f64::from(u32::try_from(ticks).unwrap_or(u32::MAX)) / 100.0))
            .to_vec(),
        )
    }

    /// What was used since, for each of so many migrations.
    fn since(&self, before: &Self, migrations: usize) -> String {
        let each = |used: f64| 1000.0 * used / f64::from(u32::try_from(migrations).unwrap_or(1));
        let used = self.0.iter().zip(&before.0).map(|((name, now), (_, then))| (name, now - then));
        let parts: Vec<String> =
            used.map(|(name, used)| format!("{name} {used:.2} s ({:.1} ms each)", each(used))).collect();
        parts.join(", ")
    }
}

fn processes() -> impl Iterator<Item = u32> {
    let entries = std::fs::read_dir("/proc").expect("/proc");
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}

/// A process's parent, and the ticks that it and those of its children used that ended.
fn times(pid: u32) -> Option<(u32, u64, u64)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |index: usize| fields.get(index).and_then(|field| field.parse::<u64>().ok());
    Some((fields.get(1)?.parse().ok()?, number(11)? + number(12)?, number(13)? + number(14)?))
}

/// Requests of the operator to the API server so far, watches aside, by verb and resource.
fn requests(operator: &Operator) -> BTreeMap<String, u64> {
    let page = operator.page("/metrics").unwrap_or_default();
    let mut requests = BTreeMap::new();
    for line in page.lines().filter_map(|line| line.strip_prefix("sluice_api_requests_total{")) {
        let Some((labels, count)) = line.split_once("} ") else { continue };
        let label = |name: &str| {
            let (_, rest) = labels.split_once(&format!("{name}=\""))?;
            rest.split_once('"').map(|(value, _)| value)
        };
        let name = format!("{} {}", label("verb").unwrap_or_default(), label("resource").unwrap_or_default());
        *requests.entry(name).or_insert(0) += count.trim().parse::<u64>().unwrap_or_default();
    }
    requests
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
    let (mut waits, before) = (Vec::new(), Cpu::now(&operator));
    for n in 0..ALONE {
        let name = format!("shop-{n}");
        let began = Instant::now();
        team.apply(&name, &spec(n)).await;
        all_ready(&team, HashSet::from([name])).await;
        waits.push(began.elapsed());
    }
    waits.sort_unstable();
    let at = |percent: usize| waits[(waits.len() * percent / 100).min(waits.len() - 1)].as_millis();
    println!("create → Ready, one migration, {ALONE} one after another: median {} ms, p99 {} ms", at(50), at(99));
    println!("CPU time for these {ALONE}: {}", Cpu::now(&operator).since(&before, ALONE));
    println!("API requests of the operator since its start: {:?}", requests(&operator));
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
    let (before, began) = (Cpu::now(&operator), Instant::now());
    let specs: Vec<(String, Spec)> = (0..AT_ONCE).map(|n| (format!("shop-{n}"), spec(n))).collect();
    let (_, ()) = tokio::join!(
        futures::future::join_all(specs.iter().map(|(name, spec)| team.apply(name, spec))),
        all_ready(&team, names)
    );
    println!("{AT_ONCE} objects on {AT_ONCE} databases at once: {:.2} s", began.elapsed().as_secs_f64());
    println!("CPU time for these {AT_ONCE}: {}", Cpu::now(&operator).since(&before, AT_ONCE));
    println!("API requests of the operator since its start: {:?}", requests(&operator));
    tokio::time::sleep(Duration::from_secs(1)).await;
    println!("database sessions for these {AT_ONCE}: {}", sessions(&team).await);
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
