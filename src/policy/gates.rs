//! `spec.gates`: the shortest deadline, the windows of everybody at once, everybody's dependencies.

use std::time::Duration;

use crate::api::v1alpha1::{
    DatabaseMigrationSpec, DependencySpec, GatesSpec, MigrationPolicySpec, RehearsalMode, RehearsalSpec, RequireSpec,
    WindowKind, WindowSpec,
};
use crate::migration::Version;

use super::approvals::{self, ApprovalsDemand};
use super::fault::{Problem, length};
use super::notes::{Demands, Notes, readable};
use super::promotion::{self, PromotionDemand};
use super::select::Labels;
use super::{lint, preflight};

/// The groups of windows that policies add begin with this, which nobody can write: `/` is not allowed in a group's name.
const POLICY: &str = "policy/";
/// What holds where `spec.gates.rehearsal.deadline` is left out.
const TEN_MINUTES: Duration = Duration::from_secs(600);

/// What one policy asks for.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct GatesDemand {
    deadline: Option<Duration>,
    rehearsal: Option<Option<Duration>>,
    /// A way back that was rehearsed, whatever `spec.gates.rehearsal` says.
    rehearsed: bool,
    approvals: Option<ApprovalsDemand>,
    promotion: PromotionDemand,
    /// Everything that is put together rather than compared.
    spec: GatesSpec,
}

impl GatesDemand {
    /// Validates `spec.gates`, as far as that is not the gates' own business, and what else the gates are asked for.
    pub(super) fn of(policy: &MigrationPolicySpec) -> Result<Self, Problem> {
        let mut spec = policy.gates.clone().unwrap_or_default();
        if let Some(roles) = policy.database.as_ref().and_then(|database| database.forbid_roles.as_ref()) {
            // Only the pre-flight gate sees what the role may do.
            spec.preflight.get_or_insert_default().forbid_roles.get_or_insert_default().extend(roles);
        }
        let rehearsal = spec.rehearsal.as_ref().filter(|rehearsal| rehearsal.mode != Some(RehearsalMode::Disabled));
        Ok(Self {
            deadline: length("gates.deadline", spec.deadline.as_deref())?,
            rehearsal: rehearsal
                .map(|rehearsal| length("gates.rehearsal.deadline", rehearsal.deadline.as_deref()))
                .transpose()?,
            rehearsed: policy.rollback.as_ref().is_some_and(|way| way.require == Some(RequireSpec::Rehearsed)),
            approvals: ApprovalsDemand::of(policy)?,
            promotion: PromotionDemand::of(policy)?,
            spec,
        })
    }
}

/// What the object asks for, raised; and what it lacks. `spec.rollback` must have been raised before.
pub(super) fn raise(
    object: &mut DatabaseMigrationSpec,
    labels: &Labels,
    demands: &Demands<'_, &GatesDemand>,
    notes: &mut Notes,
) {
    let specs = demands.iter().map(|(policy, demand)| (*policy, &demand.spec)).collect();
    let before = object.gates.clone().unwrap_or_default();
    let mut after = before.clone();
    if let Some(mine) = readable(before.deadline.as_deref(), None) {
        let shortest: Demands<'_, Duration> =
            demands.iter().filter_map(|(policy, demand)| Some((*policy, demand.deadline?))).collect();
        if let Some(deadline) = notes.at_most("spec.gates.deadline", mine, &shortest) {
            after.deadline = Some(deadline);
        }
    }
    let people = demands.iter().filter_map(|(policy, demand)| Some((*policy, demand.approvals.as_ref()?))).collect();
    approvals::raise(&mut after.approvals, &people, notes);
    windows(&mut after, &specs, notes);
    lint::raise(&mut after, &specs, notes);
    preflight::raise(&mut after, &specs, notes);
    depends_on(&mut after, labels, &specs, notes);
    let elsewhere = demands.iter().map(|(policy, demand)| (*policy, &demand.promotion)).collect();
    promotion::raise(&mut after.promotion, labels, &elsewhere, notes);
    let rehearsed = object.rollback.as_ref().is_some_and(|way| way.require == Some(RequireSpec::Rehearsed));
    rehearsal(&mut after.rehearsal, rehearsed, demands, notes);
    if after != before {
        object.gates = Some(after);
    }
}

