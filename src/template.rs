//! Liquid templates in the strings of a message, rendered for each recipient.
//! <https://shopify.github.io/liquid/>
//!
//! The `liquid` crate limits neither time nor memory. So this module offers no loops, no assignments
//! and no filter that multiplies its input, bounds what the templates of one message may contain
//! ([`LIMITS`]), and stops rendering at [`MAX_RENDERED`]: no template can run long or grow large, and
//! no timer is needed. The limits count for the message, because all its strings are rendered for
//! each recipient. `date` is left out too, because its format may ask for any width. A `default`
//! stands in for null, not for a variable that the recipient lacks: the API asks each recipient for
//! every variable.

use std::io::{self, Write};
use std::sync::LazyLock;

use liquid::{Object, Parser, ParserBuilder, Template};
use liquid_lib::stdlib;
use serde_json::Value;

use crate::model::message::Message;
use crate::telemetry::panics;

/// Maximum bytes that the templates of one message render to. It is the largest payload that any
/// provider accepts: APNs' for a `voip` push.
pub(crate) const MAX_RENDERED: usize = 5120;
/// What the templates of one message may contain together. Filters copy their input; tags and
/// indexes nest.
const LIMITS: [(usize, &str); 5] = [
    (64, "templates"),
    (16_384, "bytes of templates"),
    (32, "filters"),
    (64, "tags"),
    (16, "indexes"),
];

/// Why a template cannot be parsed, or cannot be rendered with a recipient's variables.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub(crate) struct TemplateProblem {
    /// The field as a request names it: `content.title`, `content.data.gate`, `sound`.
    pub field: String,
    /// A sentence of its own, for the API user.
    pub message: String,
}

/// A message with at least one template among its strings.
pub(crate) struct MessageTemplate {
    message: Message,
    templates: Vec<StringTemplate>,
}

struct StringTemplate {
    /// Which of the message's [`strings`] it is.
    index: usize,
    template: Template,
}

static PARSER: LazyLock<Result<Parser, String>> = LazyLock::new(|| {
    ParserBuilder::new()
        .block(stdlib::IfBlock)
        .block(stdlib::UnlessBlock)
        .block(stdlib::CaseBlock)
        .block(stdlib::CommentBlock)
        .block(stdlib::RawBlock)
        .filter(stdlib::Default)
        .filter(stdlib::Size)
        .filter(stdlib::First)
        .filter(stdlib::Last)
        .filter(stdlib::Upcase)
        .filter(stdlib::Downcase)
        .filter(stdlib::Capitalize)
        .filter(stdlib::Strip)
        .filter(stdlib::Lstrip)
        .filter(stdlib::Rstrip)
        .filter(stdlib::StripNewlines)
        .filter(stdlib::Slice)
        .filter(stdlib::Truncate)
        .filter(stdlib::TruncateWords)
        .filter(stdlib::UrlEncode)
        .filter(stdlib::Abs)
        .filter(stdlib::AtLeast)
        .filter(stdlib::AtMost)
        .filter(stdlib::Ceil)
        .filter(stdlib::Floor)
        .filter(stdlib::Round)
        .filter(stdlib::Plus)
        .filter(stdlib::Minus)
        .filter(stdlib::Times)
        .filter(stdlib::DividedBy)
        .filter(stdlib::Modulo)
        .build()
        .map_err(|error| error.to_string())
});

impl MessageTemplate {
    /// Parses the templates of `message`. `None`: it has none.
    pub(crate) fn parse(message: &Message) -> Result<Option<Self>, Vec<TemplateProblem>> {
        let mut message = message.clone();
        let mut templates = Vec::new();
        let mut problems = Vec::new();
        let mut used = [0; LIMITS.len()];

        for (index, (field, string)) in strings(&mut message).into_iter().enumerate() {
            if !is_template(string) {
                continue;
            }

            match count(&mut used, string).and_then(|()| parse(string)) {
                Ok(template) => templates.push(StringTemplate { index, template }),
                Err(message) => problems.push(TemplateProblem { field, message }),
            }
        }

        if !problems.is_empty() {
            return Err(problems);
        }
        if templates.is_empty() {
            return Ok(None);
        }
        Ok(Some(Self { message, templates }))
    }

