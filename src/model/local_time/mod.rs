//! When a message goes to a recipient by the recipient's own clock: at a local time, within a window.
//!
//! All of this is decided once, when a notification is made. Without a time zone, a recipient's clock
//! shows UTC.
//!
//! When clocks are put forward, an hour does not occur. A local time in it is taken as if the clocks had
//! not changed yet, which is an hour later: 02:30 becomes 03:30. A window that begins or ends in it does
//! so when the clocks change. When clocks are put back, an hour occurs twice, and its first occurrence
//! counts.

use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

mod civil;

pub use civil::{Day, LocalDateTime, TimeOfDay};

/// A local time that is less than this in the past has not passed: the client's clock may be off.
pub const CLOCK_TOLERANCE: Duration = Duration::seconds(30);
/// No clock is further ahead of UTC, or behind it.
pub const FURTHEST_AHEAD: Duration = Duration::hours(14);
pub const FURTHEST_BEHIND: Duration = Duration::hours(12);

/// When a recipient may get messages, by the recipient's clock. One that ends at or before its
/// beginning ends on the next day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    pub from: TimeOfDay,
    pub until: TimeOfDay,
    /// On which days it opens; `None`: on all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days: Option<Vec<Day>>,
}

/// What becomes of a message whose local time has passed when it is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum IfPassed {
    /// It is sent at once.
    #[default]
    Send,
    /// It is sent at that time of the next day.
    Tomorrow,
    /// It is not sent.
    Skip,
}

impl IfPassed {
    /// Each by its name on the wire.
    pub const ALL: [(&'static str, Self); 3] = [
        ("SEND", Self::Send),
        ("TOMORROW", Self::Tomorrow),
        ("SKIP", Self::Skip),
    ];
}

/// When an Operation goes to recipients by their clocks, as a request says it. It is stored in this
/// form, in `operations.local_schedule`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LocalSchedule {
    /// `None`: not at a local time, but at the same time for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub send_at: Option<LocalDateTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    pub if_passed: IfPassed,
    /// How long a message may wait for a window, in seconds; `None`: until it opens next. Rows call it
    /// `patience`, which older releases read.
    #[serde(rename = "patience", skip_serializing_if = "Option::is_none")]
    pub max_window_wait: Option<u32>,
}

/// When an Operation is planned.
#[derive(Debug, Clone, Copy)]
pub struct PlanBounds {
    pub now: OffsetDateTime,
    /// When it is sent to those who have no local time.
    pub starts_at: OffsetDateTime,
    /// Nothing is planned for later than this.
    pub latest: OffsetDateTime,
}

/// When a notification goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    pub at: OffsetDateTime,
    /// What becomes of it then instead of being sent; `None`: it is sent.
    pub end: Option<PlannedEnd>,
}

/// Why a notification is not sent when its time comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlannedEnd {
    /// Its window opens too late.
    Expired,
    /// Its local time had passed, and the client wants it skipped then.
    Skipped,
}

impl PlannedEnd {
    /// The name in rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "EXPIRED",
            Self::Skipped => "SKIPPED",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        [Self::Expired, Self::Skipped]
            .into_iter()
            .find(|end| end.as_str() == name)
    }
}

impl LocalSchedule {
    /// When the notification of a recipient in `timezone` goes.
    pub fn plan(&self, timezone: Option<&str>, bounds: &PlanBounds) -> Plan {
        let zone = zone(timezone);

        let start = match self.send_at {
            None => bounds.starts_at,
            Some(local) => match self.start(local, &zone, bounds.now) {
                Some(start) => start,
                None => {
                    return Plan {
                        at: bounds.now,
                        // It is stored as due now, and delivery ends it: so it is counted and
                        // reported like any other.
                        end: Some(PlannedEnd::Skipped),
                    };
                }
            },
        };

        let at = self
            .window
            .as_ref()
            .map_or(Some(start), |window| window.next_open(start, &zone));
        let waits_too_long = |at: OffsetDateTime| {
            let max_wait = self
                .max_window_wait
                .map(|seconds| Duration::seconds(seconds.into()));
            at > start
                && (at > bounds.latest || max_wait.is_some_and(|max_wait| at - start > max_wait))
        };
        match at {
            Some(at) if !waits_too_long(at) => Plan { at, end: None },
            _ => Plan {
                at: start,
                end: Some(PlannedEnd::Expired),
            },
        }
    }

