//! Views and materialized views.

use squawk_syntax::ast::{self, AlterMaterializedViewAction as Action, AstNode};

use super::{alter_table, reads};
use crate::lint::LockMode::{AccessExclusive, AccessShare, Exclusive};
use crate::lint::sketch::Sketch;
use crate::lint::syntax::{ident, path};
use crate::lint::world::Change;
use crate::lint::{ObjectKind, Relation};
use crate::migration::Risk;

pub(super) fn tell(statement: &ast::Stmt, sketch: &mut Sketch<'_, '_>) -> bool {
    match statement {
        ast::Stmt::CreateView(create) => self::create(create, sketch),
        ast::Stmt::CreateMaterializedView(create) => materialize(create, sketch),
        ast::Stmt::AlterView(alter) => self::alter(alter, sketch),
        ast::Stmt::AlterMaterializedView(alter) => alter_materialized(alter, sketch),
        ast::Stmt::Refresh(refresh) => {
            let concurrently = refresh.concurrently_token().is_some();
            let more = if concurrently { " CONCURRENTLY" } else { "" };
            sketch.kind = format!("REFRESH MATERIALIZED VIEW{more}");
            if let Some(view) = refresh.view_ref().and_then(|view| sketch.name(view.syntax())) {
                let touch = sketch.lock(&view, if concurrently { Exclusive } else { AccessExclusive });
                touch.rewrites = !concurrently;
                touch.scans = concurrently;
                sketch.sorts = true;
                for read in sketch.relation(&view).map(|view| view.reads.clone()).unwrap_or_default() {
                    let read = sketch.neighbour(&read);
                    sketch.lock(&read, AccessShare);
                }
            }
        }
        _ => return false,
    }
    true
}

fn create(create: &ast::CreateView, sketch: &mut Sketch<'_, '_>) {
    let temporary = matches!(create.persistence(), Some(ast::Persistence::Temp(_)));
    let Some(view) = create.view().and_then(|view| sketch.new_name(view.syntax(), temporary)) else { return };
    let replaces = create.or_replace().is_some();
    if let Some(query) = create.query() {
        reads::tell(query.syntax(), sketch);
    }
    // Whether there is one to replace is known where the database was looked at.
    if replaces && !sketch.is_new(&view.full) && (sketch.world.exists(&view.full) || !sketch.world.catalog.known) {
        sketch.kind = "CREATE OR REPLACE VIEW".to_owned();
        sketch.lock(&view, AccessExclusive);
        return;
    }
    if !sketch.is_new(&view.full) {
        sketch.create(ObjectKind::View, view.full.clone());
        sketch.changes.push(Change::Relation(view.full.clone(), Relation { kind: 'v', ..Relation::default() }));
    }
    sketch.lock(&view, AccessExclusive);
}

fn materialize(create: &ast::CreateMaterializedView, sketch: &mut Sketch<'_, '_>) {
    let Some(view) = create.view().and_then(|view| sketch.new_name(view.syntax(), false)) else { return };
    if create.if_not_exists().is_some() && sketch.world.exists(&view.full) {
        return;
    }
    if let Some(query) = create.query() {
        reads::tell(query.syntax(), sketch);
    }
    sketch.create(ObjectKind::MaterializedView, view.full.clone());
    sketch.changes.push(Change::Relation(view.full.clone(), Relation { kind: 'm', ..Relation::default() }));
    sketch.lock(&view, AccessExclusive);
}

fn alter(alter: &ast::AlterView, sketch: &mut Sketch<'_, '_>) {
    let Some(view) = alter.view_ref().and_then(|view| sketch.name(view.syntax())) else { return };
    if sketch.is_absent(&view, alter.if_exists().is_some()) {
        return;
    }
    sketch.lock(&view, AccessExclusive);
    match alter.action() {
        Some(ast::AlterViewAction::ViewRenameTo(rename)) => {
            let parts = rename.view().map(|to| path(to.syntax()));
            alter_table::rename_to(parts.as_deref(), &view, sketch);
        }
        Some(ast::AlterViewAction::RenameColumn(rename)) => alter_table::rename_column(&rename, &view, sketch),
        Some(ast::AlterViewAction::SetSchema(set)) => {
            alter_table::set_schema(set.schema_ref().map(|schema| ident(schema.syntax())), &view, sketch);
        }
        Some(
            ast::AlterViewAction::AlterViewColumn(_)
            | ast::AlterViewAction::OwnerTo(_)
            | ast::AlterViewAction::ResetOptions(_)
            | ast::AlterViewAction::SetOptions(_),
        )
        | None => {}
    }
}

fn alter_materialized(alter: &ast::AlterMaterializedView, sketch: &mut Sketch<'_, '_>) {
    if alter.all_in_tablespace().is_some() {
        sketch.opaque = Some("it moves whatever is in a tablespace".to_owned());
        sketch.risk(Risk::High, "moves every materialized view of a tablespace under AccessExclusiveLock");
        return;
    }
    let Some(view) = alter.view_ref().and_then(|view| sketch.name(view.syntax())) else { return };
    if sketch.is_absent(&view, alter.if_exists().is_some()) {
        return;
    }
    for action in alter.action() {
        match action {
            Action::ViewRenameTo(rename) => {
                sketch.lock(&view, AccessExclusive);
                let parts = rename.view().map(|to| path(to.syntax()));
                alter_table::rename_to(parts.as_deref(), &view, sketch);
            }
            Action::RenameColumn(rename) => {
                sketch.lock(&view, AccessExclusive);
                alter_table::rename_column(&rename, &view, sketch);
            }
            Action::SetSchema(set) => {
                sketch.lock(&view, AccessExclusive);
                alter_table::set_schema(set.schema_ref().map(|schema| ident(schema.syntax())), &view, sketch);
            }
            Action::DependsOnExtension(_) | Action::NoDependsOnExtension(_) => {
                sketch.lock(&view, AccessExclusive);
            }
            Action::AlterTableAction(action) => alter_table::act(&action, &view, true, sketch),
        }
    }
}
