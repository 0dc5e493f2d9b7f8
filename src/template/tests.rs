//! Tests of what templates give.

use serde_json::json;

use super::*;
use crate::model::message::Sound;

pub(super) fn with_title(title: &str) -> Message {
    Message {
        title: Some(title.to_owned()),
        ..Message::default()
    }
}

pub(super) fn with_variables(variables: &Value) -> Variables<'_> {
    Variables {
        own: Some(variables),
        defaults: None,
        now: OffsetDateTime::UNIX_EPOCH + time::Duration::seconds(1_709_647_629),
    }
}

pub(super) fn rendered(message: &Message, variables: &Value) -> Result<String, NotRendered> {
    let template = MessageTemplate::parse(message).unwrap().unwrap();

    Ok(template.render(with_variables(variables))?.title.unwrap())
}

pub(super) fn title(template: &str, variables: &Value) -> Result<String, String> {
    rendered(&with_title(template), variables).map_err(|reason| match reason {
        NotRendered::Invalid(problem) => problem.message,
        NotRendered::Skipped(reason) => format!("skipped: {reason}"),
    })
}

pub(super) fn refused(template: &str) -> String {
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
        .render(with_variables(&json!({"gate": "B"})))
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
    let none = json!({"user": {}, "nothing": null});
    for (template, expected) in [
        ("Hi {{ name | default: 'there' }}", "Hi there"),
        ("{{ user.name | default: 'there' }}", "there"),
        ("{{ user.names[0] | default: 'there' }}", "there"),
        ("{{ name | capitalize | default: 'there' }}", "there"),
        ("{{ nick | default: name | default: 'there' }}", "there"),
        ("{% if name %}{{ name }}{% else %}there{% endif %}", "there"),
        ("{% if user.name %}a{% else %}b{% endif %}", "b"),
        ("{% if points > 3 or name %}a{% else %}b{% endif %}", "b"),
        ("{% if tags contains 'x' %}a{% else %}b{% endif %}", "b"),
        ("{% unless name %}a{% endunless %}", "a"),
        (
            "{% case name %}{% when 'Ann' %}a{% else %}b{% endcase %}",
            "b",
        ),
        (
            "{% case 'Ann' %}{% when name %}a{% else %}b{% endcase %}",
            "b",
        ),
        (
            "{% for tag in tags %}{{ tag }}{% else %}none{% endfor %}",
            "none",
        ),
        (
            "{% assign x = name %}{% if x %}a{% else %}b{% endif %}",
            "b",
        ),
        ("{% assign n = tags | size %}{{ n }}", "0"),
        ("{{ name == nil }}", "true"),
        ("[{{ nothing }}]", "[]"),
    ] {
        assert_eq!(
            title(template, &none).as_deref(),
            Ok(expected),
            "{template}"
        );
    }
}

#[test]
fn an_absent_variable_fails_where_it_would_leave_a_gap_unless_the_message_says_otherwise() {
    let variables = json!({"user": {}, "nothing": null});
    for (template, empty) in [
        ("[{{ name }}]", "[]"),
        ("[{{ user.name | upcase }}]", "[]"),
        ("[{{ nothing.name }}]", "[]"),
        ("[{% echo name %}]", "[]"),
        ("[{{ 3 | plus: points }}]", "[3]"),
        ("[{% if true %}{{ name }}{% endif %}]", "[]"),
        ("[{% assign x = name %}{{ x }}]", "[]"),
        ("[{{ 'a' | default: name }}{{ name }}]", "[a]"),
    ] {
        let error = title(template, &variables).unwrap_err();
        assert!(error.contains("has no value"), "{template}: {error}");

        let mut message = with_title(template);
        message.missing_variables = MissingVariables::Empty;
        assert_eq!(
            rendered(&message, &variables).as_deref(),
            Ok(empty),
            "{template}"
        );
    }
}

#[test]
fn the_recipients_own_variables_come_before_the_defaults() {
    let object = |value: Value| value.as_object().cloned();
    let mut message = with_title("{{ a }} {{ b }} {{ c }} {{ d }}");
    message.variables = object(json!({"a": "send", "b": "send"}));
    message.defaults =
        object(json!({"a": "template", "b": "template", "c": "template", "d": "template"}));
    let template = MessageTemplate::parse(&message).unwrap().unwrap();

    let rendered = template.render(Variables {
        defaults: Some(&json!({"a": "user", "b": "user", "c": "user"})),
        ..with_variables(&json!({"a": "own"}))
    });
    assert_eq!(
        rendered.unwrap().title.as_deref(),
        Some("own send user template")
    );
}

#[test]
fn now_is_the_time_of_sending() {
    let none = json!({});
    for (template, expected) in [
        ("{{ now }}", "2024-03-05T14:07:09Z"),
        ("{{ now | date: '%H:%M' }}", "14:07"),
        ("{{ 'now' | date: '%F' }}", "2024-03-05"),
        ("{{ now | date: '%H:%M', 'Europe/Tallinn' }}", "16:07"),
    ] {
        assert_eq!(
            title(template, &none).as_deref(),
            Ok(expected),
            "{template}"
        );
    }
    assert_eq!(
        title("{{ now }}", &json!({"now": "mine"})).as_deref(),
        Ok("mine")
    );
}

