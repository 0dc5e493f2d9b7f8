use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::http::problem::Problem;

fn problem(read: impl FnOnce(&mut Object<'_>, &mut Problems)) -> String {
    let mut problems = Problems::default();
    let mut body = parse_body(br#"{"a": 7, "b": "long", "c": [1], "d": {}}"#).expect("an object");
    read(&mut body, &mut problems);
    problems.named.remove(0).message
}

#[test]
fn a_problem_names_the_rule_and_what_was_sent() {
    let choices = [("FCM", 1), ("APN", 2), ("WEB", 3)];
    for (expected, actual) in [
        (
            "must be a string; got a number",
            problem(|body, problems| {
                body.string("a", problems);
            }),
        ),
        (
            "this field is required and must be a string",
            problem(|body, problems| {
                body.required_string("x", problems);
            }),
        ),
        (
            "must be an integer from 0 to 6; got 7",
            problem(|body, problems| {
                body.integer("a", 6, problems);
            }),
        ),
        (
            "must be a number of seconds: an integer from 1 to 604800 (7 days); got 'long'",
            problem(|body, problems| {
                body.seconds("b", 1..=604_800, problems);
            }),
        ),
        (
            "must be a number of seconds: an integer from 0 to 5; got 7",
            problem(|body, problems| {
                body.seconds("a", 0..=5, problems);
            }),
        ),
        (
            "must be FCM, APN or WEB; got 'long'",
            problem(|body, problems| {
                body.one_of("b", &choices, problems);
            }),
        ),
        (
            "must be true or false; got an array",
            problem(|body, problems| {
                body.boolean("c", problems);
            }),
        ),
    ] {
        assert_eq!(actual, expected);
    }
}

#[test]
fn an_unknown_field_is_answered_with_the_known_ones() {
    let mut problems = Problems::default();
    let mut body = parse_body(br#"{"a": 1, "titel": 2}"#).unwrap();
    body.take("a");
    // It is asked for and absent, and named all the same.
    body.take("title");
    body.refuse_unknown(&mut problems);
    assert_eq!(
        problems.named,
        [Problem::new(
            "titel",
            "this field does not exist; the fields here are a, title"
        )]
    );
}

#[test]
fn a_field_that_is_read_twice_is_listed_once() {
    assert_eq!(
        does_not_exist(&["externalId", "badge", "externalId"]),
        "this field does not exist; the fields here are externalId, badge"
    );
}

#[test]
fn a_body_may_begin_with_a_byte_order_mark() {
    assert!(parse_body("\u{feff}{}".as_bytes()).is_ok());
    assert!(parse_body("\u{feff}\u{feff}{}".as_bytes()).is_err());
}

#[test]
fn strings_do_not_count_as_values() {
    // The object, its two values, and the two of the array.
    assert_eq!(count_values(br#"{"a": "[,{\",", "b": [1, 2]}"#), 5);
}

/// JSON of any form. Strings hold what could mislead a count of brackets and commas.
fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (0..20u32).prop_map(Value::from),
        prop_oneof!["FCM|APN", r#"[\[\]{},:"\\\x00a]{0,5}"#].prop_map(Value::from),
    ];

    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            object_of(inner).prop_map(Value::from),
        ]
    })
}

fn object_of(values: impl Strategy<Value = Value>) -> impl Strategy<Value = Map<String, Value>> {
    prop::collection::btree_map("[a-g]", values, 0..7)
        .prop_map(|fields| fields.into_iter().collect())
}

/// How many values `value` consists of, itself included; an empty array or object counts twice,
/// as [`count_values`] sees its bracket and no comma.
fn counted(value: &Value) -> usize {
    let children: Vec<&Value> = match value {
        Value::Array(values) => values.iter().collect(),
        Value::Object(fields) => fields.values().collect(),
        _ => return 1,
    };

    1 + children.into_iter().map(counted).sum::<usize>().max(1)
}

/// Choices that are read as themselves.
const CHOICES: [(&str, &str); 2] = [("FCM", "FCM"), ("APN", "APN")];

/// Whether `value` is right for the field `name` of
/// [`every_field_is_read_or_named_in_a_problem`].
fn is_right(name: &str, value: &Value) -> bool {
    match name {
        "a" => value.as_str().is_some_and(|string| !string.contains('\0')),
        "b" => value.as_u64().is_some_and(|integer| integer <= 10),
        "c" => value.is_boolean(),
        "d" => value.is_object(),
        "e" => value
            .as_str()
            .is_some_and(|string| CHOICES.iter().any(|(name, _)| *name == string)),
        _ => false,
    }
}

proptest! {
    #[test]
    fn values_are_counted_however_they_are_written(value in json_value()) {
        let compact = serde_json::to_vec(&value).unwrap();
        let pretty = serde_json::to_vec_pretty(&value).unwrap();

        prop_assert_eq!(count_values(&compact), counted(&value));
        prop_assert_eq!(count_values(&pretty), counted(&value));
    }

    #[test]
    fn only_an_object_is_a_body(value in json_value()) {
        let body = serde_json::to_vec(&value).unwrap();

        prop_assert_eq!(parse_body(&body).is_ok(), value.is_object());
    }

    #[test]
    fn every_field_is_read_or_named_in_a_problem(fields in object_of(json_value())) {
        let mut problems = Problems::default();
        let mut body = Object::new(Path::Root, fields.clone());
        let read = BTreeMap::from([
            ("a", body.string("a", &mut problems).map(Value::from)),
            ("b", body.integer("b", 10, &mut problems).map(Value::from)),
            ("c", body.boolean("c", &mut problems).map(Value::from)),
            ("d", body.object("d", &mut problems).map(Value::from)),
            ("e", body.one_of("e", &CHOICES, &mut problems).map(Value::from)),
        ]);
        body.refuse_unknown(&mut problems);

        let mut wrong = Vec::new();
        for (name, value) in &fields {
            let expected = Some(value.clone()).filter(|value| is_right(name, value));
            // `null` is absent in a field that is read, and refused in one that is unknown.
            let is_absent = value.is_null() && read.contains_key(name.as_str());
            if expected.is_none() && !is_absent {
                wrong.push(name.clone());
            }
            prop_assert_eq!(read.get(name.as_str()).cloned().flatten(), expected);
        }

        let mut named: Vec<_> = problems.named.into_iter().map(|problem| problem.field).collect();
        named.sort();
        prop_assert_eq!(named, wrong);
    }

    #[test]
    fn a_quoted_string_is_short_and_in_quotes(string: String) {
        let shown = quoted_string(&string);

        prop_assert!(shown.starts_with('\'') && shown.ends_with('\''));
        prop_assert!(shown.chars().count() <= crate::model::quoted::QUOTED_CHARACTERS + 3);
    }
}
