//! Versions: digit strings of any length, compared as numbers without being turned into one.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};

/// A migration's version: one or more runs of digits (`001`, `20240131120000`, `1.2`), kept as written and compared
/// part by part as numbers of any length. `1`, `001` and `1.0` are the same version.
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
        if well_formed { Ok(Self { text: dotted }) } else { Err(VersionError(text.to_owned())) }
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
            let order = a.len().cmp(&b.len()).then_with(|| a.cmp(b));
            if order != Ordering::Equal {
                return order;
            }
        }
        mine.len().cmp(&theirs.len())
    }
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
    fn anything_but_digits_is_refused_with_the_cure() {
        for text in ["", "v1", "1..2", "1.", "latest", "1a", "-1"] {
            let error = Version::parse(text).unwrap_err();
            assert!(error.to_string().contains("write digits"), "{error}");
        }
    }
}
