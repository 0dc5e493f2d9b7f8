//! Liquid templates in the strings of a message, rendered for each recipient.
//! <https://shopify.github.io/liquid/>
//!
//! The `liquid` crates limit neither time nor memory. So this module offers no loops, no assignments
//! and no filter that multiplies its input, bounds what the templates of one message may contain
//! ([`LIMITS`]), and stops rendering at [`MAX_RENDERED`]: no template can run long or grow large, and
//! no timer is needed. The limits count for the message, because all its strings are rendered for
//! each recipient. `date` is left out too, because its format may ask for any width. See [`language`]
//! for what a variable is that a recipient lacks.

mod language;

use std::fmt;
use std::io::{self, Write};

use liquid_core::{Object, Template};
use serde_json::Value;

use crate::model::message::{Badge, MAX_BADGE, Message, Sound, is_template};
use crate::telemetry::panics;

/// Maximum bytes that the templates of one message render to. It is the largest payload that any
/// provider accepts: APNs' for a `voip` push.
pub(crate) const MAX_RENDERED: usize = 5120;
/// What the templates of one message may contain together. Filters copy their input; tags and
/// indexes nest; the library parses a chain of conditions anew for each of its parts.
const LIMITS: [(usize, &str); 6] = [
    (64, "templates"),
    (16_384, "bytes of templates"),
    (32, "filters"),
    (64, "tags"),
    (16, "indexes"),
    (64, "conditions joined by 'and' or 'or'"),
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
    /// Which of the strings that [`visit_strings`] visits it is.
    index: usize,
    template: Template,
}

impl MessageTemplate {
    /// Parses the templates of `message`. `None`: it has none.
    pub(crate) fn parse(message: &Message) -> Result<Option<Self>, Vec<TemplateProblem>> {
        if message.plain {
            return Ok(None);
        }

        let mut message = message.clone();
        let mut templates = Vec::new();
        let mut problems = Vec::new();
        let mut used = [0; LIMITS.len()];
        let mut index = 0;

        visit_strings(&mut message, &mut |place, string| {
            if is_template(string) {
                match count(&mut used, string).and_then(|()| parse(string)) {
                    Ok(template) => templates.push(StringTemplate { index, template }),
                    Err(message) => problems.push(place.problem(message)),
                }
            }

            index += 1;
            Ok(())
        })
        .map_err(|problem| vec![problem])?;

        if !problems.is_empty() {
            return Err(problems);
        }
        if templates.is_empty() {
            return Ok(None);
        }
        Ok(Some(Self { message, templates }))
    }

    /// The message for a recipient with these variables.
    pub(crate) fn render(&self, variables: Option<&Value>) -> Result<Message, TemplateProblem> {
        let globals = variables.map_or_else(|| Ok(Object::new()), liquid_core::to_object);
        let mut message = self.message.clone();
        let mut templates = self.templates.iter().peekable();
        let mut room = MAX_RENDERED;
        let mut index = 0;

        visit_strings(&mut message, &mut |place, string| {
            if let Some(template) = templates.next_if(|template| template.index == index) {
                let rendered = globals
                    .as_ref()
                    .map_err(in_one_line)
                    .and_then(|globals| render(&template.template, globals, &mut room));
                *string = rendered.map_err(|message| place.problem(message))?;
            }

            index += 1;
            Ok(())
        })?;

        if let Some(Badge::Template(text)) = &message.badge {
            message.badge = badge(text)?;
        }
        Ok(message)
    }
}

/// The badge that a template gave. An empty text is no badge.
fn badge(text: &str) -> Result<Option<Badge>, TemplateProblem> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }

    match text.parse() {
        Ok(number) if number <= MAX_BADGE => Ok(Some(Badge::Number(number))),
        _ => Err(Place::Field("badge").problem(format!(
            "the template must give an integer from 0 to {MAX_BADGE}"
        ))),
    }
}

/// Where a string is in a request. It is formatted only when there is a problem.
enum Place<'a> {
    Field(&'static str),
    Member(&'a Place<'a>, &'a str),
    Element(&'a Place<'a>, usize),
}

impl Place<'_> {
    fn problem(&self, message: String) -> TemplateProblem {
        TemplateProblem {
            field: self.to_string(),
            message,
        }
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => formatter.write_str(name),
            Self::Member(parent, name) => write!(formatter, "{parent}.{name}"),
            Self::Element(parent, index) => write!(formatter, "{parent}[{index}]"),
        }
    }
}

type Visit<'v> = dyn FnMut(&Place<'_>, &mut String) -> Result<(), TemplateProblem> + 'v;

