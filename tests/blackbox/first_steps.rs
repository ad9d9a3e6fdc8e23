//! The main job: an empty database, scripts, a target version.

use serde_json::json;

use crate::env::{Operator, Spec, Team, files};

#[tokio::test]
async fn smoke_an_empty_database_is_brought_to_the_newest_version() {
    let team = Team::new("newest").await;
    let _operator = Operator::start(&team.namespace);
    team.scripts(
        "sql",
        &files(&[
            ("V001__users.sql", "create table users (id int primary key);"),
            ("V002__orders.sql", "create table orders (id int primary key, user_id int references users);"),
        ]),
    )
    .await;
    team.apply("shop", &Spec::latest()).await;
    let status = team.ready("shop").await;
    assert_eq!(status.applied.unwrap().version, "002");
    assert_eq!(team.tables().await, ["orders", "users"]);
    assert_eq!(team.query("select version from sluice.schema_migrations order by 1").await, ["001", "002"]);
}

#[tokio::test]
async fn smoke_a_lower_target_takes_the_later_versions_back() {
    let team = Team::new("lower").await;
    let _operator = Operator::start(&team.namespace);
    let scripts = files(&[
        ("V001__users.sql", "create table users (id int primary key);"),
        ("V002__orders.sql", "create table orders (id int primary key);"),
        ("U002__orders.sql", "drop table orders;"),
    ]);
    team.apply("shop", &Spec::latest().inline(&scripts)).await;
    team.ready("shop").await;
    team.apply("shop", &Spec::to("001").inline(&scripts).set("/suspend", json!(false))).await;
    assert_eq!(team.ready("shop").await.applied.unwrap().version, "001");
    assert_eq!(team.tables().await, ["users"]);
}
