//! Carries out the one action that was decided.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use kube::runtime::reflector::ObjectRef;
use uuid::Uuid;

use crate::api::v1alpha1::DatabaseMigration;
use crate::checks::Means;
use crate::database::{Database, Handle, Purpose, RehearsalRequest, RunIdentity, RunRequest, Verify};
use crate::plan::{Direction, Plan, Policy, Step, Target};
use crate::rollout::{
    self, Action, Desired, DueVerification, Job, Observed, Requests, Room, allows_loss, way_back, way_back_target,
};

use super::context::Context;
use super::observe::Sight;
use super::rehearsals;
use super::tasks::Start;
use super::verify;

/// Whether the action was carried out, or lost a race for room (the object is woken when there is some).
pub fn act(context: &Context, object: &DatabaseMigration, sight: &Sight, action: &Action) -> bool {
    match action {
        Action::Wait => true,
        Action::Stop { abort } => {
            context.tasks.stop(&sight.observed.uid, *abort);
            true
        }
        Action::Start(job) => start(context, object, sight, job),
        Action::Rehearse(plan) => rehearse(context, object, sight, plan),
        Action::Verify(due) => verify(context, object, sight, due),
        Action::EndVerification => {
            context.verifications.end(&sight.observed.uid);
            true
        }
        Action::Queue => {
            queue(context, object, sight);
            true
        }
    }
}

/// Waits its turn. What was seen is kept for it: looking again costs a connection, and the run looks under its lock anyway.
fn queue(context: &Context, object: &DatabaseMigration, sight: &Sight) {
    if sight.observed.room == Room::Closing {
        // There will be no room in this process any more.
        return;
    }
    let (Some(database), Some(key)) = (&sight.database, &sight.key) else { return };
    context.memory.update(&sight.observed.uid, |memo| {
        memo.waiting_since.get_or_insert(sight.observed.now);
        memo.seen_waiting = sight.observed.inspection().map(|seen| (key.clone(), sight.observed.now, seen.clone()));
    });
    context.tasks.queue(ObjectRef::from_obj(object), database.address());
}

fn start(context: &Context, object: &DatabaseMigration, sight: &Sight, job: &Job) -> bool {
    let observed = &sight.observed;
    let (Ok(desired), Some(set), Some(database), Some(key)) =
        (&observed.desired, observed.set(), &sight.database, &sight.key)
    else {
        return false;
    };
    // Asked again: between the observation and now the process may have been frozen.
    if !context.may_start() {
        return false;
    }
    let Some(course) = course(context, sight, desired, database, job) else { return false };
    let request = RunRequest {
        identity: identity(context, observed),
        plan: Arc::new(job.plan.clone()),
        set: Arc::clone(set),
        target: course.target,
        policy: course.policy,
        settings: desired.settings.clone(),
        deadline: course.deadline,
        rehearsed: observed.rehearsal.proves(&job.plan.digest),
        gates: rollout::opened_by(job),
        hold: rollout::holds(job, sight.by_risk),
        spare_rows: job.take_back.is_some() && !allows_loss(observed, desired),
        purpose: course.purpose,
    };
    context.tasks.start(Start {
        object: ObjectRef::from_obj(object),
        uid: observed.uid.clone(),
        database: Arc::clone(database),
        request,
        purpose: crate::rollout::work(&job.plan),
        key: key.clone(),
        baseline: course.baseline,
    })
}

/// Who asks, for the ledger.
fn identity(context: &Context, observed: &Observed) -> RunIdentity {
    RunIdentity {
        id: Uuid::now_v7(),
        object: observed.object.clone(),
        object_uid: observed.uid.clone(),
        generation: observed.generation,
        retry_token: observed.retry_token.clone(),
        abort_token: observed.requests.abort.clone(),
        rollback_token: observed.requests.rollback.clone(),
        instance: context.options.identity.clone(),
    }
}

