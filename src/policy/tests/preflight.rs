//! What must hold in the database just before SQL runs.

use serde_json::{Value, json};

use super::{field, imposed, raised};

fn preflight(fields: Value) -> Value {
    json!({"gates": {"preflight": fields}})
}

#[test]
fn the_strictest_threshold_holds_and_what_holds_unless_set_is_a_bound_as_well() {
    let raised = raised(
        preflight(
            json!({"maxTransactionAge": "10m", "maxReplicationLag": "5s", "maxSlotRetained": "1Ti", "minServerVersion": "15"}),
        ),
        &[preflight(json!({
            "maxTransactionAge": "8m", "maxIdleInTransaction": "2m", "maxReplicationLag": "10s", "maxSlotRetained": "20Gi",
            "maxReplicationLagBytes": "64Mi", "minServerVersion": "15.4", "minFreeConnections": 20, "minFreeDisk": "25%",
            "extensions": ["pg_trgm"], "encoding": "UTF8", "archiving": "Refuse",
        }))],
    );
    assert_eq!(
        field(&raised, "gates.preflight"),
        json!({
            "maxTransactionAge": "8m", "maxIdleInTransaction": "1m", "maxReplicationLag": "5s", "maxSlotRetained": "20Gi",
            "maxReplicationLagBytes": "64Mi", "minServerVersion": "15.4", "minFreeConnections": 20, "minFreeDisk": "25%",
            "extensions": ["pg_trgm"], "encoding": "UTF8", "archiving": "Refuse",
        })
    );
    let told = imposed(&raised, "a");
    for line in [
        "spec.gates.preflight.maxTransactionAge: 8m instead of 10m",
        "spec.gates.preflight.maxIdleInTransaction: 1m must be known",
        "spec.gates.preflight.maxReplicationLagBytes: 64Mi instead of any",
        "spec.gates.preflight.archiving: Refuse instead of Refuse where it can be told",
    ] {
        assert!(told.contains(&line), "{line}: {told:?}");
    }
}

#[test]
fn what_cannot_be_compared_or_cannot_both_hold_is_in_the_way() {
    let raised = raised(
        preflight(json!({"minFreeDisk": "10Gi", "encoding": "UTF8"})),
        &[preflight(json!({"minFreeDisk": "25%", "encoding": "LATIN1"}))],
    );
    assert_eq!(
        raised.violations,
        [
            "MigrationPolicy a: spec.gates.preflight.minFreeDisk: 25% cannot be compared with 10Gi; write both as shares or both as sizes",
            "MigrationPolicy a: spec.gates.preflight.encoding must be LATIN1, and is UTF8; no database has both",
        ]
    );
}

#[test]
fn rights_that_a_policy_forbids_are_looked_for_by_the_pre_flight() {
    let raised = raised(
        preflight(json!({"forbidRoles": ["superuser"]})),
        &[
            json!({"database": {"forbidRoles": ["superuser", "bypassrls"]}, "gates": {"preflight": {"forbidRoles": ["replication"]}}}),
        ],
    );
    assert_eq!(field(&raised, "gates.preflight.forbidRoles"), json!(["superuser", "bypassrls", "replication"]));
    assert_eq!(imposed(&raised, "a"), ["spec.gates.preflight.forbidRoles: bypassrls, replication added"]);
}

#[test]
fn who_knows_the_free_disk_is_for_the_platform_to_say() {
    let asked =
        json!({"freeDiskFrom": {"prometheus": {"endpoint": "platform", "query": "node_filesystem_avail_bytes"}}});
    let declared = preflight(json!({"freeDisk": "900Ti"}));
    let one = raised(declared.clone(), &[preflight(asked.clone())]);
    assert_eq!(field(&one, "gates.preflight"), asked);
    let two = raised(json!({}), &[preflight(asked), declared]);
    assert!(two.violations[0].contains("make the two agree"), "{:?}", two.violations);
}

#[test]
fn conditions_are_put_together_under_names_of_their_own() {
    let condition = |name: &str, query: &str| json!({"name": name, "query": query, "expect": "value == 0"});
    let sql = |conditions: &[Value]| json!({"gates": {"sql": conditions}});
    let raised = raised(
        sql(&[condition("quiet", "select 1")]),
        &[
            sql(&[condition("quiet", "select 2"), condition("calm", "select 1")]),
            sql(&[condition("quiet", "select 2"), condition("quiet-a", "select 3")]),
        ],
    );
    assert_eq!(
        field(&raised, "gates.sql"),
        json!([condition("quiet", "select 1"), condition("quiet-a", "select 2"), condition("quiet-a-b", "select 3")])
    );
}
