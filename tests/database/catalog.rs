//! Describing the relations that a plan names: what comes back, and that nobody is in the way of it.

use std::time::{Duration, Instant};

use sluice::database::{Database as _, Reader};
use sluice::lint::{Catalog, Column, assess, names};
use sluice::migration::Risk;
use sluice::plan::{Ledger, Policy, Target, make};

use crate::support::{Database, database, execute, set};

async fn catalog(db: &Database, names: &[&str]) -> Catalog {
    let mut reader: Box<dyn Reader> = db.postgres().reader().await.expect("a session");
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let catalog = reader.catalog(&names).await.expect("a catalog");
    reader.close().await;
    catalog
}

fn keys(catalog: &Catalog) -> Vec<&str> {
    catalog.relations.keys().map(String::as_str).collect()
}

const SHOP: &str = "create schema billing;
    create type billing.state as enum ('open', 'paid');
    create domain positive as int check (value > 0);
    create domain plain as int;
    create table users (id int primary key, name varchar(20) not null, tags text[], at timestamptz(3));
    create table orders (id bigint primary key, user_id int references users (id), state billing.state, states billing.state[],
        amount numeric(10,2), checked int constraint seen check (checked is not null), count positive);
    create index orders_user on orders (user_id);
    create table lines (order_id bigint);
    alter table lines add foreign key (order_id) references orders (id) not valid;
    create table unrelated (id int);
    create view open_orders as select id from orders;
    create table billing.users (x int);
    create table \"Odd.Name\" (\"Col\" int);
    insert into orders (id, checked) select i, i from generate_series(1, 5000) i;
    analyze orders;";

#[tokio::test]
async fn smoke_what_is_named_comes_with_its_indexes_and_its_neighbours_and_nothing_else() {
    let db = database().await;
    db.execute(SHOP).await;
    let catalog = catalog(&db, &["orders", "nowhere", "billing.nowhere", "it's"]).await;
    assert_eq!(
        keys(&catalog),
        [
            "public.lines",
            "public.open_orders",
            "public.orders",
            "public.orders_pkey",
            "public.orders_user",
            "public.users"
        ]
    );
    assert!(catalog.known);
    assert_eq!(catalog.major.map(|major| major.to_string()).as_deref(), db.server.version.split('.').next());
    assert_eq!(catalog.search_path, ["public"]);
    assert_eq!(catalog.domains.iter().map(String::as_str).collect::<Vec<_>>(), ["public.positive"]);
    let orders = &catalog.relations["public.orders"];
    let type_of = |name: &str| orders.columns[name].type_name.as_str();
    assert_eq!((orders.kind, orders.rows), ('r', Some(5000)));
    assert!(orders.bytes > 5000 * 30, "{}", orders.bytes);
    assert_eq!(orders.columns["id"], Column { type_name: "bigint".to_owned(), not_null: true });
    assert_eq!(type_of("amount"), "numeric(10,2)");
    assert_eq!(type_of("state"), "billing.state");
    assert_eq!(type_of("states"), "billing.state[]");
    assert_eq!(type_of("count"), "public.positive");
    assert_eq!(orders.foreign, ["public.lines", "public.users"]);
    assert_eq!(orders.views, ["public.open_orders"]);
    assert!(orders.constraints["seen"].not_null && orders.constraints["seen"].validated);
    assert_eq!(orders.constraints["orders_user_id_fkey"].other.as_deref(), Some("public.users"));
    assert!(!catalog.relations["public.lines"].constraints["lines_order_id_fkey"].validated);
    assert_eq!(catalog.relations["public.orders_user"].table.as_deref(), Some("public.orders"));
    assert_eq!(catalog.relations["public.users"].columns["tags"].type_name, "text[]");
    assert_eq!(catalog.relations["public.users"].columns["at"].type_name, "timestamp(3) with time zone");
    assert_eq!(catalog.relations["public.open_orders"].reads, ["public.orders"]);
}

