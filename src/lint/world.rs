//! The database as it is when a statement begins: the catalog before the run, and what the run has done to it since.

use std::collections::{BTreeMap, BTreeSet};

use super::syntax::join;
use super::{Catalog, Column, Constraint, Created, Object, ObjectKind, Relation};

/// The schema of what names none, where nothing else is known.
const PUBLIC: &str = "public";
/// The schema that temporary tables are in.
pub(super) const TEMPORARY: &str = "pg_temp";

/// What a statement changes for those that follow. Names are full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    /// It is there from now on.
    Create(Object),
    /// It is gone.
    Drop(Object),
    /// A relation is as described.
    Relation(String, Relation),
    /// A relation has another name.
    Rename(String, String),
    /// A column is as described.
    Column(String, String, Column),
    /// A column has another name.
    RenameColumn(String, String, String),
    /// A column has no value that is null, or may have some.
    NotNull(String, String, bool),
    /// A table has a constraint.
    Constraint(String, String, Constraint),
    /// A constraint was validated.
    Validate(String, String),
    /// A domain with constraints is there.
    Domain(String),
    /// Unqualified names are looked for elsewhere.
    Path(Vec<String>),
}

/// The database as it is when a statement begins.
#[derive(Debug, Clone)]
pub(super) struct World<'c> {
    pub catalog: &'c Catalog,
    /// What the run changed; `None` is gone.
    changed: BTreeMap<String, Option<Relation>>,
    /// What the run created and did not drop again.
    pub created: Created,
    /// The functions and triggers that earlier runs created: what replaces them creates nothing.
    before: BTreeSet<Object>,
    domains: BTreeSet<String>,
    types: BTreeSet<String>,
    path: Vec<String>,
}

impl<'c> World<'c> {
    pub fn of(catalog: &'c Catalog) -> Self {
        let path = catalog.search_path.clone();
        let path = if path.is_empty() { vec![PUBLIC.to_owned()] } else { path };
        Self {
            catalog,
            changed: BTreeMap::new(),
            created: Created::default(),
            before: BTreeSet::new(),
            domains: BTreeSet::new(),
            types: BTreeSet::new(),
            path,
        }
    }

    /// The full name of a new thing.
    pub fn full_of_new(&self, parts: &[String]) -> String {
        match parts {
            [_] => format!("{}.{}", self.path.first().map_or(PUBLIC, String::as_str), join(parts)),
            _ => join(parts),
        }
    }

    /// The full name of a relation that is there.
    pub fn full(&self, parts: &[String]) -> String {
        let [_] = parts else { return join(parts) };
        let name = join(parts);
        std::iter::once(TEMPORARY)
            .chain(self.path.iter().map(String::as_str))
            .map(|schema| format!("{schema}.{name}"))
            .find(|full| self.relation(full).is_some() || self.is_new_relation(full))
            .unwrap_or_else(|| self.full_of_new(parts))
    }

    /// A relation by its full name.
    pub fn relation(&self, full: &str) -> Option<&Relation> {
        match self.changed.get(full) {
            Some(changed) => changed.as_ref(),
            None => self.catalog.relations.get(full),
        }
    }

    /// A column of a relation.
    pub fn column(&self, full: &str, column: &str) -> Option<&Column> {
        self.relation(full)?.columns.get(column)
    }

    /// Whether the run created it.
    pub fn is_new(&self, kind: ObjectKind, full: &str) -> bool {
        self.created.has(&Object::new(kind, full))
    }

    /// Whether the run created a relation of that name.
    pub fn is_new_relation(&self, full: &str) -> bool {
        [ObjectKind::Table, ObjectKind::Index, ObjectKind::View, ObjectKind::MaterializedView, ObjectKind::Sequence]
            .into_iter()
            .any(|kind| self.is_new(kind, full))
    }

    /// Whether it may be there already when a statement says IF NOT EXISTS or OR REPLACE: it is known to be.
    pub fn exists(&self, full: &str) -> bool {
        self.relation(full).is_some()
    }

    /// Whether a domain of that name has constraints.
    pub fn is_constrained_domain(&self, full: &str) -> bool {
        self.catalog.domains.contains(full) || self.domains.contains(full)
    }

    /// Whether a type may be a domain that nothing is known of: it is neither the server's own nor created by a script.
    pub fn may_be_domain(&self, full: &str) -> bool {
        !self.catalog.known && full.contains('.') && !self.types.contains(full.trim_end_matches("[]"))
    }

    /// Whether no value of a column can be null.
    pub fn is_never_null(&self, full: &str, column: &str) -> bool {
        self.relation(full).is_some_and(|relation| {
            relation.columns.get(column).is_some_and(|column| column.not_null)
                || relation.constraints.values().any(|constraint| {
                    constraint.validated && constraint.not_null && constraint.columns.iter().any(|one| one == column)
                })
        })
    }

    /// Takes over what a statement changed.
    pub fn learn(&mut self, changes: Vec<Change>, number: u32) {
        for change in changes {
            self.learn_one(change, number);
        }
    }

