//! What is attached to tables: triggers, rules, policies, comments, statistics, publications, privileges.

use squawk_syntax::SyntaxNode;
use squawk_syntax::ast::{self, AstNode, CommentObject};

use super::reads;
use crate::lint::LockMode::{AccessExclusive, AccessShare, ShareRowExclusive, ShareUpdateExclusive};
use crate::lint::sketch::{Name, Sketch};
use crate::lint::syntax::{all, ident, path};
use crate::lint::{LockMode, Object, ObjectKind};
use crate::migration::Risk;

pub(super) fn tell(statement: &ast::Stmt, sketch: &mut Sketch<'_, '_>) -> bool {
    match statement {
        ast::Stmt::CreateTrigger(create) => {
            let on = create.on_relation().map(|on| on.syntax().clone());
            let own = create.trigger().map(|name| name.syntax().clone());
            if let Some(table) = attach(ObjectKind::Trigger, on, own, ShareRowExclusive, sketch)
                && !sketch.is_new(&table.full)
            {
                sketch.risk(Risk::Medium, format!("every write to {} runs the trigger from then on", table.shown));
            }
        }
        ast::Stmt::CreateRule(create) => {
            let on = create.rule_on().and_then(|on| on.relation_name_ref()).map(|on| on.syntax().clone());
            let own = create.rule().map(|name| name.syntax().clone());
            attach(ObjectKind::Rule, on, own, AccessExclusive, sketch);
            if let Some(action) = create.rule_do() {
                reads::tell(action.syntax(), sketch);
            }
        }
        ast::Stmt::CreatePolicy(create) => {
            let on = create.on_table().map(|on| on.syntax().clone());
            let own = create.policy().map(|name| name.syntax().clone());
            attach(ObjectKind::Policy, on, own, AccessExclusive, sketch);
            reads::tell(create.syntax(), sketch);
        }
        ast::Stmt::DropTrigger(drop) => {
            let own = drop.trigger_ref().map(|name| name.syntax().clone());
            detach(ObjectKind::Trigger, drop.on_relation().map(|on| on.syntax().clone()), own, sketch);
        }
        ast::Stmt::DropRule(drop) => {
            let own = drop.rule_ref().map(|name| name.syntax().clone());
            detach(ObjectKind::Rule, drop.on_relation().map(|on| on.syntax().clone()), own, sketch);
        }
        ast::Stmt::DropPolicy(drop) => {
            let own = drop.policy_ref().map(|name| name.syntax().clone());
            detach(ObjectKind::Policy, drop.on_table().map(|on| on.syntax().clone()), own, sketch);
        }
        ast::Stmt::AlterTrigger(alter) => {
            lock(alter.on_relation().map(|on| on.syntax().clone()), AccessExclusive, sketch)
        }
        ast::Stmt::AlterRule(alter) => lock(alter.on_relation().map(|on| on.syntax().clone()), AccessExclusive, sketch),
        ast::Stmt::AlterPolicy(alter) => lock(alter.on_table().map(|on| on.syntax().clone()), AccessExclusive, sketch),
        ast::Stmt::CommentOn(comment) => self::comment(comment, sketch),
        ast::Stmt::CreateStatistics(create) => {
            lock(create.from_table().map(|from| from.syntax().clone()), ShareUpdateExclusive, sketch);
            if let Some(name) = create.statistics().and_then(|name| sketch.new_name(name.syntax(), false)) {
                sketch.create(ObjectKind::Statistics, name.full);
            }
        }
        ast::Stmt::DropStatistics(drop) => {
            for name in drop.statistics_refs().filter_map(|name| sketch.name(name.syntax())).collect::<Vec<_>>() {
                sketch.drop(ObjectKind::Statistics, name.full);
            }
        }
        ast::Stmt::CreatePublication(create) => {
            published(create.syntax(), sketch);
            if let Some(name) = create.publication().map(|name| ident(name.syntax())) {
                sketch.create(ObjectKind::Publication, name);
            }
        }
        ast::Stmt::AlterPublication(alter) => published(alter.syntax(), sketch),
        ast::Stmt::DropPublication(drop) => {
            for name in drop.publication_refs().map(|name| ident(name.syntax())) {
                let object = Object::new(ObjectKind::Publication, name);
                if !sketch.created().has(&object) {
                    sketch.risk(Risk::High, format!("whoever subscribes to {object} gets nothing any more"));
                }
                sketch.drop(object.kind, object.name);
            }
        }
        ast::Stmt::Grant(grant) => privileges(grant.syntax(), sketch),
        ast::Stmt::Revoke(revoke) => {
            privileges(revoke.syntax(), sketch);
            sketch.risk(Risk::Medium, "whoever used the privilege fails");
        }
        _ => return false,
    }
    true
}

