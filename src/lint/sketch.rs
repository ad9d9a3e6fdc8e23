//! The effect of one statement in the making.

use squawk_syntax::SyntaxNode;

use crate::migration::Risk;

use super::syntax::{join, path};
use super::world::{Change, TEMPORARY, World};
use super::{Created, LockMode, Object, ObjectKind, Relation, Touch};

/// A relation in a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    /// With its schema.
    pub full: String,
    /// As the statement names it.
    pub shown: String,
}

/// The effect of one statement in the making.
pub(super) struct Sketch<'w, 'c> {
    /// The database as it is when the statement begins.
    pub world: &'w World<'c>,
    /// What kind of statement it is.
    pub kind: String,
    /// What it touches, each with its full name.
    pub touches: Vec<(String, Touch)>,
    /// What it reads from end to end it also sorts or joins: an index is built, a foreign key proven.
    pub sorts: bool,
    /// What it destroys.
    pub destroys: Vec<String>,
    /// Why what it does cannot be told.
    pub opaque: Option<String>,
    /// Why it is a risk.
    pub reasons: Vec<(Risk, String)>,
    /// What it changes for those that follow.
    pub changes: Vec<Change>,
}

impl<'w, 'c> Sketch<'w, 'c> {
    pub fn of(world: &'w World<'c>) -> Self {
        Self {
            world,
            kind: String::new(),
            touches: Vec::new(),
            sorts: false,
            destroys: Vec::new(),
            opaque: None,
            reasons: Vec::new(),
            changes: Vec::new(),
        }
    }

    /// Whether the run added a column.
    pub fn is_new_column(&self, table: &Name, column: &str) -> bool {
        self.world.is_new(ObjectKind::Column, &format!("{}.{column}", table.full))
    }

    /// The relation that the first name in a node means.
    pub fn name(&self, node: &SyntaxNode) -> Option<Name> {
        let parts = path(node);
        (!parts.is_empty()).then(|| Name { full: self.world.full(&parts), shown: join(&parts) })
    }

    /// The full name of a new thing that a node names.
    pub fn new_name(&self, node: &SyntaxNode, temporary: bool) -> Option<Name> {
        let parts = path(node);
        let shown = join(&parts);
        let full = if temporary { format!("{TEMPORARY}.{shown}") } else { self.world.full_of_new(&parts) };
        (!parts.is_empty()).then_some(Name { full, shown })
    }

    /// A relation by its full name, shown without its schema where that goes without saying.
    pub fn neighbour(&self, full: &str) -> Name {
        let plain = full.rsplit_once('.').map_or(full, |(_, name)| name);
        let shown = if self.world.full(&[plain.to_owned()]) == full { plain } else { full };
        Name { full: full.to_owned(), shown: shown.to_owned() }
    }

    /// What is known about a relation.
    pub fn relation(&self, name: &Name) -> Option<&'w Relation> {
        self.world.relation(&name.full)
    }

    /// Whether the run, or this statement, creates it.
    pub fn is_new(&self, full: &str) -> bool {
        self.world.is_new_relation(full)
            || self.changes.iter().any(
                |change| matches!(change, Change::Create(object) if object.kind.is_relation() && object.name == full),
            )
    }

    /// Whether it is known not to be there where that is no error.
    pub fn is_absent(&self, name: &Name, if_exists: bool) -> bool {
        if_exists && self.world.catalog.known && !self.world.exists(&name.full) && !self.is_new(&name.full)
    }

    /// Takes a lock.
    pub fn lock(&mut self, name: &Name, lock: LockMode) -> &mut Touch {
        let new = self.is_new(&name.full);
        let index = self.touches.iter().position(|(full, _)| *full == name.full).unwrap_or(self.touches.len());
        if index == self.touches.len() {
            let touch = Touch { table: name.shown.clone(), lock, rewrites: false, scans: false, new };
            return &mut self.touches.push_mut((name.full.clone(), touch)).1;
        }
        let touch = &mut self.touches[index].1;
        touch.lock = touch.lock.max(lock);
        touch
    }

    /// Takes a lock on a table and on its partitions and the tables that inherit from it, as far as they are known.
    pub fn lock_all(&mut self, name: &Name, lock: LockMode, rewrites: bool, scans: bool) {
        let children = self.relation(name).map(|relation| relation.children.as_slice()).unwrap_or_default();
        let names = children.iter().map(|child| self.neighbour(child)).collect::<Vec<_>>();
        for name in std::iter::once(name).chain(&names) {
            let touch = self.lock(name, lock);
            touch.rewrites |= rewrites;
            touch.scans |= scans;
        }
    }

    /// A reason why it is a risk.
    pub fn risk(&mut self, risk: Risk, reason: impl Into<String>) {
        self.reasons.push((risk, reason.into()));
    }

    /// It destroys something that others may be using.
    pub fn destroy(&mut self, what: impl Into<String>) {
        self.destroys.push(what.into());
    }

    /// It creates something.
    pub fn create(&mut self, kind: ObjectKind, full: impl Into<String>) {
        self.changes.push(Change::Create(Object::new(kind, full)));
    }

    /// It drops something.
    pub fn drop(&mut self, kind: ObjectKind, full: impl Into<String>) {
        self.changes.push(Change::Drop(Object::new(kind, full)));
    }

    /// What it creates.
    pub fn creates(&self) -> Vec<Object> {
        let created = |change: &Change| match change {
            Change::Create(object) => Some(object.clone()),
            _ => None,
        };
        self.changes.iter().filter_map(created).collect()
    }

    /// What it drops.
    pub fn drops(&self) -> Vec<Object> {
        let dropped = |change: &Change| match change {
            Change::Drop(object) => Some(object.clone()),
            _ => None,
        };
        self.changes.iter().filter_map(dropped).collect()
    }

    /// What the run has created before.
    pub fn created(&self) -> &'w Created {
        &self.world.created
    }
}
