//! Building the copy from what `pg_dump` wrote: many statements a round trip, and one by one where that fails.

use std::time::Duration;

use crate::migration::Statement;

use super::super::connect::Link;
use super::super::failure::{SqlError, name};
use super::super::tokens::Tokens;

/// Statements that are sent together.
const TOGETHER: usize = 200;
/// How long a round trip of them may take.
const PATIENCE: Duration = Duration::from_secs(300);
/// What makes the copy faster: nobody needs it after a crash.
const SETTINGS: &str = "set synchronous_commit = off; set statement_timeout = 0; set lock_timeout = 0";

/// Runs the statements; gives back what the server refused: `CREATE EXTENSION postgis: 42501 insufficient_privilege`.
///
/// Whether anything that is missing matters is told by comparing the copy with the original.
pub(super) async fn build(link: &mut Link, statements: &[Statement]) -> Result<Vec<String>, SqlError> {
    let mut refused = Vec::new();
    link.run(SETTINGS).await?;
    for chunk in statements.chunks(TOGETHER) {
        let texts: Vec<&str> = chunk.iter().map(|one| one.text.as_str()).collect();
        // Several statements in one message are one transaction: where one fails, none of them took effect.
        match link.run_within(&texts.join(";\n"), PATIENCE).await {
            Ok(()) => continue,
            Err(SqlError::Server(_)) => {}
            Err(error @ SqlError::Lost(_)) => return Err(error),
        }
        for one in texts {
            match link.run_within(one, PATIENCE).await {
                Ok(()) => {}
                Err(SqlError::Server(error)) => refused.push(format!("{}: {}", head(one), name(&error.code))),
                Err(error @ SqlError::Lost(_)) => return Err(error),
            }
        }
    }
    Ok(refused)
}

/// The first words of a statement, which hold nothing but keywords and names.
fn head(statement: &str) -> String {
    let mut tokens = Tokens::of(statement);
    let mut words = Vec::new();
    while let Some(token) = tokens.next() {
        let name =
            matches!(token.kind, crate::migration::TokenKind::Word | crate::migration::TokenKind::QuotedIdentifier);
        if !name || words.len() == 5 {
            break;
        }
        words.push(token.text.trim_matches('"'));
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::head;

    #[test]
    fn a_refused_statement_is_told_by_its_keywords_and_its_name() {
        assert_eq!(
            head("CREATE EXTENSION IF NOT EXISTS \"postgis\" WITH SCHEMA \"public\""),
            "CREATE EXTENSION IF NOT EXISTS"
        );
        assert_eq!(head("ALTER TABLE \"public\".\"orders\" OWNER TO x"), "ALTER TABLE public");
        assert_eq!(head("SELECT 'Alice'"), "SELECT");
    }
}
