use rstest::rstest;

use super::parse;
use crate::migration::{Script, StatementClass, TransactionMode};

fn texts(script: &Script) -> Vec<&str> {
    script.statements.iter().map(|statement| statement.text.as_str()).collect()
}

fn refusal(sql: &str) -> String {
    parse(sql).unwrap_err().to_string()
}

#[test]
fn statements_know_their_number_and_place_in_the_file() {
    let script = parse("-- a comment\n\ncreate table a ();\n  /* é */ create table ü ();;\n").unwrap();
    let places: Vec<_> = script.statements.iter().map(|s| (s.number, s.line, s.column, s.text.as_str())).collect();
    assert_eq!(places, [(1, 3, 1, "create table a ()"), (2, 4, 11, "create table ü ()")]);
}

#[test]
fn a_position_that_the_server_reports_is_found_in_the_file() {
    let script = parse("\n  select é,\n   x from nowhere").unwrap();
    assert_eq!(script.statements[0].locate(1), (2, 3));
    assert_eq!(script.statements[0].locate(8), (2, 10));
    assert_eq!(script.statements[0].locate(14), (3, 4));
}

#[rstest]
#[case("BEGIN; create table a (); COMMIT;")]
#[case("-- why\nbegin transaction;\ncreate table a ();\nend work; -- done")]
#[case("START TRANSACTION; create table a (); COMMIT AND NO CHAIN")]
#[case("BEGIN ISOLATION LEVEL READ COMMITTED, READ WRITE; create table a (); END;")]
fn a_script_wrapped_in_begin_commit_is_absorbed(#[case] sql: &str) {
    let script = parse(sql).unwrap();
    assert_eq!(script.mode, TransactionMode::Transactional);
    assert_eq!(texts(&script), ["create table a ()"]);
    assert_eq!(script.statements[0].number, 1);
}

#[test]
fn a_wrapper_with_options_of_its_own_is_refused() {
    let told = refusal("BEGIN ISOLATION LEVEL SERIALIZABLE; select 1; COMMIT;");
    assert!(told.starts_with("V001__x.sql:1: this BEGIN asks for more than the defaults"), "{told}");
}

#[test]
fn a_concurrent_index_in_a_wrapper_is_refused_as_the_server_would() {
    let told = refusal("BEGIN;\nCREATE INDEX CONCURRENTLY i ON t (a);\nCOMMIT;");
    assert_eq!(
        told,
        "V001__x.sql:2: PostgreSQL refuses CREATE INDEX CONCURRENTLY between BEGIN and COMMIT: \
         move it out of the block, or remove BEGIN and COMMIT"
    );
}

#[rstest]
#[case("select 1; COMMIT;", "COMMIT")]
#[case("select 1;\nBEGIN;\nselect 2;\nCOMMIT;\nselect 3", "BEGIN")]
#[case("BEGIN; select 1; COMMIT; BEGIN; select 2; COMMIT;", "BEGIN")]
#[case("BEGIN; select 1; ROLLBACK;", "BEGIN")]
#[case("abort", "ROLLBACK")]
fn transaction_control_in_a_transactional_script_is_refused_with_the_advice_to_mark_it(
    #[case] sql: &str,
    #[case] what: &str,
) {
    let told = refusal(sql);
    assert!(told.contains(&format!(": {what}")), "{told}");
    assert!(told.contains("mark it `-- sluice:no-transaction`"), "{told}");
}

#[test]
fn savepoints_are_fine_in_a_transaction() {
    let script = parse("savepoint a; select 1; rollback to savepoint a; release a").unwrap();
    assert_eq!(script.mode, TransactionMode::Transactional);
    assert!(script.statements.iter().all(|s| s.class == StatementClass::Transactional));
}

#[test]
fn the_reason_for_running_without_a_transaction_names_the_statement() {
    let script = parse("set lock_timeout = 0; create unique index concurrently i on t (a)").unwrap();
    let reason = "statement 2 is CREATE INDEX CONCURRENTLY".to_owned();
    assert_eq!(script.mode, TransactionMode::NonTransactional { reason });
    assert_eq!(script.statements[1].class, StatementClass::NonTransactional);
}

#[test]
fn a_do_that_commits_runs_without_a_transaction() {
    let script = parse("do $$ begin update t set a = 1; commit; end $$").unwrap();
    let reason = "statement 1 is DO with COMMIT or ROLLBACK in its body".to_owned();
    assert_eq!(script.mode, TransactionMode::NonTransactional { reason });
    assert_eq!(script.statements[0].class, StatementClass::MayCommit);
}

