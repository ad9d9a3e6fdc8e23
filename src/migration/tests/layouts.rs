use rstest::rstest;

use super::{files, only_problem, outline, read, read_as, read_names};
use crate::migration::{Dialect, Layout, MigrationSet, SetOptions, TransactionMode};

#[test]
fn a_flyway_folder_is_read_in_the_order_of_its_versions() {
    let set = read_names(&[
        "V1_10__ten.sql",
        "V1.2__Two_words.sql",
        "v1__create_users.sql",
        "U1__create_users.sql",
        "V1.2__rollback_two.sql",
        "V1.11.sql",
        "V2__twice.sql",
        "V2__twice_rollback.sql",
        "R__active_users.sql",
    ])
    .unwrap();
    assert_eq!(outline(&set), ["1 create users ↓", "1.2 Two words ↓", "1.10 ten", "1.11 1 11", "2 twice ↓"]);
    assert_eq!(set.repeatables[0].name, "active_users");
}

#[test]
fn a_flyway_rollback_without_its_way_up_is_refused() {
    let told = only_problem(read_names(&["V1__a.sql", "V2__b.sql", "V3__rollback_c.sql"]));
    assert!(told.starts_with("V3__rollback_c.sql: this is a way down, but version 3 has no up script"), "{told}");
}

#[test]
fn flyways_script_configuration_forbids_the_transaction() {
    let set = read(&[
        ("V1__a.sql", "select 1"),
        ("V2__b.sql", "select 1"),
        ("V2__b.sql.conf", "# why\nexecuteInTransaction = false\n"),
    ])
    .unwrap();
    assert_eq!(set.migrations[0].up.mode, TransactionMode::Transactional);
    assert_eq!(set.migrations[1].up.mode, TransactionMode::NonTransactional { reason: "marked no-transaction".into() });
}

#[test]
fn flyways_callback_after_migrations_is_repeatable() {
    let set = read_names(&["V1__a.sql", "afterMigrate__grants.sql"]).unwrap();
    assert_eq!(set.repeatables[0].name, "afterMigrate__grants");
    assert!(set.warnings[0].contains("runs when it changes, not after every run"), "{:?}", set.warnings);
}

#[rstest]
#[case::folder("001_a.sql", "rollbacks/001_a_rollback.sql")]
#[case::folder_and_plain_name("migrations/001_a.sql", "rollback/001_a.sql")]
#[case::two_folders("up/001_a.sql", "down/001_a.sql")]
#[case::config_map("001_a.sql", "rollbacks__001_a_rollback.sql")]
#[case::suffix("001_a.sql", "001_a.rollback.sql")]
#[case::suffix_word("001_a.sql", "001_a_rollback.sql")]
#[case::prefix_word("001-a.sql", "001-rollback-a.sql")]
#[case::pair("001_a.up.sql", "001_a.down.sql")]
#[case::letter("V001.a.up.sql", "V001.a.down.sql")]
#[case::capitals("001_a.UP.SQL", "001_a.DOWN.SQL")]
#[case::diesel("001_a/up.sql", "001_a/down.sql")]
#[case::prisma("001_a/migration.sql", "001_a/down.sql")]
#[case::prisma_in_a_config_map("001_a__migration.sql", "001_a__down.sql")]
#[case::diesel_in_a_config_map("001_a__up.sql", "001_a__down.sql")]
#[case::flyway("V001__a.sql", "V001__rollback_a.sql")]
fn ways_down_find_their_ways_up(#[case] up: &str, #[case] down: &str) {
    let set = read(&[(up, "select 1"), (down, "select -1")]).unwrap();
    assert_eq!(outline(&set), ["001 a ↓"]);
    assert_eq!(set.migrations[0].up.sql, "select 1");
    assert_eq!(set.migrations[0].down.as_ref().unwrap().sql, "select -1");
}

