//! Filters that select or group the elements of a list by a property or an expression.

use std::collections::HashMap;
use std::sync::Arc;

use super::arrays::{Identity, made, name, path};
use super::{Arguments, Context, Made, Stop, Value};
use crate::template::compare::equals;
use crate::template::syntax::Path;
use crate::template::value::Object;

/// What elements are matched with: a property that equals the second argument, or one that is true if
/// there is no second argument.
struct Matcher {
    path: Option<Path>,
    expected: Value,
}

impl Matcher {
    fn of(context: &mut Context<'_>, arguments: &Arguments) -> Result<Self, Stop> {
        Ok(Self {
            path: path(context, arguments)?,
            expected: arguments.get(1),
        })
    }

    fn matches(&self, context: &mut Context<'_>, element: &Value) -> Result<bool, Stop> {
        context.budget.work(2)?;
        let value = context.property_of(element, self.path.as_ref())?;

        // An absent variable as the second argument counts as none, as in LiquidJS.
        if self.expected.is_absent() {
            return Ok(value.is_truthy());
        }
        equals(&value, &self.expected, context.budget)
    }
}

/// Whether each element matches.
fn matches(
    context: &mut Context<'_>,
    elements: &[Value],
    arguments: &Arguments,
) -> Result<Vec<bool>, Stop> {
    let matcher = Matcher::of(context, arguments)?;

    elements
        .iter()
        .map(|element| matcher.matches(context, element))
        .collect()
}

/// The values of the expression in the second argument, in which each element has the name in the
/// first. The last value is the first one that `is_last`.
fn evaluated(
    context: &mut Context<'_>,
    elements: &[Value],
    arguments: &Arguments,
    is_last: fn(&Value) -> bool,
) -> Result<Vec<Value>, Stop> {
    let variable = arguments.get(0).plain().js_text(context.budget)?;
    let expression = name(context, arguments, 1)?;

    context.for_each(elements, &variable, &expression, is_last)
}

fn chosen(
    context: &mut Context<'_>,
    elements: &[Value],
    is_chosen: impl Iterator<Item = bool>,
) -> Made {
    let chosen = elements
        .iter()
        .zip(is_chosen)
        .filter(|(_, is_chosen)| *is_chosen)
        .map(|(element, _)| element.clone());

    made(context, chosen.collect())
}

pub(super) fn where_(context: &mut Context<'_>, value: Value, arguments: &Arguments) -> Made {
    let elements = value.elements();
    let matches = matches(context, &elements, arguments)?;

    chosen(context, &elements, matches.into_iter())
}

pub(super) fn reject(context: &mut Context<'_>, value: Value, arguments: &Arguments) -> Made {
    let elements = value.elements();
    let matches = matches(context, &elements, arguments)?;

    chosen(
        context,
        &elements,
        matches.into_iter().map(|is_match| !is_match),
    )
}

pub(super) fn where_exp(context: &mut Context<'_>, value: Value, arguments: &Arguments) -> Made {
    let elements = value.elements();
    let values = evaluated(context, &elements, arguments, |_| false)?;

    chosen(
        context,
        &elements,
        values
            .iter()
            // LiquidJS compares with `true` itself: a text or a number chooses nothing.
            .map(|value| matches!(value, Value::Bool(true))),
    )
}

pub(super) fn reject_exp(context: &mut Context<'_>, value: Value, arguments: &Arguments) -> Made {
    let elements = value.elements();
    let values = evaluated(context, &elements, arguments, |_| false)?;

    chosen(
        context,
        &elements,
        values
            .iter()
            // An element whose value is neither true nor false is in neither list.
            .map(|value| matches!(value, Value::Bool(false))),
    )
}

/// The index of the first element that matches.
fn found(
    context: &mut Context<'_>,
    elements: &[Value],
    arguments: &Arguments,
) -> Result<Option<usize>, Stop> {
    let matcher = Matcher::of(context, arguments)?;

    // LiquidJS ends at the first match, and so do the cost and the errors of later elements.
    for (index, element) in elements.iter().enumerate() {
        if matcher.matches(context, element)? {
            return Ok(Some(index));
        }
    }
    Ok(None)
}

