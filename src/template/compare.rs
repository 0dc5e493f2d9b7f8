//! The operators of templates.

use std::cmp::Ordering;

use super::budget::{Budget, MAX_VALUE_DEPTH, Stop};
use super::number;
use super::value::{Literal, Value};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterOrEqual,
    LessOrEqual,
    Contains,
    Not,
    And,
    Or,
}

impl Operator {
    /// Those with a higher one come first; equal ones from the right.
    pub(super) fn precedence(self) -> u8 {
        match self {
            // Both are equal, so `a or b and c` is `a or (b and c)`, and `a and b or c` is `a and
            // (b or c)`.
            Self::And | Self::Or => 0,
            // It comes after comparisons, so `not a == b` negates the comparison, as in LiquidJS.
            Self::Not => 1,
            _ => 2,
        }
    }

    pub(super) fn apply(
        self,
        left: &Value,
        right: &Value,
        budget: &mut Budget,
    ) -> Result<bool, Stop> {
        let order = |accepted: &[Ordering], budget: &mut Budget| {
            // `nil`, `empty` and `blank` come neither before nor after anything.
            if is_literal(left) || is_literal(right) {
                return Ok(false);
            }
            let order = js_order(left, right, budget)?;
            Ok(order.is_some_and(|order| accepted.contains(&order)))
        };

        match self {
            Self::Equal => equals(left, right, budget),
            Self::NotEqual => Ok(!equals(left, right, budget)?),
            Self::Greater => order(&[Ordering::Greater], budget),
            Self::Less => order(&[Ordering::Less], budget),
            Self::GreaterOrEqual => order(&[Ordering::Greater, Ordering::Equal], budget),
            Self::LessOrEqual => order(&[Ordering::Less, Ordering::Equal], budget),
            Self::Contains => contains(left, right, budget),
            Self::Not => Ok(!right.is_truthy()),
            // Both sides have been evaluated, as in LiquidJS, so an error in the right one counts
            // even if the left one decides.
            Self::And => Ok(left.is_truthy() && right.is_truthy()),
            Self::Or => Ok(left.is_truthy() || right.is_truthy()),
        }
    }
}

fn is_literal(value: &Value) -> bool {
    matches!(value, Value::Literal(_))
}

pub(super) fn equals(left: &Value, right: &Value, budget: &mut Budget) -> Result<bool, Stop> {
    equals_at(left, right, budget, 0)
}

fn equals_at(left: &Value, right: &Value, budget: &mut Budget, depth: usize) -> Result<bool, Stop> {
    // Recursion takes the thread's stack, and a loop with `push` nests a list in itself once in
    // each turn.
    if depth > MAX_VALUE_DEPTH {
        return Err(Stop::failed(format!(
            "values are nested deeper than {MAX_VALUE_DEPTH} levels, which can't be compared"
        )));
    }
    budget.work(1)?;

    Ok(match (left, right) {
        // Of two such words, the left one decides: LiquidJS asks it whether it equals the other.
        (Value::Literal(literal), other) | (other, Value::Literal(literal)) => {
            equals_literal(*literal, other)
        }
        // A loop is its JSON.
        (Value::Loop(_), _) | (_, Value::Loop(_)) => {
            let left = left.clone().plain();
            let right = right.clone().plain();
            return equals_at(&left, &right, budget, depth + 1);
        }
        (Value::Absent, Value::Absent) | (Value::Nil, Value::Nil) => true,
        (Value::Bool(left), Value::Bool(right)) => left == right,
        #[allow(clippy::float_cmp, reason = "it is what the operator means")]
        (Value::Number(left), Value::Number(right)) => left == right,
        (Value::Large(left), Value::Large(right)) => left == right,
        (Value::Text(left), Value::Text(right)) => {
            budget.bytes(left.len().min(right.len()))?;
            left == right
        }
        (Value::Array(left), Value::Array(right)) => {
            if left.len() != right.len() {
                return Ok(false);
            }
            for (left, right) in left.iter().zip(right.iter()) {
                if !equals_at(left, right, budget, depth + 1)? {
                    return Ok(false);
                }
            }
            true
        }
        // JavaScript's `===`: an object equals itself, and no other with the same fields.
        (Value::Object(left), Value::Object(right)) => std::sync::Arc::ptr_eq(left, right),
        _ => false,
    })
}

