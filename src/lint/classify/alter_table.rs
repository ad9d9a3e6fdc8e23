//! ALTER TABLE: the strongest lock of its actions, on the table and on whatever else they reach.

use squawk_syntax::ast::{self, AlterTableAction as Action, AstNode};

use super::{add_column, alter_column, constraints, drops, partitions};
use crate::lint::LockMode::{AccessExclusive, ShareRowExclusive, ShareUpdateExclusive};
use crate::lint::sketch::{Name, Sketch};
use crate::lint::syntax::ident;
use crate::lint::world::Change;
use crate::lint::{LockMode, ObjectKind};
use crate::migration::Risk;

pub(super) fn tell(statement: &ast::Stmt, sketch: &mut Sketch<'_, '_>) -> bool {
    let (named, actions, all, kind, if_exists) = match statement {
        ast::Stmt::AlterTable(alter) => {
            (alter.table_relation_name(), alter.actions(), alter.all_in_tablespace(), "ALTER TABLE", alter.if_exists())
        }
        ast::Stmt::AlterForeignTable(alter) => {
            (alter.table_relation_name(), alter.actions(), None, "ALTER FOREIGN TABLE", alter.if_exists())
        }
        _ => return false,
    };
    kind.clone_into(&mut sketch.kind);
    if all.is_some() {
        sketch.kind = "ALTER TABLE ALL IN TABLESPACE".to_owned();
        sketch.opaque = Some("it moves whatever is in a tablespace".to_owned());
        sketch.risk(Risk::High, "moves every table of a tablespace under AccessExclusiveLock");
        return true;
    }
    let Some((named, name)) = named.and_then(|named| sketch.name(named.syntax()).map(|name| (named, name))) else {
        return true;
    };
    if sketch.is_absent(&name, if_exists.is_some()) {
        return true;
    }
    let only = named.only_token().is_some();
    let mut kinds = Vec::new();
    for action in actions {
        kinds.push(verb(action.syntax()));
        act(&action, &name, only, sketch);
    }
    sketch.kind = format!("{kind} {}", kinds.join(", "));
    true
}

/// What one action does.
pub(super) fn act(action: &Action, name: &Name, only: bool, sketch: &mut Sketch<'_, '_>) {
    let mut lock = |lock: LockMode| {
        if only {
            sketch.lock(name, lock);
        } else {
            sketch.lock_all(name, lock, false, false);
        }
    };
    match action {
        Action::AddColumn(add) => {
            lock(AccessExclusive);
            add_column::tell(add, name, sketch);
        }
        Action::DropColumn(drop) => {
            lock(AccessExclusive);
            if let Some(column) = drop.column_name_ref().map(|column| ident(column.syntax())) {
                let cascade = matches!(drop.drop_behavior(), Some(ast::DropBehavior::Cascade(_)));
                drop_column(&column, cascade, name, sketch);
                if cascade {
                    drops::views(name, sketch);
                }
            }
        }
        Action::AlterColumn(alter) => alter_column::tell(alter, name, sketch),
        Action::AddConstraint(add) => constraints::add(add, name, sketch),
        Action::ValidateConstraint(validate) => constraints::validate(validate, name, sketch),
        Action::DropConstraint(drop) => constraints::drop(drop, name, sketch),
        Action::AlterConstraint(_) | Action::RenameConstraint(_) => lock(AccessExclusive),
        Action::AttachPartition(attach) => partitions::attach(attach, name, sketch),
        Action::DetachPartition(detach) => partitions::detach(detach, name, sketch),
        Action::MergePartitions(_) | Action::SplitPartition(_) => partitions::remake(name, sketch),
        Action::InheritTable(inherit) => partitions::inherit(inherit, name, sketch),
        Action::NoInheritTable(inherit) => partitions::no_inherit(inherit, name, sketch),
        Action::SetLogged(_) | Action::SetUnlogged(_) => {
            sketch.lock(name, AccessExclusive).rewrites = true;
        }
        Action::SetAccessMethod(_) | Action::SetTablespace(_) => {
            sketch.lock(name, AccessExclusive).rewrites = true;
        }
        Action::EnableTrigger(_) | Action::EnableReplicaTrigger(_) | Action::EnableAlwaysTrigger(_) => {
            lock(ShareRowExclusive)
        }
        Action::DisableTrigger(_) => {
            lock(ShareRowExclusive);
            sketch.risk(Risk::High, format!("triggers of {} do not fire any more", name.shown));
        }
        Action::ClusterOn(_) | Action::SetWithoutCluster(_) => {
            sketch.lock(name, ShareUpdateExclusive);
        }
        Action::SetOptions(set) => {
            let mode = options(set.attribute_list());
            sketch.lock(name, mode);
        }
        Action::ResetOptions(reset) => {
            let mode = options(reset.attribute_list());
            sketch.lock(name, mode);
        }
        Action::TableRenameTo(rename) => {
            sketch.lock(name, AccessExclusive);
            let renamed = rename.table_name().map(|to| crate::lint::syntax::path(to.syntax()));
            rename_to(renamed.as_deref(), name, sketch);
        }
        Action::RenameColumn(rename) => {
            lock(AccessExclusive);
            rename_column(rename, name, sketch);
        }
        Action::SetSchema(set) => {
            sketch.lock(name, AccessExclusive);
            let schema = set.schema_ref().map(|schema| ident(schema.syntax()));
            set_schema(schema, name, sketch);
        }
        Action::EnableRls(_) | Action::ForceRls(_) => {
            sketch.lock(name, AccessExclusive);
            if !sketch.is_new(&name.full) {
                sketch.risk(Risk::High, format!("whoever no policy of {} allows sees none of its rows", name.shown));
            }
        }
        Action::ReplicaIdentity(_)
        | Action::OfType(_)
        | Action::NotOf(_)
        | Action::NoForceRls(_)
        | Action::DisableRls(_)
        | Action::EnableReplicaRule(_)
        | Action::EnableAlwaysRule(_)
        | Action::EnableRule(_)
        | Action::DisableRule(_)
        | Action::OwnerTo(_)
        | Action::SetWithoutOids(_)
        | Action::AlterOptionList(_)
        | Action::OptionItemList(_) => {
            sketch.lock(name, AccessExclusive);
        }
    }
}

