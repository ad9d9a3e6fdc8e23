//! Gathers everything that one decision needs. Reads only: nothing is written, neither in Kubernetes nor in a database.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use kube::ResourceExt;

use crate::api::v1alpha1::{DatabaseMigration, REQUESTED_AT, RETRY};
use crate::checks::Endpoints;
use crate::database::{Database, Inspection, RehearsalServer};
use crate::migration::{MigrationSet, Risk};
use crate::policy::DatabaseRules;
use crate::rollout::{
    Closed, Desired, Look, Observed, Rehearsed, Room, SettledKey, Source, SourceDesired, State, Task, Verifying,
    backoff, due, later,
};
use crate::sources::{ConfigMaps, Source as _, SourceError};

use super::assessed::assess;
use super::context::Context;
use super::credentials::{self, NoDatabase};
use super::gates::{self, Wanted};
use super::inputs::Input;
use super::memory::{Memo, requests};
use super::tasks::Ended;

/// How long what was seen of a database is good enough to begin a run with, which looks again under its lock.
const FRESH: Duration = Duration::from_secs(30);

/// An observation, and what acting on it needs besides.
pub struct Sight {
    /// What the core decides on.
    pub observed: Observed,
    /// The database, where the Secret says where it is.
    pub database: Option<Arc<dyn Database>>,
    /// The server for rehearsals where the spec names one, or why it cannot be used.
    pub rehearsal_server: Option<Result<RehearsalServer, String>>,
    /// What this pass is a try of, and what its look is for.
    pub key: Option<SettledKey>,
    /// How often looks had been called for when this pass began.
    pub unsettled: u64,
    /// The report of a run that ended since the last pass.
    pub ended: Option<Ended>,
    /// The addresses that checks may name.
    pub endpoints: Arc<Endpoints>,
    /// What policies ask of the connection.
    pub rules: DatabaseRules,
    /// Plans of higher risk are asked for more, so that what a plan passes depends on its risk.
    pub by_risk: bool,
}

