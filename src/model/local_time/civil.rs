//! Dates and times on a clock without a zone, and days of the week, as requests name them.

use std::fmt;
use std::str::FromStr;

use jiff::civil::{Date, DateTime, Time};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A date and a time without a zone, to the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalDateTime(pub(super) DateTime);

/// A time of day, to the minute. The end of a window may be 24:00.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimeOfDay {
    /// From midnight on; 1440 is the next midnight.
    pub(super) minutes: u16,
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub enum Day {
    #[serde(rename = "MON")]
    Monday,
    #[serde(rename = "TUE")]
    Tuesday,
    #[serde(rename = "WED")]
    Wednesday,
    #[serde(rename = "THU")]
    Thursday,
    #[serde(rename = "FRI")]
    Friday,
    #[serde(rename = "SAT")]
    Saturday,
    #[serde(rename = "SUN")]
    Sunday,
}

impl Day {
    /// Each by its name on the wire.
    pub const ALL: [(&'static str, Self); 7] = [
        ("MON", Self::Monday),
        ("TUE", Self::Tuesday),
        ("WED", Self::Wednesday),
        ("THU", Self::Thursday),
        ("FRI", Self::Friday),
        ("SAT", Self::Saturday),
        ("SUN", Self::Sunday),
    ];

    pub(super) fn of(date: Date) -> Option<Self> {
        let index = date.weekday().to_monday_zero_offset();

        usize::try_from(index)
            .ok()
            .and_then(|index| Self::ALL.get(index))
            .map(|(_, day)| *day)
    }
}

impl FromStr for LocalDateTime {
    type Err = ();

    /// Reads `2026-11-30T09:00:00`, and nothing shorter or longer.
    fn from_str(text: &str) -> Result<Self, ()> {
        // jiff would also read a date alone, and fractions of a second.
        const FORM: &str = "0000-00-00T00:00:00";
        let has_form = text.len() == FORM.len()
            && text.bytes().zip(FORM.bytes()).all(|(byte, form)| {
                if form == b'0' {
                    byte.is_ascii_digit()
                } else {
                    byte == form
                }
            });
        if !has_form {
            return Err(());
        }

        text.parse().map(Self).map_err(|_| ())
    }
}

impl fmt::Display for LocalDateTime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0)
    }
}

impl TimeOfDay {
    /// The midnight at which a day ends.
    pub(super) const END: u16 = 24 * 60;

    pub(super) fn on(self, date: Date) -> Option<DateTime> {
        if self.minutes == Self::END {
            // jiff has no 24:00.
            return Some(date.tomorrow().ok()?.to_datetime(Time::midnight()));
        }

        let hour = i8::try_from(self.minutes / 60).ok()?;
        let minute = i8::try_from(self.minutes % 60).ok()?;
        Some(date.to_datetime(Time::new(hour, minute, 0, 0).ok()?))
    }

    /// Whether it is 24:00, which only ends a window.
    pub fn is_end(self) -> bool {
        self.minutes == Self::END
    }
}

impl FromStr for TimeOfDay {
    type Err = ();

    /// Reads `09:00`.
    fn from_str(text: &str) -> Result<Self, ()> {
        let (hour, minute) = text.split_once(':').ok_or(())?;
        let number = |text: &str| {
            let is_number = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
            is_number.then(|| text.parse::<u16>().ok()).flatten()
        };
        let hour = number(hour).ok_or(())?;
        let minute = number(minute).ok_or(())?;

        let minutes = hour * 60 + minute;
        if minute < 60 && minutes <= Self::END {
            Ok(Self { minutes })
        } else {
            Err(())
        }
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{:02}:{:02}",
            self.minutes / 60,
            self.minutes % 60
        )
    }
}

/// Serializes a type as the string that it is read from.
macro_rules! serialized_as_string {
    ($name:ident) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse()
                    .map_err(|()| de::Error::custom(concat!("not a ", stringify!($name))))
            }
        }
    };
}

serialized_as_string!(LocalDateTime);
serialized_as_string!(TimeOfDay);