fn found_by_expression(
    context: &mut Context<'_>,
    elements: &[Value],
    arguments: &Arguments,
) -> Result<Option<usize>, Stop> {
    // Here JavaScript decides, for which 0 and an empty text are false.
    let values = evaluated(context, elements, arguments, Value::is_truthy_in_js)?;

    Ok(values.iter().position(Value::is_truthy_in_js))
}

fn index(found: Option<usize>) -> Value {
    found.map_or(Value::Absent, |index| Value::Number(index as f64))
}

fn element_at(elements: &[Value], found: Option<usize>) -> Value {
    found.map_or(Value::Absent, |index| elements[index].clone())
}

pub(super) fn has(context: &mut Context<'_>, value: Value, arguments: &Arguments) -> Made {
    let found = found(context, &value.elements(), arguments)?;

    Ok(Value::Bool(found.is_some()))
}

pub(super) fn has_exp(context: &mut Context<'_>, value: Value, arguments: &Arguments) -> Made {
    let found = found_by_expression(context, &value.elements(), arguments)?;

    Ok(Value::Bool(found.is_some()))
}

pub(super) fn find_index(context: &mut Context<'_>, value: Value, arguments: &Arguments) -> Made {
    Ok(index(found(context, &value.elements(), arguments)?))
}

pub(super) fn find_index_exp(
    context: &mut Context<'_>,
    value: Value,
    arguments: &Arguments,
) -> Made {
    Ok(index(found_by_expression(
        context,
        &value.elements(),
        arguments,
    )?))
}

pub(super) fn find(context: &mut Context<'_>, value: Value, arguments: &Arguments) -> Made {
    let elements = value.elements();
    let found = found(context, &elements, arguments)?;

    Ok(element_at(&elements, found))
}

pub(super) fn find_exp(context: &mut Context<'_>, value: Value, arguments: &Arguments) -> Made {
    let elements = value.elements();
    let found = found_by_expression(context, &elements, arguments)?;

    Ok(element_at(&elements, found))
}

/// Objects with a `name` and the `items` that have it, in the order of the first of them.
fn grouped(context: &mut Context<'_>, elements: &[Value], keys: Vec<Value>) -> Made {
    let mut groups: Vec<(Value, Vec<Value>)> = Vec::new();
    let mut indexes = HashMap::new();

    for (element, key) in elements.iter().zip(keys) {
        let index = *indexes
            .entry(Identity::of(&key, context)?)
            .or_insert(groups.len());
        match groups.get_mut(index) {
            Some((_, items)) => items.push(element.clone()),
            None => groups.push((key, vec![element.clone()])),
        }
    }

    let groups = groups.into_iter().map(|(name, items)| {
        Value::Object(Arc::new(Object(vec![
            (Arc::from("name"), name),
            (Arc::from("items"), Value::array(items)),
        ])))
    });
    let groups = groups.collect();
    made(context, groups)
}

pub(super) fn group_by(context: &mut Context<'_>, value: Value, arguments: &Arguments) -> Made {
    // LiquidJS groups the pairs of an object. Other filters take it for one element.
    let elements = value.loop_elements(context.budget)?;
    let path = path(context, arguments)?;
    let mut keys = Vec::with_capacity(elements.len());
    for element in elements.iter() {
        context.budget.work(2)?;
        keys.push(context.property_of(element, path.as_ref())?);
    }

    grouped(context, &elements, keys)
}

pub(super) fn group_by_exp(context: &mut Context<'_>, value: Value, arguments: &Arguments) -> Made {
    let elements = value.loop_elements(context.budget)?;
    let keys = evaluated(context, &elements, arguments, |_| false)?;

    grouped(context, &elements, keys)
}
