//! What the server said, turned into what may be said about it elsewhere.
//!
//! A server's message may quote rows and values. It goes into [`ServerError::words`] and from there only into the
//! ledger; everything else here is made of codes, positions and object names.

use sqlx::postgres::{PgDatabaseError, PgErrorPosition, PgSeverity};

use crate::database::{DatabaseError, FailureClass, StepFailure};
use crate::migration::Statement;

use super::sqlstate::{QUERY_CANCELED, Retry, condition, retry};

/// An error that the server reported, without the driver's types.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct ServerError {
    /// SQLSTATE.
    pub code: String,
    /// 1-based position in characters within the statement that was sent.
    pub position: Option<usize>,
    /// `table public.users`, `constraint users_pkey` …
    pub objects: Vec<String>,
    /// The server's own words: message, detail, hint and context.
    pub words: String,
    /// The server closed the session with this error.
    pub fatal: bool,
}

/// Why some SQL came back without a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SqlError {
    /// The server refused it; the session goes on.
    Server(Box<ServerError>),
    /// The session is gone, or in a state that nothing can be concluded from; why, in words safe everywhere.
    Lost(String),
}

impl SqlError {
    /// The SQLSTATE, where the server gave one.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Server(error) => Some(&error.code),
            Self::Lost(_) => None,
        }
    }
}

impl From<sqlx::Error> for SqlError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(inner) => match inner.try_downcast::<PgDatabaseError>() {
                Ok(inner) => {
                    let error = ServerError::from(&*inner);
                    if error.fatal {
                        Self::Lost(format!("the server ended the session ({})", name(&error.code)))
                    } else {
                        Self::Server(Box::new(error))
                    }
                }
                Err(_) => Self::Lost("the driver reported an error of another database".to_owned()),
            },
            sqlx::Error::Io(error) => Self::Lost(error.to_string()),
            sqlx::Error::Tls(error) => Self::Lost(format!("TLS: {error}")),
            sqlx::Error::Protocol(_) => {
                Self::Lost("the server answered out of turn, as it does to COPY … TO STDOUT or a proxy does".to_owned())
            }
            // The other kinds are about pools, macros and decoding, none of which carry words of the server here.
            other => Self::Lost(format!("the driver gave up: {}", kind(&other))),
        }
    }
}

fn kind(error: &sqlx::Error) -> &'static str {
    match error {
        sqlx::Error::Configuration(_) => "configuration",
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => "decoding",
        sqlx::Error::RowNotFound => "no row",
        sqlx::Error::WorkerCrashed => "worker crashed",
        _ => "unexpected",
    }
}

impl From<&PgDatabaseError> for ServerError {
    fn from(error: &PgDatabaseError) -> Self {
        let mut objects = Vec::new();
        let qualified =
            |name: &str| error.schema().map_or_else(|| name.to_owned(), |schema| format!("{schema}.{name}"));
        if let Some(table) = error.table() {
            objects.push(format!("table {}", qualified(table)));
        }
        if let Some(column) = error.column() {
            objects.push(format!("column {column}"));
        }
        if let Some(constraint) = error.constraint() {
            objects.push(format!("constraint {constraint}"));
        }
        if let Some(data_type) = error.data_type() {
            objects.push(format!("type {}", qualified(data_type)));
        }
        let position = match error.position() {
            Some(PgErrorPosition::Original(position)) => Some(position),
            // Within the text of a function: it says nothing about the file.
            Some(PgErrorPosition::Internal { .. }) | None => None,
        };
        let mut words = error.message().to_owned();
        for (label, part) in [("DETAIL", error.detail()), ("HINT", error.hint()), ("CONTEXT", error.r#where())] {
            if let Some(part) = part {
                words.push_str(&format!("\n{label}: {part}"));
            }
        }
        let fatal = matches!(error.severity(), PgSeverity::Fatal | PgSeverity::Panic);
        Self { code: error.code().to_owned(), position, objects, words, fatal }
    }
}

/// `42703 undefined_column`
pub(super) fn name(code: &str) -> String {
    format!("{code} {}", condition(code))
}

/// Where a step stands, for the messages of its failures.
#[derive(Debug, Clone)]
pub(super) struct Place<'a> {
    /// The step's label.
    pub label: String,
    /// The file.
    pub file: &'a str,
    /// The statement, `None` for COMMIT and what belongs to the script as a whole.
    pub statement: Option<&'a Statement>,
    /// What of the step is in effect after the failure: `nothing of it is in effect`.
    pub left: &'a str,
}

