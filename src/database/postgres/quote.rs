//! The one place where values become SQL text: names, string literals and numbers.
//!
//! Sluice's own statements use the simple protocol (several per round trip, and safe behind any pooler), which has no
//! parameters; so everything that enters them passes through here, and nothing enters them otherwise.

use std::fmt::Write as _;
use std::time::Duration;

/// A name in double quotes. A NUL cannot be in a name and is left out.
pub(super) fn ident(name: &str) -> String {
    format!("\"{}\"", name.replace('\0', "").replace('"', "\"\""))
}

/// A string literal, whatever `standard_conforming_strings` says. A NUL cannot be in a text and is left out.
pub(super) fn text(value: &str) -> String {
    let value = value.replace('\0', "").replace('\'', "''");
    if value.contains('\\') { format!("E'{}'", value.replace('\\', "\\\\")) } else { format!("'{value}'") }
}

/// A string literal or `null`.
pub(super) fn optional(value: Option<&str>) -> String {
    value.map_or_else(|| "null".to_owned(), text)
}

/// A duration in whole milliseconds, at least one: zero would switch a timeout off.
pub(super) fn millis(duration: Duration) -> u128 {
    duration.as_millis().clamp(1, i32::MAX as u128)
}

/// `'a', 'b'` for `in (…)`; `null` for nothing, which matches nothing.
pub(super) fn list<'a>(values: impl IntoIterator<Item = &'a str>) -> String {
    let mut out = String::new();
    for value in values {
        if !out.is_empty() {
            out.push_str(", ");
        }
        let _ = write!(out, "{}", text(value));
    }
    if out.is_empty() { "null".to_owned() } else { out }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_texts_cannot_end_their_quotes() {
        assert_eq!(ident(r#"a"; drop table x; --"#), r#""a""; drop table x; --""#);
        assert_eq!(text("it's"), "'it''s'");
        assert_eq!(text(r"\'; drop table x; --"), r"E'\\''; drop table x; --'");
        assert_eq!(text("a\0b"), "'ab'");
    }

    #[test]
    fn nothing_is_null() {
        assert_eq!(optional(None), "null");
        assert_eq!(list([]), "null");
        assert_eq!(list(["a", "b'c"]), "'a', 'b''c'");
    }

    #[test]
    fn a_timeout_never_becomes_zero_or_overflows() {
        assert_eq!(millis(Duration::from_micros(3)), 1);
        assert_eq!(millis(Duration::from_secs(u64::MAX)), i32::MAX as u128);
    }
}
