//! Statements of a script, and what stands in it that only psql would understand.

use std::fmt;

use super::lexer::{Lexer, Open, Token, TokenKind};

/// A place in a text: 1-based line, 1-based column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(crate) line: u32,
    pub(crate) column: u32,
}

/// One statement: from its first token to its last, in bytes, without the closing `;`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) at: Position,
}

/// What makes a script unreadable for a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The text ends inside of something.
    Unterminated(Open),
    /// A command for psql, backslash included.
    PsqlCommand(String),
    /// `COPY … FROM STDIN`: its data follows in the script.
    CopyFromStdin,
    /// A NUL character, which PostgreSQL cannot receive.
    Nul,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unterminated(open) => write!(f, "the {open} that begins here is never closed"),
            Self::PsqlCommand(command) => write!(f, "`{command}` is a command for psql"),
            Self::CopyFromStdin => f.write_str("COPY … FROM STDIN needs psql to feed it"),
            Self::Nul => f.write_str("PostgreSQL cannot receive a NUL character"),
        }
    }
}

impl Trouble {
    pub(crate) fn cure(&self) -> String {
        match self {
            Self::Unterminated(_) => "close it".to_owned(),
            Self::PsqlCommand(command) => {
                format!("remove the psql command {command}; Sluice sends the script to the server as it is")
            }
            Self::CopyFromStdin => "write the rows as INSERT statements".to_owned(),
            Self::Nul => "remove it".to_owned(),
        }
    }
}

/// A script in pieces.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Split {
    pub(crate) pieces: Vec<Piece>,
    pub(crate) troubles: Vec<(Position, Trouble)>,
}

/// Splits a script at the semicolons that end statements: not those in parentheses, nor those between `BEGIN ATOMIC`
/// and its `END`.
pub(crate) fn split(text: &str) -> Split {
    let mut found = Split::default();
    if let Some(nul) = text.find('\0') {
        found.troubles.push((Cursor::new(text).position(nul), Trouble::Nul));
    }
    let mut splitter = Splitter { text, lexer: Lexer::new(text), cursor: Cursor::new(text), open: None, found };
    while let Some(token) = splitter.lexer.next() {
        match token {
            Ok(token) => splitter.take(token),
            Err(unterminated) => {
                let at = splitter.cursor.position(unterminated.start);
                splitter.found.troubles.push((at, Trouble::Unterminated(unterminated.open)));
                return splitter.found;
            }
        }
    }
    splitter.close(text.len());
    splitter.found
}

struct Splitter<'a> {
    text: &'a str,
    lexer: Lexer<'a>,
    cursor: Cursor<'a>,
    open: Option<Statement<'a>>,
    found: Split,
}

/// The statement that is being read.
struct Statement<'a> {
    piece: Piece,
    /// Its first significant tokens; enough of them to recognise what changes how the text after it is read.
    head: Vec<&'a str>,
    /// The significant token before, and the one before that.
    previous: [&'a str; 2],
    parentheses: usize,
    /// How many `END`s the body of a `BEGIN ATOMIC` routine still wants.
    ends: usize,
    copies_from_stdin: bool,
}

const HEAD: usize = 5;

impl<'a> Splitter<'a> {
    fn take(&mut self, token: Token) {
        match token.kind {
            TokenKind::Whitespace | TokenKind::LineComment | TokenKind::BlockComment => {}
            TokenKind::Backslash => self.psql_command(token),
            TokenKind::Semicolon if self.open.as_ref().is_none_or(Statement::may_end) => self.close(token.end),
            TokenKind::Word
            | TokenKind::QuotedIdentifier
            | TokenKind::String
            | TokenKind::DollarString
            | TokenKind::Number
            | TokenKind::Parameter
            | TokenKind::Operator
            | TokenKind::OpenParenthesis
            | TokenKind::CloseParenthesis
            | TokenKind::Semicolon
            | TokenKind::Other => self.grow(token),
        }
    }

    fn grow(&mut self, token: Token) {
        let text = self.text.get(token.start..token.end).unwrap_or_default();
        let cursor = &mut self.cursor;
        let statement = self.open.get_or_insert_with(|| Statement {
            piece: Piece { start: token.start, end: token.end, at: cursor.position(token.start) },
            head: Vec::with_capacity(HEAD),
            previous: [""; 2],
            parentheses: 0,
            ends: 0,
            copies_from_stdin: false,
        });
        statement.grow(token, text);
    }