    /// The message with an empty string for each template: the part that is the same for every
    /// recipient.
    pub(crate) fn without_templates(&self) -> Message {
        let mut message = self.message.clone();

        let mut strings = strings(&mut message);
        for template in &self.templates {
            strings[template.index].1.clear();
        }

        message
    }

    /// The message for a recipient with these variables.
    pub(crate) fn render(&self, variables: Option<&Value>) -> Result<Message, TemplateProblem> {
        let globals = variables.map_or_else(|| Ok(Object::new()), liquid::to_object);
        let mut message = self.message.clone();
        let mut strings = strings(&mut message);
        let mut room = MAX_RENDERED;

        for StringTemplate { index, template } in &self.templates {
            let (field, string) = &mut strings[*index];
            let rendered = globals
                .as_ref()
                .map_err(in_one_line)
                .and_then(|globals| render(template, globals, &mut room));

            **string = rendered.map_err(|message| TemplateProblem {
                field: std::mem::take(field),
                message,
            })?;
        }

        Ok(message)
    }
}

/// The strings of a message that may be templates, each with its field.
fn strings(message: &mut Message) -> Vec<(String, &mut String)> {
    let named = [
        ("content.title", &mut message.title),
        ("content.body", &mut message.body),
        ("content.image", &mut message.image),
        ("sound", &mut message.sound),
    ];
    let named = named
        .into_iter()
        .filter_map(|(name, string)| Some((name.to_owned(), string.as_mut()?)));

    let data = message
        .data
        .iter_mut()
        .flatten()
        .map(|(key, string)| (format!("content.data.{key}"), string));

    named.chain(data).collect()
}

/// Whether `text` contains Liquid markup.
pub(crate) fn is_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%")
}

/// Adds the content of a template to what its message has `used` of [`LIMITS`].
fn count(used: &mut [usize; LIMITS.len()], text: &str) -> Result<(), String> {
    let marks = |mark: &str| markup(text).matches(mark).count();
    let here = [1, text.len(), marks("|"), marks("{%"), marks("[")];

    for ((used, here), (limit, name)) in used.iter_mut().zip(here).zip(LIMITS) {
        *used += here;
        if *used > limit {
            return Err(format!(
                "with this field the message has {used} {name}; at most {limit} are allowed"
            ));
        }
    }

    Ok(())
}

/// The part of `text` from the first opening mark to the last closing one. The rest is plain text;
/// plain text in between cannot be told apart, because a string in a filter may contain a mark.
fn markup(text: &str) -> &str {
    let first = ["{{", "{%"]
        .into_iter()
        .filter_map(|mark| text.find(mark))
        .min();
    let last = ["}}", "%}"]
        .into_iter()
        .filter_map(|mark| text.rfind(mark))
        .max();
    text.get(first.unwrap_or(0)..last.unwrap_or(text.len()))
        .unwrap_or(text)
}

fn parse(text: &str) -> Result<Template, String> {
    let parser = PARSER.as_ref().map_err(Clone::clone)?;
    // The library panics on a number that no integer can hold.
    match panics::catch_unlogged(|| parser.parse(text)) {
        Ok(parsed) => parsed
            .map_err(|error| format!("the Liquid template is invalid: {}", in_one_line(&error))),
        Err(_) => Err("the Liquid template is invalid: a number in it is out of range".to_owned()),
    }
}

