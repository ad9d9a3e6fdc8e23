//! Everything that one decision is made from.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use crate::api::v1alpha1::{DatabaseMigrationStatus, PolicyStatus};
use crate::checks::Window;
use crate::database::{DatabaseError, Inspection, Progress, Rehearsal, Verdict};
use crate::migration::MigrationSet;

use super::{Desired, Gathered, InvalidSpec};

/// The scripts.
#[derive(Debug, Clone)]
pub enum Source {
    /// Not looked for, because the spec is invalid.
    NotRead,
    /// Something that the spec names is not there (yet): which, and what to create.
    NotReady(String),
    /// The API server did not answer; tried again with backoff.
    Unavailable(String),
    /// They contradict each other or cannot be run as they are written.
    Invalid(String),
    /// Read.
    Read(Arc<MigrationSet>),
}

/// The database.
#[derive(Debug, Clone)]
pub enum Look {
    /// Not looked at in this pass: there is nothing to compare with, or a run is under way.
    None,
    /// Not due: it was as wanted when it was looked at last, and nothing that matters has changed since.
    NotDue {
        /// When it is due.
        due_in: Duration,
    },
    /// There is no room for the run that it will probably come to: looked at when it is its turn, over the run's connection.
    Later,
    /// The Secret does not say where the database is: what is missing, and what to write.
    NotReady(String),
    /// The API server did not show the Secret; tried again with backoff.
    Unavailable(String),
    /// It could not be looked at.
    Failed(DatabaseError),
    /// It could not be looked at a moment ago, and whatever woke this pass does not make the next try due: a server in
    /// trouble is not asked once more for each policy, approval or label that changes meanwhile.
    FailedBefore {
        /// Why it could not.
        error: DatabaseError,
        /// When the next try is due.
        due_in: Duration,
    },
    /// This is what it holds.
    Seen(Box<Inspection>),
}

impl Look {
    /// When the next one is due, where there was none in this pass because it is not due yet.
    #[must_use]
    pub fn due_in(&self) -> Option<Duration> {
        match self {
            Self::NotDue { due_in } | Self::FailedBefore { due_in, .. } => Some(*due_in),
            Self::None | Self::Later | Self::NotReady(_) | Self::Unavailable(_) | Self::Failed(_) | Self::Seen(_) => {
                None
            }
        }
    }
}

/// The object's run in this process.
#[derive(Debug, Clone)]
pub enum Task {
    /// There is none.
    None,
    /// Under way.
    Running {
        /// Its id.
        run: Uuid,
        /// Since when.
        since: Timestamp,
        /// For which generation.
        generation: i64,
        /// Where it is.
        progress: Progress,
        /// `applying 001 … 003`: what it was started for.
        purpose: String,
        /// It takes another run back.
        rollback: bool,
        /// It was told to stop.
        stopping: bool,
        /// The request to abort that was there when it began.
        abort_token: Option<String>,
    },
    /// Over since the last pass, with this error unless it succeeded.
    Ended {
        /// Why it did not succeed.
        error: Option<DatabaseError>,
    },
}

/// Whether a run may start now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Room {
    /// It may.
    Free,
    /// Another object's run uses the same database.
    Taken {
        /// `namespace/name` of that object.
        by: String,
    },
    /// As many runs as the operator may have are under way.
    Full {
        /// How many that is.
        limit: usize,
    },
    /// The operator is shutting down.
    Closing,
}

/// What the platform says of an object.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Platform {
    /// The policies that select it, and what each imposed on its spec; `None` where that is not known.
    pub policies: Option<Vec<PolicyStatus>>,
    /// Why nothing is done at all.
    pub closed: Option<Closed>,
    /// What policies ask for and could not impose, and addresses that nobody declared: no run begins.
    pub violations: Vec<String>,
}

/// Why nothing is done at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Closed {
    /// Nobody knows what is imposed; tried again.
    Unread(String),
    /// A policy cannot be used, or forbids this database.
    Refused(String),
}

/// What people ask for by annotations. Each is any text that was not used before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Requests {
    /// `sluice.dev/rollback`: `TOKEN`, or `TOKEN@VERSION`.
    pub rollback: Option<String>,
    /// `sluice.dev/abort`
    pub abort: Option<String>,
    /// `sluice.dev/allow-data-loss`
    pub allow_data_loss: Option<String>,
}

