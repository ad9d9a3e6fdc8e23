//! What the linter claims about locks, rewrites and scans, compared with what the server does.
//!
//! Each form runs in a transaction that is rolled back; before that `pg_locks`, the relations' files and the counters of scans are
//! read. A lock that is stronger than claimed, or a rewrite or scan that is not claimed, fails; so does a claim that does not
//! come true, but for those listed with the reason why a text does not tell.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use sluice::database::{Database as _, Reader};
use sluice::lint::{Assessment, Catalog, LockMode, assess, names};
use sluice::migration::Version;
use sluice::plan::{Ledger, Plan, Policy, Target, make};
use sqlx::PgConnection;

use crate::lint_forms::{FIXTURE, FORMS, Form, UNTOLD};
use crate::support::{database, execute, server, set, value};

/// A relation as it was before a form ran, and what the form did to it.
#[derive(Debug, Clone, Deserialize)]
struct Seen {
    oid: u32,
    name: String,
    kind: char,
    file: u32,
    size: i64,
    scans: i64,
}

const RELATIONS: &str = "select coalesce(json_agg(json_build_object('oid', c.oid::int8, 'name', n.nspname || '.' || c.relname,
    'kind', c.relkind, 'file', c.relfilenode::int8, 'size', pg_relation_size(c.oid), 'scans', coalesce(pg_stat_get_xact_numscans(c.oid), 0))), '[]')::text
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and c.relkind <> 'c'";
const LOCKS: &str = "select coalesce(json_agg(json_build_array(relation::int8, mode)), '[]')::text from pg_locks
    where pid = pg_backend_pid() and locktype = 'relation' and granted
        and database = (select oid from pg_database where datname = current_database())";

fn mode(text: &str) -> LockMode {
    use LockMode::{
        AccessExclusive, AccessShare, Exclusive, RowExclusive, RowShare, Share, ShareRowExclusive, ShareUpdateExclusive,
    };
    let modes = [
        AccessShare,
        RowShare,
        RowExclusive,
        ShareUpdateExclusive,
        Share,
        ShareRowExclusive,
        Exclusive,
        AccessExclusive,
    ];
    modes.into_iter().find(|mode| mode.as_str() == text).expect("a lock mode")
}

fn plan(sql: &str) -> Plan {
    let set = set(&[("V001__form.sql", sql)]);
    make(&set, &Ledger::default(), &Target::Version(Version::parse("1").expect("a version")), &Policy::default())
        .expect("a plan")
}

/// What the server does.
struct Measured {
    locks: BTreeMap<String, LockMode>,
    rewritten: BTreeSet<String>,
    scanned: BTreeSet<String>,
}

async fn relations(connection: &mut PgConnection) -> Vec<Seen> {
    serde_json::from_str(&value(connection, RELATIONS).await).expect("relations")
}

/// Runs a form and undoes it.
async fn measure(connection: &mut PgConnection, sql: &str) -> Result<(Measured, Vec<Seen>), String> {
    execute(connection, "begin").await;
    let before = relations(connection).await;
    let ran = sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut *connection).await;
    if let Err(error) = ran {
        execute(connection, "rollback").await;
        return Err(error.to_string());
    }
    let after = relations(connection).await;
    let locks: Vec<(u32, String)> = serde_json::from_str(&value(connection, LOCKS).await).expect("locks");
    execute(connection, "rollback").await;
    let mut measured = Measured { locks: BTreeMap::new(), rewritten: BTreeSet::new(), scanned: BTreeSet::new() };
    for was in &before {
        let strongest = locks.iter().filter(|(oid, _)| *oid == was.oid).map(|(_, text)| mode(text)).max();
        if let Some(lock) = strongest {
            measured.locks.insert(was.name.clone(), lock);
        }
        let Some(is) = after.iter().find(|is| is.oid == was.oid) else { continue };
        // An empty file is no work, nor is that of a sequence.
        if is.file != was.file && is.size > 0 && was.kind != 'S' {
            measured.rewritten.insert(was.name.clone());
        }
        if is.scans > was.scans && (is.size > 0 || was.size == 0) {
            measured.scanned.insert(was.name.clone());
        }
    }
    Ok((measured, before))
}