/// Renders a template into at most `room` bytes, and takes what it needed from `room`.
fn render(template: &Template, globals: &Object, room: &mut usize) -> Result<String, String> {
    let mut text = Bounded {
        text: Vec::new(),
        room,
        is_full: false,
    };

    // The library panics on arithmetic that overflows. Only this recipient fails then.
    let rendered = panics::catch_unlogged(|| template.render_to(&mut text, globals));

    match rendered {
        Ok(Ok(())) => String::from_utf8(text.text).map_err(|error| error.to_string()),
        _ if text.is_full => Err(format!(
            "with the recipient's variables the message is longer than {MAX_RENDERED} bytes"
        )),
        Ok(Err(error)) => Err(format!(
            "the template can't be rendered with the recipient's variables: {}",
            in_one_line(&error)
        )),
        Err(_) => Err(
            "the template can't be rendered with the recipient's variables: a number is out of range"
                .to_owned(),
        ),
    }
}

/// A buffer that refuses more than `room` bytes.
struct Bounded<'a> {
    text: Vec<u8>,
    room: &'a mut usize,
    is_full: bool,
}

impl Write for Bounded<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(room) = self.room.checked_sub(bytes.len()) else {
            self.is_full = true;
            return Err(io::Error::other("too long"));
        };

        *self.room = room;
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn in_one_line(error: &liquid::Error) -> String {
    let text = error.to_string();
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    lines.join(" ").trim_start_matches("liquid: ").to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn with_title(title: &str) -> Message {
        Message {
            title: Some(title.to_owned()),
            ..Message::default()
        }
    }

    fn title(template: &str, variables: &Value) -> Result<String, String> {
        let template = MessageTemplate::parse(&with_title(template))
            .unwrap()
            .unwrap();
        let message = template
            .render(Some(variables))
            .map_err(|problem| problem.message)?;
        Ok(message.title.unwrap())
    }

    fn refused(template: &str) -> String {
        MessageTemplate::parse(&with_title(template))
            .err()
            .map(|problems| problems[0].message.clone())
            .unwrap_or_default()
    }

    #[test]
    fn every_recipient_gets_their_own() {
        let template = "Hi {{ name | capitalize }}{% if gate %}, gate {{ gate }}{% endif %}";
        assert_eq!(
            title(template, &json!({"name": "ann", "gate": 7})).unwrap(),
            "Hi Ann, gate 7"
        );
        assert_eq!(title(template, &json!({"name": "bob"})).unwrap(), "Hi Bob");
        assert_eq!(
            title("{{ trip.to[0] }}", &json!({"trip": {"to": ["TLL"]}})).unwrap(),
            "TLL"
        );
        assert_eq!(
            title(r#"{{ name | default: "you" }}"#, &json!({"name": null})).unwrap(),
            "you"
        );
        assert_eq!(
            title("{% raw %}{{ x }}{% endraw %}", &json!({})).unwrap(),
            "{{ x }}"
        );
    }

    #[test]
    fn data_is_filled_in_too_and_the_rest_stays() {
        let mut message = with_title("plain");
        message.data = Some(
            [
                ("gate".to_owned(), "{{ gate }}".to_owned()),
                ("x".to_owned(), "y".to_owned()),
            ]
            .into(),
        );
        let template = MessageTemplate::parse(&message).unwrap().unwrap();
        let data = template
            .render(Some(&json!({"gate": "B"})))
            .unwrap()
            .data
            .unwrap();
        assert_eq!((data["gate"].as_str(), data["x"].as_str()), ("B", "y"));
        assert_eq!(template.without_templates().data.unwrap()["gate"], "");
        assert!(
            MessageTemplate::parse(&with_title("plain } { %"))
                .unwrap()
                .is_none()
        );
    }

    #[test]
    fn a_missing_variable_is_an_error_that_names_it() {
        let error = title("Hi {{ name }}", &json!({"other": "secret value"})).unwrap_err();
        assert!(
            error.contains("name") && !error.contains("secret value") && !error.contains('\n'),
            "{error}"
        );
    }

    #[test]
    fn a_calculation_out_of_range_is_an_error() {
        let edge = json!({"a": i64::MIN});
        for template in [
            "{{ a | abs }}",
            "{{ a | divided_by: -1 }}",
            "{{ a | minus: 1 }}",
            "{{ a | divided_by: 0 }}",
        ] {
            let _ = title(template, &edge);
        }
        assert!(title("{{ a | divided_by: 0 }}", &edge).is_err());
    }

    #[test]
    fn an_invalid_template_is_refused() {
        for bad in [
            "{{ name",
            "{% if x %}",
            "{{ x | frobnicate }}",
            "{% for i in (1..1000000000) %}x{% endfor %}",
        ] {
            assert!(
                refused(bad).contains("the Liquid template is invalid"),
                "{bad}: {}",
                refused(bad)
            );
        }
        assert!(refused("{{ a | truncate: 99999999999999999999 }}").contains("out of range"));
        for bad in [
            "{% assign a = 'x' %}",
            "{% capture a %}{% endcapture %}",
            "{{ 'a' | replace: '', 'aa' }}",
        ] {
            assert!(!refused(bad).is_empty(), "{bad}");
        }
    }

    #[test]
    fn neither_size_nor_nesting_is_unbounded() {
        assert!(refused(&format!("{{{{ a }}}}{}", "x".repeat(17_000))).contains("bytes"));
        assert!(refused(&format!("{{{{ a {} }}}}", "| upcase".repeat(33))).contains("filters"));
        assert!(refused(&"{% if a %}".repeat(65)).contains("tags"));
        assert!(
            refused(&format!("{{{{ {}0{} }}}}", "a[".repeat(17), "]".repeat(17)))
                .contains("indexes")
        );
        let grown = title(&"{{ a }}".repeat(500), &json!({"a": "x".repeat(4000)})).unwrap_err();
        assert!(grown.contains("longer than 5120 bytes"), "{grown}");
    }

    fn with_data(count: usize, text: &str) -> Message {
        let data = (0..count)
            .map(|number| (format!("key{number:04}"), text.to_owned()))
            .collect();
        Message {
            data: Some(data),
            ..Message::default()
        }
    }

    #[test]
    fn the_limits_count_for_the_whole_message() {
        let problem = |message: &Message| {
            MessageTemplate::parse(message)
                .err()
                .map(|problems| problems[0].clone())
        };
        for (count, text, field, what) in [
            (
                1_900,
                "{{ a }}".to_owned(),
                "content.data.key0064",
                "65 templates; at most 64 are allowed",
            ),
            (
                5,
                format!("{{{{ a }}}}{}", "x".repeat(4_000)),
                "content.data.key0004",
                "bytes of templates",
            ),
            (
                17,
                "{{ a | upcase | strip }}".to_owned(),
                "content.data.key0016",
                "34 filters; at most 32 are allowed",
            ),
            (
                33,
                "{% if a %}{% endif %}".to_owned(),
                "content.data.key0032",
                "66 tags; at most 64 are allowed",
            ),
            (
                17,
                "{{ a[0] }}".to_owned(),
                "content.data.key0016",
                "17 indexes; at most 16 are allowed",
            ),
        ] {
            let problem = problem(&with_data(count, &text)).unwrap();
            assert!(
                problem.field == field && problem.message.contains(what),
                "{problem:?}"
            );
        }
        assert_eq!(problem(&with_data(64, "{{ a }} [gate] | today")), None);
    }

    #[test]
    fn rendering_stops_when_the_texts_together_are_too_long() {
        let template = MessageTemplate::parse(&with_data(60, "{{ a }}"))
            .unwrap()
            .unwrap();
        assert!(template.render(Some(&json!({"a": "x".repeat(85)}))).is_ok());
        let problem = template
            .render(Some(&json!({"a": "x".repeat(86)})))
            .unwrap_err();
        assert_eq!(problem.field, "content.data.key0059");
        assert!(
            problem.message.contains("longer than 5120 bytes"),
            "{problem:?}"
        );
    }
}
