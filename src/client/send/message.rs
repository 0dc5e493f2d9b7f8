//! What is sent: options of the command, and a file with the body of a request.

use std::io::Read;

use clap::{Args, ValueEnum};
use serde_json::{Map, Value, json};

use crate::client::exit::{Failure, Result};
use crate::client::json::parse_object;
use crate::client::lines::name_of;
use crate::client::text::printable;
use crate::client::time_argument::{duration, future_time};

/// The message and its options. An option wins over the file.
#[derive(Debug, Args)]
#[command(next_help_heading = "Message")]
pub(super) struct MessageArguments {
    /// A file with the JSON body of `POST /v1/PushNotifications`, with or without `to`; `-` is the standard
    /// input.
    #[arg(long, value_name = "FILE")]
    file: Option<String>,
    /// The title.
    #[arg(long)]
    title: Option<String>,
    /// The text.
    #[arg(long)]
    body: Option<String>,
    /// The URL of an image.
    #[arg(long, value_name = "URL")]
    image: Option<String>,
    /// A value for the app, such as screen=orders.
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_and_value)]
    data: Vec<(String, String)>,
    /// The App to send from. Without it, the default App is used.
    #[arg(long, value_name = "NAME")]
    app: Option<String>,
    /// HIGH wakes the device, LOW spares its battery.
    #[arg(long, value_enum, ignore_case = true)]
    priority: Option<PriorityName>,
    /// The name of a sound in the app, or `default`.
    #[arg(long, value_name = "NAME")]
    sound: Option<String>,
    /// The number on the app's icon; 0 removes it.
    #[arg(long, value_name = "NUMBER")]
    badge: Option<u32>,
    /// How long the provider keeps the message for an unreachable device, such as 1h.
    #[arg(long, value_name = "DURATION", value_parser = seconds)]
    ttl: Option<u64>,
    /// How long Bellwire tries to deliver, such as 30m.
    #[arg(long, value_name = "DURATION", value_parser = seconds)]
    deadline: Option<u64>,
    /// A message replaces an earlier one with the same key.
    #[arg(long, value_name = "KEY")]
    collapse_key: Option<String>,
    /// A tag of the Operation, such as campaign=spring, to find it later.
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_and_value)]
    tag: Vec<(String, String)>,
    /// When to send: a time such as 2026-11-30T09:00:00Z, or a duration from now, such as 2h.
    #[arg(long, value_name = "TIME", value_parser = future_time)]
    at: Option<String>,
    /// Ask the app to report that the message was delivered and opened.
    #[arg(long)]
    receipts: bool,
    /// Send {{ and {% as they are.
    #[arg(long)]
    no_templating: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum PriorityName {
    High,
    Low,
}

/// Reads `key=value`.
pub(super) fn key_and_value(text: &str) -> std::result::Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("must be a key and a value, such as tier=gold".to_owned()),
    }
}

/// Reads a duration of whole seconds; a number alone is seconds.
fn seconds(text: &str) -> std::result::Result<u64, String> {
    if let Ok(seconds) = text.parse() {
        return Ok(seconds);
    }

    let duration = duration(text)?;
    if duration.subsec_nanos() > 0 {
        return Err("must be whole seconds".to_owned());
    }
    Ok(duration.as_secs())
}

/// The pairs of an `option` as an object. Of two with the same key, one would be lost.
pub(super) fn object_of(option: &str, pairs: &[(String, String)]) -> Result<Value> {
    let mut object = Map::new();

    for (key, value) in pairs {
        if object.insert(key.clone(), json!(value)).is_some() {
            return Err(Failure::usage(format!(
                "{option} gives '{}' twice: give each key once",
                printable(key)
            )));
        }
    }

    Ok(Value::Object(object))
}

fn some_object_of(option: &str, pairs: &[(String, String)]) -> Result<Option<Value>> {
    if pairs.is_empty() {
        return Ok(None);
    }

    object_of(option, pairs).map(Some)
}

