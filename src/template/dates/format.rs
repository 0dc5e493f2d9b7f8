//! Writes dates as `strftime` does.

use super::Date;
use crate::template::budget::{Limit, MAX_INTERMEDIATE, Stop};
use crate::template::number;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];

/// `%-5d`: what stands between `%` and the letter.
struct Directive {
    flags: String,
    width: Option<usize>,
}

impl Directive {
    fn has(&self, flag: char) -> bool {
        self.flags.contains(flag)
    }
}

impl Date {
    /// Writes it by `format`. What is no directive stays as it is.
    pub(in crate::template) fn format(&self, format: &str) -> Result<String, Stop> {
        let mut result = String::new();
        let mut rest = format;

        while let Some(at) = rest.find('%') {
            result.push_str(&rest[..at]);
            let (length, shown) = self.directive(&rest[at..])?;
            match shown {
                Some(shown) => result.push_str(&shown),
                None => result.push_str(&rest[at..at + length]),
            }
            rest = &rest[at + length..];
            // Each width is bounded, and many of them add up.
            if result.len() > MAX_INTERMEDIATE {
                return Err(Stop::Over(Limit::Intermediate));
            }
        }

        result.push_str(rest);
        Ok(result)
    }

    /// The directive that `text` begins with: its length, and what it stands for. `None`: it is not a directive.
    fn directive(&self, text: &str) -> Result<(usize, Option<String>), Stop> {
        let flags = text[1..].trim_start_matches(['-', '_', '0', '^', '#', ':']);
        let mut directive = Directive {
            flags: text[1..text.len() - flags.len()].to_owned(),
            width: None,
        };
        let digits = flags.trim_start_matches(|digit: char| digit.is_ascii_digit());
        let width = &flags[..flags.len() - digits.len()];
        if !width.is_empty() {
            // More digits than `usize` holds are too many in any case.
            let width = width.parse().unwrap_or(usize::MAX);
            // Before the padding is made: a width of ten digits would ask for gigabytes.
            if width > MAX_INTERMEDIATE {
                return Err(Stop::Over(Limit::Intermediate));
            }
            directive.width = Some(width);
        }
        // Ruby and LiquidJS skip a modifier. One that ends the text stands for itself.
        let modified = digits
            .strip_prefix(['E', 'O'])
            .filter(|rest| !rest.is_empty());

        let letter = modified.unwrap_or(digits).chars().next();
        // JavaScript's `.` does not match a line break, so such a directive is text.
        let Some(letter) = letter.filter(|letter| *letter != '\n') else {
            return Ok((1, None));
        };
        let end = text.len() - modified.unwrap_or(digits).len() + letter.len_utf8();
        let shown = self.shown(letter, &directive);
        Ok((end, shown.map(|shown| padded(shown, letter, &directive))))
    }

    fn shown(&self, letter: char, directive: &Directive) -> Option<String> {
        let name = |names: &[&str], index: i64| {
            names
                .get(index as usize)
                .copied()
                .unwrap_or_default()
                .to_owned()
        };
        // The formats below have no width, so they cannot fail.
        let nested = |format: &str| self.format(format).ok();

        let shown = match letter {
            'a' => name(&DAYS, self.weekday)[..3].to_owned(),
            'A' => name(&DAYS, self.weekday),
            'b' | 'h' => name(&MONTHS, self.month - 1)[..3].to_owned(),
            'B' => name(&MONTHS, self.month - 1),
            // LiquidJS writes these three in the locale of its process. Bellwire writes those of
            // en-US.
            'c' => return nested("%x, %X"),
            'x' => return nested("%-m/%-d/%-Y"),
            'X' => return nested("%-l:%M:%S %p"),
            // Ruby has these, and LiquidJS has not.
            'D' => return nested("%m/%d/%y"),
            'F' => return nested("%Y-%m-%d"),
            'R' => return nested("%H:%M"),
            'T' => return nested("%H:%M:%S"),
            'r' => return nested("%I:%M:%S %p"),
            'v' => return nested("%e-%^b-%Y"),
            'N' => {
                let width = directive.width.filter(|width| *width > 0).unwrap_or(9);
                // Dates have milliseconds, so digits behind the third are zeros.
                let digits = format!("{:03}", self.millisecond % 1000);
                let digits = &digits[..width.min(3)];
                format!("{digits:0<width$}")
            }
            'p' => if self.hour() < 12 { "AM" } else { "PM" }.to_owned(),
            'P' => if self.hour() < 12 { "am" } else { "pm" }.to_owned(),
            'q' => self.ordinal().to_owned(),
            'z' => self.offset_text(directive.has(':')),
            'Z' => {
                // A zone that is given in minutes has no name, and LiquidJS writes its offset.
                let name = self.zone.clone().filter(|name| !name.is_empty());
                name.unwrap_or_else(|| self.offset_text(directive.has(':')))
            }
            't' => "\t".to_owned(),
            'n' => "\n".to_owned(),
            '%' => "%".to_owned(),
            _ => return self.number(letter).map(|number| number.to_string()),
        };

        Some(shown)
    }

