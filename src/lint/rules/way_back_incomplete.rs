//! `way-back-incomplete`: the way back leaves something behind that the way up created.

use crate::plan::Direction;

use super::super::{About, Class, Found, Object, ObjectKind, Rule, Severity, Subject};

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
                if public || is_gone(object, &gone, &judged.creates) || subject.way_back_creates.contains(object) {
                    continue;
                }
                let message = format!("{object} stays when {} takes this script back", back.file);
                found.statement(judged, message).rewrite =
                    Some(format!("-- in {}\nDROP {} {};", back.file, object.kind.as_str().to_uppercase(), object.name));
            }
        }
    }
}

/// Whether a thing goes by itself, with what it is part of, or with what the same statement creates.
fn is_gone(object: &Object, gone: &[&Object], together: &[Object]) -> bool {
    let inside = |outer: &Object| {
        object.name.strip_prefix(outer.name.as_str()).is_some_and(|rest| rest.starts_with('.'))
            && matches!(
                outer.kind,
                ObjectKind::Table | ObjectKind::Schema | ObjectKind::View | ObjectKind::MaterializedView
            )
    };
    // Indexes and sequences go with their table; the name does not tell which one that is.
    let serves = |table: &Object| {
        table.kind == ObjectKind::Table
            && matches!(object.kind, ObjectKind::Index | ObjectKind::Sequence | ObjectKind::Statistics)
    };
    // The index of a key is called as the key is.
    let keys = |key: &Object| {
        key.kind == ObjectKind::Constraint
            && object.kind == ObjectKind::Index
            && key.name.rsplit('.').next() == object.name.rsplit('.').next()
    };
    gone.iter().any(|dropped| **dropped == *object || inside(dropped) || serves(dropped) || keys(dropped))
        || together.iter().any(|other| other != object && gone.contains(&other) && inside(other))
}
