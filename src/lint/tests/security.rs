//! What the rules of class Security see through, besides the corpus of hostile scripts; and what they let pass.

use super::super::{Catalog, Relation, Severity};
use super::{lint, lint_files, rules};

/// Checks that a rule finds something in each script.
fn found(rule: &str, scripts: &[&str]) {
    for sql in scripts {
        assert!(rules(&lint(sql)).contains(&rule), "{sql}: {:#?}", lint(sql));
    }
}

/// Checks that a rule finds nothing in any script.
fn passed(rule: &str, scripts: &[&str]) {
    for sql in scripts {
        assert!(!rules(&lint(sql)).contains(&rule), "{sql}: {:#?}", lint(sql));
    }
}

#[test]
fn the_ledger_is_found_wherever_a_statement_names_its_schema() {
    found(
        "ledger-write",
        &[
            "DROP SCHEMA IF EXISTS app, \"sluice\" CASCADE;",
            "GRANT USAGE ON SCHEMA app, sluice_undo TO reader;",
            "WITH gone AS (DELETE FROM ONLY sluice . schema_migrations RETURNING version) SELECT * FROM gone;",
            "WITH one AS (SELECT 1) UPDATE sluice.schema_migrations SET status = 'completed';",
            "WITH new AS (INSERT INTO sluice.migration_runs DEFAULT VALUES RETURNING id) SELECT id FROM new;",
            "SELECT * INTO sluice.mine FROM orders;",
            "SET search_path = app, sluice;",
            "SELECT set_config('search_path', 'app, sluice', false);",
            "CREATE FUNCTION f() RETURNS int LANGUAGE sql SET search_path = sluice AS 'SELECT 1';",
        ],
    );
    passed(
        "ledger-write",
        &[
            "WITH seen AS (SELECT version FROM sluice.v_migration_status) SELECT * FROM seen;",
            "UPDATE orders SET note = sluice WHERE id = 1;",
            "CREATE SCHEMA app;\nCREATE TABLE app.sluice (id int);",
            "SET search_path = app, public;",
        ],
    );
}

#[test]
fn a_body_that_does_not_stand_there_as_it_runs_is_told() {
    found(
        "dynamic-sql",
        &[
            r"DO E'begin \x73et role dba; end';",
            r"DO LANGUAGE 'plpgsql' U&'begin \0073et role dba; end';",
            "DO 'begin set ro'\n'le dba; end';",
            r"CREATE FUNCTION f() RETURNS int LANGUAGE sql AS E'\163elect 1';",
            "SELECT set_config('ro' || 'le', 'dba', false);",
        ],
    );
    passed(
        "dynamic-sql",
        &[
            r"DO E'begin\n  raise notice \'it''s done\';\nend';",
            "DO LANGUAGE 'plpgsql' 'begin raise notice ''a''; end';",
            "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS 'SELECT ''a\nb''';",
            "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$SELECT 'a'\n'b'$$;",
            "CREATE VIEW v AS\nSELECT 'a'\n'b' AS text;",
            "SELECT set_config('work_mem', '64' || 'MB', false);",
        ],
    );
}

#[test]
fn rights_on_settings_are_rights_over_the_server() {
    let granted = lint("GRANT SET, ALTER SYSTEM ON PARAMETER log_statement TO app;");
    assert_eq!((granted[0].rule, granted[0].severity), ("grant-beyond-need", Severity::Error));
}

#[test]
fn a_policy_opens_a_table_only_where_it_lets_everybody_reach_everything() {
    found(
        "row-security-off",
        &[
            "CREATE POLICY open ON orders USING (true);",
            "CREATE POLICY open ON orders FOR SELECT TO PUBLIC USING ( TRUE );",
        ],
    );
    passed(
        "row-security-off",
        &[
            "CREATE POLICY open ON orders TO auditor USING (true);",
            "CREATE POLICY open ON orders AS RESTRICTIVE USING (true);",
            "CREATE POLICY own ON orders USING (owner = current_user);",
            "CREATE POLICY add ON orders FOR INSERT WITH CHECK (true);",
            "ALTER TABLE orders ENABLE ROW LEVEL SECURITY;\nCREATE POLICY open ON orders USING (true);",
            "CREATE TABLE fresh (id int);\nCREATE POLICY open ON fresh USING (true);",
        ],
    );
}

