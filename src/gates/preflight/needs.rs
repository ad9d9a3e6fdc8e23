//! What a plan needs, as far as its statements tell.

use std::collections::{BTreeMap, BTreeSet};

use crate::lint::{Assessment, Effect, ObjectKind, Touch};

/// Statements that only an owner of the table that they touch first may run.
const OWNERS: [&str; 4] = ["ALTER TABLE", "DROP TABLE", "CREATE INDEX", "DROP INDEX"];

/// What a plan needs. Names of tables are those by which the facts were asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// About how many bytes it writes anew or copies; `None` where that cannot be told.
    pub bytes: Option<u64>,
    /// Tables that it alters, drops or creates indexes on: for which the role must be an owner.
    pub alters: BTreeSet<String>,
    /// Tables that it creates outside of a session's own schema.
    pub creates: BTreeSet<String>,
    /// Indexes that it names, with or without their schema: what an earlier try left behind is its own.
    pub indexes: BTreeSet<String>,
}

impl Needs {
    /// What the statements tell. `names` are those that the plan holds ([`crate::lint::names`]), `sizes` those of the facts, `copies`
    /// the bytes of the undo copies that the run makes.
    #[must_use]
    pub fn of(assessment: &Assessment, names: &[String], sizes: Option<&[(String, u64)]>, copies: u64) -> Self {
        Self { indexes: names.iter().cloned().collect(), ..Self::told(assessment, sizes, copies) }
    }

    fn told(assessment: &Assessment, sizes: Option<&[(String, u64)]>, copies: u64) -> Self {
        let alters = |effect: &Effect| OWNERS.iter().any(|kind| effect.kind.starts_with(kind));
        let altered = effects(assessment).filter(|effect| alters(effect)).filter_map(|effect| effect.touches.first());
        Self {
            bytes: bytes(assessment, sizes).map(|bytes| bytes.saturating_add(copies)),
            alters: altered.filter(|touch| !touch.new).map(|touch| touch.table.clone()).collect(),
            creates: created(assessment).cloned().collect(),
            indexes: BTreeSet::new(),
        }
    }
}

/// The tables that a plan touches or creates: what to ask a database about.
#[must_use]
pub fn tables(assessment: &Assessment) -> Vec<String> {
    let touched = touches(assessment).filter(|touch| !touch.new).map(|touch| &touch.table);
    let tables: BTreeSet<&String> = touched.chain(created(assessment)).collect();
    tables.into_iter().cloned().collect()
}

/// The tables that a plan creates, other than temporary ones.
fn created(assessment: &Assessment) -> impl Iterator<Item = &String> {
    let tables = assessment.creates.iter().filter(|object| object.kind == ObjectKind::Table);
    tables.map(|object| &object.name).filter(|name| !name.starts_with("pg_temp."))
}

fn effects(assessment: &Assessment) -> impl Iterator<Item = &Effect> {
    assessment.steps.iter().flat_map(|step| &step.effects)
}

fn touches(assessment: &Assessment) -> impl Iterator<Item = &Touch> {
    effects(assessment).flat_map(|effect| &effect.touches)
}

/// Each rewrite is a whole copy, which the old one outlives until the transaction ends.
fn bytes(assessment: &Assessment, sizes: Option<&[(String, u64)]>) -> Option<u64> {
    if effects(assessment).any(|effect| effect.opaque.is_some()) {
        return None;
    }
    let mut rewritten = touches(assessment).filter(|touch| touch.rewrites && !touch.new).peekable();
    if rewritten.peek().is_none() {
        return Some(0);
    }
    let sizes: BTreeMap<&str, u64> = sizes?.iter().map(|(name, bytes)| (name.as_str(), *bytes)).collect();
    rewritten
        .map(|touch| sizes.get(touch.table.as_str()).copied())
        .try_fold(0_u64, |sum, size| Some(sum.saturating_add(size?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::{AssessedStep, LockMode};
    use crate::migration::Risk;
    use crate::plan::Direction;

    fn touch(table: &str, rewrites: bool, new: bool) -> Touch {
        Touch { table: table.to_owned(), lock: LockMode::AccessExclusive, rewrites, scans: false, new }
    }

    fn effect(kind: &str, touches: Vec<Touch>) -> Effect {
        Effect {
            number: 1,
            line: 1,
            column: 1,
            kind: kind.to_owned(),
            touches,
            destroys: Vec::new(),
            opaque: None,
            risk: (Risk::Low, Vec::new()),
            estimate: None,
        }
    }

    fn assessment(effects: Vec<Effect>) -> Assessment {
        let step = AssessedStep {
            label: "001".to_owned(),
            direction: Direction::Up,
            file: "V001__a.sql".to_owned(),
            effects,
            risk: Risk::Low,
        };
        Assessment { steps: vec![step], ..Assessment::default() }
    }

    #[test]
    fn what_is_altered_needs_an_owner_and_what_is_referred_to_does_not() {
        let plan = assessment(vec![
            effect("ALTER TABLE ADD CONSTRAINT", vec![touch("orders", false, false), touch("users", false, false)]),
            effect("CREATE TABLE", vec![touch("fresh", false, true)]),
            effect("ALTER TABLE ADD COLUMN", vec![touch("fresh", false, true)]),
            effect("INSERT", vec![touch("log", false, false)]),
        ]);
        let needs = Needs::told(&plan, None, 0);
        assert_eq!(needs.alters, ["orders".to_owned()].into());
        assert_eq!(needs.bytes, Some(0));
        assert_eq!(tables(&plan), ["log", "orders", "users"]);
    }

    #[test]
    fn what_is_written_anew_takes_its_size_again() {
        let sizes = [("orders".to_owned(), 100), ("users".to_owned(), 10)];
        let plan = assessment(vec![
            effect("ALTER TABLE ALTER COLUMN", vec![touch("orders", true, false), touch("new", true, true)]),
            effect("ALTER TABLE ALTER COLUMN", vec![touch("users", true, false)]),
        ]);
        assert_eq!(Needs::told(&plan, Some(&sizes), 5).bytes, Some(115));
        assert_eq!(Needs::told(&plan, Some(&sizes[..1]), 5).bytes, None, "one size is not known");
        assert_eq!(Needs::told(&plan, None, 5).bytes, None);
        let opaque = Effect { opaque: Some("DO".to_owned()), ..effect("DO", Vec::new()) };
        assert_eq!(Needs::told(&assessment(vec![opaque]), Some(&sizes), 5).bytes, None);
        assert_eq!(Needs::told(&assessment(Vec::new()), None, 5).bytes, Some(5));
    }
}
