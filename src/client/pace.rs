//! `bellwire pace`: changes how fast an Operation is sent.

use std::num::NonZeroU32;
use std::str::FromStr;

use clap::Args;
use serde_json::{Value, json};

use crate::client::api::{Api, Ask};
use crate::client::exit::{Exit, Result};
use crate::client::ids::{OPERATION, check};
use crate::client::profile::ConnectionArguments;
use crate::client::screen::Screen;
use crate::client::text::grouped;

/// The highest pace that Bellwire takes.
const HIGHEST: u32 = 10_000_000;

/// Options of `bellwire pace`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The id of an Operation.
    operation: String,
    /// Notifications in a minute, from 1 to 10,000,000, or `none` to send the rest as fast as possible.
    #[arg(value_name = "PER_MINUTE")]
    pace: Pace,
    /// Print JSON: the answer.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub connection: ConnectionArguments,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pace {
    None,
    PerMinute(NonZeroU32),
}

impl FromStr for Pace {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        if text.eq_ignore_ascii_case("none") {
            return Ok(Self::None);
        }

        // Help and output write 10,000,000, which people copy.
        let per_minute: Option<NonZeroU32> = text.replace([',', '_'], "").parse().ok();
        match per_minute {
            Some(per_minute) if per_minute.get() <= HIGHEST => Ok(Self::PerMinute(per_minute)),
            _ => Err(format!(
                "must be an integer from 1 to {}, or none",
                grouped(u64::from(HIGHEST))
            )),
        }
    }
}

impl Pace {
    /// As a field of an Operation.
    fn as_json(self) -> Value {
        match self {
            // Null takes the pace away. Without the field, the request would change nothing.
            Self::None => Value::Null,
            Self::PerMinute(number) => json!({"perMinute": number.get()}),
        }
    }

    /// For people.
    fn describe(self) -> String {
        match self {
            Self::None => "no pace".to_owned(),
            Self::PerMinute(number) => format!("{} a minute", grouped(u64::from(number.get()))),
        }
    }
}

pub(super) async fn run(arguments: &Arguments, api: &Api, screen: &Screen) -> Result<Exit> {
    let id = check(&arguments.operation, &[OPERATION])?;
    let pace = arguments.pace;
    let body = json!({"pace": pace.as_json()});

    let ask = Ask::patch(format!("/Operations/{id}"), body.to_string());
    let answer = api.json(&ask).await?;
    if arguments.json {
        screen.print_json(&answer)?;
    } else {
        screen.print(&format!("{}: {id}", pace.describe()))?;
    }
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_is_a_number_of_notifications_or_none() {
        let described = |text: &str| text.parse().map(Pace::describe);

        assert_eq!(described("600").unwrap(), "600 a minute");
        assert_eq!(described("10,000,000").unwrap(), "10,000,000 a minute");
        assert_eq!(described("None").unwrap(), "no pace");
        assert_eq!("none".parse::<Pace>().unwrap().as_json(), Value::Null);
        for wrong in ["0", "-1", "1.5", "10000001", "", "fast"] {
            let error = wrong.parse::<Pace>().unwrap_err();
            assert!(error.contains("1 to 10,000,000"), "{wrong}: {error}");
        }
    }
}
