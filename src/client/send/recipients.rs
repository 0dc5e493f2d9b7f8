//! To whom a message goes: arguments, a file with a line for each recipient, or an audience.

use std::collections::VecDeque;
use std::fmt;

use clap::{Args, ValueEnum};
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;

use crate::client::exit::{Failure, Result};
use crate::client::ids::{USER, is_id};
use crate::client::json::parse_object;
use crate::client::lines::{Line, is_piped, lines_of, name_of};
use crate::client::send::message::{key_and_value, object_of};

/// Shortest token of APNs, in hexadecimal digits.
const APNS_DIGITS: usize = 64;

/// Who a message is for.
#[derive(Args)]
#[command(next_help_heading = "Recipients")]
pub(super) struct RecipientArguments {
    /// A device token or the id of a User. Others see the arguments of a process, so give tokens in a
    /// file where that matters.
    #[arg(long, value_name = "RECIPIENT")]
    to: Vec<String>,
    /// A file with a recipient on each line: a device token, the id of a User, or a JSON object as the API
    /// takes it, such as {"token": "…", "provider": "FCM", "variables": {"name": "Ann"}}. Lines that
    /// are empty or begin with `#` are left out. `-` is the standard input, which is also read if no
    /// recipients are given.
    #[arg(long, value_name = "FILE")]
    tokens: Option<String>,
    /// The provider of the tokens. Without it, tokens of 64 hexadecimal digits or more are those of APN,
    /// others those of FCM.
    #[arg(long, value_enum, ignore_case = true)]
    provider: Option<ProviderName>,
    /// Send to the devices that have this tag, such as tier=gold. Several must all match.
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_and_value, conflicts_with_all = ["to", "tokens"])]
    audience: Vec<(String, String)>,
    /// Send to every User of the App.
    #[arg(long, conflicts_with_all = ["to", "tokens", "audience"])]
    everyone: bool,
}

/// Device tokens stay out of logs.
impl fmt::Debug for RecipientArguments {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RecipientArguments")
            .finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ProviderName {
    Fcm,
    Apn,
}

impl ProviderName {
    fn as_str(self) -> &'static str {
        match self {
            Self::Fcm => "FCM",
            Self::Apn => "APN",
        }
    }
}

/// An element of `to`.
#[derive(Debug)]
pub(super) struct Recipient {
    pub value: Value,
    /// Where it is from, for people; `None`: an argument.
    pub place: Option<String>,
    /// About as many as it has in the request.
    pub bytes: usize,
}

/// All recipients, one after the other.
pub(super) struct Targets {
    given: VecDeque<Recipient>,
    file: Option<TargetFile>,
}

struct TargetFile {
    name: String,
    lines: mpsc::Receiver<Result<Line>>,
    provider: Option<ProviderName>,
}

impl RecipientArguments {
    /// Takes `to` out of the request's file, if it is there.
    pub(super) fn targets(&self, body: &mut Map<String, Value>) -> Result<Targets> {
        // Removed, because each request gets a part of it.
        let in_file = body.remove("to");
        let is_given = !self.to.is_empty() || self.tokens.is_some();
        let is_audience = self.everyone || !self.audience.is_empty();
        if in_file.is_some() && (is_given || is_audience) {
            return Err(Failure::usage(
                "the recipients are given twice: the file of --file has `to`, so leave out --to, --tokens, \
                 --audience and --everyone",
            ));
        }

        if is_audience {
            let tags = object_of("--audience", &self.audience)?;
            let audience = if self.everyone {
                json!({})
            } else {
                json!({"tags": tags})
            };
            // One recipient of the request: Bellwire fans it out, so there is nothing to cut.
            return Ok(Targets::given(vec![as_given(
                json!({"audience": audience}),
            )]));
        }
        match in_file {
            Some(Value::Array(elements)) => {
                return Ok(Targets::given(elements.into_iter().map(as_given).collect()));
            }
            Some(_) => {
                return Err(Failure::failed(
                    "`to` of the file of --file must be an array of recipients",
                ));
            }
            None => {}
        }

        let given = self
            .to
            .iter()
            .map(|text| recipient(text, self.provider, None))
            .collect::<Result<_>>()?;
        let path = match &self.tokens {
            Some(path) => Some(path.as_str()),
            // A job without a terminal may have an empty input. It fails then, because no recipient
            // is sent to.
            None if self.to.is_empty() && is_piped() => Some("-"),
            None if self.to.is_empty() => {
                return Err(Failure::usage(
                    "no recipient is given: name a file with --tokens, or use --to, --audience or --everyone",
                ));
            }
            None => None,
        };
        let file = match path {
            Some(path) => Some(TargetFile {
                name: name_of(path),
                lines: lines_of(path)?,
                provider: self.provider,
            }),
            None => None,
        };

        Ok(Targets { given, file })
    }
}

impl Targets {
    pub(super) fn given(given: Vec<Recipient>) -> Self {
        Self {
            given: given.into(),
            file: None,
        }
    }

