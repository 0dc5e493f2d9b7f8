//! The curves of an Operation: how many notifications were answered a second, and how long the
//! providers took.

#![expect(
    clippy::cast_precision_loss,
    reason = "counts of notifications are far below 2^52"
)]

use serde_json::json;
use time::OffsetDateTime;

use crate::console::format::Timestamp;
use crate::console::page::PageError;
use crate::http::State;
use crate::model::id::OperationId;
use crate::store::attempt_curve::{self, Curve, CurveParams};

/// Points of a curve.
const POINTS: i64 = 60;

/// A point of the curves.
#[derive(Debug, Clone)]
pub(super) struct Point {
    pub at: Timestamp,
    /// Notifications a second.
    pub accepted: f64,
    pub refused: f64,
    /// Milliseconds.
    pub median: f64,
    pub p95: f64,
}

impl Point {
    pub(super) fn accepted_shown(&self) -> String {
        rounded(self.accepted)
    }

    pub(super) fn refused_shown(&self) -> String {
        rounded(self.refused)
    }
}

/// Both curves.
#[derive(Debug, Clone, Default)]
pub(super) struct Curves {
    pub points: Vec<Point>,
    /// Whether they were made of a part of the attempts.
    pub is_sample: bool,
}

impl Curves {
    /// For the script that draws them: seconds since 1970, then a series for each curve.
    pub(super) fn data(&self) -> String {
        let series = |of: fn(&Point) -> f64| -> Vec<f64> { self.points.iter().map(of).collect() };

        json!({
            "at": self.points.iter().map(|point| point.at.0.unix_timestamp()).collect::<Vec<_>>(),
            "accepted": series(|point| point.accepted),
            "refused": series(|point| point.refused),
            "median": series(|point| point.median),
            "p95": series(|point| point.p95),
        })
        .to_string()
    }
}

/// An Operation, as far as its curves go.
pub(super) struct Span {
    pub operation_id: OperationId,
    /// When its first notification could be sent.
    pub from: OffsetDateTime,
    /// When the last change was.
    pub until: OffsetDateTime,
}

/// Reads the curves of an Operation, which must be the account's.
pub(super) async fn read(state: &State, span: &Span) -> Result<Curves, PageError> {
    let step = step_of((span.until - span.from).whole_seconds());
    let params = CurveParams {
        operation_id: span.operation_id,
        from: span.from,
        step: step as f64,
    };
    let curve = attempt_curve::fetch(&state.pool, &params).await?;

    Ok(curves(&curve, span.from, step))
}

/// The length of a step, in seconds, so that there are up to [`POINTS`] of them.
fn step_of(seconds: i64) -> i64 {
    // Negative for an Operation that is planned for later: its last change lies before its start.
    let least = (seconds / POINTS + 1).max(1);

    [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600]
        .into_iter()
        .find(|step| *step >= least)
        // An Operation may take days. Beyond 60 hours, its steps are longer than any in the list.
        .unwrap_or(least)
}

/// The points, those without an answer between others included.
fn curves(curve: &Curve, from: OffsetDateTime, step: i64) -> Curves {
    // Without this bound, one attempt days after the others would make a point for each step in
    // between.
    const MOST: i32 = 400;

    let mut points = Vec::new();
    let first = curve.steps.first().map_or(0, |first| first.step);
    for known in &curve.steps {
        let next = first + points.len() as i32;
        if known.step - first > MOST {
            break;
        }

        // Steps without an answer have no row. As zeros they show a pause instead of a line across
        // it.
        for empty in next..known.step {
            points.push(point_at(from, step, empty));
        }
        // Of a large Operation, only some batches were read, which stand for all.
        let per_second = |count: i64| count as f64 * curve.scale / step as f64;
        points.push(Point {
            accepted: per_second(known.accepted),
            refused: per_second(known.refused),
            median: known.median_ms,
            p95: known.p95_ms,
            ..point_at(from, step, known.step)
        });
    }

    Curves {
        points,
        is_sample: curve.scale > 1.0,
    }
}

fn point_at(from: OffsetDateTime, step: i64, number: i32) -> Point {
    let after = time::Duration::seconds(step.saturating_mul(i64::from(number)));

    Point {
        // Checked, because a sum beyond the year 9999 panics.
        at: Timestamp(from.checked_add(after).unwrap_or(from)),
        accepted: 0.0,
        refused: 0.0,
        median: 0.0,
        p95: 0.0,
    }
}

fn rounded(value: f64) -> String {
    if value >= 10.0 || value == 0.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.1}")
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::store::attempt_curve::CurveStep;

    #[test]
    fn a_curve_has_a_bounded_number_of_points() {
        for seconds in [0, 59, 60, 3_600, 86_400, 604_800] {
            assert!(seconds / step_of(seconds) <= POINTS, "{seconds} s");
        }
        assert_eq!(step_of(0), 1);
    }

    #[test]
    fn a_pause_is_shown_as_nothing_sent() {
        let step = |step, accepted| CurveStep {
            step,
            accepted,
            refused: 1,
            median_ms: 80.0,
            p95_ms: 120.0,
        };
        let curve = Curve {
            steps: vec![step(2, 100), step(5, 50)],
            scale: 3.0,
        };

        let curves = curves(&curve, datetime!(2026-11-26 10:00 UTC), 2);
        let accepted: Vec<f64> = curves.points.iter().map(|point| point.accepted).collect();
        assert_eq!(accepted, [150.0, 0.0, 0.0, 75.0]);
        assert_eq!(curves.points[0].at.clock(), "10:00:04");
        assert!(curves.is_sample);
        assert!(curves.data().contains("\"median\":[80.0,0.0,0.0,80.0]"));
    }
}
