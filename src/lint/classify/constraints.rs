//! Constraints: adding, proving and dropping them, and the tables on both sides of foreign keys.

use squawk_syntax::ast::{self, AstNode};

use crate::lint::LockMode::{AccessExclusive, RowShare, ShareRowExclusive, ShareUpdateExclusive};
use crate::lint::sketch::{Name, Sketch};
use crate::lint::syntax::{all, ident};
use crate::lint::world::Change;
use crate::lint::{Constraint, ObjectKind};

/// ADD CONSTRAINT on a table that is there.
pub(super) fn add(add: &ast::AddConstraint, name: &Name, sketch: &mut Sketch<'_, '_>) {
    let Some(constraint) = add.constraint() else { return };
    let unproven = constraint.is_not_valid() || is_not_enforced(&constraint);
    match &constraint {
        ast::Constraint::ForeignKeyConstraint(_) | ast::Constraint::ReferencesConstraint(_) => {
            sketch.lock_all(name, ShareRowExclusive, false, !unproven);
            sketch.sorts = true;
        }
        ast::Constraint::UniqueConstraint(unique) => {
            using(unique.using_index(), name, false, sketch);
        }
        ast::Constraint::PrimaryKeyConstraint(key) => {
            using(key.using_index(), name, true, sketch);
        }
        ast::Constraint::NotNullConstraint(not_null) => {
            let column = not_null.column_name_ref().map(|column| ident(column.syntax())).unwrap_or_default();
            let proven = unproven || sketch.world.is_never_null(&name.full, &column);
            sketch.lock_all(name, AccessExclusive, false, !proven);
        }
        ast::Constraint::CheckConstraint(_) | ast::Constraint::ExcludeConstraint(_) => {
            sketch.lock_all(name, AccessExclusive, false, !unproven);
        }
        ast::Constraint::DefaultConstraint(_)
        | ast::Constraint::GeneratedConstraint(_)
        | ast::Constraint::NullConstraint(_) => sketch.lock_all(name, AccessExclusive, false, false),
    }
    note(&constraint, name, None, true, sketch);
}

/// UNIQUE and PRIMARY KEY: an index is built, or one that is there is taken.
fn using(index: Option<ast::UsingIndexName>, name: &Name, primary: bool, sketch: &mut Sketch<'_, '_>) {
    let Some(index) = index.and_then(|using| sketch.name(using.syntax())) else {
        sketch.lock_all(name, AccessExclusive, false, true);
        sketch.sorts = true;
        return;
    };
    // A primary key's columns become NOT NULL, which has to be proven where it is not known.
    let columns: Vec<String> =
        sketch.relation(&index).map(|index| index.columns.keys().cloned().collect()).unwrap_or_default();
    let proven =
        !primary || !columns.is_empty() && columns.iter().all(|column| sketch.world.is_never_null(&name.full, column));
    sketch.lock_all(name, AccessExclusive, false, !proven);
    sketch.lock(&index, ShareUpdateExclusive);
}

/// VALIDATE CONSTRAINT.
pub(super) fn validate(validate: &ast::ValidateConstraint, name: &Name, sketch: &mut Sketch<'_, '_>) {
    let Some(constraint) = validate.constraint_name_ref().map(|name| ident_of(name.syntax())) else { return };
    let known = sketch.relation(name).and_then(|relation| relation.constraints.get(&constraint)).cloned();
    let done = known.as_ref().is_some_and(|known| known.validated);
    sketch.lock_all(name, ShareUpdateExclusive, false, !done);
    if let Some(other) = known.and_then(|known| known.other).filter(|_| !done) {
        let other = sketch.neighbour(&other);
        sketch.lock(&other, RowShare).scans = true;
        sketch.sorts = true;
    }
    sketch.changes.push(Change::Validate(name.full.clone(), constraint));
}

/// DROP CONSTRAINT.
pub(super) fn drop(drop: &ast::DropConstraint, name: &Name, sketch: &mut Sketch<'_, '_>) {
    sketch.lock_all(name, AccessExclusive, false, false);
    let Some(constraint) = drop.constraint_name_ref().map(|name| ident_of(name.syntax())) else { return };
    let known = sketch.relation(name).and_then(|relation| relation.constraints.get(&constraint)).cloned();
    if let Some(known) = known {
        let mut others: Vec<String> = known.other.into_iter().collect();
        if matches!(known.kind, 'p' | 'u') && matches!(drop.drop_behavior(), Some(ast::DropBehavior::Cascade(_))) {
            others.extend(referring(name, sketch));
        }
        for other in others {
            let other = sketch.neighbour(&other);
            sketch.lock_all(&other, AccessExclusive, false, false);
        }
    }
    sketch.drop(ObjectKind::Constraint, format!("{}.{constraint}", name.full));
}

