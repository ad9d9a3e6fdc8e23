//! The data-loss guard: what was written since a version was applied, and what its way down would do to that.

use std::sync::Arc;

use sluice::database::Database as _;
use sluice::migration::{Dialect, Header, Kind, Script};
use sluice::plan::{Action, Step, Target, make};

use crate::support::{Database, database, set, version};

const BASE: (&str, &str) = (
    "V001__base.sql",
    "create table users(id int primary key, name text); insert into users values (1, 'Ada'), (2, 'Bob');",
);

impl Database {
    /// What going back to a version would destroy, as people are told.
    async fn losses(&self, files: &[(&str, &str)], target: &str) -> Vec<String> {
        let target = Target::Version(version(target));
        let plan = make(&set(files), &self.ledger().await, &target, &self.policy).expect("a plan");
        self.told(&plan.steps).await
    }

    async fn told(&self, steps: &[Step]) -> Vec<String> {
        self.postgres().losses(steps).await.expect("an answer").iter().map(ToString::to_string).collect()
    }

    /// What a down script of version 2 would destroy that the ledger does not have.
    async fn losses_of(&self, down: &str) -> Vec<String> {
        let down = Script::parse(Dialect::Postgres, "U002__x.sql", 1, down, false).expect("a script");
        let step = Step {
            version: Some(version("2")),
            repeatable: None,
            description: String::new(),
            kind: Kind::Schema,
            header: Header::default(),
            action: Action::Revert { down: Arc::new(down) },
        };
        self.told(&[step]).await
    }
}

#[tokio::test]
async fn a_table_that_nobody_wrote_to_since_is_no_loss_and_one_that_was_filled_is() {
    let db = database().await;
    let files = [
        BASE,
        (
            "V002__orders.sql",
            "create table orders(id serial primary key); insert into orders select from generate_series(1, 5);",
        ),
        ("U002__orders.sql", "-- back\n\ndrop table if exists orders, nowhere cascade;"),
    ];
    db.up(&files).await;
    assert!(db.losses(&files, "001").await.is_empty());
    db.execute("delete from orders where id = 1").await;
    db.execute("vacuum freeze orders").await;
    assert!(db.losses(&files, "001").await.is_empty());
    db.execute("insert into orders select from generate_series(1, 12)").await;
    let told = "table public.orders: 12 rows written since 002 was applied (U002__orders.sql:3)";
    assert_eq!(db.losses(&files, "001").await, [told]);
    // Freezing hides nothing, and a row that is changed is written.
    db.execute("update orders set id = 200 where id = 2").await;
    db.execute("vacuum freeze orders").await;
    assert_eq!(db.losses(&files, "001").await, [told.replace("12 rows", "13 rows")]);
}

#[tokio::test]
async fn what_older_rows_show_in_a_column_whose_default_is_gone_again_is_nobodys() {
    let db = database().await;
    let files = [
        BASE,
        (
            "V002__columns.sql",
            "alter table users add column channel text not null default 'we\"b', add column well boolean not null default true;
             alter table users alter channel drop default, alter well drop default;",
        ),
        ("U002__columns.sql", "alter table users drop column channel, drop column well;"),
    ];
    db.up(&[BASE]).await;
    // An application that wrote before the migration, and goes on writing where it can.
    db.execute("insert into users(id, name) select n, 'x' from generate_series(100, 200) n").await;
    db.up(&files).await;
    assert!(db.losses(&files, "001").await.is_empty());
    db.execute("update users set name = 'y' where id = 100; update users set well = false where id in (101, 102)")
        .await;
    let losses = db.losses(&files, "001").await;
    assert_eq!(losses.len(), 1, "{losses:?}");
    assert!(losses[0].contains("column public.users.well: 2 rows written"), "{losses:?}");
}

