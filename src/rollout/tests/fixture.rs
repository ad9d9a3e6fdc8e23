//! One observation to start from, and methods that change one thing each.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use crate::api::v1alpha1::{DatabaseMigrationSpec, DatabaseMigrationStatus};
use crate::database::{DatabaseError, Inspection, Progress, ServerFacts, Stage};
use crate::gates::Guard;
use crate::lint::Assessment;
use crate::migration::{Dialect, Layout, MigrationSet, RawFile, SetOptions};
use crate::plan::{Direction, Entry, EntryStatus, Ledger, LedgerFailure, Outcome, RunSummary};
use crate::rollout::{
    Desired, Gathered, InvalidSpec, Look, Observed, Platform, Rehearsed, Requests, Room, Source, Task,
};

/// The observation of an object whose source has versions 001 and 002, on an empty database.
pub fn observed() -> Observed {
    Observed {
        now: at(1_000_000),
        jitter: 0.5,
        object: "shop/orders".into(),
        uid: "uid-1".into(),
        generation: 3,
        retry_token: None,
        requested_at: None,
        requests: Requests::default(),
        previous: None,
        platform: Platform::default(),
        desired: Ok(desired("Latest", false)),
        source: Source::Read(Arc::new(set(2))),
        database: Look::Seen(Box::new(seen(&[]))),
        task: Task::None,
        verifying: None,
        rehearsal: Rehearsed::No,
        gathered: Some(gathered()),
        room: Room::Free,
        attempts: 0,
        cooldown: Duration::ZERO,
        waiting_for: Duration::from_secs(5),
        resync: Duration::from_secs(600),
    }
}

/// Nothing that stands in the way.
pub fn gathered() -> Gathered {
    Gathered {
        assessment: Arc::new(Assessment { estimate: None, ..Assessment::default() }),
        shown_in: None,
        hide_sql: false,
        undo: Arc::default(),
        author: None,
        approvals: Vec::new(),
        guard: Guard::Installed { since: Timestamp::UNIX_EPOCH },
        neighbours: BTreeMap::new(),
        promotion: None,
        preflight: None,
        sql: Vec::new(),
    }
}

pub fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

pub fn desired(target: &str, suspend: bool) -> Desired {
    let spec: DatabaseMigrationSpec = serde_json::from_value(serde_json::json!({
        "database": {"secretRef": {"name": "db"}},
        "source": {"configMaps": [{"name": "sql"}]},
        "targetVersion": target,
        "suspend": suspend,
    }))
    .unwrap();
    Desired::of(&spec).unwrap()
}

/// Versions 001 … n with ways back.
pub fn set(n: usize) -> MigrationSet {
    let mut files = Vec::new();
    for i in 1..=n {
        for (path, content) in [
            (format!("V{i:03}__t.sql"), format!("create table t{i} (id int);")),
            (format!("U{i:03}__t.sql"), format!("drop table t{i};")),
        ] {
            files.push(RawFile::named(path, content));
        }
    }
    MigrationSet::read(&files, SetOptions { dialect: Dialect::Postgres, layout: Layout::Auto, allow_gaps: false })
        .unwrap()
}

/// A database with these versions in effect.
pub fn seen(applied: &[&str]) -> Inspection {
    let set = set(applied.len().max(1));
    let entries = applied.iter().map(|version| {
        let migration = set.get(&version.parse().unwrap()).unwrap();
        Entry {
            version: Some(migration.version.clone()),
            repeatable: None,
            description: migration.description.clone(),
            kind: migration.kind,
            status: EntryStatus::Completed,
            up_checksum: Some(migration.up.checksum.clone()),
            down_sql: migration.down.as_ref().map(|down| down.sql.clone()),
            down_file: None,
            down_line: 1,
            down_no_transaction: false,
            baseline: false,
            journal: Vec::new(),
            reverting: false,
            applied_at: Some(at(900_000)),
            elapsed: None,
        }
    });
    Inspection {
        server: ServerFacts { version: "15.18".into(), now: at(1_000_000), unsuitable: None },
        ledger: Ledger {
            schema: "sluice".into(),
            installed: !applied.is_empty(),
            entries: entries.collect(),
            ..Ledger::default()
        },
        holder: None,
    }
}

/// The object's last run, as the ledger has it.
pub fn run(outcome: Option<Outcome>) -> RunSummary {
    RunSummary {
        id: Uuid::nil(),
        object: "shop/orders".into(),
        object_uid: "uid-1".into(),
        generation: 3,
        retry_token: None,
        abort_token: None,
        rollback_token: None,
        plan_digest: "sha256:plan".into(),
        set_digest: set(2).digest,
        rehearsed: false,
        direction: Direction::Up,
        from: None,
        to: Some("002".into()),
        outcome,
        failure: Some(LedgerFailure {
            message: "V002__t.sql:1:1: 42601 syntax error".into(),
            sqlstate: Some("42601".into()),
        }),
        started_at: at(990_000),
        finished_at: outcome.map(|_| at(990_001)),
        refilled: Vec::new(),
    }
}

pub fn running(stage: Stage) -> Task {
    Task::Running {
        run: Uuid::nil(),
        since: at(999_000),
        generation: 3,
        progress: Progress { stage, steps_total: 2, statements_total: 2, ..Progress::default() },
        purpose: "apply 2 migrations (001 … 002)".into(),
        rollback: false,
        stopping: false,
        abort_token: None,
    }
}

/// Changes of one thing.
pub trait With: Sized {
    fn with(self, change: impl FnOnce(&mut Observed)) -> Self;
    fn applied(self, versions: &[&str]) -> Self;
    fn failing(self, error: DatabaseError) -> Self;
    fn reported(self, status: DatabaseMigrationStatus) -> Self;
    fn last_run(self, run: RunSummary) -> Self;
    fn invalid(self) -> Self;
}

impl With for Observed {
    fn with(mut self, change: impl FnOnce(&mut Observed)) -> Self {
        change(&mut self);
        self
    }
    fn applied(self, versions: &[&str]) -> Self {
        self.with(|o| o.database = Look::Seen(Box::new(seen(versions))))
    }
    fn failing(self, error: DatabaseError) -> Self {
        self.with(|o| o.database = Look::Failed(error))
    }
    fn reported(self, status: DatabaseMigrationStatus) -> Self {
        self.with(|o| o.previous = Some(status))
    }
    fn last_run(self, run: RunSummary) -> Self {
        self.with(|o| {
            if let Look::Seen(seen) = &mut o.database {
                seen.ledger.installed = true;
                seen.ledger.runs.insert(0, run);
            }
        })
    }
    fn invalid(self) -> Self {
        self.with(|o| {
            o.desired = Err(InvalidSpec { field: "spec.targetVersion".into(), problem: "is no version".into() });
            o.source = Source::NotRead;
            o.database = Look::None;
        })
    }
}
