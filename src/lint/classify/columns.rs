//! Columns of new tables: what is known of them afterwards.

use squawk_syntax::ast::{self, AstNode};

use super::constraints;
use crate::lint::sketch::{Name, Sketch};
use crate::lint::types::{is_serial, spelling};
use crate::lint::world::Change;
use crate::lint::{Column, ObjectKind, Relation};

/// The sequence that comes with a column.
pub(super) fn sequence_of(name: &Name, column: &str) -> String {
    format!("{}_{column}_seq", name.full)
}

/// Describes a new table by the columns and constraints that it is created with.
pub(super) fn describe(list: Option<ast::TableArgList>, name: &Name, sketch: &mut Sketch<'_, '_>) {
    let args: Vec<ast::TableArg> = list.iter().flat_map(ast::TableArgList::args).collect();
    let mut relation = Relation { kind: 'r', ..Relation::default() };
    for column in args.iter().filter_map(|arg| match arg {
        ast::TableArg::Column(column) => Some(column),
        ast::TableArg::LikeClause(_) | ast::TableArg::TableConstraint(_) => None,
    }) {
        let (Some(column_name), Some(ty)) = (column.name().map(|name| name.text()), column.ty()) else { continue };
        let serial = is_serial(&ty);
        let not_null = serial
            || column.clauses().any(|clause| {
                matches!(
                    clause,
                    ast::ColumnClause::ColumnConstraint(
                        ast::ColumnConstraint::NotNullConstraint(_) | ast::ColumnConstraint::PrimaryKeyConstraint(_)
                    )
                )
            });
        if serial {
            sketch.create(ObjectKind::Sequence, sequence_of(name, &column_name));
        }
        relation.columns.insert(column_name, Column { type_name: spelling(&ty, sketch.world), not_null });
    }
    sketch.changes.push(Change::Relation(name.full.clone(), relation));
    for arg in args {
        match arg {
            ast::TableArg::Column(column) => {
                let column_name = column.name().map(|name| name.text()).unwrap_or_default();
                for clause in column.clauses() {
                    if let ast::ColumnClause::ColumnConstraint(constraint) = clause
                        && let Some(constraint) = ast::Constraint::cast(constraint.syntax().clone())
                    {
                        constraints::note(&constraint, name, Some(&column_name), false, sketch);
                    }
                }
            }
            ast::TableArg::TableConstraint(constraint) => {
                if let Some(constraint) = ast::Constraint::cast(constraint.syntax().clone()) {
                    constraints::note(&constraint, name, None, false, sketch);
                }
            }
            ast::TableArg::LikeClause(_) => {}
        }
    }
}
