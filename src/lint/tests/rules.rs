//! What rules find besides their examples.

use super::super::{Catalog, Relation, Severity};
use super::{lint, lint_files, rules};

fn catalog(rows: u64, bytes: u64) -> Catalog {
    let orders = Relation { kind: 'r', rows: Some(rows), bytes, ..Relation::default() };
    Catalog {
        relations: [("public.orders".to_owned(), orders)].into(),
        search_path: vec!["public".to_owned()],
        known: true,
        ..Catalog::default()
    }
}

#[test]
fn what_the_script_itself_creates_is_harmless() {
    let found = lint(
        "CREATE TABLE fresh (id bigint PRIMARY KEY, note text);\nCREATE INDEX by_note ON fresh (note);\n\
         ALTER TABLE fresh ALTER COLUMN note SET NOT NULL;\nALTER TABLE fresh ADD UNIQUE (note);\n\
         DELETE FROM fresh;\nTRUNCATE fresh;\nDROP TABLE fresh;",
    );
    assert_eq!(rules(&found), [""; 0], "{found:#?}");
}

#[test]
fn an_index_on_a_small_table_is_a_note() {
    let index = [("001_x.sql", "CREATE INDEX by_day ON orders (day);")];
    let large = lint_files(&index, &catalog(5_000_000, 1 << 30));
    assert_eq!(large[0].severity, Severity::Error);
    assert_eq!(large[0].message, "writers of orders (about 5000000 rows) wait until the index is built");
    assert_eq!(lint_files(&index, &catalog(120, 16_384))[0].severity, Severity::Note);
}

#[test]
fn the_safe_way_names_table_and_columns_and_no_literal() {
    let found = lint("CREATE UNIQUE INDEX by_day ON billing.orders (day) WHERE state = 'secret';");
    assert_eq!(
        found[0].rewrite.as_deref(),
        Some(
            "-- in a script of its own\n\
             CREATE UNIQUE INDEX CONCURRENTLY by_day ON billing.orders (day) WHERE state = '******';"
        )
    );
    let found = lint("ALTER TABLE orders ADD FOREIGN KEY (customer_id) REFERENCES customers (id);");
    assert!(found[0].rewrite.as_deref().unwrap().contains("REFERENCES customers (id) NOT VALID"), "{found:?}");
}

#[test]
fn no_finding_shows_a_literal_of_the_script() {
    let sql = "CREATE ROLE app PASSWORD 'hunter2';\nALTER TABLE orders ADD CHECK (note <> 'hunter2');\n\
               CREATE INDEX i ON orders (id) WHERE note = 'hunter2';\nSELECT pg_read_file('hunter2');\n\
               DO $$ BEGIN EXECUTE 'ALTER ROLE app PASSWORD ''hunter2'''; END $$;\n\
               ALTER TABLE orders ADD COLUMN x text DEFAULT random()::text || 'hunter2';\n\
               SELECT $x$postgres://app:hunter2@db/shop$x$;";
    let found = lint(sql);
    assert!(found.len() >= 7, "{found:#?}");
    assert!(!format!("{found:?}").contains("hunter2"), "{found:#?}");
}

#[test]
fn a_way_back_may_drop_what_the_way_up_created_and_nothing_else() {
    let files = [
        ("001_a.up.sql", "CREATE TABLE a (id bigint PRIMARY KEY);\nALTER TABLE orders ADD COLUMN note text;"),
        ("001_a.down.sql", "ALTER TABLE orders DROP COLUMN note;\nDROP TABLE a;"),
    ];
    assert_eq!(rules(&lint_files(&files, &Catalog::default())), [""; 0]);
    let files = [("001_a.up.sql", "SELECT 1;"), ("001_a.down.sql", "DROP TABLE orders;")];
    let found = lint_files(&files, &Catalog::default());
    assert_eq!(rules(&found), ["drop-table"]);
    assert_eq!(found[0].file, "001_a.down.sql");
}

#[test]
fn a_way_back_that_forgets_something_is_found_at_what_it_forgets() {
    let files = [
        ("001_a.up.sql", "CREATE TABLE a (id bigint PRIMARY KEY);\nCREATE TYPE mood AS ENUM ('sad');"),
        ("001_a.down.sql", "DROP TABLE a;"),
    ];
    let found = lint_files(&files, &Catalog::default());
    assert_eq!(rules(&found), ["way-back-incomplete"]);
    assert_eq!((found[0].file.as_str(), found[0].line), ("001_a.up.sql", 2));
    assert!(found[0].message.contains("mood stays"), "{}", found[0].message);
}

#[test]
fn words_are_found_whatever_hides_them() {
    for hidden in [
        "SELECT \"pg_read_file\"('x');",
        "SELECT pg_catalog.PG_READ_FILE ('x');",
        "SELECT U&\"pg\\005fread_file\"('x');",
        "DO 'BEGIN PERFORM pg_read_file(''x''); END';",
        "DO $a$ BEGIN EXECUTE $b$ SELECT pg_read_file('x') $b$; END $a$;",
        "SELECT query_to_xml('SELECT pg_read_file(''x'')', true, true, '');",
        "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS 'SELECT pg_read_file(''x'')';",
    ] {
        assert!(rules(&lint(hidden)).contains(&"server-file-function"), "{hidden}");
    }
}

#[test]
fn data_that_looks_like_a_statement_is_data() {
    let harmless = "INSERT INTO docs (id, body) VALUES (1, 'ALTER SYSTEM SET x = 1; COPY a FROM PROGRAM ''b''');\n\
                    UPDATE users SET role = 'admin' WHERE id = 1;\nSELECT * FROM program;\n\
                    SELECT 1 AS password;\nINSERT INTO t (password) VALUES ($$DROP ROLE x$$);";
    assert_eq!(rules(&lint(harmless)), [""; 0]);
}
