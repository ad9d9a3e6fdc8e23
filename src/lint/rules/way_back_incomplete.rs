//! `way-back-incomplete`: the way back leaves something behind that the way up created.

use squawk_syntax::ast::{self, AstNode};
use squawk_syntax::quote::quote_ident;

use crate::plan::Direction;

use super::super::catalog::parts;
use super::super::syntax::{all, ident};
use super::super::{About, Class, Found, Judged, Object, ObjectKind, Rule, Severity, Subject};
use super::support::name;

/// The way back leaves something behind that the way up created.
pub struct WayBackIncomplete;

static ABOUT: About = About {
    name: "way-back-incomplete",
    class: Class::WayBack,
    severity: Severity::Warning,
    summary: "The way back leaves something behind that the way up created",
    why: "After a rollback the schema is not what it was: the next way up fails because the thing exists \
        already, or the thing goes on acting.",
    rewrite: "Drop in the down script whatever the up script creates, in the opposite order.",
    bad: "-- migrate:up\n\
        CREATE TABLE archive (id bigint PRIMARY KEY);\n\
        CREATE VIEW archived AS SELECT 1 AS one;\n\
        -- migrate:down\n\
        DROP TABLE archive;\n",
    good: "-- migrate:up\n\
        CREATE TABLE archive (id bigint PRIMARY KEY);\n\
        CREATE VIEW archived AS SELECT 1 AS one;\n\
        -- migrate:down\n\
        DROP VIEW archived;\n\
        DROP TABLE archive;\n",
};

impl Rule for WayBackIncomplete {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, subject: &Subject<'_>, found: &mut Found) {
        let Some(back) = subject.way_back.filter(|_| subject.direction == Direction::Up && !subject.way_back_opaque)
        else {
            return;
        };
        // A deliberate no-op says so itself.
        if back.statements.is_empty() {
            return;
        }
        let gone: Vec<&Object> =
            subject.way_back_drops.iter().chain(subject.statements.iter().flat_map(|judged| &judged.drops)).collect();
        for judged in &subject.statements {
            for object in judged.creates.iter().filter(|object| subject.created.has(object)) {
                // Every database has it.
                let public = object.kind == ObjectKind::Schema && object.name == "public";
                let made_again =
                    |other: &Object| other == object || other.kind == ObjectKind::Table && holds(other, object);
                if public
                    || is_gone(object, &gone, &judged.creates)
                    || goes_with_column(object, judged, &gone)
                    || has_another_name(object, subject)
                    || was_there(object, judged, subject)
                    || subject.way_back_creates.iter().any(made_again)
                {
                    continue;
                }
                let message = format!("{object} stays when {} takes this script back", back.file);
                found.statement(judged, message).rewrite = Some(format!("-- in {}\n{};", back.file, drop(object)));
            }
        }
    }
}

/// The statement that drops a thing.
fn drop(object: &Object) -> String {
    let kind = object.kind.as_str().to_uppercase();
    let quoted: Vec<String> = parts(&object.name).iter().map(|part| quote_ident(part)).collect();
    let (own, table) = quoted.split_last().map(|(own, table)| (own.as_str(), table.join("."))).unwrap_or_default();
    match object.kind {
        ObjectKind::Column | ObjectKind::Constraint => format!("ALTER TABLE {table} DROP {kind} {own}"),
        ObjectKind::Trigger | ObjectKind::Rule | ObjectKind::Policy => format!("DROP {kind} {own} ON {table}"),
        ObjectKind::Table
        | ObjectKind::Index
        | ObjectKind::View
        | ObjectKind::MaterializedView
        | ObjectKind::Sequence
        | ObjectKind::Type
        | ObjectKind::Schema
        | ObjectKind::Function
        | ObjectKind::Extension
        | ObjectKind::Publication
        | ObjectKind::Statistics
        | ObjectKind::Role => format!("DROP {kind} {}", quoted.join(".")),
    }
}

/// Whether a name is that of something in a relation or schema.
fn holds(outer: &Object, object: &Object) -> bool {
    object.name.strip_prefix(outer.name.as_str()).is_some_and(|rest| rest.starts_with('.'))
        && matches!(
            outer.kind,
            ObjectKind::Table | ObjectKind::Schema | ObjectKind::View | ObjectKind::MaterializedView
        )
}

