//! Reads dates as JavaScript's `Date` does in Chrome and in Node: ISO 8601, and what people write
//! beside it. The rules are those of V8's `dateparser`.

use super::tokens::{Token, Tokens, Word};
use super::{DAY, days_of};

/// Milliseconds since 1970. `None`: it is no date.
pub(in crate::template) fn parse(text: &str) -> Option<f64> {
    let mut tokens = Tokens::new(text);
    let mut parts = Parts::default();

    match iso(&mut tokens, &mut parts) {
        Iso::Invalid => return None,
        Iso::Whole => {}
        // V8 keeps what it has read as ISO 8601: `2016-03-14 10:00` is read by both parsers.
        Iso::Rest(token) => others(token, &mut tokens, &mut parts)?,
    }
    parts.time()
}

/// What has been read of a date.
#[derive(Default)]
struct Parts {
    days: Vec<i64>,
    named_month: Option<i64>,
    is_iso: bool,
    /// Hour, minute, second, millisecond.
    times: Vec<i64>,
    added_hours: Option<i64>,
    zone_sign: Option<i64>,
    zone_hour: Option<i64>,
    zone_minute: Option<i64>,
}

impl Parts {
    fn add_day(&mut self, number: i64) -> Option<()> {
        (self.days.len() < 3).then(|| self.days.push(number))
    }

    fn add_time(&mut self, number: i64) -> Option<()> {
        (self.times.len() < 4).then(|| self.times.push(number))
    }

    fn end_time(&mut self, number: i64) -> Option<()> {
        self.add_time(number)?;
        self.times.resize(4, 0);
        Some(())
    }

    fn expects_time(&self, number: i64) -> bool {
        match self.times.len() {
            1 | 2 => (0..60).contains(&number),
            3 => (0..1000).contains(&number),
            _ => false,
        }
    }

    fn set_zone(&mut self, hours: i64) {
        self.zone_sign = Some(if hours < 0 { -1 } else { 1 });
        self.zone_hour = Some(hours.abs());
        self.zone_minute = Some(0);
    }

    fn is_utc(&self) -> bool {
        self.zone_hour == Some(0) && self.zone_minute == Some(0)
    }

    fn expects_zone_minute(&self, number: i64) -> bool {
        self.zone_hour.is_some() && self.zone_minute.is_none() && (0..60).contains(&number)
    }

    fn time(mut self) -> Option<f64> {
        if self.days.is_empty() {
            return None;
        }
        // What is missing is 1: `2016-03` is the first of March, and `12/25` is in the year 1.
        self.days.resize(3, 1);

        let is_day = |day: i64| (1..=31).contains(&day);
        let [first, second, third] = [self.days[0], self.days[1], self.days[2]];

        let [mut year, month, day] = match self.named_month {
            // A first number that is no day of a month can only be a year.
            None if self.is_iso || !is_day(first) => [first, second, third],
            // As in America: month, day, year.
            None => [third, first, second],
            Some(month) if is_day(first) => [second, month, first],
            Some(month) => [first, month, second],
        };
        if !self.is_iso {
            // V8 takes two digits for a year near the present. So `12/25`, of the year 1, is in
            // 2001.
            year += match year {
                0..=49 => 2000,
                50..=99 => 1900,
                _ => 0,
            };
        }

        // JavaScript's dates end in the year 275760. A year of nine digits would overflow below.
        if !(1..=12).contains(&month) || !is_day(day) || year.abs() > 400_000 {
            return None;
        }

        self.times.resize(4, 0);
        let [mut hour, minute, second, millisecond] =
            [self.times[0], self.times[1], self.times[2], self.times[3]];
        if let Some(added) = self.added_hours {
            if !(0..=12).contains(&hour) {
                return None;
            }
            // 12 AM is midnight, and 12 PM is noon.
            hour = hour % 12 + added;
        }
        // ISO 8601 names the midnight at the end of a day so.
        let is_midnight = hour == 24 && minute == 0 && second == 0 && millisecond == 0;
        let is_time = (0..24).contains(&hour)
            && (0..60).contains(&minute)
            && (0..60).contains(&second)
            && (0..1000).contains(&millisecond);
        if !is_time && !is_midnight {
            return None;
        }

        let offset = self.zone_sign.map_or(0, |sign| {
            let minutes = self.zone_hour.unwrap_or(0) * 60 + self.zone_minute.unwrap_or(0);
            sign * minutes * 60_000
        });
        let of_day = ((hour * 60 + minute) * 60 + second) * 1000 + millisecond;
        Some((days_of(year, month, day) * DAY + of_day - offset) as f64)
    }
}