    /// Ends the open statement; `after` is where the text after it begins.
    fn close(&mut self, after: usize) {
        let Some(statement) = self.open.take() else { return };
        if let Some(on) = statement.sets_standard_strings() {
            self.lexer.set_standard_strings(on);
        }
        if statement.copies_from_stdin {
            self.found.troubles.push((statement.piece.at, Trouble::CopyFromStdin));
            self.lexer.jump(end_of_copy_data(self.text, after));
        }
        self.found.pieces.push(statement.piece);
    }

    /// psql reads a command up to the end of its line; what stood before it was sent or thrown away.
    fn psql_command(&mut self, token: Token) {
        let line = self.text.get(token.start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
        let command = line.split_whitespace().next().unwrap_or_default();
        let at = self.cursor.position(token.start);
        self.found.troubles.push((at, Trouble::PsqlCommand(command.to_owned())));
        self.open = None;
        self.lexer.jump(token.start + line.len());
    }
}

impl<'a> Statement<'a> {
    fn grow(&mut self, token: Token, text: &'a str) {
        self.piece.end = token.end;
        if self.head.len() < HEAD {
            self.head.push(text);
        }
        match token.kind {
            TokenKind::OpenParenthesis => self.parentheses += 1,
            TokenKind::CloseParenthesis => self.parentheses = self.parentheses.saturating_sub(1),
            TokenKind::Word => self.word(text),
            _ => {}
        }
        self.previous = [text, self.previous[0]];
    }

    fn word(&mut self, word: &str) {
        let is = |keyword: &str| word.eq_ignore_ascii_case(keyword);
        let before = |keyword: &str| self.previous[0].eq_ignore_ascii_case(keyword);
        // `t.end` and `AS end` are names, whatever the word.
        let keyword = !before(".") && !before("AS");
        if self.ends == 0 {
            if is("ATOMIC") && before("BEGIN") && self.creates_routine() {
                self.ends = 1;
            }
        } else if keyword && is("CASE") {
            self.ends += 1;
        } else if keyword && is("END") {
            self.ends -= 1;
        }
        if is("STDIN") && before("FROM") && self.parentheses == 0 && self.begins("COPY") {
            self.copies_from_stdin = true;
        }
    }

    fn may_end(&self) -> bool {
        self.parentheses == 0 && self.ends == 0
    }

    fn begins(&self, keyword: &str) -> bool {
        self.head.first().is_some_and(|word| word.eq_ignore_ascii_case(keyword))
    }

    /// `CREATE [OR REPLACE] FUNCTION | PROCEDURE`
    fn creates_routine(&self) -> bool {
        let nth = |n: usize, keyword: &str| self.head.get(n).is_some_and(|word| word.eq_ignore_ascii_case(keyword));
        let object = if nth(1, "OR") && nth(2, "REPLACE") { 3 } else { 1 };
        nth(0, "CREATE") && (nth(object, "FUNCTION") || nth(object, "PROCEDURE"))
    }

    /// `SET [SESSION | LOCAL] standard_conforming_strings { = | TO } value`
    fn sets_standard_strings(&self) -> Option<bool> {
        if !self.begins("SET") {
            return None;
        }
        let name = self.head.iter().position(|word| word.eq_ignore_ascii_case("standard_conforming_strings"))?;
        let value = self.head.get(name + 2)?.trim_matches('\'').to_ascii_lowercase();
        Some(!matches!(value.as_str(), "off" | "false" | "no" | "0"))
    }
}

/// The offset behind the `\.` line that ends the data of a `COPY`; the end of the text when there is none.
fn end_of_copy_data(text: &str, after: usize) -> usize {
    let mut at = after;
    for line in text.get(after..).unwrap_or_default().split_inclusive('\n') {
        at += line.len();
        if line.trim_end() == "\\." {
            break;
        }
    }
    at
}

/// Counts lines and columns while it moves forward, so that all positions of a text together cost one pass.
struct Cursor<'a> {
    text: &'a str,
    at: usize,
    place: Position,
}

impl<'a> Cursor<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, at: 0, place: Position { line: 1, column: 1 } }
    }

    /// The place of a byte offset that is not before the one asked for last.
    fn position(&mut self, offset: usize) -> Position {
        for character in self.text.get(self.at..offset).unwrap_or_default().chars() {
            if character == '\n' {
                self.place = Position { line: self.place.line + 1, column: 1 };
            } else {
                self.place.column += 1;
            }
        }
        self.at = self.at.max(offset);
        self.place
    }
}