impl Requests {
    /// Whether they end the window of a run that began when they were like that: a person wants it to be over, or taken back.
    #[must_use]
    pub fn end_window(&self, before: &Self) -> bool {
        let asked = |now: &Option<String>, before: &Option<String>| now.is_some() && now != before;
        asked(&self.abort, &before.abort) || asked(&self.rollback, &before.rollback)
    }
}

/// The object's rehearsal in this process.
#[derive(Debug, Clone, Default)]
pub enum Rehearsed {
    /// There was none.
    #[default]
    No,
    /// Under way, for that purpose.
    UnderWay(String),
    /// Over: of the plan with that digest, with that retry token.
    Over {
        /// The plan's digest.
        plan: String,
        /// The retry token.
        retry_token: Option<String>,
        /// What it said; an error where the database could not be asked.
        result: Result<Arc<Rehearsal>, DatabaseError>,
    },
}

impl Rehearsed {
    /// Whether it proved the plan with that digest.
    #[must_use]
    pub fn proves(&self, digest: &str) -> bool {
        match self {
            Self::Over { plan, result: Ok(rehearsal), .. } => plan == digest && rehearsal.verdict() == Verdict::Proven,
            Self::Over { result: Err(_), .. } | Self::No | Self::UnderWay(_) => false,
        }
    }
}

/// A verification under way in this process.
#[derive(Debug, Clone, PartialEq)]
pub struct Verifying {
    /// The run that is judged.
    pub run: Uuid,
    /// The generation of the spec that the run was begun for.
    pub generation: i64,
    /// Which version it brought the database to.
    pub version: String,
    /// When the window was opened.
    pub since: Timestamp,
    /// When it ends.
    pub until: Timestamp,
    /// What was measured.
    pub window: Window,
    /// It is over, and the ledger cannot be told for now: why.
    pub trouble: Option<String>,
    /// What the annotations were when the run began: only other ones end the window.
    pub ignored: Requests,
}

/// Everything that one decision is made from.
#[derive(Debug, Clone)]
pub struct Observed {
    /// The operator's clock.
    pub now: Timestamp,
    /// A random number from 0 to 1, fresh for each pass.
    pub jitter: f64,
    /// `namespace/name`.
    pub object: String,
    /// The object's uid.
    pub uid: String,
    /// The object's generation.
    pub generation: i64,
    /// The retry annotation.
    pub retry_token: Option<String>,
    /// The annotation that asks for a look.
    pub requested_at: Option<String>,
    /// What people ask for by other annotations.
    pub requests: Requests,
    /// What was reported last.
    pub previous: Option<DatabaseMigrationStatus>,
    /// What the platform says of it.
    pub platform: Platform,
    /// What the spec asks for, with what policies impose.
    pub desired: Result<Desired, InvalidSpec>,
    /// The scripts.
    pub source: Source,
    /// The database.
    pub database: Look,
    /// What the gates of the plan look at; gathered once it is clear that there is a plan.
    pub gathered: Option<Gathered>,
    /// The object's run.
    pub task: Task,
    /// The object's verification.
    pub verifying: Option<Verifying>,
    /// The object's rehearsal.
    pub rehearsal: Rehearsed,
    /// Whether a run may start.
    pub room: Room,
    /// Tries in a row that ended in something that is tried again, for this generation and content.
    pub attempts: u32,
    /// How long the next try still has to wait; zero when it is due.
    pub cooldown: Duration,
    /// How long the object has been waiting for room.
    pub waiting_for: Duration,
    /// How often an object that is settled is looked at again.
    pub resync: Duration,
}

impl Observed {
    /// The scripts, where they were read.
    #[must_use]
    pub fn set(&self) -> Option<&Arc<MigrationSet>> {
        match &self.source {
            Source::Read(set) => Some(set),
            Source::NotRead | Source::NotReady(_) | Source::Unavailable(_) | Source::Invalid(_) => None,
        }
    }

    /// Whether a person has asked for another try since something was done with that token. A token that is gone (an object that
    /// was replaced by its manifest) asks for nothing.
    #[must_use]
    pub fn tries_again(&self, token: Option<&String>) -> bool {
        self.retry_token.is_some() && self.retry_token.as_ref() != token
    }

    /// What the database holds, where it was seen.
    #[must_use]
    pub fn inspection(&self) -> Option<&Inspection> {
        match &self.database {
            Look::Seen(inspection) => Some(inspection),
            Look::None
            | Look::NotDue { .. }
            | Look::Later
            | Look::NotReady(_)
            | Look::Unavailable(_)
            | Look::Failed(_)
            | Look::FailedBefore { .. } => None,
        }
    }
}
