//! What is asked for: read, refused.

use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};

use super::fixture::wanted;
use crate::gates::preflight::Requirements;

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
