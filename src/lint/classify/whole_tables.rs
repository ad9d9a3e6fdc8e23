//! TRUNCATE, LOCK, CLUSTER, VACUUM, ANALYZE: statements about whole tables.

use squawk_syntax::ast::{self, AstNode};

use super::constraints;
use crate::lint::LockMode;
use crate::lint::LockMode::{AccessExclusive, ShareUpdateExclusive};
use crate::lint::sketch::{Name, Sketch};
use crate::migration::Risk;

pub(super) fn tell(statement: &ast::Stmt, sketch: &mut Sketch<'_, '_>) -> bool {
    match statement {
        ast::Stmt::Truncate(truncate) => self::truncate(truncate, sketch),
        ast::Stmt::Lock(lock) => self::lock(lock, sketch),
        ast::Stmt::Cluster(cluster) => {
            let named = cluster.table_name_ref().map(|name| name.syntax().clone());
            let legacy = || cluster.cluster_legacy().and_then(|legacy| legacy.on_path()).map(|on| on.syntax().clone());
            match named.or_else(legacy).and_then(|node| sketch.name(&node)) {
                Some(name) => sketch.lock_all(&name, AccessExclusive, true, false),
                None => whatever(sketch),
            }
        }
        ast::Stmt::Repack(repack) => match repack.table_and_columns_list() {
            Some(list) => {
                tables(&list, sketch).iter().for_each(|name| sketch.lock_all(name, AccessExclusive, true, false))
            }
            None => whatever(sketch),
        },
        ast::Stmt::Vacuum(vacuum) => {
            let full = vacuum.is_full();
            if full {
                sketch.kind = "VACUUM FULL".to_owned();
            }
            let lock = if full { AccessExclusive } else { ShareUpdateExclusive };
            match vacuum.table_and_columns_list() {
                Some(list) => tables(&list, sketch).iter().for_each(|name| sketch.lock_all(name, lock, full, !full)),
                None if full => whatever(sketch),
                None => {}
            }
        }
        ast::Stmt::Analyze(analyze) => {
            let list = analyze.table_and_columns_list();
            for name in list.iter().flat_map(|list| tables(list, sketch)).collect::<Vec<_>>() {
                sketch.lock_all(&name, ShareUpdateExclusive, false, false);
            }
        }
        _ => return false,
    }
    true
}

fn whatever(sketch: &mut Sketch<'_, '_>) {
    sketch.opaque = Some("it touches whatever is there".to_owned());
    sketch.risk(Risk::High, "writes every table anew, under AccessExclusiveLock");
}

fn tables(list: &ast::TableAndColumnsList, sketch: &Sketch<'_, '_>) -> Vec<Name> {
    let names = list.table_and_columnss().filter_map(|one| one.table_relation_name());
    names.filter_map(|name| sketch.name(name.syntax())).collect()
}

fn truncate(truncate: &ast::Truncate, sketch: &mut Sketch<'_, '_>) {
    let cascades = matches!(truncate.drop_behavior(), Some(ast::DropBehavior::Cascade(_)));
    let list = truncate.table_list();
    let mut names: Vec<Name> = list
        .iter()
        .flat_map(ast::TableList::table_relation_names)
        .filter_map(|name| sketch.name(name.syntax()))
        .collect();
    let mut next = 0;
    while let Some(name) = names.get(next).cloned().filter(|_| cascades) {
        for other in constraints::referring(&name, sketch) {
            if names.iter().all(|name| name.full != other) {
                names.push(sketch.neighbour(&other));
            }
        }
        next += 1;
    }
    for name in names {
        sketch.lock_all(&name, AccessExclusive, true, false);
        if !sketch.is_new(&name.full) {
            sketch.destroy(format!("every row of {}", name.shown));
        }
    }
    // A new, empty file is no work.
    for (_, touch) in &mut sketch.touches {
        touch.rewrites = false;
    }
}

fn lock(lock: &ast::Lock, sketch: &mut Sketch<'_, '_>) {
    let mode = match lock.lock_mode_clause().and_then(|clause| clause.lock_mode()) {
        Some(ast::LockMode::AccessShare(_)) => LockMode::AccessShare,
        Some(ast::LockMode::RowShare(_)) => LockMode::RowShare,
        Some(ast::LockMode::RowExclusive(_)) => LockMode::RowExclusive,
        Some(ast::LockMode::ShareUpdateExclusive(_)) => LockMode::ShareUpdateExclusive,
        Some(ast::LockMode::Share(_)) => LockMode::Share,
        Some(ast::LockMode::ShareRowExclusive(_)) => LockMode::ShareRowExclusive,
        Some(ast::LockMode::Exclusive(_)) => LockMode::Exclusive,
        Some(ast::LockMode::AccessExclusive(_)) | None => LockMode::AccessExclusive,
    };
    let list = lock.relation_list();
    let names = list.iter().flat_map(ast::RelationList::relation_names).map(|name| name.syntax().clone());
    for name in names.filter_map(|node| sketch.name(&node)).collect::<Vec<_>>() {
        sketch.lock_all(&name, mode, false, false);
    }
}
