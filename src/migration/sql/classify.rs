//! How a statement relates to transactions, told from its keywords.

use super::lexer::{Lexer, TokenKind};

/// What running a statement does to the transaction around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Nothing: it runs in a transaction and outside of one.
    None,
    /// The server refuses it inside a transaction block. Names the statement: `CREATE INDEX CONCURRENTLY`.
    Refused(&'static str),
    /// `CALL`: whether the procedure commits cannot be told.
    Call,
    /// `DO` whose body commits or rolls back.
    Commits,
    /// Opens a block; `options` when it asks for more than the defaults.
    Begin { options: bool },
    /// Ends a block; `chain` when it opens the next one.
    Commit { chain: bool },
    /// Undoes a block; `chain` when it opens the next one.
    Rollback { chain: bool },
    /// `PREPARE TRANSACTION`: ends a block and leaves it to somebody else.
    Prepare,
    /// `COPY … TO STDOUT`
    CopyToStdout,
}

/// The effect of one statement, as [`super::split`] cut it.
pub(crate) fn classify(statement: &str) -> Effect {
    let mut rest = Words::of(statement);
    let Some(first) = rest.next() else { return Effect::None };
    match first.to_ascii_uppercase().as_str() {
        "BEGIN" => Effect::Begin { options: rest.asks_for_options() },
        "START" if rest.starts(&["TRANSACTION"]) => Effect::Begin { options: rest.asks_for_options() },
        "COMMIT" if rest.starts(&["PREPARED"]) => Effect::Refused("COMMIT PREPARED"),
        "COMMIT" | "END" => Effect::Commit { chain: rest.contains(&["AND", "CHAIN"]) },
        "ROLLBACK" if rest.starts(&["PREPARED"]) => Effect::Refused("ROLLBACK PREPARED"),
        "ROLLBACK" if rest.contains(&["TO"]) => Effect::None,
        "ROLLBACK" | "ABORT" => Effect::Rollback { chain: rest.contains(&["AND", "CHAIN"]) },
        "PREPARE" if rest.starts(&["TRANSACTION"]) => Effect::Prepare,
        "CALL" => Effect::Call,
        "DO" if body_commits(statement) => Effect::Commits,
        "COPY" if rest.contains(&["TO", "STDOUT"]) => Effect::CopyToStdout,
        "CREATE" => create(&rest).map_or(Effect::None, Effect::Refused),
        "ALTER" => alter(&rest).map_or(Effect::None, Effect::Refused),
        "DROP" => drops(&rest).map_or(Effect::None, Effect::Refused),
        "REINDEX" => reindex(&rest).map_or(Effect::None, Effect::Refused),
        "VACUUM" => Effect::Refused("VACUUM"),
        "CLUSTER" if rest.after_options().skip_word("VERBOSE").next().is_none() => {
            Effect::Refused("CLUSTER without a table")
        }
        "DISCARD" if rest.starts(&["ALL"]) => Effect::Refused("DISCARD ALL"),
        _ => Effect::None,
    }
}

