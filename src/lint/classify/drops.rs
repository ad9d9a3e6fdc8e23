//! DROP: what is gone afterwards, and the locks on what it was tied to.

use squawk_syntax::ast::{self, AstNode};

use super::constraints;
use crate::lint::LockMode::AccessExclusive;
use crate::lint::ObjectKind;
use crate::lint::sketch::{Name, Sketch};
use crate::lint::syntax::{all, ident, path};
use crate::lint::{Object, syntax};
use crate::migration::Risk;

pub(super) fn tell(statement: &ast::Stmt, sketch: &mut Sketch<'_, '_>) -> bool {
    let cascades = all::<ast::Cascade>(statement.syntax()).next().is_some();
    let if_exists = all::<ast::IfExists>(statement.syntax()).next().is_some();
    match statement {
        ast::Stmt::DropTable(drop) => {
            drop.table_name_refs().for_each(|name| table(name.syntax(), cascades, if_exists, sketch));
        }
        ast::Stmt::DropForeignTable(drop) => {
            for name in drop.table_name_refs().filter_map(|name| sketch.name(name.syntax())).collect::<Vec<_>>() {
                sketch.lock(&name, AccessExclusive);
                used(ObjectKind::Table, &name, sketch);
            }
        }
        ast::Stmt::DropView(drop) => {
            let kind = ObjectKind::View;
            drop.view_refs().for_each(|name| relation(kind, name.syntax(), cascades, if_exists, sketch));
        }
        ast::Stmt::DropMaterializedView(drop) => {
            let kind = ObjectKind::MaterializedView;
            drop.view_refs().for_each(|name| relation(kind, name.syntax(), cascades, if_exists, sketch));
        }
        ast::Stmt::DropSequence(drop) => {
            let kind = ObjectKind::Sequence;
            drop.sequence_refs().for_each(|name| relation(kind, name.syntax(), false, if_exists, sketch));
        }
        ast::Stmt::DropSchema(drop) => {
            drop.schema_refs().for_each(|name| schema(&ident(name.syntax()), cascades, sketch));
        }
        ast::Stmt::DropType(drop) => {
            let names: Vec<_> = drop.type_name_refs().map(|name| name.syntax().clone()).collect();
            names.iter().for_each(|name| named_type(name, cascades, sketch));
        }
        ast::Stmt::DropDomain(drop) => {
            let names: Vec<_> = drop.domain_refs().map(|name| name.syntax().clone()).collect();
            names.iter().for_each(|name| named_type(name, cascades, sketch));
        }
        ast::Stmt::DropFunction(_)
        | ast::Stmt::DropProcedure(_)
        | ast::Stmt::DropRoutine(_)
        | ast::Stmt::DropAggregate(_) => functions(statement, cascades, sketch),
        ast::Stmt::DropExtension(drop) => {
            for extension in drop.extension_refs().map(|extension| ident(extension.syntax())) {
                let object = Object::new(ObjectKind::Extension, extension);
                if cascades && !sketch.created().has(&object) {
                    sketch.destroy(format!("whatever uses {object}"));
                } else {
                    gone(&object, sketch);
                }
                sketch.drop(object.kind, object.name);
            }
        }
        ast::Stmt::DropOwned(_) => {
            sketch.destroy("whatever a role owns");
            sketch.opaque = Some("it drops whatever is there".to_owned());
        }
        ast::Stmt::DropDatabase(_) => sketch.destroy("a whole database"),
        ast::Stmt::DropTablespace(_) => sketch.risk(Risk::High, "a tablespace is gone"),
        ast::Stmt::DropRole(drop) => roles(drop.role_refs(), sketch),
        ast::Stmt::DropUser(drop) => roles(drop.role_refs(), sketch),
        ast::Stmt::DropGroup(drop) => roles(drop.role_refs(), sketch),
        _ => return false,
    }
    true
}

fn roles(roles: ast::AstChildren<ast::RoleRef>, sketch: &mut Sketch<'_, '_>) {
    for role in roles {
        let object = Object::new(ObjectKind::Role, ident(role.syntax()));
        gone(&object, sketch);
        sketch.drop(object.kind, object.name);
    }
}

fn gone(object: &Object, sketch: &mut Sketch<'_, '_>) {
    if !sketch.created().has(object) {
        sketch.risk(Risk::High, format!("whoever uses {object} fails"));
    }
}

/// A relation without rows of its own is gone.
fn used(kind: ObjectKind, name: &Name, sketch: &mut Sketch<'_, '_>) {
    if !sketch.is_new(&name.full) {
        sketch.risk(Risk::High, format!("whoever uses {} {} fails", kind.as_str(), name.shown));
    }
    sketch.drop(kind, name.full.clone());
}

fn relation(
    kind: ObjectKind,
    node: &squawk_syntax::SyntaxNode,
    cascades: bool,
    if_exists: bool,
    sketch: &mut Sketch<'_, '_>,
) {
    let Some(name) = sketch.name(node).filter(|name| !sketch.is_absent(name, if_exists)) else { return };
    sketch.lock(&name, AccessExclusive);
    if cascades {
        views(&name, sketch);
    }
    used(kind, &name, sketch);
}

