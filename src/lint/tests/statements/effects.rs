//! What single statements and short scripts do. The locks themselves are compared with a real server elsewhere.

use super::*;

/// What the last statement of a script does to what others may be using.
fn last(assessment: &Assessment) -> Vec<String> {
    touches(effects(assessment).last().unwrap())
}

#[test]
fn what_a_run_creates_is_nobody_elses() {
    let sql =
        "create table new_one (id int, v int); create index on new_one (v); alter table new_one alter v type bigint;
        truncate new_one; delete from new_one; drop table new_one;";
    for assessment in [unknown(sql), known(sql)] {
        assert_eq!(assessment.strongest, None);
        assert!(!assessment.rewrites && !assessment.scans);
        assert_eq!(assessment.risk, crate::migration::Risk::Low);
        assert_eq!(assessment.reasons, Vec::<String>::new());
        assert!(effects(&assessment).iter().all(|effect| effect.destroys.is_empty()));
    }
}

#[test]
fn what_a_run_renames_stays_what_it_was() {
    let sql = "create table new_orders (id int); alter table orders rename to old_orders;
        alter table new_orders rename to orders; alter table orders add column x serial;";
    assert_eq!(last(&known(sql)), Vec::<String>::new());
    let sql = "alter table orders rename to old_orders; alter table old_orders add column x serial;";
    assert_eq!(last(&known(sql)), ["old_orders AccessExclusive rewrites"]);
}

#[test]
fn what_is_dropped_and_created_again_is_new() {
    let assessment = known("drop table small; create table small (id int); drop table small;");
    let effects = effects(&assessment);
    assert_eq!(effects[0].destroys, ["table small"]);
    assert_eq!(touches(&effects[0]), ["orders AccessExclusive", "small AccessExclusive"]);
    assert!(effects[2].destroys.is_empty());
}

#[test]
fn a_table_that_may_be_there_already_is_not_new_where_it_is() {
    let sql = "create table if not exists orders (id int); alter table orders add column x serial;";
    assert_eq!(last(&known(sql)), ["orders AccessExclusive rewrites"]);
    assert_eq!(last(&unknown(sql)), Vec::<String>::new(), "nothing is known: it is taken for new");
}

#[test]
fn a_type_that_is_not_known_may_have_to_be_written_anew() {
    assert_eq!(last(&unknown("alter table orders alter note type text")), ["orders AccessExclusive rewrites"]);
    assert_eq!(last(&known("alter table orders alter note type text")), ["orders AccessExclusive"]);
    assert_eq!(last(&known("alter table orders alter note type varchar(40)")), ["orders AccessExclusive"]);
    let narrower = known("alter table orders alter note type varchar(4)");
    assert_eq!(last(&narrower), ["orders AccessExclusive rewrites"]);
    assert_eq!(effects(&narrower)[0].destroys, ["values of column orders.note that do not fit character varying(4)"]);
}

#[test]
fn types_are_known_from_the_scripts_before() {
    let files = [
        ("V1__a.sql", "create table t (id int, name varchar(10), n numeric(5,2))"),
        ("V2__b.sql", "alter table t alter name type text, alter n type numeric(9,2)"),
        ("V3__c.sql", "alter table t alter id type bigint"),
    ];
    let assessment = judge_set(&set(&files), &Catalog::default());
    let effects = effects(&assessment);
    assert_eq!(touches(&effects[1]), ["t AccessExclusive"]);
    assert_eq!(touches(&effects[2]), ["t AccessExclusive rewrites"]);
}

#[test]
fn not_null_is_proven_by_a_check_that_was_validated() {
    let proof = "alter table orders add constraint nn check (note is not null) not valid;
        alter table orders validate constraint nn; alter table orders alter note set not null;";
    for assessment in [unknown(proof), known(proof)] {
        let effects = effects(&assessment);
        assert_eq!(touches(&effects[0]), ["orders AccessExclusive"]);
        assert_eq!(touches(&effects[1]), ["orders ShareUpdateExclusive scans"]);
        assert_eq!(touches(&effects[2]), ["orders AccessExclusive"]);
    }
    for unproven in [
        "alter table orders alter note set not null",
        "alter table orders add check (note is not null) not valid; alter table orders alter note set not null",
        "alter table orders add constraint nn check (note is null) not valid; alter table orders validate constraint nn;
            alter table orders alter note set not null",
        "alter table orders add constraint nn check (note is not null or id > 1); alter table orders alter note set not null",
    ] {
        assert_eq!(last(&known(unproven)), ["orders AccessExclusive scans"], "{unproven}");
    }
}

