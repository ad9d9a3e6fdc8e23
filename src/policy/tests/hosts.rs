//! Which databases.

use serde_json::json;

use super::raised;
use crate::database::TlsMode;

fn allowed(patterns: &[&str], host: &str) -> Result<(), String> {
    let raised = raised(json!({}), &[json!({"database": {"allowedHosts": patterns}})]);
    raised.database.check(host, TlsMode::Disable)
}

#[test]
fn a_star_stands_for_any_part_of_a_name_and_for_nothing_else() {
    for (pattern, host, fits) in [
        ("*.prod.internal", "db.prod.internal", true),
        ("*.prod.internal", "orders.eu.PROD.internal.", true),
        ("*.prod.internal", "prod.internal", false),
        ("*.prod.internal", "db.prod.internal.example.com", false),
        ("*.prod.internal", "db.example.com/x.prod.internal", false),
        ("*.prod.internal", "/tmp/.prod.internal", false),
        ("db-*.shop.svc", "db-rw.shop.svc", true),
        ("db-*.shop.svc", "db-rw.shop.svc.evil", false),
        ("*-rw.*.svc", "orders-rw.shop.svc", true),
        ("*-rw.*.svc", "orders-ro.shop.svc", false),
        ("a*a", "a", false),
        ("10.0.*", "10.0.3.4", true),
        ("10.0.*", "10.0.example.com", false),
        ("10.0.*", "10.1.3.4", false),
        ("::1", "::1", true),
        ("/var/run/postgresql", "/var/run/postgresql", true),
        ("*", "/var/run/postgresql", true),
    ] {
        assert_eq!(allowed(&[pattern], host).is_ok(), fits, "{pattern} {host}");
    }
}

#[test]
fn every_policy_that_names_hosts_must_allow_the_host() {
    let hosts = |hosts: &[&str]| json!({"database": {"allowedHosts": hosts}});
    let raised = raised(json!({}), &[hosts(&["*.internal", "localhost"]), json!({}), hosts(&["db.*"])]);
    assert_eq!(raised.database.check("db.internal", TlsMode::Disable), Ok(()));
    assert_eq!(
        raised.database.check("x.internal", TlsMode::Disable),
        Err("MigrationPolicy c: host x.internal of the Secret is not allowed; use one of db.*".to_owned())
    );
    assert!(raised.database.check("localhost", TlsMode::Disable).is_err());
}

#[test]
fn the_strongest_protection_of_the_connection_holds() {
    let tls = |tls: &str| json!({"database": {"tls": tls}});
    let raised = raised(json!({}), &[tls("Require"), tls("VerifyFull"), tls("VerifyCa")]);
    assert_eq!(raised.database.check("db", TlsMode::VerifyFull), Ok(()));
    for weaker in [TlsMode::Disable, TlsMode::Prefer, TlsMode::Require, TlsMode::VerifyCa] {
        assert_eq!(
            raised.database.check("db", weaker),
            Err("MigrationPolicy b: the connection is protected too weakly; set sslmode verify-full in the Secret"
                .to_owned())
        );
    }
}
