//! Whether a plan passes its gates, from what was gathered for it; and how that is told.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::api::v1alpha1::{ConditionType, GateStatus, GatesStatus, MigrationApproval, Reason};
use crate::checks::SqlAnswer;
use crate::database::{Hold, UndoEstimate};
use crate::gates::{self, Facts, Forerunner, GateState, Guard, Neighbour, Place, Preflight, Verdict};
use crate::lint::Assessment;
use crate::plan::Plan;

use super::cut::{GATE, cut};
use super::measures::second;
use super::{Desired, Job, Observed};

/// What gates look at, gathered in this pass for the plan of this pass.
#[derive(Debug, Clone)]
pub struct Gathered {
    /// The ConfigMap that shows the plan in full.
    pub shown_in: Option<String>,
    /// A policy wants the text of statements left out of it.
    pub hide_sql: bool,
    /// What its statements do.
    pub assessment: Arc<Assessment>,
    /// What would be copied before it is destroyed, where that was asked for.
    pub undo: Arc<Vec<UndoEstimate>>,
    /// Who changed the spec last, where it is known for certain.
    pub author: Option<String>,
    /// The approvals that name the object.
    pub approvals: Vec<MigrationApproval>,
    /// What they are worth.
    pub guard: Guard,
    /// The objects that it waits for, and those that they wait for in turn.
    pub neighbours: BTreeMap<Place, Option<Neighbour>>,
    /// What promotion asks about.
    pub promotion: Option<Forerunner>,
    /// What the database said of itself.
    pub preflight: Option<Preflight>,
    /// What the team's own conditions were answered.
    pub sql: Vec<SqlAnswer>,
}

/// What the gates say of a plan.
pub fn verdicts(observed: &Observed, desired: &Desired, gathered: &Gathered, plan: &Plan) -> Vec<Verdict> {
    let after_digest = observed.inspection().and_then(|seen| seen.ledger.digest_after(plan));
    gates::judge(&Facts {
        now: observed.now,
        object: &observed.object,
        author: gathered.author.as_deref(),
        gates: &desired.gates,
        plan,
        set_digest: observed.set().map_or("", |set| set.digest.as_str()),
        after_digest: after_digest.as_deref(),
        assessment: &gathered.assessment,
        approvals: &gathered.approvals,
        guard: &gathered.guard,
        neighbours: &gathered.neighbours,
        promotion: gathered.promotion.as_ref(),
        preflight: gathered.preflight.as_ref(),
        sql: &gathered.sql,
    })
}

/// What opened the gates of a job that is about to begin, for the ledger.
#[must_use]
pub fn opened_by(job: &Job) -> serde_json::Value {
    serde_json::Value::Array(job.verdicts.iter().filter_map(|verdict| verdict.record.clone()).collect())
}

/// What was found out about gates is good enough to begin with for so long: whoever waited longer for the lock looks again,
/// for an approval may have been withdrawn meanwhile.
const FRESH: Duration = Duration::from_secs(1);

/// Until when a job that is about to begin may begin; `None` for one that waits for no gate. `by_risk`: a plan of higher risk would wait
/// for more. The digest, which is made again under the lock, vouches for the scripts and for what is in effect; the risk also depends on
/// how large tables are, and is not believed for longer than anything else that was asked of the database.
#[must_use]
pub fn holds(job: &Job, by_risk: bool) -> Option<Hold> {
    let until = job.verdicts.iter().filter_map(|verdict| verdict.changes_at).min();
    let waits = by_risk && job.take_back.is_none();
    (waits || !job.verdicts.is_empty()).then_some(Hold { until, waited: FRESH })
}

/// The worst of them.
pub fn worst(verdicts: &[Verdict]) -> GateState {
    verdicts.iter().map(|verdict| verdict.state).max().unwrap_or(GateState::Open)
}

/// Whether all that is not open is what a database answers: nobody says when that changes. While something else is shut as well,
/// its opening brings the next look.
pub fn only_asked(verdicts: &[Verdict]) -> bool {
    let asked = [gates::preflight::PREFLIGHT, gates::sql::SQL];
    let mut shut = verdicts.iter().filter(|verdict| verdict.state != GateState::Open).peekable();
    shut.peek().is_some() && shut.all(|verdict| asked.contains(&verdict.gate))
}

/// Since when the plan has been waiting, as far as the last report knows.
pub fn since(observed: &Observed, plan: &Plan) -> Timestamp {
    let before = observed.previous.as_ref().and_then(|status| status.gates.as_ref());
    before
        .filter(|gates| gates.plan_digest == plan.digest && !observed.tries_again(gates.retry_token.as_ref()))
        .map_or(second(observed.now), |gates| gates.since.0)
}

/// Whether it has been waiting for longer than it may.
pub fn overdue(observed: &Observed, desired: &Desired, plan: &Plan) -> bool {
    let Some(deadline) = desired.gates.deadline else { return false };
    let waited = Duration::try_from(observed.now.duration_since(since(observed, plan))).unwrap_or_default();
    waited >= deadline
}