#[test]
fn a_name_with_rollback_in_it_is_a_way_up_where_ways_down_are_named_otherwise() {
    let set = read_names(&["001_a.sql", "001_a.down.sql", "002-rollback-prefix.sql"]).unwrap();
    assert_eq!(outline(&set), ["001 a ↓", "002 rollback prefix"]);
    assert!(set.warnings[0].contains("read as the way up of version 002"), "{:?}", set.warnings);

    let told = only_problem(read_names(&["001_a.sql", "001_rollback_a.sql", "002_b.sql", "003_rollback_c.sql"]));
    assert!(told.starts_with("003_rollback_c.sql: this is a way down, but"), "{told}");

    let set = read_as(Layout::Sqlx, &[("001_a.sql", "select 1"), ("002_a_rollback.sql", "select 1")]).unwrap();
    assert_eq!(outline(&set), ["001 a", "002 a rollback"]);
}

#[test]
fn a_diesel_directory_has_settings_and_dates_of_two_lengths() {
    let set = read(&[
        ("00000000000000_diesel_initial_setup/up.sql", "select 1"),
        ("00000000000000_diesel_initial_setup/down.sql", "select 1"),
        ("2024-01-01-000000_create_users/up.sql", "select 1"),
        ("2024-01-01-000000_create_users/metadata.toml", "run_in_transaction = false\n"),
        ("2024-02-01-000000-0000_index__up.sql", "select 1"),
        ("2024-03-01-0000-no-underscore/up.sql", "select 1"),
        ("20240401000000_last/up.sql", "select 1"),
    ])
    .unwrap();
    assert_eq!(
        outline(&set),
        [
            "00000000000000 diesel initial setup ↓",
            "20240101000000 create users",
            "202402010000000000 index",
            "202403010000 no underscore",
            "20240401000000 last"
        ]
    );
    let marked: Vec<_> = set.migrations.iter().map(|m| m.up.mode != TransactionMode::Transactional).collect();
    assert_eq!(marked, [false, true, false, false, false]);
}

#[test]
fn broken_diesel_metadata_is_refused() {
    let told = only_problem(read(&[("1_a/up.sql", "select 1"), ("1_a/metadata.toml", "run_in_transaction = nope")]));
    assert!(told.starts_with("1_a/metadata.toml: this is no metadata that Diesel could read"), "{told}");
}

#[test]
fn scripts_for_other_databases_are_left_alone_and_ours_beat_those_for_all() {
    let set = read(&[
        ("1_a.up.sql", "select 'all'"),
        ("1_a.postgres.up.sql", "select 'postgres'"),
        ("1_a.mysql.up.sql", "select `mysql`"),
        ("1_a.down.sql", "select 'all down'"),
        ("2_b.sqlite3.up.sql", "select 1"),
        ("2_b.cockroach.up.sql", "select 1"),
        ("2_b.postgresql.autocommit.up.sql", "select 2"),
    ])
    .unwrap();
    assert_eq!(outline(&set), ["1 a ↓", "2 b"]);
    assert_eq!(set.migrations[0].up.sql, "select 'postgres'");
    assert_ne!(set.migrations[1].up.mode, TransactionMode::Transactional);
    assert_eq!(set.warnings, ["3 files are for other databases and are not run (1_a.mysql.up.sql is the first)"]);
}

#[test]
fn files_of_two_layouts_are_refused_with_both_named() {
    let told = only_problem(read(&[("001_a.sql", "-- +goose Up\nselect 1"), ("V2__b.sql", "select 1")]));
    assert_eq!(
        told,
        "V2__b.sql: this is a file of the Flyway layout, but 001_a.sql is one of Goose: \
         use one layout for all files of a source"
    );
}

#[rstest]
#[case(&["V1__a.sql", "create_users.sql"], "V001__create_users.sql")]
#[case(&["V1__a.sql", "Vone__b.sql"], "V001__create_users.sql")]
#[case(&["001_a.sql", "schema.sql"], "001_create_users.sql")]
#[case(&["001_a/up.sql", "up.sql"], "2024-01-31-120000_create_users/up.sql")]
#[case(&["users.sql"], "V001__create_users.sql (down: U001__create_users.sql; repeatable: R__active_users.sql), or 2024")]
fn an_unreadable_name_is_refused_with_names_to_follow(#[case] names: &[&str], #[case] example: &str) {
    let told = only_problem(read_names(names));
    assert!(told.contains("no version can be read from this name: name it like"), "{told}");
    assert!(told.contains(example), "{told}");
}

