//! INSERT, UPDATE, DELETE, MERGE, COPY, also inside of a query: which rows, and whether all of them.

use squawk_syntax::SyntaxNode;
use squawk_syntax::ast::{self, AstNode};

use super::{code, constraints, reads};
use crate::lint::LockMode::{AccessShare, RowExclusive, RowShare};
use crate::lint::sketch::{Name, Sketch};
use crate::lint::syntax::{all, ident};
use crate::migration::Risk;

pub(super) fn tell(statement: &ast::Stmt, sketch: &mut Sketch<'_, '_>) -> bool {
    match statement {
        ast::Stmt::Insert(_) | ast::Stmt::Merge(_) | ast::Stmt::Update(_) | ast::Stmt::Delete(_) => {
            reads::tell(statement.syntax(), sketch);
            code::calls_of_write(statement.syntax(), sketch);
            writes(statement.syntax(), sketch);
            if let ast::Stmt::Merge(merge) = statement
                && let Some(name) = merge.table_relation_name().and_then(|name| sketch.name(name.syntax()))
            {
                changed(&name, sketch);
            }
        }
        ast::Stmt::Copy(copy) => self::copy(copy, sketch),
        _ => return false,
    }
    true
}

/// Statements that read, unless a WITH of theirs writes.
pub(super) fn select(statement: &ast::Stmt, sketch: &mut Sketch<'_, '_>) -> bool {
    match statement {
        ast::Stmt::Select(_)
        | ast::Stmt::Values(_)
        | ast::Stmt::Table(_)
        | ast::Stmt::Explain(_)
        | ast::Stmt::Declare(_)
        | ast::Stmt::Prepare(_) => {}
        _ => return false,
    }
    reads::tell(statement.syntax(), sketch);
    code::calls(statement.syntax(), sketch);
    writes(statement.syntax(), sketch);
    if matches!(statement, ast::Stmt::Explain(_)) && all::<ast::Execute>(statement.syntax()).next().is_some() {
        sketch.opaque = Some("it may run a prepared statement".to_owned());
    }
    true
}

/// What is written below a node: the statement itself, or what a query's WITH holds.
fn writes(node: &SyntaxNode, sketch: &mut Sketch<'_, '_>) {
    for insert in all::<ast::Insert>(node) {
        if let Some(name) = insert.relation_name_ref().and_then(|name| sketch.name(name.syntax())) {
            refer(&name, None, sketch);
        }
    }
    for update in all::<ast::Update>(node) {
        self::update(&update, sketch);
    }
    for delete in all::<ast::Delete>(node) {
        self::delete(&delete, sketch);
    }
}

/// Rows of a table refer to rows of others, which are held in place for that where one of the columns changes.
fn refer(name: &Name, columns: Option<&[String]>, sketch: &mut Sketch<'_, '_>) {
    let relation = sketch.relation(name);
    let keys = relation.into_iter().flat_map(|relation| relation.constraints.values());
    let changed =
        keys.filter(|key| columns.is_none_or(|columns| key.columns.iter().any(|column| columns.contains(column))));
    for other in changed.filter_map(|key| key.other.clone()).filter(|other| *other != name.full).collect::<Vec<_>>() {
        let other = sketch.neighbour(&other);
        sketch.lock(&other, RowShare);
    }
}

fn changed(name: &Name, sketch: &mut Sketch<'_, '_>) {
    if !sketch.is_new(&name.full) {
        sketch.risk(Risk::Medium, format!("changes rows of {} that are in use", name.shown));
    }
}

fn is_all(clause: Option<&ast::WhereClauseOrCurrentOf>) -> bool {
    match clause {
        None => true,
        Some(ast::WhereClauseOrCurrentOf::WhereCurrentOf(_)) => false,
        Some(ast::WhereClauseOrCurrentOf::WhereClause(clause)) => clause.expr().is_some_and(|condition| {
            let text = condition.syntax().text().to_string().to_ascii_lowercase();
            matches!(text.replace(char::is_whitespace, "").as_str(), "true" | "1=1" | "(true)")
        }),
    }
}

fn update(update: &ast::Update, sketch: &mut Sketch<'_, '_>) {
    let Some(name) = update.relation_name().and_then(|name| sketch.name(name.syntax())) else { return };
    changed(&name, sketch);
    let set = update.set_clause().and_then(|set| set.set_column_list());
    let columns: Vec<String> = set
        .iter()
        .flat_map(|list| all::<ast::ColumnTarget>(list.syntax()))
        .filter_map(|target| target.name())
        .map(|column| ident(column.syntax()))
        .collect();
    refer(&name, Some(&columns), sketch);
    let is_key = |one: &crate::lint::Constraint| {
        matches!(one.kind, 'p' | 'u') && one.columns.iter().any(|column| columns.contains(column))
    };
    if sketch.relation(&name).is_some_and(|relation| relation.constraints.values().any(is_key)) {
        depend(&name, sketch);
    }
    if !is_all(update.where_clause_or_current_of().as_ref()) || update.from_clause().is_some() {
        return;
    }
    sketch.lock_all(&name, RowExclusive, false, true);
    if sketch.is_new(&name.full) {
        return;
    }
    for column in columns.iter().filter(|column| !sketch.is_new_column(&name, column)).collect::<Vec<_>>() {
        sketch.destroy(format!("every value of column {}.{column}", name.shown));
    }
}

fn delete(delete: &ast::Delete, sketch: &mut Sketch<'_, '_>) {
    let Some(name) = delete.relation_name().and_then(|name| sketch.name(name.syntax())) else { return };
    depend(&name, sketch);
    if is_all(delete.where_clause_or_current_of().as_ref()) && delete.using_clause().is_none() {
        sketch.lock_all(&name, RowExclusive, false, true);
        if !sketch.is_new(&name.full) {
            sketch.destroy(format!("every row of {}", name.shown));
        }
    } else if !sketch.is_new(&name.full) {
        sketch.risk(Risk::Medium, format!("deletes rows of {}", name.shown));
    }
}

/// Rows of other tables may be changed along, or are looked at.
fn depend(name: &Name, sketch: &mut Sketch<'_, '_>) {
    for other in constraints::referring(name, sketch) {
        let other = sketch.neighbour(&other);
        sketch.lock(&other, RowExclusive);
    }
}

fn copy(copy: &ast::Copy, sketch: &mut Sketch<'_, '_>) {
    let from = matches!(copy.copy_direction(), Some(ast::CopyDirection::CopyFrom(_)));
    sketch.kind = if from { "COPY FROM" } else { "COPY TO" }.to_owned();
    if let Some(query) = copy.copy_query() {
        reads::tell(query.syntax(), sketch);
    }
    if let Some(name) = copy.copy_table().and_then(|table| sketch.name(table.syntax())) {
        sketch.lock_all(&name, if from { RowExclusive } else { AccessShare }, false, false);
        if from {
            refer(&name, None, sketch);
        }
    }
}
