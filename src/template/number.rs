//! Numbers as JavaScript writes and reads them.

/// The largest integer up to which a float holds every integer.
const MAX_SAFE_INTEGER: f64 = 9_007_199_254_740_991.0;

/// <https://tc39.es/ecma262/#sec-numeric-types-number-tostring>
pub(super) fn to_text(number: f64) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number == 0.0 {
        return "0".to_owned();
    }
    // Most numbers are integers. By way of the scientific form, a message that joined 900 of them
    // over and over took 20 ms.
    if number.fract() == 0.0 && number.abs() <= MAX_SAFE_INTEGER {
        return (number as i64).to_string();
    }

    let sign = if number < 0.0 { "-" } else { "" };
    if number.is_infinite() {
        return format!("{sign}Infinity");
    }

    // The shortest digits that give this number again, as `d.ddde-7`.
    let scientific = format!("{:e}", number.abs());
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let digits: String = mantissa.chars().filter(|digit| *digit != '.').collect();
    let count = digits.len() as i32;
    // Where the decimal point is, from the first digit.
    let point = exponent.parse::<i32>().unwrap_or_default() + 1;

    // ECMA-262 writes an exponent from 1e21 on, and below 1e-6.
    let shown = if (count..=21).contains(&point) {
        format!("{digits}{}", "0".repeat((point - count) as usize))
    } else if (1..=21).contains(&point) {
        format!(
            "{}.{}",
            &digits[..point as usize],
            &digits[point as usize..]
        )
    } else if (-5..=0).contains(&point) {
        format!("0.{}{digits}", "0".repeat(-point as usize))
    } else {
        let fraction = if count > 1 {
            format!(".{}", &digits[1..])
        } else {
            String::new()
        };
        let exponent = point - 1;
        let plus = if exponent > 0 { "+" } else { "" };
        format!("{}{fraction}e{plus}{exponent}", &digits[..1])
    };

    format!("{sign}{shown}")
}

/// `Number(text)`; NaN: it is no number. <https://tc39.es/ecma262/#sec-stringtonumber>
pub(super) fn parse(text: &str) -> f64 {
    let text = text.trim_matches(is_space);
    if text.is_empty() {
        // JavaScript's `Number('')` is 0 and not NaN.
        return 0.0;
    }

    // A sign before the prefix makes it no number, as in JavaScript: `-0x10` is NaN.
    let radix = match text.get(..2) {
        Some("0x" | "0X") => 16,
        Some("0o" | "0O") => 8,
        Some("0b" | "0B") => 2,
        _ => return parse_decimal(text),
    };
    let digits = &text[2..];
    if digits.is_empty() {
        return f64::NAN;
    }

    digits
        .chars()
        .try_fold(0.0, |number, digit| {
            digit
                .to_digit(radix)
                .map(|digit| number * f64::from(radix) + f64::from(digit))
        })
        .unwrap_or(f64::NAN)
}

fn parse_decimal(text: &str) -> f64 {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if unsigned == "Infinity" {
        return if text.starts_with('-') {
            f64::NEG_INFINITY
        } else {
            f64::INFINITY
        };
    }

    // Rust reads a few more words than JavaScript.
    let is_decimal = unsigned.starts_with(|first: char| first.is_ascii_digit() || first == '.')
        && unsigned
            .chars()
            .all(|character| matches!(character, '0'..='9' | '.' | 'e' | 'E' | '+' | '-'));
    if !is_decimal {
        return f64::NAN;
    }

    text.parse().unwrap_or(f64::NAN)
}

/// What JavaScript takes for white space.
pub(super) fn is_space(character: char) -> bool {
    // ECMA-262 counts U+FEFF as white space and U+0085 not; Unicode does the opposite.
    character == '\u{feff}' || (character.is_whitespace() && character != '\u{85}')
}

/// As JavaScript rounds where it needs an integer: NaN is 0.
pub(super) fn to_integer(number: f64) -> f64 {
    if number.is_nan() { 0.0 } else { number.trunc() }
}

/// `slice(from, to)` of a list of `length`: where it begins and ends.
pub(super) fn slice_bounds(length: usize, from: f64, to: f64) -> std::ops::Range<usize> {
    let bound = |at: f64| {
        let at = to_integer(at);
        let at = if at < 0.0 { length as f64 + at } else { at };
        at.clamp(0.0, length as f64) as usize
    };
    let from = bound(from);

    // JavaScript gives an empty part where the end lies before the beginning. Rust would panic.
    from..bound(to).max(from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_javascript_does() {
        for (number, text) in [
            (0.0, "0"),
            (-0.0, "0"),
            (3.0, "3"),
            (-1.5, "-1.5"),
            (-120.0, "-120"),
            (9_007_199_254_740_991.0, "9007199254740991"),
            (9_007_199_254_740_994.0, "9007199254740994"),
            (0.1 + 0.2, "0.30000000000000004"),
            (1e21, "1e+21"),
            (1e20, "100000000000000000000"),
            (1.5e300, "1.5e+300"),
            (1e-7, "1e-7"),
            (0.000_001, "0.000001"),
            (5e-324, "5e-324"),
            (123_456_789_012_345_680_000.0, "123456789012345680000"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(to_text(number), text);
        }
    }

    #[test]
    fn numbers_are_read_as_javascript_does() {
        for (text, number) in [
            ("", 0.0),
            (" 12 ", 12.0),
            ("0x10", 16.0),
            ("1e3", 1000.0),
            ("-5", -5.0),
            (".5", 0.5),
            ("5.", 5.0),
        ] {
            assert!((parse(text) - number).abs() < f64::EPSILON, "{text}");
        }
        for text in ["3.5abc", "inf", "nan", "0x", "1e", "e1", "1 2", "--1"] {
            assert!(parse(text).is_nan(), "{text}");
        }
    }
}
