//! Text.

use std::sync::Arc;

use super::{Arguments, Context, Made, Stop, Value};
use crate::template::number::{is_space, slice_bounds};
use crate::template::value::utf16_length;

/// The value as text, whose reading is paid for.
pub(super) fn text(context: &mut Context<'_>, value: Value) -> Result<Arc<str>, Stop> {
    let text = value.plain().text(context.budget)?;
    context.budget.bytes(text.len())?;

    Ok(text)
}

pub(super) fn made(context: &mut Context<'_>, text: String) -> Made {
    context.budget.text(text.len())?;

    Ok(Value::from(text))
}

/// The value and the only argument, for which there must be one.
fn pair(
    context: &mut Context<'_>,
    value: Value,
    arguments: &Arguments,
) -> Result<(Arc<str>, Arc<str>), Stop> {
    // LiquidJS refuses another number of arguments.
    if arguments.0.len() != 1 {
        return Err(Stop::failed("it takes one argument"));
    }
    let value = text(context, value)?;
    let argument = text(context, arguments.get(0))?;

    Ok((value, argument))
}

pub(super) fn append(context: &mut Context<'_>, value: Value, arguments: &Arguments) -> Made {
    let (value, argument) = pair(context, value, arguments)?;

    made(context, format!("{value}{argument}"))
}

pub(super) fn prepend(context: &mut Context<'_>, value: Value, arguments: &Arguments) -> Made {
    let (value, argument) = pair(context, value, arguments)?;

    made(context, format!("{argument}{value}"))
}

pub(super) fn downcase(context: &mut Context<'_>, value: Value, _: &Arguments) -> Made {
    let value = text(context, value)?;

    made(context, value.to_lowercase())
}

pub(super) fn upcase(context: &mut Context<'_>, value: Value, _: &Arguments) -> Made {
    let value = text(context, value)?;

    made(context, value.to_uppercase())
}

pub(super) fn capitalize(context: &mut Context<'_>, value: Value, _: &Arguments) -> Made {
    let value = text(context, value)?;

    let mut characters = value.chars();
    let first: String = characters
        .next()
        .into_iter()
        .flat_map(char::to_uppercase)
        .collect();
    // LiquidJS makes the rest lower case: `McDonald` becomes `Mcdonald`.
    made(context, first + &characters.as_str().to_lowercase())
}

/// The characters that a filter takes away at the ends; none: white space.
fn trimmed(context: &mut Context<'_>, arguments: &Arguments) -> Result<Option<Arc<str>>, Stop> {
    let characters = arguments.get(0);
    if !characters.is_truthy_in_js() {
        return Ok(None);
    }

    text(context, characters).map(Some)
}

/// Takes the work of trimming `value`: each of its characters may be compared with each of `characters`.
fn charge_trimming(
    context: &mut Context<'_>,
    value: &str,
    characters: Option<&str>,
) -> Result<(), Stop> {
    context
        .budget
        .work(value.len() * characters.map_or(0, str::len) / 16)
}

pub(super) fn strip(context: &mut Context<'_>, value: Value, arguments: &Arguments) -> Made {
    let value = text(context, value)?;
    let characters = trimmed(context, arguments)?;
    charge_trimming(context, &value, characters.as_deref())?;

    let stripped = match &characters {
        Some(characters) => value.trim_matches(|character| characters.contains(character)),
        None => value.trim_matches(is_space),
    };
    made(context, stripped.to_owned())
}

pub(super) fn lstrip(context: &mut Context<'_>, value: Value, arguments: &Arguments) -> Made {
    let value = text(context, value)?;
    let characters = trimmed(context, arguments)?;
    charge_trimming(context, &value, characters.as_deref())?;

    let stripped = match &characters {
        Some(characters) => value.trim_start_matches(|character| characters.contains(character)),
        None => value.trim_start_matches(is_space),
    };
    made(context, stripped.to_owned())
}

pub(super) fn rstrip(context: &mut Context<'_>, value: Value, arguments: &Arguments) -> Made {
    let value = text(context, value)?;
    let characters = trimmed(context, arguments)?;
    charge_trimming(context, &value, characters.as_deref())?;

    let stripped = match &characters {
        Some(characters) => value.trim_end_matches(|character| characters.contains(character)),
        None => value.trim_end_matches(is_space),
    };
    made(context, stripped.to_owned())
}

