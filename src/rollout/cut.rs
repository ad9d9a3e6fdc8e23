//! Texts that are longer than where they go to takes, or than anybody reads.

/// For a condition: Kubernetes takes up to 32 KiB; one screen is what people read.
pub(super) const CONDITION: usize = 2_000;
/// For each text of a gate: all of them together have to stay far below what the API server takes of a status.
pub(super) const GATE: usize = 1_000;
/// For an event's note, which may hold 1 kB.
pub(super) const NOTE: usize = 1_000;

/// Cuts a text at a character so that it has at most so many bytes, and says so.
pub(super) fn cut(longest: usize, mut text: String) -> String {
    const MORE: &str = " …";
    if text.len() > longest {
        let mut end = longest.saturating_sub(MORE.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push_str(MORE);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::cut;

    #[test]
    fn a_text_is_cut_at_a_character_and_never_too_long() {
        assert_eq!(cut(10, "0123456789".to_owned()), "0123456789");
        assert_eq!(cut(10, "0123456789a".to_owned()), "012345 …");
        assert_eq!(cut(10, "01234ä6789a".to_owned()), "01234 …");
    }
}