/// Looks at everything.
pub async fn observe(context: &Context, object: &DatabaseMigration) -> Sight {
    let uid = object.uid().unwrap_or_default();
    let namespace = object.namespace().unwrap_or_default();
    let memo = context.memory.recall(&uid);
    let ruled = context.platforms.rule(&context.client, &context.options.endpoints, object).await;
    let asked = ruled.by_risk.try_map(|asked| Desired::of(&asked.spec));
    let lowest = ruled.by_risk.at(Risk::Low);
    let now = Timestamp::now();
    let mut sight = Sight {
        observed: Observed {
            now,
            jitter: rand::random(),
            object: format!("{namespace}/{}", object.name_any()),
            uid: uid.clone(),
            generation: object.metadata.generation.unwrap_or_default(),
            retry_token: object.annotations().get(RETRY).cloned(),
            requested_at: object.annotations().get(REQUESTED_AT).cloned(),
            requests: requests(object),
            previous: context.memory.previous(&uid, object),
            platform: lowest.platform.clone(),
            // Which risk a plan has is known once there is one.
            desired: asked.as_ref().map(|asked| asked.at(Risk::Low).clone()).map_err(Clone::clone),
            source: Source::NotRead,
            database: Look::None,
            task: Task::None,
            verifying: None,
            rehearsal: Rehearsed::No,
            gathered: None,
            room: Room::Free,
            attempts: memo.attempts,
            cooldown: Duration::ZERO,
            waiting_for: memo.waiting_since.map(|since| elapsed(since, now)).unwrap_or_default(),
            resync: context.options.resync,
        },
        database: None,
        rehearsal_server: None,
        key: None,
        unsettled: memo.unsettled,
        ended: None,
        endpoints: ruled.endpoints,
        rules: ruled.database,
        by_risk: ruled.by_risk.differs(),
    };
    // Only a pass that comes to its gates waits for others.
    context.neighbours.forget(&uid);
    if let Some(running) = context.tasks.running(&uid) {
        sight.observed.task = Task::Running {
            run: running.run,
            since: running.since,
            generation: running.generation,
            progress: running.progress.borrow().clone(),
            purpose: running.purpose,
            rollback: running.rollback,
            stopping: running.stop.gently.is_cancelled(),
            abort_token: running.abort_token,
        };
        return sight;
    }
    sight.observed.verifying = context.verifications.under_way(&uid);
    if let Some(verifying) = &sight.observed.verifying
        && !keeps_up(context, &sight.observed, verifying, &namespace, &sight.rules).await
    {
        sight.observed.verifying = None;
    }
    sight.observed.rehearsal = context.rehearsals.look(&uid);
    if sight.observed.verifying.is_some() || matches!(sight.observed.rehearsal, Rehearsed::UnderWay(_)) {
        return sight;
    }
    sight.ended = context.tasks.take_ended(&uid);
    if let Some(ended) = &sight.ended {
        sight.observed.task = Task::Ended { error: ended.report.result.as_ref().err().cloned() };
    }
    let Ok(asked) = asked else { return sight };
    // What any plan may need is read, whichever this one is.
    let desired = asked.strictest();
    if sight.observed.platform.closed.is_some() {
        return sight;
    }

    let inputs = match still(context, &sight, desired) {
        Some(inputs) => inputs,
        None => read(context, &namespace, &uid, desired, &sight.rules).await,
    };
    sight.observed.source = inputs.source;
    sight.rehearsal_server = inputs.rehearsal_server;
    let key = SettledKey {
        generation: sight.observed.generation,
        set_digest: sight.observed.set().map(|set| set.digest.clone()).unwrap_or_default(),
        credentials: inputs.credentials,
        retry_token: sight.observed.retry_token.clone(),
        requests: sight.observed.requests.clone(),
        requested_at: sight.observed.requested_at.clone(),
    };
    // A new spec, new scripts, another Secret or a request begin without the waits that what was before had earned.
    let same = memo.attempts_of.as_ref() == Some(&key);
    sight.key = Some(key.clone());
    sight.observed.attempts = if same { memo.attempts } else { 0 };
    sight.observed.cooldown = match (&sight.observed.task, memo.not_before) {
        (Task::Ended { error: Some(error) }, _) if error.passes() => {
            backoff(sight.observed.attempts, sight.observed.jitter)
        }
        (Task::None | Task::Ended { .. } | Task::Running { .. }, Some(at)) if same => {
            Duration::try_from(at.duration_since(now)).unwrap_or_default()
        }
        (Task::None | Task::Ended { .. } | Task::Running { .. }, _) => Duration::ZERO,
    };
    if sight.observed.set().is_none() {
        return sight;
    }

    let database = match inputs.database {
        Ok(database) => database,
        Err(NoDatabase::Refused(why)) => {
            sight.observed.platform.closed = Some(Closed::Refused(why));
            return sight;
        }
        Err(NoDatabase::NotReady(message)) => {
            sight.observed.database = Look::NotReady(message);
            return sight;
        }
        Err(NoDatabase::Unavailable(message)) => {
            sight.observed.database = Look::Unavailable(message);
            return sight;
        }
    };
    sight.observed.room = room(context, &database);
    sight.observed.database = look(context, object, &sight, &key, &memo, &database).await;
    if !matches!(sight.observed.database, Look::Later) {
        // The look took its time.
        sight.observed.room = room(context, &database);
    }
    if let State::GatesDue(job) = State::of(&sight.observed) {
        let assessed = assess(context, &uid, &asked, &database, &job.plan).await;
        let risk = assessed.assessment.risk;
        sight.observed.desired = Ok(asked.at(risk).clone());
        sight.observed.platform = ruled.by_risk.at(risk).platform.clone();
        let wanted = Wanted {
            object,
            desired: asked.at(risk),
            assessed,
            database: &database,
            took: sight.observed.inspection().and_then(|seen| seen.ledger.took(&job.plan.digest)),
            endpoints: &sight.endpoints,
            hide_sql: ruled.hide_sql,
        };
        sight.observed.gathered = Some(gates::gather(context, wanted).await);
    }
    sight.database = Some(database);
    sight
}