/// Visits the strings of a message that may be templates, always in the same order.
fn visit_strings(message: &mut Message, visit: &mut Visit<'_>) -> Result<(), TemplateProblem> {
    let named = [
        ("content.title", &mut message.title),
        ("content.body", &mut message.body),
        ("content.image", &mut message.image),
        ("collapseKey", &mut message.collapse_key),
    ];
    for (name, string) in named {
        if let Some(string) = string {
            visit(&Place::Field(name), string)?;
        }
    }

    match &mut message.sound {
        Some(Sound::Same(name)) => visit(&Place::Field("sound"), name)?,
        Some(Sound::Each(each)) => {
            for (name, string) in [("fcm", &mut each.fcm), ("apn", &mut each.apn)] {
                if let Some(string) = string {
                    visit(&Place::Member(&Place::Field("sound"), name), string)?;
                }
            }
        }
        None => {}
    }
    if let Some(Badge::Template(text)) = &mut message.badge {
        visit(&Place::Field("badge"), text)?;
    }

    let data = Place::Field("content.data");
    for (key, string) in message.data.iter_mut().flatten() {
        visit(&Place::Member(&data, key), string)?;
    }

    for (name, over) in [("fcm", &mut message.fcm), ("apn", &mut message.apn)] {
        let over_place = Place::Field(name);
        for (name, value) in over.iter_mut().flatten() {
            visit_value(&Place::Member(&over_place, name), value, visit)?;
        }
    }

    Ok(())
}

