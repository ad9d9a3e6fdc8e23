//! Pre-flight on servers of the tests' own: full ones, ones with a standby, ones with a vacuum that does not end.

use std::time::Duration;

use serde_json::json;
use sluice::database::{Database as _, ReadError, Slot, SlotWal};

use crate::preflight::{facts, known, poor, told, until, why};
use crate::support::{Database, Environment, SOON, Server, database, execute};

/// A database on a server of the test's own.
async fn alone(settings: &[&str]) -> (Environment, Database) {
    let mut arguments = vec!["postgres"];
    for setting in settings {
        arguments.extend(["--set", setting]);
    }
    let environment = Environment::start("up", &arguments);
    let server = Server::of(&environment.facts["postgres"]);
    let mut db = database().await;
    execute(&mut server.connect("postgres").await, &format!("create database {}", db.name)).await;
    (db.user, db.password) = (server.user.clone(), server.password.clone());
    db.server = server;
    (environment, db)
}

#[tokio::test]
async fn smoke_connections_run_out_for_the_role_the_database_and_the_server() {
    let (_environment, db) = alone(&["max_connections=25"]).await;
    let poor = poor(&db).await;
    let spec = json!({});
    assert!(told(&facts(&poor, &[]).await, "minFreeConnections", spec.clone()).starts_with("Open"));
    db.execute(&format!("alter role {} connection limit 5", poor.user)).await;
    let role = told(&facts(&poor, &[]).await, "minFreeConnections", spec.clone());
    assert!(role.contains("are left of the limit of 5 for role poor_"), "{role}");
    db.execute(&format!("alter role {} connection limit -1; alter database {} connection limit 8", poor.user, db.name))
        .await;
    let of_database = told(&facts(&poor, &[]).await, "minFreeConnections", spec.clone());
    assert!(of_database.contains("are left of the limit of 8 for the database"), "{of_database}");
    db.execute(&format!("alter database {} connection limit -1", db.name)).await;
    let mut crowd = Vec::new();
    for _ in 0..12 {
        crowd.push(db.server.connect("postgres").await);
    }
    let server = told(&facts(&poor, &[]).await, "minFreeConnections", spec.clone());
    assert!(
        server.starts_with("Closed: fewer than 10 connections are left of the server's max_connections"),
        "{server}"
    );
    drop(crowd);
    until(&poor, &[], "minFreeConnections", spec, "Open").await;
}

#[tokio::test]
async fn smoke_standbys_slots_and_archiving_are_watched() {
    let (_environment, db) =
        alone(&["archive_mode=on", "archive_command=false", "wal_level=replica", "max_wal_senders=5"]).await;
    let (host, port) = (&db.server.host, db.server.port.to_string());
    let none = told(&facts(&db, &[]).await, "maxReplicationLag", json!({}));
    assert_eq!(none, "Open: no standby is connected");

    // The command fails at the first file that there is to archive.
    db.execute("create table first as select 1 as id; select pg_switch_wal()").await;
    let archiving = until(&db, &[], "archiving", json!({}), "Closed").await;
    assert!(archiving.contains("cannot be archived; none was ever archived"), "{archiving}");
    db.execute("alter system set archive_command = 'true'").await;
    db.execute("select pg_reload_conf()").await;
    // The server tries again once a minute; a new file wakes it.
    for _ in 0..3 {
        db.execute("create table if not exists again (id int); insert into again values (1); select pg_switch_wal()")
            .await;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }

    let standby = Environment::start("standby", &[host, &port, &db.user, &db.password]);
    let mut replica = Server::of(&standby.facts).connect("postgres").await;
    execute(&mut replica, "alter system set wal_receiver_status_interval = '1s'").await;
    execute(&mut replica, "select pg_reload_conf()").await;
    let spec = json!({"maxReplicationLag": "2s", "maxReplicationLagBytes": "64Ki"});
    until(&db, &[], "maxReplicationLag", spec.clone(), "Open: no standby is more than 2s behind").await;
    execute(&mut replica, "select pg_wal_replay_pause()").await;
    db.execute("create table big as select n, repeat('x', 100) as t from generate_series(1, 20000) n").await;
    let late = until(&db, &[], "maxReplicationLag", spec.clone(), "Closed").await;
    assert!(late.starts_with("Closed: standby `standby` is more than 2s behind"), "{late}");
    let bytes = told(&facts(&db, &[]).await, "maxReplicationLagBytes", spec.clone());
    assert!(bytes.starts_with("Closed: standby `standby`: more than 64Ki left to replay"), "{bytes}");

    // Whoever may not see how far it is behind is told so, not that all is well.
    let poor = poor(&db).await;
    let blind = facts(&poor, &[]).await;
    assert!(
        why(&blind.standbys).contains("may not see how far standbys are behind; as a superuser run: GRANT pg_monitor")
    );

    db.execute("select pg_create_physical_replication_slot('cdc', true)").await;
    db.execute("create table more as select n, repeat('x', 100) as t from generate_series(1, 20000) n").await;
    let slots = known(&facts(&poor, &[]).await.slots);
    assert!(
        matches!(slots.as_slice(), [Slot { name, active: false, wal: SlotWal::Kept, retained: 65_536.. }] if name == "cdc"),
        "{slots:?}"
    );
    let slot = json!({"maxSlotRetained": "64Ki"});
    let kept = until(&db, &[], "maxSlotRetained", slot.clone(), "Closed").await;
    assert!(kept.starts_with("Closed: replication slot `cdc` that nobody reads keeps more than 64Ki of WAL"), "{kept}");
    db.execute(kept.rsplit(": ").next().expect("a statement")).await;
    assert!(told(&facts(&db, &[]).await, "maxSlotRetained", slot).starts_with("Open"));

    execute(&mut replica, "select pg_wal_replay_resume()").await;
    until(&db, &[], "maxReplicationLag", spec.clone(), "Open").await;
    until(&db, &[], "maxReplicationLagBytes", spec, "Open").await;
    until(&db, &[], "archiving", json!({}), "Open: WAL gets archived").await;
    // A standby can be asked too.
    let replica = Database { server: Server::of(&standby.facts), ..poor };
    let there = facts(&Database { user: db.user.clone(), password: db.password.clone(), ..replica }, &["big"]).await;
    assert_eq!(known(&there.standbys), []);
    assert!(known(&there.tables)[0].there.is_some());
}