/// A policy's windows are groups of their own: of each one must be open, besides the object's.
fn windows(gates: &mut GatesSpec, specs: &Demands<'_, &GatesSpec>, notes: &mut Notes) {
    let theirs: Vec<(&str, WindowSpec)> = specs
        .iter()
        .flat_map(|(policy, spec)| spec.windows.iter().flatten().map(|window| (*policy, window)))
        .map(|(policy, window)| (policy, WindowSpec { group: Some(group(policy, window)), ..window.clone() }))
        .collect();
    // What was raised before holds a policy's group as a whole. A window that only looks like a policy's is an alternative to nothing
    // of that policy.
    let windows = || gates.windows.iter().flatten();
    let whole = |window: &WindowSpec| {
        let mut group = theirs.iter().filter(|(_, their)| their.group == window.group);
        group.all(|(_, their)| windows().any(|own| own == their))
    };
    let (already, own): (Vec<WindowSpec>, Vec<WindowSpec>) =
        windows().cloned().partition(|window| theirs.iter().any(|(_, their)| their == window) && whole(window));
    let own = own.into_iter().map(|window| match window.group.as_ref().and_then(|group| group.strip_prefix(POLICY)) {
        Some(claimed) => WindowSpec { group: Some(format!("own/{claimed}")), ..window },
        None => window,
    });
    let mut all: Vec<WindowSpec> = own.collect();
    for (policy, window) in theirs {
        if !already.contains(&window) {
            notes.imposed(policy, format!("spec.gates.windows: {} added", describe(&window)));
        }
        all.push(window);
    }
    if gates.windows.is_some() || !all.is_empty() {
        gates.windows = Some(all);
    }
}

fn group(policy: &str, window: &WindowSpec) -> String {
    match &window.group {
        Some(group) => format!("{POLICY}{policy}/{group}"),
        None => format!("{POLICY}{policy}"),
    }
}

fn describe(window: &WindowSpec) -> String {
    let kind = match window.kind {
        None | Some(WindowKind::Allow) => "Allow",
        Some(WindowKind::Deny) => "Deny",
    };
    let zone = window.time_zone.as_deref().unwrap_or("UTC");
    format!("{kind} `{}` for {} in {zone}", window.schedule, window.duration)
}

/// Everybody's, each with the newest version that anybody asks for. An object does not wait for itself.
fn depends_on(gates: &mut GatesSpec, labels: &Labels, specs: &Demands<'_, &GatesSpec>, notes: &mut Notes) {
    let own: Vec<DependencySpec> = gates.depends_on.clone().unwrap_or_default();
    let mut theirs: Vec<(&str, &DependencySpec)> = Vec::new();
    for (policy, spec) in specs {
        let all = spec.depends_on.iter().flatten();
        theirs.extend(all.filter(|other| other.name != labels.name).map(|other| (*policy, other)));
    }
    theirs.sort_by(|(_, one), (_, other)| one.name.cmp(&other.name));
    let mut all = own.clone();
    for (policy, demand) in theirs {
        let met = |mine: &DependencySpec| mine.name == demand.name && newer_or_same(mine, demand);
        if own.iter().any(met) {
            continue;
        }
        let version = demand.version.as_ref().map(|version| format!(" at {version}")).unwrap_or_default();
        notes.imposed(policy, format!("spec.gates.dependsOn: {}{version} added", demand.name));
        match all.iter_mut().find(|mine| mine.name == demand.name) {
            Some(mine) if newer_or_same(mine, demand) => {}
            Some(mine) => mine.version.clone_from(&demand.version),
            None => all.push(demand.clone()),
        }
    }
    if all != own {
        gates.depends_on = Some(all);
    }
}

/// Whether an entry asks for at least as much as another. A version that cannot be read is refused with the spec.
fn newer_or_same(mine: &DependencySpec, demand: &DependencySpec) -> bool {
    let read = |spec: &DependencySpec| spec.version.as_deref().map(Version::parse).transpose();
    match (read(mine), read(demand)) {
        (Ok(mine), Ok(demand)) => mine >= demand,
        (Err(_), _) | (_, Err(_)) => true,
    }
}

/// Where a policy asks for a rehearsal, or for a way back that was rehearsed, nobody can disable it.
fn rehearsal(
    object: &mut Option<RehearsalSpec>,
    rehearsed: bool,
    demands: &Demands<'_, &GatesDemand>,
    notes: &mut Notes,
) {
    let field = "spec.gates.rehearsal";
    let disabled = object.as_ref().is_some_and(|own| own.mode == Some(RehearsalMode::Disabled));
    let asked = if object.is_some() { !disabled } else { rehearsed };
    if !asked {
        let asks = |demand: &GatesDemand| demand.rehearsal.is_some() || demand.rehearsed;
        let askers: Vec<&str> = demands.iter().filter(|(_, demand)| asks(demand)).map(|(policy, _)| *policy).collect();
        if askers.is_empty() {
            return;
        }
        for policy in askers {
            notes.imposed(policy, format!("{field}.mode: Shadow instead of none"));
        }
        object.get_or_insert_default().mode = disabled.then_some(RehearsalMode::Shadow);
    }
    let text = object.as_ref().and_then(|own| own.deadline.as_deref());
    let Some(mine) = readable(text, Some(TEN_MINUTES)) else { return };
    let shortest = demands.iter().filter_map(|(policy, demand)| Some((*policy, demand.rehearsal.flatten()?))).collect();
    if let Some(deadline) = notes.at_most(&format!("{field}.deadline"), mine, &shortest) {
        object.get_or_insert_default().deadline = Some(deadline);
    }
}
