//! Types, domains, sequences, functions, extensions: what columns are made of.

use squawk_syntax::ast::{self, AstNode};

use super::alter_table;
use crate::lint::LockMode::{AccessExclusive, AccessShare, Share, ShareRowExclusive};
use crate::lint::sketch::{Name, Sketch};
use crate::lint::syntax::{all, ident, join, path};
use crate::lint::world::Change;
use crate::lint::{Object, ObjectKind, Relation};
use crate::migration::Risk;

pub(super) fn tell(statement: &ast::Stmt, sketch: &mut Sketch<'_, '_>) -> bool {
    match statement {
        ast::Stmt::CreateType(create) => {
            if let Some(name) = create.type_name().and_then(|name| sketch.new_name(name.syntax(), false)) {
                sketch.create(ObjectKind::Type, name.full);
            }
        }
        ast::Stmt::CreateDomain(create) => {
            let Some(name) = create.domain().and_then(|name| sketch.new_name(name.syntax(), false)) else {
                return true;
            };
            let constrained = create.domain_qualifiers().any(|qualifier| {
                matches!(
                    qualifier,
                    ast::DomainQualifier::Constraint(
                        ast::Constraint::CheckConstraint(_) | ast::Constraint::NotNullConstraint(_)
                    )
                )
            });
            sketch.create(ObjectKind::Type, name.full.clone());
            if constrained {
                sketch.changes.push(Change::Domain(name.full));
            }
        }
        ast::Stmt::AlterType(alter) => self::alter_type(alter, sketch),
        ast::Stmt::AlterDomain(alter) => alter_domain(alter, sketch),
        ast::Stmt::CreateSequence(create) => {
            let temporary = matches!(create.persistence(), Some(ast::Persistence::Temp(_)));
            let named = create.sequence().and_then(|name| sketch.new_name(name.syntax(), temporary));
            if let Some(name) =
                named.filter(|name| create.if_not_exists().is_none() || !sketch.world.exists(&name.full))
            {
                owner(create.syntax(), sketch);
                sketch.create(ObjectKind::Sequence, name.full.clone());
                sketch.changes.push(Change::Relation(name.full.clone(), Relation { kind: 'S', ..Relation::default() }));
                sketch.lock(&name, AccessExclusive);
            }
        }
        ast::Stmt::AlterSequence(alter) => alter_sequence(alter, sketch),
        ast::Stmt::CreateFunction(create) => {
            let name = create.name().map(|name| path(name.syntax()));
            function(name, create.or_replace().is_some(), sketch);
        }
        ast::Stmt::CreateProcedure(create) => {
            let name = create.name().map(|name| path(name.syntax()));
            function(name, create.or_replace().is_some(), sketch);
        }
        ast::Stmt::CreateAggregate(create) => {
            let name = create.aggregate_name().map(|name| path(name.syntax()));
            function(name, create.or_replace().is_some(), sketch);
        }
        ast::Stmt::CreateExtension(create) => {
            if let Some(name) = create.extension().map(|name| ident(name.syntax())) {
                sketch.create(ObjectKind::Extension, name);
            }
        }
        _ => return false,
    }
    true
}

fn function(parts: Option<Vec<String>>, replaces: bool, sketch: &mut Sketch<'_, '_>) {
    let Some(parts) = parts.filter(|parts| !parts.is_empty()) else { return };
    let object = Object::new(ObjectKind::Function, sketch.world.full_of_new(&parts));
    if replaces && !sketch.created().has(&object) {
        sketch.risk(Risk::Medium, format!("whoever calls {object} gets the new one, where there was one before"));
    }
    sketch.create(object.kind, object.name);
}

/// Tables that have columns of a type.
fn users(name: &Name, sketch: &Sketch<'_, '_>) -> Vec<Name> {
    let plain = name.full.rsplit_once('.').map_or(name.full.as_str(), |(_, plain)| plain);
    let mut tables: Vec<String> =
        sketch.world.columns_of(&name.full, plain).into_iter().map(|(table, _)| table).collect();
    tables.dedup();
    tables.iter().map(|table| sketch.neighbour(table)).collect()
}

