//! `sluice plan --rehearse`: the plan's way up, back and up again on a copy of the schema, and what it says, in full.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use crate::cli::target_database;
use crate::database::{Database, Difference, Rehearsal, RehearsalRequest, RunIdentity, Verdict, connect};
use crate::plan::{Action, Direction, Plan};

/// How long it may take as a whole.
const DEADLINE: Duration = Duration::from_secs(600);
/// How long one of its statements may take.
const STATEMENT: Duration = Duration::from_secs(600);

/// Whether and where it is rehearsed.
#[derive(Debug, Args)]
pub struct Rehearse {
    /// Try the way up, back and up again on a copy of the schema: creates a scratch database on the server, and drops it
    #[arg(long, env = "SLUICE_REHEARSE", requires = "database_url")]
    rehearse: bool,

    /// Server on which the scratch database is made, instead of the database's own: a URL like that of the database, whose
    /// authorities are in the same file
    #[arg(long, env = "SLUICE_SCRATCH_URL", value_name = "URL", hide_env_values = true, requires = "rehearse")]
    scratch_url: Option<String>,

    /// The pg_dump that copies the schema: not older than the server
    #[arg(long, env = "SLUICE_PG_DUMP", value_name = "PATH", default_value = "pg_dump")]
    pg_dump: PathBuf,
}

/// What a rehearsal says.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RehearsalShown {
    /// `proven`, `disproved` or `unproven`
    pub verdict: &'static str,
    /// The stretch of the way that failed, and how.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// Why it was not held to the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub obstacle: Option<String>,
    /// Where the catalog is not what it should be.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<DifferenceShown>,
    /// What the way up locks of what was there before.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub locks: Vec<LockShown>,
    /// How long it took.
    pub elapsed: String,
}

/// One object that differs.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DifferenceShown {
    /// `index public.orders_note_idx`
    pub object: String,
    /// `missing after the way back`
    pub what: String,
    /// The two definitions, line by line; they may hold literals.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Whether it counts.
    pub decides: bool,
}

/// One lock.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LockShown {
    /// The step.
    pub step: String,
    /// 1-based line of the statement in the file.
    pub line: u32,
    /// `table public.orders`
    pub table: String,
    /// `AccessExclusiveLock`
    pub mode: String,
    /// The whole table is written anew.
    pub rewrites: bool,
}

impl Rehearse {
    /// Rehearses a plan, where that was asked for and something goes up in it.
    ///
    /// # Errors
    /// When a server cannot be asked.
    pub async fn hold(
        &self,
        database: &dyn Database,
        plan: &Plan,
        one_transaction: bool,
        ca_file: Option<&Path>,
    ) -> Result<Option<RehearsalShown>, String> {
        if !self.rehearse || !plan.steps.iter().any(|step| matches!(step.action, Action::Apply { .. })) {
            return Ok(None);
        }
        let ledger_schema = &database.address().ledger_schema;
        let server = match &self.scratch_url {
            Some(url) => Some(target_database::server("--scratch-url", url, ca_file, ledger_schema)?),
            None => None,
        };
        // What an earlier one left behind that was killed.
        let swept = match &server {
            Some(server) => connect(server.address.clone(), server.credentials.clone()).sweep_rehearsals().await,
            None => database.sweep_rehearsals().await,
        };
        swept.map_err(|error| error.to_string())?;
        let request = RehearsalRequest {
            identity: RunIdentity {
                id: uuid::Uuid::now_v7(),
                object: "sluice plan".to_owned(),
                object_uid: String::new(),
                generation: 0,
                retry_token: None,
                abort_token: None,
                rollback_token: None,
                instance: format!("process {}", std::process::id()),
            },
            server,
            steps: plan.steps.clone(),
            dump_program: self.pg_dump.clone(),
            one_transaction,
            statement_timeout: STATEMENT,
            deadline: DEADLINE,
        };
        database.rehearse(&request).await.map(|rehearsal| Some(shown(&rehearsal))).map_err(|error| error.to_string())
    }
}

fn shown(rehearsal: &Rehearsal) -> RehearsalShown {
    let difference = |difference: &Difference| DifferenceShown {
        object: difference.object.clone(),
        what: difference.what.clone(),
        detail: difference.detail.clone(),
        decides: !difference.remark,
    };
    let locks = rehearsal.locks.iter().filter(|lock| lock.direction == Direction::Up);
    RehearsalShown {
        verdict: match rehearsal.verdict() {
            Verdict::Proven => "proven",
            Verdict::Disproved => "disproved",
            Verdict::Unproven => "unproven",
        },
        failure: rehearsal.failure().map(|(stretch, failure)| format!("{stretch} fails: {failure}")),
        obstacle: rehearsal.obstacle.clone(),
        differences: rehearsal.differences.iter().map(difference).collect(),
        locks: locks
            .map(|lock| LockShown {
                step: lock.label.clone(),
                line: lock.line,
                table: lock.table.clone(),
                mode: lock.mode.clone(),
                rewrites: lock.rewrites,
            })
            .collect(),
        elapsed: crate::duration::format(Duration::from_millis(
            u64::try_from(rehearsal.elapsed.as_millis()).unwrap_or(u64::MAX),
        )),
    }
}

/// As people read it.
pub fn text(rehearsal: &RehearsalShown) -> Vec<String> {
    let mut lines = vec![String::new()];
    lines.push(match rehearsal.verdict {
        "proven" => format!("rehearsal: up, back and up again work on a copy of the schema ({})", rehearsal.elapsed),
        verdict => format!("rehearsal: the way back is {verdict} ({})", rehearsal.elapsed),
    });
    for difference in &rehearsal.differences {
        let remark = if difference.decides { "" } else { " (does not count)" };
        lines.push(format!("  {}: {}{remark}", difference.object, difference.what));
        let detail = difference.detail.iter().flat_map(|detail| detail.lines());
        lines.extend(detail.map(|line| format!("    {line}")));
    }
    lines.extend(rehearsal.failure.iter().chain(&rehearsal.obstacle).map(|why| format!("  {why}")));
    for lock in &rehearsal.locks {
        let rewritten = if lock.rewrites { ", which is written anew" } else { "" };
        lines.push(format!("  {} line {}: {} on {}{rewritten}", lock.step, lock.line, lock.mode, lock.table));
    }
    lines
}
