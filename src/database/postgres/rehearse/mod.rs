//! The rehearsal: up, back and up again on a copy of the schema, before anything touches the original.
//!
//! The original is only read. Everything else happens in a scratch database on the same server or on one that was given for it,
//! which is dropped whatever happens. The copy has no rows, so a rehearsal says nothing about how long anything takes or about data.

mod copy;
mod dump;
mod reach;
mod scratch;
mod stage;

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::time::{Instant, timeout};

use crate::database::{DatabaseError, Rehearsal, RehearsalRequest, StepFailure};
use crate::migration::Script;
use crate::plan::{Action, Direction};

use super::connect::{Connector, Link};
use super::failure::{SqlError, lost, name};
use super::fingerprint::{Fingerprint, Side, differences};
use super::inspect::{Met, meet};
use super::statements::Sql;

use scratch::Scratch;
use stage::Stage;

/// How many obstacles of one kind are named.
const NAMED: usize = 3;

/// Drops what rehearsals left behind whose process was killed; gives back the names.
pub(super) async fn sweep(connector: &Connector) -> Result<Vec<String>, DatabaseError> {
    scratch::sweep(connector).await
}

/// Holds a rehearsal.
pub(super) async fn rehearse(
    connector: &Connector,
    sql: &Sql,
    request: &RehearsalRequest,
) -> Result<Rehearsal, DatabaseError> {
    let started = Instant::now();
    let mut rehearsal = Rehearsal::default();
    let way = Way::of(request);
    if let Some(beyond) = way.scripts().find_map(reach::beyond) {
        return Ok(Rehearsal::obstructed(beyond));
    }
    let Met { link: original, facts, unsuitable, .. } = meet(connector, sql, "sluice/rehearsal").await?;
    if let Some(why) = unsuitable {
        original.close().await;
        return Err(DatabaseError::Unsuitable(why));
    }
    if let Err(why) = dump::examine(&request.dump_program, facts.major()).await {
        original.close().await;
        return Ok(Rehearsal::obstructed(why));
    }
    let mut scratch = match Scratch::create(connector, original, facts.major(), request).await {
        Ok(scratch) => scratch,
        Err(Ok(why)) => return Ok(Rehearsal::obstructed(why)),
        Err(Err(error)) => return Err(error),
    };
    let rest = request.deadline.saturating_sub(started.elapsed());
    let result = timeout(rest, hold(connector, &mut scratch, request, &way, &mut rehearsal)).await;
    scratch.end().await;
    rehearsal.elapsed = started.elapsed();
    match result {
        Ok(Ok(())) => {}
        Ok(Err(Trouble::Database(error))) => return Err(error),
        Ok(Err(Trouble::Obstacle(why))) => rehearsal.obstacle = Some(why),
        Err(_) => {
            let limit = crate::duration::format(request.deadline);
            rehearsal.obstacle = Some(format!("the rehearsal did not end within {limit}"));
        }
    }
    Ok(rehearsal)
}

/// Why a rehearsal ends early.
enum Trouble {
    /// Something that a person can do something about.
    Obstacle(String),
    /// The server cannot be asked.
    Database(DatabaseError),
}

impl Trouble {
    fn of(link: &Link, what: &str, error: &SqlError) -> Self {
        match error {
            SqlError::Lost(why) => Self::Database(lost(&link.address, why)),
            SqlError::Server(error) => Self::Obstacle(format!("{what}: {}", name(&error.code))),
        }
    }
}

/// The scripts of the way, in order.
struct Way {
    up: Vec<(String, Arc<Script>)>,
    repeat: Vec<(String, Arc<Script>)>,
    /// Newest first.
    down: Vec<(String, Arc<Script>)>,
    /// Versions that have no way back.
    without: Vec<String>,
    /// All of a way in one transaction.
    together: bool,
}

impl Way {
    fn of(request: &RehearsalRequest) -> Self {
        let together = request.one_transaction;
        let mut way = Self { up: Vec::new(), repeat: Vec::new(), down: Vec::new(), without: Vec::new(), together };
        for step in &request.steps {
            let label = step.label();
            match &step.action {
                Action::Apply { up, down } => {
                    way.up.push((label.clone(), up.clone()));
                    match down {
                        Some(down) => way.down.insert(0, (label, down.clone())),
                        None => way.without.push(label),
                    }
                }
                Action::Repeat { script } => way.repeat.push((label, script.clone())),
                // What is taken as applied is there already; a way down is no way up.
                Action::Baseline { .. } | Action::Revert { .. } => {}
            }
        }
        way
    }

    fn scripts(&self) -> impl Iterator<Item = &Script> {
        self.up.iter().chain(&self.repeat).chain(&self.down).map(|(_, script)| script.as_ref())
    }
}

