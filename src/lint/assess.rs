//! Judging whole plans and sets: each statement's effect, what the rules find, and what it comes to.

use std::time::Duration;

use crate::migration::{Header, MigrationSet, Risk, Script};
use crate::plan::{Action, Direction, Plan};

use super::classify::classify;
use super::ignore;
use super::syntax::{on_own_stack, read};
use super::world::World;
use super::{Catalog, Effect, Finding, Found, Judged, LockMode, Object, RULES, Subject};

/// What one script does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssessedStep {
    /// `003`, `R__active_users`.
    pub label: String,
    /// Which way it goes.
    pub direction: Direction,
    /// The file as its author knows it.
    pub file: String,
    /// What each of its statements does.
    pub effects: Vec<Effect>,
    /// How much can go wrong; the script's header may have raised it.
    pub risk: Risk,
}

/// What scripts do, and what is wrong with them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assessment {
    /// Script by script.
    pub steps: Vec<AssessedStep>,
    /// What the rules found, script by script, by line.
    pub findings: Vec<Finding>,
    /// The highest of all.
    pub risk: Risk,
    /// Why, the reasons of the highest level first: `003 line 4: destroys table orders`.
    pub reasons: Vec<String>,
    /// The strongest lock on something that others may be using.
    pub strongest: Option<LockMode>,
    /// Something that others may be using is written anew.
    pub rewrites: bool,
    /// Something that others may be using is read from end to end.
    pub scans: bool,
    /// What its statements create, by full names, in their order.
    pub creates: Vec<Object>,
    /// What they drop.
    pub drops: Vec<Object>,
    /// About how long all of it takes; `None` where that cannot be told of one statement.
    pub estimate: Option<Duration>,
}

/// Judges the scripts of a plan in the order in which they run.
#[must_use]
pub fn assess(plan: &Plan, catalog: &Catalog) -> Assessment {
    on_own_stack(|| assess_here(plan, catalog, true)).unwrap_or_else(|| assess_here(plan, catalog, false))
}

/// Judges all scripts of a set: each version as a run of its own on top of those before, its way up and then its way down.
#[must_use]
pub fn judge_set(set: &MigrationSet, catalog: &Catalog) -> Assessment {
    on_own_stack(|| judge_set_here(set, catalog, true)).unwrap_or_else(|| judge_set_here(set, catalog, false))
}

/// The names of relations that the scripts of a plan hold, as [`Catalog`] keys them or without a schema: what to ask a database
/// about.
#[must_use]
pub fn names(plan: &Plan) -> Vec<String> {
    names_in(plan.steps.iter().filter_map(|step| step.script().map(AsRef::as_ref)).collect())
}

/// Likewise for all scripts of a set.
#[must_use]
pub fn names_of_set(set: &MigrationSet) -> Vec<String> {
    let ways = set.migrations.iter().flat_map(|migration| [Some(&migration.up), migration.down.as_ref()]);
    names_in(ways.flatten().chain(set.repeatables.iter().map(|repeatable| &repeatable.script)).collect())
}

fn names_in(scripts: Vec<&Script>) -> Vec<String> {
    on_own_stack(|| {
        let mut names: Vec<String> = Vec::new();
        // Scripts that set the search path mean the relations there.
        let mut schemas: Vec<String> = Vec::new();
        let statements = scripts.iter().flat_map(|script| &script.statements);
        for tree in statements.filter_map(|statement| read(&statement.text).tree) {
            names.extend(super::syntax::names(&tree));
            schemas.extend(super::classify::search_path(&tree).unwrap_or_default());
        }
        let plain = names.iter().filter(|name| !name.contains('.'));
        let elsewhere: Vec<String> =
            plain.flat_map(|name| schemas.iter().map(move |schema| format!("{schema}.{name}"))).collect();
        names.extend(elsewhere);
        names.sort_unstable();
        names.dedup();
        names
    })
    .unwrap_or_default()
}

fn assess_here(plan: &Plan, catalog: &Catalog, reading: bool) -> Assessment {
    let mut world = World::of(catalog);
    let mut all = Assessment::default();
    for step in &plan.steps {
        let Some(script) = step.script() else { continue };
        let (direction, way_back) = match &step.action {
            Action::Apply { down, .. } => (Direction::Up, down.as_deref()),
            Action::Revert { .. } => (Direction::Down, None),
            Action::Repeat { .. } | Action::Baseline { .. } => (Direction::Up, None),
        };
        let statements = judge(script, &mut world, reading);
        let back = way_back.map(|back| judge(back, &mut world.clone(), reading));
        let subject = Subject::new(script, direction, step.label(), &world, statements, way_back.zip(back.as_deref()));
        all.add(&subject, &step.header);
        world.age();
    }
    all
}