pub(super) fn strip_newlines(context: &mut Context<'_>, value: Value, _: &Arguments) -> Made {
    let value = text(context, value)?;

    made(context, value.replace("\r\n", "").replace('\n', ""))
}

fn with_single_spaces(value: &str) -> String {
    let mut result = String::with_capacity(value.len());
    let mut was_space = false;

    for character in value.chars() {
        let is_space = is_space(character);
        if !is_space {
            result.push(character);
        } else if !was_space {
            result.push(' ');
        }
        was_space = is_space;
    }
    result
}

pub(super) fn normalize_whitespace(context: &mut Context<'_>, value: Value, _: &Arguments) -> Made {
    let value = text(context, value)?;

    made(context, with_single_spaces(&value))
}

pub(super) fn squish(context: &mut Context<'_>, value: Value, _: &Arguments) -> Made {
    let value = text(context, value)?;

    made(
        context,
        with_single_spaces(&value).trim_matches(is_space).to_owned(),
    )
}

pub(super) fn remove(context: &mut Context<'_>, value: Value, arguments: &Arguments) -> Made {
    let value = text(context, value)?;
    let part = text(context, arguments.get(0))?;
    // `str.split('').join('')` is the text again.
    if part.is_empty() {
        return Ok(Value::Text(value));
    }

    made(context, value.replace(&*part, ""))
}

pub(super) fn remove_first(context: &mut Context<'_>, value: Value, arguments: &Arguments) -> Made {
    let value = text(context, value)?;
    let part = text(context, arguments.get(0))?;

    made(context, value.replacen(&*part, "", 1))
}

/// `value` with what stands at the last `part` replaced.
fn with_last_replaced(value: &str, part: &str, replacement: &str) -> String {
    match value.rfind(part) {
        Some(at) => format!("{}{replacement}{}", &value[..at], &value[at + part.len()..]),
        None => value.to_owned(),
    }
}

pub(super) fn remove_last(context: &mut Context<'_>, value: Value, arguments: &Arguments) -> Made {
    let value = text(context, value)?;
    let part = text(context, arguments.get(0))?;

    made(context, with_last_replaced(&value, &part, ""))
}

pub(super) fn replace(context: &mut Context<'_>, value: Value, arguments: &Arguments) -> Made {
    let value = text(context, value)?;
    let part = text(context, arguments.get(0))?;
    let replacement = text(context, arguments.get(1))?;

    // How long it becomes is known before it is made.
    let (count, length) = if part.is_empty() {
        (value.chars().count().saturating_sub(1), value.len())
    } else {
        let count = value.matches(&*part).count();
        (count, value.len() - count * part.len())
    };
    context.budget.text(length + count * replacement.len())?;

    if part.is_empty() {
        // Each character is a text of its own.
        context.budget.work(count)?;
        let characters: Vec<String> = value.chars().map(String::from).collect();
        return Ok(Value::from(characters.join(&replacement)));
    }
    Ok(Value::from(value.replace(&*part, &replacement)))
}

pub(super) fn replace_first(
    context: &mut Context<'_>,
    value: Value,
    arguments: &Arguments,
) -> Made {
    let value = text(context, value)?;
    let part = text(context, arguments.get(0))?;
    let replacement = text(context, arguments.get(1))?;

    made(context, value.replacen(&*part, &replacement, 1))
}

pub(super) fn replace_last(context: &mut Context<'_>, value: Value, arguments: &Arguments) -> Made {
    let value = text(context, value)?;
    let part = text(context, arguments.get(0))?;
    let replacement = text(context, arguments.get(1))?;

    made(context, with_last_replaced(&value, &part, &replacement))
}

/// The parts between `part`; those at the end that are empty are left out.
pub(super) fn split(context: &mut Context<'_>, value: Value, arguments: &Arguments) -> Made {
    let value = text(context, value)?;
    let part = text(context, arguments.get(0))?;

    let count = if part.is_empty() {
        value.chars().count()
    } else {
        value.matches(&*part).count() + 1
    };
    context.budget.array(count)?;
    // Each part is a text of its own.
    context.budget.work(count)?;

    let mut parts: Vec<Value> = if part.is_empty() {
        value
            .chars()
            .map(|character| Value::from(character.to_string()))
            .collect()
    } else {
        value.split(&*part).map(Value::from).collect()
    };
    // As Ruby's `split`, and so Shopify's.
    while parts
        .pop_if(|last| matches!(last, Value::Text(text) if text.is_empty()))
        .is_some()
    {}
    Ok(Value::array(parts))
}