async fn hold(
    connector: &Connector,
    scratch: &mut Scratch,
    request: &RehearsalRequest,
    way: &Way,
    rehearsal: &mut Rehearsal,
) -> Result<(), Trouble> {
    let original = scratch.original();
    let before = Fingerprint::read(original)
        .await
        .map_err(|error| Trouble::of(original, "the catalog of the original cannot be read", &error))?;
    rehearsal.fingerprint = Some(before.digest());
    let settings: Vec<(String, String)> = original
        .look(stage::SETTINGS)
        .await
        .map_err(|error| Trouble::of(original, "the settings of the original cannot be read", &error))?;
    let statements =
        dump::statements(connector, &request.dump_program, request.deadline).await.map_err(Trouble::Obstacle)?;
    let mut link = scratch.connector.connect("sluice/rehearsal", "").await.map_err(Trouble::Database)?;
    let refused = copy::build(&mut link, &statements)
        .await
        .map_err(|error| Trouble::of(&link, "the schema cannot be copied", &error))?;
    link.close().await;
    let link = scratch.connector.connect("sluice/rehearsal", "").await.map_err(Trouble::Database)?;
    let mut stage = Stage::set(link, settings, request.statement_timeout)
        .await
        .map_err(|error| Trouble::of(scratch.original(), "the copy cannot be used", &error))?;
    let copied = read(&mut stage).await?;
    compare_copy(&before, &copied, &refused)?;
    let result = walk(&mut stage, way, &copied, rehearsal).await;
    rehearsal.locks = std::mem::take(&mut stage.locks);
    stage.link.close().await;
    result
}

/// The copy has to be like the original, or nothing that happens on it says anything about that.
fn compare_copy(original: &Fingerprint, copied: &Fingerprint, refused: &[String]) -> Result<(), Trouble> {
    // An extension is installed in its newest version, whatever the original has.
    let except = original
        .0
        .keys()
        .filter(|object| object.starts_with("version of extension "))
        .cloned()
        .collect::<BTreeSet<_>>();
    let found = differences(original, copied, Side { when: "in the copy", except: &except });
    if found.is_empty() {
        return Ok(());
    }
    let mut why = format!("the schema cannot be copied exactly ({} differences): ", found.len());
    let named: Vec<String> = found.iter().take(NAMED).map(ToString::to_string).collect();
    why.push_str(&named.join("; "));
    if !refused.is_empty() {
        why.push_str("; the server refused ");
        why.push_str(&refused.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", "));
    }
    Err(Trouble::Obstacle(why))
}

/// Up, back and up again.
async fn walk(stage: &mut Stage, way: &Way, before: &Fingerprint, rehearsal: &mut Rehearsal) -> Result<(), Trouble> {
    rehearsal.up = Some(run(stage, &way.up, Direction::Up, way.together).await?);
    if rehearsal.failure().is_some() {
        return Ok(());
    }
    let mut repeated = BTreeSet::new();
    let mut after = read(stage).await?;
    if !way.repeat.is_empty() {
        rehearsal.up = Some(run(stage, &way.repeat, Direction::Up, way.together).await?);
        if rehearsal.failure().is_some() {
            return Ok(());
        }
        let with = read(stage).await?;
        // What repeatable scripts made stays: they have no way back.
        repeated = changed(&after, &with);
        after = with;
    }
    if !way.without.is_empty() {
        let without = way.without.join(", ");
        rehearsal.obstacle = Some(format!("there is no down script for {without}: the way back cannot be rehearsed"));
        return Ok(());
    }
    rehearsal.down = Some(run(stage, &way.down, Direction::Down, way.together).await?);
    if rehearsal.failure().is_some() {
        return Ok(());
    }
    let back = read(stage).await?;
    rehearsal.differences = differences(before, &back, Side { when: "after the way back", except: &repeated });
    stage.watches = false;
    rehearsal.again = Some(run(stage, &way.up, Direction::Up, way.together).await?);
    if rehearsal.failure().is_none() && !way.repeat.is_empty() {
        rehearsal.again = Some(run(stage, &way.repeat, Direction::Up, way.together).await?);
    }
    if rehearsal.failure().is_some() {
        return Ok(());
    }
    let again = read(stage).await?;
    let side = Side { when: "after the second way up", except: &BTreeSet::new() };
    rehearsal.differences.extend(differences(&after, &again, side));
    Ok(())
}

async fn run(
    stage: &mut Stage,
    scripts: &[(String, Arc<Script>)],
    direction: Direction,
    together: bool,
) -> Result<Result<(), StepFailure>, Trouble> {
    let ran = stage.scripts(scripts, direction, together).await;
    ran.map_err(|error| Trouble::of(&stage.link, "the scripts cannot be rehearsed", &error))
}

async fn read(stage: &mut Stage) -> Result<Fingerprint, Trouble> {
    Fingerprint::read(&mut stage.link)
        .await
        .map_err(|error| Trouble::of(&stage.link, "the catalog of the copy cannot be read", &error))
}

/// The objects that differ.
fn changed(before: &Fingerprint, after: &Fingerprint) -> BTreeSet<String> {
    let keys = before.0.keys().chain(after.0.keys());
    keys.filter(|object| before.0.get(*object) != after.0.get(*object)).cloned().collect()
}
