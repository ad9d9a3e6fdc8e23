//! Shows a plan in full: a ConfigMap beside the object, owned by it, written again only when it says something else: a new plan, or
//! because somebody edited or deleted it. People approve what they read there.
//!
//! What is there under that name and is not the object's own is never touched.

use std::sync::Arc;

use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::{Patch, PatchParams};
use kube::{Api, Resource, ResourceExt};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::api::v1alpha1::{DatabaseMigration, FIELD_MANAGER};
use crate::plan::{Action, Plan, Step};
use crate::review::{PlanShown, markdown};
use crate::rollout::{Gathered, State};

use super::context::Context;
use super::memory::{Content, Shown};
use super::observe::Sight;

/// A ConfigMap may hold 1 MiB with everything around it.
const LARGEST: usize = 900 * 1024;
/// Names of objects end here.
const LONGEST_NAME: usize = 253;
/// So often a pass writes a plan that somebody touches each time before the answer is there; the next pass goes on.
const TRIES: usize = 5;

/// Writes the plan of this pass where it says something that was not written before, and notes where it can be read. A run
/// that begins does not wait for it.
pub async fn plan(context: &Context, object: &DatabaseMigration, sight: &mut Sight, state: &State) {
    let plan = state.job().filter(|job| job.take_back.is_none()).map(|job| &job.plan);
    let (Some(plan), Some(gathered)) = (plan, &mut sight.observed.gathered) else { return };
    let name = name(&object.name_any());
    let of = content(plan, gathered);
    let uid = &sight.observed.uid;
    gathered.shown_in = Some(name.clone());
    // A plan that waits is looked at in every pass, and writing out a large one takes its time.
    if context.memory.recall(uid).shown.is_some_and(|shown| shown.of == of) {
        return;
    }
    let shown = |version| Some(Shown { of: of.clone(), name: name.clone(), version });
    let Some(body) = body(object, &name, &data(plan, gathered)) else { return };
    let api: Api<ConfigMap> = Api::namespaced(context.client.clone(), &object.namespace().unwrap_or_default());
    let who = format!("{}/{}", object.namespace().unwrap_or_default(), object.name_any());
    if matches!(state, State::Pending(_)) {
        context.memory.update(uid, |memo| memo.shown = shown(None));
        tokio::spawn(async move {
            if let Err(why) = write(&api, &name, &body).await {
                tracing::warn!(object = %who, "the plan could not be shown in ConfigMap {name}: {why}");
            }
        });
        return;
    }
    for _ in 0..TRIES {
        context.memory.showing(uid, &name);
        match write(&api, &name, &body).await {
            Ok(version) => {
                if context.memory.shown(uid, shown(version)) {
                    return;
                }
            }
            Err(why) => {
                context.memory.shown(uid, None);
                // The plan waits all the same, and whoever needs the whole of it finds the reason here.
                tracing::warn!(object = %who, "the plan could not be shown in ConfigMap {name}: {why}");
                gathered.shown_in = None;
                return;
            }
        }
    }
}

/// `orders-plan`; a name that is too long for that is cut, and told from its like by a digest.
fn name(object: &str) -> String {
    const SUFFIX: &str = "-plan";
    if object.len() + SUFFIX.len() <= LONGEST_NAME {
        return format!("{object}{SUFFIX}");
    }
    let digest = hex::encode(Sha256::digest(object));
    let digest = digest.get(..10).unwrap_or_default();
    // Names of objects are ASCII.
    let head = object.get(..LONGEST_NAME - SUFFIX.len() - 11).unwrap_or_default().trim_end_matches(['-', '.']);
    format!("{head}-{digest}{SUFFIX}")
}

fn content(plan: &Plan, gathered: &Gathered) -> Content {
    let files = |step: &Step| {
        let down = match &step.action {
            Action::Apply { down, .. } | Action::Baseline { down, .. } => down.as_ref(),
            Action::Revert { .. } | Action::Repeat { .. } => None,
        };
        step.script().into_iter().chain(down).map(|script| script.file.clone()).collect::<Vec<_>>()
    };
    Content {
        digest: plan.digest.clone(),
        labels: plan.steps.iter().flat_map(|step| [vec![step.description.clone()], files(step)].concat()).collect(),
        hide_sql: gathered.hide_sql,
        assessment: Arc::clone(&gathered.assessment),
        undo: Arc::clone(&gathered.undo),
    }
}

