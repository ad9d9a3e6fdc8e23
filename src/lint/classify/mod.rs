//! What a statement does, told from its syntax tree and what is known about the database. One family of statements per file.
//!
//! What cannot be told is said to be so, or taken for the worse.

mod add_column;
mod alter_column;
mod alter_table;
mod attached;
mod code;
mod columns;
mod constraints;
mod create;
mod drops;
mod indexes;
mod partitions;
mod reads;
mod rows;
mod settings;
mod types_and_sequences;
mod views;
mod volatile;
mod whole_tables;

use std::cell::OnceCell;

use squawk_syntax::ast::{self, AstNode};

use crate::migration::{Lexer, Risk, Statement, TokenKind};

use super::sketch::Sketch;
use super::syntax::{Read, read};
use super::world::{Change, World};
use super::{Effect, Judged, risk};

pub(super) use add_column::{OwnValues, own_values, proves_references};
pub(super) use settings::search_path;

/// A family of statements: says whether a statement is one of it, and what it does.
type Family = fn(&ast::Stmt, &mut Sketch<'_, '_>) -> bool;

/// All families, one line each. The first that knows a statement tells.
const FAMILIES: &[Family] = &[
    alter_table::tell,
    attached::tell,
    code::tell,
    create::tell,
    drops::tell,
    indexes::tell,
    rows::tell,
    settings::tell,
    types_and_sequences::tell,
    views::tell,
    whole_tables::tell,
    rows::select,
];

/// Judges one statement; what it changes for those that follow is in the second part. Without `reading`, nothing is known of it
/// but its first word.
pub(super) fn classify<'a>(statement: &'a Statement, world: &World<'_>, reading: bool) -> (Judged<'a>, Vec<Change>) {
    let Read { tree, trouble } = if reading {
        read(&statement.text)
    } else {
        Read { tree: None, trouble: Some("there is no memory to read it with".to_owned()) }
    };
    let mut sketch = Sketch::of(world);
    sketch.kind = match &tree {
        Some(tree) => format!("{:?}", tree.syntax().kind()).replace('_', " "),
        None => first_word(&statement.text),
    };
    if let Some(tree) = &tree {
        let _known = FAMILIES.iter().any(|family| family(tree, &mut sketch));
    }
    if let Some(trouble) = trouble {
        sketch.risk(Risk::Medium, format!("cannot be told: {trouble}"));
        sketch.opaque.get_or_insert(trouble);
    }
    let effect = Effect {
        number: statement.number,
        line: statement.line,
        column: statement.column,
        kind: sketch.kind.clone(),
        touches: sketch.touches.iter().map(|(_, touch)| touch.clone()).collect(),
        destroys: sketch.destroys.clone(),
        opaque: sketch.opaque.clone(),
        risk: risk::judge(&sketch),
        estimate: risk::estimate(&sketch),
    };
    let (creates, drops) = (sketch.creates(), sketch.drops());
    (Judged { statement, syntax: tree, effect, creates, drops, words: OnceCell::new() }, sketch.changes)
}

fn first_word(text: &str) -> String {
    let first = Lexer::new(text).map_while(Result::ok).find(|token| !token.kind.is_blank());
    let word = first.filter(|token| token.kind == TokenKind::Word);
    word.and_then(|token| text.get(token.start..token.end)).unwrap_or("statement").to_ascii_uppercase()
}
