//! Standbys and slots.

use rstest::rstest;
use serde_json::json;

use super::fixture::{but, standby, told};
use crate::database::{Fact, Slot, SlotWal, Standby};

#[rstest]
#[case::none(vec![], "Open: no standby is connected")]
#[case::caught_up(vec![standby(None, Some(0))], "Open: no standby is more than 10s behind")]
#[case::exactly_that_far(vec![standby(Some(10), Some(1))], "Open:")]
#[case::further(
    vec![standby(Some(11), None), standby(None, None)],
    "Closed: standby `replica` is more than 10s behind; spec.gates.preflight.maxReplicationLag is 10s → wait for it to"
)]
#[case::not_there_yet(
    vec![Standby { catching_up: true, ..standby(None, Some(1)) }],
    "Closed: standby `replica` is still catching up; spec.gates.preflight.maxReplicationLag is 10s →"
)]
fn a_standby_is_behind_or_not(#[case] standbys: Vec<Standby>, #[case] says: &str) {
    let facts = but(|facts| facts.standbys = Fact::Known(standbys));
    let told = told("maxReplicationLag", json!({"maxReplicationLag": "10s"}), &facts);
    assert!(told.starts_with(says), "{told}");
}

#[test]
fn a_standby_has_much_left_to_replay_or_not() {
    let told = |bytes| {
        let facts = but(|facts| facts.standbys = Fact::Known(vec![standby(None, bytes)]));
        told("maxReplicationLagBytes", json!({"maxReplicationLagBytes": "1Mi"}), &facts)
    };
    assert_eq!(told(None), "Open: no standby has more than 1Mi left to replay");
    assert!(told(Some(1 << 20)).starts_with("Open"));
    let much = told(Some((1 << 20) + 1));
    assert!(
        much.starts_with("Closed: standby `replica`: more than 1Mi left to replay; spec.gates.preflight.maxRepl"),
        "{much}"
    );
    // Not to be seen is not to be told, and this threshold is only there where somebody wrote it.
    let blind = but(|facts| facts.standbys = super::fixture::unknown());
    let spec = json!({"maxReplicationLagBytes": "1Mi"});
    assert!(super::fixture::told("maxReplicationLagBytes", spec, &blind).starts_with("Unknown"));
}

#[rstest]
#[case::little(true, SlotWal::Kept, 10 << 30, "Open: no replication slot keeps more than 10Gi of WAL")]
#[case::much(
    false,
    SlotWal::Kept,
    (10 << 30) + 1,
    "Closed: replication slot `cdc` that nobody reads keeps more than 10Gi of WAL; spec.gates.preflight.maxSlotRetained is \
     10Gi unless set → let whoever reads it catch up, or drop it where nobody needs it: select pg_drop_replication_slot('cdc')"
)]
#[case::about_to_lose(true, SlotWal::AtRisk, 0, "Closed: replication slot `cdc` is about to lose WAL that it needs;")]
#[case::lost(false, SlotWal::Lost, 99 << 30, "Open:")]
fn a_slot_keeps_much_or_not(#[case] active: bool, #[case] wal: SlotWal, #[case] retained: u64, #[case] says: &str) {
    let facts = but(|facts| facts.slots = Fact::Known(vec![Slot { name: "cdc".to_owned(), active, wal, retained }]));
    let told = told("maxSlotRetained", json!({}), &facts);
    assert!(told.starts_with(says), "{told}");
}