#[test]
fn a_chosen_layout_accepts_its_own_files_only() {
    let told = only_problem(read_as(Layout::GolangMigrate, &[("1_a.up.sql", "select 1"), ("2_b.sql", "select 1")]));
    assert!(told.starts_with("2_b.sql: no version can be read from this name"), "{told}");
    let told = only_problem(read_as(Layout::Goose, &[("1_a.sql", "select 1")]));
    assert!(told.starts_with("1_a.sql: there is no line `-- +goose Up` in this file"), "{told}");
    assert!(read_as(Layout::Flyway, &[("001_a.sql", "select 1")]).is_err());
    assert!(read_as(Layout::Diesel, &[("V1__a.sql", "select 1")]).is_err());
}

#[test]
fn what_is_not_sql_is_left_alone_unless_it_is_a_migration_in_code() {
    let set = read(&[
        ("001_a.sql", "select 1"),
        ("README.md", "# read me"),
        (".gitkeep", ""),
        ("atlas.sum", "h1:"),
        ("embed.go", "package migrations"),
        ("001_a.up.go", "package migrations"),
    ])
    .unwrap();
    assert_eq!(outline(&set), ["001 a"]);
    assert_eq!(set.warnings, ["001_a.up.go: this migration is not SQL and is not run"]);
}

#[rstest]
#[case("---- create above / drop below ----")]
#[case("-- //@UNDO")]
#[case("-- rambler down")]
fn a_file_that_would_undo_itself_is_refused(#[case] marker: &str) {
    let told = only_problem(read(&[("001_a.sql", &format!("create table a ();\n{marker}\ndrop table a;"))]));
    assert!(told.starts_with("001_a.sql:2: `"), "{told}");
    assert!(told.ends_with("write an up and a down file"), "{told}");
}

#[rstest]
#[case("001_create_users", "001", "create users")]
#[case("001-create-users", "001", "create users")]
#[case("1_2fa", "1", "2fa")]
#[case("001_2_step_login", "001", "2 step login")]
#[case("20240131120000_x", "20240131120000", "x")]
#[case("20240131_120000_x", "20240131.120000", "x")]
#[case("2024-01-31-120000_x", "20240131120000", "x")]
#[case("2024_01_31_120000_x", "20240131120000", "x")]
#[case("2024-01-31_x", "2024.01.31", "x")]
#[case("0001_02_03_x", "0001", "02 03 x")]
#[case("1.2.3-x", "1.2.3", "x")]
#[case("V0001.Initial_Schema", "0001", "Initial Schema")]
#[case("007", "007", "007")]
#[case("5.sql_helpers", "5", "sql helpers")]
fn versions_and_descriptions_are_read_from_numbered_names(
    #[case] stem: &str,
    #[case] version: &str,
    #[case] description: &str,
) {
    let set = read_names(&[&format!("{stem}.sql")]).unwrap();
    assert_eq!(outline(&set), [format!("{version} {description}")]);
}

#[test]
fn a_source_without_migrations_is_an_empty_set_with_a_warning() {
    let set = read(&[("README.md", "")]).unwrap();
    assert_eq!(set.latest(), None);
    assert_eq!(set.warnings, ["the source holds no migration"]);
}

#[test]
fn problems_name_files_as_people_know_them() {
    let mut files = files(&[("V1__a.sql", "\\set x")]);
    files[0].shown = "orders-sql/V1__a.sql".into();
    let options = SetOptions { dialect: Dialect::Postgres, layout: Layout::Auto, allow_gaps: false };
    let told = only_problem(MigrationSet::read(&files, options));
    assert!(told.starts_with("orders-sql/V1__a.sql:1: "), "{told}");
}
