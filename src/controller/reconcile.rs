//! The driver of one pass: observe → decide → record → act. A status that says Ready or Stalled is changed before a run
//! begins; else both happen at the same time.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use jiff::Timestamp;
use kube::ResourceExt;
use kube::runtime::controller::Action as Requeue;

use crate::api::v1alpha1::{ConditionType, DatabaseMigration, DatabaseMigrationStatus};
use crate::rollout::{Action, Decision, Look, Settled, Task, backoff, decide, events, report};
use crate::telemetry::{Metrics, ReconcileResult};

use super::act::act;
use super::context::Context;
use super::error::Error;
use super::measure;
use super::memory::FailedLook;
use super::observe::{Sight, observe};
use super::record;
use super::show;
use super::watch;

/// One pass over one object.
///
/// # Errors
/// When the API server does not take the report; everything else is a state, not an error.
pub async fn reconcile(object: Arc<DatabaseMigration>, context: Arc<Context>) -> Result<Requeue, Error> {
    let began = Instant::now();
    let result = alone(&context.metrics, began, pass(&object, &context, began)).await;
    watch::forget_if_gone(&context, &object);
    // Room that this pass was woken for and did not take, for whatever reason, is for the next in the queue.
    context.tasks.offer();
    result
}

/// However a pass ends, by a panic too, it ends alone: the controller's own stream would end with it.
async fn alone(
    metrics: &Metrics,
    began: Instant,
    pass: impl Future<Output = Result<Requeue, Error>>,
) -> Result<Requeue, Error> {
    match AssertUnwindSafe(pass).catch_unwind().await {
        Ok(Ok(requeue)) => Ok(requeue),
        Ok(Err(error)) => {
            metrics.reconciled(ReconcileResult::Error, began.elapsed());
            Err(error)
        }
        Err(_) => {
            metrics.reconciled(ReconcileResult::Panic, began.elapsed());
            Err(Error::Panicked)
        }
    }
}

async fn pass(object: &DatabaseMigration, context: &Context, began: Instant) -> Result<Requeue, Error> {
    if object.metadata.deletion_timestamp.is_some() {
        // On its way out: what runs ends at the next safe place, and nothing begins.
        context.tasks.stop(&object.uid().unwrap_or_default(), false);
        return Ok(Requeue::await_change());
    }
    let mut sight = observe(context, object).await;
    let decision = decide(&sight.observed);
    show::plan(context, object, &mut sight, &decision.state).await;
    let next = report(&sight.observed, &decision.state);
    remember(context, &sight, &decision);

    let starts = matches!(decision.action, Action::Start(_));
    let previous = sight.observed.previous.as_ref();
    // A status that says neither Ready nor Stalled misleads nobody while a run begins under it.
    let begun = if starts && previous.is_none_or(unsettled) {
        Some(act(context, object, &sight, &decision.action))
    } else {
        None
    };
    if !starts {
        no_run(&sight).await;
    }
    // Before the status: whoever has seen that finds the same in the metrics.
    measure::gates(&context.metrics, &sight.observed, &decision.state, &next);
    measure::object(&context.metrics, object, &sight.observed, &decision.state, &next);
    let written = decision.tell && record::status(context, object, previous, &next).await?;
    if written {
        record::events(context, object, events(previous, &next, &decision.state));
    }

    let acted = begun.unwrap_or_else(|| act(context, object, &sight, &decision.action));
    if !acted {
        no_run(&sight).await;
    }
    measure::pass(&context.metrics, &decision.state, written, began.elapsed());
    // Somebody else was faster: the next pass queues.
    let requeue = if acted { decision.requeue } else { Some(Duration::from_millis(200)) };
    Ok(requeue.map_or_else(Requeue::await_change, Requeue::requeue))
}

/// Whether a status says of the object that it is neither done nor given up.
fn unsettled(status: &DatabaseMigrationStatus) -> bool {
    let settled = [ConditionType::Ready, ConditionType::Stalled].map(ConditionType::as_str);
    !status.conditions.iter().any(|condition| condition.status == "True" && settled.contains(&condition.type_.as_str()))
}

/// The connection that the look kept is not needed: no session idles while nothing runs.
async fn no_run(sight: &Sight) {
    if let Some(database) = &sight.database {
        database.no_run().await;
    }
}

/// Keeps what saves the next pass work, and spaces tries that are to be repeated.
fn remember(context: &Context, sight: &Sight, decision: &Decision) {
    let Decision { retrying, settles, requeue, .. } = *decision;
    let observed = &sight.observed;
    let uid = observed.uid.as_str();
    let interrupted = matches!(&observed.task, Task::Ended { error: Some(error) } if error.passes());
    if let Some(key) = &sight.key {
        context.memory.count(uid, key, retrying || interrupted);
    }
    if let (Look::Failed(error), Some(key), Some(wait)) = (&observed.database, &sight.key, requeue) {
        let (key, rules, error, due) = (key.clone(), sight.rules.clone(), error.clone(), Instant::now() + wait);
        context.memory.update(uid, |memo| memo.failed = Some(FailedLook { key, rules, error, due }));
    }
    if interrupted {
        context.memory.cool_down(uid, observed.now, observed.cooldown);
    }
    if !matches!(decision.action, Action::Queue) {
        context.memory.update(uid, |memo| memo.waiting_since = None);
    }
    if settles
        && let Some(key) = &sight.key
        && observed.inspection().is_some()
    {
        let until = observed.now.checked_add(requeue.unwrap_or(observed.resync)).unwrap_or(Timestamp::MAX);
        context.memory.settle(uid, sight.unsettled, Settled { key: key.clone(), until });
        context.memory.update(uid, |memo| memo.attempts = 0);
    } else if !settles {
        // What is reported now is not what that look found: when its cause goes, the database is looked at again.
        context.memory.update(uid, |memo| memo.settled = None);
    }
}

/// How long to wait after a pass that could not say what it found.
pub fn on_error(object: Arc<DatabaseMigration>, error: &Error, context: Arc<Context>) -> Requeue {
    let uid = object.uid().unwrap_or_default();
    let attempts = context.memory.recall(&uid).attempts;
    context.memory.update(&uid, |memo| memo.attempts = memo.attempts.saturating_add(1));
    watch::forget_if_gone(&context, &object);
    tracing::warn!(object = %object.name_any(), %error, "a pass failed");
    Requeue::requeue(backoff(attempts, rand::random()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_pass_that_panics_ends_as_an_error_of_its_own_and_is_counted() {
        let metrics = Metrics::new().unwrap();
        let panicking = async { panic!("a bug in one object's pass") };
        let error = alone(&metrics, Instant::now(), panicking).await.unwrap_err();
        assert!(matches!(error, Error::Panicked), "{error:?}");
        let page = metrics.encode().unwrap();
        assert!(page.contains("sluice_reconcile_total{result=\"panic\"} 1"), "{page}");
    }
}
