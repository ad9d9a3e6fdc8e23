//! ALTER COLUMN: types, defaults and NOT NULL.

use squawk_syntax::ast::{self, AlterColumnOption as Option_, AstNode};

use super::{columns, constraints};
use crate::lint::LockMode::{AccessExclusive, ShareUpdateExclusive};
use crate::lint::sketch::{Name, Sketch};
use crate::lint::syntax::{all, ident};
use crate::lint::types::{spelling, turn};
use crate::lint::world::Change;
use crate::lint::{Column, ObjectKind};
use crate::migration::Risk;

pub(super) fn tell(alter: &ast::AlterColumn, name: &Name, sketch: &mut Sketch<'_, '_>) {
    let Some(column) = alter.column_name_ref().map(|column| ident(column.syntax())) else { return };
    let Some(option) = alter.option() else { return };
    match option {
        Option_::SetNotNull(_) => {
            let proven = sketch.world.is_never_null(&name.full, &column);
            sketch.lock_all(name, AccessExclusive, false, !proven);
            sketch.changes.push(Change::NotNull(name.full.clone(), column, true));
        }
        Option_::DropNotNull(_) => {
            sketch.lock_all(name, AccessExclusive, false, false);
            sketch.changes.push(Change::NotNull(name.full.clone(), column, false));
        }
        Option_::SetType(set) => set_type(&set, &column, name, sketch),
        Option_::SetExpression(_) => sketch.lock_all(name, AccessExclusive, true, false),
        Option_::SetStatistics(_) | Option_::SetOptions(_) | Option_::ResetOptions(_) => {
            sketch.lock_all(name, ShareUpdateExclusive, false, false);
        }
        Option_::AddGenerated(_) => {
            sketch.lock_all(name, AccessExclusive, false, false);
            sketch.create(ObjectKind::Sequence, columns::sequence_of(name, &column));
        }
        Option_::DropIdentity(_) => {
            sketch.lock_all(name, AccessExclusive, false, false);
            sketch.drop(ObjectKind::Sequence, columns::sequence_of(name, &column));
        }
        Option_::DropDefault(_)
        | Option_::DropExpression(_)
        | Option_::Restart(_)
        | Option_::SetOptionsList(_)
        | Option_::SetGeneratedOptions(_)
        | Option_::SetGenerated(_)
        | Option_::SetSequenceOption(_)
        | Option_::SetDefault(_)
        | Option_::SetStorage(_)
        | Option_::SetCompression(_)
        | Option_::Inherit(_)
        | Option_::NoInherit(_) => sketch.lock_all(name, AccessExclusive, false, false),
    }
}

fn set_type(set: &ast::SetType, column: &str, name: &Name, sketch: &mut Sketch<'_, '_>) {
    let to = set.ty().map(|ty| spelling(&ty, sketch.world)).unwrap_or_default();
    let known = sketch.world.column(&name.full, column).cloned();
    let shown = format!("{}.{column}", name.shown);
    let (mut rewrites, narrows) = match known.as_ref().filter(|known| !known.type_name.is_empty()) {
        Some(known) => {
            let turn = turn(&known.type_name, &to);
            (turn.rewrites, Some(turn.narrows))
        }
        None => (true, None),
    };
    rewrites |= set.using_expr().is_some_and(|using| !is_plain(&using, column));
    rewrites |= sketch.world.is_constrained_domain(&to);
    sketch.lock_all(name, AccessExclusive, rewrites, false);
    // What depends on the column is made again: foreign keys on both sides, and checks, which are proven again.
    let others = constraints::partners(name, sketch, |one| one.columns.iter().any(|other| other == column));
    for other in others {
        sketch.lock(&other, AccessExclusive).scans |= rewrites;
    }
    let checked = |one: &crate::lint::Constraint| one.kind == 'c' && one.columns.iter().any(|other| other == column);
    if !rewrites && sketch.relation(name).is_some_and(|relation| relation.constraints.values().any(checked)) {
        sketch.lock(name, AccessExclusive).scans = true;
    }
    if !sketch.is_new(&name.full) && !sketch.is_new_column(name, column) {
        match narrows {
            Some(true) => sketch.destroy(format!("values of column {shown} that do not fit {to}")),
            None => sketch.risk(
                Risk::High,
                format!("whether every value of {shown} fits {to} cannot be told: its type now is not known"),
            ),
            Some(false) => {}
        }
    }
    let not_null = known.is_some_and(|known| known.not_null);
    sketch.changes.push(Change::Column(name.full.clone(), column.to_owned(), Column { type_name: to, not_null }));
}

/// Whether USING says what the server would do without it: the column itself, perhaps cast.
fn is_plain(using: &ast::UsingExpr, column: &str) -> bool {
    let Some(expression) = using.expr() else { return true };
    let inner = match &expression {
        ast::Expr::CastExpr(cast) => cast.expr(),
        _ => Some(expression.clone()),
    };
    let plain = matches!(inner, Some(ast::Expr::NameRef(name)) if name.text() == column);
    plain && all::<ast::CastExpr>(using.syntax()).count() <= 1
}
