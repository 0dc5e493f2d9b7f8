//! What a request says about a User: `externalId`, `language`, `timezone`, `variables`, `optedOut` and
//! `optedOutTags`.

use serde_json::Value;

use crate::http::tags;
use crate::http::validation::{Object, Path, Problems, must_be, quoted_string};
use crate::http::variables;
use crate::model::field_change::FieldChange;
use crate::model::user_profile::{
    MAX_LANGUAGE, MAX_OPTED_OUT_TAGS, MAX_TIMEZONE, MAX_VARIABLE_DEPTH, ProfileChange,
    canonical_language, canonical_timezone, depth, external_id_rule, is_external_id,
};

/// What a field that is `null` means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Null {
    /// The field is cleared.
    Clears,
    /// As if the field were absent.
    KeepsValue,
}

/// Reads the fields of a profile from `object`.
pub(super) fn read(object: &mut Object<'_>, null: Null, problems: &mut Problems) -> ProfileChange {
    let clears = |object: &Object<'_>, name| null == Null::Clears && object.is_null(name);

    // Asked before the fields are read, because reading takes a null out too.
    let clears_external_id = clears(object, "externalId");
    let clears_language = clears(object, "language");
    let clears_timezone = clears(object, "timezone");
    let clears_variables = clears(object, "variables");
    let clears_opted_out = clears(object, "optedOut");
    let clears_opted_out_tags = clears(object, "optedOutTags");

    ProfileChange {
        external_id: FieldChange::of(external_id(object, problems), clears_external_id),
        language: FieldChange::of(language(object, problems), clears_language),
        timezone: FieldChange::of(timezone(object, problems), clears_timezone),
        variables: FieldChange::of(read_variables(object, problems), clears_variables),
        opted_out: object
            .boolean("optedOut", problems)
            .or(clears_opted_out.then_some(false)),
        opted_out_tags: opted_out_tags(object, problems).or(clears_opted_out_tags.then(Vec::new)),
    }
}

/// Reads `externalId`, if it is there.
pub(super) fn external_id(object: &mut Object<'_>, problems: &mut Problems) -> Option<String> {
    let field = StringField {
        name: "externalId",
        rule: &external_id_rule(),
        parse: |id| is_external_id(id).then(|| id.to_owned()),
    };

    field.read(object, problems)
}

fn language(object: &mut Object<'_>, problems: &mut Problems) -> Option<String> {
    let rule = format!(
        "a language tag as BCP 47 describes, of up to {MAX_LANGUAGE} characters: en, pt-BR or \
         zh-Hant-TW"
    );

    let field = StringField {
        name: "language",
        rule: &rule,
        parse: canonical_language,
    };

    field.read(object, problems)
}

fn timezone(object: &mut Object<'_>, problems: &mut Problems) -> Option<String> {
    let rule = format!(
        "the name of a time zone in the IANA database, of up to {MAX_TIMEZONE} characters: \
         Europe/Berlin or UTC"
    );

    let field = StringField {
        name: "timezone",
        rule: &rule,
        parse: canonical_timezone,
    };

    field.read(object, problems)
}

/// A string with a canonical form.
struct StringField<'a> {
    name: &'static str,
    /// Completes the message "must be …".
    rule: &'a str,
    /// The canonical form; `None`: the string breaks the rule.
    parse: fn(&str) -> Option<String>,
}

impl StringField<'_> {
    fn read(&self, object: &mut Object<'_>, problems: &mut Problems) -> Option<String> {
        let string = object.string(self.name, problems)?;
        let parsed = (self.parse)(&string);

        if parsed.is_none() {
            problems.push(
                &object.at(self.name),
                format!("must be {}; got {}", self.rule, quoted_string(&string)),
            );
        }

        parsed
    }
}

fn read_variables(object: &mut Object<'_>, problems: &mut Problems) -> Option<Value> {
    let variables = variables::read(object, problems)?;

    let levels = depth(&variables);
    if levels > MAX_VARIABLE_DEPTH {
        problems.push(
            &object.at("variables"),
            format!(
                "must have at most {MAX_VARIABLE_DEPTH} levels of objects and arrays; got {levels}"
            ),
        );
    }

    Some(variables)
}

