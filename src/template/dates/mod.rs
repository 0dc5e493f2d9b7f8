//! Dates as templates read and write them. Dates without a zone are UTC.
//!
//! The calendar is computed here, because dates of JavaScript go on to the year 275760, and those of
//! jiff and of `time` end before.

mod format;
mod parse;
mod tokens;

pub(super) use parse::parse;

/// The latest time that JavaScript knows, in milliseconds from 1970; the earliest is as far before.
const MAX_TIME: f64 = 8.64e15;
const DAY: i64 = 86_400_000;

/// Where a date is shown.
pub(super) enum Zone {
    Utc,
    /// Seconds east of Greenwich.
    Offset(f64),
    Named(String, jiff::tz::TimeZone),
}

impl Zone {
    /// The zone with a name of the IANA's database. The error is a sentence for the API user.
    pub(super) fn named(name: &str) -> Result<Self, String> {
        match jiff::tz::TimeZone::get(name) {
            Ok(zone) => Ok(Self::Named(name.to_owned(), zone)),
            Err(_) => Err(format!(
                "there is no time zone '{}'; write it as in the IANA database, such as Europe/Tallinn",
                name.chars().take(40).collect::<String>()
            )),
        }
    }
}

/// A moment, as it is shown in a zone.
#[derive(Debug)]
pub(super) struct Date {
    /// Milliseconds since 1970.
    time: i64,
    /// Seconds east of Greenwich.
    offset: i64,
    /// The name of the zone, if it has one.
    zone: Option<String>,
    year: i64,
    /// From 1.
    month: i64,
    day: i64,
    /// From Sunday, 0.
    weekday: i64,
    /// From 1.
    day_of_year: i64,
    /// Since midnight.
    millisecond: i64,
}

impl Date {
    /// `None`: JavaScript has no date that far from 1970.
    pub(super) fn new(time: f64, zone: &Zone) -> Option<Self> {
        let is_beyond = |time: f64, most: f64| time.is_nan() || time.abs() > most;
        if is_beyond(time, MAX_TIME) {
            return None;
        }
        // JavaScript's dates are whole milliseconds, and the rest is cut off.
        let time = time.trunc() as i64;

        let (offset, zone) = match zone {
            Zone::Utc => (0, Some("UTC".to_owned())),
            // A template may give any number as the offset, and one that large would overflow
            // below.
            Zone::Offset(seconds) if is_beyond(*seconds, MAX_TIME / 1000.0) => return None,
            Zone::Offset(seconds) => (*seconds as i64, None),
            Zone::Named(name, zone) => {
                let second = within_jiff(time.div_euclid(1000));
                let timestamp = jiff::Timestamp::from_second(second).ok()?;
                let offset = i64::from(zone.to_offset(timestamp).seconds());
                (offset, Some(name.clone()))
            }
        };

        let local = time + offset * 1000;
        // LiquidJS holds the time in the zone as a date too, and writes none that is out of range.
        if is_beyond(local as f64, MAX_TIME) {
            return None;
        }

        let days = local.div_euclid(DAY);
        let (year, month, day) = civil(days);
        Some(Self {
            time,
            offset,
            zone,
            year,
            month,
            day,
            // The first day of 1970 was a Thursday.
            weekday: (days + 4).rem_euclid(7),
            day_of_year: days - days_of(year, 1, 1) + 1,
            millisecond: local.rem_euclid(DAY),
        })
    }
}

/// A second that jiff knows and at which zones have the offset that they have at `second`. The calendar repeats
/// every 400 years, and so do the rules of zones.
fn within_jiff(second: i64) -> i64 {
    const CYCLE: i64 = 146_097 * 86_400;

    let last = jiff::Timestamp::MAX.as_second();
    if second > last {
        return second - ((second - last) / CYCLE + 1) * CYCLE;
    }
    // Before jiff's first year, a zone has the local mean time that it has in that year.
    second.max(jiff::Timestamp::MIN.as_second())
}

/// The days from 1970 to a date; months beyond a year and days beyond a month are of the next.
/// <https://howardhinnant.github.io/date_algorithms.html>
fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let year = year + (month - 1).div_euclid(12);
    let month = (month - 1).rem_euclid(12) + 1;
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    // Counted from March, the leap day is the last day of a year, so it moves no month.
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    // Eras begin with the first of March of year 0, 719,468 days before 1970.
    era * 146_097 + day_of_era - 719_468 + day - 1
}

/// The date that is `days` after the first of 1970: year, month and day.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);

    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates_are_each_others_inverse() {
        for days in (-1_000_000..1_000_000).step_by(37) {
            let (year, month, day) = civil(days);
            assert_eq!(days_of(year, month, day), days);
        }
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(19_787), (2024, 3, 5));
    }
}
