//! Lists, and the parts of texts.

use std::collections::HashSet;
use std::sync::Arc;

use super::{Arguments, Context, Made, Stop, Value};
use crate::template::number::slice_bounds;
use crate::template::scanner::Scanner;
use crate::template::syntax::Path;
use crate::template::value::{Literal, element, utf16_length};

pub(super) fn made(context: &mut Context<'_>, elements: Vec<Value>) -> Made {
    context.budget.array(elements.len())?;

    Ok(Value::array(elements))
}

pub(super) fn size(context: &mut Context<'_>, value: Value, _: &Arguments) -> Made {
    let size = match value {
        Value::Text(text) => utf16_length(&text, context.budget)? as f64,
        Value::Array(elements) => elements.len() as f64,
        Value::Object(object) => {
            // LiquidJS reads `length` of any value, so the field of an object counts.
            let length = object
                .get("length")
                .filter(|length| length.is_truthy_in_js());
            return Ok(length.cloned().unwrap_or(Value::Number(0.0)));
        }
        Value::Loop(state) => state.length as f64,
        _ => 0.0,
    };

    Ok(Value::Number(size))
}

/// The element at an end of a list, or the character at an end of a text.
fn end(value: Value, index: f64) -> Value {
    match value.plain() {
        Value::Array(elements) => element(&elements, index),
        Value::Text(text) => {
            let mut characters = text.chars();
            let character = if index < 0.0 {
                characters.next_back()
            } else {
                characters.next()
            };
            character.map_or(Value::from(""), |character| {
                Value::from(character.to_string())
            })
        }
        _ => Value::from(""),
    }
}

pub(super) fn first(_: &mut Context<'_>, value: Value, _: &Arguments) -> Made {
    Ok(end(value, 0.0))
}

pub(super) fn last(_: &mut Context<'_>, value: Value, _: &Arguments) -> Made {
    Ok(end(value, -1.0))
}

pub(super) fn join(context: &mut Context<'_>, value: Value, arguments: &Arguments) -> Made {
    let separator = match arguments.get(0).plain() {
        Value::Absent | Value::Nil => Arc::from(" "),
        other => other.text(context.budget)?,
    };
    let elements = value.elements();

    let mut result = String::new();
    for (index, element) in elements.iter().enumerate() {
        if index > 0 {
            result.push_str(&separator);
            // Charged piece by piece, so that the budget stops it before it is long.
            context.budget.bytes(separator.len())?;
        }
        // JavaScript's `join` writes nothing for null and undefined.
        if !element.is_nothing() {
            let element = element.js_text(context.budget)?;
            result.push_str(&element);
            context.budget.bytes(element.len())?;
        }
    }
    context.budget.text(result.len())?;
    Ok(Value::from(result))
}

pub(super) fn reverse(context: &mut Context<'_>, value: Value, _: &Arguments) -> Made {
    let elements = value.elements().iter().rev().cloned().collect();

    made(context, elements)
}

/// A property that a filter names, as text.
pub(super) fn name(
    context: &mut Context<'_>,
    arguments: &Arguments,
    index: usize,
) -> Result<Arc<str>, Stop> {
    arguments.get(index).plain().text(context.budget)
}

/// A property that a filter names, parsed.
pub(super) fn path(context: &mut Context<'_>, arguments: &Arguments) -> Result<Option<Path>, Stop> {
    let name = name(context, arguments, 0)?;
    // The name may come from a variable, so it is parsed again for each recipient.
    context.budget.work(name.len())?;
    let characters: Vec<char> = name.chars().collect();

    Scanner::new(&characters, 0, characters.len())
        .scope_value()
        .map_err(Stop::Failed)
}

pub(super) fn map(context: &mut Context<'_>, value: Value, arguments: &Arguments) -> Made {
    let name = name(context, arguments, 0)?;
    let mut values = Vec::new();
    for element in value.elements().iter() {
        values.push(context.dotted(element, &name)?);
    }

    made(context, values)
}

/// What is no number counts as 0.
pub(super) fn sum(context: &mut Context<'_>, value: Value, arguments: &Arguments) -> Made {
    let has_name = arguments.get(0).is_truthy_in_js();
    let name = name(context, arguments, 0)?;
    let mut sum = 0.0;

    for element in value.elements().iter() {
        let number = if has_name {
            context.dotted(element, &name)?
        } else {
            element.clone()
        };
        let number = number.plain().number(context.budget)?;
        context.budget.work(1)?;
        // LiquidJS leaves out what is no number.
        sum += if number.is_nan() { 0.0 } else { number };
    }
    Ok(Value::Number(sum))
}

pub(super) fn compact(context: &mut Context<'_>, value: Value, _: &Arguments) -> Made {
    let elements = value.elements();
    let elements = elements.iter().filter(|element| !element.is_nil());

    made(context, elements.cloned().collect())
}

