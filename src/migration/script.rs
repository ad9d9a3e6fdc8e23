//! One SQL script, split into statements that know where they stand in the file.

use std::collections::BTreeSet;

use super::checksum::normalise;
use super::header_reader::HeaderRead;
use super::problem::Findings;
use super::sql::{Lexer, Position, Split, TokenKind, classify, split};
use super::transaction::{Draft, decide};
use super::{Checksum, Dialect, Problems};

/// Whether a script runs in one transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransactionMode {
    /// All statements and the ledger row commit together.
    Transactional,
    /// Statement by statement, each journaled; the reason is shown in the plan.
    NonTransactional {
        /// `marked no-transaction` or the first statement that PostgreSQL refuses in a transaction block.
        reason: String,
    },
}

/// How a statement relates to transactions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatementClass {
    /// Runs in a transaction and outside of one.
    Transactional,
    /// The server refuses it inside a transaction block (CREATE INDEX CONCURRENTLY, VACUUM …).
    NonTransactional,
    /// May end transactions itself when it runs outside of one: CALL, and DO with COMMIT or ROLLBACK in its body.
    MayCommit,
    /// BEGIN, START TRANSACTION: opens an explicit block (only found in scripts without a transaction).
    Begin,
    /// COMMIT, END.
    Commit,
    /// ROLLBACK, ABORT.
    Rollback,
}

/// One statement of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// 1-based position among the script's statements.
    pub number: u32,
    /// The text from its first token to its last, without the closing `;`. Leading comments are not part of it.
    pub text: String,
    /// 1-based line of the first token in the file.
    pub line: u32,
    /// 1-based column of the first token, in characters.
    pub column: u32,
    /// How it relates to transactions.
    pub class: StatementClass,
}

/// A script as it will be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// The file as its author knows it.
    pub file: String,
    /// The normalised text of the script (for single-file layouts: of this direction alone).
    pub sql: String,
    /// 1-based line of the file at which `sql` begins: more than 1 where several scripts share a file.
    pub first_line: u32,
    /// Of `sql`.
    pub checksum: Checksum,
    /// One transaction or none.
    pub mode: TransactionMode,
    /// Statements in order; a wrapping `BEGIN; … COMMIT;` is absorbed and not among them. Empty for a no-op.
    pub statements: Vec<Statement>,
}

impl Script {
    /// Reads one script. `first_line` is the 1-based line of the file at which `sql` begins; `no_transaction` says that
    /// the file's layout or metadata marks it so (the script's own header comment is found here).
    ///
    /// # Errors
    /// Every construct that Sluice refuses, with its line and cure.
    pub fn parse(
        dialect: Dialect,
        file: &str,
        first_line: u32,
        sql: &str,
        no_transaction: bool,
    ) -> Result<Self, Problems> {
        let mut findings = Findings::of(file);
        let mut read = HeaderRead::default();
        // A header that cannot be read is a matter of the set, which knows whose header it is.
        read.read(&normalise(sql), first_line, &mut Findings::of(file));
        let marked = no_transaction || read.header.no_transaction;
        let script = Self::read(dialect, first_line, sql, marked, &mut findings);
        let problems = findings.into_problems();
        if problems.is_empty() { Ok(script) } else { Err(Problems(problems)) }
    }

    /// Like [`Self::parse`] for a caller that has read the header; what it finds goes to `findings`.
    pub(super) fn read(
        dialect: Dialect,
        first_line: u32,
        sql: &str,
        marked: bool,
        findings: &mut Findings<'_>,
    ) -> Self {
        let sql = normalise(sql);
        let Split { pieces, troubles } = match dialect {
            Dialect::Postgres => split(&sql),
        };
        let in_file = |at: Position| Position { line: at.line.saturating_add(first_line.saturating_sub(1)), ..at };
        for (at, trouble) in troubles {
            findings.add(Some(in_file(at).line), trouble.to_string(), trouble.cure());
        }
        let mut drafts: Vec<Draft<'_>> = pieces
            .iter()
            .map(|piece| {
                let text = sql.get(piece.start..piece.end).unwrap_or_default();
                Draft { text, at: in_file(piece.at), effect: classify(text) }
            })
            .collect();
        let mode = decide(&mut drafts, marked, findings);
        let statements = (1..)
            .zip(&drafts)
            .map(|(number, draft)| Statement {
                number,
                text: draft.text.to_owned(),
                line: draft.at.line,
                column: draft.at.column,
                class: draft.class(),
            })
            .collect();
        Self { file: findings.file().to_owned(), first_line, checksum: Checksum::of(&sql), mode, statements, sql }
    }
}

impl Script {
    /// All words and quoted names in it, keywords too, as the catalog spells names, function bodies included and comments not.
    /// Whatever it names is among them.
    #[must_use]
    pub fn names(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for statement in &self.statements {
            collect(&statement.text, &mut names);
        }
        names
    }
}

fn collect(text: &str, names: &mut BTreeSet<String>) {
    for token in Lexer::new(text).map_while(Result::ok) {
        let word = text.get(token.start..token.end).unwrap_or_default();
        match token.kind {
            TokenKind::Word => {
                names.insert(word.to_lowercase());
            }
            TokenKind::QuotedIdentifier => {
                names.extend(
                    word.strip_prefix('"')
                        .and_then(|name| name.strip_suffix('"'))
                        .map(|name| name.replace("\"\"", "\"")),
                );
            }
            // A body is a text of its own; one within another is not looked into.
            TokenKind::DollarString => {
                let body = word.split_once('$').and_then(|(_, rest)| rest.split_once('$')).map_or("", |(_, body)| body);
                for token in Lexer::new(body).map_while(Result::ok) {
                    if token.kind == TokenKind::Word {
                        names.extend(body.get(token.start..token.end).map(str::to_lowercase));
                    }
                }
            }
            TokenKind::Whitespace
            | TokenKind::LineComment
            | TokenKind::BlockComment
            | TokenKind::String
            | TokenKind::Number
            | TokenKind::Parameter
            | TokenKind::Operator
            | TokenKind::OpenParenthesis
            | TokenKind::CloseParenthesis
            | TokenKind::Semicolon
            | TokenKind::Backslash
            | TokenKind::Other => {}
        }
    }
}

impl Statement {
    /// The line and column in the file of a character of this statement, counted from 1 as servers count it.
    #[must_use]
    pub fn locate(&self, character: u32) -> (u32, u32) {
        let before = self.text.chars().take(usize::try_from(character).unwrap_or(usize::MAX).saturating_sub(1));
        before.fold(
            (self.line, self.column),
            |(line, column), c| if c == '\n' { (line + 1, 1) } else { (line, column + 1) },
        )
    }
}