impl MessageArguments {
    /// The body of the request, without its recipients if the file has none.
    pub(super) fn body(&self) -> Result<Map<String, Value>> {
        let mut body = match &self.file {
            Some(path) => read(path)?,
            None => Map::new(),
        };

        // Field by field, so that an option replaces one field of the file's content and not all.
        let content = [
            ("title", self.title.as_ref().map(|text| json!(text))),
            ("body", self.body.as_ref().map(|text| json!(text))),
            ("image", self.image.as_ref().map(|text| json!(text))),
            ("data", some_object_of("--data", &self.data)?),
        ];
        for (name, value) in content {
            let Some(value) = value else { continue };
            let content = body.entry("content").or_insert_with(|| json!({}));
            // Anything else is refused by Bellwire, with its reason.
            if let Some(content) = content.as_object_mut() {
                content.insert(name.to_owned(), value);
            }
        }

        // After the file, because an option wins over it.
        body.extend(self.options()?);
        Ok(body)
    }

    /// The fields of the request that options gave, each with its option.
    pub(super) fn given(&self) -> Vec<(&'static str, &'static str)> {
        let given = [
            ("content.title", "--title", self.title.is_some()),
            ("content.body", "--body", self.body.is_some()),
            ("content.image", "--image", self.image.is_some()),
            ("content.data", "--data", !self.data.is_empty()),
            ("from", "--app", self.app.is_some()),
            ("priority", "--priority", self.priority.is_some()),
            ("sound", "--sound", self.sound.is_some()),
            ("badge", "--badge", self.badge.is_some()),
            ("ttl", "--ttl", self.ttl.is_some()),
            ("deadline", "--deadline", self.deadline.is_some()),
            ("collapseKey", "--collapse-key", self.collapse_key.is_some()),
            ("tags", "--tag", !self.tag.is_empty()),
            ("schedule", "--at", self.at.is_some()),
            ("receipts", "--receipts", self.receipts),
            ("templating", "--no-templating", self.no_templating),
            (
                "content",
                "--title, --body, --image, --data or --file",
                self.file.is_none(),
            ),
        ];

        given
            .into_iter()
            .filter(|(_, _, is_given)| *is_given)
            .map(|(field, option, _)| (field, option))
            .collect()
    }

    fn options(&self) -> Result<impl Iterator<Item = (String, Value)>> {
        let options = [
            (
                "from",
                self.app.as_ref().map(|name| json!({"appName": name})),
            ),
            (
                "priority",
                self.priority.map(|priority| match priority {
                    PriorityName::High => json!("HIGH"),
                    PriorityName::Low => json!("LOW"),
                }),
            ),
            ("sound", self.sound.as_ref().map(|name| json!(name))),
            ("badge", self.badge.map(|badge| json!(badge))),
            ("ttl", self.ttl.map(|ttl| json!(ttl))),
            ("deadline", self.deadline.map(|deadline| json!(deadline))),
            (
                "collapseKey",
                self.collapse_key.as_ref().map(|key| json!(key)),
            ),
            ("tags", some_object_of("--tag", &self.tag)?),
            (
                "schedule",
                self.at.as_ref().map(|at| json!({"sendAt": [at]})),
            ),
            // The option can only be true. Without it, the file decides.
            ("receipts", self.receipts.then_some(Value::Bool(true))),
            (
                "templating",
                self.no_templating.then_some(Value::Bool(false)),
            ),
        ];

        Ok(options
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?))))
    }
}

/// A field of the API with the option that gave it; `given`: from [`MessageArguments::given`].
pub(super) fn named(field: &str, given: &[(&str, &str)]) -> String {
    let is_of = |part: &str| {
        field
            .strip_prefix(part)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };

    match given.iter().find(|(part, _)| is_of(part)) {
        Some((_, option)) => format!("{option} ({field})"),
        None => field.to_owned(),
    }
}

