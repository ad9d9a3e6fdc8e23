//! Indexes: building, building anew, dropping.

use squawk_syntax::ast::{self, AlterIndexAction as Action, AstNode};

use super::alter_table;
use crate::lint::LockMode::{AccessExclusive, Share, ShareUpdateExclusive};
use crate::lint::sketch::{Name, Sketch};
use crate::lint::syntax::{all, ident, path};
use crate::lint::world::Change;
use crate::lint::{Column, LockMode, ObjectKind, Relation};
use crate::migration::Risk;

pub(super) fn tell(statement: &ast::Stmt, sketch: &mut Sketch<'_, '_>) -> bool {
    match statement {
        ast::Stmt::CreateIndex(create) => self::create(create, sketch),
        ast::Stmt::DropIndex(drop) => self::drop(drop, sketch),
        ast::Stmt::AlterIndex(alter) => self::alter(alter, sketch),
        ast::Stmt::Reindex(reindex) => self::reindex(reindex, sketch),
        _ => return false,
    }
    true
}

fn create(create: &ast::CreateIndex, sketch: &mut Sketch<'_, '_>) {
    let concurrently = create.concurrently_token().is_some();
    if concurrently {
        sketch.kind = "CREATE INDEX CONCURRENTLY".to_owned();
    }
    let Some(named) = create.table_relation_name() else { return };
    let Some(table) = sketch.name(named.syntax()) else { return };
    let schema = table.full.rsplit_once('.').map_or("public", |(schema, _)| schema);
    let given = create.index().and_then(|index| path(index.syntax()).pop());
    let columns: Vec<String> = create
        .partition_item_list()
        .iter()
        .flat_map(|list| all::<ast::PartitionItem>(list.syntax()))
        .filter_map(|item| match item.expr() {
            Some(ast::Expr::NameRef(name)) => Some(name.text()),
            _ => None,
        })
        .collect();
    let full = given.map(|index| format!("{schema}.{index}"));
    let lock = if concurrently { ShareUpdateExclusive } else { Share };
    sketch.sorts = true;
    if create.if_not_exists().is_some() && full.as_ref().is_some_and(|full| sketch.world.exists(full)) {
        sketch.lock(&table, lock);
        return;
    }
    if named.only_token().is_some() {
        sketch.lock(&table, lock);
    } else {
        sketch.lock_all(&table, lock, false, true);
    }
    if let Some(full) = full {
        sketch.create(ObjectKind::Index, full.clone());
        let columns = columns.into_iter().map(|column| (column, Column::default())).collect();
        let relation = Relation { kind: 'i', table: Some(table.full), columns, ..Relation::default() };
        sketch.changes.push(Change::Relation(full, relation));
    }
}

/// The table of an index, where it is known.
fn table(index: &Name, sketch: &Sketch<'_, '_>) -> Option<Name> {
    let table = sketch.relation(index)?.table.clone()?;
    Some(sketch.neighbour(&table))
}

fn drop(drop: &ast::DropIndex, sketch: &mut Sketch<'_, '_>) {
    let concurrently = drop.concurrently_token().is_some();
    if concurrently {
        sketch.kind = "DROP INDEX CONCURRENTLY".to_owned();
    }
    let lock = if concurrently { ShareUpdateExclusive } else { AccessExclusive };
    for index in drop.index_refs() {
        let Some(index) = sketch.name(index.syntax()) else { continue };
        if sketch.is_absent(&index, drop.if_exists().is_some()) {
            continue;
        }
        sketch.lock_all(&index, lock, false, false);
        if let Some(table) = table(&index, sketch) {
            sketch.lock_all(&table, lock, false, false);
            // The foreign keys that refer to what it keeps unique go along.
            if matches!(drop.drop_behavior(), Some(ast::DropBehavior::Cascade(_))) {
                for other in super::constraints::referring(&table, sketch) {
                    let other = sketch.neighbour(&other);
                    sketch.lock_all(&other, lock, false, false);
                }
            }
        } else if !concurrently && !sketch.is_new(&index.full) {
            sketch.risk(
                Risk::Medium,
                format!("AccessExclusiveLock on the table of {}: readers and writers wait", index.shown),
            );
        }
        if !sketch.is_new(&index.full) {
            sketch.risk(Risk::Medium, format!("queries that {} serves are slower from then on", index.shown));
        }
        sketch.drop(ObjectKind::Index, index.full);
    }
}