/// Whether the last report gave a plan up because it had waited for too long: what opens afterwards comes too late.
pub fn given_up(observed: &Observed) -> bool {
    let Some(status) = &observed.previous else { return false };
    let late = |type_: ConditionType| {
        let reason = Reason::DeadlineExceeded.as_str();
        status.conditions.iter().any(|condition| condition.type_ == type_.as_str() && condition.reason == reason)
    };
    late(ConditionType::GatesPassed) && late(ConditionType::Stalled)
}

/// When the gates have to be looked at again without anybody saying so.
pub fn changes_in(observed: &Observed, desired: &Desired, job: &Job) -> Option<Duration> {
    let deadline = desired.gates.deadline.and_then(|deadline| since(observed, &job.plan).checked_add(deadline).ok());
    let changes = job.verdicts.iter().filter_map(|verdict| verdict.changes_at);
    let next = changes.chain(deadline).filter(|at| *at > observed.now);
    let left = Duration::try_from(next.min()?.duration_since(observed.now)).ok()?;
    // A pass that comes a moment too early would find nothing changed.
    Some(left + Duration::from_millis(20))
}

/// The reason that says who is waited for: people first, for they have to be told.
pub fn reason(verdicts: &[Verdict], overdue: bool) -> Reason {
    let shut = |gate: &str, state: Option<GateState>| {
        verdicts.iter().any(|verdict| {
            verdict.gate == gate && state.map_or(verdict.state != GateState::Open, |state| verdict.state == state)
        })
    };
    if shut("approvals", Some(GateState::Denied)) {
        Reason::ApprovalDenied
    } else if worst(verdicts) == GateState::Denied {
        Reason::GateFailed
    } else if overdue {
        Reason::DeadlineExceeded
    } else if shut("approvals", None) {
        Reason::AwaitingApproval
    } else if shut("window", None) {
        Reason::AwaitingWindow
    } else if shut("dependency", None) || shut("promotion", None) {
        Reason::DependencyNotReady
    } else {
        Reason::GatesPending
    }
}

/// Since when a plan has been waiting for what the reason says: for people since an approval was missing, not since it waits for anything.
#[must_use]
pub fn waiting_since(gates: &GatesStatus, reason: Reason) -> Timestamp {
    let stands_for = |item: &&GateStatus| match item.gate.as_str() {
        gate if reason == Reason::AwaitingApproval || reason == Reason::ApprovalDenied => gate == "approvals",
        gate if reason == Reason::AwaitingWindow => gate == "window",
        gate if reason == Reason::DependencyNotReady => gate == "dependency" || gate == "promotion",
        _ if reason == Reason::GateFailed => item.state == GateState::Denied.as_str(),
        // A deadline counts from when the plan began to wait at all.
        _ => reason != Reason::DeadlineExceeded,
    };
    let shut = gates.items.iter().filter(|item| item.state != GateState::Open.as_str());
    shut.filter(stands_for).map(|item| item.since.0).min().unwrap_or(gates.since.0)
}

/// What is waited for, and what would help.
pub fn told(verdicts: &[Verdict]) -> String {
    let mut shut: Vec<&Verdict> = verdicts.iter().filter(|verdict| verdict.state != GateState::Open).collect();
    // What waiting does not open comes first: a message is cut at its end.
    shut.sort_by_key(|verdict| verdict.state != GateState::Denied);
    let told: Vec<String> = shut
        .iter()
        .map(|verdict| {
            let name = verdict.name.as_ref().map(|name| format!(" {name}")).unwrap_or_default();
            let opens = verdict.opens.as_ref().map(|opens| format!(" ({opens})")).unwrap_or_default();
            format!("{}{name}: {}{opens}", verdict.gate, verdict.message)
        })
        .collect();
    told.join("; ")
}

/// So many gates are shown one by one.
const MOST: usize = 128;

/// The gates of a job as the status shows them; `None` where there are none.
pub fn status(observed: &Observed, job: &Job) -> Option<GatesStatus> {
    let Job { plan, verdicts, .. } = job;
    if verdicts.is_empty() {
        return None;
    }
    let before = observed.previous.as_ref().and_then(|status| status.gates.as_ref());
    let before = before.filter(|gates| gates.plan_digest == plan.digest);
    // What is not open comes first where there are too many to tell.
    let mut told: Vec<&Verdict> = verdicts.iter().collect();
    if told.len() > MOST {
        told.sort_by_key(|verdict| verdict.state == GateState::Open);
    }
    let items = told.into_iter().take(MOST).map(|verdict| {
        let same = |item: &&GateStatus| {
            item.gate == verdict.gate && item.name == verdict.name && item.state == verdict.state.as_str()
        };
        let known = before.and_then(|gates| gates.items.iter().find(same));
        GateStatus {
            gate: verdict.gate.to_owned(),
            name: verdict.name.clone(),
            state: verdict.state.as_str().to_owned(),
            message: cut(GATE, verdict.message.clone()),
            opens: verdict.opens.clone().map(|opens| cut(GATE, opens)),
            since: known.map_or(Time(second(observed.now)), |item| item.since.clone()),
        }
    });
    Some(GatesStatus {
        plan_digest: plan.digest.clone(),
        since: Time(since(observed, plan)),
        retry_token: observed.retry_token.clone(),
        items: items.collect(),
    })
}
