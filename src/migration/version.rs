//! Versions: digit strings of any length, compared as numbers without being turned into one.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};

/// A migration's version: one or more runs of digits (`001`, `20240131120000`, `1.2`), kept as written and compared
/// part by part as numbers of any length. `1`, `001` and `1.0` are the same version. A whole date with dashes, as Diesel
/// writes it, is one run of digits: `2024-01-31-120000` is `20240131120000`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Version {
    text: String,
}

/// Why a text is not a version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a version: write digits, as in 003, 20240131120000 or 1.2")]
pub struct VersionError(pub String);

impl Version {
    /// Reads a version. `_` and `-` between digits read as `.`: both are common in file names.
    ///
    /// # Errors
    /// When the text is empty, longer than 100 characters or holds anything but digits and single separators.
    pub fn parse(text: &str) -> Result<Self, VersionError> {
        let dotted = text.trim().replace(['_', '-'], ".");
        let well_formed =
            dotted.len() <= 100 && dotted.split('.').all(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()));
        if !well_formed {
            return Err(VersionError(text.to_owned()));
        }
        let lengths: Vec<usize> = dotted.split('.').map(str::len).collect();
        let is_date = matches!(lengths.as_slice(), [4, 2, 2, 6] | [4, 2, 2, 6, 4]);
        Ok(Self { text: if is_date { dotted.replace('.', "") } else { dotted } })
    }

    /// The version as written, separators as `.`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether every part is zero: the state before any first version.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.text.bytes().all(|byte| byte == b'0' || byte == b'.')
    }

    /// The same text for equal versions (`1` for `1`, `001` and `1.0`): what ledgers keep as their key.
    #[must_use]
    pub fn key(&self) -> String {
        let parts: Vec<&str> = self.parts().into_iter().map(|part| if part.is_empty() { "0" } else { part }).collect();
        parts.join(".")
    }

    /// The parts without leading zeros, and without trailing parts that are zero.
    fn parts(&self) -> Vec<&str> {
        let mut parts: Vec<&str> = self.text.split('.').map(|part| part.trim_start_matches('0')).collect();
        while parts.len() > 1 && parts.last().is_some_and(|part| part.is_empty()) {
            parts.pop();
        }
        parts
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let (mine, theirs) = (self.parts(), other.parts());
        for (a, b) in mine.iter().zip(&theirs) {
            let order = compare(a, b);
            if order != Ordering::Equal {
                return order;
            }
        }
        mine.len().cmp(&theirs.len())
    }
}

/// The digits of the longest date in use: Diesel's 18 are padded by others to 20.
const LONGEST_DATE: usize = 20;

/// How many zeros a run of digits wants behind it, when it is a date: of two dates, the one with more digits is more
/// precise and not later. Projects mix them: `202512291102420000` comes before `20260120162913`.
fn padding(digits: &str) -> usize {
    let century = digits.starts_with("19") || digits.starts_with("20");
    let is_date = match digits.len() {
        8 => {
            let number = |range: std::ops::Range<usize>| digits.get(range).and_then(|text| text.parse::<u8>().ok());
            number(4..6).is_some_and(|month| (1..=12).contains(&month))
                && number(6..8).is_some_and(|day| (1..=31).contains(&day))
        }
        length => (12..=LONGEST_DATE).contains(&length),
    };
    if century && is_date { LONGEST_DATE - digits.len() } else { 0 }
}

/// Compares two runs of digits without leading zeros.
fn compare(a: &str, b: &str) -> Ordering {
    let padded = |digits: &str| digits.len() + padding(digits);
    let zeros = |count: usize| std::iter::repeat_n(b'0', count);
    padded(a)
        .cmp(&padded(b))
        .then_with(|| a.bytes().chain(zeros(padding(a))).cmp(b.bytes().chain(zeros(padding(b)))))
        .then_with(|| a.len().cmp(&b.len()))
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Version {}

impl Hash for Version {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.parts().hash(state);
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl TryFrom<String> for Version {
    type Error = VersionError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<Version> for String {
    fn from(version: Version) -> Self {
        version.text
    }
}

impl std::str::FromStr for Version {
    type Err = VersionError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn v(text: &str) -> Version {
        Version::parse(text).unwrap()
    }

    #[test]
    fn leading_zeros_do_not_matter() {
        assert_eq!(v("1"), v("001"));
        assert_eq!(v("0"), v("000"));
        assert!(v("010") > v("9"));
    }

    #[test]
    fn versions_longer_than_any_integer_compare_as_numbers() {
        assert!(v("202401311200001234567890") > v("20240131120000"));
        assert!(v("99999999999999999999999") < v("100000000000000000000000"));
    }

    #[test]
    fn parts_compare_one_by_one() {
        assert!(v("1.10") > v("1.9"));
        assert!(v("1.1") > v("1"));
        assert_eq!(v("1.0"), v("1"));
        assert_eq!(v("2018-01-01-000000"), v("2018.01.01.000000"));
    }

    #[test]
    fn equal_versions_have_equal_keys() {
        assert_eq!(v("001").key(), v("1.0").key());
        assert_eq!(v("001").key(), "1");
        assert_eq!(v("000").key(), "0");
        assert_eq!(v("1.0.02").key(), "1.0.2");
    }

    #[test]
    fn dates_of_mixed_precision_compare_as_dates() {
        assert!(v("202512291102420000") < v("20260120162913"));
        assert!(v("20251229110242") < v("202512291102420000"));
        assert_ne!(v("20251229110242"), v("202512291102420000"));
        assert!(v("9999") < v("202512291102"));
        assert!(v("20251230") > v("20251229110242"));
        assert!(v("20259999") < v("20251229110242"));
    }

    #[test]
    fn a_date_with_dashes_is_the_date_without() {
        assert_eq!(v("2018-01-01-000000"), v("20180101000000"));
        assert_eq!(v("2018-01-01-000000-0000").as_str(), "201801010000000000");
        assert_eq!(v("2018-01-01").as_str(), "2018.01.01");
    }

    #[test]
    fn anything_but_digits_is_refused_with_the_cure() {
        for text in ["", "v1", "1..2", "1.", "latest", "1a", "-1"] {
            let error = Version::parse(text).unwrap_err();
            assert!(error.to_string().contains("write digits"), "{error}");
        }
    }

    fn any_version() -> impl Strategy<Value = Version> {
        let part = prop_oneof![
            "[0-9]{1,9}",
            "20[0-2][0-9][01][0-9][0-3][0-9]",
            "20[0-9]{10,18}",
            "19[0-9]{10,16}",
            "[0-9]{10,25}"
        ];
        proptest::collection::vec(part, 1..3).prop_map(|parts| v(&parts.join(".")))
    }

    proptest! {
        #[test]
        fn the_order_of_versions_is_total(a in any_version(), b in any_version(), c in any_version()) {
            prop_assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
            if a <= b && b <= c {
                prop_assert!(a <= c);
            }
            prop_assert_eq!(a.cmp(&a), Ordering::Equal);
        }
    }
}
