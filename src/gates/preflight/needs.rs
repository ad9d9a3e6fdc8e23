//! What a plan needs of a database, from what its statements do.

use std::collections::BTreeSet;

use crate::lint::{Assessment, Catalog, Effect, LockMode, ObjectKind};

use super::Needs;

impl Needs {
    /// What the plan needs: sizes by the catalog, names as its statements have them.
    #[must_use]
    pub fn of(assessment: &Assessment, catalog: &Catalog) -> Self {
        let effects = || assessment.steps.iter().flat_map(|step| &step.effects);
        let made = |kind: ObjectKind| {
            assessment.creates.iter().filter(move |object| object.kind == kind).map(|object| object.name.clone())
        };
        let indexes = assessment
            .creates
            .iter()
            .chain(&assessment.drops)
            .filter(|object| object.kind == ObjectKind::Index)
            .flat_map(|object| {
                let bare = object.name.rsplit_once('.').map(|(_, name)| name.to_owned());
                [Some(object.name.clone()), bare].into_iter().flatten()
            });
        Self {
            bytes: catalog.known.then(|| effects().map(|effect| written(effect, catalog)).fold(0, u64::saturating_add)),
            alters: effects().filter(|effect| owned(effect)).filter_map(altered).collect(),
            creates: made(ObjectKind::Table).collect(),
            indexes: indexes.collect(),
        }
    }

    /// The names of tables to ask the database about.
    #[must_use]
    pub fn tables(&self, named: &[String]) -> Vec<String> {
        let all: BTreeSet<&String> = named.iter().chain(&self.alters).chain(&self.creates).collect();
        all.into_iter().cloned().collect()
    }
}

/// About how many bytes a statement writes: tables that it writes anew, and those that it builds an index of, which is smaller.
fn written(effect: &Effect, catalog: &Catalog) -> u64 {
    let builds = effect.kind.contains("INDEX") || effect.kind.contains("REFRESH");
    effect
        .touches
        .iter()
        .filter(|touch| touch.rewrites || builds && touch.scans)
        .filter_map(|touch| catalog.find(&touch.table))
        .map(|(_, relation)| relation.bytes)
        .fold(0, u64::saturating_add)
}

/// Statements that only an owner may run.
fn owned(effect: &Effect) -> bool {
    ["ALTER TABLE", "DROP TABLE", "CREATE INDEX", "CREATE UNIQUE INDEX", "COMMENT ON TABLE", "COMMENT ON COLUMN"]
        .iter()
        .any(|kind| effect.kind.starts_with(kind))
}

/// The table that such a statement names first: a foreign key's other table needs no owner.
fn altered(effect: &Effect) -> Option<String> {
    let first = effect.touches.first()?;
    (!first.new && first.lock >= LockMode::ShareUpdateExclusive).then(|| first.table.clone())
}
