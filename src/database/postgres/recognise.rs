//! Reading those statements whose effect can be looked up in the catalog: what they name, nothing more.
//!
//! Whatever is not recognised for certain is [`Known::Opaque`]: then nobody claims to know what it did.

use crate::migration::{Lexer, TokenKind};

use super::quote::ident;

/// A name with its schema, where it was written: each part as the catalog spells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name(pub Vec<String>);

impl Name {
    /// Quoted, for SQL and for `to_regclass`.
    pub fn quoted(&self) -> String {
        self.0.iter().map(|part| ident(part)).collect::<Vec<_>>().join(".")
    }

    /// The last part.
    pub fn last(&self) -> &str {
        self.0.last().map_or("", String::as_str)
    }
}

/// Which shared catalog something is listed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shared {
    Database,
    Tablespace,
    Subscription,
}

/// How far REINDEX goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Extent {
    Index(Name),
    Table(Name),
    Schema(Name),
    /// The database, or its system catalogs.
    Everything,
}

/// A statement that cannot run in a transaction, as far as its effect can be looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Known {
    /// `CREATE INDEX CONCURRENTLY`; without a name the server makes one up.
    CreateIndex { name: Option<String>, table: Name },
    /// `DROP INDEX CONCURRENTLY`
    DropIndex { name: Name },
    /// `REINDEX`; concurrent ones may leave copies behind.
    Reindex { extent: Extent, concurrently: bool },
    /// `ALTER TABLE … DETACH PARTITION … CONCURRENTLY`
    Detach { parent: Name, partition: Name },
    /// `CREATE DATABASE` and its like.
    Create { what: Shared, name: String },
    /// `DROP DATABASE` and its like.
    Drop { what: Shared, name: String },
    /// Doing it again does no harm: VACUUM, ALTER SYSTEM …
    Repeatable { waits_politely: bool },
    /// What it did cannot be looked up.
    Opaque,
}

impl Known {
    /// Whether applications go on working while the statement waits for others: its lock conflicts with none of theirs,
    /// so nobody queues behind it.
    pub fn waits_politely(&self) -> bool {
        match self {
            Self::CreateIndex { .. } | Self::DropIndex { .. } | Self::Reindex { concurrently: true, .. } => true,
            Self::Repeatable { waits_politely } => *waits_politely,
            Self::Reindex { concurrently: false, .. }
            | Self::Detach { .. }
            | Self::Create { .. }
            | Self::Drop { .. }
            | Self::Opaque => false,
        }
    }
}

/// Reads one statement.
pub(super) fn recognise(statement: &str) -> Known {
    Reader::of(statement).statement().unwrap_or(Known::Opaque)
}

/// Whether a statement only changes settings of the session: skipped on resume, it has to be said again.
pub(super) fn sets_session(statement: &str) -> bool {
    let mut reader = Reader::of(statement);
    if reader.eat("RESET") {
        return true;
    }
    if reader.eat("SET") {
        return !["LOCAL", "TRANSACTION", "CONSTRAINTS"].iter().any(|word| reader.clone().eat(word));
    }
    reader.eat("SELECT") && reader.tokens.iter().any(|token| matches!(token, Token::Word(word) if word == "SET_CONFIG"))
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// In upper case.
    Word(String),
    /// As the catalog spells it.
    Quoted(String),
    Other(String),
}

#[derive(Debug, Clone)]
struct Reader {
    tokens: std::collections::VecDeque<Token>,
}

impl Reader {
    fn of(statement: &str) -> Self {
        let tokens = Lexer::new(statement)
            .map_while(Result::ok)
            .filter(|token| !token.kind.is_blank())
            .filter_map(|token| Some((token.kind, statement.get(token.start..token.end)?)))
            .map(|(kind, text)| match kind {
                TokenKind::Word => Token::Word(text.to_uppercase()),
                TokenKind::QuotedIdentifier if text.starts_with('"') => {
                    Token::Quoted(text.get(1..text.len() - 1).unwrap_or_default().replace("\"\"", "\""))
                }
                _ => Token::Other(text.to_owned()),
            })
            .collect();
        Self { tokens }
    }

