//! Numbers. A result that is no number fails the recipient, who does not get "NaN".

use super::{Arguments, Context, Made, Value};
use crate::template::number;
use crate::template::value::out_of_range;

fn made(result: f64) -> Made {
    if result.is_finite() {
        Ok(Value::Number(result))
    } else {
        Err(out_of_range())
    }
}

/// What is no number counts as 0.
fn number(context: &mut Context<'_>, value: Value) -> Result<f64, super::Stop> {
    let number = value.plain().number(context.budget)?;

    Ok(if number.is_nan() { 0.0 } else { number })
}

/// The value and the first argument, for which there must be one.
fn pair(
    context: &mut Context<'_>,
    value: Value,
    arguments: &Arguments,
) -> Result<(f64, f64), super::Stop> {
    // LiquidJS calculates with undefined, and would write "NaN".
    if arguments.0.is_empty() {
        return Err(out_of_range());
    }
    let left = number(context, value)?;
    let right = number(context, arguments.get(0))?;

    Ok((left, right))
}

pub(super) fn abs(context: &mut Context<'_>, value: Value, _: &Arguments) -> Made {
    made(number(context, value)?.abs())
}

pub(super) fn ceil(context: &mut Context<'_>, value: Value, _: &Arguments) -> Made {
    made(number(context, value)?.ceil())
}

pub(super) fn floor(context: &mut Context<'_>, value: Value, _: &Arguments) -> Made {
    made(number(context, value)?.floor())
}

pub(super) fn at_least(context: &mut Context<'_>, value: Value, arguments: &Arguments) -> Made {
    let mut result = number(context, value)?;
    for argument in &arguments.0 {
        result = result.max(number(context, argument.clone())?);
    }

    made(result)
}

pub(super) fn at_most(context: &mut Context<'_>, value: Value, arguments: &Arguments) -> Made {
    let mut result = number(context, value)?;
    for argument in &arguments.0 {
        result = result.min(number(context, argument.clone())?);
    }

    made(result)
}

pub(super) fn plus(context: &mut Context<'_>, value: Value, arguments: &Arguments) -> Made {
    let (left, right) = pair(context, value, arguments)?;

    made(left + right)
}

pub(super) fn minus(context: &mut Context<'_>, value: Value, arguments: &Arguments) -> Made {
    let (left, right) = pair(context, value, arguments)?;

    made(left - right)
}

pub(super) fn times(context: &mut Context<'_>, value: Value, arguments: &Arguments) -> Made {
    let (left, right) = pair(context, value, arguments)?;

    made(left * right)
}

/// With a third operand that is not 0, the result is rounded down.
pub(super) fn divided_by(context: &mut Context<'_>, value: Value, arguments: &Arguments) -> Made {
    let (left, right) = pair(context, value, arguments)?;
    let is_integer = number(context, arguments.get(1))? != 0.0;
    let result = left / right;

    // Down, and not towards 0: -7 divided by 2 is -4.
    made(if is_integer { result.floor() } else { result })
}

pub(super) fn modulo(context: &mut Context<'_>, value: Value, arguments: &Arguments) -> Made {
    let (left, right) = pair(context, value, arguments)?;

    // The sign is the divisor's, as in Ruby. The sign of one `%` would be the value's.
    made(((left % right) + right) % right)
}

pub(super) fn round(context: &mut Context<'_>, value: Value, arguments: &Arguments) -> Made {
    const MAX_SAFE_INTEGER: f64 = 9_007_199_254_740_991.0;

    let value = number(context, value)?;
    let digits = number(context, arguments.get(0))?;
    // It writes and reads numbers twice.
    context.budget.work(32)?;

    // Without its sign, because halves are rounded away from 0: -2.5 becomes -3.
    let scaled = shifted(value.abs(), digits);
    // LiquidJS leaves a number as it is if a float would not hold it with the point moved.
    if scaled.is_nan() || scaled > MAX_SAFE_INTEGER {
        return made(value);
    }
    let rounded = shifted(scaled.round(), -digits);
    made(if value < 0.0 { -rounded } else { rounded })
}

/// `number` with its decimal point moved, without an error of multiplication.
fn shifted(value: f64, by: f64) -> f64 {
    let text = number::to_text(value);
    let (mantissa, power) = text.split_once('e').unwrap_or((&text, "0"));
    let power = number::to_text(number::parse(power) + by);

    number::parse(&format!("{mantissa}e{power}"))
}

pub(super) fn to_integer(context: &mut Context<'_>, value: Value, _: &Arguments) -> Made {
    made(value.plain().number(context.budget)?)
}
