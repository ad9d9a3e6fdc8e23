//! What is asked for: read, refused, combined.

use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};

use super::fixture::wanted;
use crate::database::Privilege;
use crate::gates::preflight::{FreeDisk, Requirements};

#[test]
fn what_nobody_wrote_holds_unless_set() {
    let usual = wanted(json!({}));
    assert_eq!(usual.transaction_age.value, Duration::from_secs(300));
    assert_eq!(usual.idle_in_transaction.value, Duration::from_secs(60));
    assert_eq!(usual.prepared_age.value, Duration::from_secs(300));
    assert_eq!(usual.lag.value, Duration::from_secs(30));
    assert_eq!(usual.retained.value, 10 << 30);
    assert_eq!(usual.free_share.as_ref().map(|share| share.value), Some(20.0));
    assert_eq!(usual.connections.value, 10);
    assert!(usual.privileges.is_some() && usual.invalid_indexes.is_some());
    assert!(usual.wraparound.is_some() && usual.archiving.is_some());
    assert!(!usual.transaction_age.named && !usual.retained.named && !usual.free_share.unwrap().named);
}

#[rstest]
#[case(json!({"minServerVersion": "x"}), "minServerVersion", "write 14 or 15.4")]
#[case(json!({"minServerVersion": "15.x"}), "minServerVersion", "write 14 or 15.4")]
#[case(json!({"minServerVersion": "150018"}), "minServerVersion", "write 14 or 15.4")]
#[case(json!({"extensions": ["pg_trgm", " "]}), "extensions", "an empty name")]
#[case(json!({"maxTransactionAge": "5 minutes"}), "maxTransactionAge", "as in 90s")]
#[case(json!({"maxReplicationLagBytes": "10GB"}), "maxReplicationLagBytes", "as in 10Gi")]
#[case(json!({"minFreeDisk": "100%"}), "minFreeDisk", "below 100%")]
#[case(json!({"minFreeDisk": "x%"}), "minFreeDisk", "below 100%")]
#[case(json!({"minFreeDisk": "10"}), "minFreeDisk", "as in 10Gi")]
#[case(json!({"minFreeConnections": -1}), "minFreeConnections", "not a number of connections")]
#[case(
    json!({"freeDisk": "1Gi", "freeDiskFrom": {"prometheus": {"endpoint": "a", "query": "b"}}}),
    "freeDiskFrom",
    "not both"
)]
fn what_cannot_be_read_is_refused_with_field_and_cure(#[case] spec: Value, #[case] field: &str, #[case] says: &str) {
    let (at, problem) = Requirements::of(&serde_json::from_value(spec).unwrap()).unwrap_err();
    assert_eq!(at, format!("preflight.{field}"));
    assert!(problem.contains(says), "{problem}");
}

fn both(a: Value, b: Value) -> Requirements {
    let one = wanted(a.clone()).and(wanted(b.clone()));
    let other = wanted(b).and(wanted(a));
    // Lists keep the order in which they were named.
    assert_eq!(one.transaction_age, other.transaction_age);
    assert_eq!((&one.free_share, &one.free_bytes), (&other.free_share, &other.free_bytes));
    assert_eq!((&one.version, &one.connections), (&other.version, &other.connections));
    assert_eq!(one.archiving, other.archiving);
    one
}

#[test]
fn of_two_the_stricter_holds() {
    let all = both(
        json!({"minServerVersion": "15", "maxTransactionAge": "1h", "minFreeConnections": 5, "extensions": ["a", "b"],
            "minFreeDisk": "30%", "forbidRoles": ["superuser"]}),
        json!({"minServerVersion": "15.4", "maxTransactionAge": "10m", "minFreeConnections": 20, "extensions": ["b", "c"],
            "minFreeDisk": "10Gi", "forbidRoles": ["superuser", "bypassrls"], "diskSize": "100Gi"}),
    );
    assert_eq!(all.version.unwrap().shown, "15.4");
    assert_eq!(all.transaction_age.shown, "10m");
    assert_eq!(all.connections.shown, "20");
    assert_eq!(all.extensions, ["a", "b", "c"]);
    assert_eq!((all.free_share.unwrap().shown, all.free_bytes.unwrap().shown), ("30%".to_owned(), "10Gi".to_owned()));
    assert_eq!(all.forbidden, [Privilege::Superuser, Privilege::BypassRls]);
    assert_eq!((all.disk_size, all.free_disk), (Some(100 << 30), FreeDisk::Unsaid));
}

#[test]
fn what_nobody_wrote_is_not_stricter_than_what_somebody_did() {
    let all = both(json!({"maxTransactionAge": "1h", "minFreeDisk": "1Gi", "archiving": "Allow"}), json!({}));
    assert_eq!(all.transaction_age.shown, "1h");
    assert_eq!((all.free_share, all.free_bytes.unwrap().shown), (None, "1Gi".to_owned()));
    assert_eq!(all.archiving, None);
    let all = both(json!({"archiving": "Allow"}), json!({"archiving": "Refuse"}));
    assert!(all.archiving.is_some());
}