/// Whether the script gives a new column another name: that one is looked for.
fn has_another_name(object: &Object, subject: &Subject<'_>) -> bool {
    let renamed = |judged: &Judged<'_>| {
        let Some(ast::Stmt::AlterTable(alter)) = &judged.syntax else { return false };
        alter.actions().any(|action| match action {
            ast::AlterTableAction::RenameColumn(rename) => {
                let column = name(rename.column_name_ref());
                let table = object.name.strip_suffix(&column).and_then(|table| table.strip_suffix('.'));
                table.is_some_and(|table| judged.effect.touches.iter().any(|touch| is_named(table, &touch.table)))
            }
            _ => false,
        })
    };
    object.kind == ObjectKind::Column && subject.statements.iter().any(renamed)
}

/// Whether a full name is meant by a name that may leave out the schema.
fn is_named(full: &str, name: &str) -> bool {
    full.strip_suffix(name).is_some_and(|schema| schema.is_empty() || schema.ends_with('.'))
}

/// Whether a thing was there before, or may well have been: a function that is replaced, an extension that others use, too.
fn was_there(object: &Object, judged: &Judged<'_>, subject: &Subject<'_>) -> bool {
    let if_missing =
        || judged.syntax.as_ref().is_some_and(|tree| all::<ast::IfNotExists>(tree.syntax()).next().is_some());
    match object.kind {
        ObjectKind::Function | ObjectKind::Trigger => subject.created.before(object, 1),
        ObjectKind::Extension => if_missing(),
        ObjectKind::Table
        | ObjectKind::Index
        | ObjectKind::View
        | ObjectKind::MaterializedView
        | ObjectKind::Sequence
        | ObjectKind::Type
        | ObjectKind::Schema
        | ObjectKind::Column
        | ObjectKind::Constraint
        | ObjectKind::Rule
        | ObjectKind::Policy
        | ObjectKind::Publication
        | ObjectKind::Statistics
        | ObjectKind::Role => false,
    }
}

/// Whether an index or constraint is about a column that is gone, or a sequence counts one up: it goes along.
fn goes_with_column(object: &Object, judged: &Judged<'_>, gone: &[&Object]) -> bool {
    let Some(tree) = judged.syntax.as_ref().map(AstNode::syntax) else { return false };
    if object.kind == ObjectKind::Sequence {
        return judged.creates.iter().any(|other| other.kind == ObjectKind::Column && gone.contains(&other));
    }
    if !matches!(object.kind, ObjectKind::Index | ObjectKind::Constraint) {
        return false;
    }
    let mut names: Vec<String> = all::<ast::NameRef>(tree).map(|name| name.text()).collect();
    names.extend(all::<ast::ColumnNameRef>(tree).map(|name| ident(name.syntax())));
    gone.iter().filter(|dropped| dropped.kind == ObjectKind::Column).any(|dropped| {
        let Some((table, column)) = dropped.name.rsplit_once('.') else { return false };
        names.iter().any(|name| name == column)
            && judged.effect.touches.iter().any(|touch| is_named(table, &touch.table))
    })
}

/// Whether a thing goes by itself, with what it is part of, or with what the same statement creates.
fn is_gone(object: &Object, gone: &[&Object], together: &[Object]) -> bool {
    let inside = |outer: &Object| holds(outer, object);
    // Indexes and sequences go with their table; the name does not tell which one that is.
    let serves = |table: &Object| {
        matches!(table.kind, ObjectKind::Table | ObjectKind::MaterializedView)
            && matches!(object.kind, ObjectKind::Index | ObjectKind::Sequence | ObjectKind::Statistics)
    };
    // The index of a key is called as the key is.
    let keys = |key: &Object| {
        key.kind == ObjectKind::Constraint
            && object.kind == ObjectKind::Index
            && key.name.rsplit('.').next() == object.name.rsplit('.').next()
    };
    gone.iter().any(|dropped| **dropped == *object || inside(dropped) || serves(dropped) || keys(dropped))
        // What is made together is told once.
        || together.iter().any(|other| {
            other != object && (serves(other) || inside(other) && (gone.contains(&other) || other.kind == ObjectKind::Table))
        })
}
