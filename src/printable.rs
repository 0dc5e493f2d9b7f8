//! Text from elsewhere, as commands print it: it can't control the terminal.

use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

/// `text` without control characters, which could change the terminal or forge a line, and without
/// characters that can't be seen, which could make text look like other text.
pub(crate) fn printable(text: &str) -> String {
    text.chars()
        .map(|character| {
            if is_printable(character) {
                character
            } else {
                char::REPLACEMENT_CHARACTER
            }
        })
        .collect()
}

fn is_printable(character: char) -> bool {
    !matches!(
        character.general_category(),
        GeneralCategory::Control
            // Among them are marks that change the direction of what follows.
            | GeneralCategory::Format
            | GeneralCategory::LineSeparator
            | GeneralCategory::ParagraphSeparator
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        assert_eq!(
            printable("a\u{1b}[31m\nb\u{9b}c\u{202e}d"),
            "a\u{fffd}[31m\u{fffd}b\u{fffd}c\u{fffd}d"
        );
        assert_eq!(
            printable("naïve 👋\u{a0}❤\u{fe0f}"),
            "naïve 👋\u{a0}❤\u{fe0f}"
        );

        for hidden in [
            '\u{ad}',
            '\u{61c}',
            '\u{200b}',
            '\u{200e}',
            '\u{2028}',
            '\u{2029}',
            '\u{2060}',
            '\u{2066}',
            '\u{feff}',
            '\u{e0001}',
        ] {
            assert_eq!(
                printable(&format!("a{hidden}b")),
                "a\u{fffd}b",
                "{hidden:?}"
            );
        }
    }
}
