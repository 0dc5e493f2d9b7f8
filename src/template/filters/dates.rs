//! Dates.

use super::{Arguments, Context, Made, Stop, Value};
use crate::template::dates::{self, Date, Zone};

/// How a date is written if the template gives no format.
const DEFAULT_FORMAT: &str = "%A, %B %-e, %Y at %-l:%M %P %z";

/// The date that `value` is; none: it is no date.
fn read(context: &mut Context<'_>, value: &Value, zone: &Value) -> Result<Option<Date>, Stop> {
    let milliseconds = match value.clone().plain() {
        Value::Absent | Value::Nil => return Ok(None),
        Value::Number(seconds) => seconds * 1000.0,
        // JavaScript's `new Date(true)` is one millisecond after 1970.
        Value::Bool(value) => f64::from(u8::from(value)),
        // The time of sending and not of the clock: all recipients get the same text, and a retry
        // too.
        Value::Text(text) if matches!(&*text, "now" | "today") => context.now() as f64,
        other => {
            let text = other.js_text(context.budget)?;
            // Charged above its length: a template of dates alone took more than the 5 ms of the
            // budget.
            context.budget.text(text.len() * 4)?;
            // Digits are seconds in a text, and not in a list of one element.
            let is_seconds = matches!(other, Value::Text(_))
                && !text.is_empty()
                && text.bytes().all(|byte| byte.is_ascii_digit());
            if is_seconds {
                other.number(context.budget)? * 1000.0
            } else {
                match dates::parse(&text) {
                    Some(milliseconds) => milliseconds,
                    None => return Ok(None),
                }
            }
        }
    };
    context.budget.work(32)?;

    let zone = match zone {
        Value::Absent | Value::Nil => Zone::Utc,
        Value::Text(name) => Zone::named(name).map_err(Stop::Failed)?,
        // Minutes west of Greenwich; a word of the language is 0.
        other => Zone::Offset(other.number(context.budget)? * -60.0),
    };
    Ok(Date::new(milliseconds, &zone))
}

fn formatted(context: &mut Context<'_>, date: &Date, format: &str) -> Made {
    // A directive of two characters may become a name of nine or a zone of thirty.
    context.budget.text(format.len() * 8)?;
    context.budget.work(format.len())?;
    let text = date.format(format)?;
    context.budget.text(text.len())?;

    Ok(Value::from(text))
}

/// `{{ x | date: '%H:%M', 'Europe/Tallinn' }}`. What is no date stays as it is.
pub(super) fn date(context: &mut Context<'_>, value: Value, arguments: &Arguments) -> Made {
    let Some(date) = read(context, &value, &arguments.get(1))? else {
        return Ok(value);
    };

    let format = match arguments.get(0).plain() {
        Value::Absent | Value::Nil => DEFAULT_FORMAT.into(),
        other => other.text(context.budget)?,
    };
    formatted(context, &date, &format)
}

fn with_format(context: &mut Context<'_>, value: Value, format: &str) -> Made {
    match read(context, &value, &Value::Absent)? {
        Some(date) => formatted(context, &date, format),
        None => Ok(value),
    }
}

pub(super) fn date_to_xmlschema(context: &mut Context<'_>, value: Value, _: &Arguments) -> Made {
    with_format(context, value, "%Y-%m-%dT%H:%M:%S%:z")
}

pub(super) fn date_to_rfc822(context: &mut Context<'_>, value: Value, _: &Arguments) -> Made {
    with_format(context, value, "%a, %d %b %Y %H:%M:%S %z")
}

pub(super) fn date_to_string(
    context: &mut Context<'_>,
    value: Value,
    arguments: &Arguments,
) -> Made {
    with_month(context, value, "%b", arguments)
}

pub(super) fn date_to_long_string(
    context: &mut Context<'_>,
    value: Value,
    arguments: &Arguments,
) -> Made {
    with_month(context, value, "%B", arguments)
}

fn with_month(context: &mut Context<'_>, value: Value, month: &str, arguments: &Arguments) -> Made {
    let is = |index: usize, word: &str| matches!(arguments.get(index), Value::Text(text) if &*text == word);

    let format = match (is(0, "ordinal"), is(1, "US")) {
        (true, true) => format!("{month} %-d%q, %Y"),
        (true, false) => format!("%-d%q {month} %Y"),
        (false, _) => format!("%d {month} %Y"),
    };
    with_format(context, value, &format)
}
