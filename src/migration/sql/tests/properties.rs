use proptest::prelude::*;

use crate::migration::sql::lexer::{Lexer, Token, TokenKind};
use crate::migration::sql::{classify, split};

/// Pieces of SQL that stay whole wherever they stand.
fn whole_token() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z_][a-z0-9_$]{0,6}".prop_filter("prefixes of strings", |word| !matches!(word.as_str(), "e" | "u")),
        "'[a-z;\" $(-]{0,6}'",
        "E'([a-z;(\"]|\\\\[a-zé'\\\\]|''){0,4}'",
        "\"[a-z;' $(-]{1,6}\"",
        "\\$[a-z]{0,2}\\$[a-z;'\"( ]{0,8}",
        "[0-9]{1,4}",
        "[a-z]{1,3}\\.[a-z]{1,3}",
        Just("::".to_owned()),
        Just("é".to_owned()),
        Just("(a; b)".to_owned()),
        Just("/* ; /* ' */ $$ */".to_owned()),
        Just("-- ; ' $$\n".to_owned()),
    ]
    .prop_map(close)
}

/// Closes the dollar quote that a generated token opens.
fn close(token: String) -> String {
    match token.strip_prefix('$').and_then(|rest| rest.split_once('$')) {
        Some((tag, _)) => format!("{token}${tag}$"),
        None => token,
    }
}

/// A statement that begins with a word, so that it is never empty.
fn statement() -> impl Strategy<Value = String> {
    proptest::collection::vec(whole_token(), 0..8).prop_map(|tokens| format!("select {}", tokens.join(" ")))
}

fn tokens(text: &str) -> Vec<Token> {
    Lexer::new(text).map_while(Result::ok).collect()
}

/// The text of the significant tokens.
fn significant(text: &str) -> Vec<&str> {
    let of = |token: Token| (!token.kind.is_blank()).then(|| &text[token.start..token.end]);
    tokens(text).into_iter().filter_map(of).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_text_is_split_without_a_panic(text in any::<String>()) {
        for piece in split(&text).pieces {
            classify(&text[piece.start..piece.end]);
        }
    }

    #[test]
    fn any_soup_of_telling_characters_is_split_without_a_panic(text in "[-/*'\"$eEuU&\\\\;()aé\n0-9.:\0 ]{0,60}") {
        for piece in split(&text).pieces {
            classify(&text[piece.start..piece.end]);
        }
    }

    #[test]
    fn tokens_cover_the_text_without_gap_or_overlap(text in "[-/*'\"$eE&\\\\;()aé\n0-9.:+ ]{0,60}") {
        let mut at = 0;
        for token in tokens(&text) {
            prop_assert_eq!(token.start, at);
            prop_assert!(token.end > token.start);
            at = token.end;
        }
        let complete = Lexer::new(&text).all(|token| token.is_ok());
        prop_assert!(!complete || at == text.len());
    }

    #[test]
    fn statements_and_what_is_between_them_make_up_the_file(statements in proptest::collection::vec(statement(), 0..6)) {
        let text = statements.join(";\n");
        let split = split(&text);
        prop_assert_eq!(&split.troubles, &[]);
        prop_assert_eq!(split.pieces.len(), statements.len());
        let mut rebuilt = String::new();
        let mut at = 0;
        for piece in &split.pieces {
            let between = &text[at..piece.start];
            prop_assert!(tokens(between).iter().all(|t| t.kind.is_blank() || t.kind == TokenKind::Semicolon));
            rebuilt.push_str(between);
            rebuilt.push_str(&text[piece.start..piece.end]);
            at = piece.end;
        }
        rebuilt.push_str(&text[at..]);
        prop_assert_eq!(rebuilt, text);
    }

    #[test]
    fn comments_between_tokens_change_no_statement(statements in proptest::collection::vec(statement(), 1..5)) {
        let text = statements.join(";");
        // A line end between two strings would make one of them; a block comment does not.
        let commented: String =
            tokens(&text).iter().map(|t| format!("/* ; ' */{}", &text[t.start..t.end])).collect();
        let plain = split(&text);
        let other = split(&commented);
        prop_assert_eq!(plain.pieces.len(), other.pieces.len());
        for (a, b) in plain.pieces.iter().zip(&other.pieces) {
            prop_assert_eq!(significant(&text[a.start..a.end]), significant(&commented[b.start..b.end]));
        }
    }

    #[test]
    fn a_position_points_at_the_first_token(statements in proptest::collection::vec(statement(), 1..5)) {
        let text = statements.join(" ;\n\n");
        for piece in split(&text).pieces {
            let line = text.split('\n').nth(piece.at.line as usize - 1).unwrap();
            let rest: String = line.chars().skip(piece.at.column as usize - 1).collect();
            prop_assert!(rest.starts_with("select"), "{:?} in {:?}", piece.at, line);
        }
    }
}
