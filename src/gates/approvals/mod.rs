//! The gate `approvals`: people have agreed to this very plan.
//!
//! What each approval is worth is told in [`count`]. An approval that does not count is explained, never passed over in silence.

mod count;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::api::v1alpha1::{ApprovalDecision, MigrationApproval};

use super::{ApprovalRule, Facts, GateState, Guard, Verdict};

use count::Count;

const GATE: &str = "approvals";
/// How soon it is looked at again whether the admission policy is installed.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_secs(15);
/// How many approvals that do not count are explained one by one.
const EXPLAINED: usize = 8;

/// Approvals that together open the windows.
#[derive(Debug)]
pub struct Override<'a> {
    /// They, one for each person.
    pub counted: Vec<&'a MigrationApproval>,
    /// When the first of them expires.
    pub until: Option<Timestamp>,
}

/// What approvals say of a plan.
pub fn check(facts: &Facts<'_>) -> Vec<Verdict> {
    let count = Count::of(facts);
    if let Some(denial) = count.denied.first() {
        return vec![denied(facts, &count, denial)];
    }
    let Some(rule) = &facts.gates.approvals else { return Vec::new() };
    let people = rule.people(facts.assessment.risk);
    if people == 0 && rule.groups.is_empty() {
        let risk = facts.assessment.risk.as_str();
        return vec![Verdict::open(GATE, format!("a plan of risk {risk} needs no approval"))];
    }
    vec![needed(facts, rule, people, &count)]
}

/// The approvals that open the windows, where enough people said so: as many as the plan needs, and at least one.
///
/// # Errors
/// Why they do not, where somebody said so and it is not enough; nothing where nobody did.
pub fn override_windows<'a>(facts: &Facts<'a>) -> Result<Override<'a>, Option<String>> {
    let overrides = |approval: &&MigrationApproval| approval.spec.override_windows == Some(true);
    if !facts.approvals.iter().any(|approval| overrides(&approval) && approval.spec.plan_digest == facts.plan.digest) {
        return Err(None);
    }
    if let Some(why) = worthless(facts.guard) {
        return Err(Some(why));
    }
    let count = Count::of(facts);
    let needed = facts.gates.approvals.as_ref().map_or(1, |rule| rule.people(facts.assessment.risk)).max(1);
    let counted: Vec<_> = count.people().into_iter().filter(overrides).collect();
    if !count.denied.is_empty() || counted.len() < needed {
        return Err(Some(format!("{} of {needed} approvals with overrideWindows", counted.len())));
    }
    let until = counted.iter().filter_map(|approval| count.expiry(approval)).min();
    Ok(Override { counted, until })
}

/// Why approvals count for nothing, where they do.
fn worthless(guard: &Guard) -> Option<String> {
    match guard {
        Guard::Missing(how) => Some(format!("approvals do not count: {how}")),
        Guard::Unknown(why) => {
            Some(format!("approvals do not count: whether the admission policy is installed cannot be told: {why}"))
        }
        Guard::Installed { .. } => None,
    }
}

