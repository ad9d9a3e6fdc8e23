//! ADD COLUMN: a moment, unless each row needs a value of its own or a constraint has to be proven.

use squawk_syntax::ast::{self, AstNode};

use super::volatile::volatile;
use super::{columns, constraints, reads};
use crate::lint::LockMode::AccessExclusive;
use crate::lint::sketch::{Name, Sketch};
use crate::lint::types::{is_serial, spelling};
use crate::lint::world::Change;
use crate::lint::{Column, ObjectKind};
use crate::migration::Risk;

pub(super) fn tell(add: &ast::AddColumn, name: &Name, sketch: &mut Sketch<'_, '_>) {
    let Some(column) = add.column_name().map(|column| column.text()) else { return };
    let there = add.if_not_exists().is_some() && sketch.world.column(&name.full, &column).is_some();
    if there {
        return;
    }
    let type_name = add.ty().map(|ty| spelling(&ty, sketch.world)).unwrap_or_default();
    let constraints: Vec<ast::Constraint> = add.constraints().collect();
    let default = constraints.iter().any(|one| matches!(one, ast::Constraint::DefaultConstraint(_)));
    let serial = add.ty().as_ref().is_some_and(is_serial);
    let identity = constraints.iter().any(|one| generated(one) == Some(Generated::Identity));
    let not_null = serial
        || identity
        || constraints
            .iter()
            .any(|one| matches!(one, ast::Constraint::NotNullConstraint(_) | ast::Constraint::PrimaryKeyConstraint(_)));
    let (mut rewrites, mut scans) = (own_values(add).is_some(), false);
    for constraint in &constraints {
        match constraint {
            ast::Constraint::DefaultConstraint(default) => reads::sequences(default.syntax(), sketch),
            ast::Constraint::CheckConstraint(_)
            | ast::Constraint::UniqueConstraint(_)
            | ast::Constraint::PrimaryKeyConstraint(_)
            | ast::Constraint::ExcludeConstraint(_) => scans = true,
            ast::Constraint::NotNullConstraint(_) if !default && !serial && !identity => {
                scans = true;
                if !sketch.is_new(&name.full) {
                    sketch.risk(
                        Risk::High,
                        format!("fails where {} has rows: they have no value for {column}", name.shown),
                    );
                }
            }
            ast::Constraint::ReferencesConstraint(references) => {
                let proves = proves_references(add);
                scans |= proves;
                constraints::reference(references.table(), name, vec![column.clone()], constraint, proves, sketch);
            }
            ast::Constraint::NotNullConstraint(_)
            | ast::Constraint::NullConstraint(_)
            | ast::Constraint::GeneratedConstraint(_)
            | ast::Constraint::ForeignKeyConstraint(_) => {}
        }
    }
    let virtual_one = constraints.iter().any(|one| generated(one) == Some(Generated::Virtual));
    rewrites |= !virtual_one && sketch.world.is_constrained_domain(&type_name);
    if !rewrites && !sketch.is_new(&name.full) && sketch.world.may_be_domain(&type_name) {
        let table = &name.shown;
        sketch.risk(Risk::Medium, format!("{table} is written anew where {type_name} is a domain with constraints"));
    }
    sketch.lock_all(name, AccessExclusive, rewrites, scans && !rewrites);
    let described = Column { type_name, not_null };
    sketch.changes.push(Change::Column(name.full.clone(), column.clone(), described));
    sketch.create(ObjectKind::Column, format!("{}.{column}", name.full));
    if serial {
        sketch.create(ObjectKind::Sequence, columns::sequence_of(name, &column));
    }
}

/// Why each row has a value of its own in a new column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::lint) enum OwnValues {
    /// By a default that is computed for each.
    Default,
    /// By a sequence: serial, identity.
    Counted,
    /// It is computed from other columns.
    Stored,
}

/// Why each row has a value of its own in a new column; `None` where it has not.
pub(in crate::lint) fn own_values(add: &ast::AddColumn) -> Option<OwnValues> {
    if add.ty().as_ref().is_some_and(is_serial) {
        return Some(OwnValues::Counted);
    }
    add.constraints().find_map(|constraint| match &constraint {
        ast::Constraint::DefaultConstraint(default) => volatile(default.syntax()).map(|_| OwnValues::Default),
        _ => match generated(&constraint)? {
            Generated::Stored => Some(OwnValues::Stored),
            Generated::Identity => Some(OwnValues::Counted),
            Generated::Virtual => None,
        },
    })
}

/// Whether the server looks whether the values of a new column refer to something: where it has none, it is null everywhere.
pub(in crate::lint) fn proves_references(add: &ast::AddColumn) -> bool {
    add.ty().as_ref().is_some_and(is_serial)
        || add.constraints().any(|constraint| {
            matches!(constraint, ast::Constraint::DefaultConstraint(_) | ast::Constraint::GeneratedConstraint(_))
        })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Generated {
    Stored,
    Virtual,
    Identity,
}

/// How a column's values are generated. Where nothing is said the server of the newest version computes them when they are
/// read; those before it refuse that.
fn generated(constraint: &ast::Constraint) -> Option<Generated> {
    let ast::Constraint::GeneratedConstraint(generated) = constraint else { return None };
    Some(match generated.generated_as()? {
        ast::GeneratedAs::GeneratedIdentity(_) => Generated::Identity,
        ast::GeneratedAs::GeneratedStored(stored) => {
            let kind = stored.generated_kind().map(|kind| kind.syntax().text().to_string());
            if kind.is_some_and(|kind| kind.eq_ignore_ascii_case("stored")) {
                Generated::Stored
            } else {
                Generated::Virtual
            }
        }
    })
}