#[tokio::test]
async fn a_column_counts_where_it_was_given_something_else_than_its_default() {
    let db = database().await;
    let files = [
        BASE,
        (
            "V002__columns.sql",
            "alter table users add column note text, add column state varchar(10) default 'new', add column seen timestamptz default now(),
             add column double int generated always as (id * 2) stored; update users set note = 'seeded';",
        ),
        (
            "U002__columns.sql",
            "alter table users\n  drop column note, drop column if exists state,\n  drop seen, drop column double, drop column if exists x;",
        ),
    ];
    db.up(&files).await;
    assert!(db.losses(&files, "001").await.is_empty());
    db.execute("insert into users(id, name, seen) select n, 'x', null from generate_series(3, 9) n").await;
    assert!(db.losses(&files, "001").await.is_empty());
    db.execute(
        "insert into users(id, note, seen) values (10, 'x', null); insert into users(id, note, state, seen) values (11, 'y', 'old', null);
         insert into users(id) values (12)",
    )
    .await;
    assert_eq!(
        db.losses(&files, "001").await,
        [
            "column public.users.note: 2 rows written since 002 was applied (U002__columns.sql:1)",
            "column public.users.state: 1 row written since 002 was applied (U002__columns.sql:1)",
            "column public.users.seen: 1 row written since 002 was applied (U002__columns.sql:1)",
        ]
    );
}

#[tokio::test]
async fn in_a_table_that_was_there_before_what_counts_is_who_came_later() {
    let db = database().await;
    db.up(&[BASE]).await;
    db.execute("insert into users values (3, 'before')").await;
    db.up(&[BASE, ("V002__seed.sql", "insert into users values (4, 'seeded');")]).await;
    assert!(db.losses_of("truncate users").await.is_empty());
    db.execute("update users set name = 'x' where id = 3; insert into users values (5, 'y'), (6, 'z')").await;
    let of = |rows: &str| vec![format!("table public.users: {rows} written since 2 was applied (U002__x.sql:1)")];
    assert_eq!(db.losses_of("truncate table only public.users").await, of("3 rows"));
    assert_eq!(db.losses_of("delete from users").await, of("3 rows"));
    assert_eq!(db.losses_of("delete from users u where u.id > 5 and name <> 'w' -- all").await, of("1 row"));
    assert!(db.losses_of("delete from users where id = 4").await.is_empty());
    let block = "do $$ begin if exists (select from users) then delete from users where id > 5; end if; end $$";
    assert_eq!(db.losses_of(block).await, of("1 row"));
    assert_eq!(db.losses_of("update users set name = null where users.id in (5, 6)").await, of("2 rows"));
    // A condition that does not hold water is not believed.
    assert_eq!(db.losses_of("delete from users where nme = 'x'").await, of("3 rows"));
    assert!(
        db.losses_of("drop view users; drop table nowhere; alter table users drop constraint users_pkey")
            .await
            .is_empty()
    );
    // Counting changes nothing, whatever the condition does.
    db.execute("create function f() returns bool language sql as $$ delete from users returning true $$").await;
    assert_eq!(db.losses_of("delete from users where f()").await, of("3 rows"));
    assert_eq!(db.value("select count(*)::text from users").await, "6");
}

#[tokio::test]
async fn schemas_types_partitions_and_references_lead_to_the_tables_behind_them() {
    let db = database().await;
    let files = [
        BASE,
        (
            "V002__shop.sql",
            "create schema shop; create type mood as enum ('good', 'bad'); create domain mood_of_all as mood;
             create table shop.\"Orders\"(id int, at date) partition by range (at);
             create table shop.later partition of shop.\"Orders\" for values from ('2020-01-01') to (maxvalue);
             create table shop.carts(id int references users, how mood_of_all, hows mood[]);",
        ),
    ];
    db.up(&files).await;
    db.execute(
        "insert into shop.\"Orders\" values (1, '2021-01-01'), (2, '2022-01-01');
         insert into shop.carts values (1, 'good', null), (2, null, '{bad}'), (1, null, null)",
    )
    .await;
    let since = |object: &str, rows: &str| format!("{object}: {rows} written since 2 was applied (U002__x.sql:1)");
    assert_eq!(
        db.losses_of("drop schema shop cascade").await,
        [since("table shop.Orders", "2 rows"), since("table shop.carts", "3 rows")]
    );
    assert!(db.losses_of("drop schema shop").await.is_empty());
    assert_eq!(
        db.losses_of("drop type mood cascade").await,
        [since("column shop.carts.how", "1 row"), since("column shop.carts.hows", "1 row")]
    );
    assert_eq!(
        db.losses_of("set search_path to shop; drop table \"Orders\"").await,
        [since("table shop.Orders", "2 rows")]
    );
    assert_eq!(db.losses_of("truncate users cascade").await, [since("table shop.carts", "3 rows")]);
    assert_eq!(
        db.losses_of("alter table shop.carts rename to baskets; drop table shop.baskets").await,
        [since("table shop.carts", "3 rows")]
    );
}

