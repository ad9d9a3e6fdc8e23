//! The driver of one pass: observe → decide → record → act. The status says what begins before it begins.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use kube::ResourceExt;
use kube::runtime::controller::Action as Requeue;

use crate::api::v1alpha1::DatabaseMigration;
use crate::rollout::{Settled, backoff, decide, events, report};

use super::act::act;
use super::context::Context;
use super::error::Error;
use super::measure;
use super::observe::{Sight, observe};
use super::record;

/// One pass over one object.
///
/// # Errors
/// When the API server does not take the report; everything else is a state, not an error.
pub async fn reconcile(object: Arc<DatabaseMigration>, context: Arc<Context>) -> Result<Requeue, Error> {
    let began = Instant::now();
    let result = pass(&object, &context).await;
    measure::pass(&context.metrics, began.elapsed(), result.is_ok());
    result
}

async fn pass(object: &DatabaseMigration, context: &Context) -> Result<Requeue, Error> {
    let sight = observe(context, object).await;
    if let Some(ended) = &sight.ended {
        measure::run(&context.metrics, &sight, ended);
    }
    let decision = decide(&sight.observed);
    let next = report(&sight.observed, &decision.state);
    remember(context, &sight, decision.retrying, decision.settles, decision.requeue);

    let previous = sight.observed.previous.as_ref();
    let written = record::status(context, object, previous, &next).await?;
    if written {
        record::events(context, object, events(previous, &next, &decision.state));
    }
    measure::object(&context.metrics, object, &sight.observed, &decision.state, &next);

    let acted = act(context, object, &sight, &decision.action);
    // Without room after all the object is woken when there is some; the short wait covers an end in between.
    let requeue = if acted { decision.requeue } else { Some(Duration::from_millis(200)) };
    Ok(requeue.map_or_else(Requeue::await_change, Requeue::requeue))
}

/// Keeps what saves the next pass work, and spaces tries that are to be repeated.
fn remember(context: &Context, sight: &Sight, retrying: bool, settles: bool, requeue: Option<Duration>) {
    let observed = &sight.observed;
    let uid = observed.uid.as_str();
    let digest = observed.set().map(|set| set.digest.clone()).unwrap_or_default();
    let interrupted = sight.ended.as_ref().is_some_and(|ended| ended.result.is_err());
    if observed.set().is_some() || retrying {
        context.memory.count(uid, (observed.generation, digest), retrying || interrupted);
    }
    if interrupted {
        context.memory.cool_down(uid, observed.now, backoff(observed.attempts, observed.jitter));
    }
    if settles
        && let Some(key) = &sight.key
        && observed.inspection().is_some()
    {
        let until = observed.now.checked_add(requeue.unwrap_or(observed.resync)).unwrap_or(Timestamp::MAX);
        context.memory.update(uid, |memo| {
            memo.settled = Some(Settled { key: key.clone(), until });
            memo.attempts = 0;
        });
    }
}

/// How long to wait after a pass that could not say what it found.
pub fn on_error(object: Arc<DatabaseMigration>, error: &Error, context: Arc<Context>) -> Requeue {
    let uid = object.uid().unwrap_or_default();
    let attempts = context.memory.recall(&uid).attempts;
    context.memory.update(&uid, |memo| memo.attempts = memo.attempts.saturating_add(1));
    tracing::warn!(object = %object.name_any(), %error, "a pass failed");
    Requeue::requeue(backoff(attempts, rand::random()))
}
