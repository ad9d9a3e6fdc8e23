//! One query of a user: what may be asked, how it is sent, and where in it the server stumbled. Texts only.
//!
//! What keeps a query from doing more than reading is not here: it is sent by the extended protocol, in which a server takes
//! one statement at a time, in a transaction that can no longer be made to write (see [`super::reader`]). Reading the text
//! beforehand only makes for better messages, and for an answer in JSON.

use crate::database::{MOST_BYTES, MOST_ROWS, ReadError};
use crate::migration::{Lexer, TokenKind};

use super::failure::{ServerError, name, word_at};
use super::sqlstate::{LOCK_NOT_AVAILABLE, QUERY_CANCELED};

/// What queries begin with.
const BEGINNINGS: [&str; 4] = ["select", "with", "values", "table"];

/// A query, without what follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Query<'a>(&'a str);

impl<'a> Query<'a> {
    /// Takes one query, with comments around it and a `;` after it.
    pub fn of(text: &'a str) -> Result<Self, ReadError> {
        let refused = |what: &str| Err(ReadError::Refused(format!("the query {what}")));
        if text.contains('\0') {
            return refused("has a NUL character; remove it");
        }
        let mut end = 0;
        let mut open = 0_usize;
        let mut ended = false;
        for token in Lexer::new(text) {
            let Ok(token) = token else {
                return refused("ends within a string, a quoted name or a comment; close it");
            };
            let word = text.get(token.start..token.end).unwrap_or_default();
            if token.kind.is_blank() {
                continue;
            }
            if token.kind == TokenKind::Semicolon && open == 0 {
                ended = true;
                continue;
            }
            if ended {
                return refused("has several statements; give one");
            }
            let begins = word == "(" || BEGINNINGS.iter().any(|known| word.eq_ignore_ascii_case(known));
            if end == 0 && !begins {
                return refused(
                    "is none: begin with SELECT, WITH, VALUES or TABLE (settings are read with current_setting)",
                );
            }
            match token.kind {
                TokenKind::OpenParenthesis => open += 1,
                TokenKind::CloseParenthesis if open == 0 => return refused("closes a parenthesis that is not open"),
                TokenKind::CloseParenthesis => open -= 1,
                TokenKind::Backslash => return refused("has a command for psql; remove it"),
                _ => {}
            }
            end = token.end;
        }
        if end == 0 {
            return refused("is empty");
        }
        Ok(Self(text.get(..end).unwrap_or_default()))
    }

    /// A statement that gives each row as JSON, columns in their order. One row more than may come back is let through, and
    /// one character more of each, so that what is too much can be told.
    pub fn as_json(self) -> Sent<'a> {
        Sent {
            query: self.0,
            before: format!(
                "select pg_catalog.left(pg_catalog.to_json(sluice_row.*)::pg_catalog.text, {}) from (",
                MOST_BYTES + 1
            ),
            // The query may end in a comment.
            after: format!("\n) sluice_row limit {}", MOST_ROWS + 1),
        }
    }

    /// A statement that runs it and sends none of its rows.
    pub fn unseen(self) -> Sent<'a> {
        let before = "explain (analyze, timing off, costs off, buffers off, summary off) ".to_owned();
        Sent { query: self.0, before, after: String::new() }
    }
}

/// A query with what is sent around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sent<'a> {
    query: &'a str,
    before: String,
    after: String,
}

impl Sent<'_> {
    /// The whole text.
    pub fn text(&self) -> String {
        format!("{}{}{}", self.before, self.query, self.after)
    }

    /// What the server's refusal means for the query, without the server's words.
    pub fn refused(&self, error: &ServerError) -> ReadError {
        let position = error.position.and_then(|position| position.checked_sub(self.before.chars().count()));
        let position = position.filter(|position| (1..=self.query.chars().count()).contains(position));
        let mut what = String::from("the query");
        if let Some(position) = position {
            let (line, column) = place(self.query, position);
            what.push_str(&format!(", line {line}, column {column}"));
        }
        what.push_str(&format!(": {}", name(&error.code)));
        if let Some(word) = position.and_then(|position| word_at(self.query, position)) {
            what.push_str(&format!(" at `{word}`"));
        }
        if !error.objects.is_empty() {
            what.push_str(&format!(" ({})", error.objects.join(", ")));
        }
        what.push_str(cure(&error.code));
        ReadError::Refused(what)
    }
}

