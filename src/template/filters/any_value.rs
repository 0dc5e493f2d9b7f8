//! Filters of any value.

use super::{Arguments, Context, Made, Value};

/// What takes the place of nil, false and nothing.
pub(super) fn default(_: &mut Context<'_>, value: Value, arguments: &Arguments) -> Made {
    let value = value.plain();
    let is_given = match &value {
        Value::Array(elements) => !elements.is_empty(),
        Value::Text(text) => !text.is_empty(),
        Value::Bool(false) => arguments.named("allow_false").is_truthy_in_js(),
        other => other.is_truthy(),
    };

    Ok(if is_given { value } else { arguments.get(0) })
}

pub(super) fn raw(_: &mut Context<'_>, value: Value, _: &Arguments) -> Made {
    Ok(value)
}

/// The argument is what each level begins with, or by how many spaces it is indented.
pub(super) fn json(context: &mut Context<'_>, value: Value, arguments: &Arguments) -> Made {
    const MOST: usize = 10;

    // `JSON.stringify` cuts an indent at ten characters as well.
    let indent: String = match arguments.get(0).plain() {
        Value::Text(text) => text.chars().take(MOST).collect(),
        Value::Number(count) => " ".repeat(count.clamp(0.0, MOST as f64) as usize),
        _ => String::new(),
    };

    Ok(match value.json(&indent, context.budget)? {
        Some(text) => Value::from(text),
        None => Value::Absent,
    })
}

/// `{{ 2 | pluralize: 'comment', 'comments' }}`: the word that goes with the number.
pub(super) fn pluralize(context: &mut Context<'_>, value: Value, arguments: &Arguments) -> Made {
    let count = value.plain().number(context.budget)?;
    let is_one = (count - 1.0).abs() < f64::EPSILON;

    Ok(arguments.get(usize::from(!is_one)))
}
