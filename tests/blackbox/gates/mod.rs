//! Gates that the scripts or the database answer: what they say, and that a plan passes by itself once they open.

mod lint;
mod preflight;
mod sql;

use std::time::Duration;

use sluice::api::v1alpha1::{DatabaseMigrationStatus, GateStatus};

use crate::env::{Operator, Pace, SOON, Team, eventually};

/// How soon an answer of the database that opened is noticed: it is asked every ten seconds.
const NOTICED: Duration = Duration::from_secs(25);

/// One item of the checklist.
fn item(status: &DatabaseMigrationStatus, gate: &str, name: &str) -> Option<GateStatus> {
    let items = &status.gates.as_ref()?.items;
    items.iter().find(|item| item.gate == gate && item.name.as_deref() == Some(name)).cloned()
}

/// Waits until a gate stands so, and returns what it says and what would open it.
async fn says(team: &Team, gate: &str, name: &str, state: &str) -> (String, String) {
    let stands = |status: &_| item(status, gate, name).is_some_and(|item| item.state == state);
    let status = team.until("shop", &format!("{gate} {name}: {state}"), stands).await;
    let item = item(&status, gate, name).unwrap();
    (item.message, item.opens.unwrap_or_default())
}

/// Waits until the plan has run, without anybody touching the object.
async fn runs_by_itself(team: &Team, version: &str) {
    let generation = team.get("shop").await.metadata.generation;
    let pace = Pace::start(team).await;
    team.at("shop", version).await;
    assert_eq!(team.get("shop").await.metadata.generation, generation);
    assert!(pace.elapsed() < NOTICED, "{:?}", pace.elapsed());
}

/// Waits until the gates were judged twice more, and checks that nothing was written meanwhile.
async fn stands_still(team: &Team, operator: &Operator, gate: &str, result: &str) {
    let series = format!(r#"sluice_gate_evaluations_total{{gate="{gate}",result="{result}"}}"#);
    let judged = || operator.metric(&series).unwrap_or_default();
    let (before, began) = (team.get("shop").await.metadata.resource_version, judged());
    eventually("two more looks at the gates", SOON * 2, || async {
        let seen = judged();
        if seen >= began + 2.0 { Ok(()) } else { Err(format!("{began} → {seen}")) }
    })
    .await;
    assert_eq!(team.get("shop").await.metadata.resource_version, before, "nothing changed, so nothing is written");
}
