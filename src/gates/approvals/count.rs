//! What each approval is worth.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use crate::api::v1alpha1::{ApprovalDecision, MigrationApproval};

use super::super::{Facts, Guard};
use super::short;

/// Times of objects are whole seconds, and a policy works a moment after it was written.
const GRACE: SignedDuration = SignedDuration::from_secs(2);

/// All approvals, sorted by what they are worth.
#[derive(Debug)]
pub struct Count<'a> {
    /// They count.
    pub counted: Vec<&'a MigrationApproval>,
    /// They forbid the plan.
    pub denied: Vec<&'a MigrationApproval>,
    /// Why others do not count.
    pub apart: Vec<String>,
    expires_after: Option<SignedDuration>,
}

/// Why an approval does not count.
enum Worth {
    Counts,
    Not(String),
}

impl<'a> Count<'a> {
    /// Looks at each approval. Where the guard is not installed none of them counts: anybody could have written them.
    pub fn of(facts: &Facts<'a>) -> Self {
        let rule = facts.gates.approvals.as_ref();
        let expires_after = rule.and_then(|rule| rule.expires_after);
        let mut count = Self {
            counted: Vec::new(),
            denied: Vec::new(),
            apart: Vec::new(),
            expires_after: expires_after.and_then(|after| SignedDuration::try_from(after).ok()),
        };
        let Guard::Installed { since } = facts.guard else { return count };
        let guarded = since.checked_add(GRACE).unwrap_or(*since);
        let mut approvals: Vec<&MigrationApproval> = facts.approvals.iter().collect();
        // By who came first, so that texts do not change with the order in which a cache holds them.
        approvals.sort_by_key(|approval| (created(approval), approval.metadata.name.clone()));
        let author = rule.filter(|rule| rule.exclude_author).and(facts.author);
        for approval in approvals {
            let about_it = !withdrawn(approval) && approval.spec.plan_digest == facts.plan.digest;
            if about_it && created(approval).is_none_or(|created| created < guarded) {
                let user = &approval.spec.user;
                count.apart.push(format!(
                    "{user}'s was written before the admission policy was there: anybody could have written it"
                ));
                continue;
            }
            match approval.spec.decision {
                ApprovalDecision::Approve => match count.worth(approval, facts, author) {
                    Worth::Counts => count.counted.push(approval),
                    Worth::Not(why) => count.apart.push(why),
                },
                // Who forbids what was planned before says nothing about this plan.
                ApprovalDecision::Deny if !about_it => {}
                ApprovalDecision::Deny => count.denied.push(approval),
            }
        }
        count
    }

    fn worth(&self, approval: &MigrationApproval, facts: &Facts<'_>, author: Option<&str>) -> Worth {
        let spec = &approval.spec;
        let user = &spec.user;
        if withdrawn(approval) {
            return Worth::Not(format!("{user}'s is being withdrawn"));
        }
        if spec.plan_digest != facts.plan.digest {
            return Worth::Not(format!("{user}'s is about another plan ({})", short(&spec.plan_digest)));
        }
        if author == Some(user.as_str()) {
            return Worth::Not(format!("{user}'s does not count: {user} changed the spec last"));
        }
        if self.expires_after.is_some() {
            match self.expiry(approval) {
                Some(expiry) if expiry <= facts.now => {
                    return Worth::Not(format!("{user}'s expired at {}", expiry.strftime("%Y-%m-%dT%H:%M:%SZ")));
                }
                Some(_) => {}
                None => return Worth::Not(format!("{user}'s does not say when it was given")),
            }
        }
        Worth::Counts
    }

    /// When an approval stops counting; `None` where it never does.
    pub fn expiry(&self, approval: &MigrationApproval) -> Option<Timestamp> {
        created(approval)?.checked_add(self.expires_after?).ok()
    }

    /// One approval for each person: of several the one that lasts longest, of these one that opens the windows.
    pub fn people(&self) -> Vec<&'a MigrationApproval> {
        let mut users = BTreeSet::new();
        let mut newest: Vec<&MigrationApproval> = self.counted.clone();
        newest.sort_by_key(|approval| {
            (approval.spec.override_windows != Some(true), std::cmp::Reverse(created(approval)))
        });
        newest.retain(|approval| users.insert(approval.spec.user.as_str()));
        newest.sort_by_key(|approval| (created(approval), approval.metadata.name.clone()));
        newest
    }

    /// Whether somebody who agreed is of that group.
    pub fn speaks_for(&self, group: &str) -> bool {
        let groups = |approval: &&MigrationApproval| approval.spec.groups.iter().flatten().any(|own| own == group);
        self.counted.iter().any(groups)
    }
}

fn created(approval: &MigrationApproval) -> Option<Timestamp> {
    approval.metadata.creation_timestamp.as_ref().map(|time| time.0)
}

fn withdrawn(approval: &MigrationApproval) -> bool {
    approval.metadata.deletion_timestamp.is_some()
}
