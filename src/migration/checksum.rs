//! The checksum of a script: what "the same content" means, across editors and operating systems.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// `h1:` and the hexadecimal SHA-256 of a script's text after a byte order mark is stripped, CRLF became LF and
/// trailing white space of the text as a whole is gone. The prefix names this recipe, so that a later one can live
/// beside it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Checksum(String);

impl Checksum {
    /// The checksum of a script's text.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let normal = normalise(text);
        Self(format!("h1:{}", hex::encode(Sha256::digest(normal.trim_end().as_bytes()))))
    }

    /// A checksum as the ledger or a status recorded it. It is compared, never parsed.
    #[must_use]
    pub fn recorded(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The whole text, `h1:` included.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Text without a byte order mark and with LF line ends: the form in which scripts are read, hashed and run.
#[must_use]
pub fn normalise(text: &str) -> String {
    text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn editors_and_operating_systems_do_not_change_a_checksum() {
        let plain = Checksum::of("select 1;\nselect 2;");
        assert_eq!(plain, Checksum::of("\u{feff}select 1;\r\nselect 2;\r\n\r\n"));
        assert_eq!(plain, Checksum::of("select 1;\nselect 2;  \n\t\n"));
    }

    #[test]
    fn a_change_inside_the_text_changes_the_checksum() {
        assert_ne!(Checksum::of("select 1;"), Checksum::of("select  1;"));
        assert_ne!(Checksum::of("select 1;"), Checksum::of(" select 1;"));
    }

    #[test]
    fn the_recipe_is_sha256_in_hexadecimal_with_a_prefix() {
        assert_eq!(Checksum::of("").as_str(), "h1:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }
}
