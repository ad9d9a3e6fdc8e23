//! A statement as words, for rules that must also see into bodies of functions, `DO` blocks and quoted SQL.
//!
//! It sees through everything that hides a name from a reader: case, quotes, `U&"…"`, comments between words, nested quoting.
//! What it yields may hold literals of the script; no message may.

use std::ops::Range;

use crate::migration::{Lexer, TokenKind};

/// Bodies in bodies deeper than this are not looked into: nobody writes them, and every level costs stack.
const DEPTH: u8 = 12;

/// One word, symbol or literal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word<'a> {
    /// As written.
    pub(super) text: &'a str,
    /// What it is.
    pub(super) kind: TokenKind,
    /// Where it begins in the statement, in bytes.
    pub(super) start: usize,
    /// In how many bodies or strings it stands.
    pub(super) depth: u8,
}

/// The words of a statement in order, those of bodies in the place of the body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Words<'a>(Vec<Word<'a>>);

impl<'a> Words<'a> {
    /// Reads a statement.
    pub(super) fn of(text: &'a str) -> Self {
        let mut words = Self::default();
        words.read(text, 0, 0);
        words
    }

    fn read(&mut self, text: &'a str, offset: usize, depth: u8) {
        // Strings are bodies where bodies stand, and anywhere inside of one: `EXECUTE 'DROP …'`.
        let mut routine = depth > 0;
        for token in Lexer::new(text).map_while(Result::ok).filter(|token| !token.kind.is_blank()) {
            let word = text.get(token.start..token.end).unwrap_or_default();
            let quotes = matches!(token.kind, TokenKind::String | TokenKind::DollarString);
            let is_body = quotes && {
                let back = |n: usize| self.0.len().checked_sub(n).and_then(|at| self.0.get(at)).map_or("", |w| w.text);
                routine || opens_body([back(1), back(2)]) || in_call(&self.0)
            };
            routine |= token.kind == TokenKind::Word && token.start == 0 && word.eq_ignore_ascii_case("DO");
            self.0.push(Word { text: word, kind: token.kind, start: offset + token.start, depth });
            if is_body && depth < DEPTH {
                let (head, inner) = inside(word);
                self.read(inner, offset + token.start + head, depth + 1);
            }
        }
    }