fn room(context: &Context, database: &Arc<dyn Database>) -> Room {
    if context.may_start() { context.tasks.room(database.address()) } else { Room::Closing }
}

/// Looks at the database, unless a run just brought the ledger along or no look is due.
async fn look(
    context: &Context,
    object: &DatabaseMigration,
    sight: &Sight,
    key: &SettledKey,
    memo: &Memo,
    database: &Arc<dyn Database>,
) -> Look {
    let uid = &sight.observed.uid;
    let mut waiting = None;
    context.memory.update(uid, |memo| waiting = memo.seen_waiting.take());
    if let Some(ended) = &sight.ended
        && ended.key == *key
        && let Ok(ledger) = &ended.report.result
        && let Some(server) = context.memory.recall(uid).server
    {
        return Look::Seen(Box::new(Inspection { server, ledger: ledger.clone(), holder: None }));
    }
    if sight.ended.is_none() {
        let observed = &sight.observed;
        let previous = observed.previous.as_ref();
        let settled = memo.settled.as_ref();
        // What somebody else wrote over, or took away, is to be told again.
        if !context.memory.is_told_otherwise(uid, object)
            && let Some((due_in, remembered)) =
                due(settled, key, previous, observed.now, observed.resync, observed.jitter)
        {
            context.memory.settle(uid, sight.unsettled, remembered);
            return Look::NotDue { due_in };
        }
        if let Some(failed) = &memo.failed
            && let Some(due_in) = failed.due_in(key, &sight.rules, Instant::now())
        {
            return Look::FailedBefore { error: failed.error.clone(), due_in };
        }
        if let Some((for_key, at, seen)) = &waiting
            && for_key == key
            && elapsed(*at, observed.now) < FRESH
        {
            return Look::Seen(Box::new(seen.clone()));
        }
        if later(&observed.room, previous, observed.waiting_for) {
            return Look::Later;
        }
    }
    match database.inspect_for_run().await {
        Ok(inspection) => {
            context.memory.update(uid, |memo| {
                memo.server = Some(inspection.server.clone());
                memo.failed = None;
            });
            Look::Seen(Box::new(inspection))
        }
        Err(error) => Look::Failed(error),
    }
}

/// What a spec leads to.
struct Inputs {
    source: Source,
    database: Result<Arc<dyn Database>, NoDatabase>,
    rehearsal_server: Option<Result<RehearsalServer, String>>,
    /// Which versions of the Secret and the certificate authorities that is from.
    credentials: String,
}

/// What the run that just ended was decided from, where that still is what the spec leads to: then nothing is read again.
/// What the watches have not shown yet wakes the object when they do, as it would had it come a moment later.
fn still(context: &Context, sight: &Sight, desired: &Desired) -> Option<Inputs> {
    let (ended, observed) = (sight.ended.as_ref()?, &sight.observed);
    let same = ended.report.result.is_ok()
        // A Secret more to read.
        && !rehearses_elsewhere(desired)
        && ended.key.generation == observed.generation
        && ended.key.retry_token == observed.retry_token
        && ended.key.requested_at == observed.requested_at
        && context.memory.inputs_stand(&observed.uid, &inputs_of(desired));
    same.then(|| Inputs {
        source: Source::Read(Arc::clone(&ended.set)),
        database: Ok(Arc::clone(&ended.database)),
        rehearsal_server: None,
        credentials: ended.key.credentials.clone(),
    })
}