fn table(node: &squawk_syntax::SyntaxNode, cascades: bool, if_exists: bool, sketch: &mut Sketch<'_, '_>) {
    let Some(name) = sketch.name(node).filter(|name| !sketch.is_absent(name, if_exists)) else { return };
    sketch.lock_all(&name, AccessExclusive, false, false);
    if !sketch.is_new(&name.full) {
        sketch.destroy(format!("table {}", name.shown));
    }
    // The triggers of foreign keys on both sides go with it, and a partition is taken out of its table.
    let mut others = constraints::referred(&name, sketch);
    if cascades {
        others.extend(constraints::referring(&name, sketch));
        views(&name, sketch);
    }
    for other in others {
        let other = sketch.neighbour(&other);
        sketch.lock_all(&other, AccessExclusive, false, false);
    }
    for parent in sketch.relation(&name).map(|relation| relation.parents.clone()).unwrap_or_default() {
        let parent = sketch.neighbour(&parent);
        sketch.lock(&parent, AccessExclusive);
    }
    let children = sketch.relation(&name).map(|relation| relation.children.clone()).unwrap_or_default();
    children.into_iter().for_each(|child| sketch.drop(ObjectKind::Table, child));
    sketch.drop(ObjectKind::Table, name.full);
}

/// The views that read a relation go along with it, and those that read them.
pub(super) fn views(name: &Name, sketch: &mut Sketch<'_, '_>) {
    let mut names = vec![name.full.clone()];
    let mut next = 0;
    while let Some(relation) = names.get(next).map(|full| sketch.world.relation(full)) {
        let more = relation.map(|relation| relation.views.clone()).unwrap_or_default();
        names.extend(more.into_iter().filter(|view| !names.contains(view)).collect::<Vec<_>>());
        next += 1;
    }
    for view in names.iter().skip(1) {
        let view = sketch.neighbour(view);
        sketch.lock(&view, AccessExclusive);
        let is_stored = sketch.relation(&view).is_some_and(|relation| relation.kind == 'm');
        used(if is_stored { ObjectKind::MaterializedView } else { ObjectKind::View }, &view, sketch);
    }
}

fn schema(schema: &str, cascades: bool, sketch: &mut Sketch<'_, '_>) {
    let object = Object::new(ObjectKind::Schema, syntax::join(&[schema.to_owned()]));
    if cascades && !sketch.created().has(&object) {
        sketch.destroy(format!("{object} and everything in it"));
        for full in sketch.world.relations_in(&object.name) {
            let name = sketch.neighbour(&full);
            sketch.lock(&name, AccessExclusive);
        }
    } else if !cascades {
        gone(&object, sketch);
    }
    sketch.drop(object.kind, object.name);
}

fn named_type(node: &squawk_syntax::SyntaxNode, cascades: bool, sketch: &mut Sketch<'_, '_>) {
    let parts = path(node);
    let full = sketch.world.full(&parts);
    let object = Object::new(ObjectKind::Type, full.clone());
    // Columns of the type go along.
    let mut lost = Vec::new();
    for (table, column) in sketch.world.columns_of(&full, parts.last().map_or("", String::as_str)) {
        let name = sketch.neighbour(&table);
        if cascades {
            sketch.lock(&name, AccessExclusive);
            lost.push(format!("column {}.{column}", name.shown));
        }
    }
    if !sketch.created().has(&object) {
        if cascades && lost.is_empty() && !sketch.world.catalog.known {
            lost.push(format!("columns of type {}", parts.join(".")));
        }
        lost.into_iter().for_each(|what| sketch.destroy(what));
        gone(&object, sketch);
    }
    sketch.drop(object.kind, object.name);
}

fn functions(statement: &ast::Stmt, cascades: bool, sketch: &mut Sketch<'_, '_>) {
    let names: Vec<Vec<String>> = all::<ast::FunctionSig>(statement.syntax())
        .map(|one| path(one.syntax()))
        .chain(all::<ast::ProcedureSig>(statement.syntax()).map(|one| path(one.syntax())))
        .chain(all::<ast::RoutineSig>(statement.syntax()).map(|one| path(one.syntax())))
        .chain(all::<ast::Aggregate>(statement.syntax()).map(|one| path(one.syntax())))
        .collect();
    for parts in names {
        let object = Object::new(ObjectKind::Function, sketch.world.full_of_new(&parts));
        gone(&object, sketch);
        let tables = sketch.world.catalog.triggers.get(&object.name).filter(|_| cascades);
        for table in tables.into_iter().flatten() {
            let table = sketch.neighbour(table);
            sketch.lock(&table, AccessExclusive);
        }
        if cascades && !sketch.created().has(&object) {
            sketch.risk(Risk::High, format!("triggers, columns and indexes that use {object} go along"));
        }
        sketch.drop(object.kind, object.name);
    }
}
