//! How much can go wrong with a statement, and about how long it takes.

use std::time::Duration;

use crate::migration::Risk;

use super::LockMode;
use super::sketch::Sketch;

/// Bytes a second that are read from end to end. Checks on a table of 210 MB (1.5 million rows, two indexes) were proven in 0.12
/// to 0.2 s by PostgreSQL 15 and 18 on two busy cores; but a table that is not in memory comes from a disk.
const READ: u64 = 400 * MIB;
/// Bytes a second that are written anew, or sorted or joined. Of the same table: ALTER TYPE 2.5 to 4.7 s, VACUUM FULL 2.4 to
/// 4.1 s, CREATE INDEX on a text 2.9 to 3.9 s, a foreign key 1.8 to 2.3 s: 45 to 115 MB a second.
const WRITE: u64 = 50 * MIB;
/// What is smaller is read or written anew in a moment.
const SMALL: u64 = 16 * MIB;
/// Longer than that nobody waits for a database.
const PATIENCE: Duration = Duration::from_secs(60);
const MIB: u64 = 1024 * 1024;

/// The risk with its reasons, the highest first.
pub(super) fn judge(sketch: &Sketch<'_, '_>) -> (Risk, Vec<String>) {
    let mut reasons: Vec<(Risk, String)> = sketch.reasons.clone();
    reasons.extend(sketch.destroys.iter().map(|what| (Risk::Critical, format!("destroys {what}"))));
    for (full, touch) in sketch.touches.iter().filter(|(_, touch)| !touch.new) {
        let bytes = known_bytes(sketch, full);
        let table = &touch.table;
        let lock = touch.lock.as_str();
        let who = if touch.lock.blocks_reads() { "readers and writers" } else { "writers" };
        if touch.lock.blocks_writes() && (touch.rewrites || touch.scans) {
            let what = if touch.rewrites { "written anew" } else { "read from end to end" };
            let time = bytes.map(|bytes| duration(bytes, touch.rewrites || sketch.sorts));
            let risk = match bytes.zip(time) {
                Some((bytes, _)) if bytes < SMALL => Risk::Medium,
                Some((_, time)) if time > PATIENCE && touch.lock.blocks_reads() => Risk::Critical,
                _ => Risk::High,
            };
            let long = time.map_or_else(String::new, |time| {
                format!(", for about {}", crate::duration::format(Duration::from_secs(time.as_secs().max(1))))
            });
            reasons.push((risk, format!("{table} is {what} under {lock}: {who} wait{long}")));
        } else if touch.lock.blocks_writes() {
            reasons.push((Risk::Medium, format!("{lock} on {table}: {who} wait until it ends")));
        } else if touch.rewrites || touch.scans && touch.lock == LockMode::RowExclusive {
            reasons.push((Risk::Medium, format!("{table} is read from end to end")));
        }
    }
    reasons.sort_by_key(|(risk, _)| std::cmp::Reverse(*risk));
    reasons.dedup();
    let highest = reasons.first().map_or(Risk::Low, |(risk, _)| *risk);
    (highest, reasons.into_iter().map(|(_, reason)| reason).collect())
}

/// About how long what is read and written takes; `None` where a size is not known.
pub(super) fn estimate(sketch: &Sketch<'_, '_>) -> Option<Duration> {
    if sketch.opaque.is_some() {
        return None;
    }
    let long = sketch.touches.iter().filter(|(_, touch)| touch.rewrites || touch.scans);
    long.map(|(full, touch)| {
        if touch.new {
            return Some(Duration::ZERO);
        }
        known_bytes(sketch, full).map(|bytes| duration(bytes, touch.rewrites || sketch.sorts))
    })
    .sum()
}

fn known_bytes(sketch: &Sketch<'_, '_>, full: &str) -> Option<u64> {
    let known = sketch.world.catalog.known;
    sketch.world.relation(full).filter(|_| known).map(|relation| relation.bytes)
}

fn duration(bytes: u64, slow: bool) -> Duration {
    let rate = if slow { WRITE } else { READ };
    Duration::from_millis(bytes.saturating_mul(1000) / rate)
}
