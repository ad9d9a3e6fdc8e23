//! Durations as people write them: `90s`, `15m`, `1h30m`, `100ms`. One spelling for custom resources, flags, environment
//! variables and messages.
//!
//! Reading and writing is jiff's; this room only narrows what it reads to the spelling that the custom resources promise,
//! so that `1 hour, 3 minutes` or `PT15M` do not work in one place and fail in another.

use std::time::Duration;

use jiff::SignedDuration;
use jiff::fmt::friendly::{Designator, Spacing, SpanPrinter};

/// What [`parse`] accepts, as a regular expression for OpenAPI schemas (RE2 and ECMA alike).
pub const PATTERN: &str = "^([0-9]{1,9}h)?([0-9]{1,9}m)?([0-9]{1,9}s)?([0-9]{1,9}ms)?$";

/// The longest duration that is accepted: ten years. Nothing in Sluice waits that long, and adding it to any clock is safe.
pub const MAX: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

const PRINTER: SpanPrinter = SpanPrinter::new().designator(Designator::Compact).spacing(Spacing::None);

/// Why a text is not a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// Not in the form of [`PATTERN`].
    #[error(
        "`{0}` is not a duration: write whole numbers with h, m, s or ms, largest first, as in 90s, 15m, 1h30m or 100ms"
    )]
    Malformed(String),
    /// Longer than [`MAX`].
    #[error("`{0}` is longer than ten years: write a shorter duration")]
    TooLong(String),
}

/// Reads a duration.
///
/// # Errors
/// When the text is not in the form of [`PATTERN`], is empty, or is longer than [`MAX`].
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    let malformed = || DurationError::Malformed(text.to_owned());
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'h' | b'm' | b's')) {
        return Err(malformed());
    }
    // jiff's `SignedDuration` reads the rest of the grammar: order of units, digits before each, no unit twice.
    let signed: SignedDuration = text.parse().map_err(|_| malformed())?;
    let duration = Duration::try_from(signed).map_err(|_| malformed())?;
    if duration > MAX { Err(DurationError::TooLong(text.to_owned())) } else { Ok(duration) }
}

/// Writes a duration so that [`parse`] reads it back, to the millisecond: `1h30m`, `0s`.
#[must_use]
pub fn format(duration: Duration) -> String {
    let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
    PRINTER.duration_to_string(&SignedDuration::from_millis(millis))
}

/// Writes an estimate: whole seconds from one second on, whole minutes from ten minutes on.
#[must_use]
pub fn rough(duration: Duration) -> String {
    let unit = match duration.as_secs() {
        0 => return format(duration),
        1..600 => 1,
        600.. => 60,
    };
    format(Duration::from_secs(duration.as_secs().div_ceil(unit) * unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_estimate_is_not_told_more_exactly_than_it_is_known() {
        let told = |millis| rough(Duration::from_millis(millis));
        assert_eq!([told(40), told(1_999), told(87_040), told(4_000_500)], ["40ms", "1s", "1m27s", "1h7m"]);
    }

    #[test]
    fn what_people_write_is_read() {
        assert_eq!(parse("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse("15m"), Ok(Duration::from_secs(900)));
        assert_eq!(parse("1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(parse("100ms"), Ok(Duration::from_millis(100)));
        assert_eq!(parse("1h2m3s4ms"), Ok(Duration::from_millis(3_723_004)));
        assert_eq!(parse("0s"), Ok(Duration::ZERO));
        assert_eq!(parse("90m"), Ok(Duration::from_secs(5400)));
    }

    #[test]
    fn everything_else_is_refused_with_examples() {
        for text in ["", "5", "s", "1d", "1.5h", "-1s", "1 h", "30m1h", "PT15M", "1h1h", "15min", "1hour", "1us", "１s"]
        {
            let error = parse(text).unwrap_err();
            assert!(matches!(error, DurationError::Malformed(_)), "{text}: {error}");
            assert!(error.to_string().contains("15m"), "{error}");
        }
    }

    #[test]
    fn a_duration_that_no_clock_could_add_is_refused() {
        assert!(matches!(parse("999999999h"), Err(DurationError::TooLong(_))));
        assert!(parse("99999999999999999999h").is_err());
    }

    #[test]
    fn what_is_written_reads_back_as_the_same_duration() {
        for millis in [0, 1, 100, 999, 1000, 61_001, 3_600_000, 5_400_000, 86_400_000 * 3] {
            let duration = Duration::from_millis(millis);
            let text = format(duration);
            assert_eq!(parse(&text), Ok(duration), "{text}");
        }
        assert_eq!(format(Duration::from_secs(5400)), "1h30m");
        assert_eq!(format(Duration::from_millis(1500)), "1s500ms");
    }

    proptest::proptest! {
        #[test]
        fn the_schema_pattern_and_the_parser_agree(text in "[0-9]{0,3}[hms]{0,2}[0-9]{0,3}[hms]{0,2}[0-9]{0,2}(ms)?") {
            let by_pattern = !text.is_empty() && regex(&text);
            let well_formed = !matches!(parse(&text), Err(DurationError::Malformed(_)));
            proptest::prop_assert_eq!(well_formed, by_pattern, "{}", text);
        }
    }

    /// [`PATTERN`] spelled out, without a regular expression engine: the units in order, each after its digits.
    fn regex(text: &str) -> bool {
        let mut rest = text;
        for unit in ["h", "m", "s", "ms"] {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let Some(after) = rest.get(digits..).and_then(|tail| tail.strip_prefix(unit)) else { continue };
            if digits == 0 || (unit == "m" && after.starts_with('s')) {
                continue;
            }
            rest = after;
        }
        rest.is_empty()
    }
}