fn joined(context: &mut Context<'_>, left: &[Value], right: &[Value]) -> Made {
    context.budget.array(left.len() + right.len())?;

    Ok(Value::array([left, right].concat()))
}

pub(super) fn concat(context: &mut Context<'_>, value: Value, arguments: &Arguments) -> Made {
    joined(context, &value.elements(), &arguments.get(0).elements())
}

pub(super) fn push(context: &mut Context<'_>, value: Value, arguments: &Arguments) -> Made {
    joined(context, &value.elements(), &[arguments.get(0)])
}

pub(super) fn unshift(context: &mut Context<'_>, value: Value, arguments: &Arguments) -> Made {
    joined(context, &[arguments.get(0)], &value.elements())
}

pub(super) fn pop(context: &mut Context<'_>, value: Value, _: &Arguments) -> Made {
    let elements = value.elements();

    made(
        context,
        elements
            .split_last()
            .map_or(Vec::new(), |(_, rest)| rest.to_vec()),
    )
}

pub(super) fn shift(context: &mut Context<'_>, value: Value, _: &Arguments) -> Made {
    let elements = value.elements();

    made(
        context,
        elements
            .split_first()
            .map_or(Vec::new(), |(_, rest)| rest.to_vec()),
    )
}

/// Where a part of something of `length` begins that is asked for from `begin` on; a negative one counts from
/// the end.
fn from_start(context: &mut Context<'_>, begin: Value, length: usize) -> Made {
    // JavaScript's plus below: a text such as "-2" is appended to the length, and gives no number.
    if begin.number(context.budget)? < 0.0 {
        return Value::Number(length as f64).js_plus(&begin, context.budget);
    }

    Ok(begin)
}

/// A part of a list or a text: from an index on, which counts from the end if it is negative.
pub(super) fn slice(context: &mut Context<'_>, value: Value, arguments: &Arguments) -> Made {
    let begin = arguments.get(0).plain();
    let length = match arguments.get(1).plain() {
        Value::Absent => Value::Number(1.0),
        other => other,
    };
    let count = length.number(context.budget)?;

    match value.plain() {
        Value::Absent | Value::Nil => Ok(Value::array(Vec::new())),
        Value::Array(elements) => {
            let begin = from_start(context, begin, elements.len())?;
            let from = begin.number(context.budget)?;
            if from < 0.0 || count < 0.0 {
                return Ok(Value::array(Vec::new()));
            }
            let end = begin.js_plus(&length, context.budget)?;
            let end = end.number(context.budget)?;
            let part = elements[slice_bounds(elements.len(), from, end)].to_vec();
            made(context, part)
        }
        other => {
            let text = other.text(context.budget)?;
            context.budget.text(text.len())?;
            let begin = from_start(context, begin, text.chars().count())?;
            let from = begin.number(context.budget)?;
            if from < 0.0 || count < 0.0 {
                return Ok(Value::from(""));
            }
            let part = text
                .chars()
                // LiquidJS counts characters up to the number, so a fraction is one more.
                .skip(from.ceil() as usize)
                .take(count.ceil() as usize);
            Ok(Value::from(part.collect::<String>()))
        }
    }
}

/// What two values have in common that `uniq` and `group_by` take for one: objects and lists are only the
/// same as themselves.
#[derive(PartialEq, Eq, Hash)]
pub(super) enum Identity {
    Absent,
    Nil,
    Literal(Literal),
    Bool(bool),
    Number(u64),
    Large(i128),
    Text(Arc<str>),
    Place(usize),
}

impl Identity {
    pub(super) fn of(value: &Value, context: &mut Context<'_>) -> Result<Self, Stop> {
        context.budget.work(2)?;

        Ok(match value {
            Value::Absent => Self::Absent,
            Value::Nil => Self::Nil,
            Value::Literal(literal) => Self::Literal(*literal),
            Value::Bool(value) => Self::Bool(*value),
            // Both zeros are one number.
            Value::Number(number) => Self::Number((number + 0.0).to_bits()),
            Value::Large(integer) => Self::Large(*integer),
            Value::Text(text) => {
                context.budget.bytes(text.len())?;
                Self::Text(Arc::clone(text))
            }
            // JavaScript's `Set` and `Map` know a list or an object by its place. All that is
            // compared stays alive meanwhile, so no place is used twice.
            Value::Array(elements) => Self::Place(Arc::as_ptr(elements).addr()),
            Value::Object(object) => Self::Place(Arc::as_ptr(object).addr()),
            Value::Loop(state) => Self::Place(Arc::as_ptr(state).addr()),
        })
    }
}

pub(super) fn uniq(context: &mut Context<'_>, value: Value, _: &Arguments) -> Made {
    let mut seen = HashSet::new();
    let mut unique = Vec::new();

    for element in value.elements().iter() {
        if seen.insert(Identity::of(element, context)?) {
            unique.push(element.clone());
        }
    }
    made(context, unique)
}