/// Begins to try a plan on a copy of the schema.
fn rehearse(context: &Context, object: &DatabaseMigration, sight: &Sight, plan: &Plan) -> bool {
    let observed = &sight.observed;
    let (Ok(desired), Some(database)) = (&observed.desired, &sight.database) else { return false };
    let Some(rehearsal) = desired.rehearsal.as_ref().filter(|_| context.may_start()) else { return false };
    let (server, obstacle) = match &sight.rehearsal_server {
        None => (None, None),
        Some(Ok(server)) => (Some(server.clone()), None),
        Some(Err(why)) => (None, Some(format!("the server for rehearsals: {why}"))),
    };
    context.rehearsals.start(rehearsals::Start {
        object: ObjectRef::from_obj(object),
        uid: observed.uid.clone(),
        database: Arc::clone(database),
        request: RehearsalRequest {
            identity: identity(context, observed),
            server,
            steps: plan.steps.clone(),
            dump_program: context.options.dump_program.clone(),
            one_transaction: desired.settings.one_transaction,
            statement_timeout: desired.settings.statement_timeout,
            deadline: rehearsal.deadline,
        },
        obstacle,
        // Where it is not required, a server that is there for rehearsals alone does not hold up what it is to prove.
        lenient: rehearsal.server.is_some() && !desired.rollback.require_rehearsal,
        plan: plan.digest.clone(),
        purpose: rollout::work(plan),
    })
}

/// What a way forward and a way back differ in.
struct Course {
    target: Target,
    policy: Policy,
    deadline: Duration,
    purpose: Purpose,
    baseline: Option<BoxFuture<'static, serde_json::Value>>,
}

fn course(
    context: &Context,
    sight: &Sight,
    desired: &Desired,
    database: &Arc<dyn Database>,
    job: &Job,
) -> Option<Course> {
    if let Some(back) = &job.take_back {
        return Some(Course {
            target: way_back_target(back).ok()?,
            policy: way_back(),
            deadline: desired.rollback.deadline,
            purpose: Purpose::Rollback(back.clone()),
            baseline: None,
        });
    }
    let verification = desired.verification.as_ref().filter(|_| job.plan.direction == Direction::Up);
    let (purpose, baseline) = match verification {
        Some(verification) => {
            let means = Means { mentioned: Arc::new(mentioned(&job.plan)), ..means(context, sight, database) };
            let measured = verify::baseline(verification.checks.clone(), means).boxed();
            let spec = verification.spec.clone();
            (Purpose::ApplyAndVerify(Verify { spec, baseline: serde_json::Value::Null }), Some(measured))
        }
        None => (Purpose::Apply, None),
    };
    Some(Course {
        target: desired.target.clone(),
        policy: desired.policy.clone(),
        deadline: desired.deadline,
        purpose,
        baseline,
    })
}

/// What the object's checks measure with.
fn means(context: &Context, sight: &Sight, database: &Arc<dyn Database>) -> Means {
    let namespace = sight.observed.object.split_once('/').map_or("default", |(namespace, _)| namespace);
    Means {
        database: Handle::new(Arc::clone(database)),
        client: context.client.clone(),
        namespace: namespace.to_owned(),
        endpoints: Arc::clone(&sight.endpoints),
        mentioned: Arc::default(),
    }
}

/// Names in the scripts of a plan.
fn mentioned(plan: &Plan) -> BTreeSet<String> {
    plan.steps.iter().filter_map(Step::script).flat_map(|script| script.names()).collect()
}

/// Begins to judge a run by the checks that the ledger recorded for it.
fn verify(context: &Context, object: &DatabaseMigration, sight: &Sight, due: &DueVerification) -> bool {
    let observed = &sight.observed;
    let Some(database) = &sight.database else { return false };
    if !context.may_start() {
        return false;
    }
    if due.substituted() {
        tracing::warn!(object = %observed.object, "another release recorded checks that this one cannot use; those of the spec are measured");
    }
    context.verifications.start(verify::Start {
        object: ObjectRef::from_obj(object),
        uid: observed.uid.clone(),
        run: due.run.id,
        generation: due.run.generation,
        version: due.run.to.clone().unwrap_or_else(|| "none".to_owned()),
        verification: due.by.clone(),
        baseline: due.recorded.baseline.clone(),
        means: means(context, sight, database),
        retry_token: observed.retry_token.clone(),
        ignored: Requests {
            abort: due.run.abort_token.clone(),
            rollback: due.run.rollback_token.clone(),
            allow_data_loss: None,
        },
    })
}