    /// The directives that stand for a number.
    fn number(&self, letter: char) -> Option<i64> {
        Some(match letter {
            'C' => self.year.div_euclid(100),
            'd' | 'e' => self.day,
            'H' | 'k' => self.hour(),
            'I' | 'l' => (self.hour() + 11) % 12 + 1,
            'j' => self.day_of_year,
            'L' => self.millisecond % 1000,
            'm' => self.month,
            'M' => self.millisecond / 60_000 % 60,
            // Rounded down also before 1970, as in LiquidJS.
            's' => self.time.div_euclid(1000),
            'S' => self.millisecond / 1000 % 60,
            'u' if self.weekday == 0 => 7,
            'u' | 'w' => self.weekday,
            'U' => self.week(0),
            'W' => self.week(1),
            'y' => self.year.rem_euclid(100),
            'Y' => self.year,
            _ => return None,
        })
    }

    fn hour(&self) -> i64 {
        self.millisecond / 3_600_000
    }

    /// The week of the year; days before its first `first` are in week 0.
    fn week(&self, first: i64) -> i64 {
        let since_first = (self.weekday - first).rem_euclid(7);

        (self.day_of_year - 1 - since_first + 7).div_euclid(7)
    }

    fn ordinal(&self) -> &'static str {
        match (self.day, self.day % 10) {
            (11..=13, _) => "th",
            (_, 1) => "st",
            (_, 2) => "nd",
            (_, 3) => "rd",
            _ => "th",
        }
    }

    fn offset_text(&self, has_colon: bool) -> String {
        let minutes = self.offset.abs() as f64 / 60.0;
        let hours = (minutes / 60.0).floor();
        // A fraction of a minute is shown, as in LiquidJS.
        let rest = number::to_text(minutes % 60.0);
        let sign = if self.offset < 0 { '-' } else { '+' };
        let colon = if has_colon { ":" } else { "" };

        format!("{sign}{hours:02}{colon}{rest:0>2}")
    }
}

fn padded(shown: String, letter: char, directive: &Directive) -> String {
    let shown = if directive.has('^') {
        shown.to_uppercase()
    } else if directive.has('#') {
        if shown.contains(|character: char| character.is_ascii_lowercase()) {
            shown.to_uppercase()
        } else {
            shown.to_lowercase()
        }
    } else {
        shown
    };

    let default_width = match letter {
        'C' | 'd' | 'e' | 'H' | 'I' | 'k' | 'l' | 'm' | 'M' | 'S' | 'U' | 'W' | 'y' => 2,
        'j' | 'L' => 3,
        'Y' => 4,
        _ => 0,
    };
    let width = directive
        .width
        .filter(|width| *width > 0)
        .unwrap_or(default_width);
    // `-` wins over a width, in whichever order they stand.
    let width = if directive.has('-') { 0 } else { width };
    let pads_with_space = if directive.has('_') {
        true
    } else if directive.has('0') {
        false
    } else {
        "aAbBceklpP".contains(letter)
    };

    let missing = width.saturating_sub(shown.chars().count());
    if pads_with_space {
        return format!("{}{shown}", " ".repeat(missing));
    }
    // Zeros stand behind the sign of a year before 0.
    match shown.strip_prefix('-') {
        Some(digits) => format!("-{}{digits}", "0".repeat(missing)),
        None => format!("{}{shown}", "0".repeat(missing)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Date, Zone, parse};

    fn shown(text: &str, format: &str, zone: &Zone) -> String {
        Date::new(parse(text).unwrap(), zone)
            .unwrap()
            .format(format)
            .unwrap()
    }

    #[test]
    fn directives_are_filled_in_and_the_rest_stays() {
        for (format, expected) in [
            ("%Y-%m-%d %H:%M:%S.%L", "2024-03-05 14:07:09.123"),
            ("%-d|%e|%05d|%_H|%k|%l|%I", "5| 5|00005|14|14| 2|02"),
            (
                "%^a %#p %q %j %U %W %u %w %C %y",
                "TUE pm th 065 09 10 2 2 20 24",
            ),
            ("%c %z %:z %Z", "3/5/2024, 2:07:09 PM +0000 +00:00 UTC"),
            ("%F %T %R %D", "2024-03-05 14:07:09 14:07 03/05/24"),
            ("%E|%-|%05|%", "%E|%-|%05|%"),
            ("%10Y%3N%N", "0000002024123123000000"),
        ] {
            assert_eq!(
                shown("2024-03-05T14:07:09.123Z", format, &Zone::Utc),
                expected
            );
        }
    }

    #[test]
    fn a_zone_has_its_daylight_saving_time() {
        let zone = Zone::named("America/New_York").unwrap();
        assert_eq!(
            shown("2024-03-10T06:59:00Z", "%H:%M %z %Z", &zone),
            "01:59 -0500 America/New_York"
        );
        assert_eq!(
            shown("2024-03-10T07:00:00Z", "%H:%M %z", &zone),
            "03:00 -0400"
        );
        assert!(Zone::named("Nowhere/At_All").is_err());
    }

    #[test]
    fn a_width_is_bounded() {
        let date = Date::new(0.0, &Zone::Utc).unwrap();
        assert!(date.format("%99999999d").is_err());
        assert!(date.format(&"%9999d".repeat(9)).is_err());
    }
}
