//! Requirements of the server, the database and the role.

use rstest::rstest;
use serde_json::{Value, json};

use super::fixture::{but, facts, told, unknown};
use crate::database::{Archiving, Connections, Fact, Power, Privilege};

#[test]
fn nothing_is_said_of_what_nobody_asked_for() {
    for field in ["minServerVersion", "encoding", "extensions", "forbidRoles", "maxReplicationLagBytes"] {
        assert_eq!(told(field, json!({}), &facts()), "nothing", "{field}");
    }
    for field in ["privileges", "invalidIndexes", "wraparound", "archiving"] {
        assert_eq!(told(field, json!({field: "Allow"}), &facts()), "nothing", "{field}");
    }
}

#[rstest]
#[case("14", "Open: the server is PostgreSQL 15.18")]
#[case("15.18", "Open: the server is PostgreSQL 15.18")]
#[case(
    "15.19",
    "Closed: the server is PostgreSQL 15.18; spec.gates.preflight.minServerVersion is 15.19 → upgrade the server to \
     PostgreSQL 15.19 or later"
)]
#[case(
    "16",
    "Closed: the server is PostgreSQL 15.18; spec.gates.preflight.minServerVersion is 16 → upgrade the server to \
     PostgreSQL 16 or later"
)]
fn a_server_is_old_or_not(#[case] least: &str, #[case] says: &str) {
    assert_eq!(told("minServerVersion", json!({"minServerVersion": least}), &facts()), says);
}

#[rstest]
#[case("UTF8", "Open: the database's encoding is UTF8")]
#[case("utf-8", "Open: the database's encoding is UTF8")]
#[case(
    "LATIN1",
    "Closed: the database's encoding is UTF8; spec.gates.preflight.encoding is LATIN1 → an encoding cannot"
)]
fn an_encoding_is_the_one_or_not(#[case] wanted: &str, #[case] says: &str) {
    let told = told("encoding", json!({"encoding": wanted}), &facts());
    assert!(told.starts_with(says), "{told}");
}

#[rstest]
#[case::installed(&["pg_trgm"], "Open: all extensions are installed")]
#[case::can_be_installed(&["pg_trgm", "uuid-ossp"], "Open: extension uuid-ossp is not installed yet, and the role may")]
#[case::not_by_this_role(
    &["citext", "pg_trgm"],
    "Closed: extension citext is not installed in the database, and role app may not install it → as a superuser run in \
     the database: CREATE EXTENSION \"citext\""
)]
#[case::not_there(&["postgis"], "Closed: the server has no extension postgis, which spec.gates.preflight.extensions asks")]
fn extensions_are_there_or_not(#[case] wanted: &[&str], #[case] says: &str) {
    let told = told("extensions", json!({"extensions": wanted}), &facts());
    assert!(told.starts_with(says), "{told}");
}

#[test]
fn extensions_and_privileges_that_cannot_be_told_close() {
    let facts = but(|facts| {
        facts.extensions = unknown();
        facts.powers = unknown();
    });
    for spec in [json!({"extensions": ["pg_trgm"]}), json!({"forbidRoles": ["superuser"]})] {
        let field = spec.as_object().unwrap().keys().next().unwrap().clone();
        let told = told(&field, spec, &facts);
        let says = format!(
            "Unknown: cannot tell: role \"app\" may not see it → it can be told, or spec.gates.preflight.{field} is left out"
        );
        assert_eq!(told, says);
    }
}

fn power(privilege: Privilege, through: &str) -> Power {
    Power { privilege, through: through.to_owned() }
}

#[rstest]
#[case::none(vec![], json!(["superuser"]), "Open: role app has none of the privileges")]
#[case::another(vec![power(Privilege::CreateRole, "app")], json!(["superuser"]), "Open:")]
#[case::its_own(
    vec![power(Privilege::BypassRls, "app")],
    json!(["superuser", "bypassrls"]),
    "Closed: role app may use BYPASSRLS, which spec.gates.preflight.forbidRoles forbids → put another role into the Secret, \
     or take it away: ALTER ROLE \"app\" NOBYPASSRLS"
)]
#[case::of_another(
    vec![power(Privilege::ExecuteProgram, "pg_execute_server_program"), power(Privilege::CreateRole, "boss")],
    json!(["createrole", "executeprogram"]),
    "Closed: role app may use CREATEROLE (through boss), programs on the server (through pg_execute_server_program), which \
     spec.gates.preflight.forbidRoles forbids → put another role into the Secret, or take it away: REVOKE \"boss\" FROM \"app\""
)]
#[case::everything_for_it_may_do_everything(
    vec![power(Privilege::ServerFiles, "app"), power(Privilege::Superuser, "app"), power(Privilege::ExecuteProgram, "app")],
    json!(["serverfiles", "executeprogram"]),
    "Closed: role app may use SUPERUSER, which spec.gates.preflight.forbidRoles forbids → put another role into the Secret, \
     or take it away: ALTER ROLE \"app\" NOSUPERUSER"
)]
fn a_role_can_do_more_than_it_should_or_not(#[case] powers: Vec<Power>, #[case] forbidden: Value, #[case] says: &str) {
    let facts = but(|facts| facts.powers = Fact::Known(powers));
    let told = told("forbidRoles", json!({"forbidRoles": forbidden}), &facts);
    assert!(told.starts_with(says), "{told}");
}

