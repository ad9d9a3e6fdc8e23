//! What the target database recorded about itself: the only truth about what is applied.
//!
//! These are plain values that a dialect reads from its tables; this file must not know how.

use std::time::Duration;

use crate::migration::{Checksum, Kind, Version};

use super::judgement::{Rollback, Verification};

/// Where a version stands, as `schema_migrations.status` spells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryStatus {
    /// Known, not begun.
    Pending,
    /// A no-transaction script was begun and its end is not recorded.
    Running,
    /// In effect.
    Completed,
    /// Its last attempt failed; a transactional one left nothing behind.
    Failed,
    /// Was in effect and was taken back.
    RolledBack,
}

/// What the journal says about one statement of a no-transaction script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JournalState {
    /// Sent to the server; whether it took effect is not recorded.
    Started,
    /// Took effect.
    Done,
    /// The server refused it.
    Failed,
}

/// One statement of a no-transaction script in the journal of its latest attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalEntry {
    /// 1-based statement number within the script.
    pub statement: u32,
    /// Checksum of the statement's text.
    pub checksum: Checksum,
    /// What is known.
    pub state: JournalState,
}

/// One row of `schema_migrations`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The version; for repeatables see `name`.
    pub version: Option<Version>,
    /// A repeatable's name; `None` for versions.
    pub repeatable: Option<String>,
    /// Description at the time it was applied.
    pub description: String,
    /// Kind at the time it was applied.
    pub kind: Kind,
    /// Where it stands.
    pub status: EntryStatus,
    /// Checksum of the up script that was applied (or attempted). `None` for a baseline.
    pub up_checksum: Option<Checksum>,
    /// The ledger's own copy of the down script, as it was when the up script was applied. `None`: there was none.
    pub down_sql: Option<String>,
    /// The file that the down script came from, for messages.
    pub down_file: Option<String>,
    /// 1-based line of that file at which the down script begins.
    pub down_line: u32,
    /// The down script is marked no-transaction by its layout.
    pub down_no_transaction: bool,
    /// Recorded as applied without being run.
    pub baseline: bool,
    /// Journal of the latest attempt; empty for transactional scripts.
    pub journal: Vec<JournalEntry>,
    /// The direction of the latest attempt that is not finished (status Running or Failed): true when it was a way down.
    pub reverting: bool,
    /// When it was applied.
    pub applied_at: Option<jiff::Timestamp>,
    /// How long the attempt took that put the entry where it stands.
    pub elapsed: Option<std::time::Duration>,
}

/// How a run ended, as `migration_runs.outcome` spells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Everything in its plan took effect.
    Succeeded,
    /// A step failed and trying the same again makes no sense before something changes.
    Failed,
    /// Ended before its plan was done, for a reason that may pass (connection lost, shutdown, suspended).
    Interrupted,
    /// Stopped because nobody but a person can tell what the database holds.
    NeedsOperator,
    /// Its deadline, or the deadline for a lock, passed.
    DeadlineExceeded,
    /// Stopped before its first statement, because that would have destroyed rows that were written since.
    Blocked,
    /// Stopped because a person asked for it.
    Aborted,
}

impl Outcome {
    /// The word in the ledger, in metrics and in `status.history`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
            Self::NeedsOperator => "needs_operator",
            Self::DeadlineExceeded => "deadline_exceeded",
            Self::Blocked => "blocked",
            Self::Aborted => "aborted",
        }
    }

    /// The outcome of that word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        let all = [
            Self::Succeeded,
            Self::Failed,
            Self::Interrupted,
            Self::NeedsOperator,
            Self::DeadlineExceeded,
            Self::Blocked,
            Self::Aborted,
        ];
        all.into_iter().find(|outcome| outcome.as_str() == word)
    }

    /// Whether the same again makes no sense before somebody changes something.
    #[must_use]
    pub fn is_failure(self) -> bool {
        match self {
            Self::Failed | Self::NeedsOperator | Self::DeadlineExceeded | Self::Blocked => true,
            Self::Succeeded | Self::Interrupted | Self::Aborted => false,
        }
    }
}

/// Why a run failed, without the server's message: that stays in the ledger's own column.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LedgerFailure {
    /// The message that Sluice composed: safe for status and events.
    pub message: String,
    /// The five-character SQLSTATE, where the server gave one.
    pub sqlstate: Option<String>,
}

/// The latest run of one object, as the ledger has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunSummary {
    /// The run's id.
    pub id: uuid::Uuid,
    /// `namespace/name` of the object that asked for it.
    pub object: String,
    /// The object's uid: a deleted and recreated object is another one.
    pub object_uid: String,
    /// The object's generation at that time.
    pub generation: i64,
    /// The retry token at that time.
    pub retry_token: Option<String>,
    /// The request to abort at that time: only another one ends it.
    pub abort_token: Option<String>,
    /// The request to roll back at that time: only another one takes it back.
    pub rollback_token: Option<String>,
    /// Digest of the plan.
    pub plan_digest: String,
    /// Digest of the migration set that the plan was made from.
    pub set_digest: String,
    /// A rehearsal had proved it.
    pub rehearsed: bool,
    /// Which way it went.
    pub direction: super::Direction,
    /// The newest version in effect before.
    pub from: Option<String>,
    /// The version that was to be the newest after.
    pub to: Option<String>,
    /// `None`: not finished (or its process died).
    pub outcome: Option<Outcome>,
    /// Set unless it succeeded.
    pub failure: Option<LedgerFailure>,
    /// When it began, by the database's clock.
    pub started_at: jiff::Timestamp,
    /// When it ended, by the database's clock.
    pub finished_at: Option<jiff::Timestamp>,
    /// What it brought back from undo copies, and what it could not; only of a way down.
    pub refilled: Vec<super::Refilled>,
}