#[tokio::test]
async fn a_vacuum_against_wraparound_is_due_and_then_at_work() {
    let (_environment, db) = alone(&["autovacuum_naptime=1"]).await;
    // As slow as a vacuum can be told to be, for this table alone.
    db.execute(
        "create table orders with (autovacuum_enabled = off, autovacuum_freeze_max_age = 100000,
            autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1)
            as select n, repeat('x', 1000) as t from generate_series(1, 5000) n;
        create table young (id int)",
    )
    .await;
    assert!(told(&facts(&db, &["orders"]).await, "wraparound", json!({})).starts_with("Open"));
    db.execute("do $$ begin for i in 1..100100 loop perform pg_current_xact_id(); commit; end loop; end $$").await;
    let at_work =
        until(&db, &["young", "orders"], "wraparound", json!({}), "Closed: a vacuum against wraparound is at work on")
            .await;
    assert!(at_work.contains("is at work on orders (session "), "{at_work}");
    let facts_now = facts(&db, &["orders"]).await;
    assert!(known(&facts_now.tables)[0].there.as_ref().is_some_and(|there| there.wraparound >= 100), "{facts_now:?}");
    assert!(told(&facts(&db, &["young"]).await, "wraparound", json!({})).starts_with("Open"));
    // Whoever may not see what is being vacuumed sees what is due.
    let poor = poor(&db).await;
    let blind = facts(&poor, &["orders"]).await;
    assert!(why(&blind.vacuums).contains("GRANT pg_monitor"), "{:?}", blind.vacuums);
    let due = told(&blind, "wraparound", json!({}));
    assert!(due.starts_with("Closed: a vacuum against wraparound is due for orders"), "{due}");
    let young = told(&facts(&poor, &["young"]).await, "wraparound", json!({}));
    assert!(young.starts_with("Open: cannot tell, and nobody asked for it"), "{young}");
}

#[tokio::test]
async fn nothing_can_be_told_of_a_server_that_is_gone() {
    let (environment, db) = alone(&[]).await;
    let mut reader = db.postgres().reader().await.expect("a session");
    drop(environment);
    let mut gone = None;
    let began = std::time::Instant::now();
    while began.elapsed() < SOON {
        match reader.preflight(&[]).await {
            Ok(_) => tokio::time::sleep(Duration::from_millis(25)).await,
            Err(error) => {
                gone = Some(error);
                break;
            }
        }
    }
    assert!(matches!(gone, Some(ReadError::Unavailable(_))), "{gone:?}");
}
