//! A cron expression in a time zone: when it begins, also in the two nights in which clocks are changed.
//!
//! croner searches the wall clock; what a wall clock time means in a zone is decided here, by one rule for all schedules:
//!
//! - a time that the clocks jump over in spring begins when they have jumped;
//! - a time that comes twice in autumn begins the first time, and both times where [`Schedule::both_passes`] says so.

use croner::Cron;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};

/// When something begins, again and again.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    /// Five fields: minutes are the finest that there is.
    pub cron: Cron,
    /// Whose wall clock it is.
    pub zone: TimeZone,
    /// Whether a wall clock time that comes twice begins twice.
    pub both_passes: bool,
}

const SECOND: SignedDuration = SignedDuration::from_secs(1);

impl Schedule {
    /// The first beginning after a moment; `None` when there is none within the calendar.
    #[must_use]
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        let clock = self.clock(after)?;
        let mut wall = clock;
        let forward = loop {
            wall = self.cron.find_next_occurrence(&wall, false).ok()?;
            if let Some(moment) = self.moments(wall).into_iter().flatten().find(|moment| *moment > after) {
                break moment;
            }
        };
        // The second pass of an hour that is now in its first one begins again before the wall clock that was searched.
        let again = self.fold_ahead(after, clock).and_then(|(first, offset)| {
            let wall = self.cron.find_next_occurrence(&first, true).ok()?;
            self.is_fold(wall).then(|| offset.to_timestamp(wall).ok()).flatten()
        });
        Some(again.map_or(forward, |again| again.min(forward)))
    }

    /// The last beginning at or before a moment.
    #[must_use]
    pub fn latest(&self, at: Timestamp) -> Option<Timestamp> {
        let clock = self.clock(at)?;
        let wall = self.cron.find_previous_occurrence(&clock, true).ok()?;
        let back = self.moments(wall).into_iter().flatten().filter(|moment| *moment <= at).max();
        // In the second pass of an hour, all of the first one is past.
        let first_pass = self.fold_behind(at, clock).and_then(|(end, offset)| {
            let wall = self.cron.find_previous_occurrence(&end, false).ok()?;
            self.is_fold(wall).then(|| offset.to_timestamp(wall).ok()).flatten()
        });
        back.max(first_pass)
    }

    /// The wall clock, to the second.
    fn clock(&self, at: Timestamp) -> Option<DateTime> {
        let clock = self.zone.to_datetime(at);
        clock.with().subsec_nanosecond(0).build().ok()
    }

    fn is_fold(&self, wall: DateTime) -> bool {
        matches!(self.zone.to_ambiguous_timestamp(wall).offset(), AmbiguousOffset::Fold { .. })
    }

    /// The moments that a wall clock time stands for, in order.
    fn moments(&self, wall: DateTime) -> [Option<Timestamp>; 2] {
        match self.zone.to_ambiguous_timestamp(wall).offset() {
            AmbiguousOffset::Unambiguous { offset } => [offset.to_timestamp(wall).ok(), None],
            AmbiguousOffset::Gap { before, .. } => {
                // As if the clocks had not been changed, it would be past the change.
                let unchanged = before.to_timestamp(wall).ok();
                [unchanged.and_then(|moment| self.change_until(moment)), None]
            }
            AmbiguousOffset::Fold { before, after } => {
                let second = self.both_passes.then(|| after.to_timestamp(wall).ok()).flatten();
                [before.to_timestamp(wall).ok(), second]
            }
        }
    }

    /// The last change of the clocks at or before a moment.
    fn change_until(&self, at: Timestamp) -> Option<Timestamp> {
        let past = at.checked_add(SECOND).ok()?;
        self.zone.preceding(past).next().map(|change| change.timestamp())
    }

    /// In the first pass of an hour that comes twice, where that matters: the wall clock at which the second begins, and its offset.
    fn fold_ahead(&self, at: Timestamp, clock: DateTime) -> Option<(DateTime, Offset)> {
        let AmbiguousOffset::Fold { before, after } = self.zone.to_ambiguous_timestamp(clock).offset() else {
            return None;
        };
        if !self.both_passes || self.zone.to_offset(at) != before {
            return None;
        }
        let change = self.zone.following(at).next()?.timestamp();
        Some((after.to_datetime(change), after))
    }

    /// In the second pass of an hour that comes twice: the wall clock at which the first ended, and its offset.
    fn fold_behind(&self, at: Timestamp, clock: DateTime) -> Option<(DateTime, Offset)> {
        let AmbiguousOffset::Fold { before, after } = self.zone.to_ambiguous_timestamp(clock).offset() else {
            return None;
        };
        if self.zone.to_offset(at) != after {
            return None;
        }
        let change = self.change_until(at)?;
        Some((before.to_datetime(change), before))
    }
}
