//! Room on the disk.

use rstest::rstest;
use serde_json::{Value, json};

use super::fixture::{but, facts, line, told, unknown, wanted};
use crate::gates::preflight::{Case, Needs, judge};

const GI: u64 = 1 << 30;

/// 40Gi of the disk are taken by databases and WAL.
#[rstest]
#[case::enough_by_the_disk_s_size(json!({"diskSize": "100Gi"}), Some(10 * GI), "Open: about 60Gi of the disk is free, and the plan writes about 10Gi anew")]
#[case::enough_by_what_is_declared(json!({"freeDisk": "60Gi"}), Some(0), "Open: about 60Gi of the disk is free, and the plan writes nothing anew")]
#[case::exactly_enough(json!({"diskSize": "100Gi"}), Some(40 * GI), "Open:")]
#[case::too_little_of_a_share(
    json!({"diskSize": "100Gi"}),
    Some(41 * GI),
    "Closed: about 60Gi of the disk is free, and the plan writes about 41Gi anew: less than 20% would be left; \
     spec.gates.preflight.minFreeDisk is 20% unless set → enlarge the disk, or free some of it"
)]
#[case::too_little_of_a_size(
    json!({"diskSize": "100Gi", "minFreeDisk": "30Gi"}),
    Some(31 * GI),
    "Closed: about 60Gi of the disk is free, and the plan writes about 31Gi anew: less than 30Gi would be left; \
     spec.gates.preflight.minFreeDisk is 30Gi → enlarge"
)]
#[case::a_size_is_enough(json!({"diskSize": "100Gi", "minFreeDisk": "1Gi"}), Some(55 * GI), "Open:")]
#[case::does_not_fit(json!({"freeDisk": "5Gi", "minFreeDisk": "0"}), Some(6 * GI), "Closed: about 5Gi of the disk is free, and the plan writes about 6Gi anew: that does not fit")]
#[case::fuller_than_it_can_be(json!({"diskSize": "30Gi"}), Some(0), "Closed: nothing of the disk is free, and the plan writes nothing anew: less than 20%")]
#[case::what_is_written_cannot_be_told(json!({"freeDisk": "60Gi"}), None, "Open: about 60Gi of the disk is free, and what the plan writes anew cannot be told")]
#[case::still_too_little(json!({"freeDisk": "6Gi"}), None, "Closed: about 6Gi of the disk is free, and what the plan writes anew cannot be told: less than 20%")]
fn there_is_room_or_not(#[case] spec: Value, #[case] bytes: Option<u64>, #[case] says: &str) {
    let needs = Needs { bytes, ..Needs::default() };
    let told = line(super::fixture::verdict("minFreeDisk", spec, &facts(), &needs));
    assert!(told.starts_with(says), "{told}");
}

#[test]
fn where_nobody_says_how_large_the_disk_is_nothing_can_be_told() {
    let why =
        "PostgreSQL does not know how much of its disk is free; give spec.gates.preflight.freeDiskFrom, diskSize or";
    let note = told("minFreeDisk", json!({}), &facts());
    assert!(note.starts_with(&format!("Open: cannot tell, and nobody asked for it: {why}")), "{note}");
    let unknown = told("minFreeDisk", json!({"minFreeDisk": "10Gi"}), &facts());
    assert!(unknown.starts_with(&format!("Unknown: cannot tell: {why}")), "{unknown}");
}

#[test]
fn whoever_gives_a_size_wants_to_know() {
    let blind = but(|facts| facts.wal_bytes = unknown());
    assert!(told("minFreeDisk", json!({"diskSize": "100Gi"}), &blind).starts_with("Unknown"));
    // A share of what nobody knows.
    let share = told("minFreeDisk", json!({"freeDisk": "60Gi"}), &blind);
    assert!(share.starts_with("Unknown: cannot tell: how large the disk is: ") && share.contains("give diskSize"));
    assert!(told("minFreeDisk", json!({"freeDisk": "60Gi", "minFreeDisk": "10Gi"}), &blind).starts_with("Open"));
    assert!(told("minFreeDisk", json!({"freeDisk": "60Gi", "diskSize": "100Gi"}), &blind).starts_with("Open"));
}

#[test]
fn somebody_else_may_be_asked() {
    let spec = json!({"freeDiskFrom": {"prometheus": {"endpoint": "platform", "query": "min(free)"}}});
    let told = |answer: Option<&Result<u64, String>>| {
        let wanted = wanted(spec.clone());
        let needs = Needs { bytes: Some(GI), ..Needs::default() };
        let all = judge(&Case { wanted: &wanted, facts: &facts(), needs: &needs, free_disk: answer });
        line(all.into_iter().find(|verdict| verdict.name.as_deref() == Some("minFreeDisk")))
    };
    assert!(told(Some(&Ok(30 * GI))).starts_with("Open: about 30Gi of the disk is free"));
    assert!(told(Some(&Ok(2 * GI))).starts_with("Closed: about 2Gi"));
    assert!(told(Some(&Err("does not answer".to_owned()))).starts_with("Unknown: cannot tell: does not answer"));
    assert!(told(None).starts_with("Unknown: cannot tell: the endpoint platform was not asked yet"));
}
