//! Tokens of PostgreSQL's SQL, by the rules of its `scan.l`.
//!
//! Every byte of the text belongs to exactly one token. What a token means is not known here.

use std::fmt;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// Blanks and line ends.
    Whitespace,
    /// `-- …` up to, not including, the line end.
    LineComment,
    /// `/* … */`, nested.
    BlockComment,
    /// A keyword or a plain identifier.
    Word,
    /// `"…"` or `U&"…"`.
    QuotedIdentifier,
    /// `'…'` with any prefix, its continuations on following lines included.
    String,
    /// `$tag$ … $tag$`.
    DollarString,
    /// A number.
    Number,
    /// `$1`.
    Parameter,
    /// A run of operator characters.
    Operator,
    /// `(`
    OpenParenthesis,
    /// `)`
    CloseParenthesis,
    /// `;`
    Semicolon,
    /// `\`, which only psql knows.
    Backslash,
    /// Any other single character.
    Other,
}

impl TokenKind {
    /// Whether the token separates others without being part of a statement.
    pub(crate) fn is_blank(self) -> bool {
        matches!(self, Self::Whitespace | Self::LineComment | Self::BlockComment)
    }
}

/// A token and where it stands, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// A construct that the end of the text left open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Open {
    String,
    Identifier,
    Comment,
    DollarQuote,
}

impl fmt::Display for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::String => "string",
            Self::Identifier => "quoted identifier",
            Self::Comment => "block comment",
            Self::DollarQuote => "dollar-quoted string",
        })
    }
}

/// Where an unterminated construct began, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unterminated {
    pub(crate) open: Open,
    pub(crate) start: usize,
}

/// An iterator over the tokens of a text. After an [`Unterminated`] it is at its end.
#[derive(Debug, Clone)]
pub(crate) struct Lexer<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    /// `standard_conforming_strings`: when off, plain strings know backslash escapes too.
    standard_strings: bool,
}

