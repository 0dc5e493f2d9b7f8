//! The outline of a body: what is known of it before its values are built.

use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::http::error::{ApiError, MAX_PROBLEMS};
use crate::http::validation::{BYTE_ORDER_MARK, Path, Problems, does_not_exist, not_json};

/// What can be said of an object before its values are built, which takes a hundred times the memory
/// of its text.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::http) struct Outline {
    /// The first names that are not known.
    unknown: Vec<String>,
    /// How many elements the array has that was asked for.
    pub elements: Option<usize>,
}

impl Outline {
    /// Reads the outline of `body`, whose fields should be among `known`, and counts the elements of
    /// the array `counted`.
    pub(in crate::http) fn of(
        body: &[u8],
        known: &[&str],
        counted: &str,
    ) -> Result<Self, ApiError> {
        let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
        let mut deserializer = serde_json::Deserializer::from_slice(body);

        // What follows the object, and a name that occurs twice, are left to the parser.
        let fields = Fields { known, counted };
        fields
            .deserialize(&mut deserializer)
            .map_err(|error| not_json(&error))
    }

    /// Notes every field that is not among `known`.
    pub(in crate::http) fn refuse_unknown(&self, known: &[&str], problems: &mut Problems) {
        for name in &self.unknown {
            problems.push(&Path::Field(&Path::Root, name), does_not_exist(known));
        }
    }
}

/// Reads the names of an object's fields.
struct Fields<'a> {
    known: &'a [&'a str],
    counted: &'a str,
}

impl<'de> DeserializeSeed<'de> for Fields<'_> {
    type Value = Outline;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Outline, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Fields<'_> {
    type Value = Outline;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Outline, A::Error> {
        let mut outline = Outline::default();

        while let Some(name) = fields.next_key::<String>()? {
            if name == self.counted {
                outline.elements = fields.next_value_seed(Elements)?;
                continue;
            }

            fields.next_value::<IgnoredAny>()?;
            // An answer names no more problems than that, so no more names are kept.
            if !self.known.contains(&name.as_str()) && outline.unknown.len() < MAX_PROBLEMS {
                outline.unknown.push(name);
            }
        }

        Ok(outline)
    }
}

/// Counts the elements of an array; `None`: the value is not an array.
struct Elements;

impl<'de> DeserializeSeed<'de> for Elements {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Elements {
    type Value = Option<usize>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any value")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        let mut count = 0;
        while elements.next_element::<IgnoredAny>()?.is_some() {
            count += 1;
        }

        Ok(Some(count))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self::Value, A::Error> {
        // Read to its end, because the next field begins there.
        while fields.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outline_tells_what_is_wrong_without_the_values() {
        let known = ["to", "content"];
        let of = |body: &str| Outline::of(body.as_bytes(), &known, "to");

        let outline = of(r#"{"to": [1, [2, 3], {"a": [4]}], "content": {"x": 1}, "titel": 2}"#);
        let outline = outline.unwrap();
        assert_eq!(outline.elements, Some(3));
        assert_eq!(outline.unknown, ["titel"]);

        for to in ["7", "-7", "1.5", "\"a\"", "null", "true", "{\"a\": 1}"] {
            let outline = of(&format!("\u{feff}{{\"to\": {to}}}")).unwrap();
            assert_eq!(outline, Outline::default(), "{to}");
        }
        for bad in ["[]", "7", "{\"to\": [1,]}", "{\"to\": [", ""] {
            assert!(of(bad).is_err(), "{bad}");
        }

        let many: Vec<String> = (0..1000).map(|index| format!("\"x{index}\": 1")).collect();
        let outline = of(&format!("{{{}}}", many.join(","))).unwrap();
        assert_eq!(outline.unknown.len(), MAX_PROBLEMS);
    }
}
