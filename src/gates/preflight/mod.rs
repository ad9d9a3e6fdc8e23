//! Pre-flight: whether what must hold in the database just before SQL runs, holds. One file per requirement, one line each in
//! [`REQUIREMENTS`].
//!
//! Pure: facts that were gathered before → verdicts. What cannot be told closes the gate where somebody wrote the threshold;
//! where nobody did, it is told and nothing more. No message has an age or a counter in it that runs by itself.

mod archiving;
mod encoding;
mod extensions;
mod forbidden;
mod free_connections;
mod free_disk;
mod idle_in_transaction;
mod invalid_indexes;
mod needs;
mod prepared;
mod privileges;
mod replication_lag;
mod replication_lag_bytes;
mod requirements;
mod server_version;
mod slots;
#[cfg(test)]
mod tests;
mod transaction_age;
mod words;
mod wraparound;

use crate::database::{Fact, PreflightFacts};

use super::{Facts, GateState, Preflight, Verdict};

pub use needs::{Needs, tables};
pub use requirements::{FreeDisk, Requirements, Threshold};

/// The gate's kind.
pub const PREFLIGHT: &str = "preflight";

/// Everything that requirements look at.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// What is asked for.
    pub wanted: &'a Requirements,
    /// What holds.
    pub facts: &'a PreflightFacts,
    /// What the plan needs.
    pub needs: &'a Needs,
    /// How many bytes of the disk are free, or why that cannot be told, where [`FreeDisk::Asked`] says who knows.
    pub free_disk: Option<&'a Result<u64, String>>,
}

/// A requirement: what it says of a case. One that nobody asked for says nothing.
type Requirement = fn(&Case<'_>) -> Option<Verdict>;

/// Every requirement by the field that asks for it, in the order in which people read them.
pub const REQUIREMENTS: &[(&str, Requirement)] = &[
    ("minServerVersion", server_version::judge),
    ("encoding", encoding::judge),
    ("extensions", extensions::judge),
    ("forbidRoles", forbidden::judge),
    ("privileges", privileges::judge),
    ("minFreeConnections", free_connections::judge),
    ("maxTransactionAge", transaction_age::judge),
    ("maxIdleInTransaction", idle_in_transaction::judge),
    ("maxPreparedAge", prepared::judge),
    ("maxReplicationLag", replication_lag::judge),
    ("maxReplicationLagBytes", replication_lag_bytes::judge),
    ("maxSlotRetained", slots::judge),
    ("archiving", archiving::judge),
    ("wraparound", wraparound::judge),
    ("invalidIndexes", invalid_indexes::judge),
    ("minFreeDisk", free_disk::judge),
];

/// What all requirements say of a plan, where somebody asks for them.
#[must_use]
pub fn check(facts: &Facts<'_>) -> Vec<Verdict> {
    let Some(wanted) = &facts.gates.preflight else { return Vec::new() };
    let Some(Preflight { facts, needs, free_disk }) = facts.preflight else {
        return unanswered("it was not asked yet");
    };
    match facts {
        Ok(facts) => judge(&Case { wanted, facts, needs, free_disk: free_disk.as_ref() }),
        Err(why) => unanswered(why),
    }
}

/// What all requirements say, each by the name of its field.
#[must_use]
pub fn judge(case: &Case<'_>) -> Vec<Verdict> {
    REQUIREMENTS.iter().filter_map(|(field, requirement)| Some(requirement(case)?.named(*field))).collect()
}

/// What is said where nothing could be asked.
#[must_use]
pub fn unanswered(why: &str) -> Vec<Verdict> {
    let opens = "the database answers; it is asked again";
    vec![Verdict::shut(PREFLIGHT, GateState::Unknown, format!("the database could not be asked: {why}"), opens)]
}

fn open(message: impl Into<String>) -> Option<Verdict> {
    Some(Verdict::open(PREFLIGHT, message))
}

fn closed(message: impl Into<String>, opens: impl Into<String>) -> Option<Verdict> {
    Some(Verdict::shut(PREFLIGHT, GateState::Closed, message, opens))
}

/// What cannot be told.
#[derive(Debug, Clone, Copy)]
struct Untold<'a> {
    field: &'static str,
    /// Somebody wrote the threshold.
    named: bool,
    why: &'a str,
}

impl Untold<'_> {
    fn verdict(self) -> Option<Verdict> {
        let Self { field, named, why } = self;
        if named {
            let opens = format!("it can be told, or spec.gates.preflight.{field} is left out");
            Some(Verdict::shut(PREFLIGHT, GateState::Unknown, format!("cannot tell: {why}"), opens))
        } else {
            open(format!("cannot tell, and nobody asked for it: {why}"))
        }
    }
}

/// What is known.
fn known<'a, T>(field: &'static str, named: bool, fact: &'a Fact<T>) -> Result<&'a T, Untold<'a>> {
    match fact {
        Fact::Known(fact) => Ok(fact),
        Fact::Unknown(why) => Err(Untold { field, named, why }),
    }
}