/// Milliseconds of the digits behind a decimal point.
fn milliseconds(value: i64, length: usize) -> i64 {
    match length {
        1 => value * 100,
        2 => value * 10,
        3 => value,
        // More than nine digits are not read.
        _ => value / 10_i64.pow(length.min(9) as u32 - 3),
    }
}

enum Iso {
    /// All has been read.
    Whole,
    /// It goes on with this token, and not as ISO 8601.
    Rest(Token),
    Invalid,
}

/// Reads ISO 8601 as far as it goes.
fn iso(tokens: &mut Tokens<'_>, parts: &mut Parts) -> Iso {
    if let Token::Symbol(sign @ ('+' | '-')) = tokens.next {
        let sign_token = tokens.take();
        let Some(year) = tokens.number_of(6) else {
            return Iso::Rest(sign_token);
        };
        tokens.take();
        // ECMA-262 has no year -000000.
        if sign == '-' && year == 0 {
            return Iso::Rest(sign_token);
        }
        let _ = parts.add_day(if sign == '-' { -year } else { year });
    } else if let Some(year) = tokens.number_of(4) {
        tokens.take();
        let _ = parts.add_day(year);
    } else {
        return Iso::Rest(tokens.take());
    }

    // What does not fit, as in `2016-3-4`, is read by V8's other rules.
    for most in [12, 31] {
        if !tokens.skip('-') {
            break;
        }
        match tokens
            .number_of(2)
            .filter(|number| (1..=most).contains(number))
        {
            Some(number) => {
                tokens.take();
                let _ = parts.add_day(number);
            }
            None => return Iso::Rest(tokens.take()),
        }
    }

    match tokens.next {
        Token::Word(Word::Time, _) => {
            tokens.take();
            // A `T` is a part of ISO 8601 alone, so what follows must be whole.
            if iso_time(tokens, parts).is_none() || tokens.next != Token::End {
                return Iso::Invalid;
            }
        }
        Token::End => {}
        _ => return Iso::Rest(tokens.take()),
    }
    // A day alone is UTC; so is all else here, because Bellwire knows no local time.
    parts.is_iso = true;
    Iso::Whole
}

fn iso_time(tokens: &mut Tokens<'_>, parts: &mut Parts) -> Option<()> {
    let hour = tokens.number_of(2).filter(|hour| *hour <= 24)?;
    tokens.take();
    parts.add_time(hour)?;
    // 24:00 is the midnight at the end of the day, and no time comes after it.
    let most = if hour == 24 { 0 } else { 59 };

    if !tokens.skip(':') {
        return None;
    }
    let minute = tokens.number_of(2).filter(|minute| *minute <= most)?;
    tokens.take();
    parts.add_time(minute)?;

    if tokens.skip(':') {
        let second = tokens.number_of(2).filter(|second| *second <= most)?;
        tokens.take();
        parts.add_time(second)?;
        if tokens.skip('.') {
            let Token::Number { value, length } = tokens.take() else {
                return None;
            };
            if hour == 24 && value > 0 {
                return None;
            }
            parts.add_time(milliseconds(value, length))?;
        }
    }

    match tokens.next {
        Token::Word(Word::Zone(0), 1) => {
            tokens.take();
            parts.set_zone(0);
        }
        Token::Symbol(sign @ ('+' | '-')) => {
            tokens.take();
            parts.zone_sign = Some(if sign == '-' { -1 } else { 1 });
            let (hour, minute) = if let Some(both) = tokens.number_of(4) {
                tokens.take();
                (both / 100, both % 100)
            } else {
                let hour = tokens.number_of(2)?;
                tokens.take();
                if !tokens.skip(':') {
                    return None;
                }
                let minute = tokens.number_of(2)?;
                tokens.take();
                (hour, minute)
            };
            if hour > 23 || minute > 59 {
                return None;
            }
            parts.zone_hour = Some(hour);
            parts.zone_minute = Some(minute);
        }
        _ => {}
    }
    Some(())
}

/// Reads what is not ISO 8601, from `first` on. `None`: it is no date.
fn others(first: Token, tokens: &mut Tokens<'_>, parts: &mut Parts) -> Option<()> {
    let mut has_number = !parts.days.is_empty();
    let mut token = first;

    while token != Token::End {
        match token {
            Token::Number { value, .. } => {
                has_number = true;
                number(value, tokens, parts)?;
            }
            Token::Word(Word::HalfOfDay(hours), _) if !parts.times.is_empty() => {
                parts.added_hours = Some(hours);
            }
            Token::Word(Word::Month(month), _) => {
                parts.named_month = Some(month);
                tokens.skip('-');
            }
            Token::Word(Word::Zone(hours), _) if has_number => parts.set_zone(hours),
            Token::Word(..) => {
                // Other words may only stand before the first number, and not touch it.
                if has_number || tokens.is_number() {
                    return None;
                }
            }
            // Behind `UTC` or a time, a sign begins an offset. Elsewhere it stands between parts of
            // the date.
            Token::Symbol(sign @ ('+' | '-')) if parts.is_utc() || !parts.times.is_empty() => {
                has_number = true;
                zone_offset(sign, tokens, parts)?;
            }
            Token::Symbol('+' | '-' | ')') if has_number => return None,
            Token::Symbol(_) | Token::Space | Token::Unknown | Token::End => {}
        }
        token = tokens.take();
    }

    Some(())
}

