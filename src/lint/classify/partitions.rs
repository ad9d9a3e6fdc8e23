//! Partitions and inheritance.

use squawk_syntax::ast::{self, AstNode};

use super::constraints;
use crate::lint::LockMode::{AccessExclusive, AccessShare, ShareRowExclusive, ShareUpdateExclusive};
use crate::lint::sketch::{Name, Sketch};
use crate::migration::Risk;

/// ATTACH PARTITION: the new partition is read from end to end unless a check proves its bounds, which cannot be told from the
/// text; its default partition likewise.
pub(super) fn attach(attach: &ast::AttachPartition, name: &Name, sketch: &mut Sketch<'_, '_>) {
    sketch.lock(name, ShareUpdateExclusive);
    if let Some(part) = attach.table_name_ref().and_then(|part| sketch.name(part.syntax())) {
        sketch.lock_all(&part, AccessExclusive, false, true);
    }
    foreign(name, sketch);
}

/// DETACH PARTITION.
pub(super) fn detach(detach: &ast::DetachPartition, name: &Name, sketch: &mut Sketch<'_, '_>) {
    let gently = detach.detach_partition_option().is_some();
    sketch.lock(name, if gently { ShareUpdateExclusive } else { AccessExclusive });
    if let Some(part) = detach.table_name_ref().and_then(|part| sketch.name(part.syntax())) {
        sketch.lock_all(&part, AccessExclusive, false, false);
        if !sketch.is_new(&part.full) {
            sketch.risk(Risk::High, format!("the rows of {} are not in {} any more", part.shown, name.shown));
        }
    }
    for other in constraints::referred(name, sketch) {
        let other = sketch.neighbour(&other);
        sketch.lock(&other, ShareRowExclusive);
    }
}

/// MERGE PARTITIONS, SPLIT PARTITION.
pub(super) fn remake(name: &Name, sketch: &mut Sketch<'_, '_>) {
    sketch.lock_all(name, AccessExclusive, true, false);
}

/// INHERIT.
pub(super) fn inherit(inherit: &ast::InheritTable, name: &Name, sketch: &mut Sketch<'_, '_>) {
    sketch.lock(name, AccessExclusive);
    if let Some(parent) = inherit.table_name_ref().and_then(|parent| sketch.name(parent.syntax())) {
        sketch.lock(&parent, ShareUpdateExclusive);
    }
}

/// NO INHERIT.
pub(super) fn no_inherit(inherit: &ast::NoInheritTable, name: &Name, sketch: &mut Sketch<'_, '_>) {
    sketch.lock(name, AccessExclusive);
    if let Some(parent) = inherit.table_name_ref().and_then(|parent| sketch.name(parent.syntax())) {
        sketch.lock(&parent, AccessShare);
    }
}

/// A new partition gets the foreign keys of its table, and the default partition is read for rows that belong into it.
pub(super) fn foreign(name: &Name, sketch: &mut Sketch<'_, '_>) {
    if let Some(default) = sketch.relation(name).and_then(|relation| relation.default_partition.clone()) {
        let default = sketch.neighbour(&default);
        sketch.lock_all(&default, AccessExclusive, false, true);
    }
    for other in constraints::referred(name, sketch) {
        let other = sketch.neighbour(&other);
        sketch.lock(&other, ShareRowExclusive);
    }
}
