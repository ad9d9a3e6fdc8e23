//! The tables that a query reads, and those that a query inside of it writes.

use squawk_syntax::SyntaxNode;
use squawk_syntax::ast::{self, AstNode};

use super::code;
use crate::lint::LockMode::{AccessShare, RowExclusive, RowShare};
use crate::lint::sketch::Sketch;
use crate::lint::syntax::{all, ident, path};

pub(super) fn select(statement: &ast::Stmt, sketch: &mut Sketch<'_, '_>) -> bool {
    match statement {
        ast::Stmt::Select(_)
        | ast::Stmt::Values(_)
        | ast::Stmt::Table(_)
        | ast::Stmt::Explain(_)
        | ast::Stmt::Declare(_)
        | ast::Stmt::Prepare(_) => {}
        _ => return false,
    }
    tell(statement.syntax(), sketch);
    code::calls(statement.syntax(), sketch);
    true
}

/// Locks what is read and written below a node.
pub(super) fn tell(node: &SyntaxNode, sketch: &mut Sketch<'_, '_>) {
    let named: Vec<String> =
        all::<ast::WithTable>(node).filter_map(|table| table.name()).map(|name| ident(name.syntax())).collect();
    let locking = all::<ast::LockingClause>(node).next().is_some();
    let relations = all::<ast::RelationFromItem>(node)
        .filter_map(|item| item.relation_name_ref())
        .map(|name| name.syntax().clone())
        .chain(all::<ast::Table>(node).filter_map(|table| table.relation_name()).map(|name| name.syntax().clone()));
    for relation in relations {
        let is_named = matches!(path(&relation).as_slice(), [name] if named.contains(name));
        if let Some(name) = sketch.name(&relation).filter(|_| !is_named) {
            sketch.lock_all(&name, if locking { RowShare } else { AccessShare }, false, false);
        }
    }
    let written = all::<ast::Insert>(node)
        .filter_map(|insert| insert.relation_name_ref())
        .map(|name| name.syntax().clone())
        .chain(all::<ast::Update>(node).filter_map(|update| update.relation_name()).map(|name| name.syntax().clone()))
        .chain(all::<ast::Delete>(node).filter_map(|delete| delete.relation_name()).map(|name| name.syntax().clone()))
        .chain(
            all::<ast::Merge>(node).filter_map(|merge| merge.table_relation_name()).map(|name| name.syntax().clone()),
        );
    for relation in written {
        if let Some(name) = sketch.name(&relation) {
            sketch.lock_all(&name, RowExclusive, false, false);
        }
    }
}
