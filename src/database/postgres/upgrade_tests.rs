//! A later Sluice upgrades the ledger of an earlier one: tried with scripts that only this test has.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use secrecy::SecretString;

use crate::database::{Address, Credentials, DatabaseError, TlsMode};

use super::connect::{Connector, Link};
use super::ledger::{SCRIPTS, Site, install_error, installation, read};
use super::statements::Sql;

/// A server that ends when its standard input closes.
fn server() -> (Child, Connector) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/env/up");
    let mut child = Command::new(script).arg("postgres").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let facts: serde_json::Value = serde_json::from_str(&line).unwrap();
    let text = |name: &str| facts["postgres"][name].as_str().unwrap().to_owned();
    let connector = Connector {
        address: Address {
            host: text("host"),
            port: facts["postgres"]["port"].as_u64().unwrap().try_into().unwrap(),
            database: "postgres".to_owned(),
            ledger_schema: "sluice".to_owned(),
        },
        credentials: Credentials {
            user: text("user"),
            password: SecretString::from(text("password")),
            tls: TlsMode::Disable,
            ca_pem: None,
        },
    };
    (child, connector)
}

/// Installs or upgrades, in one transaction.
async fn install(link: &mut Link, sql: &Sql, site: Site<'_>, scripts: &[(u32, &str)]) -> Result<u32, DatabaseError> {
    let (statements, version) = installation(&link.address, sql, site, scripts)?;
    if let Err(error) = link.run(&format!("begin; {statements} commit")).await {
        link.run("rollback").await.unwrap();
        return Err(install_error(&link.address, site, &error));
    }
    Ok(version)
}

async fn versions(link: &mut Link) -> Vec<u32> {
    link.json("select pg_catalog.json_agg(version order by version)::text from sluice.ledger_version").await.unwrap()
}

#[tokio::test]
async fn a_ledger_is_upgraded_in_place_or_left_as_it_was() {
    let (_server, connector) = server();
    let sql = Sql::new("sluice");
    let mut link = connector.connect("test", "test").await.unwrap();
    let nowhere = Site { role: "postgres", schema_exists: false, version: 0, built: true };
    assert_eq!(install(&mut link, &sql, nowhere, SCRIPTS).await.unwrap(), 1);
    let first = Site { schema_exists: true, version: 1, ..nowhere };
    assert_eq!(install(&mut link, &sql, first, SCRIPTS).await.unwrap(), 1);
    assert_eq!(versions(&mut link).await, [1]);
    link.run("insert into sluice.schema_migrations (key, version, description, kind, status) values ('1', '001', 'x', 'data', 'completed')")
        .await
        .unwrap();

    let mut scripts = SCRIPTS.to_vec();
    scripts.push((2, "alter table {schema}.schema_migrations add column later text; select * from nowhere;"));
    let error = install(&mut link, &sql, first, &scripts).await.unwrap_err();
    assert!(matches!(&error, DatabaseError::Ledger(why) if why.contains("42P01")), "{error:?}");
    assert_eq!(versions(&mut link).await, [1]);

    scripts[1].1 = "alter table {schema}.schema_migrations add column later text default 'x';";
    scripts.push((3, "comment on column {schema}.schema_migrations.later is 'x';"));
    assert_eq!(install(&mut link, &sql, first, &scripts).await.unwrap(), 3);
    assert_eq!(versions(&mut link).await, [1, 2, 3]);

    // The earlier Sluice neither reads nor changes it.
    let error = install(&mut link, &sql, Site { version: 3, ..first }, SCRIPTS).await.unwrap_err();
    assert!(error.to_string().contains("newer Sluice"), "{error}");
    assert!(read(&mut link, &sql, "postgres").await.is_err());
    // Rows are read as objects: what the later one added does not disturb those who do not know it.
    link.run("delete from sluice.ledger_version where version > 1").await.unwrap();
    assert_eq!(read(&mut link, &sql, "postgres").await.unwrap().ledger.entries.len(), 1);
}