/// The argument at `index` as a number; none: `default`.
fn number(
    context: &mut Context<'_>,
    arguments: &Arguments,
    index: usize,
    default: f64,
) -> Result<f64, Stop> {
    match arguments.get(index) {
        Value::Absent => Ok(default),
        other => other.plain().number(context.budget),
    }
}

fn ellipsis(context: &mut Context<'_>, arguments: &Arguments) -> Result<Arc<str>, Stop> {
    match arguments.get(1) {
        Value::Absent => Ok(Arc::from("...")),
        other => text(context, other),
    }
}

pub(super) fn truncate(context: &mut Context<'_>, value: Value, arguments: &Arguments) -> Made {
    let shown = text(context, value.clone())?;
    let length = number(context, arguments, 0, 50.0)?;
    let ellipsis = ellipsis(context, arguments)?;

    // LiquidJS first compares UTF-16 units and then characters, so both are counted.
    let count = shown.chars().count();
    let units = utf16_length(&shown, context.budget)?;
    // NaN is as long as nothing.
    if units as f64 <= length || length.max(0.0).ceil() >= count as f64 {
        return Ok(value);
    }

    let kept = (length - ellipsis.chars().count() as f64).max(0.0).ceil() as usize;
    let kept: String = shown.chars().take(kept).collect();
    made(context, kept + &ellipsis)
}

pub(super) fn truncatewords(
    context: &mut Context<'_>,
    value: Value,
    arguments: &Arguments,
) -> Made {
    let value = text(context, value)?;
    let most = number(context, arguments, 0, 15.0)?;
    let ellipsis = ellipsis(context, arguments)?;

    let words = words(value.trim_start_matches(is_space));
    context.budget.work(words.len())?;
    // LiquidJS keeps one word at least.
    let most = if most <= 0.0 { 1.0 } else { most };
    let kept = &words[slice_bounds(words.len(), 0.0, most)];
    let mut result = kept.join(" ");
    // LiquidJS writes the dots also where the text has exactly that many words.
    if words.len() as f64 >= most {
        result.push_str(&ellipsis);
    }
    made(context, result)
}

/// The parts between white space. White space at an end has an empty part behind it.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = text;

    while let Some(at) = rest.find(is_space) {
        words.push(&rest[..at]);
        rest = rest[at..].trim_start_matches(is_space);
    }
    words.push(rest);
    words
}

fn is_cjk(character: char) -> bool {
    matches!(
        character,
        '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{3400}'..='\u{4dbf}' | '\u{3040}'..='\u{309f}'
            | '\u{30a0}'..='\u{30ff}' | '\u{ac00}'..='\u{d7af}'
    )
}

/// With `cjk` and `auto`, each Chinese, Japanese and Korean character counts as a word.
pub(super) fn number_of_words(
    context: &mut Context<'_>,
    value: Value,
    arguments: &Arguments,
) -> Made {
    let value = text(context, value)?;
    let mode = text(context, arguments.get(0))?;
    let trimmed = value.trim_matches(is_space);
    if trimmed.is_empty() {
        return Ok(Value::Number(0.0));
    }

    let characters = trimmed
        .chars()
        .filter(|character| is_cjk(*character))
        .count();
    let count = if &*mode == "cjk" || &*mode == "auto" && characters > 0 {
        let others = trimmed
            .split(|character| is_cjk(character) || is_space(character))
            .filter(|word| !word.is_empty());
        characters + others.count()
    } else {
        words(trimmed).len()
    };
    Ok(Value::Number(count as f64))
}

pub(super) fn array_to_sentence_string(
    context: &mut Context<'_>,
    value: Value,
    arguments: &Arguments,
) -> Made {
    let elements = value.elements();
    let connector = match arguments.get(0) {
        Value::Absent => Arc::from("and"),
        other => text(context, other)?,
    };

    let mut texts = Vec::with_capacity(elements.len());
    for (index, element) in elements.iter().enumerate() {
        // Before the last comma, nil is nothing.
        let is_joined = elements.len() > 2 && index + 1 < elements.len();
        texts.push(if is_joined && element.is_nothing() {
            Arc::from("")
        } else {
            element.js_text(context.budget)?
        });
    }
    let result = match texts.as_slice() {
        [] => String::new(),
        [_] => return Ok(elements[0].clone()),
        [first, second] => format!("{first} {connector} {second}"),
        [first @ .., last] => format!("{}, {connector} {last}", first.join(", ")),
    };
    made(context, result)
}