impl Place<'_> {
    /// A failure that the server reported.
    pub fn server(&self, error: &ServerError) -> StepFailure {
        let class = match retry(&error.code) {
            Retry::Soon | Retry::Later => FailureClass::Retryable,
            Retry::Never if error.code == QUERY_CANCELED => FailureClass::Retryable,
            Retry::Never => FailureClass::Terminal,
        };
        let (line, column) = self.position(error.position);
        let mut what = name(&error.code);
        if let Some(word) = self.statement.zip(error.position).and_then(|(s, at)| word_at(&s.text, at)) {
            what.push_str(&format!(" at `{word}`"));
        }
        if !error.objects.is_empty() {
            what.push_str(&format!(" ({})", error.objects.join(", ")));
        }
        let cure = cure(&error.code);
        let cure = if cure.is_empty() { String::new() } else { format!("; {cure}") };
        let mut failure = self.failure(class, &format!("{what}{cure}"));
        failure.line = line;
        failure.column = column;
        failure.message = self.sentence(line, column, &format!("{what}{cure}"));
        failure.sqlstate = Some(error.code.clone());
        failure.detail = Some(error.words.clone());
        failure
    }

    /// A failure in Sluice's own words.
    pub fn failure(&self, class: FailureClass, what: &str) -> StepFailure {
        let (line, column) = self.position(None);
        StepFailure {
            label: self.label.clone(),
            file: self.file.to_owned(),
            statement: self.statement.map(|statement| statement.number),
            line,
            column,
            sqlstate: None,
            class,
            message: self.sentence(line, column, what),
            detail: None,
        }
    }

    fn sentence(&self, line: Option<u32>, column: Option<u32>, what: &str) -> String {
        let at = match (line, column) {
            (Some(line), Some(column)) => format!("{}:{line}:{column}", self.file),
            _ => self.file.to_owned(),
        };
        let which = self.statement.map_or_else(|| "COMMIT".to_owned(), |s| format!("statement {}", s.number));
        let left = if self.left.is_empty() { String::new() } else { format!("; {}", self.left) };
        format!("{at}: {which} of {}: {what}{left}", self.label)
    }

    /// Line and column in the file of a 1-based character position in the statement; the statement's own without one.
    fn position(&self, position: Option<usize>) -> (Option<u32>, Option<u32>) {
        let Some(statement) = self.statement else { return (None, None) };
        let (mut line, mut column) = (statement.line, statement.column);
        for character in statement.text.chars().take(position.unwrap_or(1).saturating_sub(1)) {
            if character == '\n' {
                line += 1;
                column = 1;
            } else {
                column += 1;
            }
        }
        (Some(line), Some(column))
    }
}

/// The name or keyword at a position; nothing where a literal or an operator stands there: literals are data.
pub(super) fn word_at(text: &str, position: usize) -> Option<String> {
    let rest: String = text.chars().skip(position.saturating_sub(1)).collect();
    let quoted = rest.strip_prefix('"').and_then(|inner| inner.split_once('"')).map(|(name, _)| name.to_owned());
    let word = || rest.chars().take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '$')).collect::<String>();
    let word = quoted.unwrap_or_else(word);
    let is_literal = rest.chars().nth(word.chars().count()) == Some('\'');
    let starts_well = word.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_');
    (starts_well && !is_literal && word.chars().count() <= 63).then_some(word)
}

/// What a person does about the codes for which the same advice always holds.
fn cure(code: &str) -> &'static str {
    match code {
        "55P04" => {
            "a new enum value cannot be used in the transaction that adds it: split the script and move its use into the next version"
        }
        "25001" | "2D000" => "mark the script `-- sluice:no-transaction`",
        "42501" => "grant the privilege to the migrating role, or let the object's owner run the migration",
        "25006" => "the server went read-only; point the Secret at the primary",
        "53100" => "the server's disk is full",
        _ => "",
    }
}

/// The connection of a session broke.
pub(super) fn lost(address: &crate::database::Address, why: &str) -> DatabaseError {
    DatabaseError::Unreachable(format!("the connection to {address} was lost: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migration::StatementClass;

    fn statement(text: &str) -> Statement {
        Statement { number: 2, text: text.to_owned(), line: 10, column: 3, class: StatementClass::Transactional }
    }

    fn place(statement: &Statement) -> Place<'_> {
        Place { label: "003".to_owned(), file: "V003__x.sql", statement: Some(statement), left: "nothing is left" }
    }

    fn error(code: &str, position: Option<usize>) -> ServerError {
        ServerError {
            code: code.to_owned(),
            position,
            words: "Key (name)=(Alice)".to_owned(),
            ..ServerError::default()
        }
    }

    #[test]
    fn a_position_on_the_first_line_counts_from_the_statements_column() {
        let statement = statement("select nme from t");
        let failure = place(&statement).server(&error("42703", Some(8)));
        assert_eq!((failure.line, failure.column), (Some(10), Some(10)));
        assert_eq!(
            failure.message,
            "V003__x.sql:10:10: statement 2 of 003: 42703 undefined_column at `nme`; nothing is left"
        );
    }

    #[test]
    fn a_position_on_a_later_line_counts_in_characters_not_bytes() {
        let statement = statement("select 'ü'\nfrom ünknown x");
        let failure = place(&statement).server(&error("42P01", Some(17)));
        assert_eq!((failure.line, failure.column), (Some(11), Some(6)));
        assert!(failure.message.contains("at `ünknown`"), "{}", failure.message);
    }

    #[test]
    fn without_a_position_the_statement_itself_is_named() {
        let statement = statement("do $$ begin raise exception 'x'; end $$");
        let failure = place(&statement).server(&error("P0001", None));
        assert_eq!((failure.line, failure.column), (Some(10), Some(3)));
    }

    #[test]
    fn the_servers_words_never_enter_the_message() {
        let statement = statement("insert into t values ('Alice')");
        let failure = place(&statement).server(&error("23505", Some(23)));
        assert!(!failure.message.contains("Alice"), "{}", failure.message);
        assert_eq!(failure.detail.as_deref(), Some("Key (name)=(Alice)"));
    }

    #[test]
    fn a_string_with_a_prefix_is_a_literal_too() {
        assert_eq!(word_at("select date'2024-01-01'", 8), None);
        assert_eq!(word_at("select 'x'", 8), None);
        assert_eq!(word_at("select \"My Col\" from t", 8).as_deref(), Some("My Col"));
    }
}