    pub(super) fn source(&self) -> String {
        self.file
            .as_ref()
            .map_or("`to`".to_owned(), |file| file.name.clone())
    }

    /// The next recipient; `None`: there is no other.
    pub(super) async fn next(&mut self) -> Result<Option<Recipient>> {
        if let Some(given) = self.given.pop_front() {
            return Ok(Some(given));
        }

        let Some(file) = &mut self.file else {
            return Ok(None);
        };
        let line = loop {
            let Some(line) = file.lines.recv().await else {
                return Ok(None);
            };
            let line = line?;
            if !line.text.starts_with('#') {
                break line;
            }
        };
        let place = format!("{}, line {}", file.name, line.number);
        recipient(&line.text, file.provider, Some(place)).map(Some)
    }
}

fn as_given(value: Value) -> Recipient {
    Recipient {
        bytes: value.to_string().len(),
        value,
        place: None,
    }
}

/// A recipient as people write it.
fn recipient(
    text: &str,
    provider: Option<ProviderName>,
    place: Option<String>,
) -> Result<Recipient> {
    // The request has some 30 bytes around a token: its names, quotes and provider.
    let bytes = text.len() + 40;
    let value = if text.starts_with('{') {
        let object = parse_object(text).map_err(|problem| {
            let place = place.as_deref().unwrap_or("--to");
            Failure::failed(format!("{place}: {problem}"))
        })?;
        Value::Object(object)
    } else if is_id(text, USER) {
        json!({"userId": text})
    } else {
        let provider = provider.unwrap_or_else(|| provider_of(text));
        json!({"token": text, "provider": provider.as_str()})
    };

    Ok(Recipient {
        value,
        place,
        bytes,
    })
}

/// The provider that has tokens of this form.
fn provider_of(token: &str) -> ProviderName {
    let is_hexadecimal = token.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hexadecimal && token.len() >= APNS_DIGITS {
        ProviderName::Apn
    } else {
        ProviderName::Fcm
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const APN: &str = "740f4707bebcf74f9b7c25d48e3358945f6aa01da5ddb387462c7eaf61bb78ad";

    fn read(text: &str, provider: Option<ProviderName>) -> Value {
        recipient(text, provider, None).unwrap().value
    }

    #[test]
    fn a_token_shows_its_provider() {
        let fcm = "dqWD7WEC83K41WHyufTS7:APA91bF";

        assert_eq!(read(fcm, None), json!({"token": fcm, "provider": "FCM"}));
        assert_eq!(read(APN, None), json!({"token": APN, "provider": "APN"}));
        assert_eq!(
            read(APN, Some(ProviderName::Fcm)),
            json!({"token": APN, "provider": "FCM"})
        );
    }

    #[tokio::test]
    async fn empty_lines_and_comments_are_left_out() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "# from the export\r\n\r\n  a \n#b\n\nc").unwrap();

        let mut targets = Targets {
            given: VecDeque::new(),
            file: Some(TargetFile {
                name: "tokens.txt".to_owned(),
                lines: lines_of(file.path().to_str().unwrap()).unwrap(),
                provider: None,
            }),
        };
        let mut read = Vec::new();
        while let Some(recipient) = targets.next().await.unwrap() {
            read.push((recipient.value["token"].clone(), recipient.place.unwrap()));
        }

        assert_eq!(
            read,
            [
                (json!("a"), "tokens.txt, line 3".to_owned()),
                (json!("c"), "tokens.txt, line 6".to_owned()),
            ]
        );
    }

    #[test]
    fn users_and_objects_are_taken_as_they_are() {
        let user = "comms_pushnotificationuser_01h9krwprkeee8fzqspvwy6nq8";
        assert_eq!(read(user, None), json!({"userId": user}));

        let object = json!({"token": "a", "provider": "FCM", "variables": {"name": "Ann"}});
        assert_eq!(read(&object.to_string(), None), object);
    }

    #[test]
    fn a_line_that_is_no_json_is_named() {
        let place = Some("tokens.txt, line 3".to_owned());
        let error = recipient("{\"token\":", None, place).unwrap_err();

        assert!(
            error
                .message
                .starts_with("tokens.txt, line 3: must be a JSON object"),
            "{error}"
        );
    }

    #[test]
    fn a_field_that_a_recipient_has_twice_is_refused() {
        let place = Some("tokens.txt, line 3".to_owned());
        let twice = r#"{"token": "a", "provider": "FCM", "token": "b"}"#;

        assert!(
            recipient(twice, None, place)
                .unwrap_err()
                .message
                .starts_with("tokens.txt, line 3: give each field once: 'token' is given twice")
        );
        let variables = r#"{"token": "a", "variables": {"n": "1", "n": "2"}}"#;
        let error = recipient(variables, None, None).unwrap_err();
        assert!(
            error.message.starts_with("--to: give each field once: 'n'"),
            "{error}"
        );
    }
}