#[test]
fn a_marked_script_keeps_its_blocks_and_may_commit_in_procedures() {
    let script = parse(
        "-- sluice:no-transaction\nbegin; insert into t values (1); commit; call batch();\
         do 'begin loop commit; end loop; end'; vacuum t",
    )
    .unwrap();
    assert_eq!(script.mode, TransactionMode::NonTransactional { reason: "marked no-transaction".into() });
    let classes: Vec<_> = script.statements.iter().map(|s| s.class.clone()).collect();
    assert_eq!(
        classes,
        [
            StatementClass::Begin,
            StatementClass::Transactional,
            StatementClass::Commit,
            StatementClass::MayCommit,
            StatementClass::MayCommit,
            StatementClass::NonTransactional
        ]
    );
}

#[rstest]
#[case("begin; select 1;", "BEGIN without a COMMIT after it")]
#[case("begin; begin; commit", "BEGIN inside of the block that line 2 opened")]
#[case("begin; vacuum; commit", "PostgreSQL refuses VACUUM between BEGIN and COMMIT")]
fn blocks_of_a_marked_script_must_be_whole(#[case] sql: &str, #[case] what: &str) {
    let told = refusal(&format!("-- sluice:no-transaction\n{sql}"));
    assert!(told.contains(what), "{told}");
}

#[test]
fn a_commit_that_ends_nothing_is_taken_out_of_a_marked_script() {
    let script = parse("-- sluice:no-transaction\nrollback; begin; select 1; commit; commit; select 2").unwrap();
    assert_eq!(texts(&script), ["begin", "select 1", "commit", "select 2"]);
}

#[rstest]
#[case("\\set x 1", "`\\set` is a command for psql", "remove the psql command \\set")]
#[case("select 1\n  \\gset pre_\n", ":2: `\\gset`", "Sluice sends the script to the server as it is")]
#[case("\\restrict aB3\nselect 1;\n", ":1: `\\restrict`", "remove")]
#[case("COPY t (a) FROM stdin;\n1\n'\n\\.\n", ":1: COPY … FROM STDIN", "INSERT")]
#[case("copy t to stdout", "COPY … TO STDOUT", "remove")]
#[case("select 1;\n\nselect 'open\n", ":3: the string that begins here", "close it")]
#[case("select /* /* */ 1", ":1: the block comment", "close it")]
#[case("\ncreate function f() as $f$ $g$ ", ":2: the dollar-quoted string", "close it")]
#[case("select \"a", "the quoted identifier", "close it")]
#[case("select 1\0", "a NUL character", "remove it")]
fn what_a_server_cannot_read_is_refused_with_line_and_cure(#[case] sql: &str, #[case] what: &str, #[case] cure: &str) {
    let told = refusal(sql);
    assert!(told.contains(what) && told.contains(cure), "{told}");
}

#[test]
fn all_problems_of_a_script_are_told() {
    let problems = parse("\\connect shop\ncopy t from stdin;\n1\n\\.\nselect 1; commit; select 'x").unwrap_err();
    let lines: Vec<_> = problems.0.iter().map(|problem| problem.line).collect();
    assert_eq!(lines, [Some(1), Some(2), Some(5), Some(5)], "{problems}");
}

#[test]
fn lines_are_those_of_the_whole_file() {
    let script = Script::parse(crate::migration::Dialect::Postgres, "f.sql", 10, "select 1;\nselect 2;", true).unwrap();
    let lines: Vec<_> = script.statements.iter().map(|s| s.line).collect();
    assert_eq!(lines, [10, 11]);
}

#[test]
fn the_names_in_a_script_are_those_of_the_catalog() {
    let sql = "ALTER TABLE Shop.Orders ADD COLUMN \"My \"\"Note\" text DEFAULT 'customers'; -- invoices
        do $body$ begin update lines set x = 'parcels'; /* notes */ end $body$;";
    let names = parse(sql).unwrap().names();
    for name in ["shop", "orders", "My \"Note", "lines"] {
        assert!(names.contains(name), "{name}: {names:?}");
    }
    for text in ["customers", "invoices", "parcels", "notes", "Orders"] {
        assert!(!names.contains(text), "{text}: {names:?}");
    }
}
