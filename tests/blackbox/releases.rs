//! What another release of Sluice left in a ledger: nothing of it may make this one busy or helpless.

use serde_json::json;

use crate::env::{Operator, Spec, Team, condition};

/// Passes that began something: others may be woken by what other tests do to the whole cluster.
fn begun(operator: &Operator) -> f64 {
    operator.metric("sluice_reconcile_total{result=\"acted\"}").unwrap_or_default()
}

#[tokio::test]
async fn checks_that_this_release_cannot_read_wait_calmly_for_a_person() {
    let (team, mut first) = Team::verified_at_001("releases").await;
    team.apply("shop", &Team::shop("002").set("/verification/duration", json!("10m"))).await;
    team.reason("shop", "Verifying").await;
    first.kill();
    team.sql(r#"update sluice.migration_verifications set spec = '{"checks": [{"name": "omen", "telepathy": {}}]}' where verdict is null"#)
        .await;
    team.apply("shop", &Spec::to("002").set("/adoption/allowExisting", json!(true))).await;
    let operator = Operator::start(&team.namespace);
    let message = team.reason("shop", "Paused").await;
    for part in ["version 002 is in effect", "checks[omen]", "set spec.verification", "sluice.dev/abort"] {
        assert!(message.contains(part), "{message}");
    }
    let status = team.get("shop").await.status.unwrap();
    assert_eq!(condition(&status, "Verified").unwrap().1, "Paused");
    team.falls_silent().await;
    let before = begun(&operator);
    team.falls_silent().await;
    assert_eq!(begun(&operator), before, "nothing is repeated");

    team.annotate("shop", "sluice.dev/abort", "1").await;
    let status = team.ready("shop").await;
    assert_eq!(status.verification.unwrap().verdict, "Aborted");
    assert_eq!(
        team.value("select verdict from sluice.migration_verifications order by started_at desc").await,
        "aborted"
    );
}
