//! Several windows together: whether runs may begin, until when, and when next.
//!
//! Pure: the moment is an argument. `Allow` windows of one group are alternatives, all groups must be open at once, and any `Deny`
//! closes. A window is open from its beginning, and closed again at its end.

use jiff::{SignedDuration, Timestamp};

use crate::api::v1alpha1::WindowKind;

use super::Window;

/// How many windows in a row are looked at before it is said that there is no end, or no opening, in sight.
const STEPS: usize = 5_000;
/// How far ahead an opening is looked for: eleven years hold a 29 February also around a century that has none.
const HORIZON: SignedDuration = SignedDuration::from_hours(11 * 366 * 24);

/// A moment at which something changes, and the window that changes it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Edge<'a> {
    /// When.
    pub at: Timestamp,
    /// The window that opens or closes then.
    pub window: &'a Window,
}

/// How the windows stand.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum State<'a> {
    /// Runs may begin.
    Open {
        /// When that ends; `None` where no end is in sight.
        until: Option<Edge<'a>>,
    },
    /// They may not.
    Closed {
        /// The `Deny` window that closes, where it is one.
        denied: Option<&'a Window>,
        /// When they may; `None` where no opening is in sight.
        until: Option<Edge<'a>>,
    },
}

/// All windows of an object.
#[derive(Debug)]
pub struct Calendar<'a> {
    denies: Vec<&'a Window>,
    groups: Vec<Vec<&'a Window>>,
}

enum Block<'a> {
    /// A `Deny` window, until then.
    Denied(Edge<'a>),
    /// No window of that group is open.
    NotAllowed(usize),
}

impl<'a> Calendar<'a> {
    /// Sorts windows into groups.
    #[must_use]
    pub fn of(windows: &'a [Window]) -> Self {
        let (mut denies, mut groups): (Vec<_>, Vec<Vec<&Window>>) = (Vec::new(), Vec::new());
        for window in windows {
            match window.kind {
                WindowKind::Deny => denies.push(window),
                WindowKind::Allow => {
                    match groups.iter_mut().find(|group| group.iter().any(|other| other.group == window.group)) {
                        Some(group) => group.push(window),
                        None => groups.push(vec![window]),
                    }
                }
            }
        }
        Self { denies, groups }
    }

    /// How the windows stand at a moment.
    #[must_use]
    pub fn state_at(&self, now: Timestamp) -> State<'a> {
        match self.block(now) {
            None => State::Open { until: self.end(now) },
            Some(block) => State::Closed {
                denied: match block {
                    Block::Denied(edge) => Some(edge.window),
                    Block::NotAllowed(_) => None,
                },
                until: self.opening(now),
            },
        }
    }

    /// The first moment, from a moment on, at which a run of that length may begin and is over before the end.
    #[must_use]
    pub fn fitting(&self, from: Timestamp, length: SignedDuration) -> Option<Edge<'a>> {
        let mut at = from;
        for _ in 0..STEPS / 50 {
            let opening = self.opening(at)?;
            if fits(opening.at, length, self.limit(opening.at).as_ref()) {
                return Some(opening);
            }
            at = self.end(opening.at)?.at;
        }
        None
    }

    fn block(&self, at: Timestamp) -> Option<Block<'a>> {
        if let Some(edge) = longest(&self.denies, at) {
            return Some(Block::Denied(edge));
        }
        self.groups.iter().position(|group| longest(group, at).is_none()).map(Block::NotAllowed)
    }

    /// When what is open now ends.
    fn end(&self, now: Timestamp) -> Option<Edge<'a>> {
        self.earliest(&self.denies, self.groups.iter(), now)
    }

    /// When a run that begins now has to be over. Windows that may be outlasted end nothing; all others do, also where one that may be
    /// outlasted ends before.
    #[must_use]
    pub fn limit(&self, now: Timestamp) -> Option<Edge<'a>> {
        let denies: Vec<&Window> = self.denies.iter().filter(|window| !window.allow_overrun).copied().collect();
        let groups = self.groups.iter().filter(|group| {
            let mut open = group.iter().filter(|window| longest(&[window], now).is_some());
            !open.any(|window| window.allow_overrun)
        });
        self.earliest(&denies, groups, now).filter(|edge| !edge.window.allow_overrun)
    }

    fn earliest<'b>(
        &self,
        denies: &[&'a Window],
        groups: impl Iterator<Item = &'b Vec<&'a Window>>,
        now: Timestamp,
    ) -> Option<Edge<'a>>
    where
        'a: 'b,
    {
        let denied = first(denies, now);
        let ends = groups.filter_map(|group| {
            let mut edge = longest(group, now)?;
            for _ in 0..STEPS {
                if denied.is_some_and(|denied| denied.at <= edge.at) {
                    return None;
                }
                // A window that begins when this one ends carries on.
                match longest(group, edge.at) {
                    Some(next) => edge = next,
                    None => return Some(edge),
                }
            }
            None
        });
        denied.into_iter().chain(ends).min_by_key(|edge| edge.at)
    }

    /// The first moment, from now on, at which nothing closes.
    fn opening(&self, now: Timestamp) -> Option<Edge<'a>> {
        let horizon = now.checked_add(HORIZON).ok()?;
        let mut edge: Option<Edge<'a>> = None;
        for _ in 0..STEPS {
            let at = edge.map_or(now, |edge| edge.at);
            if at > horizon {
                return None;
            }
            edge = match self.block(at) {
                // Where it is open already any window tells the time zone.
                None => return edge.or_else(|| self.any().map(|window| Edge { at, window })),
                Some(Block::Denied(end)) => Some(end),
                Some(Block::NotAllowed(group)) => Some(first(self.groups.get(group)?, at)?),
            };
        }
        None
    }

    fn any(&self) -> Option<&'a Window> {
        self.groups.iter().flatten().chain(&self.denies).next().copied()
    }
}

/// Whether a run of that length that begins at a moment is over when it has to be.
#[must_use]
pub fn fits(at: Timestamp, length: SignedDuration, limit: Option<&Edge<'_>>) -> bool {
    limit.is_none_or(|limit| at.checked_add(length).is_ok_and(|over| over <= limit.at))
}

/// Of the windows that are open at a moment the one that stays open longest, and until when.
fn longest<'a>(windows: &[&'a Window], at: Timestamp) -> Option<Edge<'a>> {
    let open = windows.iter().filter_map(|window| {
        let end = window.schedule.latest(at)?.checked_add(window.duration).ok()?;
        (end > at).then_some(Edge { at: end, window })
    });
    open.max_by_key(|edge| edge.at)
}

/// The first of the windows that begins after a moment.
fn first<'a>(windows: &[&'a Window], after: Timestamp) -> Option<Edge<'a>> {
    let begins = windows.iter().filter_map(|window| Some(Edge { at: window.schedule.next(after)?, window }));
    begins.min_by_key(|edge| edge.at)
}
