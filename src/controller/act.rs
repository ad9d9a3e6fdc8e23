//! Carries out the one action that was decided.

use std::sync::Arc;

use kube::runtime::reflector::ObjectRef;
use uuid::Uuid;

use crate::api::v1alpha1::DatabaseMigration;
use crate::database::{RunIdentity, RunRequest};
use crate::plan::Plan;
use crate::rollout::Action;

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
    }
}

fn start(context: &Context, object: &DatabaseMigration, sight: &Sight, plan: &Plan) -> bool {
    let observed = &sight.observed;
    let (Ok(desired), Some(set), Some(database)) = (&observed.desired, observed.set(), &sight.database) else {
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
    })
}