impl<'a> Lexer<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, bytes: text.as_bytes(), at: 0, standard_strings: true }
    }

    /// Reads on from a byte offset; one that is no character boundary is moved to the next one.
    pub(crate) fn jump(&mut self, at: usize) {
        self.at = at.min(self.text.len());
        while !self.text.is_char_boundary(self.at) {
            self.at += 1;
        }
    }

    /// What `SET standard_conforming_strings` does to the text after it.
    pub(crate) fn set_standard_strings(&mut self, on: bool) {
        self.standard_strings = on;
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.bytes.get(at).copied()
    }

    /// The first offset from `at` on whose byte does not satisfy `accept`.
    fn skip(&self, at: usize, accept: impl Fn(u8) -> bool) -> usize {
        self.bytes.get(at..).and_then(|rest| rest.iter().position(|b| !accept(*b))).map_or(self.bytes.len(), |n| at + n)
    }

    /// The token at `self.at`, which is inside the text: its kind and its end.
    fn token(&self, first: u8) -> Result<(TokenKind, usize), Unterminated> {
        let start = self.at;
        let second = self.byte(start + 1);
        let unterminated = |open| Unterminated { open, start };
        Ok(match first {
            b if is_space(b) => (TokenKind::Whitespace, self.skip(start, is_space)),
            b'-' if second == Some(b'-') => (TokenKind::LineComment, self.skip(start, |b| b != b'\n' && b != b'\r')),
            b'/' if second == Some(b'*') => {
                (TokenKind::BlockComment, self.block_comment(start).ok_or(unterminated(Open::Comment))?)
            }
            b'\'' => (TokenKind::String, self.string(start, !self.standard_strings).ok_or(unterminated(Open::String))?),
            b'e' | b'E' if second == Some(b'\'') => {
                (TokenKind::String, self.string(start + 1, true).ok_or(unterminated(Open::String))?)
            }
            b'b' | b'B' | b'x' | b'X' | b'n' | b'N' if second == Some(b'\'') => {
                (TokenKind::String, self.string(start + 1, false).ok_or(unterminated(Open::String))?)
            }
            b'u' | b'U' if second == Some(b'&') && self.byte(start + 2) == Some(b'\'') => {
                (TokenKind::String, self.string(start + 2, false).ok_or(unterminated(Open::String))?)
            }
            b'u' | b'U' if second == Some(b'&') && self.byte(start + 2) == Some(b'"') => {
                (TokenKind::QuotedIdentifier, self.quoted(start + 2, b'"').ok_or(unterminated(Open::Identifier))?)
            }
            b'"' => (TokenKind::QuotedIdentifier, self.quoted(start, b'"').ok_or(unterminated(Open::Identifier))?),
            b if is_word_start(b) => (TokenKind::Word, self.skip(start, is_word)),
            b'$' => self.dollar(start).ok_or(unterminated(Open::DollarQuote))?,
            b'0'..=b'9' => (TokenKind::Number, self.number(start)),
            b'.' if second.is_some_and(|b| b.is_ascii_digit()) => (TokenKind::Number, self.number(start)),
            b'(' => (TokenKind::OpenParenthesis, start + 1),
            b')' => (TokenKind::CloseParenthesis, start + 1),
            b';' => (TokenKind::Semicolon, start + 1),
            b'\\' => (TokenKind::Backslash, start + 1),
            b if is_operator(b) => (TokenKind::Operator, self.operator(start)),
            _ => (TokenKind::Other, start + 1),
        })
    }

    /// The end of the comment that opens at `at`. Comments nest, without limit.
    fn block_comment(&self, at: usize) -> Option<usize> {
        let mut depth = 0_usize;
        let mut at = at;
        loop {
            match (self.byte(at)?, self.byte(at + 1)) {
                (b'/', Some(b'*')) => {
                    depth += 1;
                    at += 2;
                }
                (b'*', Some(b'/')) => {
                    depth -= 1;
                    at += 2;
                    if depth == 0 {
                        return Some(at);
                    }
                }
                _ => at += 1,
            }
        }
    }

    /// The end of a text between `quote`s, which are doubled to stand for themselves; `at` is the opening one.
    fn quoted(&self, at: usize, quote: u8) -> Option<usize> {
        let mut at = at + 1;
        loop {
            at = self.skip(at, |b| b != quote);
            self.byte(at)?;
            if self.byte(at + 1) != Some(quote) {
                return Some(at + 1);
            }
            at += 2;
        }
    }

    /// The end of the string whose opening quote is at `at`, with its continuations: a quote after blanks that hold a
    /// line end goes on with the same string, and with its rules for backslashes.
    fn string(&self, at: usize, backslashes: bool) -> Option<usize> {
        let mut at = at;
        loop {
            let end = if backslashes { self.escaped(at)? } else { self.quoted(at, b'\'')? };
            match self.continuation(end) {
                Some(quote) => at = quote,
                None => return Some(end),
            }
        }
    }

    /// Like [`Self::quoted`] for `E'…'`: a backslash takes the next character with it.
    fn escaped(&self, at: usize) -> Option<usize> {
        let mut at = at + 1;
        loop {
            at = self.skip(at, |b| b != b'\'' && b != b'\\');
            match (self.byte(at)?, self.byte(at + 1)) {
                (b'\\', _) | (_, Some(b'\'')) => at += 2,
                _ => return Some(at + 1),
            }
        }
    }

    /// The opening quote of a string's continuation, when one follows.
    fn continuation(&self, at: usize) -> Option<usize> {
        let mut at = at;
        let mut line_ended = false;
        loop {
            match self.byte(at)? {
                b'\n' | b'\r' => {
                    line_ended = true;
                    at += 1;
                }
                b if is_space(b) => at += 1,
                b'-' if self.byte(at + 1) == Some(b'-') => at = self.skip(at, |b| b != b'\n' && b != b'\r'),
                b'\'' if line_ended => return Some(at),
                _ => return None,
            }
        }
    }

    /// A parameter, a dollar-quoted string or a lone `$`; `None` when the string is not closed.
    fn dollar(&self, start: usize) -> Option<(TokenKind, usize)> {
        let tag = match self.byte(start + 1) {
            Some(b'0'..=b'9') => return Some((TokenKind::Parameter, self.skip(start + 1, |b| b.is_ascii_digit()))),
            Some(b) if is_word_start(b) => self.skip(start + 1, |b| is_word(b) && b != b'$'),
            _ => start + 1,
        };
        if self.byte(tag) != Some(b'$') {
            return Some((TokenKind::Other, start + 1));
        }
        let body = tag + 1;
        let delimiter = self.text.get(start..body)?;
        let length = self.text.get(body..)?.find(delimiter)?;
        Some((TokenKind::DollarString, body + length + delimiter.len()))
    }

    fn number(&self, start: usize) -> usize {
        let digits = |at| self.skip(at, |b| b.is_ascii_digit() || b == b'_');
        if self.byte(start) == Some(b'0')
            && matches!(self.byte(start + 1), Some(b'x' | b'X' | b'o' | b'O' | b'b' | b'B'))
            && self.byte(start + 2).is_some_and(|b| b.is_ascii_hexdigit() || b == b'_')
        {
            return self.skip(start + 2, |b| b.is_ascii_hexdigit() || b == b'_');
        }
        let mut end = digits(start);
        // `1..10` is a range of PL/pgSQL, not the number `1.`.
        if self.byte(end) == Some(b'.') && self.byte(end + 1) != Some(b'.') {
            end = digits(end + 1);
        }
        if matches!(self.byte(end), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(self.byte(end + 1), Some(b'+' | b'-')));
            if self.byte(end + 1 + sign).is_some_and(|b| b.is_ascii_digit()) {
                end = digits(end + 1 + sign);
            }
        }
        end
    }

    /// The end of an operator: a comment that begins inside of it ends it.
    fn operator(&self, start: usize) -> usize {
        let mut end = start + 1;
        while let Some(byte) = self.byte(end) {
            let comment = matches!((byte, self.byte(end + 1)), (b'-', Some(b'-')) | (b'/', Some(b'*')));
            if comment || !is_operator(byte) {
                break;
            }
            end += 1;
        }
        end
    }
}

impl Iterator for Lexer<'_> {
    type Item = Result<Token, Unterminated>;

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.at;
        match self.token(self.byte(start)?) {
            Ok((kind, end)) => {
                self.at = end;
                Some(Ok(Token { kind, start, end }))
            }
            Err(unterminated) => {
                self.at = self.text.len();
                Some(Err(unterminated))
            }
        }
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

/// Every byte of a character outside of ASCII counts as a letter, as it does for the server.
fn is_word_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}

fn is_word(byte: u8) -> bool {
    is_word_start(byte) || byte.is_ascii_digit() || byte == b'$'
}

fn is_operator(byte: u8) -> bool {
    b"~!@#^&|`?+-*/%<>=".contains(&byte)
}
