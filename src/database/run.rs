//! What a run is asked and what it answers: plain values, the same for every dialect.

use std::sync::Arc;
use std::time::Duration;

use crate::migration::MigrationSet;
use crate::plan::{Direction, Judgement, Ledger, Plan, Policy, TakeBack, Target};

use super::{DatabaseError, UndoLimits};

/// Which run a session works for: written into the ledger and, in short, into the session's application name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunIdentity {
    /// The fencing token.
    pub id: uuid::Uuid,
    /// `namespace/name`, or `cli`.
    pub object: String,
    /// The object's uid, empty on the command line.
    pub object_uid: String,
    /// The object's generation.
    pub generation: i64,
    /// The retry token in force.
    pub retry_token: Option<String>,
    /// The request to abort that was there already.
    pub abort_token: Option<String>,
    /// The request to roll back that was there already.
    pub rollback_token: Option<String>,
    /// Pod or host name of the operator.
    pub instance: String,
}

/// How a session behaves. All durations are handed to the server in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionSettings {
    /// First `lock_timeout`; grows ×1.5 every 4 tries up to one second (or itself, where it is longer).
    pub lock_timeout: Duration,
    /// How long a step may go on retrying for locks.
    pub lock_retry_deadline: Duration,
    /// `statement_timeout` for each statement.
    pub statement_timeout: Duration,
    /// All steps in one transaction.
    pub one_transaction: bool,
    /// Rows are copied before a statement destroys them, up to these limits; `None`: they are not.
    pub undo: Option<UndoLimits>,
}

/// What a run writes into the ledger before its first step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunStart {
    /// Which way.
    pub direction: Direction,
    /// Version before.
    pub from: Option<String>,
    /// Version after.
    pub to: Option<String>,
    /// The plan's digest.
    pub plan_digest: String,
    /// The set's digest.
    pub set_digest: String,
    /// A rehearsal proved it.
    pub rehearsed: bool,
    /// What opened its gates, as a list.
    pub gates: serde_json::Value,
    /// What it is for, besides.
    pub purpose: Purpose,
}

/// What a run is for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Purpose {
    /// To bring the database where the spec wants it.
    #[default]
    Apply,
    /// Likewise, and what it does is judged afterwards.
    ApplyAndVerify(Verify),
    /// To take another run back.
    Rollback(TakeBack),
}

impl Purpose {
    /// The field that says how long such a run may take.
    #[must_use]
    pub fn deadline(&self) -> &'static str {
        match self {
            Self::Apply | Self::ApplyAndVerify(_) => "spec.execution.deadline",
            Self::Rollback(_) => "spec.rollback.deadline",
        }
    }
}

/// What a verification needs when its run is over, whoever does it then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verify {
    /// `spec.verification`.
    pub spec: serde_json::Value,
    /// What the checks measured before the run, by name.
    pub baseline: serde_json::Value,
}

/// How a run was judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conclusion {
    /// The run.
    pub run: uuid::Uuid,
    /// The judgement.
    pub judgement: Judgement,
    /// The retry token in force.
    pub retry_token: Option<String>,
    /// Why, in a sentence.
    pub message: String,
    /// The measurements that decided.
    pub evidence: serde_json::Value,
}

/// A step that took effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepReport {
    /// The step's label.
    pub label: String,
    /// Wall time of the attempt that succeeded.
    pub elapsed: Duration,
    /// Attempts that ended in a lock timeout or another retryable error before.
    pub retries: u32,
    /// What was copied before it was destroyed, restored, or could not be: one sentence each, names and numbers only.
    pub undo: Vec<String>,
}

/// Until when it holds that a run may begin. Whoever gets the migration lock later looks again first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hold {
    /// By the operator's clock: when a window closes, when an approval expires.
    pub until: Option<jiff::Timestamp>,
    /// How long it may have waited for the lock.
    pub waited: Duration,
}

/// One run.
#[derive(Debug, Clone)]
pub struct RunRequest {
    /// Who asks.
    pub identity: RunIdentity,
    /// The plan that was decided on. Under the lock it is made again; when its digest differs nothing runs.
    pub plan: Arc<Plan>,
    /// What the plan is made from.
    pub set: Arc<MigrationSet>,
    /// Likewise.
    pub target: Target,
    /// Likewise.
    pub policy: Policy,
    /// How the session behaves.
    pub settings: SessionSettings,
    /// The whole run, from its first statement on; waiting for another run's migration lock does not count.
    pub deadline: Duration,
    /// What it is for.
    pub purpose: Purpose,
    /// A rehearsal proved it.
    pub rehearsed: bool,
    /// What opened its gates, as a list; for the ledger.
    pub gates: serde_json::Value,
    /// Until when that holds; `None`: for good.
    pub hold: Option<Hold>,
    /// It does not begin where it would destroy rows that were written since.
    pub spare_rows: bool,
}

/// How a run ended.
#[derive(Debug, Clone)]
pub struct RunReport {
    /// Steps in effect for good, in order.
    pub done: Vec<StepReport>,
    /// `Ok` when the plan is in effect; the ledger as it is then comes with it, so that nobody has to connect again.
    /// A plan that was found done (or different) under the lock is `Ok` with an empty `done`: look again.
    pub result: Result<Ledger, DatabaseError>,
    /// How long each statement took that came to an end, those of tries that were taken back included.
    pub statements: Vec<Duration>,
    /// Waited for the migration lock.
    pub waited: Duration,
    /// Tries that ended in a lock timeout.
    pub lock_retries: u32,
    /// The most sessions seen in the way at once.
    pub blocked_by: usize,
}

impl RunReport {
    /// The report of a run that ended without giving one.
    #[must_use]
    pub fn aborted(error: DatabaseError) -> Self {
        Self {
            done: Vec::new(),
            result: Err(error),
            statements: Vec::new(),
            waited: Duration::ZERO,
            lock_retries: 0,
            blocked_by: 0,
        }
    }
}
