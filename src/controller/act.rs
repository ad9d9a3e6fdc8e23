//! Carries out the one action that was decided.

use std::sync::Arc;

use kube::runtime::reflector::ObjectRef;
use uuid::Uuid;

use crate::api::v1alpha1::DatabaseMigration;
use crate::database::{RunIdentity, RunRequest};
use crate::plan::Plan;
use crate::rollout::{Action, Room};

use super::context::Context;
use super::observe::Sight;
use super::tasks::Start;

/// Whether the action was carried out, or lost a race for room (the object is woken when there is some).
pub fn act(context: &Context, object: &DatabaseMigration, sight: &Sight, action: &Action) -> bool {
    match action {
        Action::Wait => true,
        Action::Stop => {
            context.tasks.stop(&sight.observed.uid);
            true
        }
        Action::Start(plan) => start(context, object, sight, plan),
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

fn start(context: &Context, object: &DatabaseMigration, sight: &Sight, plan: &Plan) -> bool {
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
    let request = RunRequest {
        identity: RunIdentity {
            id: Uuid::now_v7(),
            object: observed.object.clone(),
            object_uid: observed.uid.clone(),
            generation: observed.generation,
            retry_token: observed.retry_token.clone(),
            instance: context.options.identity.clone(),
        },
        plan: Arc::new(plan.clone()),
        set: Arc::clone(set),
        target: desired.target.clone(),
        policy: desired.policy.clone(),
        settings: desired.settings.clone(),
        deadline: desired.deadline,
    };
    context.tasks.start(Start {
        object: ObjectRef::from_obj(object),
        uid: observed.uid.clone(),
        database: Arc::clone(database),
        request,
        purpose: crate::rollout::work(plan),
        key: key.clone(),
    })
}
