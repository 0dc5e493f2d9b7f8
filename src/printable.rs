//! Text from elsewhere, as commands print it: it can't control the terminal.

/// `text` without control characters, which could change the terminal or forge a line.
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
    // Marks that change the direction of what follows, which can make text look like other text.
    let turns_text = matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');

    !character.is_control() && !turns_text
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
        assert_eq!(printable("naïve 👋"), "naïve 👋");
    }
}