#[tokio::test]
async fn a_type_that_cannot_hold_what_was_written_is_a_loss() {
    let db = database().await;
    let files =
        [BASE, ("V002__wide.sql", "create table prices(id bigint, price numeric(12, 4), note text, plain text);")];
    db.up(&files).await;
    db.execute("insert into prices values (1, 1.25, 'short', '1'), (5000000000, 1.2345, 'very long', '2'), (2, null, null, 'x')").await;
    assert!(
        db.losses_of("alter table prices alter note type varchar(20), alter column id type numeric").await.is_empty()
    );
    assert_eq!(
        db.losses_of("alter table prices alter column price type numeric(12, 2), alter note set data type varchar(5) using left(note, 5)")
            .await,
        [
            // 1.25 comes back as 1.2500: only 1.2345 does not.
            "column public.prices.price: 1 row written since 2 was applied (U002__x.sql:1)",
            "column public.prices.note: 1 row written since 2 was applied (U002__x.sql:1)",
        ]
    );
    // What cannot be converted at all may or may not be lost.
    assert_eq!(
        db.losses_of("alter table prices alter plain type int using plain::int").await,
        ["column public.prices.plain: 3 rows written since 2 was applied (U002__x.sql:1)"]
    );
}

#[tokio::test]
async fn what_cannot_be_told_counts_unless_there_are_no_rows() {
    let db = database().await;
    let files = [
        BASE,
        (
            "V002__t.sql",
            "create table full_one(id int); create table empty_one(id int); insert into full_one values (1);",
        ),
    ];
    db.up(&files).await;
    let hint = |object: &str, why: &str| {
        vec![format!("{object}: rows may have been written since 2 was applied; {why} (U002__x.sql:1)")]
    };
    assert_eq!(
        db.losses_of("do $$ begin execute 'delete from ' || 'full_one'; end $$").await,
        hint("DO", "what it changes cannot be told")
    );
    // A later change of the ledger's row forgets nothing …
    db.execute("update sluice.schema_migrations set updated_at = now() + interval '1 minute' where key = '2'").await;
    assert!(db.losses_of("drop table full_one; drop table empty_one").await.is_empty());
    db.execute("insert into full_one values (2)").await;
    assert_eq!(
        db.losses_of("drop table full_one").await,
        ["table public.full_one: 1 row written since 2 was applied (U002__x.sql:1)"]
    );
    // … unless the transaction that it remembers is none of this server's, or it is from before Sluice remembered any.
    for transaction in ["'4000000000'", "null"] {
        let forget = format!("update sluice.schema_migrations set applied_transaction = {transaction} where key = '2'");
        db.execute(&forget).await;
        assert_eq!(
            db.losses_of("drop table full_one; drop table empty_one").await,
            hint("table public.full_one", "the ledger's row was changed after that")
        );
    }
    // Its own rows are known all the same, by who created the table.
    db.execute("delete from full_one where id = 2").await;
    assert!(db.losses_of("drop table full_one; drop table empty_one").await.is_empty());
    db.execute("insert into full_one values (2)").await;
    db.execute("delete from sluice.schema_migrations where key = '2'").await;
    assert_eq!(
        db.losses_of("drop table full_one").await,
        hint("table public.full_one", "the ledger does not tell when that was")
    );
}

#[tokio::test]
async fn rows_that_a_role_may_not_see_count_as_lost() {
    let mut db = database().await;
    let role = format!("{}_guard", db.name);
    db.execute(&format!("create role {role} login password 'x'; grant create on database {} to {role}", db.name)).await;
    let files = [("V001__a.sql", "select 1"), ("V002__b.sql", "select 2")];
    db.execute(
        "create table secret(id int); insert into secret values (1); create table closed(id int);
         create table hidden(id int); alter table hidden enable row level security; insert into hidden values (1);",
    )
    .await;
    db.execute(&format!("grant select on hidden to {role}")).await;
    db.policy.adoption.allow_existing = true;
    (db.user, db.password) = (role, "x".to_owned());
    db.up(&files).await;
    let told = db.losses_of("drop table secret, closed, hidden").await;
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].contains("secret") && told[0].contains("this role may not read it (SELECT)"), "{told:?}");
    assert!(told[1].contains("hidden") && told[1].contains("row-level security"), "{told:?}");
}

