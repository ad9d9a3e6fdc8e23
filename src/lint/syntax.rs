//! Reading SQL with a library that recurses, and the names in what was read.
//!
//! No text ends the process: what would nest too deeply, or is too large, is not read at all, and reading happens on a stack of
//! its own. Syntax trees cannot leave the thread that read them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use squawk_syntax::ast::{self, AstNode};
use squawk_syntax::{SourceFile, SyntaxKind, SyntaxNode};

use crate::migration::{Lexer, TokenKind};

/// The longest statement that is read, in bytes. Longer ones are rows to insert.
const LONGEST: usize = 1024 * 1024;
/// The deepest tree that is read, in tokens on the way down: `a or b or c …` is one.
const DEEPEST: usize = 10_000;
/// The most brackets in each other, and signs in a row: each costs time for all those around it.
const BRACKETS: usize = 500;
/// What reading the deepest one needs, several times over, in a build without optimisation. Only what is touched costs memory.
const STACK: usize = 512 * 1024 * 1024;
/// What the server cuts names off at, in bytes.
const NAME: usize = 63;

/// One statement, read.
pub(super) struct Read {
    /// Its tree.
    pub tree: Option<ast::Stmt>,
    /// Why it, or a part of it, could not be read.
    pub trouble: Option<String>,
}

/// Runs something on a large stack of its own; `None` where there is none to be had.
pub(super) fn on_own_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Option<T> {
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("lint".to_owned()).stack_size(STACK).spawn_scoped(scope, work);
        thread.ok()?.join().ok()
    })
}

/// Reads one statement. Only on [a stack of its own](on_own_stack).
pub(super) fn read(text: &str) -> Read {
    if text.len() > LONGEST {
        return Read { tree: None, trouble: Some(format!("it is longer than {} KiB", LONGEST / 1024)) };
    }
    if depth(text, false) > DEEPEST || brackets(text) > BRACKETS {
        return Read { tree: None, trouble: Some("it is nested too deeply".to_owned()) };
    }
    let parsed = catch_unwind(AssertUnwindSafe(|| {
        let parsed = SourceFile::parse(text);
        let mut statements = parsed.tree().stmts();
        let tree = statements.next();
        // What stands in the bodies of functions is not run now.
        let in_text = |at| {
            let kinds = [SyntaxKind::STRING, SyntaxKind::DOLLAR_QUOTED_STRING, SyntaxKind::ESC_STRING];
            parsed.syntax_node().token_at_offset(at).any(|token| kinds.contains(&token.kind()))
        };
        let trouble = if parsed.errors().iter().any(|error| !in_text(error.range().start())) {
            Some("its syntax could not be read".to_owned())
        } else if statements.next().is_some() {
            Some("it is more than one statement".to_owned())
        } else {
            None
        };
        Read { tree, trouble }
    }));
    parsed.unwrap_or_else(|_| Read { tree: None, trouble: Some("its syntax could not be read".to_owned()) })
}

/// How deep a tree of it can be at most: on the way to its deepest node each token that is passed nests once. What stands
/// between commas is passed one by one, in each bracket that is open; set operations nest across commas. Bodies of functions
/// are texts that are read as well.
fn depth(text: &str, body: bool) -> usize {
    let mut open = vec![0_usize];
    let mut sum = 0_usize;
    let mut sets = 0_usize;
    let mut deepest = 0_usize;
    for token in Lexer::new(text).map_while(Result::ok).filter(|token| !token.kind.is_blank()) {
        let piece = text.get(token.start..token.end).unwrap_or_default();
        let inside = open.len() > 1;
        let Some(level) = open.last_mut() else { break };
        match (token.kind, piece) {
            (_, ",") => {
                sum -= *level;
                *level = 0;
            }
            (_, "(" | "[") => {
                *level += 1;
                sum += 1;
                open.push(0);
            }
            (_, ")" | "]") if inside => sum -= open.pop().unwrap_or_default(),
            (TokenKind::Operator, _) => {
                *level += piece.len();
                sum += piece.len();
            }
            (TokenKind::String | TokenKind::DollarString, _) if !body => {
                *level += 1;
                sum += 1;
                deepest = deepest.max(sum + depth(piece.trim_matches(['$', '\'']), true));
            }
            _ => {
                *level += 1;
                sum += 1;
            }
        }
        if token.kind == TokenKind::Word
            && ["union", "except", "intersect"].iter().any(|word| piece.eq_ignore_ascii_case(word))
        {
            sets += 1;
        }
        deepest = deepest.max(sum + sets);
    }
    deepest
}