fn read(path: &str) -> Result<Map<String, Value>> {
    let name = name_of(path);
    let mut text = String::new();
    let read = if path == "-" {
        std::io::stdin().read_to_string(&mut text)
    } else {
        std::fs::File::open(path).and_then(|mut file| file.read_to_string(&mut text))
    };
    read.map_err(|error| Failure::failed(format!("can't read {name}: {error}")))?;

    parse_object(&text).map_err(|problem| Failure::failed(format!("{name}: {problem}")))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Only {
        #[command(flatten)]
        message: MessageArguments,
    }

    fn body(arguments: &[&str]) -> Value {
        let only = Only::try_parse_from([&["send"], arguments].concat()).unwrap();
        Value::Object(only.message.body().unwrap())
    }

    #[test]
    fn options_become_the_fields_of_a_request() {
        assert_eq!(body(&[]), json!({}));
        assert_eq!(
            body(&[
                "--title",
                "Hi",
                "--data",
                "a=b=c",
                "--data",
                "d=",
                "--app",
                "shop",
                "--priority",
                "low",
                "--badge",
                "0",
                "--ttl",
                "1h",
                "--deadline",
                "90",
                "--tag",
                "campaign=spring",
                "--receipts",
                "--no-templating",
                "--at",
                "2026-11-30T09:00:00Z",
            ]),
            json!({
                "content": {"title": "Hi", "data": {"a": "b=c", "d": ""}},
                "from": {"appName": "shop"},
                "priority": "LOW",
                "badge": 0,
                "ttl": 3600,
                "deadline": 90,
                "tags": {"campaign": "spring"},
                "receipts": true,
                "templating": false,
                "schedule": {"sendAt": ["2026-11-30T09:00:00Z"]},
            })
        );
    }

    #[test]
    fn a_field_is_named_with_the_option_that_gave_it() {
        let of = |arguments: &[&str], field| {
            let only = Only::try_parse_from([&["send"], arguments].concat()).unwrap();
            named(field, &only.message.given())
        };

        let content = "--title, --body, --image, --data or --file (content)";
        assert_eq!(of(&[], "content"), content);
        assert_eq!(
            of(&["--title", "x"], "content.title"),
            "--title (content.title)"
        );
        assert_eq!(of(&["--tag", "a=b"], "tags.a"), "--tag (tags.a)");
        assert_eq!(
            of(&["--at", "2h"], "schedule.sendAt[0]"),
            "--at (schedule.sendAt[0])"
        );
        assert_eq!(of(&["--app", "x"], "from.appName"), "--app (from.appName)");
        // The file gave these.
        assert_eq!(of(&["--file", "f"], "content"), "content");
        assert_eq!(of(&["--file", "f"], "ttl"), "ttl");
        assert_eq!(of(&["--ttl", "1"], "ttls"), "ttls");
    }

    #[test]
    fn an_option_wins_over_the_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let given = json!({"content": {"title": "a", "body": "b"}, "badge": 1, "fcm": {"x": 1}});
        std::fs::write(file.path(), given.to_string()).unwrap();
        let path = file.path().to_str().unwrap();

        assert_eq!(
            body(&["--file", path, "--title", "c", "--badge", "2"]),
            json!({"content": {"title": "c", "body": "b"}, "badge": 2, "fcm": {"x": 1}})
        );
    }

    #[test]
    fn a_key_that_is_given_twice_is_refused() {
        for option in ["--tag", "--data"] {
            let given = ["send", option, "a=b", option, "a=c"];
            let failure = Only::try_parse_from(given)
                .unwrap()
                .message
                .body()
                .unwrap_err();

            assert_eq!(
                failure.message,
                format!("{option} gives 'a' twice: give each key once")
            );
        }
    }

    #[test]
    fn a_field_that_a_file_gives_twice_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().to_str().unwrap();
        let read = |text: &str| {
            std::fs::write(path, text).unwrap();
            let only = Only::try_parse_from(["send", "--file", path]).unwrap();
            only.message.body()
        };

        let failure = read(r#"{"content": {"data": {"a": "1", "a": "2"}}}"#).unwrap_err();
        assert!(
            failure
                .message
                .starts_with(&format!("{path}: give each field once: 'a' is given twice")),
            "{failure}"
        );
        assert!(read("\u{feff}{\"ttl\": 1}").is_ok());
    }

    #[test]
    fn durations_are_whole_seconds() {
        assert_eq!(seconds("90"), Ok(90));
        assert_eq!(seconds("1h"), Ok(3600));
        assert!(seconds("1500ms").is_err());
        assert!(seconds("soon").is_err());
    }
}
