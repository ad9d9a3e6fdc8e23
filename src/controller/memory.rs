//! What the operator remembers of each object between passes, in this process alone. Losing it is harmless: it only saves
//! work (looks, writes) and spaces tries; the truth is in the ledger and in the spec.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use kube::ResourceExt;

use crate::api::v1alpha1::{
    ABORT, ALLOW_DATA_LOSS, DatabaseMigration, DatabaseMigrationStatus, REQUESTED_AT, RETRY, ROLLBACK,
};
use crate::database::{DatabaseError, Inspection, ServerFacts, UndoEstimate};
use crate::lint::Assessment;
use crate::policy::DatabaseRules;
use crate::rollout::{Requests, Settled, SettledKey};

use super::inputs::{Input, Inputs};

/// What is remembered of one object.
#[derive(Debug, Clone, Default)]
pub struct Memo {
    /// The object's namespace.
    namespace: String,
    /// The object's name.
    name: String,
    /// The look that found nothing left to do.
    pub settled: Option<Settled>,
    /// How often something showed that the next pass has to look, whatever the one under way finds.
    pub unsettled: u64,
    /// Tries in a row that are to be repeated, and what they were tries of.
    pub attempts: u32,
    /// What the attempts were made with: spec, scripts, credentials, requests.
    pub attempts_of: Option<SettledKey>,
    /// The last look, where it failed.
    pub failed: Option<FailedLook>,
    /// No run starts before that time.
    pub not_before: Option<Timestamp>,
    /// What this process reported last; `None` when it is not known what the API server made of it.
    report: Option<Report>,
    /// The Secrets and ConfigMaps that its passes read.
    inputs: Inputs,
    /// Since when it has been waiting for room.
    pub waiting_since: Option<Timestamp>,
    /// What it saw when it began to wait: for what, and when.
    pub seen_waiting: Option<(SettledKey, Timestamp, Inspection)>,
    /// What the plan does, as it was found out last.
    pub assessed: Option<Assessed>,
    /// The plan as it was shown last.
    pub shown: Option<Shown>,
    /// The plan that is being written.
    showing: Option<Showing>,
    /// The server, as it was seen last.
    pub server: Option<ServerFacts>,
    /// What the spec and the annotations were when the object last woke a pass.
    seen: Option<Seen>,
}

/// A look at the database that failed.
#[derive(Debug, Clone)]
pub struct FailedLook {
    /// What it was for.
    pub key: SettledKey,
    /// What policies asked of the connection.
    pub rules: DatabaseRules,
    /// Why it failed.
    pub error: DatabaseError,
    /// When the next try is due.
    pub due: Instant,
}

impl FailedLook {
    /// How long the next try for the same thing can wait; `None` means that it is due now.
    pub fn due_in(&self, key: &SettledKey, rules: &DatabaseRules, now: Instant) -> Option<Duration> {
        let left = self.due.saturating_duration_since(now);
        (self.key == *key && self.rules == *rules && !left.is_zero()).then_some(left)
    }
}

/// A plan that people can read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// What it was made of.
    pub of: Content,
    /// The ConfigMap that says it.
    pub name: String,
    /// The resource version at which it was written; `None` where nobody waited for the answer.
    pub version: Option<String>,
}

/// A write of a plan that is not answered yet.
#[derive(Debug, Clone)]
struct Showing {
    /// The ConfigMap.
    name: String,
    /// The newest resource version at which the watch has shown it since.
    seen: Option<u64>,
}

/// What a plan in full is made of: while that stays, so does every word of it, and it need not be written out to know that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// The plan's digest, which stands for the text of its scripts.
    pub digest: String,
    /// What else it tells of its steps: descriptions, files.
    pub labels: Vec<String>,
    /// The text of statements is left out.
    pub hide_sql: bool,
    /// What its statements do.
    pub assessment: Arc<Assessment>,
    /// What would be copied before it is destroyed.
    pub undo: Arc<Vec<UndoEstimate>>,
}

/// What a plan would do.
#[derive(Debug, Clone)]
pub struct Assessed {
    /// Which plan, whether the database was asked, and what limits copies.
    pub key: String,
    /// When.
    pub at: Instant,
    /// What its statements do.
    pub assessment: Arc<Assessment>,
    /// The names that it holds.
    pub names: Arc<Vec<String>>,
    /// What would be copied before it is destroyed.
    pub undo: Arc<Vec<UndoEstimate>>,
}

impl Memo {
    /// What the last look found holds no longer.
    fn unsettle(&mut self) {
        self.settled = None;
        self.unsettled += 1;
    }
}

/// The status as it was written last.
#[derive(Debug, Clone, PartialEq)]
struct Report {
    status: DatabaseMigrationStatus,
    /// The write is not answered yet.
    under_way: bool,
    /// The resource version of the newest write that was answered.
    version: Option<u64>,
}