/// Objects in a database that has no ledger yet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Existing {
    /// How many there are.
    pub total: usize,
    /// The first 20, as `table public.users`, in a stable order.
    pub sample: Vec<String>,
}

/// Everything that a ledger says that a plan or a decision needs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ledger {
    /// The schema (or whatever the dialect keeps it in) that holds it.
    pub schema: String,
    /// Whether its tables exist.
    pub installed: bool,
    /// What the database holds besides a ledger; looked at only while no ledger is installed.
    pub existing: Existing,
    /// One entry per version and per repeatable; versions ascending, then repeatables by name.
    pub entries: Vec<Entry>,
    /// The newest runs, newest first, at most 20; those of other objects that share this ledger included.
    pub runs: Vec<RunSummary>,
    /// Verifications of these runs.
    pub verifications: Vec<Verification>,
    /// The newest rollbacks, newest first, at most 100.
    pub rollbacks: Vec<Rollback>,
}

impl Ledger {
    /// The versions in effect, ascending.
    pub fn applied(&self) -> impl DoubleEndedIterator<Item = (&Version, &Entry)> {
        self.entries.iter().filter(|entry| entry.in_effect()).filter_map(|entry| Some((entry.version.as_ref()?, entry)))
    }

    /// The newest version in effect.
    #[must_use]
    pub fn current(&self) -> Option<&Version> {
        self.applied().next_back().map(|(version, _)| version)
    }

    /// `sha256:` over the versions in effect and the checksums of what was applied: two databases with the same digest were
    /// brought there by the same scripts. `None` for none.
    #[must_use]
    pub fn digest(&self) -> Option<String> {
        super::effect::digest(self.applied().map(|(version, entry)| (version, entry.up_checksum.as_ref())))
    }

    /// The entry of a version, whatever its status.
    #[must_use]
    pub fn entry(&self, version: &Version) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.version.as_ref() == Some(version))
    }

    /// The entry of a repeatable script.
    #[must_use]
    pub fn repeatable(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.repeatable.as_deref() == Some(name))
    }

    /// The newest run of the object with that uid.
    #[must_use]
    pub fn last_run(&self, object_uid: &str) -> Option<&RunSummary> {
        self.runs.iter().find(|run| run.object_uid == object_uid)
    }
}

impl Ledger {
    /// How long a plan took when it last ran here to its end: the same scripts on the same versions. `None` where it never did.
    #[must_use]
    pub fn took(&self, plan_digest: &str) -> Option<Duration> {
        let same = |run: &&RunSummary| run.plan_digest == plan_digest && run.outcome == Some(Outcome::Succeeded);
        let run = self.runs.iter().find(same)?;
        Duration::try_from(run.finished_at?.duration_since(run.started_at)).ok()
    }

    /// The verification of a run.
    #[must_use]
    pub fn verification(&self, run: uuid::Uuid) -> Option<&Verification> {
        self.verifications.iter().find(|verification| verification.run == run)
    }

    /// Runs of an object, newest first: those of an earlier object of the same name, too.
    pub fn runs_of<'a>(&'a self, object: &'a str, uid: &'a str) -> impl Iterator<Item = &'a RunSummary> {
        self.runs.iter().filter(move |run| run.object_uid == uid || run.object == object)
    }

    /// The newest run of an object that is or was judged: one that failed is not.
    pub fn judged<'a>(&'a self, object: &'a str, uid: &'a str) -> Option<(&'a RunSummary, &'a Verification)> {
        let current = self.current().map(ToString::to_string);
        self.runs_of(object, uid)
            .filter(|run| match run.outcome {
                Some(Outcome::Succeeded) => true,
                Some(Outcome::Interrupted) | None => run.to == current,
                Some(
                    Outcome::Failed
                    | Outcome::NeedsOperator
                    | Outcome::DeadlineExceeded
                    | Outcome::Blocked
                    | Outcome::Aborted,
                ) => false,
            })
            .find_map(|run| Some((run, self.verification(run.id)?)))
    }

    /// The rollback whose newest attempt is that run.
    #[must_use]
    pub fn rollback_by(&self, attempt: uuid::Uuid) -> Option<&Rollback> {
        self.rollbacks.iter().find(|rollback| rollback.attempt == attempt)
    }
}

impl Entry {
    /// Whether the version's up script is in effect: completed, or a way down of it was begun and did not finish.
    #[must_use]
    pub fn in_effect(&self) -> bool {
        match self.status {
            EntryStatus::Completed => true,
            EntryStatus::Running | EntryStatus::Failed => self.reverting,
            EntryStatus::Pending | EntryStatus::RolledBack => false,
        }
    }
}