#[tokio::test]
async fn names_are_found_with_and_without_a_schema_through_indexes_types_and_schemas() {
    let db = database().await;
    db.execute(SHOP).await;
    assert_eq!(keys(&catalog(&db, &["billing.users"]).await), ["billing.users"]);
    assert_eq!(keys(&catalog(&db, &["unrelated"]).await), ["public.unrelated"]);
    assert_eq!(keys(&catalog(&db, &["\"Odd.Name\""]).await), ["public.\"Odd.Name\""]);
    assert_eq!(keys(&catalog(&db, &["billing"]).await), ["billing.users"]);
    assert!(keys(&catalog(&db, &["orders_user"]).await).contains(&"public.orders"));
    assert!(keys(&catalog(&db, &["billing.state"]).await).contains(&"public.orders"));
    assert_eq!(keys(&catalog(&db, &[]).await), Vec::<&str>::new());
    db.execute(&format!("alter database {} set search_path = billing, public", db.name)).await;
    let elsewhere = catalog(&db, &["users"]).await;
    assert_eq!(elsewhere.search_path, ["billing", "public"]);
    assert_eq!(elsewhere.find("users").map(|(name, _)| name), Some("billing.users"));
}

#[tokio::test]
async fn partitions_are_described_all_the_way_down() {
    let db = database().await;
    db.execute(
        "create table part (d int, e int) partition by range (d);
        create table part1 partition of part for values from (1) to (2) partition by range (e);
        create table part11 partition of part1 for values from (1) to (2);
        create table part_rest partition of part default;",
    )
    .await;
    let catalog = catalog(&db, &["part"]).await;
    let part = &catalog.relations["public.part"];
    assert_eq!(part.kind, 'p');
    assert_eq!(part.children, ["public.part1", "public.part11", "public.part_rest"]);
    assert_eq!(part.default_partition.as_deref(), Some("public.part_rest"));
    assert_eq!(catalog.relations["public.part11"].parents, ["public.part1"]);
}

#[tokio::test]
async fn nobody_is_waited_for() {
    let db = database().await;
    db.execute(SHOP).await;
    let mut other = db.connect().await;
    execute(&mut other, "begin; lock table orders, users, lines in access exclusive mode").await;
    // Whoever waits for a lock does so each time; a machine that stands still does not.
    let mut quickest = Duration::MAX;
    for _ in 0..5 {
        let began = Instant::now();
        let catalog = catalog(&db, &["orders"]).await;
        assert!(catalog.relations.contains_key("public.orders"));
        quickest = quickest.min(began.elapsed());
    }
    assert!(quickest < Duration::from_millis(1500), "{quickest:?}");
    execute(&mut other, "rollback").await;
}

#[tokio::test]
async fn a_role_that_may_read_nothing_may_describe() {
    let db = database().await;
    db.execute(SHOP).await;
    db.execute(&format!(
        "create role r_{name} login password 'r_{name}'; revoke all on schema billing from public",
        name = db.name
    ))
    .await;
    let poor = Database { user: format!("r_{}", db.name), password: format!("r_{}", db.name), ..db };
    assert!(catalog(&poor, &["orders"]).await.relations.contains_key("public.orders"));
    poor.execute(&format!("drop role r_{}", poor.name)).await;
}

#[tokio::test]
async fn a_plan_is_judged_by_the_sizes_that_there_are() {
    let db = database().await;
    db.execute(SHOP).await;
    let judge = |sql: &str| {
        let set = set(&[("V1__x.sql", sql)]);
        make(&set, &Ledger::default(), &Target::Latest, &Policy::default()).expect("a plan")
    };
    let plan = judge("alter table orders alter amount type text; drop index orders_user;");
    let asked = names(&plan);
    let asked: Vec<&str> = asked.iter().map(String::as_str).collect();
    let assessment = assess(&plan, &catalog(&db, &asked).await);
    assert_eq!(assessment.risk, Risk::Medium, "the table is small: {:?}", assessment.reasons);
    assert!(assessment.estimate.is_some_and(|estimate| estimate < Duration::from_secs(1)));
    assert!(assessment.rewrites);
    let tables: Vec<&str> = assessment.steps[0].effects[1].touches.iter().map(|touch| touch.table.as_str()).collect();
    assert_eq!(tables, ["orders_user", "orders"], "an index's table is known");
}
