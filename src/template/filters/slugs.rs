//! Text as a part of a URL or a name of code.

use std::sync::Arc;

use super::strings::{made, text};
use super::{Arguments, Context, Made, Value};
use crate::template::number::is_space;

fn is_letter_or_digit(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '\u{300}'..='\u{36f}')
}

/// `text` with each run of other characters as one `-`, and none at its ends.
fn with_dashes(text: &str, is_kept: impl Fn(char) -> bool) -> String {
    let mut result = String::with_capacity(text.len());
    for character in text.chars() {
        if is_kept(character) {
            result.push(character);
        } else if !result.ends_with('-') || is_kept('-') {
            result.push('-');
        }
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

    let words = value.split(|character: char| !character.is_alphanumeric());
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
