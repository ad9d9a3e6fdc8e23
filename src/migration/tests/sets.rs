use rstest::rstest;

use super::{files, only_problem, outline, read, read_names};
use crate::migration::{Dialect, Kind, Layout, MigrationSet, SetOptions, TransactionMode, Version};

fn numbered(versions: &[&str]) -> Result<MigrationSet, crate::migration::Problems> {
    let names: Vec<_> = versions.iter().map(|version| format!("{version}_x.sql")).collect();
    read_names(&names.iter().map(String::as_str).collect::<Vec<_>>())
}

#[rstest]
#[case(&["001", "003"], "003_x.sql: version 002 is missing before 003")]
#[case(&["001", "002", "006"], "006_x.sql: versions 003 to 005 are missing before 006")]
#[case(&["7", "8", "9", "11"], "11_x.sql: version 10 is missing before 11")]
#[case(&["0", "1", "2", "3", "50"], "50_x.sql: versions 04 to 49 are missing before 50")]
fn a_gap_in_a_sequential_numbering_is_refused(#[case] versions: &[&str], #[case] what: &str) {
    let told = only_problem(numbered(versions));
    assert_eq!(told, format!("{what}: add what is missing, or set `source.allowGaps: true`"));
}

#[rstest]
#[case::complete(&["001", "002", "003"])]
#[case::late_start(&["005", "006", "007"])]
#[case::tens(&["10", "20", "30"])]
#[case::hundreds(&["100", "200", "300", "305"])]
#[case::dates(&["20240101", "20240102", "20240205"])]
#[case::times(&["20240101120000", "20240101120001"])]
#[case::parts(&["1.1", "1.2", "1.4"])]
#[case::one(&["9"])]
#[case::mixed_with_dates(&["1", "2", "20240101"])]
fn other_numberings_have_no_gaps(#[case] versions: &[&str]) {
    assert_eq!(numbered(versions).unwrap().migrations.len(), versions.len());
}

#[test]
fn gaps_may_be_allowed() {
    let options = SetOptions { dialect: Dialect::Postgres, layout: Layout::Auto, allow_gaps: true };
    let set = MigrationSet::read(&files(&[("001_a.sql", ""), ("003_c.sql", "")]), options).unwrap();
    assert_eq!(set.latest(), Some(&Version::parse("3").unwrap()));
}

#[rstest]
#[case(&["V001__a.sql", "V1__b.sql"], "V1__b.sql: version 1 appears twice (also in V001__a.sql)")]
#[case(&["1_a.up.sql", "1_a.down.sql", "1_b.down.sql"], "1_b.down.sql: the way down of version 1 appears twice (also in 1_a.down.sql)")]
#[case(&["R__a.sql", "x/R__a.sql"], "x/R__a.sql: the repeatable script a appears twice (also in R__a.sql)")]
fn what_appears_twice_is_refused_with_both_files(#[case] names: &[&str], #[case] what: &str) {
    let told = only_problem(read_names(names));
    assert!(told.starts_with(what), "{told}");
}

#[rstest]
#[case(&["1_a.up.sql", "2_b.down.sql"], "2_b.down.sql")]
#[case(&["V1__a.sql", "U2__b.sql"], "U2__b.sql")]
fn a_way_down_without_a_way_up_is_refused(#[case] names: &[&str], #[case] file: &str) {
    let told = only_problem(read_names(names));
    assert!(told.starts_with(&format!("{file}: this is a way down, but version 2 has no up script")), "{told}");
}

#[test]
fn all_problems_are_told_in_the_order_of_the_files() {
    let problems = read(&[
        ("004_d.sql", "select 'open"),
        ("001_a.sql", "-- Risk Level: none\nselect 1;\n\\q"),
        ("notes.sql", ""),
        ("002_b.sql", "-- Dependencies: 9\n"),
    ])
    .unwrap_err();
    let places: Vec<_> = problems.0.iter().map(|p| (p.file.as_str(), p.line)).collect();
    assert_eq!(
        places,
        [
            ("001_a.sql", Some(1)),
            ("001_a.sql", Some(3)),
            ("002_b.sql", Some(1)),
            ("004_d.sql", None),
            ("004_d.sql", Some(1)),
            ("notes.sql", None)
        ]
    );
}

#[rstest]
#[case::empty("")]
#[case::comments("-- later\n")]
#[case::semicolons(";\n;")]
fn an_empty_up_script_is_a_no_op_with_a_warning(#[case] content: &str) {
    let set = read(&[("1_a.sql", content)]).unwrap();
    assert!(set.migrations[0].up.statements.is_empty());
    assert_eq!(set.migrations[0].up.mode, TransactionMode::Transactional);
    assert_eq!(set.warnings, ["1_a.sql: the script holds no statement; version 1 is a no-op"]);
}