/// Line and column of a 1-based position in characters.
fn place(text: &str, position: usize) -> (usize, usize) {
    let (mut line, mut column) = (1, 1);
    for character in text.chars().take(position - 1) {
        if character == '\n' {
            line += 1;
            column = 1;
        } else {
            column += 1;
        }
    }
    (line, column)
}

/// What a person does about the codes that queries of checks run into.
fn cure(code: &str) -> &'static str {
    match code {
        "25006" => "; it would write, and checks only read",
        "42501" => "; grant the privilege to the role of the Secret",
        LOCK_NOT_AVAILABLE => "; somebody locks what it reads",
        QUERY_CANCELED => "; it took too long, or somebody cancelled it",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::plain("select 1", "select 1")]
    #[case::a_semicolon("select 1;", "select 1")]
    #[case::several_semicolons("select 1 ; ;\n", "select 1")]
    #[case::a_comment_after_it("select 1; -- done; really\n/* ; */", "select 1")]
    #[case::a_comment_before_it("-- orphans\nSELECT 1", "-- orphans\nSELECT 1")]
    #[case::a_semicolon_in_a_string("select ';' -- x", "select ';'")]
    #[case::other_kinds("With a as (values (1)) table a;", "With a as (values (1)) table a")]
    #[case::in_parentheses("(select 1) union (select 2);", "(select 1) union (select 2)")]
    fn one_query_is_taken_without_what_follows_it(#[case] text: &str, #[case] query: &str) {
        assert_eq!(Query::of(text), Ok(Query(query)));
    }

    #[rstest]
    #[case("select 1; commit; drop table x", "several statements")]
    #[case("select 1; select 2", "several statements")]
    #[case("set transaction read write", "begin with SELECT")]
    #[case("commit", "begin with SELECT")]
    #[case("insert into t values (1)", "begin with SELECT")]
    #[case("do $$ begin commit; end $$", "begin with SELECT")]
    #[case("explain select 1", "begin with SELECT")]
    #[case("select 1) x, (select 2", "parenthesis that is not open")]
    #[case("select 'a", "ends within")]
    #[case("select 1 /* x", "ends within")]
    #[case("select 1 \\gexec", "psql")]
    #[case("select '\0'", "NUL")]
    #[case(" -- nothing\n;", "is empty")]
    fn anything_but_one_query_is_refused(#[case] text: &str, #[case] told: &str) {
        let error = Query::of(text).unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }

    #[test]
    fn a_refusal_names_place_code_and_name_and_nothing_of_what_the_server_says() {
        let text = "-- ü\nselect nme from t where x = 'Alice'";
        for sent in [Query::of(text).unwrap().as_json(), Query::of(text).unwrap().unseen()] {
            let at = sent.text().chars().take_while(|c| *c != 'n').count();
            let position = sent.text().chars().collect::<String>().find("nme").unwrap();
            let position = sent.text()[..position].chars().count() + 1;
            assert!(at < position);
            let error = ServerError {
                code: "42703".to_owned(),
                position: Some(position),
                words: "column \"nme\" does not exist: Alice".to_owned(),
                ..ServerError::default()
            };
            assert_eq!(
                sent.refused(&error).to_string(),
                "the query, line 2, column 8: 42703 undefined_column at `nme`"
            );
        }
    }

    #[test]
    fn a_position_outside_of_the_query_is_not_told() {
        let sent = Query::of("select 1").unwrap().as_json();
        let error = ServerError { code: "25006".to_owned(), position: Some(3), ..ServerError::default() };
        assert_eq!(
            sent.refused(&error).to_string(),
            "the query: 25006 read_only_sql_transaction; it would write, and checks only read"
        );
    }
}