fn needed(facts: &Facts<'_>, rule: &ApprovalRule, people: usize, count: &Count<'_>) -> Verdict {
    let (namespace, name) = facts.place();
    let given = count.people();
    let absent: Vec<&str> = rule.groups.iter().map(String::as_str).filter(|group| !count.speaks_for(group)).collect();
    let mut message = format!("{} of {people} approvals", given.len());
    if !given.is_empty() {
        let users: Vec<&str> = given.iter().map(|approval| approval.spec.user.as_str()).collect();
        message = format!("{message} ({})", users.join(", "));
    }
    if !absent.is_empty() {
        message = format!("{message}; nobody of {}", absent.join(", "));
    }
    for why in count.apart.iter().take(EXPLAINED) {
        message = format!("{message}; {why}");
    }
    if count.apart.len() > EXPLAINED {
        message = format!("{message}; {} more do not count", count.apart.len() - EXPLAINED);
    }
    let install = "install the admission policies (`sluice admission | kubectl apply -f -`, or admission.install in the Helm chart)";
    let missing = people.saturating_sub(given.len());
    let (state, why, opens) = match facts.guard {
        Guard::Missing(_) => (GateState::Closed, worthless(facts.guard), install.to_owned()),
        Guard::Unknown(_) => (
            GateState::Unknown,
            worthless(facts.guard),
            "let the operator read validatingadmissionpolicies and their bindings".to_owned(),
        ),
        Guard::Installed { .. } if rule.exclude_author && facts.author.is_none() => {
            let why = "whoever changed the spec last does not count, and who that was cannot be told".to_owned();
            let cure = "change the spec as a person, and set the annotation sluice.dev/author to that user name with it; \
                        the admission policy sluice-author must be installed (`sluice admission | kubectl apply -f -`)";
            (GateState::Unknown, Some(why), cure.to_owned())
        }
        Guard::Installed { .. } if missing > 0 || !absent.is_empty() => {
            let mut who = format!("{} of {}", plural(missing), short(&facts.plan.digest));
            if missing == 0 {
                who = format!("an approval of {}", short(&facts.plan.digest));
            }
            let of = if absent.is_empty() { String::new() } else { format!(" by people of {}", absent.join(", ")) };
            let how =
                format!("`kubectl sluice approve {name} -n {namespace}`, by whoever holds the verb approve on it");
            (GateState::Closed, None, format!("{who}{of}: {how}"))
        }
        Guard::Installed { .. } => (GateState::Open, None, String::new()),
    };
    if let Some(why) = why {
        message = format!("{message}; {why}");
    }
    let mut verdict = match state {
        GateState::Open => Verdict::open(GATE, message),
        GateState::Closed | GateState::Unknown | GateState::Denied => Verdict::shut(GATE, state, message, opens),
    };
    verdict.changes_at = given.iter().filter_map(|approval| count.expiry(approval)).min();
    if !matches!(facts.guard, Guard::Installed { .. }) {
        // Nobody tells when the policy is installed: it is looked at again.
        verdict.changes_at = facts.now.checked_add(LOOK_AGAIN).ok();
    }
    if !count.counted.is_empty() {
        verdict.record = Some(json!({
            "required": people,
            "groups": rule.groups,
            "approvals": count.counted.iter().map(|approval| chain(approval)).collect::<Vec<_>>(),
        }));
    }
    verdict
}

fn denied(facts: &Facts<'_>, count: &Count<'_>, denial: &MigrationApproval) -> Verdict {
    let users: Vec<String> = count
        .denied
        .iter()
        .map(|denial| {
            let comment = denial.spec.comment.as_deref().map(one_line).filter(|comment| !comment.is_empty());
            comment.map_or_else(|| denial.spec.user.clone(), |comment| format!("{}: \"{comment}\"", denial.spec.user))
        })
        .collect();
    let opens = format!(
        "{} takes it back (`kubectl sluice withdraw {} -n {}`), or the scripts change and with them the plan",
        denial.spec.user,
        denial.spec.migration_ref.name,
        facts.namespace()
    );
    let mut verdict = Verdict::shut(GATE, GateState::Denied, format!("denied by {}", users.join("; ")), opens);
    verdict.record = Some(json!({"approvals": count.denied.iter().map(|denial| chain(denial)).collect::<Vec<_>>()}));
    verdict
}

/// An approval as the ledger keeps it.
fn chain(approval: &MigrationApproval) -> Value {
    let spec = &approval.spec;
    let at = approval.metadata.creation_timestamp.as_ref().map(|time| time.0.to_string());
    json!({
        "user": spec.user,
        "groups": spec.groups.as_deref().unwrap_or_default(),
        "decision": match spec.decision { ApprovalDecision::Approve => "Approve", ApprovalDecision::Deny => "Deny" },
        "overrideWindows": spec.override_windows.unwrap_or(false),
        "comment": spec.comment,
        "at": at,
        "name": approval.metadata.name,
        "uid": approval.metadata.uid,
        "planDigest": spec.plan_digest,
    })
}

/// As much of a digest as people compare.
fn short(digest: &str) -> String {
    let end = digest.find(':').map_or(12, |colon| colon + 13);
    digest.get(..end).map_or_else(|| digest.to_owned(), |start| format!("{start}…"))
}

fn plural(approvals: usize) -> String {
    if approvals == 1 { "1 more approval".to_owned() } else { format!("{approvals} more approvals") }
}

/// A comment on one line, and not too long for a message.
fn one_line(comment: &str) -> String {
    const LONGEST: usize = 160;
    let words = comment.split_whitespace().collect::<Vec<_>>().join(" ");
    let plain: String = words.chars().filter(|letter| !letter.is_control()).take(LONGEST + 1).collect();
    if plain.chars().count() > LONGEST { plain.chars().take(LONGEST).chain(['…']).collect() } else { plain }
}
