//! What must hold before SQL runs, as the server tells it: asked for in one message, and piece by piece where the server
//! refuses to answer as a whole.
//!
//! Sizes are asked for separately: they may wait for somebody's lock, and take as long as walking through folders does.

mod answer;
mod statements;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::database::{PreflightFacts, ReadError};

use answer::{Answers, Server};

/// Whoever can ask the server one thing.
pub(super) trait Ask {
    /// Asks it; what is asked says itself where things are looked up.
    async fn ask(&mut self, sql: &str) -> Result<BTreeMap<String, Value>, ReadError>;
}

/// Gathers the facts.
pub(super) async fn gather<A: Ask>(reader: &mut A, tables: &[String]) -> Result<PreflightFacts, ReadError> {
    let pieces = statements::pieces(tables);
    let question = |sql: &str| format!("{} {sql}", statements::PATH);
    let together = question(&statements::together(&pieces));
    let mut answers = match reader.ask(&together).await {
        Ok(all) => Answers::all(all),
        Err(ReadError::Refused(_)) => {
            let mut answers = Answers::default();
            for piece in &pieces {
                let answer = reader.ask(&question(&statements::together([piece]))).await;
                answers.add(piece.0, answer)?;
            }
            answers
        }
        Err(error @ ReadError::Unavailable(_)) => return Err(error),
    };
    let server: Server = answers.server()?;
    let sizes = reader.ask(&question(&statements::sizes(tables, server.may_list_wal))).await;
    answers.add_sizes(sizes)?;
    answers.facts(server)
}