impl Report {
    /// Whether what the API server shows is no newer than the own writes: an echo.
    fn covers(&self, object: &DatabaseMigration) -> bool {
        self.version.zip(resource_version(object)).is_some_and(|(own, shown)| shown <= own)
    }
}

/// What of an object wakes a pass when it changes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    generation: i64,
    requested_at: Option<String>,
    retry: Option<String>,
    requests: Requests,
    deleted: bool,
}

/// What people ask for by annotations.
pub fn requests(object: &DatabaseMigration) -> Requests {
    let annotation = |name| object.annotations().get(name).cloned();
    Requests { rollback: annotation(ROLLBACK), abort: annotation(ABORT), allow_data_loss: annotation(ALLOW_DATA_LOSS) }
}

impl Seen {
    fn of(object: &DatabaseMigration) -> Self {
        Self {
            generation: object.metadata.generation.unwrap_or_default(),
            requested_at: object.annotations().get(REQUESTED_AT).cloned(),
            retry: object.annotations().get(RETRY).cloned(),
            requests: requests(object),
            deleted: object.metadata.deletion_timestamp.is_some(),
        }
    }
}

/// The memory, by uid.
#[derive(Debug, Default)]
pub struct Memory {
    memos: Mutex<HashMap<String, Memo>>,
}

impl Memory {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Memo>> {
        // A panic while the lock was held leaves at worst one memo half updated, and a memo only saves work.
        self.memos.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is remembered of an object.
    pub fn recall(&self, uid: &str) -> Memo {
        self.lock().get(uid).cloned().unwrap_or_default()
    }

    /// Changes what is remembered of an object.
    pub fn update(&self, uid: &str, change: impl FnOnce(&mut Memo)) {
        change(self.lock().entry(uid.to_owned()).or_default());
    }

    /// Forgets an object.
    pub fn forget(&self, uid: &str) {
        self.lock().remove(uid);
    }

    /// Forgets all objects but these, and says which were forgotten.
    /// Each as uid, namespace and name.
    pub fn retain(&self, present: &HashSet<String>) -> Vec<(String, String, String)> {
        let mut memos = self.lock();
        let gone = memos
            .iter()
            .filter(|(uid, _)| !present.contains(*uid))
            .map(|(uid, memo)| (uid.clone(), memo.namespace.clone(), memo.name.clone()))
            .collect();
        memos.retain(|uid, _| present.contains(uid));
        gone
    }

    /// Whether an object as the API server now shows it has to be looked at: its spec or annotations changed, or its
    /// status is not what this process wrote. The echo of an own write wakes nobody.
    pub fn touched(&self, object: &DatabaseMigration) -> bool {
        let Some(uid) = object.uid() else { return true };
        let mut memos = self.lock();
        let memo = memos.entry(uid).or_default();
        memo.namespace = object.namespace().unwrap_or_default();
        memo.name = object.name_any();
        let seen = Seen::of(object);
        let changed = memo.seen.as_ref() != Some(&seen);
        memo.seen = Some(seen);
        if changed {
            return true;
        }
        let Some(report) = &memo.report else { return true };
        if object.status.as_ref() == Some(&report.status) || report.covers(object) {
            return false;
        }
        memo.unsettle();
        true
    }

    /// Notes that the object has to be looked at again, a pass that is under way notwithstanding.
    pub fn unsettle(&self, uid: &str) {
        self.update(uid, Memo::unsettle);
    }

    /// Keeps what a pass found, unless something showed meanwhile that there has to be another look: `since` is what
    /// [`Memo::unsettled`] was when the pass began.
    pub fn settle(&self, uid: &str, since: u64, settled: Settled) {
        self.update(uid, |memo| {
            if memo.unsettled == since {
                memo.settled = Some(settled);
            }
        });
    }

    /// Whether an input, as the API server now shows it, differs from what the object's last pass read.
    pub fn input_changed(&self, uid: &str, input: &Input, version: Option<&str>) -> bool {
        self.lock().get_mut(uid).is_some_and(|memo| memo.inputs.changed(input, version))
    }

    /// Whether a ConfigMap, as the API server now shows it, is that of the object's plan and no longer says what was written there. It
    /// is written anew then.
    pub fn plan_tampered(&self, uid: &str, input: &Input, version: Option<&str>) -> bool {
        let Input::ConfigMap(name) = input else { return false };
        let mut memos = self.lock();
        let Some(memo) = memos.get_mut(uid) else { return false };
        if let Some(showing) = memo.showing.as_mut().filter(|showing| showing.name == *name) {
            // Whether that is the own write or came after it is known when the write is answered.
            showing.seen = showing.seen.max(version.and_then(|version| version.parse().ok()));
            return false;
        }
        let other =
            |shown: &Shown| shown.name == *name && shown.version.is_some() && shown.version.as_deref() != version;
        if !memo.shown.as_ref().is_some_and(other) {
            return false;
        }
        memo.shown = None;
        memo.unsettle();
        true
    }