/// A login that was changed while a version is being verified is taken over: the rest is measured, and the verdict recorded,
/// with it. Whether the verification goes on: it ends here where the Secret leads to a database at another address.
async fn keeps_up(
    context: &Context,
    observed: &Observed,
    verifying: &Verifying,
    namespace: &str,
    rules: &DatabaseRules,
) -> bool {
    let Ok(desired) = &observed.desired else { return true };
    let stand = verifying.trouble.is_none() && context.memory.inputs_stand(&observed.uid, &inputs_of(desired));
    if stand || observed.platform.closed.is_some() {
        return true;
    }
    match read(context, namespace, &observed.uid, desired, rules).await.database {
        Ok(database) => context.verifications.renew(&observed.uid, database),
        // Half a rotation, or a mistake: what is measured says whether the old login still does.
        Err(NoDatabase::NotReady(_) | NoDatabase::Unavailable(_) | NoDatabase::Refused(_)) => true,
    }
}

/// Reads what the spec leads to.
async fn read(context: &Context, namespace: &str, uid: &str, desired: &Desired, rules: &DatabaseRules) -> Inputs {
    context.memory.inputs(uid, |inputs| inputs.reading(inputs_of(desired)));
    let client = &context.client;
    let (scripts, login, server) = tokio::join!(
        read_scripts(context, namespace, desired),
        credentials::read(client, namespace, desired, rules),
        credentials::rehearsal_server(client, namespace, desired, rules),
    );
    let (rehearsal_server, others) =
        server.map_or((None, Vec::new()), |server| (Some(server.found.map_err(NoDatabase::why)), server.versions));
    let versions: Vec<_> = login.versions.into_iter().chain(others).collect();
    let credentials = format!("{versions:?}");
    context.memory.inputs(uid, |inputs| inputs.read(scripts.versions.into_iter().chain(versions)));
    Inputs { source: scripts.source, database: login.found, rehearsal_server, credentials }
}

fn rehearses_elsewhere(desired: &Desired) -> bool {
    desired.rehearsal.as_ref().is_some_and(|rehearsal| rehearsal.server.is_some())
}

/// The Secrets and ConfigMaps that a spec names.
fn inputs_of(desired: &Desired) -> Vec<Input> {
    let mut inputs = vec![Input::Secret(desired.secret.clone())];
    inputs.extend(desired.ca.as_ref().map(credentials::ca_input));
    if let Some((secret, ca)) = desired.rehearsal.as_ref().and_then(|rehearsal| rehearsal.server.as_ref()) {
        inputs.push(Input::Secret(secret.clone()));
        inputs.extend(ca.as_ref().map(credentials::ca_input));
    }
    if let SourceDesired::ConfigMaps(names) = &desired.source {
        inputs.extend(names.iter().cloned().map(Input::ConfigMap));
    }
    inputs
}

fn elapsed(since: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(since)).unwrap_or_default()
}

struct Scripts {
    source: Source,
    versions: Vec<(Input, Option<String>)>,
}

async fn read_scripts(context: &Context, namespace: &str, desired: &Desired) -> Scripts {
    let (files, versions) = match &desired.source {
        SourceDesired::Inline(files) => (crate::sources::Inline::new(files.clone()).fetch().await, Vec::new()),
        SourceDesired::ConfigMaps(names) => {
            let snapshot = ConfigMaps::new(context.client.clone(), namespace, names.clone()).snapshot().await;
            let versions = snapshot.versions.into_iter().map(|(name, version)| (Input::ConfigMap(name), version));
            (snapshot.files, versions.collect())
        }
    };
    let source = match files {
        Ok(files) => match MigrationSet::read(&files, desired.set_options) {
            Ok(set) => Source::Read(Arc::new(set)),
            Err(problems) => Source::Invalid(problems.to_string()),
        },
        Err(SourceError::NotFound(message)) => Source::NotReady(message),
        Err(SourceError::Invalid(message)) => Source::Invalid(message),
        Err(SourceError::Unavailable(message)) => Source::Unavailable(message),
    };
    Scripts { source, versions }
}