/// A relation has another name: whoever uses the old one fails.
pub(super) fn rename_to(parts: Option<&[String]>, name: &Name, sketch: &mut Sketch<'_, '_>) {
    let Some(new) = parts.and_then(<[String]>::last) else { return };
    let schema = name.full.rsplit_once('.').map_or("public", |(schema, _)| schema);
    let to = format!("{schema}.{}", crate::lint::syntax::join(std::slice::from_ref(new)));
    moved(name, to, sketch);
}

/// A relation is in another schema.
pub(super) fn set_schema(schema: Option<String>, name: &Name, sketch: &mut Sketch<'_, '_>) {
    let Some(schema) = schema else { return };
    let plain = name.full.rsplit_once('.').map_or(name.full.as_str(), |(_, plain)| plain);
    moved(name, format!("{schema}.{plain}"), sketch);
}

fn moved(name: &Name, to: String, sketch: &mut Sketch<'_, '_>) {
    if !sketch.is_new(&name.full) {
        sketch.risk(Risk::High, format!("whoever uses {} by its old name fails", name.shown));
    }
    sketch.changes.push(Change::Rename(name.full.clone(), to));
}

pub(super) fn rename_column(rename: &ast::RenameColumn, name: &Name, sketch: &mut Sketch<'_, '_>) {
    let (Some(from), Some(to)) = (rename.column_name_ref(), rename.column_name()) else { return };
    let (from, to) = (ident(from.syntax()), to.text());
    if !sketch.is_new(&name.full) && !sketch.is_new_column(name, &from) {
        sketch.risk(Risk::High, format!("whoever uses {}.{from} by its old name fails", name.shown));
    }
    if sketch.is_new_column(name, &from) {
        sketch.create(ObjectKind::Column, format!("{}.{to}", name.full));
    }
    sketch.changes.push(Change::RenameColumn(name.full.clone(), from, to));
}

fn drop_column(column: &str, cascade: bool, name: &Name, sketch: &mut Sketch<'_, '_>) {
    if !sketch.is_new(&name.full) && !sketch.is_new_column(name, column) {
        sketch.destroy(format!("column {}.{column}", name.shown));
    }
    // Its foreign keys go with it. Those that refer to it do with CASCADE; without it the server refuses.
    let others = constraints::partners(name, sketch, |constraint| {
        (constraint.kind == 'f' || cascade) && constraint.columns.iter().any(|one| one == column)
    });
    for other in others {
        sketch.lock_all(&other, AccessExclusive, false, false);
    }
    sketch.drop(ObjectKind::Column, format!("{}.{column}", name.full));
}

/// The lock that setting storage parameters takes: those that only tell background workers something take a weak one.
fn options(list: Option<ast::AttributeList>) -> LockMode {
    const WEAK: [&str; 8] = [
        "fillfactor",
        "toast_tuple_target",
        "parallel_workers",
        "vacuum_index_cleanup",
        "vacuum_truncate",
        "log_autovacuum_min_duration",
        "vacuum_max_eager_freeze_failure_rate",
        "deduplicate_items",
    ];
    let weak = |name: &str| WEAK.contains(&name) || name.starts_with("autovacuum_");
    let names = list.iter().flat_map(ast::AttributeList::attribute_options).filter_map(|option| option.name());
    let all_weak = names.map(|name| ident(name.syntax())).all(|name| weak(&name));
    if all_weak { ShareUpdateExclusive } else { AccessExclusive }
}

/// The keywords of an action: `ADD COLUMN`, `SET LOGGED`.
pub(super) fn verb(node: &squawk_syntax::SyntaxNode) -> String {
    let words = format!("{:?}", node.kind()).replace('_', " ");
    match words.as_str() {
        rename if rename.ends_with(" RENAME TO") => "RENAME TO".to_owned(),
        "INHERIT TABLE" => "INHERIT".to_owned(),
        "NO INHERIT TABLE" => "NO INHERIT".to_owned(),
        "OF TYPE" => "OF".to_owned(),
        "ATTACH INDEX PARTITION" => "ATTACH PARTITION".to_owned(),
        "ALTER OPTION LIST" | "OPTION ITEM LIST" => "OPTIONS".to_owned(),
        "ALTER TYPE ATTRIBUTE ACTION LIST" => "ALTER ATTRIBUTE".to_owned(),
        other => other.replace("RLS", "ROW LEVEL SECURITY"),
    }
}