/// Visits the strings within a value of an override.
fn visit_value(
    place: &Place<'_>,
    value: &mut Value,
    visit: &mut Visit<'_>,
) -> Result<(), TemplateProblem> {
    match value {
        Value::String(string) => visit(place, string),
        Value::Array(elements) => elements
            .iter_mut()
            .enumerate()
            .try_for_each(|(index, value)| {
                visit_value(&Place::Element(place, index), value, visit)
            }),
        Value::Object(fields) => fields
            .iter_mut()
            .try_for_each(|(name, value)| visit_value(&Place::Member(place, name), value, visit)),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

/// Whether a string of `message` is a template.
pub(crate) fn is_templated(message: &Message) -> bool {
    if message.plain {
        return false;
    }

    let mut is_templated = false;
    let _ = visit_strings(&mut message.clone(), &mut |_, string| {
        is_templated |= is_template(string);
        Ok(())
    });
    is_templated
}

/// Adds the content of a template to what its message has `used` of [`LIMITS`].
fn count(used: &mut [usize; LIMITS.len()], text: &str) -> Result<(), String> {
    let marks = |mark: &str| markup(text).matches(mark).count();
    let here = [
        1,
        text.len(),
        marks("|"),
        marks("{%"),
        marks("["),
        joins(markup(text)),
    ];

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

/// How many words `and` and `or` are in `text`. Those of plain text count too: a message has room for
/// few of them.
fn joins(text: &str) -> usize {
    text.split(|character: char| !character.is_alphanumeric() && character != '_')
        .filter(|word| matches!(*word, "and" | "or"))
        .count()
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
    const PLAIN: &str = "; if the message is plain text, set templating to false";

    // The library panics on a number that no integer can hold.
    match panics::catch_unlogged(|| language::parse(text)) {
        Ok(parsed) => parsed.map_err(|error| {
            let error = in_one_line(&error);
            format!("the Liquid template is invalid: {error}{PLAIN}")
        }),
        Err(_) => Err(format!(
            "the Liquid template is invalid: a number in it is out of range{PLAIN}"
        )),
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
    let rendered = panics::catch_unlogged(|| language::render(template, globals, &mut text));

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

fn in_one_line(error: &liquid_core::Error) -> String {
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
    fn an_absent_variable_is_nil_where_a_template_provides_for_it() {
        let none = json!({});
        for (template, expected) in [
            ("Hi {{ name | default: 'there' }}", "Hi there"),
            ("{{ user.name | default: 'there' }}", "there"),
            ("{{ user.names[0] | default: 'there' }}", "there"),
            ("{{ name | capitalize | default: 'there' }}", "there"),
            ("{{ nick | default: name | default: 'there' }}", "there"),
            ("{{- name | default: 'there' -}}", "there"),
            ("{% if name %}{{ name }}{% else %}there{% endif %}", "there"),
            ("{% if user.name %}a{% else %}b{% endif %}", "b"),
            ("{% if name == 'Ann' %}a{% else %}b{% endif %}", "b"),
            ("{% if points > 3 or name %}a{% else %}b{% endif %}", "b"),
            ("{% if tags contains 'x' %}a{% else %}b{% endif %}", "b"),
            ("{% unless name %}a{% endunless %}", "a"),
            (
                "{% case name %}{% when 'Ann' %}a{% else %}b{% endcase %}",
                "b",
            ),
            ("{% case user.name %}{% when 'Ann' %}a{% endcase %}", ""),
            (
                "{% case 'Ann' %}{% when name %}a{% else %}b{% endcase %}",
                "b",
            ),
        ] {
            assert_eq!(
                title(template, &none).as_deref(),
                Ok(expected),
                "{template}"
            );
        }

        let present = json!({"name": "Ann", "user": {"name": "Bob"}, "tags": ["x"]});
        for (template, expected) in [
            ("Hi {{ name | default: 'there' }}", "Hi Ann"),
            ("{{ user.name | default: 'there' }}", "Bob"),
            ("{% if tags contains 'x' %}a{% else %}b{% endif %}", "a"),
            (
                "{% case name %}{% when 'Ann' %}a{% else %}b{% endcase %}",
                "a",
            ),
        ] {
            assert_eq!(
                title(template, &present).as_deref(),
                Ok(expected),
                "{template}"
            );
        }
    }

    #[test]
    fn an_absent_variable_fails_where_it_would_leave_a_gap() {
        for template in [
            "{{ name }}",
            "{{ user.name | upcase }}",
            "{{ 'a' | append: 'b' | default: name }}{{ name }}",
            "{{ 3 | plus: points }}",
            "{% case kind %}{% else %}{{ name }}{% endcase %}",
            "{% if true %}{{ name }}{% endif %}",
        ] {
            if MessageTemplate::parse(&with_title(template)).is_ok() {
                let error = title(template, &json!({"user": {}})).unwrap_err();
                assert!(error.contains("has no value"), "{template}: {error}");
            }
        }
        // Null is a value.
        assert_eq!(
            title("[{{ name }}]", &json!({"name": null})).as_deref(),
            Ok("[]")
        );
    }

    #[test]
    fn plain_text_is_no_template() {
        let mut message = with_title("write {{name}} or {{{");
        message.plain = true;

        assert!(MessageTemplate::parse(&message).is_ok_and(|template| template.is_none()));
    }

    #[test]
    fn the_hint_at_plain_text_follows_a_syntax_error() {
        assert!(refused("{{{").contains("set templating to false"));
    }

    #[test]
    fn overrides_sounds_and_badges_are_filled_in() {
        let message = Message {
            badge: Some(Badge::Template("{{ unread }}".into())),
            sound: Some(Sound::Same("{{ sound }}".into())),
            collapse_key: Some("chat-{{ chat }}".into()),
            apn: json!({"payload": {"aps": {"alert": {"subtitle": "for {{ name }}", "loc-args": ["{{ name }}", 1]}}}})
                .as_object()
                .cloned(),
            fcm: json!({"android": {"notification": {"tag": "{{ chat }}"}}}).as_object().cloned(),
            ..Message::default()
        };
        let template = MessageTemplate::parse(&message).unwrap().unwrap();
        let variables = json!({"unread": 3, "sound": "ring", "chat": 7, "name": "Ann {{ x }}"});
        let rendered = template.render(Some(&variables)).unwrap();

        assert_eq!(rendered.badge, Some(Badge::Number(3)));
        assert_eq!(rendered.sound, Some(Sound::Same("ring".into())));
        assert_eq!(rendered.collapse_key.as_deref(), Some("chat-7"));
        assert_eq!(
            Value::Object(rendered.apn.unwrap()),
            json!({"payload": {"aps": {"alert": {"subtitle": "for Ann {{ x }}", "loc-args": ["Ann {{ x }}", 1]}}}})
        );
        assert_eq!(
            Value::Object(rendered.fcm.unwrap()),
            json!({"android": {"notification": {"tag": "7"}}})
        );

        let problem = template.render(Some(&json!({"unread": 3, "sound": "s", "chat": 7})));
        assert_eq!(
            problem.unwrap_err().field,
            "apn.payload.aps.alert.loc-args[0]"
        );
    }

    #[test]
    fn a_badge_is_a_number_or_nothing() {
        assert_eq!(badge(" 7 "), Ok(Some(Badge::Number(7))));
        assert_eq!(badge(""), Ok(None));
        for bad in ["x", "-1", "2147483648", "1.5"] {
            assert_eq!(badge(bad).unwrap_err().field, "badge", "{bad}");
        }
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
        for join in ["and", "or"] {
            let chain = format!(
                "{{% if a {} %}}{{% endif %}}",
                format!("{join} a ").repeat(65)
            );
            assert!(refused(&chain).contains("conditions"), "{join}");
        }
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