fn opted_out_tags(object: &mut Object<'_>, problems: &mut Problems) -> Option<Vec<String>> {
    let value = object.take("optedOutTags")?;
    let path = object.at("optedOutTags");
    let rule = format!(
        "an array of up to {MAX_OPTED_OUT_TAGS} strings, each the key of a tag, or key:value"
    );

    let Value::Array(values) = value else {
        problems.push(&path, must_be(&rule, &value));
        return None;
    };
    if values.len() > MAX_OPTED_OUT_TAGS {
        problems.push(&path, format!("must be {rule}; got {}", values.len()));
        return None;
    }

    let mut tags = Vec::new();
    for (index, value) in values.iter().enumerate() {
        match value.as_str().filter(|tag| tags::is_key_or_pair(tag)) {
            Some(tag) if tags.iter().any(|known| known == tag) => {}
            Some(tag) => tags.push(tag.to_owned()),
            None => problems.push(&Path::Index(&path, index), tags::key_or_pair_rule()),
        }
    }

    Some(tags)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::http::validation::parse_body;

    fn read_from(body: &Value, null: Null) -> (ProfileChange, String) {
        let mut problems = Problems::default();
        let mut object = parse_body(body.to_string().as_bytes()).unwrap();
        let change = read(&mut object, null, &mut problems);
        object.refuse_unknown(&mut problems);

        let error = problems.check().err();
        (change, error.map(|it| it.to_string()).unwrap_or_default())
    }

    #[test]
    fn null_clears_a_field_only_in_a_change() {
        let body = json!({"externalId": null, "language": null, "timezone": null,
            "variables": null, "optedOut": null, "optedOutTags": null});

        let (kept, error) = read_from(&body, Null::KeepsValue);
        assert_eq!(error, "");
        assert!(kept.is_empty());

        let (cleared, _) = read_from(&body, Null::Clears);
        assert_eq!(cleared.external_id, FieldChange::Clear);
        assert_eq!(cleared.language, FieldChange::Clear);
        assert_eq!(cleared.variables, FieldChange::Clear);
        assert_eq!(cleared.opted_out, Some(false));
        assert_eq!(cleared.opted_out_tags, Some(vec![]));

        assert!(read_from(&json!({}), Null::Clears).0.is_empty());
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (body, expected) in [
            (
                json!({"externalId": ""}),
                "externalId: must be 1 to 128 characters",
            ),
            (json!({"externalId": 7}), "externalId: must be a string"),
            (
                json!({"language": "en_US"}),
                "language: must be a language tag",
            ),
            (
                json!({"timezone": "Berlin"}),
                "timezone: must be the name of a time zone",
            ),
            (json!({"variables": []}), "variables: must be an object"),
            (
                json!({"variables": {"a": [[[[[[[[1]]]]]]]]}}),
                "variables: must have at most 8 levels of objects and arrays; got 9",
            ),
            (
                json!({"variables": {"a": "x".repeat(4096)}}),
                "variables: must be at most 4096 bytes of JSON",
            ),
            (
                json!({"optedOut": "yes"}),
                "optedOut: must be true or false",
            ),
            (
                json!({"optedOutTags": "news"}),
                "optedOutTags: must be an array",
            ),
            (
                json!({"optedOutTags": ["a", "b c"]}),
                "optedOutTags[1]: must be the key",
            ),
            (
                json!({"optedOutTags": [1]}),
                "optedOutTags[0]: must be the key",
            ),
        ] {
            let (_, error) = read_from(&body, Null::KeepsValue);
            assert!(error.contains(expected), "{body}: {error}");
        }
    }

    #[test]
    fn tags_are_read_once_each() {
        let body = json!({"optedOutTags": ["news", "kind:offer", "news"]});
        let (change, error) = read_from(&body, Null::Clears);

        assert_eq!(error, "");
        assert_eq!(
            change.opted_out_tags,
            Some(vec!["news".to_owned(), "kind:offer".to_owned()])
        );
    }
}
