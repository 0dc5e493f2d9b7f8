//! The escapes in the strings of a template.

/// A string with its escapes: `\n`, `\u00e9`, `\101`, and `\` before any other character. `inner` ends with
/// the quote, which is not a part of it.
pub(super) fn unescaped(inner: &[char]) -> String {
    let end = inner.len().saturating_sub(1);
    // A string of JavaScript: the two escapes `\ud83d\ude00` are one character.
    let mut units: Vec<u16> = Vec::with_capacity(inner.len());
    let mut at = 0;

    while at < end {
        let character = inner[at];
        at += 1;
        if character != '\\' {
            push(&mut units, character);
            continue;
        }

        // Behind a string that is not closed, this may be its last character, as in LiquidJS.
        let escape = inner[at];
        match escape {
            'b' => units.push(8),
            'f' => units.push(12),
            'n' => units.push(10),
            'r' => units.push(13),
            't' => units.push(9),
            'v' => units.push(11),
            'u' => {
                at += 1;
                // LiquidJS takes fewer than four digits as they are; without a digit it is the
                // character 0.
                units.push(digits(inner, &mut at, 16, 4));
                continue;
            }
            '0'..='7' => {
                units.push(digits(inner, &mut at, 8, 3));
                continue;
            }
            other => push(&mut units, other),
        }
        at += 1;
    }

    // JavaScript keeps half an emoji. No provider takes such text, so it becomes U+FFFD.
    String::from_utf16_lossy(&units)
}

fn push(units: &mut Vec<u16>, character: char) {
    units.extend_from_slice(character.encode_utf16(&mut [0; 2]));
}

/// Up to `most` digits of `inner` from `at` on.
fn digits(inner: &[char], at: &mut usize, radix: u32, most: usize) -> u16 {
    let end = (*at + most).min(inner.len());
    let mut value = 0;

    while *at < end
        && let Some(digit) = inner[*at].to_digit(radix)
    {
        value = value * radix + digit;
        *at += 1;
    }
    value as u16
}