/// A foreign key of a column or table: the other table is locked as well, and writers of both wait.
pub(super) fn reference(
    table: Option<ast::TableNameRef>,
    name: &Name,
    columns: Vec<String>,
    constraint: &ast::Constraint,
    proves: bool,
    sketch: &mut Sketch<'_, '_>,
) {
    let Some(other) = table.and_then(|table| sketch.name(table.syntax())) else { return };
    let validated = !constraint.is_not_valid() && !is_not_enforced(constraint);
    if other.full != name.full {
        sketch.lock_all(&other, ShareRowExclusive, false, false);
        // Both are read to prove it. A table that is created has no rows to prove it for.
        sketch.lock(&other, ShareRowExclusive).scans |= proves && validated;
    }
    let own = own_name(constraint).unwrap_or_else(|| generated_name(name, &columns, "fkey"));
    let described = Constraint { kind: 'f', columns, other: Some(other.full), validated, not_null: false };
    sketch.changes.push(Change::Constraint(name.full.clone(), own, described));
}

/// Takes over what a constraint says; a foreign key locks the other table, and is proven or not.
pub(super) fn note(
    constraint: &ast::Constraint,
    name: &Name,
    column: Option<&str>,
    proves: bool,
    sketch: &mut Sketch<'_, '_>,
) {
    let columns = |node: Option<&squawk_syntax::SyntaxNode>| -> Vec<String> {
        let named = node.map(|node| all::<ast::ColumnNameRef>(node).map(|name| ident(name.syntax())).collect());
        named
            .filter(|named: &Vec<String>| !named.is_empty())
            .unwrap_or_else(|| column.map(str::to_owned).into_iter().collect())
    };
    match constraint {
        ast::Constraint::ForeignKeyConstraint(key) => {
            let from = columns(key.from_columns().as_ref().map(AstNode::syntax));
            reference(key.table_name_ref(), name, from, constraint, proves, sketch);
        }
        ast::Constraint::ReferencesConstraint(key) => {
            reference(key.table(), name, columns(None), constraint, proves, sketch);
        }
        ast::Constraint::CheckConstraint(check) => {
            let alone = check.expr().and_then(|expression| never_null(&expression));
            let mut used: Vec<String> = all::<ast::NameRef>(check.syntax()).map(|name| name.text()).collect();
            used.dedup();
            let not_null = alone.is_some();
            let columns = alone.map_or(used, |column| vec![column]);
            let validated = !constraint.is_not_valid() && !is_not_enforced(constraint);
            put(constraint, name, "check", Constraint { kind: 'c', columns, other: None, validated, not_null }, sketch);
        }
        ast::Constraint::UniqueConstraint(_) | ast::Constraint::PrimaryKeyConstraint(_) => {
            let primary = matches!(constraint, ast::Constraint::PrimaryKeyConstraint(_));
            let columns = columns(Some(constraint.syntax()));
            for column in columns.iter().filter(|_| primary) {
                sketch.changes.push(Change::NotNull(name.full.clone(), column.clone(), true));
            }
            let kind = if primary { 'p' } else { 'u' };
            let described = Constraint { kind, columns, other: None, validated: true, not_null: false };
            put(constraint, name, if primary { "pkey" } else { "key" }, described, sketch);
        }
        ast::Constraint::NotNullConstraint(not_null) => {
            let column = not_null.column_name_ref().map(|column| ident(column.syntax()));
            if let Some(column) = column.filter(|_| !constraint.is_not_valid()) {
                sketch.changes.push(Change::NotNull(name.full.clone(), column, true));
            }
        }
        ast::Constraint::ExcludeConstraint(_)
        | ast::Constraint::DefaultConstraint(_)
        | ast::Constraint::GeneratedConstraint(_)
        | ast::Constraint::NullConstraint(_) => {}
    }
}