    fn eat(&mut self, word: &str) -> bool {
        let next = matches!(self.tokens.front(), Some(Token::Word(found)) if found == word);
        if next {
            self.tokens.pop_front();
        }
        next
    }

    fn need(&mut self, word: &str) -> Option<()> {
        self.eat(word).then_some(())
    }

    fn has(&self, word: &str) -> bool {
        self.tokens.iter().any(|token| matches!(token, Token::Word(found) if found == word))
    }

    fn part(&mut self) -> Option<String> {
        match self.tokens.pop_front()? {
            Token::Word(word) => Some(word.to_lowercase()),
            Token::Quoted(name) => Some(name),
            Token::Other(_) => None,
        }
    }

    fn name(&mut self) -> Option<Name> {
        let mut parts = vec![self.part()?];
        while matches!(self.tokens.front(), Some(Token::Other(dot)) if dot == ".") {
            self.tokens.pop_front();
            parts.push(self.part()?);
        }
        Some(Name(parts))
    }

    /// Skips `( … )`, where it comes next, and tells what words it held.
    fn options(&mut self) -> Vec<String> {
        let mut words = Vec::new();
        if !matches!(self.tokens.front(), Some(Token::Other(open)) if open == "(") {
            return words;
        }
        while let Some(token) = self.tokens.pop_front() {
            match token {
                Token::Other(close) if close == ")" => break,
                Token::Word(word) => words.push(word),
                Token::Quoted(_) | Token::Other(_) => {}
            }
        }
        words
    }

    fn shared(&mut self) -> Option<Shared> {
        if self.eat("DATABASE") {
            Some(Shared::Database)
        } else if self.eat("TABLESPACE") {
            Some(Shared::Tablespace)
        } else if self.eat("SUBSCRIPTION") {
            Some(Shared::Subscription)
        } else {
            None
        }
    }

    fn statement(&mut self) -> Option<Known> {
        if self.eat("CREATE") {
            if let Some(what) = self.shared() {
                return Some(Known::Create { what, name: self.part()? });
            }
            self.eat("UNIQUE");
            self.need("INDEX")?;
            self.need("CONCURRENTLY")?;
            return self.create_index();
        }
        if self.eat("DROP") {
            if let Some(what) = self.shared() {
                self.if_exists()?;
                return Some(Known::Drop { what, name: self.part()? });
            }
            self.need("INDEX")?;
            self.need("CONCURRENTLY")?;
            self.if_exists()?;
            return Some(Known::DropIndex { name: self.name()? });
        }
        if self.eat("REINDEX") {
            return self.reindex();
        }
        if self.eat("ALTER") {
            return self.alter();
        }
        if self.eat("VACUUM") {
            return Some(Known::Repeatable { waits_politely: !self.has("FULL") });
        }
        (self.eat("CLUSTER") || self.eat("DISCARD")).then_some(Known::Repeatable { waits_politely: false })
    }

    fn if_exists(&mut self) -> Option<()> {
        if self.eat("IF") { self.need("EXISTS") } else { Some(()) }
    }

    fn create_index(&mut self) -> Option<Known> {
        if self.eat("IF") {
            self.need("NOT")?;
            self.need("EXISTS")?;
        }
        let name = if self.eat("ON") {
            None
        } else {
            let name = self.part()?;
            self.need("ON")?;
            Some(name)
        };
        self.eat("ONLY");
        Some(Known::CreateIndex { name, table: self.name()? })
    }

