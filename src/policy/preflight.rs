//! What must hold in the database just before SQL runs: the strictest threshold of everybody, the conditions of everybody.
//!
//! A threshold that nobody wrote has a value all the same, and is a bound as well; once a policy writes it, what cannot be told closes.

use std::cmp::Reverse;
use std::time::Duration;

use crate::api::v1alpha1::{ForbiddenRole, GatesSpec, PreflightAction, PreflightSpec, SqlGateSpec};
use crate::{duration, size};

use super::notes::{Demands, Notes};

const FIELD: &str = "spec.gates.preflight";
/// What holds unless set, as the reference page states it.
const FREE: &str = "20%";
const CONNECTIONS: i64 = 10;

type Written<'a> = Demands<'a, &'a PreflightSpec>;

/// What the object asks for, raised; and what contradicts a policy.
pub(super) fn raise(gates: &mut GatesSpec, specs: &Demands<'_, &GatesSpec>, notes: &mut Notes) {
    let written: Written<'_> =
        specs.iter().filter_map(|(policy, spec)| Some((*policy, spec.preflight.as_ref()?))).collect();
    let before = gates.preflight.clone().unwrap_or_default();
    let mut after = before.clone();
    times(&mut after, &written, notes);
    sizes(&mut after, &written, notes);
    free_disk(&mut after, &written, notes);
    let least = of(&written, |spec| spec.min_free_connections);
    if !least.is_empty() {
        let own = before.min_free_connections.unwrap_or(CONNECTIONS);
        let more = notes.at_least(&format!("{FIELD}.minFreeConnections"), &own, &least, ToString::to_string);
        after.min_free_connections = Some(more.unwrap_or(own));
    }
    strictest(
        &mut after.min_server_version,
        None,
        &of(&written, |spec| spec.min_server_version.as_deref()),
        version,
        "minServerVersion",
        notes,
    );
    let extensions = of(&written, |spec| spec.extensions.as_deref());
    if let Some(all) = notes.together(&format!("{FIELD}.extensions"), before.extensions.as_ref(), &extensions) {
        after.extensions = Some(all);
    }
    encoding(&mut after, &written, notes);
    after.forbid_roles = roles(before.forbid_roles.as_deref(), &written, notes);
    for (name, field, demand) in [
        ("privileges", &mut after.privileges, of(&written, |spec| spec.privileges)),
        ("invalidIndexes", &mut after.invalid_indexes, of(&written, |spec| spec.invalid_indexes)),
        ("wraparound", &mut after.wraparound, of(&written, |spec| spec.wraparound)),
        ("archiving", &mut after.archiving, of(&written, |spec| spec.archiving)),
    ] {
        refuse(name, field, &demand, notes);
    }
    if after != before {
        gates.preflight = Some(after);
    }
    conditions(gates, specs, notes);
}

