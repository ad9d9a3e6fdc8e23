//! A restart among many objects that are done: no storm, and whoever is new does not stand in line behind them; what the process before
//! had reported is kept right.

use std::collections::BTreeMap;

use kube::ResourceExt;
use kube::api::{ListParams, Patch, PatchParams};
use serde_json::json;
use sluice::api::v1alpha1::DatabaseMigrationStatus;

use crate::env::{Operator, SOON, Spec, Team, condition, eventually, files};

const MANY: usize = 60;

/// Each with a ledger of its own in one database.
fn one_of_many(number: usize) -> (String, Spec) {
    let scripts = files(&[("V001__nothing.sql", "select 1;")]);
    let ledger = format!("ledger_{number:02}");
    (format!("done-{number:02}"), Spec::latest().inline(&scripts).set("/database/ledgerSchema", json!(ledger)))
}

/// Names of the objects that are Ready, with their resource versions.
async fn ready(team: &Team) -> BTreeMap<String, String> {
    let objects = team.migrations().list(&ListParams::default()).await.unwrap().items;
    let ready =
        |status: &DatabaseMigrationStatus| condition(status, "Ready").is_some_and(|(ready, _, _)| ready == "True");
    objects
        .into_iter()
        .filter(|object| object.status.as_ref().is_some_and(ready))
        .map(|object| (object.name_any(), object.resource_version().unwrap()))
        .collect()
}

/// Passes, whatever came of them.
fn passes(operator: &Operator) -> f64 {
    let page = operator.page("/metrics").unwrap_or_default();
    let series = page.lines().filter(|line| line.starts_with("sluice_reconcile_total{"));
    series.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

#[tokio::test]
async fn a_restart_among_many_that_are_done_connects_for_none_and_serves_a_new_one_at_once() {
    let team = Team::new("many").await;
    let first = Operator::start(&team.namespace);
    for number in 0..MANY {
        let (name, spec) = one_of_many(number);
        team.apply(&name, &spec).await;
    }
    eventually("all are ready", 4 * SOON, || async {
        let ready = ready(&team).await.len();
        if ready == MANY { Ok(()) } else { Err(format!("{ready}")) }
    })
    .await;
    drop(first);
    team.deserted().await;
    let before = ready(&team).await;
    team.listen().await;
    team.create_database("many_fresh").await;
    team.secret("fresh", "many_fresh").await;

    // Each is looked at again at some time within that: with ten minutes, one of so many would be while the test goes on.
    let second = Operator::with(&team.namespace, &["--leader-elect=false", "--resync", "24h"]);
    eventually("passes over the first of them", SOON, || async {
        let passes = passes(&second);
        if passes > 0.0 { Ok(()) } else { Err(format!("{passes}")) }
    })
    .await;
    let scripts = files(&[("V001__nothing.sql", "select 1;")]);
    team.apply("fresh", &Spec::latest().inline(&scripts).set("/database/secretRef/name", json!("fresh"))).await;
    // Long before the others are looked at again.
    team.ready("fresh").await;
    eventually("passes over all of them", SOON, || async {
        let passes = passes(&second);
        if passes >= (MANY + 2) as f64 { Ok(()) } else { Err(format!("{passes}")) }
    })
    .await;

    assert_eq!(team.heard(), [], "an object that is done must not cost a connection");
    let mut after = ready(&team).await;
    after.remove("fresh");
    assert_eq!(after, before, "an object that is done must not cost a write");
}

#[tokio::test]
async fn what_is_written_over_a_report_that_an_earlier_operator_wrote_is_put_right() {
    let team = Team::new("written-over").await;
    let first = Operator::start(&team.namespace);
    let (name, spec) = one_of_many(1);
    team.apply(&name, &spec).await;
    team.ready(&name).await;
    drop(first);
    team.deserted().await;
    let second = Operator::with(&team.namespace, &["--leader-elect=false", "--resync", "24h"]);
    eventually("a pass that has nothing to report", SOON, || async {
        let passes = passes(&second);
        if passes > 0.0 { Ok(()) } else { Err(format!("{passes}")) }
    })
    .await;

    team.wipe_status(&name).await;
    team.ready(&name).await;

    let other = json!({"status": {"applied": {"version": "777"}}});
    team.migrations().patch_status(&name, &PatchParams::default(), &Patch::Merge(&other)).await.unwrap();
    eventually("the version is that of the ledger", SOON, || async {
        let applied = team.get(&name).await.status.and_then(|status| status.applied).map(|applied| applied.version);
        if applied.as_deref() == Some("001") { Ok(()) } else { Err(format!("{applied:?}")) }
    })
    .await;
}
