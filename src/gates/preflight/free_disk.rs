//! The disk has room for what the plan writes anew, and some to spare.
//!
//! PostgreSQL can tell how large its databases and its WAL are, and not how large its disk is: no function of its core does.
//! Somebody else has to say.

use crate::database::{Fact, PreflightFacts};
use crate::size;

use super::words::limit;
use super::{Case, FreeDisk, Untold, Verdict, closed, open};

pub(super) fn judge(case: &Case<'_>) -> Option<Verdict> {
    let wanted = case.wanted;
    // Whoever says how large the disk is, wants it looked at.
    let said = wanted.disk_size.is_some() || wanted.free_disk != FreeDisk::Unsaid;
    let named = said
        || wanted.free_share.as_ref().is_some_and(|share| share.named)
        || wanted.free_bytes.as_ref().is_some_and(|bytes| bytes.named);
    let free = match free(case) {
        Ok(free) => free,
        Err(why) => return Untold { field: "minFreeDisk", named, why: &why }.verdict(),
    };
    let needed = case.needs.bytes.unwrap_or(0);
    let writes = match case.needs.bytes {
        Some(0) => "the plan writes nothing anew".to_owned(),
        Some(bytes) => format!("the plan writes about {} anew", size::about(bytes)),
        None => "what the plan writes anew cannot be told".to_owned(),
    };
    let is_free = match free {
        0..1024 => "nothing of the disk is free".to_owned(),
        _ => format!("about {} of the disk is free", size::about(free)),
    };
    let cure = "enlarge the disk, or free some of it";
    let Some(after) = free.checked_sub(needed) else {
        return closed(format!("{is_free}, and {writes}: that does not fit"), cure);
    };
    if let Some(least) = wanted.free_bytes.as_ref().filter(|least| after < least.value) {
        let limit = limit("minFreeDisk", least);
        return closed(format!("{is_free}, and {writes}: less than {} would be left; {limit}", least.shown), cure);
    }
    if let Some(least) = &wanted.free_share {
        let total = match wanted.disk_size.map_or_else(|| used(case.facts).map(|used| used.saturating_add(free)), Ok) {
            Ok(total) => total,
            Err(why) => {
                let why = format!("how large the disk is: {why}; give diskSize");
                return Untold { field: "minFreeDisk", named, why: &why }.verdict();
            }
        };
        if share(after, total) < least.value {
            let limit = limit("minFreeDisk", least);
            return closed(format!("{is_free}, and {writes}: less than {} would be left; {limit}", least.shown), cure);
        }
    }
    open(format!("{is_free}, and {writes}"))
}

/// Bytes that are free.
fn free(case: &Case<'_>) -> Result<u64, String> {
    match (&case.wanted.free_disk, case.free_disk, case.wanted.disk_size) {
        (FreeDisk::Asked { .. }, Some(answer), _) => answer.clone(),
        (FreeDisk::Asked { endpoint, .. }, None, _) => Err(format!("the endpoint {endpoint} was not asked yet")),
        (FreeDisk::Declared(free), _, _) => Ok(*free),
        (FreeDisk::Unsaid, _, Some(total)) => Ok(total.saturating_sub(used(case.facts)?)),
        (FreeDisk::Unsaid, _, None) => Err("PostgreSQL does not know how much of its disk is free; give \
             spec.gates.preflight.freeDiskFrom, diskSize or freeDisk"
            .to_owned()),
    }
}

/// Bytes of all databases and of the WAL.
fn used(facts: &PreflightFacts) -> Result<u64, String> {
    match (&facts.databases_bytes, &facts.wal_bytes) {
        (Fact::Known(databases), Fact::Known(wal)) => Ok(databases.saturating_add(*wal)),
        (Fact::Unknown(why), _) | (_, Fact::Unknown(why)) => Err(why.clone()),
    }
}

/// In percent.
fn share(part: u64, total: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a share needs no more than a few digits")]
    if total == 0 { 0.0 } else { part as f64 / total as f64 * 100.0 }
}
