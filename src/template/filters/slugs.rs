//! Text as a part of a URL or a name of code.

use std::sync::Arc;

use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory};

use super::strings::{made, text};
use super::{Arguments, Context, Made, Value};
use crate::template::number::is_space;

/// Letters, the marks that belong to them, as vowels of Hindi and Thai do, and decimal digits.
fn is_letter_or_digit(character: char) -> bool {
    let is_letter_or_mark = || {
        matches!(
            character.general_category_group(),
            GeneralCategoryGroup::Letter | GeneralCategoryGroup::Mark
        )
    };

    character.is_ascii_alphanumeric()
        || is_letter_or_mark()
        || character.general_category() == GeneralCategory::DecimalNumber
}

/// `text` with each run of other characters as one `-`, and none at its ends.
fn with_dashes(text: &str, is_kept: impl Fn(char) -> bool) -> String {
    let mut result = String::with_capacity(text.len());
    // Not seen from the result, which may end with a `-` of the text.
    let mut is_within_run = false;

    for character in text.chars() {
        let is_kept = is_kept(character);
        if is_kept {
            result.push(character);
        } else if !is_within_run {
            result.push('-');
        }
        is_within_run = !is_kept;
    }

    let result = result.strip_prefix('-').unwrap_or(&result);
    result.strip_suffix('-').unwrap_or(result).to_owned()
}

fn without_accents(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    for character in text.chars() {
        let plain = match character {
            'à'..='å' => "a",
            'æ' => "ae",
            'ç' => "c",
            'è'..='ë' => "e",
            'ì'..='ï' => "i",
            'ð' => "d",
            'ñ' => "n",
            'ò'..='ö' | 'ø' => "o",
            'ù'..='ü' => "u",
            'ý' | 'ÿ' => "y",
            'ß' => "ss",
            'œ' => "oe",
            'þ' => "th",
            'ẞ' => "SS",
            'Œ' => "OE",
            'Þ' => "TH",
            other => {
                result.push(other);
                continue;
            }
        };
        result.push_str(plain);
    }

    result
}

pub(super) fn slugify(context: &mut Context<'_>, value: Value, arguments: &Arguments) -> Made {
    let value = text(context, value)?;
    let mode = match arguments.get(0) {
        Value::Absent => Arc::from("default"),
        other => text(context, other)?,
    };

    // Modes of LiquidJS. With an unknown one it changes nothing but the case.
    let slug = match &*mode {
        "default" => with_dashes(&value, is_letter_or_digit),
        "latin" => with_dashes(&without_accents(&value), is_letter_or_digit),
        "ascii" => with_dashes(&value, |character| character.is_ascii_alphanumeric()),
        "raw" => with_dashes(&value, |character| !is_space(character)),
        "pretty" => with_dashes(&value, |character| {
            is_letter_or_digit(character) || "._~!$&'()+,;=@".contains(character)
        }),
        _ => value.to_string(),
    };
    let is_cased = arguments.get(1).is_truthy_in_js();
    made(context, if is_cased { slug } else { slug.to_lowercase() })
}

/// `Order shipped` as `order-shipped`.
pub(super) fn handleize(context: &mut Context<'_>, value: Value, _: &Arguments) -> Made {
    let value = text(context, value)?;

    made(
        context,
        with_dashes(&value.to_lowercase(), is_letter_or_digit),
    )
}

/// `order-shipped` as `OrderShipped`.
pub(super) fn camelize(context: &mut Context<'_>, value: Value, _: &Arguments) -> Made {
    let value = text(context, value)?;

    let words = value.split(|character| !is_letter_or_digit(character));
    let words = words.map(|word| {
        let mut characters = word.chars();
        let first: String = characters
            .next()
            .into_iter()
            .flat_map(char::to_uppercase)
            .collect();
        first + characters.as_str()
    });
    made(context, words.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_belong_to_letters_and_fractions_do_not() {
        for (text, expected) in [
            (
                "\u{939}\u{93f}\u{928}\u{94d}\u{926}\u{940} x",
                "\u{939}\u{93f}\u{928}\u{94d}\u{926}\u{940}-x",
            ),
            ("x\u{b2}y \u{bd}", "x-y"),
            ("\u{663}a", "\u{663}a"),
        ] {
            assert_eq!(with_dashes(text, is_letter_or_digit), expected);
        }
    }

    #[test]
    fn a_run_is_one_dash_beside_those_of_the_text() {
        let is_kept = |character| !is_space(character);

        assert_eq!(with_dashes("a  b", is_kept), "a-b");
        assert_eq!(with_dashes("a - b", is_kept), "a---b");
    }
}
