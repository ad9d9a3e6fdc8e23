//! Reading SQL as PostgreSQL's own scanner does: tokens, statements, and how a statement relates to transactions.
//!
//! This room must never judge whether SQL is right: whatever it cannot read is one token or one statement more, and
//! the server is the judge. It takes any text in linear time without recursion, and never panics.

mod classify;
mod lexer;
mod split;
#[cfg(test)]
mod tests;

pub(super) use classify::{Effect, classify};
pub(crate) use lexer::{Lexer, TokenKind};
pub(super) use split::{Position, Split, split};