fn data(plan: &Plan, gathered: &Gathered) -> serde_json::Value {
    for with_sql in [true, false] {
        if with_sql && gathered.hide_sql {
            continue;
        }
        let shown = PlanShown::of(plan, &gathered.assessment, &gathered.undo, with_sql);
        let json = serde_json::to_string_pretty(&shown).unwrap_or_default();
        let text = markdown(&shown);
        if json.len() + text.len() <= LARGEST {
            return json!({"plan.json": json, "plan.md": text});
        }
    }
    json!({"plan.md": format!(
        "## Plan {}\n\n{} steps with {} statements: too much for a ConfigMap. `sluice plan --dir DIR` shows all of it.\n",
        plan.digest,
        plan.steps.len(),
        plan.statements()
    )})
}

fn body(object: &DatabaseMigration, name: &str, data: &serde_json::Value) -> Option<serde_json::Value> {
    let owner: OwnerReference = object.controller_owner_ref(&())?;
    Some(json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": name,
            "labels": {"app.kubernetes.io/managed-by": FIELD_MANAGER},
            "ownerReferences": [owner],
        },
        "data": data,
    }))
}

/// Writes it, and says at which resource version it is then.
async fn write(api: &Api<ConfigMap>, name: &str, body: &serde_json::Value) -> Result<Option<String>, String> {
    if let Some(there) = api.get_metadata_opt(name).await.map_err(|error| error.to_string())? {
        let uid = body.pointer("/metadata/ownerReferences/0/uid").and_then(serde_json::Value::as_str);
        let own = there.owner_references().iter().any(|owner| Some(owner.uid.as_str()) == uid);
        if !own {
            return Err("there is one of that name that is not this object's; rename or delete it".to_owned());
        }
    }
    let params = PatchParams::apply(FIELD_MANAGER).force();
    let written = api.patch(name, &params, &Patch::Apply(body)).await.map_err(|error| error.to_string())?;
    Ok(written.resource_version())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::gates::Guard;
    use crate::lint::{self, Catalog, Relation};
    use crate::migration::{Dialect, Layout, MigrationSet, RawFile, SetOptions};
    use crate::plan::{Ledger, Policy, Target, make};

    /// One pass that looks at a script of that name and text, in a table of that size.
    fn pass(file: &str, sql: &str, bytes: u64, hide_sql: bool, took: Option<Duration>) -> (Plan, Gathered) {
        let options = SetOptions { dialect: Dialect::Postgres, layout: Layout::Auto, allow_gaps: false };
        let set = MigrationSet::read(&[RawFile::named(file, sql)], options).unwrap();
        let plan = make(&set, &Ledger::default(), &Target::Latest, &Policy::default()).unwrap();
        let orders = Relation { kind: 'r', bytes, ..Relation::default() };
        let catalog = Catalog {
            relations: [("public.orders".to_owned(), orders)].into(),
            search_path: vec!["public".to_owned()],
            known: true,
            ..Catalog::default()
        };
        let assessment = Arc::new(lint::assess(&plan, &catalog).after(took));
        let gathered = Gathered {
            shown_in: None,
            hide_sql,
            assessment,
            undo: Arc::default(),
            author: None,
            approvals: Vec::new(),
            guard: Guard::Missing(String::new()),
            neighbours: Default::default(),
            promotion: None,
            preflight: None,
            sql: Vec::new(),
        };
        (plan, gathered)
    }

    #[test]
    fn a_plan_is_written_out_again_when_something_of_it_changes_and_only_then() {
        const SQL: &str = "create index by_day on orders (day);";
        let seen = |(plan, gathered): (Plan, Gathered)| (content(&plan, &gathered), data(&plan, &gathered));
        let (known, text) = seen(pass("V001__by_day.sql", SQL, 1 << 30, false, None));
        assert_eq!(seen(pass("V001__by_day.sql", SQL, 1 << 30, false, None)), (known.clone(), text.clone()));
        let others = [
            pass("V001__by_day.sql", "create index by_day on orders (day, id);", 1 << 30, false, None),
            pass("V001__by_the_day.sql", SQL, 1 << 30, false, None),
            pass("V001__by_day.sql", SQL, 1 << 40, false, None),
            pass("V001__by_day.sql", SQL, 1 << 30, true, None),
            pass("V001__by_day.sql", SQL, 1 << 30, false, Some(Duration::from_secs(77))),
        ];
        for (number, other) in others.into_iter().enumerate() {
            let (other, says) = seen(other);
            assert!(says != text, "{number}: the same words");
            assert!(other != known, "{number}");
        }
    }

    #[test]
    fn a_name_that_is_too_long_is_cut_and_stays_its_own() {
        assert_eq!(name("orders"), "orders-plan");
        let (a, b) = (name(&format!("{}a", "x".repeat(252))), name(&format!("{}b", "x".repeat(252))));
        assert!(a.len() <= 253 && a.ends_with("-plan") && a != b, "{a}");
    }
}