#[rstest]
#[case::many(Connections { used: 20, max: 100, reserved: 3, ..Connections::default() }, "Open: at least 10 connections are left")]
#[case::exactly_enough(Connections { used: 87, max: 100, reserved: 3, ..Connections::default() }, "Open:")]
#[case::one_too_few(
    Connections { used: 88, max: 100, reserved: 3, ..Connections::default() },
    "Closed: fewer than 10 connections are left of the server's max_connections of 100, 3 of them reserved; \
     spec.gates.preflight.minFreeConnections is 10 unless set → close sessions that nobody needs, or raise max_connections"
)]
#[case::of_the_role(
    Connections { used: 20, max: 100, reserved: 3, role: (15, Some(20)), ..Connections::default() },
    "Closed: fewer than 10 connections are left of the limit of 20 for role app; spec.gates.preflight.minFreeConnections is \
     10 unless set → close sessions of the role, or run: ALTER ROLE \"app\" CONNECTION LIMIT -1"
)]
#[case::of_the_database(
    Connections { used: 20, max: 100, reserved: 3, database: (15, Some(20)), ..Connections::default() },
    "Closed: fewer than 10 connections are left of the limit of 20 for the database;"
)]
#[case::more_than_there_may_be(Connections { used: 101, max: 100, reserved: 3, ..Connections::default() }, "Closed:")]
fn connections_are_left_or_not(#[case] connections: Connections, #[case] says: &str) {
    let told = told("minFreeConnections", json!({}), &but(|facts| facts.connections = Fact::Known(connections)));
    assert!(told.starts_with(says), "{told}");
}

#[test]
fn no_connection_has_to_be_left_where_nobody_wants_one() {
    let full =
        but(|facts| facts.connections = Fact::Known(Connections { used: 100, max: 100, ..Connections::default() }));
    let told = told("minFreeConnections", json!({"minFreeConnections": 0}), &full);
    assert_eq!(told, "Open: at least 0 connections are left");
}

#[test]
fn archiving_works_or_fails_or_nobody_asked_for_it() {
    let told = |archiving| told("archiving", json!({}), &but(|facts| facts.archiving = Fact::Known(archiving)));
    assert_eq!(told(Archiving::Off), "Open: the server does not archive its WAL (archive_mode is off)");
    assert_eq!(told(Archiving::Working), "Open: WAL gets archived");
    let failing = told(Archiving::Failing { file: "0001".to_owned(), last: Some(super::fixture::ago(3600)) });
    assert_eq!(
        failing,
        "Closed: the server fails to archive its WAL: 0001 cannot be archived; the last one that was archived was so at \
         2026-11-25T11:00:00Z → mend archive_command or archive_library; the server's log says what is wrong"
    );
    let never = told(Archiving::Failing { file: "0001".to_owned(), last: None });
    assert!(never.contains("none was ever archived"), "{never}");
}

/// Every requirement with a default: a note where nobody wrote the threshold, closed where somebody did.
#[rstest]
#[case("minFreeConnections", json!(10))]
#[case("maxTransactionAge", json!("5m"))]
#[case("maxIdleInTransaction", json!("1m"))]
#[case("maxPreparedAge", json!("5m"))]
#[case("maxReplicationLag", json!("10s"))]
#[case("maxSlotRetained", json!("10Gi"))]
#[case("minFreeDisk", json!("20%"))]
#[case("archiving", json!("Refuse"))]
#[case("privileges", json!("Refuse"))]
#[case("wraparound", json!("Refuse"))]
#[case("invalidIndexes", json!("Refuse"))]
fn what_cannot_be_told_closes_only_where_somebody_asked_for_it(#[case] field: &str, #[case] value: Value) {
    let blind = but(|facts| {
        facts.connections = unknown();
        facts.sessions = unknown();
        facts.prepared = unknown();
        facts.standbys = unknown();
        facts.slots = unknown();
        facts.archiving = unknown();
        facts.tables = unknown();
        facts.vacuums = unknown();
        facts.invalid_indexes = unknown();
        facts.database_age = unknown();
        facts.databases_bytes = unknown();
        facts.wal_bytes = unknown();
    });
    let note = told(field, json!({}), &blind);
    assert!(note.starts_with("Open: cannot tell, and nobody asked for it: "), "{note}");
    let closed = told(field, json!({field: value}), &blind);
    assert!(closed.starts_with("Unknown: cannot tell: ") && closed.contains(field), "{closed}");
}

#[test]
fn what_cannot_be_asked_at_all_is_unknown() {
    let all = crate::gates::preflight::unanswered("127.0.0.1:1 cannot be reached");
    assert_eq!(all.len(), 1);
    assert!(super::fixture::line(all.into_iter().next()).starts_with("Unknown: the database could not be asked: 127"));
}
