use rstest::rstest;

use super::{only_problem, outline, read};
use crate::migration::{Script, TransactionMode};

const GOOSE: &str = "\
-- Description: Users and their names
-- +goose Up
-- +goose StatementBegin
create function f() returns void language plpgsql as $$ begin
  perform 1;
end $$;
-- +goose StatementEnd
create table users ();
-- +goose Down
drop table users;
-- +goose StatementBegin
drop function f();
-- +goose StatementEnd
";

fn lines(script: &Script) -> Vec<(u32, &str)> {
    script.statements.iter().map(|s| (s.line, s.text.lines().next().unwrap())).collect()
}

#[test]
fn a_goose_file_holds_both_directions_with_lines_of_the_whole_file() {
    let set = read(&[("00001_users.sql", GOOSE)]).unwrap();
    assert_eq!(outline(&set), ["00001 Users and their names ↓"]);
    let up = lines(&set.migrations[0].up);
    assert_eq!(
        up,
        [(4, "create function f() returns void language plpgsql as $$ begin"), (8, "create table users ()")]
    );
    let down = lines(set.migrations[0].down.as_ref().unwrap());
    assert_eq!(down, [(10, "drop table users"), (12, "drop function f()")]);
}

#[rstest]
#[case::before("-- +goose NO TRANSACTION\n-- +goose Up\nselect 1;\n-- +goose Down\nselect 1;", true, true)]
#[case::behind("-- +goose Up\n-- +goose no transaction\nselect 1;\n-- +goose down\nselect 1;", true, true)]
#[case::plain("-- +goose up\nselect 1;\n--+goose DOWN\nselect 1;", false, false)]
#[case::ours("-- sluice:no-transaction\n-- +goose Up\nselect 1;\n-- +goose Down\nselect 1;", true, true)]
#[case::ours_for_one("-- +goose Up\nselect 1;\n-- +goose Down\n-- sluice:no-transaction\nselect 1;", false, true)]
#[case::sql_migrate("-- +migrate Down notransaction\nselect 1;\n-- +migrate Up\nselect 1;", false, true)]
#[case::dbmate("-- migrate:up transaction:false\nselect 1;\n-- migrate:down\nselect 1;", true, false)]
#[case::dbmate_down("-- migrate:up\nselect 1;\n-- migrate:down transaction:false\nselect 1;", false, true)]
fn marks_forbid_the_transaction(#[case] content: &str, #[case] up: bool, #[case] down: bool) {
    let set = read(&[("1_a.sql", content)]).unwrap();
    let free = |script: &Script| script.mode != TransactionMode::Transactional;
    let migration = &set.migrations[0];
    assert_eq!((free(&migration.up), free(migration.down.as_ref().unwrap())), (up, down));
}

#[rstest]
#[case::missing("-- +goose Up\nselect 1;", false)]
#[case::empty("-- +goose Up\nselect 1;\n-- +goose Down\n\n", false)]
#[case::markers_alone(
    "-- +goose Up\nselect 1;\n-- +goose Down\n-- +goose StatementBegin\n-- +goose StatementEnd",
    false
)]
#[case::comment("-- +goose Up\nselect 1;\n-- +goose Down\n-- nothing to undo", true)]
#[case::dbmate_empty("-- migrate:up\nselect 1;\n\n-- migrate:down\n\n", false)]
fn an_empty_down_section_is_a_missing_one_and_a_comment_is_a_choice(#[case] content: &str, #[case] there: bool) {
    let set = read(&[("1_a.sql", content)]).unwrap();
    assert_eq!(set.migrations[0].down.is_some(), there);
}

#[rstest]
#[case("-- +goose Up\n-- +goose ENVSUB ON\nselect '${X}';", ":2: `-- +goose ENVSUB ON`", "write the values")]
#[case("-- +goose Up\n-- +goose Sideways\n", ":2: goose knows no annotation `sideways`", "write one of Up, Down")]
#[case("select 1;\n-- +goose Up\n", ":1: SQL before `-- +goose Up`", "move it behind")]
#[case(
    "-- +goose Up\n-- +goose Down\n-- +goose Up\n",
    ":3: this file has more than one section",
    "one file per version"
)]
#[case("\n-- migrate:up\n-- migrate:up", ":3: this file has more than one section", "one file per version")]
#[case("-- why\n\nselect 1;\n-- migrate:up\n", ":3: SQL before `-- migrate:up`", "move it behind")]
fn sections_that_cannot_be_read_are_refused(#[case] content: &str, #[case] what: &str, #[case] cure: &str) {
    let told = only_problem(read(&[("1_a.sql", content)]));
    assert!(told.contains(what) && told.contains(cure), "{told}");
}

#[test]
fn markers_in_a_file_whose_name_tells_the_direction_are_comments() {
    let set = read(&[("1_a.up.sql", "-- +migrate Up\nselect 1"), ("2_b.up.sql", "select 1")]).unwrap();
    assert_eq!(outline(&set), ["1 a", "2 b"]);
}

#[test]
fn a_dbmate_file_holds_both_directions() {
    let content = "-- about users\n-- migrate:up\ncreate table a ();\n\n-- migrate:down\ndrop table a;\n";
    let set = read(&[("20240131120000_create_users.sql", content)]).unwrap();
    assert_eq!(outline(&set), ["20240131120000 create users ↓"]);
    assert_eq!(lines(&set.migrations[0].up), [(3, "create table a ()")]);
    assert_eq!(lines(set.migrations[0].down.as_ref().unwrap()), [(6, "drop table a")]);
}

#[test]
fn a_changed_way_down_leaves_the_checksum_of_the_way_up() {
    let before = read(&[("1_a.sql", GOOSE)]).unwrap();
    let after = read(&[("1_a.sql", &GOOSE.replace("drop table users", "drop table if exists users"))]).unwrap();
    assert_eq!(before.migrations[0].up.checksum, after.migrations[0].up.checksum);
    assert_ne!(
        before.migrations[0].down.as_ref().unwrap().checksum,
        after.migrations[0].down.as_ref().unwrap().checksum
    );
    assert_ne!(before.digest, after.digest);
}