    /// All words.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &Word<'a>)> {
        self.0.iter().enumerate()
    }

    /// Whether there is that keyword (or, for one that no quotes can make, that symbol) at an index.
    pub(super) fn is(&self, at: usize, keyword: &str) -> bool {
        self.0.get(at).is_some_and(|word| word.text.eq_ignore_ascii_case(keyword))
    }

    /// Whether one of the keywords is at an index.
    pub(super) fn is_any(&self, at: usize, keywords: &[&str]) -> bool {
        keywords.iter().any(|keyword| self.is(at, keyword))
    }

    /// Whether the words from an index on are these.
    pub(super) fn are(&self, at: usize, keywords: &[&str]) -> bool {
        keywords.iter().zip(at..).all(|(keyword, at)| self.is(at, keyword))
    }

    /// Where these words stand one after the other.
    pub(super) fn find(&self, keywords: &[&str]) -> impl Iterator<Item = usize> {
        (0..self.0.len()).filter(move |at| self.are(*at, keywords))
    }

    /// Whether the word at an index can begin a statement: the first of all, of a body, or after what ends another.
    pub(super) fn begins(&self, at: usize) -> bool {
        let (Some(word), Some(before)) = (self.0.get(at), at.checked_sub(1)) else { return at == 0 };
        self.0.get(before).is_some_and(|before| before.depth < word.depth)
            || self.is_any(before, &[";", "BEGIN", "THEN", "ELSE", "LOOP", "ATOMIC", "EXPLAIN", "ANALYZE", "VERBOSE"])
    }

    /// The name at an index as the server folds it: lower case without quotes, as it is with them.
    pub(super) fn name(&self, at: usize) -> Option<String> {
        let word = self.0.get(at)?;
        if word.kind == TokenKind::QuotedIdentifier {
            return Some(unquoted(word.text));
        }
        (word.kind == TokenKind::Word).then(|| word.text.to_lowercase())
    }

    /// The functions that are called, with their index: names before an opening parenthesis, and those that an operator, an
    /// aggregate or a type is made of.
    pub(super) fn calls(&self) -> impl Iterator<Item = (usize, String)> {
        let called = self.find(&["("]).filter_map(|at| at.checked_sub(1));
        let named = self.find(&["="]).filter(|at| self.names_a_function(*at)).map(|at| self.last_of_name(at + 1));
        called.chain(named).filter_map(|at| Some((at, self.name(at)?)))
    }

    /// Whether what follows `=` is what `CREATE OPERATOR … (FUNCTION = …)` calls.
    fn names_a_function(&self, at: usize) -> bool {
        let first = self.statement(at).start;
        let kind = first + 1 + 2 * usize::from(self.are(first + 1, &["OR", "REPLACE"]));
        self.is(first, "CREATE") && self.is_any(kind, &["OPERATOR", "AGGREGATE", "TYPE"])
    }

    /// The last part of the name that begins at an index.
    pub(super) fn last_of_name(&self, mut at: usize) -> usize {
        while self.is(at + 1, ".") {
            at += 2;
        }
        at
    }

    /// The words of the statement that a word is part of, from `at` on.
    pub(super) fn rest(&self, at: usize) -> Range<usize> {
        let depth = self.0.get(at).map_or(0, |word| word.depth);
        let ends = |word: &Word<'_>| word.depth < depth || (word.depth == depth && word.kind == TokenKind::Semicolon);
        let end = self.0.iter().skip(at).position(ends).map_or(self.0.len(), |length| at + length);
        at..end
    }

    /// The words of the statement that a word is part of.
    pub(super) fn statement(&self, at: usize) -> Range<usize> {
        let depth = self.depth(at);
        let start = (0..=at).rev().find(|at| self.depth(*at) == depth && self.begins(*at));
        start.unwrap_or_default()..self.rest(at).end
    }

    /// In how many bodies or strings a word stands.
    pub(super) fn depth(&self, at: usize) -> u8 {
        self.0.get(at).map_or(0, |word| word.depth)
    }

    /// Whether the word at an index is a string.
    pub(super) fn is_string(&self, at: usize) -> bool {
        self.0.get(at).is_some_and(|word| matches!(word.kind, TokenKind::String | TokenKind::DollarString))
    }

    /// Whether the word at an index is a name in quotes.
    pub(super) fn is_name(&self, at: usize) -> bool {
        self.0.get(at).is_some_and(|word| word.kind == TokenKind::QuotedIdentifier)
    }

    /// Whether it is a string that is read as a body.
    pub(super) fn is_body(&self, at: usize) -> bool {
        self.is_string(at) && self.depth(at + 1) > self.depth(at)
    }

    /// The word behind a string and what was read in it.
    pub(super) fn after_body(&self, at: usize) -> Option<usize> {
        (at + 1..self.0.len()).find(|next| self.depth(*next) <= self.depth(at))
    }

    /// The settings that are set, by the index of their name: `SET [LOCAL] name`, `set_config('name', …)`.
    pub(super) fn settings(&self) -> impl Iterator<Item = usize> {
        let set = self.find(&["SET"]).filter(|at| {
            self.begins(*at) || self.statement(*at).next().is_some_and(|first| self.is_any(first, &["CREATE", "ALTER"]))
        });
        let named = set.map(|at| at + 1 + usize::from(self.is_any(at + 1, &["LOCAL", "SESSION"])));
        named.chain(self.set_configs())
    }

    /// The first word of what each `set_config` sets.
    pub(super) fn set_configs(&self) -> impl Iterator<Item = usize> {
        self.calls().filter(|(_, name)| name == "set_config").map(|(at, _)| at + 2)
    }

    /// A word in capitals, for messages; only for keywords.
    pub(super) fn upper(&self, at: usize) -> String {
        self.0.get(at).map(|word| word.text.to_uppercase()).unwrap_or_default()
    }

    /// Where a body runs text: `EXECUTE …`, `FOR … IN EXECUTE …`, `RETURN QUERY EXECUTE …`.
    pub(super) fn executes(&self) -> impl Iterator<Item = usize> {
        let opened = |at: usize| at.checked_sub(1).is_some_and(|before| self.is_any(before, &["FOR", "IN", "QUERY"]));
        self.find(&["EXECUTE"]).filter(move |at| self.depth(*at) > 0 && (self.begins(*at) || opened(*at)))
    }

    /// Whether a string without escapes is at an index, and nothing but one of the given words behind it: it is what it looks like.
    pub(super) fn is_plain(&self, at: usize, followers: &[&str]) -> bool {
        let escaped =
            self.0.get(at).is_some_and(|word| word.text.starts_with(['e', 'E', 'u', 'U']) && word.text.contains('\\'));
        let followed =
            self.after_body(at).is_none_or(|next| self.is_any(next, followers) || self.depth(next) < self.depth(at));
        self.is_string(at) && !escaped && followed
    }

    /// Whether one of the words in a range is that keyword.
    pub(super) fn has(&self, range: Range<usize>, keyword: &str) -> bool {
        range.into_iter().any(|at| self.is(at, keyword))
    }

    /// What a literal at an index holds, as far as it can be told without unescaping.
    pub(super) fn literal(&self, at: usize) -> Option<&'a str> {
        let word = self.0.get(at)?;
        matches!(word.kind, TokenKind::String | TokenKind::DollarString).then(|| inside(word.text).1)
    }

    /// The bytes of the statement from one word to another, both included.
    pub(super) fn span(&self, words: Range<usize>) -> Range<usize> {
        let start = self.0.get(words.start).map_or(0, |word| word.start);
        let last = self.0.get(words.start..words.end).and_then(<[Word<'_>]>::last);
        start..last.map_or(start, |word| word.start + word.text.len())
    }
}

/// Whether what follows two words, the nearer one first, is the body of a routine or block: `AS …`, `DO …`, `LANGUAGE plpgsql …`.
fn opens_body([last, before]: [&str; 2]) -> bool {
    last.eq_ignore_ascii_case("AS") || last.eq_ignore_ascii_case("DO") || before.eq_ignore_ascii_case("LANGUAGE")
}

/// Functions that run the text that they are given.
const RUN_TEXT: &[&str] = &[
    "query_to_xml",
    "query_to_xmlschema",
    "query_to_xml_and_xmlschema",
    "ts_stat",
    "ts_rewrite",
    "crosstab",
    "connectby",
    "dblink",
    "dblink_exec",
    "dblink_send_query",
    "dblink_open",
    "xpath_table",
    "pg_background_launch",
];

/// Whether the words end in an open call of a function that runs text.
fn in_call(words: &[Word<'_>]) -> bool {
    let open = words.iter().rposition(|word| word.kind == TokenKind::OpenParenthesis);
    let name = open.and_then(|at| at.checked_sub(1)).and_then(|at| words.get(at));
    name.is_some_and(|name| runs_text(&name.text.trim_matches('"').to_ascii_lowercase()))
}

/// Whether a function runs the text that it is given.
pub(super) fn runs_text(name: &str) -> bool {
    RUN_TEXT.contains(&name)
}

/// How long the opening of a literal is, and what stands between that and its end.
fn inside(literal: &str) -> (usize, &str) {
    let delimiter = match literal.strip_prefix('$').and_then(|rest| rest.find('$')) {
        Some(tag) => tag + 2,
        None => 1,
    };
    let open = if literal.starts_with('$') { delimiter } else { literal.find('\'').map_or(0, |quote| quote + 1) };
    let end = literal.len().saturating_sub(delimiter).max(open);
    (open, literal.get(open..end).unwrap_or_default())
}

/// A quoted identifier without its quotes, `U&"\0041"` decoded.
fn unquoted(text: &str) -> String {
    let unicode = text.starts_with(['u', 'U']);
    let inner = text.trim_start_matches(['u', 'U', '&']).trim_matches('"').replace("\"\"", "\"");
    if !unicode {
        return inner;
    }
    let mut decoded = String::new();
    let mut rest = inner.as_str();
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        decoded.push_str(before);
        let digits = if escape.starts_with("\\+") { 2..8 } else { 1..5 };
        let end = digits.end;
        let code = escape.get(digits).and_then(|hex| u32::from_str_radix(hex, 16).ok()).and_then(char::from_u32);
        match code {
            Some(character) => {
                decoded.push(character);
                rest = escape.get(end..).unwrap_or_default();
            }
            None => {
                decoded.push('\\');
                rest = escape.get(1..).unwrap_or_default();
            }
        }
    }
    decoded + rest
}

/// The text with every character of its string literals replaced by `*`, line ends excepted: lines and columns stay. Strings in
/// bodies are masked too, the bodies are not.
#[must_use]
pub fn without_literals(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    mask(text, 0, &mut masked);
    masked
}

fn mask(text: &str, depth: u8, masked: &mut String) {
    let mut at = 0;
    let mut before = [""; 2];
    for token in Lexer::new(text).map_while(Result::ok) {
        at = token.end;
        let word = text.get(token.start..token.end).unwrap_or_default();
        if matches!(token.kind, TokenKind::String | TokenKind::DollarString) {
            let (head, inner) = inside(word);
            masked.push_str(word.get(..head).unwrap_or_default());
            if token.kind == TokenKind::DollarString && depth < DEPTH && opens_body(before) {
                mask(inner, depth + 1, masked);
            } else {
                masked.extend(inner.chars().map(|c| if c == '\n' || c == '\r' { c } else { '*' }));
            }
            masked.push_str(word.get(head + inner.len()..).unwrap_or_default());
        } else {
            masked.push_str(word);
        }
        if !token.kind.is_blank() {
            before = [word, before[0]];
        }
    }
    // What no lexer can read ends inside of a literal.
    let rest = text.get(at..).unwrap_or_default();
    masked.extend(rest.chars().map(|c| if c.is_whitespace() { c } else { '*' }));
}