fn equals_literal(literal: Literal, other: &Value) -> bool {
    let is_empty = match other {
        Value::Text(text) => text.is_empty(),
        Value::Array(elements) => elements.is_empty(),
        Value::Object(object) => object.0.is_empty(),
        _ => false,
    };

    match (literal, other) {
        (Literal::Nil, other) => other.is_nil(),
        // Only the left word is asked: `blank == nil` is true, and `nil == blank` is false.
        (_, Value::Literal(Literal::Nil)) => literal == Literal::Blank,
        // In LiquidJS, neither of the two words equals itself or the other one.
        (Literal::Empty | Literal::Blank, Value::Literal(_)) => false,
        (Literal::Empty, _) => is_empty,
        (Literal::Blank, Value::Bool(value)) => !value,
        (Literal::Blank, Value::Text(text)) => text.chars().all(number::is_space),
        (Literal::Blank, other) => other.is_nil() || is_empty,
    }
}

/// The order by JavaScript's `<` and `>`. `None`: neither holds, nor are they equal.
fn js_order(left: &Value, right: &Value, budget: &mut Budget) -> Result<Option<Ordering>, Stop> {
    budget.work(1)?;

    // `Value::number` refuses such an integer, because arithmetic would round it. Its order is
    // known.
    if let (Value::Large(_), _) | (_, Value::Large(_)) = (left, right) {
        let approximate = |value: &Value, budget: &mut Budget| match value {
            Value::Large(integer) => Ok(*integer as f64),
            other => other.number(budget),
        };
        // Two ids may differ in digits that a float does not hold.
        if let (Value::Large(left), Value::Large(right)) = (left, right) {
            return Ok(Some(left.cmp(right)));
        }
        return Ok(approximate(left, budget)?.partial_cmp(&approximate(right, budget)?));
    }

    let left = left.primitive(budget)?;
    let right = right.primitive(budget)?;
    if let (Value::Text(left), Value::Text(right)) = (&left, &right) {
        budget.bytes(left.len().min(right.len()))?;
        // JavaScript compares UTF-16 units. UTF-8 would put an emoji after U+FF5E, and JavaScript
        // puts it before.
        return Ok(Some(left.encode_utf16().cmp(right.encode_utf16())));
    }

    Ok(left.number(budget)?.partial_cmp(&right.number(budget)?))
}

fn contains(left: &Value, right: &Value, budget: &mut Budget) -> Result<bool, Stop> {
    match left.clone().plain() {
        Value::Array(elements) => {
            for element in elements.iter() {
                if equals(element, right, budget)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        Value::Text(text) => {
            // `indexOf` makes text of its argument, so an absent one is searched for as
            // "undefined".
            let part = right.clone().plain().js_text(budget)?;
            budget.bytes(text.len() + part.len())?;
            Ok(text.contains(&*part))
        }
        // LiquidJS searches only what has `indexOf`. An object has none, so its keys are not
        // searched.
        _ => Ok(false),
    }
}

/// The order of `sort`: nil comes last, and what cannot be compared is equal.
pub(super) fn sort_order(
    left: &Value,
    right: &Value,
    budget: &mut Budget,
) -> Result<Ordering, Stop> {
    match (left.is_nothing(), right.is_nothing()) {
        (true, true) => Ok(Ordering::Equal),
        (true, false) => Ok(Ordering::Greater),
        (false, true) => Ok(Ordering::Less),
        (false, false) => Ok(js_order(left, right, budget)?.unwrap_or(Ordering::Equal)),
    }
}