fn judge_set_here(set: &MigrationSet, catalog: &Catalog, reading: bool) -> Assessment {
    let mut world = World::of(catalog);
    let mut all = Assessment::default();
    for migration in &set.migrations {
        let label = migration.version.to_string();
        let up = judge(&migration.up, &mut world, reading);
        let mut after = world.clone();
        after.settle();
        let down = migration.down.as_ref().map(|script| judge(script, &mut after, reading));
        let back = migration.down.as_ref().zip(down.as_deref());
        let subject = Subject::new(&migration.up, Direction::Up, label.clone(), &world, up, back);
        all.add(&subject, &migration.header);
        world.settle();
        if let Some((script, statements)) = migration.down.as_ref().zip(down) {
            let forth = (&migration.up, subject.statements.as_slice());
            let subject = Subject::new(script, Direction::Down, label, &after, statements, Some(forth));
            all.add(&subject, &Header::default());
        }
    }
    for repeatable in &set.repeatables {
        let label = format!("R__{}", repeatable.name);
        let statements = judge(&repeatable.script, &mut world, reading);
        let subject = Subject::new(&repeatable.script, Direction::Up, label, &world, statements, None);
        all.add(&subject, &Header::default());
        world.settle();
    }
    all
}

/// Judges the statements of a script, one after the other, and takes over what they change.
fn judge<'a>(script: &'a Script, world: &mut World<'_>, reading: bool) -> Vec<Judged<'a>> {
    world.begin();
    let judge = |statement| {
        let (judged, changes) = classify(statement, world, reading);
        world.learn(changes, judged.statement.number);
        judged
    };
    script.statements.iter().map(judge).collect()
}

impl<'a> Subject<'a> {
    fn new(
        script: &'a Script,
        direction: Direction,
        label: String,
        world: &World<'a>,
        statements: Vec<Judged<'a>>,
        back: Option<(&'a Script, &[Judged<'_>])>,
    ) -> Self {
        let of_back = |pick: for<'r, 's> fn(&'r Judged<'s>) -> &'r Vec<Object>| -> Vec<Object> {
            back.iter().flat_map(|(_, back)| back.iter()).flat_map(|judged| pick(judged).iter().cloned()).collect()
        };
        Self {
            script,
            direction,
            label,
            way_back: back.map(|(script, _)| script),
            way_back_drops: of_back(|judged| &judged.drops),
            way_back_creates: of_back(|judged| &judged.creates),
            way_back_opaque: back.is_some_and(|(_, back)| back.iter().any(|judged| judged.effect.opaque.is_some())),
            catalog: world.catalog,
            created: world.created.clone(),
            statements,
        }
    }
}

impl Default for Assessment {
    fn default() -> Self {
        Self {
            steps: Vec::new(),
            findings: Vec::new(),
            risk: Risk::Low,
            reasons: Vec::new(),
            strongest: None,
            rewrites: false,
            scans: false,
            creates: Vec::new(),
            drops: Vec::new(),
            estimate: Some(Duration::ZERO),
        }
    }
}

impl Assessment {
    /// With how long all of it took when it ran before, where it did: that is better than what sizes say.
    #[must_use]
    pub fn after(self, took: Option<Duration>) -> Self {
        Self { estimate: took.or(self.estimate), ..self }
    }

    /// Adds one script.
    fn add(&mut self, subject: &Subject<'_>, header: &Header) {
        let mut findings: Vec<Finding> = RULES.iter().flat_map(|rule| Found::by(*rule, subject)).collect();
        ignore::apply(subject.script, &mut findings);
        findings.sort_by_key(|finding| (finding.line, finding.column, finding.rule));
        self.findings.extend(findings);
        let mut reasons = Vec::new();
        for Judged { effect, creates, drops, .. } in &subject.statements {
            self.creates.extend(creates.iter().cloned());
            self.drops.extend(drops.iter().cloned());
            let (risk, why) = &effect.risk;
            reasons.extend(why.iter().map(|why| (*risk, format!("{} line {}: {why}", subject.label, effect.line))));
            self.strongest = self.strongest.max(effect.strongest());
            let in_use = || effect.touches.iter().filter(|touch| !touch.new);
            self.rewrites |= in_use().any(|touch| touch.rewrites);
            self.scans |= in_use().any(|touch| touch.scans);
            self.estimate = self.estimate.zip(effect.estimate).map(|(all, one)| all + one);
        }
        let own = subject.statements.iter().map(|judged| judged.effect.risk.0).max().unwrap_or(Risk::Low);
        let risk = header.risk.map_or(own, |said| said.max(own));
        if risk > own {
            reasons.push((risk, format!("{}: its header says so", subject.label)));
        }
        // The reasons stay in the order of the levels: those that raise the level come first.
        if risk > self.risk {
            reasons.sort_by_key(|(risk, _)| std::cmp::Reverse(*risk));
            let before = std::mem::take(&mut self.reasons);
            self.reasons = reasons.into_iter().map(|(_, reason)| reason).chain(before).collect();
        } else {
            self.reasons.extend(reasons.into_iter().map(|(_, reason)| reason));
        }
        self.risk = self.risk.max(risk);
        self.steps.push(AssessedStep {
            label: subject.label.clone(),
            direction: subject.direction,
            file: subject.script.file.clone(),
            effects: subject.statements.iter().map(|judged| judged.effect.clone()).collect(),
            risk,
        });
    }
}
