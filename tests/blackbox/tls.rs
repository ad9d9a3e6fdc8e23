//! Who the server is: certificates are checked against the authorities that the spec names.

use std::fs;

use serde_json::json;

use crate::env::{Operator, Postgres, Servers, Spec, Team, files, world};

/// The keys of a Secret for a server, with a way to check its identity.
fn keys<'a>(
    server: &'a Postgres,
    port: &'a str,
    database: &'a str,
    host: &'a str,
    sslmode: &'a str,
) -> [(&'a str, &'a str); 6] {
    [
        ("host", host),
        ("port", port),
        ("user", &server.user),
        ("password", &server.password),
        ("dbname", database),
        ("sslmode", sslmode),
    ]
}

#[tokio::test]
async fn a_server_is_trusted_only_with_a_certificate_of_the_named_authority_for_the_named_host() {
    // Its certificate is for localhost and 127.0.0.1.
    let servers = Servers::start(&["postgres", "--tls", "--set", "listen_addresses=127.0.0.1,127.0.0.2"]);
    let server = servers.postgres();
    let team = Team::on("tls", &server).await;
    let _operator = Operator::start(&team.namespace);
    let authority = fs::read_to_string(servers.description["postgres"]["ca"].as_str().unwrap()).unwrap();
    let another = fs::read_to_string(world().servers.description["controlplane"]["ca"].as_str().unwrap()).unwrap();
    let port = server.port.to_string();
    let scripts = files(&[(
        "V001__a.sql",
        "create table a as select ssl, version from pg_stat_ssl where pid = pg_backend_pid();",
    )]);
    let spec = Spec::latest().inline(&scripts);
    let told = |part: &'static str| {
        let team = &team;
        async move { team.until("shop", part, |status| status.conditions[0].message.contains(part)).await }
    };

    // Without authorities of its own the system's count, and they do not know this server.
    team.secret_of("db", &keys(&server, &port, &team.database, "localhost", "verify-full")).await;
    team.apply("shop", &spec).await;
    told("a certificate that no trusted authority has signed").await;

    let with_ca = spec.clone().set("/database/caRef", json!({"name": "db-ca"}));
    team.apply("shop", &with_ca).await;
    told("Secret db-ca does not exist").await;
    team.secret_of("db-ca", &[("tls.crt", &authority)]).await;
    told("has no key ca.crt (spec.database.caRef.key)").await;
    team.secret_of("db-ca", &[("ca.crt", "not a certificate")]).await;
    told("key ca.crt holds no certificates in PEM").await;
    team.secret_of("db-ca", &[("ca.crt", &another)]).await;
    told("a certificate that no trusted authority has signed").await;

    // The right authority, and a host that the certificate does not name.
    team.secret_of("db", &keys(&server, &port, &team.database, "127.0.0.2", "verify-full")).await;
    // A pass that read the host of before must not meet the authorities of after.
    told("127.0.0.2:").await;
    team.secret_of("db-ca", &[("ca.crt", &authority)]).await;
    told("a certificate that is not for the host \"127.0.0.2\"").await;
    assert_eq!(team.tables().await, [""; 0], "nothing ran so far");

    team.secret_of("db", &keys(&server, &port, &team.database, "localhost", "verify-full")).await;
    team.ready("shop").await;
    assert_eq!(team.rows("select ssl from a").await, [json!({"ssl": true})]);
}

#[tokio::test]
async fn authorities_may_stand_in_a_config_map_as_trust_tools_write_them() {
    let servers = Servers::start(&["postgres", "--tls"]);
    let server = servers.postgres();
    let team = Team::on("tls-map", &server).await;
    let _operator = Operator::start(&team.namespace);
    let authority = fs::read_to_string(servers.description["postgres"]["ca"].as_str().unwrap()).unwrap();
    let another = fs::read_to_string(world().servers.description["controlplane"]["ca"].as_str().unwrap()).unwrap();
    let port = server.port.to_string();
    team.secret_of("db", &keys(&server, &port, &team.database, "127.0.0.1", "verify-full")).await;
    team.scripts("trust", &files(&[("bundle.pem", &format!("{another}\n{authority}"))])).await;
    let spec = Spec::latest()
        .inline(&files(&[("V001__a.sql", "create table a (id int);")]))
        .set("/database/caRef", json!({"kind": "ConfigMap", "name": "trust", "key": "bundle.pem"}));
    team.apply("shop", &spec).await;
    team.ready("shop").await;
}

#[tokio::test]
async fn a_server_without_tls_is_refused_when_tls_is_asked_for() {
    let team = Team::new("no-tls").await;
    let _operator = Operator::start(&team.namespace);
    let port = team.server.port.to_string();
    team.secret_of("db", &keys(&team.server, &port, &team.database, "127.0.0.1", "require")).await;
    team.apply("shop", &Spec::latest().inline(&files(&[("V001__a.sql", "create table a (id int);")]))).await;
    let message = team.reason("shop", "DatabaseUnreachable").await;
    assert!(message.contains("does not offer TLS") && message.contains("sslmode"), "{message}");
}