fn put(constraint: &ast::Constraint, name: &Name, suffix: &str, described: Constraint, sketch: &mut Sketch<'_, '_>) {
    let own = own_name(constraint).unwrap_or_else(|| match described.kind {
        'p' => generated_name(name, &[], suffix),
        _ => generated_name(name, &described.columns, suffix),
    });
    if own_name(constraint).is_some() {
        sketch.create(ObjectKind::Constraint, format!("{}.{own}", name.full));
    }
    if matches!(described.kind, 'p' | 'u') {
        let schema = name.full.rsplit_once('.').map_or("public", |(schema, _)| schema);
        sketch.create(ObjectKind::Index, format!("{schema}.{own}"));
    }
    sketch.changes.push(Change::Constraint(name.full.clone(), own, described));
}

/// The tables on the other side of the foreign keys that fit, on whichever side they are: a key of this table that fits, or one
/// of another table that refers to this one.
pub(super) fn partners(name: &Name, sketch: &Sketch<'_, '_>, fits: impl Fn(&Constraint) -> bool) -> Vec<Name> {
    let Some(relation) = sketch.relation(name) else { return Vec::new() };
    let fitting = || relation.constraints.values().filter(|constraint| fits(constraint));
    let mut others: Vec<String> = fitting().filter_map(|constraint| constraint.other.clone()).collect();
    if fitting().any(|constraint| matches!(constraint.kind, 'p' | 'u')) {
        others.extend(referring(name, sketch));
    }
    others.iter().filter(|other| **other != name.full).map(|other| sketch.neighbour(other)).collect()
}

/// The tables whose foreign keys refer to a table, itself not among them.
pub(super) fn referring(name: &Name, sketch: &Sketch<'_, '_>) -> Vec<String> {
    let foreign = sketch.relation(name).map(|relation| relation.foreign.as_slice()).unwrap_or_default();
    let refers = |other: &&String| {
        let relation = sketch.world.relation(other);
        **other != name.full
            && relation.is_some_and(|relation| {
                relation.constraints.values().any(|constraint| constraint.other.as_ref() == Some(&name.full))
            })
    };
    foreign.iter().filter(refers).cloned().collect()
}

/// The tables that a table's foreign keys refer to, itself not among them.
pub(super) fn referred(name: &Name, sketch: &Sketch<'_, '_>) -> Vec<String> {
    let relation = sketch.relation(name);
    let others = relation.into_iter().flat_map(|relation| relation.constraints.values());
    others.filter_map(|constraint| constraint.other.clone()).filter(|other| *other != name.full).collect()
}

fn own_name(constraint: &ast::Constraint) -> Option<String> {
    constraint.constraint_name().map(|name| ident(name.syntax()))
}

fn ident_of(node: &squawk_syntax::SyntaxNode) -> String {
    crate::lint::syntax::path(node).pop().unwrap_or_else(|| ident(node))
}

/// The name that the server gives a constraint.
fn generated_name(name: &Name, columns: &[String], suffix: &str) -> String {
    let table = name.full.rsplit_once('.').map_or(name.full.as_str(), |(_, table)| table);
    let columns = columns.iter().map(|column| format!("_{column}")).collect::<String>();
    format!("{table}{columns}_{suffix}")
}

fn is_not_enforced(constraint: &ast::Constraint) -> bool {
    constraint.constraint_options().any(|option| matches!(option, ast::ConstraintOption::NotEnforced(_)))
}

/// The column of `column IS NOT NULL`.
fn never_null(expression: &ast::Expr) -> Option<String> {
    match expression {
        ast::Expr::ParenExpr(inner) => inner.expr().and_then(|inner| never_null(&inner)),
        ast::Expr::PostfixExpr(postfix) => {
            let text = postfix.syntax().text().to_string().to_ascii_lowercase();
            let words: Vec<&str> = text.split_whitespace().collect();
            let says = words.ends_with(&["is", "not", "null"]) || words.ends_with(&["notnull"]);
            match postfix.expr() {
                Some(ast::Expr::NameRef(name)) if says => Some(name.text()),
                _ => None,
            }
        }
        ast::Expr::BinExpr(binary) => {
            let text = binary.syntax().text().to_string().to_ascii_lowercase();
            let words: Vec<&str> = text.split_whitespace().collect();
            let says = matches!(words.as_slice(), [_, "is", "not", "null"]);
            match binary.lhs() {
                Some(ast::Expr::NameRef(name)) if says => Some(name.text()),
                _ => None,
            }
        }
        _ => None,
    }
}
