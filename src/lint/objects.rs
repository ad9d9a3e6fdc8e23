//! What scripts create and drop, by kind and name. Plain values.

use std::collections::BTreeMap;

/// What kind of thing a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectKind {
    /// A table, partition or foreign table.
    Table,
    /// An index.
    Index,
    /// A view.
    View,
    /// A materialized view.
    MaterializedView,
    /// A sequence.
    Sequence,
    /// A type or domain.
    Type,
    /// A schema.
    Schema,
    /// A function, procedure or aggregate, without its arguments.
    Function,
    /// A column, as `table.column`.
    Column,
    /// A constraint, as `table.constraint`.
    Constraint,
    /// A trigger, as `table.trigger`.
    Trigger,
    /// A rule, as `table.rule`.
    Rule,
    /// A policy, as `table.policy`.
    Policy,
    /// An extension.
    Extension,
    /// A publication.
    Publication,
    /// Extended statistics.
    Statistics,
    /// A role.
    Role,
}

impl ObjectKind {
    /// As messages name it: `table`, `materialized view`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Index => "index",
            Self::View => "view",
            Self::MaterializedView => "materialized view",
            Self::Sequence => "sequence",
            Self::Type => "type",
            Self::Schema => "schema",
            Self::Function => "function",
            Self::Column => "column",
            Self::Constraint => "constraint",
            Self::Trigger => "trigger",
            Self::Rule => "rule",
            Self::Policy => "policy",
            Self::Extension => "extension",
            Self::Publication => "publication",
            Self::Statistics => "statistics",
            Self::Role => "role",
        }
    }

    /// Whether it shares its names with tables: what `pg_class` holds.
    #[must_use]
    pub fn is_relation(self) -> bool {
        matches!(self, Self::Table | Self::Index | Self::View | Self::MaterializedView | Self::Sequence)
    }
}

/// A thing of a database by its full name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Object {
    /// What it is.
    pub kind: ObjectKind,
    /// With its schema where things of its kind have one: `public.orders`, `public.orders.note`.
    pub name: String,
}

impl Object {
    /// That thing.
    #[must_use]
    pub fn new(kind: ObjectKind, name: impl Into<String>) -> Self {
        Self { kind, name: name.into() }
    }
}

impl std::fmt::Display for Object {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.kind.as_str(), self.name)
    }
}

/// What a run creates, each with the statement that does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Created {
    objects: BTreeMap<Object, u32>,
}

impl Created {
    /// Whether the run has created it when a statement of the script begins: 0 for what earlier scripts created, the
    /// statement's [`number`](crate::migration::Statement::number) for the script's own.
    #[must_use]
    pub fn before(&self, object: &Object, number: u32) -> bool {
        self.objects.get(object).is_some_and(|created| *created < number)
    }

    /// Whether the run creates it at all.
    #[must_use]
    pub fn has(&self, object: &Object) -> bool {
        self.objects.contains_key(object)
    }

    /// Everything, with the statement that creates it.
    pub fn iter(&self) -> impl Iterator<Item = (&Object, u32)> {
        self.objects.iter().map(|(object, number)| (object, *number))
    }

    /// Everything.
    pub(super) fn into_objects(self) -> impl Iterator<Item = Object> {
        self.objects.into_keys()
    }

    /// Notes what a statement created.
    pub(super) fn add(&mut self, object: Object, number: u32) {
        self.objects.entry(object).or_insert(number);
    }

    /// Forgets what was dropped, with everything in it.
    pub(super) fn remove(&mut self, object: &Object) {
        let inside = format!("{}.", object.name);
        self.objects.retain(|other, _| other != object && !other.name.starts_with(&inside));
    }

    /// What has that name, and what is in it, has another one.
    pub(super) fn rename(&mut self, from: &str, to: &str) {
        let inside = format!("{from}.");
        let objects = std::mem::take(&mut self.objects);
        let renamed = objects.into_iter().map(|(mut object, number)| {
            if object.name == from && (object.kind.is_relation() || object.kind == ObjectKind::Type) {
                to.clone_into(&mut object.name);
            } else if let Some(rest) = object.name.strip_prefix(&inside) {
                object.name = format!("{to}.{rest}");
            }
            (object, number)
        });
        self.objects = renamed.collect();
    }

    /// What follows regards everything as made by an earlier script.
    pub(super) fn age(&mut self) {
        self.objects.values_mut().for_each(|number| *number = 0);
    }
}