/// Where the claims and the measurements differ.
fn differences(assessed: &Assessment, catalog: &Catalog, measured: &Measured, before: &[Seen]) -> Vec<String> {
    let mut found = Vec::new();
    let mut claimed: BTreeMap<String, (LockMode, bool, bool)> = BTreeMap::new();
    for touch in assessed.steps.iter().flat_map(|step| &step.effects).flat_map(|effect| &effect.touches) {
        let elsewhere = || catalog.relations.keys().find(|name| name.ends_with(&format!(".{}", touch.table)));
        let there = catalog.find(&touch.table).map(|(name, _)| name.to_owned()).or_else(|| elsewhere().cloned());
        let Some(name) = there.filter(|_| !touch.new) else {
            if !touch.new {
                found.push(format!("{} is claimed and not there", touch.table));
            }
            continue;
        };
        let claim = claimed.entry(name).or_insert((touch.lock, false, false));
        *claim = (claim.0.max(touch.lock), claim.1 || touch.rewrites, claim.2 || touch.scans);
    }
    for seen in before {
        let claim = claimed.get(&seen.name).copied();
        // What belongs to a table goes with it, and is not named for itself.
        if matches!(seen.kind, 'i' | 'I' | 'S') && claim.is_none() {
            continue;
        }
        let lock = measured.locks.get(&seen.name).copied();
        let name = &seen.name;
        match (claim.map(|(lock, ..)| lock), lock) {
            (Some(claimed), Some(taken)) if claimed == taken => {}
            (Some(claimed), taken) if taken < Some(claimed) => {
                found.push(format!("over: {name} {claimed:?} > {taken:?}"))
            }
            (None, None) => {}
            (claimed, taken) => found.push(format!("UNDER: {name} {claimed:?} < {taken:?}")),
        }
        if !matches!(seen.kind, 'r' | 'm') {
            continue;
        }
        let (_, rewrites, scans) = claim.unwrap_or((LockMode::AccessShare, false, false));
        let (rewritten, scanned) = (measured.rewritten.contains(name), measured.scanned.contains(name));
        match (rewrites, rewritten) {
            (true, false) => found.push(format!("over: {name} rewrite")),
            (false, true) => found.push(format!("UNDER: {name} rewrite")),
            (true, true) | (false, false) => {}
        }
        match (rewrites || scans, scanned || rewritten) {
            (true, false) => found.push(format!("over: {name} scan")),
            // Whether a query reads a table from end to end is the planner's choice; nobody waits for it.
            (false, true) if lock < Some(LockMode::ShareUpdateExclusive) => {}
            (false, true) => found.push(format!("UNDER: {name} scan")),
            (true, true) | (false, false) => {}
        }
    }
    found
}

/// What is claimed too little of the relations that a text names where nothing is known of the database.
fn too_little(assessed: &Assessment, catalog: &Catalog, measured: &Measured) -> Vec<String> {
    let mut found = Vec::new();
    let mut claims: BTreeMap<&str, (LockMode, bool)> = BTreeMap::new();
    for touch in assessed.steps.iter().flat_map(|step| &step.effects).flat_map(|effect| &effect.touches) {
        let Some((name, _)) = catalog.find(&touch.table).filter(|_| !touch.new) else { continue };
        let claim = claims.entry(name).or_insert((touch.lock, false));
        *claim = (claim.0.max(touch.lock), claim.1 || touch.rewrites);
    }
    for (name, (lock, rewrites)) in claims {
        let taken = measured.locks.get(name).copied();
        if taken > Some(lock) {
            found.push(format!("UNDER: {name} {lock:?} < {taken:?}"));
        }
        if measured.rewritten.contains(name) && !rewrites {
            found.push(format!("UNDER: {name} rewrite"));
        }
    }
    found
}

fn major() -> u32 {
    server().version.split('.').next().and_then(|major| major.parse().ok()).expect("a major version")
}

#[tokio::test]
async fn every_lock_rewrite_and_scan_that_is_claimed_is_the_one_that_the_server_takes() {
    let db = database().await;
    db.execute(FIXTURE).await;
    let mut connection = db.connect().await;
    let mut reader: Box<dyn Reader> = db.postgres().reader().await.expect("a session");
    let mut wrong = Vec::new();
    let mut compared = 0;
    let (mut over, mut used) = (0, BTreeSet::new());
    for Form { sql, since, until } in FORMS.iter().copied().flatten() {
        if major() < *since || major() > *until {
            continue;
        }
        let plan = plan(sql);
        let catalog = reader.catalog(&names(&plan)).await.expect("a catalog");
        let assessed = assess(&plan, &catalog);
        let (measured, before) = match measure(&mut connection, sql).await {
            Ok(measured) => measured,
            Err(error) => {
                wrong.push(format!("{sql}: does not run: {error}"));
                continue;
            }
        };
        compared += 1;
        let unknown = assess(&plan, &Catalog::default());
        let differs = differences(&assessed, &catalog, &measured, &before);
        let unknown = too_little(&unknown, &catalog, &measured).into_iter().map(|what| format!("unknown: {what}"));
        for difference in differs.into_iter().chain(unknown) {
            let untold = UNTOLD.iter().find(|(form, what, _)| form == sql && difference.contains(what));
            match untold {
                Some((form, what, _)) => {
                    over += 1;
                    used.insert((*form, *what));
                }
                None => wrong.push(format!("{sql}: {difference}")),
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {compared} forms on {}:\n{}", wrong.len(), major(), wrong.join("\n"));
    assert!(compared > 150, "{compared} forms");
    eprintln!("{compared} forms on {}, {over} exceptions of {} used: {}", server().version, UNTOLD.len(), used.len());
}
