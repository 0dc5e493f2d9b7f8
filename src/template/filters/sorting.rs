//! Filters that sort lists.

use std::cmp::Ordering;

use super::arrays::{made, name};
use super::{Arguments, Context, Made, Stop, Value};
use crate::template::compare::sort_order;

/// V8 sorts fewer elements than these by insertion, and others by merging.
const SMALL: usize = 64;

/// What `elements` are sorted by: a property of each, or each itself.
fn sort_keys(
    context: &mut Context<'_>,
    elements: &[Value],
    arguments: &Arguments,
) -> Result<Vec<Value>, Stop> {
    // LiquidJS sorts by the elements if JavaScript takes the name for false, as an empty one.
    if !arguments.get(0).is_truthy_in_js() {
        return Ok(elements.to_vec());
    }

    let name = name(context, arguments, 0)?;
    let mut keys = Vec::with_capacity(elements.len());
    for element in elements {
        keys.push(context.dotted(element, &name)?);
    }
    Ok(keys)
}

/// Sorts by `keys` and keeps the order of equal ones.
///
/// The order of values of several kinds may contradict itself, so what comes out depends on which are
/// compared. Below [`SMALL`] elements, they are those that V8 compares.
/// <https://github.com/v8/v8/blob/main/third_party/v8/builtins/array-sort.tq>
fn sorted(context: &mut Context<'_>, elements: &[Value], keys: &[Value]) -> Made {
    let mut order: Vec<usize> = (0..elements.len()).collect();
    if order.len() < SMALL {
        insert_sorted(context, &mut order, keys)?;
    } else {
        order = merge_sorted(context, order, keys)?;
    }

    let elements = order
        .into_iter()
        .map(|index| elements[index].clone())
        .collect();
    made(context, elements)
}

/// Whether the element `one` comes before `other`.
fn is_before(
    context: &mut Context<'_>,
    keys: &[Value],
    one: usize,
    other: usize,
) -> Result<bool, Stop> {
    context.budget.work(2)?;

    let order = sort_order(&keys[one], &keys[other], context.budget)?;
    Ok(order == Ordering::Less)
}

/// Sorts the indexes of `keys`: a run at the beginning that is in order is kept, one in the opposite order
/// is turned round, and each other element is inserted.
fn insert_sorted(
    context: &mut Context<'_>,
    order: &mut [usize],
    keys: &[Value],
) -> Result<(), Stop> {
    if order.len() < 2 {
        return Ok(());
    }

    let is_descending = is_before(context, keys, order[1], order[0])?;
    let mut run = 2;
    while run < order.len()
        && is_before(context, keys, order[run], order[run - 1])? == is_descending
    {
        run += 1;
    }
    if is_descending {
        order[..run].reverse();
    }

    for next in run..order.len() {
        let mut from = 0;
        let mut to = next;
        while from < to {
            let middle = from + (to - from) / 2;
            if is_before(context, keys, order[next], order[middle])? {
                to = middle;
            } else {
                from = middle + 1;
            }
        }
        order[from..=next].rotate_right(1);
    }
    Ok(())
}

/// Merges the indexes of `keys`. The standard library's sort may panic where an order contradicts itself.
fn merge_sorted(
    context: &mut Context<'_>,
    mut order: Vec<usize>,
    keys: &[Value],
) -> Result<Vec<usize>, Stop> {
    let mut width = 1;

    // From the bottom up: each comparison is charged, and the first one beyond the budget ends it.
    while width < order.len() {
        let mut merged = Vec::with_capacity(order.len());
        for part in order.chunks(width * 2) {
            let (mut left, mut right) = part.split_at(width.min(part.len()));
            while let ([first, left_rest @ ..], [second, right_rest @ ..]) = (left, right) {
                if is_before(context, keys, *second, *first)? {
                    merged.push(*second);
                    right = right_rest;
                } else {
                    merged.push(*first);
                    left = left_rest;
                }
            }
            merged.extend_from_slice(left);
            merged.extend_from_slice(right);
        }
        order = merged;
        width *= 2;
    }

    Ok(order)
}

pub(super) fn sort(context: &mut Context<'_>, value: Value, arguments: &Arguments) -> Made {
    let elements = value.elements();
    let keys = sort_keys(context, &elements, arguments)?;

    sorted(context, &elements, &keys)
}

/// Upper and lower case are the same.
pub(super) fn sort_natural(context: &mut Context<'_>, value: Value, arguments: &Arguments) -> Made {
    let elements = value.elements();
    let mut keys = sort_keys(context, &elements, arguments)?;
    for key in &mut keys {
        if !key.is_nothing() {
            let text = key.js_text(context.budget)?;
            context.budget.text(text.len())?;
            *key = Value::from(text.to_lowercase());
        }
    }

    sorted(context, &elements, &keys)
}
