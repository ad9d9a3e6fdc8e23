//! Sizes as people write and read them: `32Mi`, `10Gi`. One spelling for custom resources and messages.

const UNITS: [(&str, u64); 4] = [("Ki", 1 << 10), ("Mi", 1 << 20), ("Gi", 1 << 30), ("Ti", 1 << 40)];

/// `10Gi` in bytes.
#[must_use]
pub fn parse(text: &str) -> Option<u64> {
    let (number, unit) = UNITS.iter().find_map(|(name, unit)| Some((text.strip_suffix(name)?, *unit)))?;
    let number = number.parse::<u64>().ok().filter(|_| number.bytes().all(|byte| byte.is_ascii_digit()))?;
    number.checked_mul(unit)
}

/// About how much it is, in two digits that mean something: what grows a little is written the same.
#[must_use]
pub fn about(bytes: u64) -> String {
    let Some((name, unit)) = UNITS.iter().rev().find(|(_, unit)| bytes >= *unit) else {
        return "less than 1Ki".to_owned();
    };
    let tenths = bytes / (unit / 10).max(1);
    match tenths {
        0..100 if !tenths.is_multiple_of(10) => format!("{}.{}{name}", tenths / 10, tenths % 10),
        0..1000 => format!("{}{name}", tenths / 10),
        _ => format!("{}{name}", tenths / 100 * 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_the_schema_promises() {
        assert_eq!(parse("10Gi"), Some(10 << 30));
        assert_eq!(parse("0Ki"), Some(0));
        assert_eq!(parse("2Ti"), Some(2 << 40));
        for text in ["10", "10G", "10GB", "Gi", "-1Gi", "+1Gi", "1.5Gi", "99999999999999Ti", ""] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn sizes_are_shown_so_that_little_changes_do_not_show() {
        for (bytes, shown) in [
            (0, "less than 1Ki"),
            (1 << 10, "1Ki"),
            (1536, "1.5Ki"),
            (12 << 30, "12Gi"),
            ((12 << 30) + (90 << 20), "12Gi"),
            (345 << 20, "340Mi"),
            (1023 << 20, "1020Mi"),
            (3 << 40, "3Ti"),
        ] {
            assert_eq!(about(bytes), shown);
        }
    }
}