    fn reindex(&mut self) -> Option<Known> {
        let asked = self.options().iter().any(|word| word == "CONCURRENTLY");
        let kind = self.part()?;
        let concurrently = self.eat("CONCURRENTLY") || asked;
        let extent = match kind.as_str() {
            "index" => Extent::Index(self.name()?),
            "table" => Extent::Table(self.name()?),
            "schema" => Extent::Schema(self.name()?),
            "database" | "system" => Extent::Everything,
            _ => return None,
        };
        Some(Known::Reindex { extent, concurrently })
    }

    fn alter(&mut self) -> Option<Known> {
        if self.eat("SYSTEM") || self.eat("DATABASE") {
            return Some(Known::Repeatable { waits_politely: false });
        }
        self.need("TABLE")?;
        self.if_exists()?;
        let parent = self.name()?;
        self.need("DETACH")?;
        self.need("PARTITION")?;
        let partition = self.name()?;
        self.need("CONCURRENTLY")?;
        Some(Known::Detach { parent, partition })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(parts: &[&str]) -> Name {
        Name(parts.iter().map(|part| (*part).to_owned()).collect())
    }

    #[test]
    fn an_index_is_read_with_and_without_a_name() {
        let named = |index: Option<&str>, table: &[&str]| Known::CreateIndex {
            name: index.map(ToOwned::to_owned),
            table: name(table),
        };
        for (sql, known) in [
            ("CREATE INDEX CONCURRENTLY I ON T (a)", named(Some("i"), &["t"])),
            (
                "create unique index concurrently if not exists \"I x\" on only s.\"T\"\"\" using btree (a)",
                named(Some("I x"), &["s", "T\""]),
            ),
            ("create index /* on x */ concurrently on t -- on y\n (a)", named(None, &["t"])),
        ] {
            assert_eq!(recognise(sql), known, "{sql}");
        }
    }

    #[test]
    fn other_statements_are_read_as_far_as_their_effect_can_be_looked_up() {
        for (sql, known) in [
            ("drop index concurrently if exists s.i", Known::DropIndex { name: name(&["s", "i"]) }),
            (
                "reindex (verbose, concurrently) table t",
                Known::Reindex { extent: Extent::Table(name(&["t"])), concurrently: true },
            ),
            (
                "reindex index concurrently i",
                Known::Reindex { extent: Extent::Index(name(&["i"])), concurrently: true },
            ),
            ("reindex schema s", Known::Reindex { extent: Extent::Schema(name(&["s"])), concurrently: false }),
            (
                "alter table if exists p detach partition s.c concurrently",
                Known::Detach { parent: name(&["p"]), partition: name(&["s", "c"]) },
            ),
            ("create database \"D\"", Known::Create { what: Shared::Database, name: "D".to_owned() }),
            ("drop subscription if exists s", Known::Drop { what: Shared::Subscription, name: "s".to_owned() }),
            ("vacuum (full, analyze) t", Known::Repeatable { waits_politely: false }),
            ("vacuum t", Known::Repeatable { waits_politely: true }),
            ("alter system set work_mem = '1MB'", Known::Repeatable { waits_politely: false }),
        ] {
            assert_eq!(recognise(sql), known, "{sql}");
        }
    }

    #[test]
    fn what_may_have_committed_by_itself_is_opaque() {
        for sql in [
            "call p()",
            "do $$ begin commit; end $$",
            "alter subscription s refresh publication",
            "commit prepared 'x'",
        ] {
            assert_eq!(recognise(sql), Known::Opaque, "{sql}");
        }
    }

    #[test]
    fn settings_of_the_session_are_told_from_those_of_a_transaction() {
        for sql in [
            "SET search_path = a",
            "set session role x",
            "reset all",
            "SELECT pg_catalog.set_config('search_path', '', false)",
        ] {
            assert!(sets_session(sql), "{sql}");
        }
        for sql in [
            "set local x = 1",
            "set transaction read only",
            "set constraints all deferred",
            "select 1",
            "create table set_config()",
        ] {
            assert!(!sets_session(sql), "{sql}");
        }
    }
}