/// The most brackets in each other, or signs in a row; strings may be bodies of functions.
fn brackets(text: &str) -> usize {
    let (mut open, mut row, mut most) = (0_usize, 0_usize, 0_usize);
    for token in Lexer::new(text).map_while(Result::ok).filter(|token| !token.kind.is_blank()) {
        let piece = text.get(token.start..token.end).unwrap_or_default();
        row = match token.kind {
            TokenKind::Operator => row + piece.len(),
            TokenKind::Word if piece.eq_ignore_ascii_case("not") => row + 1,
            TokenKind::String | TokenKind::DollarString if piece.len() > BRACKETS => {
                let signs = piece.bytes().fold((0_usize, 0_usize), |(open, most), byte| match byte {
                    b'(' | b'[' => (open + 1, most.max(open + 1)),
                    b')' | b']' => (open.saturating_sub(1), most),
                    _ => (open, most),
                });
                most = most.max(signs.1);
                0
            }
            _ => 0,
        };
        match piece {
            "(" | "[" => open += 1,
            ")" | "]" => open = open.saturating_sub(1),
            _ => {}
        }
        most = most.max(open).max(row);
    }
    most
}

/// A name of one part as the server folds it.
pub(super) fn ident(node: &SyntaxNode) -> String {
    cut(ast::normalize_name_node(node))
}

/// The parts of the first (perhaps qualified) name in a node, as the server folds them; empty where there is none.
pub(super) fn path(node: &SyntaxNode) -> Vec<String> {
    let is_path = |node: &SyntaxNode| matches!(node.kind(), SyntaxKind::PATH | SyntaxKind::PATH_REF);
    let Some(path) = node.descendants().find(is_path) else { return Vec::new() };
    path.descendants()
        .filter(|node| matches!(node.kind(), SyntaxKind::PATH_SEGMENT | SyntaxKind::PATH_SEGMENT_REF))
        .map(|node| ident(&node))
        .filter(|name| !name.is_empty())
        .collect()
}

/// The nodes of a kind below a node, itself among them.
pub(super) fn all<N: AstNode>(node: &SyntaxNode) -> impl Iterator<Item = N> + use<N> {
    node.descendants().filter_map(N::cast)
}

/// A name of several parts in one piece; a part that holds a dot or a quotation mark stands in quotation marks.
pub(super) fn join(parts: &[String]) -> String {
    let quoted: Vec<String> = parts
        .iter()
        .map(|part| if part.contains(['.', '"']) { format!("\"{}\"", part.replace('"', "\"\"")) } else { part.clone() })
        .collect();
    quoted.join(".")
}

fn cut(mut name: String) -> String {
    if name.len() > NAME {
        let end = (0..=NAME).rev().find(|end| name.is_char_boundary(*end)).unwrap_or_default();
        name.truncate(end);
    }
    name
}

/// The names in a statement that may be those of relations.
pub(super) fn names(tree: &ast::Stmt) -> Vec<String> {
    let outer = |node: &SyntaxNode| {
        matches!(node.kind(), SyntaxKind::PATH | SyntaxKind::PATH_REF)
            && node.parent().is_none_or(|parent| parent.kind() != SyntaxKind::PATH_REF)
    };
    let names = tree.syntax().descendants().filter(outer).map(|node| path(&node));
    let schemas = all::<ast::SchemaRef>(tree.syntax()).map(|schema| vec![ident(schema.syntax())]);
    let texts = all::<ast::Literal>(tree.syntax()).filter_map(|literal| literal.string_value());
    // What counts sequences up names them in texts. Nothing comes of a text but a look for a relation of that name.
    let texts =
        texts.filter(|text| text.len() <= 2 * NAME && !text.contains(char::is_whitespace)).map(|text| vec![text]);
    // The last part may be a column.
    let prefixes =
        |parts: Vec<String>| (1..=parts.len()).map(move |length| join(parts.get(..length).unwrap_or_default()));
    names.chain(schemas).flat_map(prefixes).chain(texts.flatten()).collect()
}
