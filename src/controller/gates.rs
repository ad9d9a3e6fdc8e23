//! Gathers what the gates of a plan look at. Reads only; what cannot be read is a fact, too.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kube::ResourceExt;

use crate::api::v1alpha1::{AUTHOR, DatabaseMigration, MigrationApproval};
use crate::database::Database;
use crate::gates::{Gates, Guard};
use crate::lint::{self, Assessment, Catalog};
use crate::migration::Risk;
use crate::plan::Plan;
use crate::rollout::{Desired, Gathered, Job};

use super::context::Context;

/// How long what the database said of tables is good enough to judge a plan by.
const FRESH: Duration = Duration::from_secs(60);

/// Gathers them for one plan.
pub async fn gather(
    context: &Context,
    object: &DatabaseMigration,
    desired: &Desired,
    database: &Arc<dyn Database>,
    job: &Job,
    hide_sql: bool,
) -> Gathered {
    let approvals = approvals(context, object);
    let (guard, author) = guarded(context, object, desired, &approvals).await;
    Gathered {
        assessment: assessment(context, object, desired, database, &job.plan).await,
        shown_in: None,
        hide_sql,
        author,
        approvals,
        guard,
        neighbours: BTreeMap::new(),
        promotion: None,
    }
}

/// What the plan does. Where people or gates look at it, with what the database says of its tables, and again once that is old.
async fn assessment(
    context: &Context,
    object: &DatabaseMigration,
    desired: &Desired,
    database: &Arc<dyn Database>,
    plan: &Plan,
) -> Arc<Assessment> {
    let uid = object.uid().unwrap_or_default();
    let looks = desired.plan_only || desired.suspended || desired.gates != Gates::default();
    let key = format!("{} {looks}", plan.digest);
    if let Some((digest, at, known)) = context.memory.recall(&uid).assessed
        && digest == key
        && (!looks || at.elapsed() < FRESH)
    {
        return known;
    }
    let plan = Arc::new(plan.clone());
    let catalog = if looks { catalog(database, &plan).await } else { Catalog::default() };
    let assessed = {
        let plan = Arc::clone(&plan);
        // Reading thousands of statements takes its time, and others wait for this thread.
        tokio::task::spawn_blocking(move || lint::assess(&plan, &catalog)).await
    };
    // It can only have failed by a panic: what is not known is taken for the worst.
    let assessed = Arc::new(assessed.unwrap_or_else(|error| {
        tracing::error!(%error, "a plan could not be judged; please report this");
        let reasons = vec!["what the scripts do could not be found out".to_owned()];
        Assessment { risk: Risk::Critical, reasons, ..Assessment::default() }
    }));
    context.memory.update(&uid, |memo| memo.assessed = Some((key, Instant::now(), Arc::clone(&assessed))));
    assessed
}

/// What the database says of the tables of a plan; nothing where it cannot be asked.
async fn catalog(database: &Arc<dyn Database>, plan: &Arc<Plan>) -> Catalog {
    let names = {
        let plan = Arc::clone(plan);
        tokio::task::spawn_blocking(move || lint::names(&plan)).await.unwrap_or_default()
    };
    let mut reader = match database.reader().await {
        Ok(reader) => reader,
        Err(error) => {
            tracing::debug!(%error, "the catalog could not be read for a plan");
            return Catalog::default();
        }
    };
    let catalog = reader.catalog(&names).await;
    reader.close().await;
    catalog.unwrap_or_else(|error| {
        tracing::debug!(%error, "the catalog could not be read for a plan");
        Catalog::default()
    })
}

/// What the approvals are worth, and who changed the spec last. Where nobody asks for approvals and there are none, nobody asks the
/// API server, either.
async fn guarded(
    context: &Context,
    object: &DatabaseMigration,
    desired: &Desired,
    approvals: &[MigrationApproval],
) -> (Guard, Option<String>) {
    if desired.gates.approvals.is_none() && approvals.is_empty() {
        return (Guard::Unknown("nobody looked".to_owned()), None);
    }
    let seen = context.guards.look(&context.client).await;
    let author = object.annotations().get(AUTHOR).filter(|_| seen.author == Guard::Installed).cloned();
    (seen.approvals, author.filter(|author| !author.is_empty()))
}

/// The approvals of the namespace that name the object.
fn approvals(context: &Context, object: &DatabaseMigration) -> Vec<MigrationApproval> {
    let (namespace, name) = (object.namespace(), object.name_any());
    let mut approvals: Vec<MigrationApproval> = context
        .approvals
        .state()
        .iter()
        .filter(|approval| approval.namespace() == namespace && approval.spec.migration_ref.name == name)
        .map(|approval| approval.as_ref().clone())
        .collect();
    // The store has no order, and the status must not change with it.
    approvals.sort_by(|a, b| (&a.spec.user, a.name_any()).cmp(&(&b.spec.user, b.name_any())));
    approvals
}