fn of<'a, T>(written: &Written<'a>, value: impl Fn(&'a PreflightSpec) -> Option<T>) -> Demands<'a, T> {
    written.iter().filter_map(|(policy, spec)| Some((*policy, value(spec)?))).collect()
}

/// The text with the greatest key, of the object's (or what holds unless set) and those of policies.
fn strictest<K: Ord + Clone>(
    own: &mut Option<String>,
    unless_set: Option<&str>,
    demands: &Demands<'_, &str>,
    key: impl Fn(&str) -> Option<K>,
    name: &str,
    notes: &mut Notes,
) {
    let mine = own.as_deref().or(unless_set);
    let known = match mine.map(&key) {
        // What cannot be read is refused with the spec.
        Some(None) => return,
        Some(Some(known)) => Some(known),
        None => None,
    };
    let keyed: Vec<(&str, &str, K)> =
        demands.iter().filter_map(|(policy, text)| Some((*policy, *text, key(text)?))).collect();
    let Some((_, text, greatest)) = keyed.iter().max_by_key(|(_, _, key)| key.clone()) else { return };
    if known.as_ref().is_some_and(|known| known >= greatest) {
        if own.is_none() {
            // As strict as it was, but by name: what cannot be told closes now.
            let unless_set = mine.unwrap_or_default();
            for (policy, _, _) in &keyed {
                notes.imposed(policy, format!("{FIELD}.{name}: {unless_set} must be known"));
            }
            *own = Some(unless_set.to_owned());
        }
        return;
    }
    for (policy, _, _) in keyed.iter().filter(|(_, _, key)| key == greatest) {
        notes.imposed(policy, format!("{FIELD}.{name}: {text} instead of {}", mine.unwrap_or("any")));
    }
    *own = Some((*text).to_owned());
}

fn times(after: &mut PreflightSpec, written: &Written<'_>, notes: &mut Notes) {
    let key = |text: &str| duration::parse(text).ok().map(Reverse::<Duration>);
    type Of = fn(&PreflightSpec) -> Option<&str>;
    let fields: [(&str, &mut Option<String>, &str, Of); 4] = [
        ("maxTransactionAge", &mut after.max_transaction_age, "5m", |spec| spec.max_transaction_age.as_deref()),
        ("maxIdleInTransaction", &mut after.max_idle_in_transaction, "1m", |spec| {
            spec.max_idle_in_transaction.as_deref()
        }),
        ("maxPreparedAge", &mut after.max_prepared_age, "5m", |spec| spec.max_prepared_age.as_deref()),
        ("maxReplicationLag", &mut after.max_replication_lag, "30s", |spec| spec.max_replication_lag.as_deref()),
    ];
    for (name, own, unless_set, demand) in fields {
        strictest(own, Some(unless_set), &of(written, demand), key, name, notes);
    }
}

fn sizes(after: &mut PreflightSpec, written: &Written<'_>, notes: &mut Notes) {
    let key = |text: &str| size::parse(text).map(Reverse);
    let lag = of(written, |spec| spec.max_replication_lag_bytes.as_deref());
    strictest(&mut after.max_replication_lag_bytes, None, &lag, key, "maxReplicationLagBytes", notes);
    let retained = of(written, |spec| spec.max_slot_retained.as_deref());
    strictest(&mut after.max_slot_retained, Some("10Gi"), &retained, key, "maxSlotRetained", notes);
}

/// A share and a size cannot be compared: whoever writes the other is told so. Who knows what is free is for the platform to say.
fn free_disk(after: &mut PreflightSpec, written: &Written<'_>, notes: &mut Notes) {
    let (shares, sizes): (Demands<'_, &str>, Demands<'_, &str>) =
        of(written, |spec| spec.min_free_disk.as_deref()).into_iter().partition(|(_, text)| text.ends_with('%'));
    let own_share = after.min_free_disk.as_ref().map(|own| own.ends_with('%'));
    let by_share = own_share.unwrap_or(!shares.is_empty());
    let (same, other) = if by_share { (shares, sizes) } else { (sizes, shares) };
    let unless_set = by_share.then_some(FREE);
    strictest(&mut after.min_free_disk, unless_set, &same, amount, "minFreeDisk", notes);
    for (policy, text) in other {
        notes.violated(
            policy,
            &format!(
                "{FIELD}.minFreeDisk: {text} cannot be compared with {}; write both as shares or both as sizes",
                after.min_free_disk.as_deref().unwrap_or(FREE)
            ),
        );
    }
    let says = |spec: &PreflightSpec| (spec.disk_size.clone(), spec.free_disk.clone(), spec.free_disk_from.clone());
    let sources = written.iter().filter(|(_, spec)| says(spec) != (None, None, None));
    let mut first = None;
    for (policy, spec) in sources {
        let before = first.get_or_insert((*policy, says(spec)));
        if before.1 != says(spec) {
            let other = before.0;
            notes.violated(
                policy,
                &format!("{FIELD}: MigrationPolicy {other} knows the free disk from elsewhere; make the two agree"),
            );
        } else if says(after) != says(spec) {
            notes.imposed(policy, format!("{FIELD}: who knows how much of the disk is free"));
        }
    }
    if let Some((_, (size, free, from))) = first {
        (after.disk_size, after.free_disk, after.free_disk_from) = (size, free, from);
    }
}

/// Hundredths of a percent, or bytes.
fn amount(text: &str) -> Option<u64> {
    let Some(share) = text.strip_suffix('%') else { return if text == "0" { Some(0) } else { size::parse(text) } };
    let (whole, part) = share.split_once('.').unwrap_or((share, ""));
    let hundredths = format!("{part:0<2}");
    Some(whole.parse::<u64>().ok()? * 100 + hundredths.get(..2)?.parse::<u64>().ok()?)
}

/// `15.4` as 15 and 4.
fn version(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.split_once('.').unwrap_or((text, "0"));
    Some((major.parse().ok()?, minor.parse().ok()?))
}

fn encoding(after: &mut PreflightSpec, written: &Written<'_>, notes: &mut Notes) {
    let own = after.encoding.clone();
    for (policy, demand) in of(written, |spec| spec.encoding.as_ref()) {
        match &after.encoding {
            Some(mine) if mine.eq_ignore_ascii_case(demand) => {
                if own.is_none() {
                    notes.imposed(policy, format!("{FIELD}.encoding: {demand} added"));
                }
            }
            Some(mine) => notes
                .violated(policy, &format!("{FIELD}.encoding must be {demand}, and is {mine}; no database has both")),
            None => {
                notes.imposed(policy, format!("{FIELD}.encoding: {demand} added"));
                after.encoding = Some(demand.clone());
            }
        }
    }
}

/// What the role must not be able to do, wherever a policy says so.
fn roles(own: Option<&[ForbiddenRole]>, written: &Written<'_>, notes: &mut Notes) -> Option<Vec<ForbiddenRole>> {
    let mine = own.unwrap_or_default();
    let mut added = std::collections::BTreeSet::new();
    for (policy, spec) in written {
        let mut theirs: Vec<ForbiddenRole> = spec.forbid_roles.iter().flatten().copied().collect();
        theirs.retain(|role| !mine.contains(role));
        theirs.sort_unstable();
        theirs.dedup();
        if !theirs.is_empty() {
            let words: Vec<String> = theirs.iter().map(|role| format!("{role:?}").to_lowercase()).collect();
            notes.imposed(policy, format!("{FIELD}.forbidRoles: {} added", words.join(", ")));
            added.extend(theirs);
        }
    }
    if added.is_empty() { own.map(<[_]>::to_vec) } else { Some(mine.iter().copied().chain(added).collect()) }
}

/// `Allow` gives way to what a policy refuses, and what was not written to what was.
fn refuse(name: &str, own: &mut Option<PreflightAction>, demands: &Demands<'_, PreflightAction>, notes: &mut Notes) {
    if *own == Some(PreflightAction::Refuse) {
        return;
    }
    let before = if own.is_some() { "Allow" } else { "Refuse where it can be told" };
    for (policy, _) in demands.iter().filter(|(_, action)| *action == PreflightAction::Refuse) {
        notes.imposed(policy, format!("{FIELD}.{name}: Refuse instead of {before}"));
        *own = Some(PreflightAction::Refuse);
    }
}

/// Everybody's conditions, each under a name of its own.
fn conditions(gates: &mut GatesSpec, specs: &Demands<'_, &GatesSpec>, notes: &mut Notes) {
    let same =
        |one: &SqlGateSpec, other: &SqlGateSpec| SqlGateSpec { name: other.name.clone(), ..one.clone() } == *other;
    let own = gates.sql.clone().unwrap_or_default();
    let mut all = own.clone();
    for (policy, spec) in specs {
        for condition in spec.sql.iter().flatten() {
            if own.iter().any(|mine| same(mine, condition)) {
                continue;
            }
            let mut name = condition.name.clone();
            if !all.iter().any(|there| same(there, condition)) {
                while all.iter().any(|there| there.name == name) {
                    name = format!("{name}-{policy}");
                }
                all.push(SqlGateSpec { name: name.clone(), ..condition.clone() });
            }
            notes.imposed(policy, format!("spec.gates.sql: {name} added"));
        }
    }
    if all.len() > own.len() {
        gates.sql = Some(all);
    }
}
