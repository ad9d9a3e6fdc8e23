//! From measurements to a verdict. Pure: time comes in as an argument.
//!
//! Measured and bad (`Failed`), could not be measured (`Error`) and too little data (`Inconclusive`) are three results all the
//! way. Only measurements that were made and were bad make a check fail: an outage of whatever measures never does.

use jiff::Timestamp;

/// What one measurement came to.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Measured, and as expected.
    Passed,
    /// Measured, and not as expected.
    Failed,
    /// Could not be measured: why, in a few words.
    Error(String),
    /// There was nothing to measure.
    NoData,
}

/// One measurement.
#[derive(Debug, Clone, PartialEq)]
pub struct Measurement {
    /// When.
    pub at: Timestamp,
    /// What it came to.
    pub outcome: Outcome,
    /// What was measured, for people: `value 0.034, baseline 0.002`. Holds no data of the database but numbers.
    pub shown: String,
}

/// When a check fails.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Limit {
    /// At that many failed measurements in a row.
    InARow(u32),
    /// At that many failed measurements in the window, wherever they are.
    InAll(u32),
    /// When the share of failed measurements among those that were made is greater, from 0 to 1, once there are as many as
    /// [`Limits::min_measurements`].
    Share(f64),
}

/// What a measurement that found no data counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoData {
    /// It could not be measured.
    Error,
    /// It is good.
    Pass,
    /// It is bad.
    Fail,
}

/// The limits of one check.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// When it fails.
    pub failure: Limit,
    /// At that many measurements in a row that could not be made it is inconclusive.
    pub errors: u32,
    /// With fewer measurements that were made it is inconclusive at the end.
    pub min_measurements: u32,
    /// What no data counts as.
    pub no_data: NoData,
}

/// How many measurements came to what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// As expected.
    pub passed: u32,
    /// Not as expected.
    pub failed: u32,
    /// Not made.
    pub errors: u32,
    /// Failed ones in a row, up to the last.
    pub failed_in_a_row: u32,
    /// Ones that could not be made in a row, up to the last.
    pub errors_in_a_row: u32,
}

impl Counts {
    /// Measurements that were made.
    #[must_use]
    pub fn made(&self) -> u32 {
        self.passed + self.failed
    }

    /// Counts one more.
    pub fn add(&mut self, outcome: &Outcome, no_data: NoData) {
        match (outcome, no_data) {
            (Outcome::Passed, _) | (Outcome::NoData, NoData::Pass) => {
                self.passed += 1;
                self.failed_in_a_row = 0;
                self.errors_in_a_row = 0;
            }
            (Outcome::Failed, _) | (Outcome::NoData, NoData::Fail) => {
                self.failed += 1;
                self.failed_in_a_row += 1;
                self.errors_in_a_row = 0;
            }
            // What could not be measured says nothing about the row of failures before it.
            (Outcome::Error(_), _) | (Outcome::NoData, NoData::Error) => {
                self.errors += 1;
                self.errors_in_a_row += 1;
            }
        }
    }
}

/// What a check's measurements say so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckState {
    /// Nothing that decides yet.
    Measuring,
    /// Over, and good.
    Passed,
    /// Measured, and bad.
    Failed,
    /// Could not be measured, or not often enough.
    Inconclusive,
}

impl Limits {
    /// What these counts mean. `over`: there will be no more measurements.
    #[must_use]
    pub fn judge(&self, counts: &Counts, over: bool) -> CheckState {
        let tripped = match self.failure {
            Limit::InARow(limit) => counts.failed_in_a_row >= limit,
            Limit::InAll(limit) => counts.failed >= limit,
            Limit::Share(share) => {
                counts.made() >= self.min_measurements.max(1)
                    && f64::from(counts.failed) > share * f64::from(counts.made())
            }
        };
        if tripped {
            return CheckState::Failed;
        }
        if counts.errors_in_a_row >= self.errors {
            return CheckState::Inconclusive;
        }
        if !over {
            return CheckState::Measuring;
        }
        if counts.made() < self.min_measurements { CheckState::Inconclusive } else { CheckState::Passed }
    }
}

/// One check while its window is open.
#[derive(Debug, Clone, PartialEq)]
pub struct Tally {
    /// The check's name.
    pub name: String,
    /// Its limits.
    pub limits: Limits,
    /// Whether it decides, or is only told.
    pub enforced: bool,
    /// How many measurements came to what.
    pub counts: Counts,
    /// The last measurement.
    pub last: Option<Measurement>,
    /// Failed for good: what comes later does not heal it.
    tripped: bool,
}

/// The window in which checks are measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    /// The checks, in the order of the spec.
    pub tallies: Vec<Tally>,
}

/// What a window says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing yet.
    Open,
    /// Every check that decides passed.
    Passed,
    /// A check that decides failed.
    Failed,
    /// No check that decides failed, and at least one came to nothing.
    Inconclusive,
}

impl Window {
    /// A window without measurements: each check as name, limits and whether it decides.
    #[must_use]
    pub fn new(checks: impl IntoIterator<Item = (String, Limits, bool)>) -> Self {
        let tallies = checks.into_iter().map(|(name, limits, enforced)| Tally {
            name,
            limits,
            enforced,
            counts: Counts::default(),
            last: None,
            tripped: false,
        });
        Self { tallies: tallies.collect() }
    }

    /// Takes in a measurement of the check at that place.
    pub fn add(&mut self, check: usize, measurement: Measurement) {
        let Some(tally) = self.tallies.get_mut(check) else { return };
        tally.counts.add(&measurement.outcome, tally.limits.no_data);
        tally.tripped |= tally.limits.judge(&tally.counts, false) == CheckState::Failed;
        tally.last = Some(measurement);
    }

    /// What it says. `over`: there will be no more measurements. A failure is told at once; everything else at the end, so that
    /// a check that could not be measured for a while may still be.
    #[must_use]
    pub fn verdict(&self, over: bool) -> Verdict {
        let states: Vec<CheckState> =
            self.tallies.iter().filter(|tally| tally.enforced).map(|tally| tally.state(over)).collect();
        if states.contains(&CheckState::Failed) {
            return Verdict::Failed;
        }
        if !over {
            return Verdict::Open;
        }
        // A window in which nothing is measured says nothing; one whose checks only observe was asked to.
        if self.tallies.is_empty() || states.contains(&CheckState::Inconclusive) {
            Verdict::Inconclusive
        } else {
            Verdict::Passed
        }
    }

    /// The check that decides first about a failure.
    #[must_use]
    pub fn culprit(&self) -> Option<&Tally> {
        self.tallies.iter().find(|tally| tally.enforced && tally.state(false) == CheckState::Failed)
    }
}

impl Tally {
    /// What it says.
    #[must_use]
    pub fn state(&self, over: bool) -> CheckState {
        if self.tripped { CheckState::Failed } else { self.limits.judge(&self.counts, over) }
    }
}
