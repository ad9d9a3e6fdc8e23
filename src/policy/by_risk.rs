//! Something for plans of each risk. Whatever a lower risk is asked for, a higher one is asked for, too.

use crate::migration::Risk;

/// What holds for every plan, and what takes its place from a higher risk on.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ByRisk<T> {
    always: T,
    /// Lowest risk first.
    higher: Vec<(Risk, T)>,
}

impl<T> ByRisk<T> {
    /// The same whatever the risk.
    #[must_use]
    pub fn always(always: T) -> Self {
        Self { always, higher: Vec::new() }
    }

    /// Made for LOW and for each of these risks, which are in ascending order.
    ///
    /// # Errors
    /// The first that could not be made.
    pub(super) fn of<E>(risks: &[Risk], make: impl Fn(Risk) -> Result<T, E>) -> Result<Self, E> {
        let higher = risks.iter().map(|risk| Ok((*risk, make(*risk)?))).collect::<Result<_, E>>()?;
        Ok(Self { always: make(Risk::Low)?, higher })
    }

    /// What holds for a plan of that risk.
    #[must_use]
    pub fn at(&self, risk: Risk) -> &T {
        self.higher.iter().rev().find(|(from, _)| *from <= risk).map_or(&self.always, |(_, value)| value)
    }

    /// What holds for the highest risk: everything that any plan may be asked for.
    #[must_use]
    pub fn strictest(&self) -> &T {
        self.at(Risk::Critical)
    }

    /// Whether the risk of a plan makes a difference.
    #[must_use]
    pub fn differs(&self) -> bool {
        !self.higher.is_empty()
    }

    /// Each with the risk from which on it holds, lowest first.
    pub fn each(&self) -> impl Iterator<Item = (Risk, &T)> {
        std::iter::once((Risk::Low, &self.always)).chain(self.higher.iter().map(|(risk, value)| (*risk, value)))
    }

    /// Something else of each.
    #[must_use]
    pub fn map<U>(&self, make: impl Fn(&T) -> U) -> ByRisk<U> {
        let higher = self.higher.iter().map(|(risk, value)| (*risk, make(value))).collect();
        ByRisk { always: make(&self.always), higher }
    }

    /// Something else of each, where that can be made.
    ///
    /// # Errors
    /// The first that could not be made, lowest risk first.
    pub fn try_map<U, E>(&self, make: impl Fn(&T) -> Result<U, E>) -> Result<ByRisk<U>, E> {
        let always = make(&self.always)?;
        let higher = self.higher.iter().map(|(risk, value)| Ok((*risk, make(value)?))).collect::<Result<_, E>>()?;
        Ok(ByRisk { always, higher })
    }
}