fn lock(on: Option<SyntaxNode>, mode: LockMode, sketch: &mut Sketch<'_, '_>) {
    if let Some(table) = on.and_then(|on| sketch.name(&on)) {
        sketch.lock(&table, mode);
    }
}

fn attach(
    kind: ObjectKind,
    on: Option<SyntaxNode>,
    own: Option<SyntaxNode>,
    mode: LockMode,
    sketch: &mut Sketch<'_, '_>,
) -> Option<Name> {
    let table = sketch.name(&on?)?;
    if kind == ObjectKind::Trigger {
        sketch.lock_all(&table, mode, false, false);
    } else {
        sketch.lock(&table, mode);
    }
    if let Some(own) = own {
        sketch.create(kind, format!("{}.{}", table.full, ident(&own)));
    }
    Some(table)
}

fn detach(kind: ObjectKind, on: Option<SyntaxNode>, own: Option<SyntaxNode>, sketch: &mut Sketch<'_, '_>) {
    let Some(table) = on.and_then(|on| sketch.name(&on)) else { return };
    sketch.lock(&table, AccessExclusive);
    if let Some(own) = own.map(|own| path(&own).pop().unwrap_or_else(|| ident(&own))) {
        let object = Object::new(kind, format!("{}.{own}", table.full));
        if !sketch.created().has(&object) && !sketch.is_new(&table.full) {
            sketch.risk(
                Risk::Medium,
                format!("what {} {own} of {} did is not done any more", kind.as_str(), table.shown),
            );
        }
        sketch.drop(object.kind, object.name);
    }
}

fn comment(comment: &ast::CommentOn, sketch: &mut Sketch<'_, '_>) {
    let Some(object) = comment.comment_object() else { return };
    let (node, mode) = match &object {
        CommentObject::ObjectTable(_)
        | CommentObject::ObjectIndex(_)
        | CommentObject::ObjectView(_)
        | CommentObject::ObjectMaterializedView(_)
        | CommentObject::ObjectSequence(_)
        | CommentObject::ObjectForeignTable(_) => (Some(object.syntax().clone()), ShareUpdateExclusive),
        CommentObject::ObjectColumn(column) => {
            // The last part is the column.
            let mut parts = path(column.syntax());
            parts.pop();
            if !parts.is_empty() {
                let name = Name { full: sketch.world.full(&parts), shown: crate::lint::syntax::join(&parts) };
                sketch.lock(&name, ShareUpdateExclusive);
            }
            return;
        }
        CommentObject::ObjectConstraint(one) => (one.table_name_ref().map(|on| on.syntax().clone()), AccessShare),
        CommentObject::ObjectTrigger(one) => (one.relation_name_ref().map(|on| on.syntax().clone()), AccessShare),
        CommentObject::ObjectPolicy(one) => (one.table_name_ref().map(|on| on.syntax().clone()), AccessShare),
        CommentObject::ObjectRule(one) => (one.relation_name_ref().map(|on| on.syntax().clone()), AccessShare),
        _ => (None, AccessShare),
    };
    lock(node, mode, sketch);
}

fn published(node: &SyntaxNode, sketch: &mut Sketch<'_, '_>) {
    let tables: Vec<SyntaxNode> =
        all::<ast::PublicationObjectTable>(node).map(|table| table.syntax().clone()).collect();
    for table in tables.iter().filter_map(|table| sketch.name(table)).collect::<Vec<_>>() {
        sketch.lock_all(&table, ShareUpdateExclusive, false, false);
    }
}

/// Since 18 the tables whose privileges change are locked so that nobody drops them meanwhile.
fn privileges(node: &SyntaxNode, sketch: &mut Sketch<'_, '_>) {
    if sketch.world.catalog.major.is_some_and(|major| major < 18) {
        return;
    }
    let tables: Vec<SyntaxNode> = all::<ast::PrivilegeTable>(node)
        .flat_map(|list| list.relation_name_refs())
        .chain(all::<ast::PrivilegeDefault>(node).flat_map(|list| list.relation_name_refs()))
        .map(|table| table.syntax().clone())
        .collect();
    for table in tables.iter().filter_map(|table| sketch.name(table)).collect::<Vec<_>>() {
        sketch.lock(&table, AccessShare);
    }
}
