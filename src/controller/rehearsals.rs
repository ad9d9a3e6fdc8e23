//! Rehearsals in the background, one per object, and what the last one said.
//!
//! What follows from it is decided elsewhere. Nothing is kept beyond this process: the next one rehearses again.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::FutureExt as _;
use kube::runtime::reflector::ObjectRef;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::api::v1alpha1::DatabaseMigration;
use crate::database::{Database, DatabaseError, Rehearsal, RehearsalRequest, connect};
use crate::rollout::Rehearsed;

/// What a rehearsal is started with.
pub struct Start {
    /// The object.
    pub object: ObjectRef<DatabaseMigration>,
    /// Its uid.
    pub uid: String,
    /// The database.
    pub database: Arc<dyn Database>,
    /// What is rehearsed.
    pub request: RehearsalRequest,
    /// Why it cannot even begin, for now.
    pub obstacle: Option<String>,
    /// A server that cannot be asked leaves the way back unproven, instead of being asked again.
    pub lenient: bool,
    /// The digest of the plan that it is about.
    pub plan: String,
    /// `apply 3 migrations (001 … 003)`, for messages.
    pub purpose: String,
}

struct Entry {
    rehearsed: Rehearsed,
    /// Nobody needs it any more.
    forget: CancellationToken,
}

/// The table of rehearsals.
pub struct Rehearsals {
    inner: Mutex<HashMap<String, Entry>>,
    wake: mpsc::UnboundedSender<ObjectRef<DatabaseMigration>>,
    /// The process is about to end.
    closing: CancellationToken,
}

impl Rehearsals {
    /// An empty table; objects to wake are sent to `wake`.
    pub fn new(wake: mpsc::UnboundedSender<ObjectRef<DatabaseMigration>>, closing: CancellationToken) -> Arc<Self> {
        Arc::new(Self { inner: Mutex::default(), wake, closing })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        // Nothing that happens while it is held can panic half way.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The object's rehearsal. One that could not ask the database is told once: the next pass begins another.
    pub fn look(&self, uid: &str) -> Rehearsed {
        let mut inner = self.lock();
        let Some(entry) = inner.get(uid) else { return Rehearsed::No };
        let rehearsed = entry.rehearsed.clone();
        if let Rehearsed::Over { result: Err(_), .. } = &rehearsed {
            inner.remove(uid);
        }
        rehearsed
    }

    /// The object is gone, or its plan went through: nobody is told any more.
    pub fn forget(&self, uid: &str) {
        if let Some(entry) = self.lock().remove(uid) {
            entry.forget.cancel();
        }
    }

    /// Begins, unless the object has one under way: `false` then.
    pub fn start(self: &Arc<Self>, start: Start) -> bool {
        let forget = CancellationToken::new();
        {
            let mut inner = self.lock();
            if inner.get(&start.uid).is_some_and(|entry| matches!(entry.rehearsed, Rehearsed::UnderWay(_))) {
                return false;
            }
            let rehearsed = Rehearsed::UnderWay(start.purpose.clone());
            inner.insert(start.uid.clone(), Entry { rehearsed, forget: forget.clone() });
        }
        let table = Arc::clone(self);
        tokio::spawn(async move {
            let Start { object, uid, database, request, plan, obstacle, lenient, .. } = start;
            let retry_token = request.identity.retry_token.clone();
            // A future that is dropped takes its scratch database with it.
            let result = tokio::select! {
                result = alone(rehearse(database.as_ref(), &request, obstacle)) => result,
                () = forget.cancelled() => return,
                () = table.closing.cancelled() => return,
            };
            let result = match result {
                Err(error) if lenient => Ok(Rehearsal::obstructed(error.to_string())),
                Ok(_) | Err(_) => result,
            };
            let result = result.map(Arc::new);
            if let Some(entry) = table.lock().get_mut(&uid) {
                entry.rehearsed = Rehearsed::Over { plan, retry_token, result };
            }
            // Nobody listens once the controller has ended: then there is nobody to wake.
            let _ = table.wake.send(object);
        });
        true
    }
}

/// A panic ends the rehearsal alone: an object whose rehearsal is under way for ever would wait for ever.
async fn alone(rehearsal: impl Future<Output = Result<Rehearsal, DatabaseError>>) -> Result<Rehearsal, DatabaseError> {
    AssertUnwindSafe(rehearsal).catch_unwind().await.unwrap_or_else(|_| {
        Err(DatabaseError::Unreachable("the rehearsal ended abnormally; the operator's log tells where".to_owned()))
    })
}

async fn rehearse(
    database: &dyn Database,
    request: &RehearsalRequest,
    obstacle: Option<String>,
) -> Result<Rehearsal, DatabaseError> {
    if let Some(obstacle) = obstacle {
        return Err(DatabaseError::Unreachable(obstacle));
    }
    let swept = match &request.server {
        Some(server) => connect(server.address.clone(), server.credentials.clone()).sweep_rehearsals().await,
        None => database.sweep_rehearsals().await,
    };
    match swept {
        Ok(swept) if swept.is_empty() => {}
        Ok(swept) => tracing::info!(databases = ?swept, "dropped what killed rehearsals left behind"),
        // It does not stand in the way of this one; whoever comes next tries again.
        Err(error) => tracing::warn!(%error, "what killed rehearsals left behind could not be looked for"),
    }
    database.rehearse(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_rehearsal_that_panics_is_over() {
        let panicking = async { panic!("a bug in one object's rehearsal") };
        let error = alone(panicking).await.unwrap_err();
        assert!(error.to_string().contains("ended abnormally"), "{error}");
    }
}
