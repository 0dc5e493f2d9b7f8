//! Texts of a provider, as they are stored and shown.

/// Most characters of a provider's text that are kept.
pub(super) const MAX_CHARACTERS: usize = 1000;

/// The beginning of `text`, without NUL, which a Postgres `text` can't hold.
pub(super) fn bounded_text(text: &str) -> String {
    text.chars()
        .filter(|character| *character != '\0')
        .take(MAX_CHARACTERS)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nul_is_left_out_and_the_length_is_bounded() {
        assert_eq!(bounded_text("a\0b"), "ab");
        assert_eq!(
            bounded_text(&"é".repeat(2000)).chars().count(),
            MAX_CHARACTERS
        );
    }
}
