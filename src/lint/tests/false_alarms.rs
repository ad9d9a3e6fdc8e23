//! What looks like harm and is none.

use super::super::Catalog;
use super::{lint, lint_files, rules};

/// Checks that nothing is found in scripts on a table that others use.
fn harmless(scripts: &[&str]) {
    for sql in scripts {
        let found = lint(sql);
        assert_eq!(rules(&found), [""; 0], "{sql}: {found:#?}");
    }
}

/// Likewise for a version and its way back.
fn harmless_both_ways(up: &str, down: &str) {
    let found = lint_files(&[("001_a.up.sql", up), ("001_a.down.sql", down)], &Catalog::default());
    assert_eq!(rules(&found), [""; 0], "{up}\n{down}\n{found:#?}");
}

#[test]
fn a_new_column_that_is_null_everywhere_refers_to_nothing() {
    harmless(&[
        "ALTER TABLE orders ADD COLUMN customer_id int REFERENCES customers (id);",
        "ALTER TABLE orders ADD COLUMN parent int CONSTRAINT of_parent REFERENCES orders (id), ADD COLUMN note text;",
    ]);
    harmless(&["ALTER TABLE orders ADD COLUMN c int REFERENCES customers (id), ADD COLUMN n int DEFAULT 1;"]);
    let valued = "ALTER TABLE orders ADD COLUMN c int DEFAULT 1 REFERENCES customers (id);";
    assert_eq!(rules(&lint(valued)), ["add-foreign-key-without-not-valid"]);
}

#[test]
fn only_the_column_that_needs_it_is_blamed_for_writing_a_table_anew() {
    let sql = "ALTER TABLE orders\n  ADD COLUMN seen timestamptz NOT NULL DEFAULT now(),\n  ADD COLUMN token uuid DEFAULT gen_random_uuid();";
    let found = lint(sql);
    assert_eq!(rules(&found), ["add-column-volatile-default"]);
    assert_eq!((found.len(), found[0].line), (1, 3));
}

#[test]
fn an_index_is_dropped_before_its_table() {
    harmless_both_ways(
        "CREATE TABLE a (id int, at date);\nCREATE INDEX a_at ON a (at);",
        "DROP INDEX IF EXISTS a_at;\nDROP TABLE a;",
    );
    let up = "ALTER TABLE orders ADD COLUMN at date;\nCREATE INDEX CONCURRENTLY orders_at ON orders (at);";
    let down = "DROP INDEX orders_at;\nALTER TABLE orders DROP COLUMN at;";
    let found = lint_files(&[("001_a.up.sql", up), ("001_a.down.sql", down)], &Catalog::default());
    let message = found.iter().find(|finding| finding.rule == "drop-index-without-concurrently");
    assert_eq!(message.unwrap().message, "readers and writers of orders wait for index orders_at to be dropped");
}

#[test]
fn an_index_and_a_constraint_go_with_their_column() {
    harmless_both_ways(
        "ALTER TABLE orders ADD COLUMN at date;\nALTER TABLE orders ADD CONSTRAINT later CHECK (at > '2000-01-01') NOT VALID;",
        "ALTER TABLE orders DROP COLUMN at;",
    );
    let up = "-- sluice:no-transaction\nALTER TABLE orders ADD COLUMN IF NOT EXISTS at date;\n\
              CREATE INDEX CONCURRENTLY orders_at ON orders (id) WHERE at IS NOT NULL;";
    harmless_both_ways(up, "ALTER TABLE orders DROP COLUMN at;");
}

#[test]
fn a_column_goes_by_the_name_that_the_script_gives_it_in_the_end() {
    harmless_both_ways(
        "ALTER TABLE orders ADD COLUMN at_new date;\nALTER TABLE orders RENAME COLUMN at_new TO at;",
        "ALTER TABLE orders DROP COLUMN at;",
    );
}

#[test]
fn what_goes_along_with_something_is_not_forgotten() {
    harmless_both_ways("ALTER TABLE empty ADD COLUMN IF NOT EXISTS note text;", "ALTER TABLE empty DROP COLUMN note;");
    let counted = [
        ("001_a.up.sql", "ALTER TABLE orders ADD number bigserial;"),
        ("001_a.down.sql", "ALTER TABLE orders DROP number;"),
    ];
    let view = [
        ("001_a.up.sql", "CREATE MATERIALIZED VIEW seen AS SELECT 1 AS id;\nCREATE UNIQUE INDEX seen_id ON seen (id);"),
        ("001_a.down.sql", "DROP MATERIALIZED VIEW seen;"),
    ];
    for files in [counted, view] {
        let found = lint_files(&files, &Catalog::default());
        assert!(!rules(&found).contains(&"way-back-incomplete"), "{found:#?}");
    }
}

#[test]
fn a_table_that_is_forgotten_is_told_once() {
    let files = [
        ("001_a.up.sql", "CREATE TABLE a (id bigserial PRIMARY KEY, CONSTRAINT c CHECK (id > 0));"),
        ("001_a.down.sql", "SELECT 1;"),
    ];
    let found = lint_files(&files, &Catalog::default());
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].message.starts_with("table public.a stays"), "{found:#?}");
}