#[test]
fn foreign_keys_reach_the_other_table() {
    let sql = "alter table small add constraint fk foreign key (id) references orders (id)";
    assert_eq!(last(&unknown(sql)), ["orders ShareRowExclusive scans", "small ShareRowExclusive scans"]);
    let sql = "alter table small add constraint fk foreign key (id) references orders (id) not valid";
    assert_eq!(last(&unknown(sql)), ["orders ShareRowExclusive", "small ShareRowExclusive"]);
    assert_eq!(last(&unknown("create table t (id int references orders)")), ["orders ShareRowExclusive"]);
    assert_eq!(last(&known("drop table small")), ["orders AccessExclusive", "small AccessExclusive"]);
    assert_eq!(last(&known("truncate orders cascade")), ["orders AccessExclusive", "small AccessExclusive"]);
    assert_eq!(last(&known("drop table orders cascade")), ["orders AccessExclusive", "small AccessExclusive"]);
    let dropped = "alter table small drop constraint small_order_id_fkey; drop table small";
    assert_eq!(last(&known(dropped)), ["small AccessExclusive"]);
}

#[test]
fn a_column_of_another_key_leaves_those_alone_that_refer_to_the_table() {
    let dropped = "alter table orders add constraint by_note unique (id, note); alter table orders drop column note";
    assert_eq!(last(&known(dropped)), ["orders AccessExclusive"]);
    let cascade = "alter table orders drop column id cascade";
    assert_eq!(last(&known(cascade)), ["orders AccessExclusive", "small AccessExclusive"]);
    assert_eq!(
        last(&known("alter table small drop column order_id")),
        ["orders AccessExclusive", "small AccessExclusive"]
    );
}

#[test]
fn an_index_is_dropped_under_a_lock_on_its_table() {
    assert_eq!(last(&known("drop index orders_note")), ["orders AccessExclusive", "orders_note AccessExclusive"]);
    assert_eq!(
        last(&known("drop index concurrently orders_note")),
        ["orders ShareUpdateExclusive", "orders_note ShareUpdateExclusive"]
    );
    assert_eq!(last(&known("drop index if exists nope")), Vec::<String>::new());
}

#[test]
fn names_are_folded_as_the_server_folds_them() {
    assert_eq!(last(&known("ALTER TABLE Orders ADD COLUMN x INT")), ["orders AccessExclusive"]);
    assert_eq!(last(&known("alter table PUBLIC.\"orders\" add column x int")), ["public.orders AccessExclusive"]);
    assert_eq!(last(&unknown("alter table \"Orders\" add column x int")), ["Orders AccessExclusive"]);
    assert_eq!(last(&unknown("alter table \"a.b\" add column x int")), ["\"a.b\" AccessExclusive"]);
    let qualified = "create table t (id int); alter table public.t add column y serial";
    assert_eq!(last(&unknown(qualified)), Vec::<String>::new());
    let elsewhere = "create table t (id int); alter table billing.t add column y serial";
    assert_eq!(last(&unknown(elsewhere)), ["billing.t AccessExclusive rewrites"]);
    let path = "set search_path = billing; create table t (id int); alter table billing.t add column y serial";
    assert_eq!(last(&unknown(path)), Vec::<String>::new());
}

