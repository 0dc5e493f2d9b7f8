//! `guard`: when an Operation pauses by itself.

use crate::http::validation::{Object, Problems};
use crate::model::id::MAX_POSITIONS;
use crate::model::operation::Guard;

pub(in crate::http) const MAX_PERCENT: u32 = 100;
/// No Operation has more notifications.
pub(in crate::http) const MAX_AFTER: u32 = MAX_POSITIONS;

pub(super) fn read(body: &mut Object<'_>, problems: &mut Problems) -> Option<Guard> {
    let guard = body.take("guard")?;
    let path = body.at("guard");
    let mut guard = Object::of(guard, path, problems)?;

    let percent_rule = format!("an integer from 1 to {MAX_PERCENT}");
    let failed_percent = guard
        .require("failedPercent", percent_rule, problems)
        .then(|| guard.integer_in("failedPercent", 1..=MAX_PERCENT, problems))
        .flatten();
    let after_rule = format!("an integer from 1 to {MAX_AFTER}");
    let after = guard
        .require("after", after_rule, problems)
        .then(|| guard.integer_in("after", 1..=MAX_AFTER, problems))
        .flatten();
    guard.refuse_unknown(problems);

    // Not before both fields are read, so that one answer names the problems of both.
    Some(Guard {
        failed_percent: failed_percent?,
        after: after?,
    })
}