    /// When the local time is for a clock in `zone`; `None`: it has passed, and the message is skipped.
    fn start(
        &self,
        local: LocalDateTime,
        zone: &TimeZone,
        now: OffsetDateTime,
    ) -> Option<OffsetDateTime> {
        let at = instant(local.0, zone)?;
        // A time in the past is due at once, so it need not be moved to now.
        if at >= now - CLOCK_TOLERANCE {
            return Some(at);
        }

        match self.if_passed {
            IfPassed::Send => Some(now),
            IfPassed::Skip => None,
            IfPassed::Tomorrow => {
                let next_day = local.0.checked_add(1.day()).ok()?;
                // Requests for a time that lies further back are refused.
                Some(instant(next_day, zone)?.max(now))
            }
        }
    }
}

impl Window {
    /// The first moment from `start` on at which the window is open for a clock in `zone`.
    fn next_open(&self, start: OffsetDateTime, zone: &TimeZone) -> Option<OffsetDateTime> {
        // The recipient's date, which may not be that of UTC.
        let today = zone.to_datetime(timestamp(start)?).date();

        // It may have opened yesterday, and it opens once a week at least.
        (-1..=8)
            .filter_map(|offset: i64| today.checked_add(offset.days()).ok())
            .filter(|day| self.opens_on(*day))
            .filter_map(|day| self.opening(day, zone))
            .find(|(_, closes)| *closes > start)
            .map(|(opens, _)| opens.max(start))
    }

    fn opens_on(&self, date: Date) -> bool {
        let Some(days) = &self.days else {
            return true;
        };

        Day::of(date).is_some_and(|day| days.contains(&day))
    }

    /// When the window that opens on `date` opens and closes.
    fn opening(&self, date: Date, zone: &TimeZone) -> Option<(OffsetDateTime, OffsetDateTime)> {
        let closes_on = if self.until <= self.from {
            date.tomorrow().ok()?
        } else {
            date
        };
        let opens = first_instant(self.from.on(date)?, zone)?;
        let closes = first_instant(self.until.on(closes_on)?, zone)?;

        Some((opens, closes))
    }
}

/// The zone of this name; UTC for none, and for a name that this release does not know.
fn zone(name: Option<&str>) -> TimeZone {
    name.and_then(|name| TimeZoneDatabase::bundled().get(name).ok())
        .unwrap_or(TimeZone::UTC)
}

/// When clocks in `zone` show `local`. See above for the hours that occur never or twice.
fn instant(local: DateTime, zone: &TimeZone) -> Option<OffsetDateTime> {
    let at = zone.to_ambiguous_timestamp(local).compatible().ok()?;

    from_timestamp(at)
}

/// When clocks in `zone` first show `local` or later.
fn first_instant(local: DateTime, zone: &TimeZone) -> Option<OffsetDateTime> {
    let ambiguous = zone.to_ambiguous_timestamp(local);

    if matches!(ambiguous.offset(), AmbiguousOffset::Gap { .. }) {
        let before = ambiguous.earlier().ok()?;
        if let Some(change) = zone.following(before).next() {
            return from_timestamp(change.timestamp());
        }
    }
    from_timestamp(ambiguous.compatible().ok()?)
}

impl LocalDateTime {
    /// The time when a clock of UTC shows it.
    pub fn in_utc(self) -> Option<OffsetDateTime> {
        instant(self.0, &TimeZone::UTC)
    }
}

fn timestamp(at: OffsetDateTime) -> Option<Timestamp> {
    Timestamp::from_nanosecond(at.unix_timestamp_nanos()).ok()
}

fn from_timestamp(at: Timestamp) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp_nanos(at.as_nanosecond()).ok()
}

#[cfg(test)]
mod tests;