#[test]
fn a_template_may_skip_a_recipient() {
    let template = "{% if plan == 'free' %}{% skip 'free plan' %}{% endif %}Hi";
    assert_eq!(
        title(template, &json!({"plan": "gold"})).as_deref(),
        Ok("Hi")
    );
    assert_eq!(
        title(template, &json!({"plan": "free"})).unwrap_err(),
        "skipped: free plan"
    );
    assert_eq!(title("{% skip %}", &json!({})).unwrap_err(), "skipped: ");
    assert_eq!(
        title("{% skip reason | append: '!' %}", &json!({"reason": "no"})).unwrap_err(),
        "skipped: no!"
    );
}

#[test]
fn filters_of_other_engines_are_there() {
    let none = json!({"id": 1_234_567_890_123_456_789_i64});
    for (template, expected) in [
        ("{{ 1 | pluralize: 'item', 'items' }}", "item"),
        ("{{ 2 | pluralize: 'item', 'items' }}", "items"),
        ("{{ 'Order shipped!' | handleize }}", "order-shipped"),
        ("{{ 'order-shipped' | camelize }}", "OrderShipped"),
        ("{{ 'a?b' | base64_url_safe_encode }}", "YT9i"),
        // An id is no number to calculate with, and is shown as it is.
        ("{{ id }}", "1234567890123456789"),
        (
            "{% if id == 1234567890123456789 %}a{% else %}b{% endif %}",
            "b",
        ),
    ] {
        assert_eq!(
            title(template, &none).as_deref(),
            Ok(expected),
            "{template}"
        );
    }
}

#[test]
fn a_calculation_out_of_range_is_an_error() {
    let edge = json!({"a": i64::MIN, "b": 1});
    for template in [
        "{{ a | abs }}",
        "{{ a | divided_by: -1 }}",
        "{{ a | minus: 1 }}",
        "{{ b | divided_by: 0 }}",
        "{{ 0 | modulo: 0 }}",
        "{{ b | plus }}",
        "{{ 'x' | to_integer }}",
        "{% increment a %}",
        "{% decrement a %}",
    ] {
        let error = title(template, &edge).unwrap_err();
        assert!(error.contains("out of range"), "{template}: {error}");
    }
}

#[test]
fn plain_text_is_no_template() {
    let mut message = with_title("write {{name}} or {{{");
    message.plain = true;

    assert!(MessageTemplate::parse(&message).is_ok_and(|template| template.is_none()));
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
    let rendered = template.render(with_variables(&variables)).unwrap();

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

    let problem = template.render(with_variables(
        &json!({"unread": 3, "sound": "s", "chat": 7}),
    ));
    assert!(
        matches!(problem, Err(NotRendered::Invalid(problem)) if problem.field == "apn.payload.aps.alert.loc-args[0]")
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
fn an_invalid_template_is_refused() {
    for (bad, reason) in [
        ("{{ name", "is not closed"),
        ("{% if x %}", "endif"),
        ("{{ x | frobnicate }}", "there is no filter frobnicate"),
        ("{% frobnicate %}", "there is no tag frobnicate"),
        (
            "{% for i in (1..1000000000) %}x{% endfor %}",
            "at most 1000 numbers",
        ),
        ("{% include 'x' %}", "can't contain other templates"),
        ("{{{", "set templating to false"),
    ] {
        let error = refused(bad);
        assert!(
            error.contains("the Liquid template is invalid") && error.contains(reason),
            "{bad}: {error}"
        );
    }
}

#[derive(serde::Deserialize)]
struct Cases {
    variables: Value,
    cases: Vec<Case>,
}

#[derive(serde::Deserialize)]
struct Case {
    template: String,
    /// In place of those of the file.
    variables: Option<Value>,
    /// What `LiquidJS` gives; none: it refuses the template.
    expected: Option<String>,
}

/// Compares with what `LiquidJS` gives. Returns what differs.
fn differences(file: &std::path::Path) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap();
    let Cases { variables, cases } = serde_json::from_str(&text).unwrap();
    assert!(cases.len() >= 500, "{} templates", cases.len());

    let difference = |case: &Case| {
        let mut message = with_title(&case.template);
        message.missing_variables = MissingVariables::Empty;
        let variables = case.variables.as_ref().unwrap_or(&variables);
        let given = match MessageTemplate::parse(&message) {
            Ok(None) => Ok(case.template.clone()),
            Ok(Some(_)) => rendered(&message, variables).map_err(|reason| format!("{reason:?}")),
            Err(problems) => Err(problems[0].message.clone()),
        };

        let is_same = given.as_ref().ok() == case.expected.as_ref();
        (!is_same).then(|| {
            format!(
                "{}\n  LiquidJS: {:?}\n  Bellwire: {given:?}",
                case.template, case.expected
            )
        })
    };
    cases.iter().filter_map(difference).collect()
}

/// `tests/liquid/generate.mjs` writes the file.
#[test]
fn templates_give_what_liquidjs_gives() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/liquid/cases.json");
    let differences = differences(file.as_ref());

    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// Templates that `make liquid` makes from a grammar.
#[test]
#[ignore = "needs what `make liquid` writes"]
fn random_templates_give_what_liquidjs_gives() {
    let file = std::env::var("BELLWIRE_LIQUID_CASES").unwrap();
    let differences = differences(file.as_ref());

    assert!(
        differences.is_empty(),
        "{} differ:\n{}",
        differences.len(),
        differences.join("\n")
    );
}
