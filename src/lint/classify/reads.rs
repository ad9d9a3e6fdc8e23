//! The tables and sequences that a query locks: those that it reads, and those that a query inside of it writes.

use squawk_syntax::SyntaxNode;
use squawk_syntax::ast::{self, AstNode};

use super::volatile;
use crate::lint::LockMode::{AccessShare, RowExclusive, RowShare};
use crate::lint::sketch::{Name, Sketch};
use crate::lint::split_name;
use crate::lint::syntax::{all, ident, join, path};

/// Locks the sequences that are counted up or set below a node.
pub(super) fn sequences(node: &SyntaxNode, sketch: &mut Sketch<'_, '_>) {
    for call in all::<ast::CallExpr>(node) {
        let name = call.expr().and_then(|function| volatile::name(&function)).and_then(|mut parts| parts.pop());
        if !matches!(name.as_deref(), Some("nextval" | "setval")) {
            continue;
        }
        let literal = call.arg_list().and_then(|list| all::<ast::Literal>(list.syntax()).next());
        let Some(text) = literal.and_then(|literal| literal.string_value()) else { continue };
        let (schema, name) = split_name(&text);
        let parts: Vec<String> = schema.into_iter().chain(std::iter::once(name)).collect();
        let name = Name { full: sketch.world.full(&parts), shown: join(&parts) };
        sketch.lock(&name, RowExclusive);
    }
}

/// Locks what is read and written below a node.
pub(super) fn tell(node: &SyntaxNode, sketch: &mut Sketch<'_, '_>) {
    sequences(node, sketch);
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
