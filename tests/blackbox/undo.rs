//! What a migration took away comes back with its way down, and by hand.

use serde_json::{Value, json};

use crate::command_line::{folder, said, sluice, url};
use crate::env::{Operator, Team, condition, files};

/// Version 002 drops a column in which there is something; its way down creates it anew.
const DROPS: &[(&str, &str)] = &[
    (
        "V001__users.sql",
        "create table users (id int primary key, \"No te\" text, at timestamptz not null default now());
         insert into users select n, case when n % 2 = 0 then 'note of ' || n end, '2020-01-01' from generate_series(1, 100) n;",
    ),
    ("U001__users.sql", "drop table users;"),
    ("V002__drop.sql", "alter table users drop column \"No te\";"),
    ("U002__drop.sql", "alter table users add column \"No te\" text;"),
];

const NOTES: &str = "select md5(string_agg(id || coalesce(\"No te\", '-') || at, ',' order by id)) from users";

#[tokio::test]
async fn a_failed_check_takes_back_a_dropped_column_with_everything_that_was_in_it() {
    let team = Team::with_health("undo").await;
    let operator = Operator::start(&team.namespace);
    team.scripts("sql", &files(DROPS)).await;
    team.apply("shop", &Team::shop("001")).await;
    team.at("shop", "001").await;
    let before = team.value(NOTES).await;
    team.falls_ill().await;
    team.apply("shop", &Team::shop("002")).await;
    let message = team.reason("shop", "RolledBack").await;
    assert!(!message.contains("note of"), "{message}");
    let told = "restored 100 rows of public.users.No te from their undo copies";
    assert!(message.contains(told), "{message}");
    let history = team.get("shop").await.status.unwrap_or_default().history;
    assert!(history[0].message.as_deref().is_some_and(|message| message.contains(told)), "{history:?}");
    let notes = team.noted("shop", "RolledBack").await;
    assert!(notes.iter().any(|note| note.contains(told)), "{notes:?}");
    assert_eq!(team.value(NOTES).await, before);
    assert_eq!(team.value("select restored_rows::text from sluice.migration_undo").await, "100");
    drop(operator);
}

#[tokio::test]
async fn what_would_not_come_back_is_told_before_it_goes() {
    let team = Team::with_health("undo-too-large").await;
    let _operator = Operator::start(&team.namespace);
    team.scripts("sql", &files(DROPS)).await;
    team.apply("shop", &Team::shop("001")).await;
    team.at("shop", "001").await;
    team.sql("analyze users").await;
    let told = |status: &_| condition(status, "RollbackReady").unwrap();
    let spec = |rows: u64| Team::shop("002").set("/execution/undo/maxRows", json!(rows));

    team.apply("shop", &spec(99).set("/suspend", json!(true))).await;
    team.reason("shop", "Suspended").await;
    let (status, reason, message) = told(&team.get("shop").await.status.unwrap());
    assert_eq!((status.as_str(), reason.as_str()), ("True", "WayBackPresent"));
    for part in [
        "every migration concerned has a down script; not everything would come back: 002 line 1 takes away column public.users.No te",
        "without an undo copy",
        "100 rows",
    ] {
        assert!(message.contains(part), "{message}");
    }
    // Its values are still there, and a larger limit keeps them.
    team.apply("shop", &spec(100).set("/suspend", json!(true))).await;
    team.reason("shop", "Suspended").await;
    let (_, _, message) = told(&team.get("shop").await.status.unwrap());
    assert_eq!(message, "every migration concerned has a down script");
}

#[tokio::test]
async fn the_command_line_shows_the_copies_and_restores_one() {
    let team = Team::new("undo-by-hand").await;
    let _operator = Operator::start(&team.namespace);
    let scripts = files(DROPS);
    team.scripts("sql", &scripts).await;
    let spec = crate::env::Spec::to("001").set("/execution/undo/keep", json!("1h"));
    team.apply("shop", &spec).await;
    team.at("shop", "001").await;
    let before = team.value(NOTES).await;
    team.sql("analyze users").await;
    let address = url(&team);
    let variables = [("SLUICE_DATABASE_URL", address.as_str())];
    let dir = folder(&scripts);
    let plan = said(&sluice(&["plan", "--dir", dir.path().to_str().unwrap()], &variables));
    assert!(
        plan.contains("002 takes away column public.users.No te (line 1); an undo copy would hold about 100 rows of"),
        "{plan}"
    );
    team.apply("shop", &spec.set("/targetVersion", json!("002"))).await;
    team.at("shop", "002").await;
    let list = said(&sluice(&["undo", "list"], &variables));
    assert!(
        ["002 up", "column public.users.No te", "V002__drop.sql:1", "kept"].iter().all(|part| list.contains(part)),
        "{list}"
    );
    let output = sluice(&["undo", "list", "-o", "json"], &variables);
    let copies: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((copies[0]["rows"].as_u64(), copies[0]["state"].as_str()), (Some(100), Some("kept")), "{copies}");
    let id = copies[0]["id"].to_string();

    let output = sluice(&["undo", "restore", &id], &variables);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said(&output).contains("column public.users.No te: not restored, 42703 undefined_column"),
        "{}",
        said(&output)
    );
    team.sql("alter table users add column \"No te\" text").await;
    let output = sluice(&["undo", "restore", &id], &variables);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert_eq!(said(&output), "column public.users.No te: 100 rows restored from the copy\n");
    assert_eq!(team.value(NOTES).await, before);
    assert!(said(&sluice(&["undo", "list"], &variables)).contains("restored"));
}
