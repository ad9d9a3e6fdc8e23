//! The significant tokens of one statement, with where they stand, and short words for reading them in order.

use crate::migration::{Lexer, TokenKind};

use super::recognise::Name;

/// One significant token.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token<'a> {
    pub kind: TokenKind,
    pub text: &'a str,
    pub start: usize,
    pub end: usize,
}

/// A statement, read from left to right.
#[derive(Debug, Clone)]
pub(super) struct Tokens<'a> {
    pub text: &'a str,
    all: std::rc::Rc<[Token<'a>]>,
    at: usize,
    until: usize,
}

impl<'a> Tokens<'a> {
    pub fn of(text: &'a str) -> Self {
        let all: std::rc::Rc<[Token<'a>]> = Lexer::new(text)
            .map_while(Result::ok)
            .filter(|token| !token.kind.is_blank())
            .filter_map(|token| {
                let (start, end) = (token.start, token.end);
                Some(Token { kind: token.kind, text: text.get(start..end)?, start, end })
            })
            .collect();
        Self { text, at: 0, until: all.len(), all }
    }

    pub fn peek(&self) -> Option<Token<'a>> {
        self.all.get(self.at..self.until).and_then(|rest| rest.first()).copied()
    }

    pub fn next(&mut self) -> Option<Token<'a>> {
        let token = self.peek()?;
        self.at += 1;
        Some(token)
    }

    /// Whether the next token is this keyword or sign.
    pub fn sees(&self, word: &str) -> bool {
        self.peek().is_some_and(|token| token.text.eq_ignore_ascii_case(word))
    }

    /// Goes past these words when all of them come next.
    pub fn eat(&mut self, words: &[&str]) -> bool {
        let mut ahead = self.clone();
        let all = words.iter().all(|word| ahead.sees(word) && ahead.next().is_some());
        if all {
            self.at = ahead.at;
        }
        all
    }

    /// One part of a name, as the catalog spells it.
    pub fn part(&mut self) -> Option<String> {
        let token = self.peek()?;
        let part = match token.kind {
            TokenKind::Word => token.text.to_ascii_lowercase(),
            TokenKind::QuotedIdentifier => unquote(token.text)?,
            _ => return None,
        };
        self.at += 1;
        Some(part)
    }

    /// A name with whatever qualifies it.
    pub fn name(&mut self) -> Option<Name> {
        let mut parts = vec![self.part()?];
        while self.eat(&["."]) {
            parts.push(self.part()?);
        }
        // The database in front of `database.schema.table` can only be this one.
        let from = parts.len().saturating_sub(2);
        Some(Name(parts.split_off(from)))
    }

    /// The text from the next token on, up to one of these keywords outside of parentheses or to the end. `None` where
    /// there is nothing, or something that must not become a part of another statement.
    pub fn text_until(&mut self, keywords: &[&str]) -> Option<String> {
        let start = self.peek().map_or(0, |token| token.start);
        let (mut end, mut depth, mut fit) = (start, 0_usize, true);
        while let Some(token) = self.peek() {
            if depth == 0 && keywords.iter().any(|word| self.sees(word)) {
                break;
            }
            match token.kind {
                TokenKind::OpenParenthesis => depth += 1,
                TokenKind::CloseParenthesis if depth == 0 => break,
                TokenKind::CloseParenthesis => depth -= 1,
                TokenKind::Semicolon | TokenKind::Backslash | TokenKind::Parameter => fit = false,
                _ => {}
            }
            end = token.end;
            self.at += 1;
        }
        let text = self.text.get(start..end).filter(|text| fit && depth == 0 && !text.is_empty());
        text.map(ToOwned::to_owned)
    }

    /// The parts of the rest that commas outside of parentheses and brackets separate.
    pub fn by_commas(&self) -> Vec<Self> {
        let mut parts = Vec::new();
        let mut part = Self { until: self.at, ..self.clone() };
        let mut depth = 0_usize;
        for at in self.at..self.until {
            let text = self.all.get(at).map_or("", |token| token.text);
            match text {
                "(" | "[" => depth += 1,
                ")" | "]" => depth = depth.saturating_sub(1),
                "," if depth == 0 => {
                    parts.push(part.clone());
                    part.at = at + 1;
                }
                _ => {}
            }
            part.until = at + 1;
        }
        parts.push(part);
        parts
    }

    /// The rest up to a semicolon outside of parentheses.
    pub fn up_to_semicolon(&self) -> Self {
        let mut part = self.clone();
        let mut depth = 0_usize;
        for at in self.at..self.until {
            match self.all.get(at).map(|token| token.kind) {
                Some(TokenKind::OpenParenthesis) => depth += 1,
                Some(TokenKind::CloseParenthesis) => depth = depth.saturating_sub(1),
                Some(TokenKind::Semicolon) if depth == 0 => {
                    part.until = at;
                    break;
                }
                _ => {}
            }
        }
        part
    }

    /// Whether these words stand anywhere in the rest.
    pub fn contains(&self, words: &[&str]) -> bool {
        let mut from = self.clone();
        loop {
            if from.eat(words) {
                return true;
            }
            if from.next().is_none() {
                return false;
            }
        }
    }
}

/// A quoted identifier as the catalog spells it; `None` where its escapes would have to be understood.
fn unquote(text: &str) -> Option<String> {
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    Some(inner.replace("\"\"", "\""))
}