#[test]
fn many_no_ops_are_one_warning() {
    let named: Vec<_> = (1..=9).map(|n| format!("{n}_a.sql")).collect();
    let named: Vec<_> = named.iter().map(|name| (name.as_str(), "")).collect();
    let told = "1_a.sql: the script holds no statement; version 1 is a no-op (and 8 more like this)";
    assert_eq!(read(&named).unwrap().warnings, [told]);
}

#[test]
fn an_empty_down_script_is_missing_and_a_comment_is_a_deliberate_no_op() {
    let set = read(&[
        ("1_a.up.sql", "select 1"),
        ("1_a.down.sql", " \n"),
        ("2_b.up.sql", "select 1"),
        ("2_b.down.sql", "-- nothing to undo\n"),
    ])
    .unwrap();
    assert_eq!(outline(&set), ["1 a", "2 b ↓"]);
    assert!(set.migrations[1].down.as_ref().unwrap().statements.is_empty());
}

#[test]
fn a_broken_way_down_does_not_keep_a_set_from_going_up() {
    let set = read(&[("1_a.up.sql", "select 1"), ("1_a.down.sql", "select 1;\n\\i undo.sql")]).unwrap();
    let migration = &set.migrations[0];
    assert_eq!(migration.down, None);
    let told = migration.down_refused.as_ref().unwrap().to_string();
    assert!(told.starts_with("1_a.down.sql:2: `\\i` is a command for psql"), "{told}");
    assert_eq!(set.warnings, [format!("no way down: {told}")]);
}

#[test]
fn a_script_that_is_only_partly_transactional_is_a_warning() {
    let sql = "alter table t add a int; create index concurrently i on t (a)";
    let set = read(&[("1_a.sql", sql), ("2_b.sql", &format!("-- sluice:no-transaction\n{sql}"))]).unwrap();
    assert_eq!(set.warnings.len(), 1);
    assert!(set.warnings[0].starts_with("1_a.sql: statement 2 is CREATE INDEX CONCURRENTLY, so"), "{:?}", set.warnings);
}

#[test]
fn a_description_comes_from_the_header_or_the_name() {
    let set =
        read(&[("1_create_users.sql", "select 1"), ("2_x.sql", "-- Description: Prices\n-- Type: seed\nselect 1")]);
    let set = set.unwrap();
    assert_eq!(outline(&set), ["1 create users", "2 Prices"]);
    assert_eq!((set.migrations[0].kind, set.migrations[1].kind), (Kind::Schema, Kind::Seed));
}

#[test]
fn a_migration_is_found_by_its_version_however_that_is_written() {
    let set = read_names(&["001_a.sql", "002_b.sql"]).unwrap();
    let two = Version::parse("2").unwrap();
    assert_eq!(set.get(&two).map(|m| m.description.as_str()), Some("b"));
    assert_eq!(set.checksum(&two), Some(&set.migrations[1].up.checksum));
    assert_eq!(set.get(&Version::parse("3").unwrap()), None);
}

/// What the digest must not depend on, and what it must.
mod digests {
    use super::*;

    const A: (&str, &str) = ("V1__a.sql", "select 1;\n");
    const B: (&str, &str) = ("V2__b.sql", "select 2;\n");

    fn digest(named: &[(&str, &str)]) -> String {
        read(named).unwrap().digest
    }

    #[test]
    fn order_line_ends_and_the_place_of_files_do_not_matter() {
        let expected = digest(&[A, B]);
        assert_eq!(digest(&[B, A]), expected);
        assert_eq!(digest(&[("V1__a.sql", "\u{feff}select 1;\r\n"), B]), expected);
        let mut elsewhere = files(&[A, B]);
        for file in &mut elsewhere {
            file.shown = format!("orders-sql/{}", file.path);
        }
        let options = SetOptions { dialect: Dialect::Postgres, layout: Layout::Flyway, allow_gaps: true };
        assert_eq!(MigrationSet::read(&elsewhere, options).unwrap().digest, expected);
    }

    #[rstest]
    #[case::content(&[("V1__a.sql", "select 1, 1;\n"), B])]
    #[case::description(&[("V1__other.sql", "select 1;\n"), B])]
    #[case::version(&[("V3__a.sql", "select 1;\n"), B])]
    #[case::one_less(&[A])]
    #[case::a_way_down(&[A, B, ("U2__b.sql", "select 1")])]
    #[case::a_broken_way_down(&[A, B, ("U2__b.sql", "\\q")])]
    #[case::a_repeatable(&[A, B, ("R__v.sql", "select 1")])]
    #[case::mode(&[A, B, ("V2__b.sql.conf", "executeInTransaction=false")])]
    fn everything_else_does(#[case] named: &[(&str, &str)]) {
        let digest = digest(named);
        assert!(digest.starts_with("sha256:") && digest.len() == 7 + 64, "{digest}");
        assert_ne!(digest, super::digests::digest(&[A, B]));
    }

    #[test]
    fn the_recipe_stays_what_it_is() {
        assert_eq!(digest(&[A]), "sha256:868c6a0cc50407b6b81cf0c4a4ec998765b3971d083aa6a4ac9ef23a2865f858");
    }
}
