//! Parses JSON in which no object has a name twice. Parsers differ in which of two fields counts (RFC
//! 8259, section 4), so a proxy may check one and Bellwire obey the other, and of two `to` one would be
//! lost. The API and the command line refuse the same.

use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::model::quoted::quoted_string;

/// Parses `json`, which is one value.
pub(crate) fn parse(json: &[u8]) -> serde_json::Result<Value> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let value = UniqueNames.deserialize(&mut deserializer)?;

    deserializer.end()?;
    Ok(value)
}

/// Reads a value as `Value` itself does, but refuses a second field of the same name.
struct UniqueNames;

impl<'de> DeserializeSeed<'de> for UniqueNames {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for UniqueNames {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut object = Map::new();

        // serde_json refuses more than 128 levels, which bounds this recursion.
        while let Some(name) = fields.next_key::<String>()? {
            if object.contains_key(&name) {
                return Err(A::Error::custom(format!(
                    "give each field once: {} is given twice",
                    quoted_string(&name)
                )));
            }

            let value = fields.next_value_seed(Self)?;
            object.insert(name, value);
        }

        Ok(Value::Object(object))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(element) = elements.next_element_seed(Self)? {
            array.push(element);
        }

        Ok(Value::Array(array))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        // `-0` is an integer in JSON, and serde_json reads it as -0.0, which answers would show.
        if value == 0.0 && value.is_sign_negative() {
            return Ok(Value::Number(0.into()));
        }

        // JSON has neither NaN nor infinity, and serde_json refuses a number that is too large.
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_there_twice_is_refused_wherever_it_is() {
        for json in [
            r#"{"a": 1, "a": 2}"#,
            r#"{"a": null, "a": null}"#,
            r#"[{"b": {"a": 1, "c": 2, "\u0061": 1}}]"#,
        ] {
            let error = parse(json.as_bytes()).unwrap_err().to_string();
            assert!(
                error.starts_with("give each field once: 'a' is given twice at line 1 column "),
                "{error}"
            );
        }
    }

    #[test]
    fn a_negative_zero_is_zero() {
        for json in ["-0", "-0.0", "-0e3"] {
            assert_eq!(parse(json.as_bytes()).unwrap().to_string(), "0", "{json}");
        }
    }

    #[test]
    fn anything_else_is_read_as_serde_json_reads_it() {
        for json in [
            r#"{"a": [1, -2, 0.5, 0.0, 1e3, 18446744073709551615, 1e30], "b": {"a": "\u00e9\n"}, "c": null}"#,
            "true",
            "[[], {}]",
            "\"x\" y",
            "",
            "[1,]",
            "1e400",
            r#""\ud800""#,
        ] {
            let expected = serde_json::from_str::<Value>(json);
            match (parse(json.as_bytes()), expected) {
                (Ok(value), Ok(expected)) => assert_eq!(value, expected, "{json}"),
                (Err(error), Err(expected)) => {
                    assert_eq!(error.to_string(), expected.to_string(), "{json}");
                }
                (value, expected) => panic!("{json}: {value:?}, {expected:?}"),
            }
        }

        let deep = "[".repeat(200);
        assert!(parse(deep.as_bytes()).is_err());
    }
}
