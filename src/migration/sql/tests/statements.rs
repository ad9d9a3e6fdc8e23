use rstest::rstest;

use crate::migration::sql::split;
use crate::migration::sql::split::Trouble;

fn statements(text: &str) -> Vec<&str> {
    let split = split(text);
    assert_eq!(split.troubles, [], "{text}");
    split.pieces.iter().map(|piece| &text[piece.start..piece.end]).collect()
}

#[rstest]
#[case("", &[])]
#[case(" ;; -- nothing\n ; /* here */", &[])]
#[case("a;b", &["a", "b"])]
#[case("a;;b;", &["a", "b"])]
#[case("-- before\na -- inside ; \n b; -- after", &["a -- inside ; \n b"])]
#[case("/* ; /* ; */ ; */ a; b", &["a", "b"])]
fn semicolons_end_statements_and_comments_do_not(#[case] text: &str, #[case] expected: &[&str]) {
    assert_eq!(statements(text), expected);
}

#[rstest]
#[case::plain("select ';'")]
#[case::doubled_quote("select 'it''s; fine'")]
#[case::backslash_is_plain(r"select '\'")]
#[case::escape_string(r"select E'\';' || e'\\'")]
#[case::escape_of_a_wide_character("select E'\\é;'")]
#[case::unicode_string(r"select U&'d\0061;' UESCAPE '!'")]
#[case::bits("select B'1;' || X'F;' || n'a;'")]
#[case::continued_string("select 'a'\n  ';b'")]
#[case::continued_escape_string("select E'a' -- why\n '\\';'")]
#[case::not_continued_on_one_line("select E'a' 'b\\'")]
#[case::quoted_identifier(r#"select "a;""b;" from U&"d!0061;" UESCAPE '!'"#)]
#[case::word_before_a_quote(r"select somee'\'")]
fn quotes_protect_semicolons(#[case] text: &str) {
    assert_eq!(statements(&format!("{text}; next")), [text, "next"]);
}

#[rstest]
#[case::anonymous("do $$ a; b $$")]
#[case::tagged("do $body$ a; $$ b; $$ $other$ ; $body$")]
#[case::nested_twice("do $a$ $b$ ; $c$ ; $b$ ; $a$")]
#[case::wide_tag("do $é$ ; $é$")]
#[case::tags_know_case("do $A$ ; $a$ ; $A$")]
#[case::overlapping_dollars("do $a$ ; $b$a$")]
#[case::parameters("select $1, $2")]
#[case::identifier_with_dollars("select a$b$c, d$$ from t$")]
#[case::lone_dollar("select $ from $x")]
#[case::parameter_before_a_quote("select $1$$;$$")]
fn dollar_quotes_protect_semicolons(#[case] text: &str) {
    assert_eq!(statements(&format!("{text}; next")), [text, "next"]);
}

#[rstest]
#[case::range("for i in 1..10")]
#[case::exponent("select 1e-5, .5, 5., 0xFF, 1_000")]
#[case::comment_ends_operator("select 1 +-- ;\n 2")]
#[case::comment_ends_operator_too("select 1 */* ; */ 2")]
#[case::operators("select a @> b, c #>> d, e -> f, g <-> h")]
#[case::parentheses("create rule r as on insert to t do (insert into a values (1); notify b)")]
#[case::other_characters("select a[1:2], b::text, :c, {d}")]
#[case::not_ascii("insert into größe values ('é;')")]
fn everything_else_stays_together(#[case] text: &str) {
    assert_eq!(statements(&format!("{text}; next")), [text, "next"]);
}

#[rstest]
#[case::function("create function f() returns int begin atomic select 1; select 2; end")]
#[case::procedure(
    "CREATE OR REPLACE PROCEDURE p(begin int) LANGUAGE sql BEGIN /* x */ ATOMIC; INSERT INTO t VALUES (1); END"
)]
#[case::cases("create function f() begin atomic select case when a then case b when c then 1 end end; select 2; end")]
#[case::names("create function f() begin atomic select 1 as end, t.end, t.case; select 2 as case; end")]
#[case::empty("create function f() returns void begin atomic end")]
fn the_body_of_an_atomic_routine_is_one_statement(#[case] text: &str) {
    assert_eq!(statements(&format!("{text}; next")), [text, "next"]);
}

#[test]
fn a_begin_outside_of_a_routine_is_a_statement() {
    assert_eq!(statements("begin; atomic; end; case"), ["begin", "atomic", "end", "case"]);
}

#[test]
fn strings_follow_standard_conforming_strings() {
    let text =
        r"set standard_conforming_strings = off; select '\';'; SET standard_conforming_strings TO 'on'; a '\'; b";
    assert_eq!(statements(text)[1..], [r"select '\';'", "SET standard_conforming_strings TO 'on'", r"a '\'", "b"]);
}

#[test]
fn columns_are_counted_in_characters_and_lines_by_line_feeds() {
    let split = split("é;ü;\r\n\t日本; x\n");
    let places: Vec<_> = split.pieces.iter().map(|piece| (piece.at.line, piece.at.column)).collect();
    assert_eq!(places, [(1, 1), (1, 3), (2, 2), (2, 6)]);
}

#[test]
fn the_data_of_a_copy_is_passed_over() {
    let text = "copy t (a) from stdin with csv;\nit's \\N data;\n\\.\nselect 1;\ncopy t from 'file'";
    let split = split(text);
    assert_eq!(split.troubles.len(), 1);
    assert_eq!(split.troubles[0].1, Trouble::CopyFromStdin);
    let texts: Vec<_> = split.pieces.iter().map(|piece| &text[piece.start..piece.end]).collect();
    assert_eq!(texts, ["copy t (a) from stdin with csv", "select 1", "copy t from 'file'"]);
}

#[rstest]
#[case("\\d", "\\d")]
#[case("select 1 \\gexec", "\\gexec")]
#[case("\\i 'other file.sql'\n", "\\i")]
#[case("insert into t values (1)\\;", "\\;")]
fn psql_commands_are_found_outside_of_quotes(#[case] text: &str, #[case] command: &str) {
    let troubles = split(text).troubles;
    assert_eq!(troubles.len(), 1, "{troubles:?}");
    assert_eq!(troubles[0].1, Trouble::PsqlCommand(command.to_owned()));
}

#[test]
fn a_backslash_in_quotes_or_comments_is_no_command() {
    assert_eq!(statements("select '\\d', $$ \\d $$, \"\\d\" -- \\d\n /* \\d */").len(), 1);
}

#[test]
fn depth_and_length_cost_no_stack_and_linear_time() {
    let n = 200_000;
    let deep_comment = format!("{}{}", "/*".repeat(n), "*/".repeat(n));
    let deep_parentheses = format!("select {}1{}", "(".repeat(n), ")".repeat(n));
    let many_tags: String = (0..n / 10).map(|i| format!("$t{i}$x$t{i}$ ")).collect();
    let many_strings = "'a' -- b\n".repeat(n);
    let many_dollars = "$ ".repeat(n);
    let many_cases =
        format!("create function f() begin atomic select {} 1 {}; end", "case ".repeat(n), "end ".repeat(n));
    for text in [deep_comment, deep_parentheses, many_tags, many_strings, many_dollars, many_cases, ";".repeat(n)] {
        assert!(split(&text).pieces.len() <= 1);
    }
}
