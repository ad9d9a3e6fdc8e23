//! Which policy imposed what, in words; and the two ways in which a value is made stricter.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

use crate::api::v1alpha1::PolicyStatus;
use crate::duration;

/// What policies ask of one field, with the names of the policies.
pub(super) type Demands<'a, T> = Vec<(&'a str, T)>;

/// What each policy that selects the object imposed on it, and what stands in the way.
#[derive(Debug, Default)]
pub(super) struct Notes {
    imposed: BTreeMap<String, Vec<String>>,
    violations: Vec<String>,
}

impl Notes {
    /// Nothing yet, of these policies.
    pub(super) fn of<'a>(policies: impl Iterator<Item = &'a str>) -> Self {
        let imposed = policies.map(|name| (name.to_owned(), Vec::new())).collect();
        Self { imposed, violations: Vec::new() }
    }

    /// A policy imposed something.
    pub(super) fn imposed(&mut self, policy: &str, what: String) {
        self.imposed.entry(policy.to_owned()).or_default().push(what);
    }

    /// A policy asks for what cannot be imposed.
    pub(super) fn violated(&mut self, policy: &str, what: &str) {
        self.violations.push(format!("MigrationPolicy {policy}: {what}"));
    }

    /// Everything that was noted: what was imposed, and what stands in the way.
    pub(super) fn into_parts(self) -> (Vec<PolicyStatus>, Vec<String>) {
        let imposed = self.imposed.into_iter().map(|(name, imposed)| PolicyStatus { name, imposed, from_risk: None });
        (imposed.collect(), self.violations)
    }

    /// The greatest of all values. `None` where nobody asks for more than the object does.
    pub(super) fn at_least<T: Ord + Clone>(
        &mut self,
        field: &str,
        object: &T,
        demands: &Demands<'_, T>,
        show: impl Fn(&T) -> String,
    ) -> Option<T> {
        let greatest = demands.iter().map(|(_, value)| value).max().filter(|greatest| *greatest > object)?;
        for (policy, _) in demands.iter().filter(|(_, value)| value == greatest) {
            self.imposed(policy, format!("{field}: {} instead of {}", show(greatest), show(object)));
        }
        Some(greatest.clone())
    }

    /// The longest of all durations, as text.
    pub(super) fn at_least_so_long(
        &mut self,
        field: &str,
        object: Duration,
        demands: &Demands<'_, Duration>,
    ) -> Option<String> {
        self.at_least(field, &object, demands, |length| duration::format(*length)).map(duration::format)
    }

    /// The shortest of all durations, as text; the object's may be "for ever".
    pub(super) fn at_most(
        &mut self,
        field: &str,
        object: Option<Duration>,
        demands: &Demands<'_, Duration>,
    ) -> Option<String> {
        let longest = Reverse(object.unwrap_or(Duration::MAX));
        let demands = demands.iter().map(|(policy, length)| (*policy, Reverse(*length))).collect();
        let show = |Reverse(length): &Reverse<Duration>| {
            if *length == Duration::MAX { "for ever".to_owned() } else { duration::format(*length) }
        };
        self.at_least(field, &longest, &demands, show).map(|Reverse(length)| duration::format(length))
    }

    /// True where anybody says so.
    pub(super) fn either(&mut self, field: &str, object: Option<bool>, demands: &Demands<'_, bool>) -> Option<bool> {
        self.at_least(field, &object.unwrap_or(false), demands, ToString::to_string)
    }

    /// The object's entries and, after them, in a fixed order, those that policies add. `None` where they add nothing.
    pub(super) fn together(
        &mut self,
        field: &str,
        object: Option<&Vec<String>>,
        demands: &Demands<'_, &[String]>,
    ) -> Option<Vec<String>> {
        let own: &[String] = object.map(Vec::as_slice).unwrap_or_default();
        let mut added: Vec<String> = Vec::new();
        for (policy, entries) in demands {
            let news: Vec<&str> = entries.iter().filter(|entry| !own.contains(entry)).map(String::as_str).collect();
            if !news.is_empty() {
                self.imposed(policy, format!("{field}: {} added", news.join(", ")));
                added.extend(news.into_iter().map(str::to_owned));
            }
        }
        added.sort();
        added.dedup();
        (!added.is_empty()).then(|| own.iter().cloned().chain(added).collect())
    }
}

/// A duration of an object's spec. One that cannot be read stays as it is, and is refused with the spec: `None`.
pub(super) fn readable(text: Option<&str>, otherwise: Option<Duration>) -> Option<Option<Duration>> {
    match text {
        None => Some(otherwise),
        Some(text) => duration::parse(text).ok().map(Some),
    }
}