fn create(rest: &Words<'_>) -> Option<&'static str> {
    if rest.starts(&["INDEX", "CONCURRENTLY"]) || rest.starts(&["UNIQUE", "INDEX", "CONCURRENTLY"]) {
        Some("CREATE INDEX CONCURRENTLY")
    } else if rest.starts(&["DATABASE"]) {
        Some("CREATE DATABASE")
    } else if rest.starts(&["TABLESPACE"]) {
        Some("CREATE TABLESPACE")
    } else if rest.starts(&["SUBSCRIPTION"]) && !rest.turns_off("create_slot") && !rest.turns_off("connect") {
        Some("CREATE SUBSCRIPTION")
    } else {
        None
    }
}

fn drops(rest: &Words<'_>) -> Option<&'static str> {
    if rest.starts(&["INDEX", "CONCURRENTLY"]) {
        Some("DROP INDEX CONCURRENTLY")
    } else if rest.starts(&["DATABASE"]) {
        Some("DROP DATABASE")
    } else if rest.starts(&["TABLESPACE"]) {
        Some("DROP TABLESPACE")
    } else if rest.starts(&["SUBSCRIPTION"]) {
        Some("DROP SUBSCRIPTION")
    } else {
        None
    }
}

fn alter(rest: &Words<'_>) -> Option<&'static str> {
    if rest.starts(&["SYSTEM"]) {
        Some("ALTER SYSTEM")
    } else if rest.starts(&["DATABASE"]) && rest.contains(&["SET", "TABLESPACE"]) {
        Some("ALTER DATABASE SET TABLESPACE")
    } else if rest.starts(&["TABLE"]) && rest.contains(&["DETACH", "PARTITION"]) && rest.contains(&["CONCURRENTLY"]) {
        Some("ALTER TABLE DETACH PARTITION CONCURRENTLY")
    } else if rest.starts(&["SUBSCRIPTION"]) && talks_to_publisher(rest) {
        Some("ALTER SUBSCRIPTION")
    } else {
        None
    }
}

/// The forms of `ALTER SUBSCRIPTION` that change something at the publisher, which no transaction can undo.
fn talks_to_publisher(rest: &Words<'_>) -> bool {
    let changes_publications = ["SET", "ADD", "DROP"].iter().any(|verb| rest.contains(&[verb, "PUBLICATION"]));
    rest.contains(&["REFRESH"]) && !rest.turns_off("refresh")
        || changes_publications && !rest.turns_off("refresh")
        || rest.contains(&["failover"])
        || rest.contains(&["two_phase"])
}

fn reindex(rest: &Words<'_>) -> Option<&'static str> {
    let target = rest.after_options();
    if target.starts(&["DATABASE"]) {
        Some("REINDEX DATABASE")
    } else if target.starts(&["SYSTEM"]) {
        Some("REINDEX SYSTEM")
    } else if target.starts(&["SCHEMA"]) {
        Some("REINDEX SCHEMA")
    } else if rest.contains(&["CONCURRENTLY"]) && !rest.turns_off("CONCURRENTLY") {
        Some("REINDEX CONCURRENTLY")
    } else {
        None
    }
}

/// Whether the body of a `DO` holds COMMIT or ROLLBACK where PL/pgSQL reads a statement. The words alone would not do:
/// tables have columns of these names.
fn body_commits(statement: &str) -> bool {
    let body = Lexer::new(statement).map_while(Result::ok).find_map(|token| {
        let text = statement.get(token.start..token.end)?;
        match token.kind {
            TokenKind::DollarString => {
                let tag = text.get(1..)?.find('$')? + 2;
                text.get(tag..text.len() - tag)
            }
            TokenKind::String => text.split_once('\'').and_then(|(_, rest)| rest.strip_suffix('\'')),
            _ => None,
        }
    });
    let mut words = Words::of(body.unwrap_or_default()).peekable();
    let mut before = ";";
    while let Some(word) = words.next() {
        let begins = matches!(before.to_ascii_uppercase().as_str(), ";" | "BEGIN" | "THEN" | "ELSE" | "LOOP");
        let ends = words.peek().is_some_and(|next| *next == ";" || next.eq_ignore_ascii_case("AND"));
        if begins && ends && matches!(word.to_ascii_uppercase().as_str(), "COMMIT" | "ROLLBACK") {
            return true;
        }
        before = word;
    }
    false
}

/// The significant tokens of a statement, as text. A quoted identifier keeps its quotes, so that it is no keyword.
#[derive(Clone)]
struct Words<'a> {
    text: &'a str,
    lexer: Lexer<'a>,
}

impl<'a> Iterator for Words<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let token = self.lexer.by_ref().map_while(Result::ok).find(|token| !token.kind.is_blank())?;
        self.text.get(token.start..token.end)
    }
}

impl<'a> Words<'a> {
    fn of(text: &'a str) -> Self {
        Self { text, lexer: Lexer::new(text) }
    }

    fn starts(&self, keywords: &[&str]) -> bool {
        let mut words = self.clone();
        keywords.iter().all(|keyword| words.next().is_some_and(|word| word.eq_ignore_ascii_case(keyword)))
    }

    fn contains(&self, keywords: &[&str]) -> bool {
        let mut from = self.clone();
        loop {
            if from.starts(keywords) {
                return true;
            }
            if from.next().is_none() {
                return false;
            }
        }
    }

    /// Whether an option is given as false: `refresh = false`, `CONCURRENTLY off`.
    fn turns_off(&self, option: &str) -> bool {
        let mut words = self.clone();
        while let Some(word) = words.next() {
            if word.trim_matches('"').eq_ignore_ascii_case(option) {
                let value = words.skip_word("=").next().unwrap_or_default().trim_matches('\'').to_ascii_lowercase();
                return matches!(value.as_str(), "false" | "off" | "0");
            }
        }
        false
    }

    /// Behind the keyword, when it comes next.
    fn skip_word(&self, keyword: &str) -> Self {
        let mut words = self.clone();
        if self.starts(&[keyword]) {
            words.next();
        }
        words
    }

    /// Behind a list in parentheses, when one comes next.
    fn after_options(&self) -> Self {
        let mut words = self.clone();
        if self.starts(&["("]) {
            words.by_ref().find(|word| *word == ")");
        }
        words
    }

    /// Whether the words after BEGIN or START ask for anything but what a plain BEGIN gives.
    fn asks_for_options(&self) -> bool {
        const DEFAULTS: [&[&str]; 4] =
            [&["READ", "WRITE"], &["ISOLATION", "LEVEL", "READ", "COMMITTED"], &["NOT", "DEFERRABLE"], &[","]];
        let mut words = self.skip_word("WORK").skip_word("TRANSACTION");
        loop {
            if words.clone().next().is_none() {
                return false;
            }
            let Some(known) = DEFAULTS.iter().find(|known| words.starts(known)) else { return true };
            words.by_ref().take(known.len()).for_each(drop);
        }
    }
}