#[test]
fn a_rule_is_told_on_a_table_in_use_and_not_on_a_view() {
    let sql = "CREATE OR REPLACE RULE log AS ON INSERT TO app.orders DO ALSO INSERT INTO log VALUES (1);";
    let told = lint(sql);
    assert_eq!(told[0].message, "what others write to app.orders becomes more than they wrote");
    found("create-rule", &["DO $$ BEGIN EXECUTE 'CREATE RULE r AS ON DELETE TO orders DO INSTEAD NOTHING'; END $$;"]);
    passed("create-rule", &["CREATE TABLE fresh (id int);\nCREATE RULE r AS ON DELETE TO fresh DO INSTEAD NOTHING;"]);
    let view = Relation { kind: 'v', ..Relation::default() };
    let catalog = Catalog {
        relations: [("app.orders".to_owned(), view)].into(),
        search_path: vec!["app".to_owned()],
        known: true,
        ..Catalog::default()
    };
    assert!(!rules(&lint_files(&[("001_a.sql", sql)], &catalog)).contains(&"create-rule"));
}

#[test]
fn what_is_switched_over_is_switched_off() {
    found(
        "disable-trigger",
        &["ALTER TABLE orders ENABLE REPLICA TRIGGER audit;", "ALTER TABLE orders ENABLE REPLICA RULE r;"],
    );
    passed("disable-trigger", &["ALTER TABLE orders ENABLE ALWAYS TRIGGER audit;"]);
}

#[test]
fn a_function_may_not_lose_its_search_path() {
    found(
        "security-definer-without-search-path",
        &["ALTER FUNCTION total() RESET search_path;", "ALTER ROUTINE app.total(int) RESET ALL;"],
    );
    passed("security-definer-without-search-path", &["ALTER FUNCTION total() RESET work_mem;", "RESET ALL;"]);
}

#[test]
fn publications_and_subscriptions_reach_other_servers() {
    found(
        "remote-access",
        &[
            "CREATE PUBLICATION p FOR TABLES IN SCHEMA app;",
            "ALTER PUBLICATION p ADD TABLES IN SCHEMA app;",
            "CREATE PUBLICATION p FOR ALL TABLES;",
            "-- sluice:no-transaction\nDROP SUBSCRIPTION s;",
        ],
    );
    passed(
        "remote-access",
        &["CREATE PUBLICATION p FOR TABLE orders;", "GRANT SELECT ON ALL TABLES IN SCHEMA app TO reader;"],
    );
}

#[test]
fn what_belongs_to_the_server_is_neither_changed_nor_dropped() {
    found(
        "system-catalog",
        &[
            "DROP FUNCTION IF EXISTS pg_catalog.version() CASCADE;",
            "ALTER FUNCTION pg_catalog.now() SECURITY DEFINER;",
            "ALTER SCHEMA information_schema RENAME TO old;",
        ],
    );
    passed("system-catalog", &["DROP FUNCTION IF EXISTS pg_round(numeric);", "ALTER TYPE pg_kind RENAME TO kind;"]);
}

#[test]
fn prepared_transactions_are_not_ended_by_scripts() {
    for sql in ["COMMIT PREPARED 'x';", "ROLLBACK PREPARED 'x';"] {
        let told = lint(sql);
        assert_eq!((told[0].rule, told[0].severity), ("transaction-control", Severity::Error), "{sql}");
    }
}

#[test]
fn a_block_that_commits_is_told_as_one() {
    let told = lint("DO $$ BEGIN UPDATE orders SET note = 'x' WHERE id = 1; COMMIT; END $$;");
    let told = told.iter().find(|finding| finding.rule == "transaction-control");
    assert_eq!(told.unwrap().message, "the block ends transactions, which is for Sluice to do");
}

#[test]
fn timeouts_are_also_set_by_functions() {
    found("timeout-setting", &["SELECT set_config('statement_timeout', '0', false);", "SET \"lock_timeout\" = 0;"]);
}

#[test]
fn a_function_that_is_not_the_servers_own_may_do_anything_wherever_a_query_calls_it() {
    found(
        "opaque-statement",
        &[
            "SELECT * FROM add_partition('orders');",
            "SELECT drop_partition(name) FROM old_partitions;",
            "SELECT move_row(id) FROM orders WHERE day < '2020-01-01';",
        ],
    );
    passed(
        "opaque-statement",
        &[
            "SELECT count(*), max(jsonb_typeof(note)) FROM orders;",
            "UPDATE orders SET size = pow(2, size), note = convert_from(raw, 'UTF8') WHERE id = 1;",
            "SELECT o.id FROM orders o JOIN LATERAL jsonb_array_elements(o.lines) l ON true;",
        ],
    );
}
