//! How people read numbers, times and statuses.

use std::fmt::Display;

use serde::{Deserialize, Deserializer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

/// A point in time, shown in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Timestamp(pub OffsetDateTime);

impl Timestamp {
    /// For `<time datetime>`.
    pub(super) fn machine(&self) -> String {
        self.0.format(&Rfc3339).unwrap_or_default()
    }

    /// `26 Nov 2026, 07:45:25 UTC`.
    pub(super) fn whole(&self) -> String {
        let format = format_description!(
            "[day padding:none] [month repr:short] [year], [hour]:[minute]:[second] UTC"
        );
        self.0.format(&format).unwrap_or_default()
    }

    /// `26 Nov 07:45`.
    pub(super) fn short(&self) -> String {
        let format = format_description!("[day padding:none] [month repr:short] [hour]:[minute]");
        self.0.format(&format).unwrap_or_default()
    }

    /// `07:45:25`.
    pub(super) fn clock(&self) -> String {
        let format = format_description!("[hour]:[minute]:[second]");
        self.0.format(&format).unwrap_or_default()
    }

    /// How long ago it was, or how long it takes until it comes: `3 min ago`, `in 2 h`.
    pub(super) fn ago(&self) -> String {
        relative(self.0, OffsetDateTime::now_utc())
    }
}

/// For templates, which pass references.
pub(super) fn timestamp(at: &OffsetDateTime) -> Timestamp {
    Timestamp(*at)
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        time::serde::rfc3339::deserialize(deserializer).map(Self)
    }
}

fn relative(at: OffsetDateTime, now: OffsetDateTime) -> String {
    let seconds = (now - at).whole_seconds();
    if seconds.abs() < 5 {
        return "now".to_owned();
    }

    let amount = match seconds.unsigned_abs() {
        seconds @ ..60 => format!("{seconds} s"),
        seconds @ ..3_600 => format!("{} min", seconds / 60),
        seconds @ ..172_800 => format!("{} h", seconds / 3_600),
        seconds => format!("{} days", seconds / 86_400),
    };
    if seconds > 0 {
        format!("{amount} ago")
    } else {
        format!("in {amount}")
    }
}

/// An integer as `1,234,567`.
pub(super) fn number(integer: impl Display) -> String {
    let whole = integer.to_string();
    let (sign, digits) = match whole.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", whole.as_str()),
    };

    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }

    format!("{sign}{text}")
}

/// `part` of `whole` in percent, with a digit behind the point: never 100 unless it is all.
pub(super) fn percent(part: i64, whole: i64) -> String {
    if whole <= 0 {
        return "0".to_owned();
    }

    let tenths = part.saturating_mul(1_000) / whole;
    if tenths % 10 == 0 {
        return (tenths / 10).to_string();
    }
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// A part of a bar: where it begins and how wide it is, in thousandths of the bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Segment {
    pub kind: &'static str,
    pub from: i64,
    pub width: i64,
}

/// The parts of a bar that stands for `whole`. What is more than nothing can be seen.
pub(super) fn segments(parts: &[(&'static str, i64)], whole: i64) -> Vec<Segment> {
    const LEAST: i64 = 6;
    const BAR: i64 = 1_000;

    let mut widths: Vec<(&'static str, i64)> = parts
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(kind, count)| (*kind, count.saturating_mul(BAR) / whole.max(1)))
        .map(|(kind, width)| (kind, width.clamp(LEAST, BAR)))
        .collect();
    // The widest part makes room for those that were widened, so that the last one does not lie
    // beyond the bar.
    let excess = widths.iter().map(|(_, width)| width).sum::<i64>() - BAR;
    if let Some((_, widest)) = widths.iter_mut().max_by_key(|(_, width)| *width) {
        *widest = (*widest - excess.max(0)).max(LEAST);
    }

    let mut from = 0;
    let mut segments = Vec::new();
    for (kind, width) in widths {
        let width = width.min(BAR - from);
        segments.push(Segment { kind, from, width });
        from += width;
    }

    segments
}

/// `PROCESSING` as `Processing`.
pub(super) fn status(name: &str) -> String {
    let mut letters = name.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());

    first
        .into_iter()
        .chain(letters.map(|letter| letter.to_ascii_lowercase()))
        .collect::<String>()
        .replace('_', " ")
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn numbers_are_grouped() {
        for (value, expected) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (1_234_567, "1,234,567"),
            (-1_500, "-1,500"),
        ] {
            assert_eq!(number(value), expected);
        }
    }

    #[test]
    fn a_percentage_is_whole_only_if_it_is_all() {
        assert_eq!(percent(1, 3), "33.3");
        assert_eq!(percent(999_999, 1_000_000), "99.9");
        assert_eq!(percent(5, 5), "100");
        assert_eq!(percent(0, 0), "0");
    }

    #[test]
    fn times_are_relative_to_now() {
        let now = datetime!(2026-11-26 12:00 UTC);
        for (at, expected) in [
            (datetime!(2026-11-26 11:59:58 UTC), "now"),
            (datetime!(2026-11-26 11:59 UTC), "1 min ago"),
            (datetime!(2026-11-26 14:00 UTC), "in 2 h"),
            (datetime!(2026-11-20 12:00 UTC), "6 days ago"),
        ] {
            assert_eq!(relative(at, now), expected);
        }
        let timestamp = Timestamp(datetime!(2026-11-06 07:05:09 UTC));
        assert_eq!(timestamp.whole(), "6 Nov 2026, 07:05:09 UTC");
    }

    #[test]
    fn a_bar_shows_the_least_part_and_ends_where_it_ends() {
        for counts in [
            [999_999, 1, 0],
            [999_998, 1, 1],
            [1, 1, 999_998],
            [1, 999_998, 1],
        ] {
            let parts: Vec<_> = ["sent", "failed", "canceled"]
                .into_iter()
                .zip(counts)
                .collect();
            let segments = segments(&parts, 1_000_000);

            let expected = counts.iter().filter(|count| **count > 0).count();
            assert_eq!(segments.len(), expected, "{counts:?}");
            assert!(segments.iter().all(|part| part.width >= 6), "{segments:?}");
            let end = segments.iter().map(|part| part.from + part.width).max();
            assert!(end <= Some(1_000), "{segments:?}");
        }
        assert!(segments(&[("sent", 0)], 0).is_empty());
    }

    #[test]
    fn statuses_are_words() {
        assert_eq!(status("PROCESSING"), "Processing");
        assert_eq!(status("TOKEN_DEAD"), "Token dead");
        assert_eq!(status(""), "");
    }
}