    fn learn_one(&mut self, change: Change, number: u32) {
        match change {
            Change::Create(object) => {
                if object.kind == ObjectKind::Type {
                    self.types.insert(object.name.clone());
                }
                if !self.before.contains(&object) {
                    self.created.add(object, number);
                }
            }
            Change::Drop(object) => self.forget(&object),
            Change::Relation(full, relation) => {
                self.changed.insert(full, Some(relation));
            }
            Change::Rename(from, to) => self.rename(&from, &to),
            Change::Column(full, name, column) => self.change(&full, |relation| {
                relation.columns.insert(name, column);
            }),
            Change::RenameColumn(full, from, to) => self.change(&full, |relation| {
                if let Some(column) = relation.columns.remove(&from) {
                    relation.columns.insert(to.clone(), column);
                }
                for column in relation.constraints.values_mut().flat_map(|one| &mut one.columns) {
                    if *column == from {
                        column.clone_from(&to);
                    }
                }
            }),
            Change::NotNull(full, name, not_null) => {
                self.change(&full, |relation| relation.columns.entry(name).or_default().not_null = not_null);
            }
            Change::Constraint(full, name, constraint) => {
                if let Some(other) = constraint.other.clone() {
                    self.change(&other, |relation| relation.foreign.push(full.clone()));
                    self.change(&full, |relation| relation.foreign.push(other));
                }
                self.change(&full, |relation| {
                    relation.constraints.insert(name, constraint);
                });
            }
            Change::Validate(full, name) => self.change(&full, |relation| {
                if let Some(constraint) = relation.constraints.get_mut(&name) {
                    constraint.validated = true;
                }
            }),
            Change::Domain(full) => {
                self.domains.insert(full);
            }
            Change::Path(path) => self.path = path,
        }
    }

    /// Everything that is there was there before the next script.
    pub fn age(&mut self) {
        self.created.age();
    }

    /// Everything that is there is in use from now on: the next run begins.
    pub fn settle(&mut self) {
        let created = std::mem::take(&mut self.created).into_objects();
        self.before.extend(created.filter(|object| matches!(object.kind, ObjectKind::Function | ObjectKind::Trigger)));
    }

    /// A script begins with the session's own settings.
    pub fn begin(&mut self) {
        self.path = Self::of(self.catalog).path;
    }

    /// Changes a relation; what is not known is known by that alone.
    fn change(&mut self, full: &str, change: impl FnOnce(&mut Relation)) {
        let known = self.catalog.relations.get(full);
        let entry = self.changed.entry(full.to_owned()).or_insert_with(|| known.cloned());
        change(entry.get_or_insert_with(|| Relation { kind: 'r', ..Relation::default() }));
    }

    fn forget(&mut self, object: &Object) {
        self.created.remove(object);
        self.before.remove(object);
        let inside = object.name.rsplit_once('.');
        match object.kind {
            ObjectKind::Table
            | ObjectKind::Index
            | ObjectKind::View
            | ObjectKind::MaterializedView
            | ObjectKind::Sequence => {
                let neighbours = self.relation(&object.name).map(|gone| gone.foreign.clone()).unwrap_or_default();
                for neighbour in neighbours {
                    self.change(&neighbour, |relation| {
                        relation.foreign.retain(|other| *other != object.name);
                        relation.constraints.retain(|_, one| one.other.as_ref() != Some(&object.name));
                    });
                }
                self.changed.insert(object.name.clone(), None);
            }
            ObjectKind::Column => {
                if let Some((full, name)) = inside {
                    self.change(full, |relation| {
                        relation.columns.remove(name);
                        relation.constraints.retain(|_, one| !one.columns.iter().any(|column| column == name));
                    });
                }
            }
            ObjectKind::Constraint => {
                if let Some((full, name)) = inside {
                    self.change(full, |relation| {
                        relation.constraints.remove(name);
                    });
                }
            }
            ObjectKind::Schema => {
                let prefix = format!("{}.", object.name);
                let known = self.catalog.relations.keys().chain(self.changed.keys());
                let gone: Vec<String> = known.filter(|name| name.starts_with(&prefix)).cloned().collect();
                self.changed.extend(gone.into_iter().map(|name| (name, None)));
            }
            ObjectKind::Type
            | ObjectKind::Function
            | ObjectKind::Trigger
            | ObjectKind::Rule
            | ObjectKind::Policy
            | ObjectKind::Extension
            | ObjectKind::Publication
            | ObjectKind::Statistics
            | ObjectKind::Role => {}
        }
    }

    fn rename(&mut self, from: &str, to: &str) {
        if let Some(relation) = self.relation(from).cloned() {
            let neighbours = relation.foreign.iter().chain(&relation.children).chain(&relation.parents);
            neighbours.for_each(|neighbour| self.change(neighbour, |_| {}));
            self.changed.insert(to.to_owned(), Some(relation));
        }
        self.changed.insert(from.to_owned(), None);
        self.created.rename(from, to);
        for relation in self.changed.values_mut().flatten() {
            let names = relation.foreign.iter_mut().chain(&mut relation.children).chain(&mut relation.parents);
            let others = relation.constraints.values_mut().filter_map(|one| one.other.as_mut());
            for name in names.chain(others).chain(&mut relation.table).filter(|name| *name == from) {
                to.clone_into(name);
            }
        }
    }
}

impl World<'_> {
    /// The relations of a schema.
    pub fn relations_in(&self, schema: &str) -> Vec<String> {
        let prefix = format!("{schema}.");
        self.all().filter(|(name, _)| name.starts_with(&prefix)).map(|(name, _)| name.clone()).collect()
    }

    /// The columns of a type, with their tables.
    pub fn columns_of(&self, full: &str, name: &str) -> Vec<(String, String)> {
        let has_type = |column: &Column| {
            let plain = column.type_name.trim_end_matches("[]");
            plain == full || plain == name
        };
        self.all()
            .flat_map(|(table, relation)| relation.columns.iter().map(move |(name, column)| (table, name, column)))
            .filter(|(_, _, column)| has_type(column))
            .map(|(table, name, _)| (table.clone(), name.clone()))
            .collect()
    }

    fn all(&self) -> impl Iterator<Item = (&String, &Relation)> {
        let unchanged = self.catalog.relations.iter().filter(|(name, _)| !self.changed.contains_key(*name));
        unchanged.chain(self.changed.iter().filter_map(|(name, relation)| relation.as_ref().map(|one| (name, one))))
    }
}