fn alter(alter: &ast::AlterIndex, sketch: &mut Sketch<'_, '_>) {
    if alter.all_in_tablespace().is_some() {
        sketch.opaque = Some("it moves whatever is in a tablespace".to_owned());
        sketch.risk(Risk::High, "moves every index of a tablespace under AccessExclusiveLock");
        return;
    }
    let Some(index) = alter.index_ref().and_then(|index| sketch.name(index.syntax())) else { return };
    if sketch.is_absent(&index, alter.if_exists().is_some()) {
        return;
    }
    let Some(action) = alter.action() else { return };
    sketch.kind = format!("ALTER INDEX {}", alter_table::verb(action.syntax()));
    match action {
        Action::IndexRenameTo(rename) => {
            sketch.lock(&index, ShareUpdateExclusive);
            let parts = rename.index().map(|to| path(to.syntax()));
            alter_table::rename_to(parts.as_deref(), &index, sketch);
            // Nothing but scripts uses an index by its name.
            sketch.reasons.clear();
        }
        Action::AttachIndexPartition(attach) => {
            sketch.lock(&index, AccessExclusive);
            if let Some(part) = attach.index_ref().and_then(|part| sketch.name(part.syntax())) {
                sketch.lock(&part, AccessExclusive);
            }
        }
        Action::SetTablespace(_) => {
            sketch.lock(&index, AccessExclusive).rewrites = true;
        }
        Action::SetOptions(set) => {
            let lock = options(set.attribute_list());
            sketch.lock(&index, lock);
        }
        Action::ResetOptions(reset) => {
            let lock = options(reset.attribute_list());
            sketch.lock(&index, lock);
        }
        Action::AlterSetStatistics(_) => {
            sketch.lock(&index, ShareUpdateExclusive);
        }
        Action::DependsOnExtension(_) | Action::NoDependsOnExtension(_) => {
            sketch.lock(&index, AccessExclusive);
        }
    }
}

fn options(list: Option<ast::AttributeList>) -> LockMode {
    const WEAK: [&str; 2] = ["fillfactor", "deduplicate_items"];
    let names = list.iter().flat_map(ast::AttributeList::attribute_options).filter_map(|option| option.name());
    let all_weak = names.map(|name| ident(name.syntax())).all(|name| WEAK.contains(&name.as_str()));
    if all_weak { ShareUpdateExclusive } else { AccessExclusive }
}

fn reindex(reindex: &ast::Reindex, sketch: &mut Sketch<'_, '_>) {
    let concurrently = reindex.is_concurrently();
    if concurrently {
        sketch.kind = "REINDEX CONCURRENTLY".to_owned();
    }
    let lock = if concurrently { ShareUpdateExclusive } else { Share };
    sketch.sorts = true;
    match reindex.reindex_target() {
        Some(ast::ReindexTarget::ReindexTargetTable(target)) => {
            if let Some(name) = target.table_name_ref().and_then(|name| sketch.name(name.syntax())) {
                sketch.lock_all(&name, lock, false, true);
                if !concurrently && !sketch.is_new(&name.full) {
                    sketch.risk(
                        Risk::High,
                        format!("AccessExclusiveLock on the indexes of {}: queries wait", name.shown),
                    );
                }
            }
        }
        Some(ast::ReindexTarget::ReindexTargetIndex(target)) => {
            if let Some(index) = target.index_ref().and_then(|index| sketch.name(index.syntax())) {
                let own = if concurrently { ShareUpdateExclusive } else { AccessExclusive };
                sketch.lock(&index, own).rewrites = true;
                if let Some(table) = table(&index, sketch) {
                    sketch.lock(&table, lock).scans = true;
                }
            }
        }
        Some(
            ast::ReindexTarget::ReindexTargetSchema(_)
            | ast::ReindexTarget::ReindexTargetDatabase(_)
            | ast::ReindexTarget::ReindexTargetSystem(_),
        ) => {
            sketch.opaque = Some("it touches whatever is there".to_owned());
            let risk = if concurrently { Risk::Medium } else { Risk::High };
            sketch.risk(risk, "builds every index anew, table by table");
        }
        None => {}
    }
}
