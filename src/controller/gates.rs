//! Gathers what the gates of a plan look at. Reads only; what cannot be read is a fact, too.

use std::collections::BTreeMap;
use std::sync::Arc;

use kube::ResourceExt;

use crate::api::v1alpha1::{AUTHOR, DatabaseMigration, MigrationApproval};
use crate::gates::Guard;
use crate::rollout::{Desired, Gathered, Job};

use super::context::Context;

/// Gathers them for one plan.
pub async fn gather(context: &Context, object: &DatabaseMigration, desired: &Desired, job: &Job) -> Gathered {
    let guard = match desired.gates.approvals {
        Some(_) => Guard::Unknown("nobody looked".to_owned()),
        None => Guard::Installed,
    };
    let author = object.annotations().get(AUTHOR).filter(|_| guard == Guard::Installed).cloned();
    Gathered {
        assessment: Arc::new(crate::lint::assess(&job.plan, &crate::lint::Catalog::default())),
        shown_in: None,
        hide_sql: false,
        author,
        approvals: approvals(context, object),
        guard,
        neighbours: BTreeMap::new(),
        promotion: None,
    }
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