fn number(value: i64, tokens: &mut Tokens<'_>, parts: &mut Parts) -> Option<()> {
    if tokens.skip(':') {
        if tokens.skip(':') {
            if !parts.times.is_empty() {
                return None;
            }
            parts.add_time(value)?;
            return parts.add_time(0);
        }
        parts.add_time(value)?;
        if tokens.next == Token::Symbol('.') {
            tokens.take();
        }
        return Some(());
    }
    // The point begins a fraction only within a time: `1.5` is the fifth of January.
    if tokens.skip('.') && parts.expects_time(value) {
        parts.add_time(value)?;
        let Token::Number { value, length } = tokens.take() else {
            return None;
        };
        return parts.end_time(milliseconds(value, length));
    }
    if parts.expects_zone_minute(value) {
        parts.zone_minute = Some(value);
        return Some(());
    }
    if parts.expects_time(value) {
        parts.end_time(value)?;
        let is_ended = matches!(
            tokens.next,
            Token::End | Token::Space | Token::Word(Word::Zone(_), 1) | Token::Symbol('+' | '-')
        );
        return is_ended.then_some(());
    }

    parts.add_day(value)?;
    tokens.skip('-');
    Some(())
}

fn zone_offset(sign: char, tokens: &mut Tokens<'_>, parts: &mut Parts) -> Option<()> {
    parts.zone_sign = Some(if sign == '-' { -1 } else { 1 });
    let mut value = 0;
    let mut length = 0;
    if let Token::Number {
        value: next,
        length: digits,
    } = tokens.next
    {
        tokens.take();
        value = next;
        length = digits;
    }

    // One or two digits are hours, and three or four are hours and minutes.
    let (hour, minute) = if tokens.next == Token::Symbol(':') {
        (value, None)
    } else {
        match length {
            1 | 2 => (value, Some(0)),
            3 | 4 => (value / 100, Some(value % 100)),
            _ => return None,
        }
    };
    parts.zone_hour = Some(hour);
    parts.zone_minute = minute;
    Some(())
}

#[cfg(test)]
mod tests {
    use super::super::{Date, Zone};
    use super::*;

    #[test]
    fn dates_are_read_as_node_does() {
        for (text, expected) in [
            ("2024-03-05", Some("2024-03-05 00:00:00")),
            ("2024-03-05 10:00", Some("2024-03-05 10:00:00")),
            ("March 14, 2016", Some("2016-03-14 00:00:00")),
            ("14 Mar 2016", Some("2016-03-14 00:00:00")),
            (
                "Mon, 14 Mar 2016 10:00:00 +0200",
                Some("2016-03-14 08:00:00"),
            ),
            ("2016/03/14", Some("2016-03-14 00:00:00")),
            ("3/14/2016", Some("2016-03-14 00:00:00")),
            ("1/2/99", Some("1999-01-02 00:00:00")),
            ("2016-3-4", Some("2016-03-04 00:00:00")),
            ("2016-03", Some("2016-03-01 00:00:00")),
            ("2016-03-14T10:00:00+02:00", Some("2016-03-14 08:00:00")),
            ("2016-03-14T10:00:00.123456Z", Some("2016-03-14 10:00:00")),
            ("2016-03-14 10:00:00 UTC", Some("2016-03-14 10:00:00")),
            ("2024-02-30", Some("2024-03-01 00:00:00")),
            ("March 2016", Some("2016-03-01 00:00:00")),
            ("10:00 PM, March 1 2020", Some("2020-03-01 22:00:00")),
            ("12/25", Some("2001-12-25 00:00:00")),
            ("Dec 25", Some("2001-12-25 00:00:00")),
            ("1.5", Some("2001-01-05 00:00:00")),
            ("-5", Some("2001-05-01 00:00:00")),
            ("hello", None),
            ("", None),
            ("10:00", None),
            ("now x", None),
            ("14th March 2016", None),
            ("2016-03-14T10", None),
            ("2016-03-14T25:00:00Z", None),
        ] {
            let read = parse(text).and_then(|time| Date::new(time, &Zone::Utc));
            let shown = read.map(|date| date.format("%Y-%m-%d %H:%M:%S").unwrap());
            assert_eq!(shown.as_deref(), expected, "{text}");
        }
    }
}
