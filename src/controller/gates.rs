//! Gathers what the gates of a plan look at. Reads only; what cannot be read is a fact, too.

use std::sync::Arc;
use std::time::Duration;

use kube::ResourceExt;

use crate::api::v1alpha1::{AUTHOR, DatabaseMigration, MigrationApproval};
use crate::checks::{self, Endpoints, SqlAnswer};
use crate::database::{Database, Fact, PreflightFacts};
use crate::gates::preflight::{FreeDisk, Needs, tables};
use crate::gates::{Guard, Preflight};
use crate::lint::Assessment;
use crate::rollout::{Desired, Gathered};

use super::context::Context;
use super::memory::Assessed;
use super::others;

/// What is gathered for.
pub struct Wanted<'a> {
    /// The object.
    pub object: &'a DatabaseMigration,
    /// What plans of its risk are asked for.
    pub desired: &'a Desired,
    /// What the plan does.
    pub assessed: Assessed,
    /// Its database.
    pub database: &'a Arc<dyn Database>,
    /// How long the same took when it ran before.
    pub took: Option<Duration>,
    /// The addresses that may be asked.
    pub endpoints: &'a Endpoints,
    /// Whether its plan is shown without SQL.
    pub hide_sql: bool,
}

/// Gathers them for one plan.
pub async fn gather(context: &Context, wanted: Wanted<'_>) -> Gathered {
    let Wanted { object, desired, assessed, database, took, endpoints, hide_sql } = wanted;
    let approvals = approvals(context, object);
    let (guard, author) = guarded(context, object, desired, &approvals).await;
    let preflight = preflight(endpoints, desired, database, &assessed).await;
    let sql = conditions(desired, database).await;
    let assessment = match took {
        Some(_) => Arc::new(Assessment::clone(&assessed.assessment).after(took)),
        None => assessed.assessment,
    };
    // Others may change at any moment: they are looked at last.
    let (neighbours, promotion) = others::gather(context, object, &desired.gates).await;
    Gathered {
        assessment,
        undo: assessed.undo,
        shown_in: None,
        hide_sql,
        author,
        approvals,
        guard,
        preflight,
        sql,
        neighbours,
        promotion,
    }
}

/// What the database says of itself, where the plan needs it to be somehow. Asked in the very pass in which a run may begin.
async fn preflight(
    endpoints: &Endpoints,
    desired: &Desired,
    database: &Arc<dyn Database>,
    assessed: &Assessed,
) -> Option<Preflight> {
    let wanted = desired.gates.preflight.as_ref().filter(|_| asks(desired))?;
    let facts = async {
        let mut reader = database.reader().await.map_err(|error| error.to_string())?;
        let facts = reader.preflight(&tables(&assessed.assessment)).await;
        reader.close().await;
        facts.map_err(|error| error.to_string())
    };
    let free_disk = match &wanted.free_disk {
        FreeDisk::Asked { endpoint, query } => Some(checks::free_disk(endpoints, endpoint, query).await),
        FreeDisk::Unsaid | FreeDisk::Declared(_) => None,
    };
    let facts = facts.await;
    let sizes = match &facts {
        Ok(PreflightFacts { table_bytes: Fact::Known(sizes), .. }) => Some(sizes.as_slice()),
        Ok(PreflightFacts { table_bytes: Fact::Unknown(_), .. }) | Err(_) => None,
    };
    let copies = assessed.undo.iter().filter(|copy| copy.not_copied.is_none()).filter_map(|copy| copy.bytes);
    let needs = Needs::of(&assessed.assessment, &assessed.names, sizes, copies.fold(0, u64::saturating_add));
    Some(Preflight { facts, needs, free_disk })
}

/// What the team's own conditions are answered, one after the other: they share the database with the application.
async fn conditions(desired: &Desired, database: &Arc<dyn Database>) -> Vec<SqlAnswer> {
    let mut answers = Vec::new();
    for gate in desired.gates.sql.iter().filter(|_| asks(desired)) {
        answers.push(checks::ask(database, gate).await);
    }
    answers
}

/// A suspended object asks the database nothing that nobody waits for.
fn asks(desired: &Desired) -> bool {
    !desired.suspended
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
    let author = object.annotations().get(AUTHOR).filter(|_| matches!(seen.author, Guard::Installed { .. })).cloned();
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