#[test]
fn what_cannot_be_told_is_said_to_be_so() {
    for (sql, why) in [
        ("do $$ begin perform 1; end $$", "it runs a block of code"),
        ("call tidy()", "it calls a procedure"),
        ("select create_hypertable('orders', 'ts')", "it calls the function create_hypertable"),
        ("alter table orders frobnicate", "its syntax could not be read"),
        ("vacuum full", "it touches whatever is there"),
        ("reindex database shop", "it touches whatever is there"),
    ] {
        let effects = effects(&unknown(sql));
        assert_eq!(effects[0].opaque.as_deref(), Some(why), "{sql}");
        assert_eq!(effects[0].estimate, None, "{sql}");
    }
    for sql in [
        "select 1",
        "select now(), setval('s', 1)",
        "insert into t values (gen_random_uuid())",
        "select pg_catalog.set_config('a', 'b', false)",
    ] {
        assert_eq!(effects(&unknown(sql))[0].opaque, None, "{sql}");
    }
}

#[test]
fn kinds_are_named_as_people_write_them() {
    for (sql, kind) in [
        ("alter table t add column x int, drop column y", "ALTER TABLE ADD COLUMN, DROP COLUMN"),
        ("create index concurrently i on t (x)", "CREATE INDEX CONCURRENTLY"),
        ("create index i on t (x)", "CREATE INDEX"),
        ("insert into t values (1)", "INSERT"),
        ("create text search parser p (start = a)", "CREATE TEXT SEARCH PARSER"),
        ("refresh materialized view concurrently v", "REFRESH MATERIALIZED VIEW CONCURRENTLY"),
        ("vacuum (full) t", "VACUUM FULL"),
        ("create or replace view v as select 1", "CREATE OR REPLACE VIEW"),
        ("copy t from '/tmp/x'", "COPY FROM"),
        ("alter table t rename to u", "ALTER TABLE RENAME TO"),
        ("alter index i rename to j", "ALTER INDEX RENAME TO"),
        ("alter type e rename to f", "ALTER TYPE RENAME TO"),
        ("alter table t enable row level security", "ALTER TABLE ENABLE ROW LEVEL SECURITY"),
        ("alter table t no inherit u", "ALTER TABLE NO INHERIT"),
        ("alter index i attach partition j", "ALTER INDEX ATTACH PARTITION"),
        ("alter type comp drop attribute a, add attribute b int", "ALTER TYPE ALTER ATTRIBUTE"),
    ] {
        assert_eq!(effects(&unknown(sql))[0].kind, kind, "{sql}");
    }
}

#[test]
fn rows_that_are_all_hit_are_destroyed_and_rows_that_are_few_are_not() {
    for (sql, destroys) in [
        ("delete from orders", vec!["every row of orders"]),
        ("delete from orders where true", vec!["every row of orders"]),
        ("delete from orders where id = 1", vec![]),
        ("delete from orders using small where small.order_id = orders.id", vec![]),
        ("update orders set note = 'x'", vec!["every value of column orders.note"]),
        ("update orders set note = 'x' where 1 = 1", vec!["every value of column orders.note"]),
        ("update orders set note = 'x' where id = 5", vec![]),
        ("truncate orders, small", vec!["every row of orders", "every row of small"]),
        ("alter table orders drop column note", vec!["column orders.note"]),
        ("alter table orders alter note drop not null, alter note drop default", vec![]),
        ("with d as (delete from orders) select 1", vec!["every row of orders"]),
        ("drop view v", vec![]),
        ("drop materialized view v", vec![]),
        ("drop schema shop cascade", vec!["schema shop and everything in it"]),
        ("drop schema shop", vec![]),
    ] {
        assert_eq!(effects(&known(sql))[0].destroys, destroys, "{sql}");
    }
    let filled = known("alter table orders add column fresh text; update orders set fresh = note");
    assert!(effects(&filled)[1].destroys.is_empty(), "a new column holds nothing yet");
}

#[test]
fn a_type_that_may_be_a_domain_with_constraints_is_a_risk() {
    let reasons = |sql: &str| unknown(sql).reasons.join("\n");
    let may_be = "orders is written anew where public.positive is a domain with constraints";
    assert!(reasons("alter table orders add column x positive").contains(may_be));
    assert!(
        !reasons("create type positive as enum ('a'); alter table orders add column x positive").contains("domain")
    );
    assert!(!reasons("alter table orders add column x int").contains("domain"));
    let created = "create domain positive as int check (value > 0); alter table orders add column x positive";
    assert_eq!(last(&unknown(created)), ["orders AccessExclusive rewrites"]);
}
