//! CREATE TABLE in all its forms, and CREATE SCHEMA: new things, and the locks on those that they refer to.

use squawk_syntax::ast::{self, AstNode};

use super::{columns, partitions, reads};
use crate::lint::LockMode::{AccessExclusive, AccessShare, ShareUpdateExclusive};
use crate::lint::sketch::{Name, Sketch};
use crate::lint::syntax::{all, ident};
use crate::lint::world::Change;
use crate::lint::{ObjectKind, Relation};

pub(super) fn tell(statement: &ast::Stmt, sketch: &mut Sketch<'_, '_>) -> bool {
    match statement {
        ast::Stmt::CreateTable(create) => table(create, sketch),
        ast::Stmt::CreateForeignTable(create) => foreign_table(create, sketch),
        ast::Stmt::CreateTableAs(create) => {
            let temporary = matches!(create.persistence(), Some(ast::Persistence::Temp(_)));
            let named = create.table_name().and_then(|name| sketch.new_name(name.syntax(), temporary));
            let Some(name) = named.filter(|name| create.if_not_exists().is_none() || !sketch.world.exists(&name.full))
            else {
                return true;
            };
            reads::tell(create.syntax(), sketch);
            new(&name, sketch);
        }
        ast::Stmt::SelectInto(select) => {
            reads::tell(select.syntax(), sketch);
            let into = select.into_clause();
            let temporary =
                into.as_ref().is_some_and(|into| matches!(into.persistence(), Some(ast::Persistence::Temp(_))));
            if let Some(name) = into.and_then(|into| sketch.new_name(into.syntax(), temporary)) {
                new(&name, sketch);
            }
        }
        ast::Stmt::CreateSchema(create) => schema(create, sketch),
        _ => return false,
    }
    true
}

fn table(create: &ast::CreateTable, sketch: &mut Sketch<'_, '_>) {
    let temporary = matches!(create.persistence(), Some(ast::Persistence::Temp(_)));
    let Some(name) = create.table_name().and_then(|name| sketch.new_name(name.syntax(), temporary)) else { return };
    if create.if_not_exists().is_some() && sketch.world.exists(&name.full) {
        return;
    }
    let parents: Vec<Name> = create
        .partition_of()
        .and_then(|parent| sketch.name(parent.syntax()))
        .into_iter()
        .chain(
            create
                .inherits()
                .iter()
                .flat_map(ast::Inherits::table_name_refs)
                .filter_map(|parent| sketch.name(parent.syntax())),
        )
        .collect();
    sketch.create(ObjectKind::Table, name.full.clone());
    sketch.lock(&name, AccessExclusive);
    columns::describe(create.table_arg_list(), &name, sketch);
    likes(create.syntax(), sketch);
    relate(&name, &parents, create.partition_of().is_some(), sketch);
}

/// A partition takes its table for itself for a moment, and a default partition is read for rows that belong to the new one.
fn relate(name: &Name, parents: &[Name], partition: bool, sketch: &mut Sketch<'_, '_>) {
    let lock = if partition { AccessExclusive } else { ShareUpdateExclusive };
    for parent in parents {
        sketch.lock(parent, lock);
        if partition {
            partitions::foreign(parent, sketch);
        }
        let mut relation =
            sketch.relation(parent).cloned().unwrap_or_else(|| Relation { kind: 'p', ..Relation::default() });
        relation.children.push(name.full.clone());
        sketch.changes.push(Change::Relation(parent.full.clone(), relation));
    }
}

fn foreign_table(create: &ast::CreateForeignTable, sketch: &mut Sketch<'_, '_>) {
    let Some(name) = create.table_name().and_then(|name| sketch.new_name(name.syntax(), false)) else { return };
    if create.if_not_exists().is_some() && sketch.world.exists(&name.full) {
        return;
    }
    let parent = create.partition_of().and_then(|parent| sketch.name(parent.syntax()));
    sketch.create(ObjectKind::Table, name.full.clone());
    sketch.lock(&name, AccessExclusive);
    columns::describe(create.table_arg_list(), &name, sketch);
    relate(&name, &Vec::from_iter(parent), true, sketch);
}

fn likes(node: &squawk_syntax::SyntaxNode, sketch: &mut Sketch<'_, '_>) {
    for like in all::<ast::LikeClause>(node) {
        if let Some(source) = sketch.name(like.syntax()) {
            sketch.lock(&source, AccessShare);
        }
    }
}

/// A table that a query fills.
fn new(name: &Name, sketch: &mut Sketch<'_, '_>) {
    sketch.create(ObjectKind::Table, name.full.clone());
    sketch.changes.push(Change::Relation(name.full.clone(), Relation { kind: 'r', ..Relation::default() }));
    sketch.lock(name, AccessExclusive);
}

fn schema(create: &ast::CreateSchema, sketch: &mut Sketch<'_, '_>) {
    let Some(schema) = create.schema_name().map(|name| ident(&name)) else { return };
    sketch.create(ObjectKind::Schema, schema.clone());
    for element in create.schema_elements() {
        if let ast::SchemaElement::CreateTable(create) = element {
            let name = create.table_name().and_then(|name| sketch.new_name(name.syntax(), false));
            if let Some(mut name) = name {
                name.full =
                    format!("{schema}.{}", name.shown.rsplit_once('.').map_or(name.shown.as_str(), |(_, name)| name));
                sketch.create(ObjectKind::Table, name.full.clone());
                sketch.lock(&name, AccessExclusive);
                columns::describe(create.table_arg_list(), &name, sketch);
            }
        }
    }
}