fn alter_type(alter: &ast::AlterType, sketch: &mut Sketch<'_, '_>) {
    let Some(name) = alter.type_name_ref().and_then(|name| sketch.name(name.syntax())) else { return };
    let Some(action) = alter.action() else { return };
    sketch.kind = format!("ALTER TYPE {}", alter_table::verb(action.syntax()));
    let is_new = sketch.created().has(&Object::new(ObjectKind::Type, name.full.clone()));
    match action {
        ast::AlterTypeAction::AlterTypeAttributeActionList(_) | ast::AlterTypeAction::RenameAttribute(_) => {
            if !is_new {
                sketch.risk(Risk::High, format!("whoever reads values of type {} sees other attributes", name.shown));
            }
        }
        ast::AlterTypeAction::RenameValue(_) if !is_new => {
            sketch.risk(Risk::High, format!("whoever uses the old value of type {} fails", name.shown));
        }
        ast::AlterTypeAction::TypeRenameTo(rename) => {
            if !is_new {
                sketch.risk(Risk::High, format!("whoever uses type {} by its old name fails", name.shown));
            }
            // An enum that loses a value is written as a new type that takes the old one's name.
            if let Some(new) = rename.type_name().and_then(|to| path(to.syntax()).pop()) {
                let schema = name.full.rsplit_once('.').map_or("public", |(schema, _)| schema);
                sketch.changes.push(Change::Rename(name.full.clone(), format!("{schema}.{}", join(&[new]))));
            }
        }
        ast::AlterTypeAction::SetSchema(_) if !is_new => {
            sketch.risk(Risk::High, format!("whoever uses type {} by its old name fails", name.shown));
        }
        ast::AlterTypeAction::AddValue(_)
        | ast::AlterTypeAction::RenameValue(_)
        | ast::AlterTypeAction::SetSchema(_)
        | ast::AlterTypeAction::OwnerTo(_)
        | ast::AlterTypeAction::SetOptions(_) => {}
    }
}

/// A new constraint of a domain is proven for every column of it.
fn alter_domain(alter: &ast::AlterDomain, sketch: &mut Sketch<'_, '_>) {
    let Some(name) = alter.domain_ref().and_then(|name| sketch.name(name.syntax())) else { return };
    let Some(action) = alter.action() else { return };
    sketch.kind = format!("ALTER DOMAIN {}", alter_table::verb(action.syntax()));
    let proven = match &action {
        ast::AlterDomainAction::AddConstraint(add) => {
            sketch.changes.push(Change::Domain(name.full.clone()));
            !add.constraint().is_some_and(|constraint| constraint.is_not_valid())
        }
        ast::AlterDomainAction::SetNotNull(_) | ast::AlterDomainAction::ValidateConstraint(_) => true,
        ast::AlterDomainAction::DomainRenameTo(_)
        | ast::AlterDomainAction::DropConstraint(_)
        | ast::AlterDomainAction::DropDefault(_)
        | ast::AlterDomainAction::DropNotNull(_)
        | ast::AlterDomainAction::OwnerTo(_)
        | ast::AlterDomainAction::RenameConstraint(_)
        | ast::AlterDomainAction::SetDefault(_)
        | ast::AlterDomainAction::SetSchema(_) => false,
    };
    if !proven {
        return;
    }
    for user in users(&name, sketch) {
        sketch.lock(&user, Share).scans = true;
    }
    let is_new = sketch.created().has(&Object::new(ObjectKind::Type, name.full.clone()));
    if !is_new && !sketch.world.catalog.known {
        sketch.risk(
            Risk::High,
            format!("every table with a column of domain {} is read under ShareLock: writers wait", name.shown),
        );
    }
}

/// The table of the column that a sequence belongs to from then on.
fn owner(option: &squawk_syntax::SyntaxNode, sketch: &mut Sketch<'_, '_>) {
    for owned in all::<ast::OptionOwnedBy>(option).map(|owned| path(owned.syntax())).collect::<Vec<_>>() {
        if let Some((_, table)) = owned.split_last().filter(|(_, table)| !table.is_empty()) {
            let table = Name { full: sketch.world.full(table), shown: join(table) };
            sketch.lock(&table, AccessShare);
        }
    }
}

fn alter_sequence(alter: &ast::AlterSequence, sketch: &mut Sketch<'_, '_>) {
    let Some(name) = alter.sequence_ref().and_then(|name| sketch.name(name.syntax())) else { return };
    if sketch.is_absent(&name, alter.if_exists().is_some()) {
        return;
    }
    for action in alter.actions() {
        match action {
            ast::AlterSequenceAction::SequenceOption(option) => {
                sketch.lock(&name, ShareRowExclusive);
                owner(option.syntax(), sketch);
            }
            ast::AlterSequenceAction::SequenceRenameTo(rename) => {
                sketch.lock(&name, AccessExclusive);
                let parts = rename.sequence().map(|to| path(to.syntax()));
                alter_table::rename_to(parts.as_deref(), &name, sketch);
            }
            ast::AlterSequenceAction::SetSchema(set) => {
                sketch.lock(&name, AccessExclusive);
                alter_table::set_schema(set.schema_ref().map(|schema| ident(schema.syntax())), &name, sketch);
            }
            ast::AlterSequenceAction::OwnerTo(_)
            | ast::AlterSequenceAction::SetLogged(_)
            | ast::AlterSequenceAction::SetUnlogged(_) => {
                sketch.lock(&name, AccessExclusive);
            }
        }
    }
}
