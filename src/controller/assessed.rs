//! What a plan would do, with what the database says of its tables where people or gates look at it. Kept while it is fresh.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::database::{Database, UndoEstimate};
use crate::gates::Gates;
use crate::lint::{self, Assessment, Catalog};
use crate::migration::Risk;
use crate::plan::{Plan, Step};
use crate::policy::ByRisk;
use crate::rollout::Desired;

use super::context::Context;
use super::memory::Assessed;

/// How long what the database said of tables is good enough to judge a plan by.
const FRESH: Duration = Duration::from_secs(60);

/// So many statements are read for what they may hide.
const READ_AT_ONCE: usize = 1000;

/// Judges the plan, or gives back what was found out a moment ago.
pub async fn assess(
    context: &Context,
    uid: &str,
    asked: &ByRisk<Desired>,
    database: &Arc<dyn Database>,
    plan: &Plan,
) -> Assessed {
    let desired = asked.strictest();
    let looks = desired.plan_only || desired.suspended || desired.gates != Gates::default();
    // With other limits other rows would be copied.
    let key = format!("{} {looks} {:?}", plan.digest, desired.settings.undo);
    // A table that has grown may raise the risk. Where that means other gates, it is asked in the very pass in which a run may begin.
    let fresh = if asked.differs() { Duration::ZERO } else { FRESH };
    if let Some(known) = context.memory.recall(uid).assessed
        && known.key == key
        && (!looks || known.at.elapsed() < fresh)
    {
        return known;
    }
    let plan = Arc::new(plan.clone());
    let names = if looks { names(&plan).await } else { Vec::new() };
    let catalog = if looks { catalog(database, &names).await } else { Catalog::default() };
    let judged = {
        let plan = Arc::clone(&plan);
        // Reading thousands of statements takes its time, and others wait for this thread.
        tokio::task::spawn_blocking(move || lint::assess(&plan, &catalog))
    };
    // It can only fail by a panic: what is not known is taken for the worst.
    let assessment = judged.await.unwrap_or_else(|error| {
        tracing::error!(%error, "a plan could not be judged; please report this");
        let reasons = vec!["what the scripts do could not be found out".to_owned()];
        Assessment { risk: Risk::Critical, reasons, ..Assessment::default() }
    });
    // Where nobody looks before it is taken back, the condition RollbackReady tells what would not come back.
    let undo = copies(desired, database, &plan, &assessment).await;
    let assessed = Assessed {
        key,
        at: Instant::now(),
        assessment: Arc::new(assessment),
        names: Arc::new(names),
        undo: Arc::new(undo),
    };
    context.memory.update(uid, |memo| memo.assessed = Some(assessed.clone()));
    assessed
}

/// What would be copied before it is destroyed; nothing where nothing is, or where it cannot be told.
async fn copies(
    desired: &Desired,
    database: &Arc<dyn Database>,
    plan: &Plan,
    assessment: &Assessment,
) -> Vec<UndoEstimate> {
    let destroys = assessment.steps.iter().flat_map(|step| &step.effects).any(|effect| !effect.destroys.is_empty());
    // What calls a function or puts a statement together may destroy something, too; nobody reads a large load for that.
    let statements: usize = plan.steps.iter().filter_map(Step::script).map(|script| script.statements.len()).sum();
    let wanted = destroys || statements <= READ_AT_ONCE;
    let Some(limits) = desired.settings.undo.as_ref().filter(|_| wanted) else { return Vec::new() };
    database.undo_estimates(&plan.steps, limits).await.unwrap_or_else(|error| {
        tracing::debug!(%error, "what a plan would copy could not be estimated");
        Vec::new()
    })
}

async fn names(plan: &Arc<Plan>) -> Vec<String> {
    let plan = Arc::clone(plan);
    tokio::task::spawn_blocking(move || lint::names(&plan)).await.unwrap_or_default()
}

/// What the database says of these tables; nothing where it cannot be asked, which makes judgement stricter.
async fn catalog(database: &Arc<dyn Database>, names: &[String]) -> Catalog {
    database.catalog(names).await.unwrap_or_else(|error| {
        tracing::debug!(%error, "the catalog could not be read for a plan");
        Catalog::default()
    })
}