#[test]
fn what_was_there_before_may_stay() {
    let version = "CREATE OR REPLACE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1';";
    let files = [
        ("001_a.up.sql", version),
        ("001_a.down.sql", "DROP FUNCTION one;"),
        ("002_b.up.sql", version),
        ("002_b.down.sql", "SELECT 1;"),
        ("003_c.up.sql", "CREATE EXTENSION IF NOT EXISTS pg_trgm;"),
        ("003_c.down.sql", "SELECT 1;"),
    ];
    assert_eq!(rules(&lint_files(&files, &Catalog::default())), [""; 0]);
    let forgotten = [("001_a.up.sql", version), ("001_a.down.sql", "SELECT 1;")];
    assert_eq!(rules(&lint_files(&forgotten, &Catalog::default())), ["way-back-incomplete"]);
}

#[test]
fn a_table_that_the_way_back_makes_again_has_no_column_that_stays() {
    let up = "ALTER TABLE orders ADD COLUMN at date;";
    let down = "ALTER TABLE orders RENAME TO orders_old;\nCREATE TABLE orders (id int);\n\
                INSERT INTO orders SELECT id FROM orders_old;\nDROP TABLE orders_old;";
    let found = lint_files(&[("001_a.up.sql", up), ("001_a.down.sql", down)], &Catalog::default());
    assert!(!rules(&found).contains(&"way-back-incomplete"), "{found:#?}");
}

#[test]
fn a_new_column_is_filled_whatever_its_name_looks_like() {
    let sql = "ALTER TABLE \"Order\" ADD COLUMN \"userId\" int;\nUPDATE \"Order\" SET \"userId\" = 1;";
    assert!(!rules(&lint(sql)).contains(&"update-without-where"), "{:#?}", lint(sql));
}

#[test]
fn what_can_be_done_twice_needs_no_if_exists() {
    harmless(&["-- sluice:no-transaction\nVACUUM orders;\nALTER TABLE orders ALTER COLUMN note SET DEFAULT 'x';\n\
                ALTER TABLE orders ALTER COLUMN note DROP NOT NULL;\nALTER TABLE orders VALIDATE CONSTRAINT later;\n\
                ALTER TABLE orders SET (fillfactor = 90);"]);
    let twice = "-- sluice:no-transaction\nVACUUM orders;\nALTER TABLE orders ADD COLUMN at date;";
    assert_eq!(rules(&lint(twice)), ["missing-if-exists"]);
}

#[test]
fn a_function_of_the_application_may_lock_until_its_transaction_ends() {
    let body = |lock: &str| {
        format!("CREATE FUNCTION once() RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM {lock}(1); END $$;")
    };
    harmless(&[&body("pg_advisory_xact_lock"), &body("pg_try_advisory_xact_lock")]);
    for lock in ["pg_advisory_lock", "pg_advisory_unlock_all"] {
        assert_eq!(rules(&lint(&body(lock))), ["advisory-lock"], "{lock}");
    }
    assert!(rules(&lint("SELECT pg_advisory_xact_lock(1);")).contains(&"advisory-lock"));
}

#[test]
fn a_function_may_put_quoted_names_and_values_into_what_it_executes() {
    let body = |execute: &str| {
        format!("CREATE FUNCTION part(t text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE {execute}; END $$;")
    };
    harmless(&[
        &body("format('CREATE TABLE %I PARTITION OF orders FOR VALUES IN (%L)', t || '_p', t)"),
        &body("format('ANALYZE %I', t) USING t"),
    ]);
    for execute in [
        "format('ANALYZE %s', t)",
        "format('ANALYZE %I', t) || t",
        "format('ANALYZE %1$s', t)",
        "format('ANALYZE %%%s', t)",
        "format(t)",
        "format('ANALYZE %I' || t, t)",
        "'ANALYZE ' || t",
    ] {
        assert_eq!(rules(&lint(&body(execute))), ["dynamic-sql"], "{execute}");
    }
    // In a block it runs now, and nobody can tell on what.
    assert!(rules(&lint("DO $$ BEGIN EXECUTE format('ANALYZE %I', 'x'); END $$;")).contains(&"dynamic-sql"));
}

#[test]
fn an_enum_that_loses_a_value_is_a_new_type_under_the_old_name() {
    let swap = |from: &str, values: &str| {
        format!(
            "CREATE TYPE \"Kind{from}\" AS ENUM ({values});\nALTER TABLE orders ALTER COLUMN kind TYPE \"Kind{from}\" USING \
             kind::text::\"Kind{from}\";\nDROP TYPE \"Kind\";\nALTER TYPE \"Kind{from}\" RENAME TO \"Kind\";"
        )
    };
    let files = [("001_a.up.sql", swap("_new", "'a'")), ("001_a.down.sql", swap("_old", "'a', 'b'"))];
    let files = files.each_ref().map(|(name, sql)| (*name, sql.as_str()));
    let found = rules(&lint_files(&files, &Catalog::default())).join(" ");
    assert!(!found.contains("way-back-incomplete") && found.contains("change-type"), "{found}");
}