    /// Notes that the plan is about to be written: somebody may touch it before the answer is there.
    pub fn showing(&self, uid: &str, name: &str) {
        self.update(uid, |memo| memo.showing = Some(Showing { name: name.to_owned(), seen: None }));
    }

    /// Notes how the write ended, with `None` that it failed. `false`: somebody touched what was written before the answer was
    /// there, so it has to be written once more.
    pub fn shown(&self, uid: &str, shown: Option<Shown>) -> bool {
        let mut memos = self.lock();
        let memo = memos.entry(uid.to_owned()).or_default();
        let seen = memo.showing.take().and_then(|showing| showing.seen);
        let own: Option<u64> = shown.as_ref().and_then(|shown| shown.version.as_ref()?.parse().ok());
        let stands = seen.zip(own).is_none_or(|(seen, own)| seen <= own);
        if stands && shown.is_some() {
            memo.shown = shown;
        } else if !stands {
            memo.shown = None;
        }
        stands
    }

    /// Whether everything that the object's last pass read is, as far as the watches have shown, what it was, and these are
    /// among it.
    pub fn inputs_stand(&self, uid: &str, these: &[Input]) -> bool {
        self.lock().get(uid).is_some_and(|memo| memo.inputs.stand(these))
    }

    /// What is known of the Secrets and ConfigMaps that an object's passes read.
    pub fn inputs<T>(&self, uid: &str, note: impl FnOnce(&mut Inputs) -> T) -> T {
        note(&mut self.lock().entry(uid.to_owned()).or_default().inputs)
    }

    /// Notes a report that is about to be written: its echo may come before the answer does.
    pub fn reporting(&self, uid: &str, status: &DatabaseMigrationStatus) {
        self.update(uid, |memo| {
            let version = memo.report.as_ref().and_then(|report| report.version);
            memo.report = Some(Report { status: status.clone(), under_way: true, version });
        });
    }

    /// Notes that the report was written, and at which resource version.
    pub fn reported(&self, uid: &str, version: Option<u64>) {
        self.update(uid, |memo| {
            if let Some(report) = &mut memo.report {
                report.under_way = false;
                report.version = version;
            }
        });
    }

    /// Notes that a pass has nothing to report but what is there already.
    pub fn says_so_already(&self, uid: &str, object: &DatabaseMigration, status: &DatabaseMigrationStatus) {
        let version = resource_version(object);
        self.update(uid, |memo| {
            memo.report.get_or_insert_with(|| Report { status: status.clone(), under_way: false, version });
        });
    }

    /// Whether the status that is there is another one than this process reported last: what was found then is not told any more.
    pub fn is_told_otherwise(&self, uid: &str, object: &DatabaseMigration) -> bool {
        let told = self.previous(uid, object);
        self.lock()
            .get(uid)
            .and_then(|memo| memo.report.as_ref())
            .is_some_and(|report| Some(&report.status) != told.as_ref())
    }

    /// Notes that nobody knows what became of the report. The next pass looks again, so that it has something to tell.
    pub fn not_reported(&self, uid: &str) {
        self.update(uid, |memo| {
            memo.report = None;
            memo.settled = None;
        });
    }

    /// The status that the next report is compared with: the newer of what the cache shows and what was written.
    pub fn previous(&self, uid: &str, object: &DatabaseMigration) -> Option<DatabaseMigrationStatus> {
        match self.lock().get(uid).and_then(|memo| memo.report.clone()) {
            Some(report) if report.under_way || report.version.is_none() || report.covers(object) => {
                Some(report.status)
            }
            Some(_) | None => object.status.clone(),
        }
    }

    /// Counts a pass: how many tries in a row were to be repeated with just that.
    pub fn count(&self, uid: &str, of: &SettledKey, retrying: bool) {
        self.update(uid, |memo| {
            if memo.attempts_of.as_ref() != Some(of) {
                memo.attempts = 0;
                memo.not_before = None;
                memo.attempts_of = Some(of.clone());
            }
            memo.attempts = if retrying { memo.attempts.saturating_add(1) } else { memo.attempts };
        });
    }

    /// No run of the object starts before `wait` is over.
    pub fn cool_down(&self, uid: &str, now: Timestamp, wait: Duration) {
        self.update(uid, |memo| memo.not_before = now.checked_add(wait).ok());
    }
}

/// Resource versions of one resource compare as numbers, as every API server since etcd 3 hands them out; one that does not
/// read as a number is treated as new.
pub fn resource_version(object: &DatabaseMigration) -> Option<u64> {
    object.metadata.resource_version.as_ref()?.parse().ok()
}