#[tokio::test]
async fn a_script_without_a_transaction_is_as_old_as_its_first_statement() {
    let db = database().await;
    let files = [
        BASE,
        (
            "V002__i.sql",
            "create table orders(id int); insert into orders values (1);
             do $$ begin while not exists (select from users where id = 99) loop perform pg_sleep(0.02); commit; end loop; end $$;
             create index concurrently i on orders(id);",
        ),
        ("U002__i.sql", "drop table orders;"),
    ];
    db.up(&[BASE]).await;
    let mut running = db.start(&set(&files), "Latest").await;
    running.until("the first statements are done", |progress| progress.statements_done == 2).await;
    db.execute("insert into orders values (2)").await;
    db.execute("insert into users values (99, 'go on')").await;
    running.report().await.result.expect("the run succeeds");
    assert_eq!(
        db.losses(&files, "001").await,
        ["table public.orders: 1 row written since 002 was applied (U002__i.sql:1)"]
    );
}

#[tokio::test]
async fn a_transaction_that_began_before_and_wrote_afterwards_counts() {
    let db = database().await;
    let files = [BASE, ("V002__c.sql", "alter table users add column note text; create table t(id int);")];
    db.up(&[BASE]).await;
    let mut early = db.connect().await;
    crate::support::execute(&mut early, "begin; select pg_current_xact_id()").await;
    db.up(&files).await;
    crate::support::execute(&mut early, "insert into users values (3, 'x', 'y'); insert into t values (1); commit")
        .await;
    assert_eq!(
        db.losses_of("drop table t; alter table users drop column note; delete from users").await,
        [
            "table public.t: 1 row written since 2 was applied (U002__x.sql:1)",
            "column public.users.note: 1 row written since 2 was applied (U002__x.sql:1)",
            "table public.users: 1 row written since 2 was applied (U002__x.sql:1)",
        ]
    );
}

#[tokio::test]
async fn several_steps_back_count_what_their_run_did_not_write_and_counting_ends_somewhere() {
    let db = database().await;
    let files = [
        BASE,
        ("V002__o.sql", "create table orders(id int);"),
        ("U002__o.sql", "drop table orders;"),
        (
            "V003__fill.sql",
            "insert into orders select generate_series(1, 100); alter table orders add column note text;",
        ),
        ("U003__fill.sql", "delete from orders where id <= 100; alter table orders drop column note;"),
    ];
    db.up(&files).await;
    assert!(db.losses(&files, "001").await.is_empty());
    db.execute("insert into orders select generate_series(1, 10000)").await;
    assert_eq!(
        db.losses(&files, "001").await,
        [
            "table public.orders: 100 rows written since 003 was applied (U003__fill.sql:1)",
            "table public.orders: 10000 rows written since 002 was applied (U002__o.sql:1)",
        ]
    );
    db.execute("insert into orders values (1)").await;
    assert!(db.losses(&files, "001").await[1].contains("more than 10000 rows"));
}

#[tokio::test]
async fn rows_that_a_later_run_touched_may_be_somebodys_and_count() {
    let db = database().await;
    let files = [
        BASE,
        ("V002__o.sql", "create table orders(id int);"),
        ("U002__o.sql", "drop table orders;"),
        ("V003__touch.sql", "alter table orders alter id type bigint;"),
        ("U003__touch.sql", "alter table orders alter id type int;"),
    ];
    db.up(&files[..3]).await;
    db.execute("insert into orders values (1), (2)").await;
    // Writes every row anew, in its own transaction.
    db.up(&files).await;
    assert_eq!(
        db.losses(&files, "001").await,
        ["table public.orders: 2 rows written since 002 was applied (U002__o.sql:1)"]
    );
}
