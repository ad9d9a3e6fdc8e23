//! What others are doing in the database.

use rstest::rstest;
use serde_json::json;

use super::fixture::{ago, but, session, sessions, told};
use crate::database::{Fact, Prepared, SessionFacts, Sessions};

#[rstest]
#[case::nobody(vec![], "Open: no session has been in a transaction for more than 5m")]
#[case::exactly_as_long(vec![session(1, "", 300, None)], "Open:")]
#[case::longer(
    vec![session(4711, "batch", 720, None), session(2, "", 10, None)],
    "Closed: session 4711 (app `batch`, role reporting) since 2026-11-25T11:48:00Z has been in a transaction; \
     spec.gates.preflight.maxTransactionAge is 5m unless set → wait for it, or end it with: select pg_terminate_backend(4711)"
)]
#[case::several(
    vec![session(1, "", 900, None), session(2, "`x\n`", 800, None), session(3, "c", 700, None), session(4, "d", 600, None)],
    "Closed: session 1 (role reporting) since 2026-11-25T11:45:00Z, session 2 (app `'x'`, role reporting) since \
     2026-11-25T11:46:40Z, session 3 (app `c`, role reporting) since 2026-11-25T11:48:20Z and 1 more have been in a transaction; \
     spec.gates.preflight.maxTransactionAge is 5m unless set → wait for it, or end it with: select pg_terminate_backend(1)"
)]
fn a_transaction_is_old_or_not(#[case] seen: Vec<SessionFacts>, #[case] says: &str) {
    let told = told("maxTransactionAge", json!({}), &sessions(seen));
    assert!(told.starts_with(says), "{told}");
}

#[test]
fn what_is_said_does_not_change_as_time_goes_by() {
    let seen = || vec![session(4711, "batch", 720, Some(600))];
    let before = sessions(seen());
    let later = but(|facts| {
        facts.sessions = Fact::Known(Sessions { seen: seen(), hidden: None });
        facts.now = ago(-86_400);
    });
    for field in ["maxTransactionAge", "maxIdleInTransaction"] {
        let told_before = told(field, json!({}), &before);
        assert!(told_before.starts_with("Closed"), "{told_before}");
        assert_eq!(told_before, told(field, json!({}), &later));
    }
}

#[rstest]
#[case::at_work(vec![session(1, "", 900, None)], "Open: no session has been idle in a transaction for more than 30s")]
#[case::for_a_moment(vec![session(1, "", 900, Some(30))], "Open:")]
#[case::for_long(
    vec![session(1, "", 900, Some(31)), session(7, "shell", 600, Some(599))],
    "Closed: session 7 (app `shell`, role reporting) since 2026-11-25T11:50:01Z, session 1 (role reporting) since \
     2026-11-25T11:59:29Z have been idle in a transaction; spec.gates.preflight.maxIdleInTransaction is 30s → commit or roll \
     it back there, or end it with: select pg_terminate_backend(7); the server's setting"
)]
fn a_session_sits_idle_or_not(#[case] seen: Vec<SessionFacts>, #[case] says: &str) {
    let told = told("maxIdleInTransaction", json!({"maxIdleInTransaction": "30s"}), &sessions(seen));
    assert!(told.starts_with(says), "{told}");
}

#[test]
fn sessions_that_cannot_be_seen_may_be_in_a_transaction() {
    let hidden = |seen| {
        but(|facts| facts.sessions = Fact::Known(Sessions { seen, hidden: Some("sessions are hidden".to_owned()) }))
    };
    for (field, value) in [("maxTransactionAge", "5m"), ("maxIdleInTransaction", "1m")] {
        let note = told(field, json!({}), &hidden(Vec::new()));
        assert_eq!(note, "Open: cannot tell, and nobody asked for it: sessions are hidden");
        let unknown = told(field, json!({field: value}), &hidden(Vec::new()));
        assert!(unknown.starts_with("Unknown: cannot tell: sessions are hidden"), "{unknown}");
        // One that can be seen is enough.
        let closed = told(field, json!({}), &hidden(vec![session(1, "", 900, Some(800))]));
        assert!(closed.starts_with("Closed: session 1"), "{closed}");
    }
}

#[test]
fn a_prepared_transaction_is_left_behind_or_not() {
    let prepared = |seconds| {
        let one = |gid: &str, seconds| Prepared { gid: gid.to_owned(), owner: "jta".to_owned(), since: ago(seconds) };
        but(|facts| facts.prepared = Fact::Known(vec![one("it's", seconds), one("young", 1)]))
    };
    let told = |seconds| told("maxPreparedAge", json!({"maxPreparedAge": "1m"}), &prepared(seconds));
    assert_eq!(told(60), "Open: no transaction has been prepared for more than 1m");
    assert_eq!(
        told(61),
        "Closed: transaction `it's` of role jta since 2026-11-25T11:58:59Z has been prepared and not ended; \
         spec.gates.preflight.maxPreparedAge is 1m → let its transaction manager end it, or as its owner run: ROLLBACK \
         PREPARED 'it''s'"
    );
}
