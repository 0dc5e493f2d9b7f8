//! The values of templates, and what they are as text, number and list. The rules are those of
//! `LiquidJS`, which are JavaScript's.

use std::fmt::Write;
use std::sync::Arc;

use serde_json::Value as Json;

use super::budget::{Budget, MAX_VALUE_DEPTH, Stop};
use super::number;

/// The largest integer up to which a float holds every integer.
const MAX_SAFE_INTEGER: i128 = 9_007_199_254_740_991;

/// What JavaScript writes for an object.
const AN_OBJECT: &str = "[object Object]";

/// Cheap to clone.
#[derive(Debug, Clone)]
pub(super) enum Value {
    /// There is no such variable.
    Absent,
    Nil,
    Bool(bool),
    Number(f64),
    /// An integer that a float does not hold. It can be shown and compared, and not be calculated with.
    Large(i128),
    Text(Arc<str>),
    Array(Arc<Vec<Value>>),
    Object(Arc<Object>),
    /// `forloop` and `tablerowloop`.
    Loop(Arc<LoopState>),
    Literal(Literal),
}

/// Words of the language that compare with more than one value. `LiquidJS` holds them as objects, which shows
/// where they are elements of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Literal {
    Nil,
    Empty,
    Blank,
}

/// Names with values, in the order in which they are looped over.
#[derive(Debug, Clone, Default)]
pub(super) struct Object(pub Vec<(Arc<str>, Value)>);

/// A turn of a loop.
#[derive(Debug, Clone)]
pub(super) struct LoopState {
    pub index: usize,
    pub length: usize,
    pub name: Arc<str>,
    /// Of `tablerow`.
    pub columns: Option<usize>,
}

impl Object {
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0
            .iter()
            .find(|(key, _)| &**key == name)
            .map(|(_, value)| value)
    }
}

impl LoopState {
    fn property(&self, name: &str) -> Option<Value> {
        let Self { index, length, .. } = *self;
        let column = self.columns.map(|columns| index % columns.max(1));

        let count = match (name, column) {
            ("name", _) => return Some(Value::Text(Arc::clone(&self.name))),
            ("first", _) => return Some(Value::Bool(index == 0)),
            ("last", _) => return Some(Value::Bool(index + 1 == length)),
            ("col_first", Some(column)) => return Some(Value::Bool(column == 0)),
            ("col_last", Some(column)) => {
                return Some(Value::Bool(Some(column + 1) == self.columns));
            }
            // `i` is the field that LiquidJS counts with, and a template can read it.
            ("i" | "index0", _) => index,
            ("index", _) => index + 1,
            ("length", _) => length,
            ("cols", Some(_)) => self.columns.unwrap_or_default(),
            ("rindex", _) => length - index,
            ("rindex0", _) => length - index - 1,
            ("row", Some(_)) => index / self.columns.unwrap_or(1).max(1) + 1,
            ("col0", Some(column)) => column,
            ("col", Some(column)) => column + 1,
            _ => return None,
        };
        Some(Value::Number(count as f64))
    }

    fn json(&self) -> String {
        let name = Json::String(self.name.to_string());
        let columns = self
            .columns
            .map(|columns| format!(r#","cols":{columns}"#))
            .unwrap_or_default();

        format!(
            // LiquidJS writes the fields in the order in which it sets them.
            r#"{{"i":{},"length":{},"name":{name}{columns}}}"#,
            self.index, self.length
        )
    }

    /// What its JSON has.
    pub(super) fn object(&self) -> Value {
        let count = |name: &str, count: usize| (Arc::from(name), Value::Number(count as f64));
        let mut fields = vec![count("i", self.index), count("length", self.length)];
        fields.push((Arc::from("name"), Value::Text(Arc::clone(&self.name))));
        fields.extend(self.columns.map(|columns| count("cols", columns)));

        Value::Object(Arc::new(Object(fields)))
    }
}

impl From<&Json> for Value {
    fn from(json: &Json) -> Self {
        match json {
            Json::Null => Self::Nil,
            Json::Bool(value) => Self::Bool(*value),
            Json::Number(number) => {
                let integer = number
                    .as_i64()
                    .map(i128::from)
                    .or_else(|| number.as_u64().map(i128::from));
                match integer {
                    // Ids of 64 bits are such integers. As a float, the last digits would change.
                    Some(integer) if integer.abs() > MAX_SAFE_INTEGER => Self::Large(integer),
                    _ => Self::Number(number.as_f64().unwrap_or_default()),
                }
            }
            Json::String(text) => Self::from(text.as_str()),
            Json::Array(elements) => Self::array(elements.iter().map(Self::from).collect()),
            Json::Object(fields) => Self::Object(Arc::new(Object(
                fields
                    .iter()
                    .map(|(name, value)| (Arc::from(name.as_str()), Self::from(value)))
                    .collect(),
            ))),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(Arc::from(text))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(Arc::from(text))
    }
}

impl Value {
    pub(super) fn array(elements: Vec<Self>) -> Self {
        Self::Array(Arc::new(elements))
    }

    pub(super) fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    pub(super) fn is_nil(&self) -> bool {
        self.is_nothing() || matches!(self, Self::Literal(Literal::Nil))
    }

    /// Whether it is JavaScript's `null` or `undefined`, which the word `nil` is not.
    pub(super) fn is_nothing(&self) -> bool {
        matches!(self, Self::Absent | Self::Nil)
    }

    /// The value that a word of the language stands for.
    pub(super) fn plain(self) -> Self {
        match self {
            Self::Literal(Literal::Nil) => Self::Nil,
            Self::Literal(Literal::Empty | Literal::Blank) => Self::from(""),
            Self::Loop(state) => Self::from(state.json()),
            other => other,
        }
    }

    /// All but nil and false are true.
    pub(super) fn is_truthy(&self) -> bool {
        !self.is_nil() && !matches!(self, Self::Bool(false))
    }

    /// What JavaScript takes for true.
    pub(super) fn is_truthy_in_js(&self) -> bool {
        match self {
            Self::Absent | Self::Nil => false,
            Self::Bool(value) => *value,
            Self::Number(number) => *number != 0.0 && !number.is_nan(),
            Self::Text(text) => !text.is_empty(),
            // A word such as `nil` is an object in LiquidJS, and JavaScript takes every object for
            // true.
            Self::Literal(_)
            | Self::Large(_)
            | Self::Array(_)
            | Self::Object(_)
            | Self::Loop(_) => true,
        }
    }

    /// As it is written into the message: nil is nothing, and an array is its elements.
    pub(super) fn text(&self, budget: &mut Budget) -> Result<Arc<str>, Stop> {
        if let Self::Text(text) = self {
            return Ok(Arc::clone(text));
        }

        let mut text = String::new();
        self.write(&mut text, Joined::WithNothing, budget, 0)?;
        Ok(Arc::from(text))
    }

    /// As JavaScript's `String()` has it: an array is its elements with commas, and a word of the language an
    /// object.
    pub(super) fn js_text(&self, budget: &mut Budget) -> Result<Arc<str>, Stop> {
        match self {
            Self::Text(text) => Ok(Arc::clone(text)),
            // `String()` has words for both. `text` writes nothing for them.
            Self::Absent => Ok(Arc::from("undefined")),
            Self::Nil => Ok(Arc::from("null")),
            _ => {
                let mut text = String::new();
                self.write(&mut text, Joined::WithCommas, budget, 0)?;
                Ok(Arc::from(text))
            }
        }
    }

    pub(super) fn write(
        &self,
        text: &mut String,
        joined: Joined,
        budget: &mut Budget,
        depth: usize,
    ) -> Result<(), Stop> {
        check_depth(depth)?;
        let before = text.len();

        match self {
            Self::Literal(_) | Self::Loop(_) if joined == Joined::WithCommas => {
                text.push_str(AN_OBJECT);
            }
            Self::Absent | Self::Nil | Self::Literal(_) => {}
            Self::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
            Self::Number(number) => {
                // A fraction goes through the scientific form, so it costs more than an integer.
                budget.work(if number.fract() == 0.0 { 2 } else { 8 })?;
                text.push_str(&number::to_text(*number));
            }
            Self::Large(integer) => {
                let _ = write!(text, "{integer}");
            }
            Self::Text(value) => text.push_str(value),
            Self::Array(elements) => {
                for (index, element) in elements.iter().enumerate() {
                    if index > 0 && joined == Joined::WithCommas {
                        text.push(',');
                    }
                    element.write(text, joined, budget, depth + 1)?;
                }
            }
            Self::Object(_) => text.push_str(AN_OBJECT),
            Self::Loop(state) => text.push_str(&state.json()),
        }

        // Each level of a nested list also pays for the text of the levels below it.
        budget.work(1)?;
        budget.text(text.len() - before)
    }

    /// As JavaScript converts it; NaN: it is no number.
    pub(super) fn number(&self, budget: &mut Budget) -> Result<f64, Stop> {
        Ok(match self {
            Self::Nil | Self::Literal(_) => 0.0,
            Self::Bool(value) => f64::from(u8::from(*value)),
            Self::Number(number) => *number,
            // A float would round it, and the sum would be wrong without a sign of it.
            Self::Large(_) => return Err(out_of_range()),
            Self::Text(text) => {
                budget.work(2)?;
                budget.bytes(text.len())?;
                number::parse(text)
            }
            // JavaScript's `Number([3])` is 3: it reads the text of the list.
            Self::Array(_) => number::parse(&self.js_text(budget)?),
            Self::Absent | Self::Object(_) | Self::Loop(_) => f64::NAN,
        })
    }

    /// As JavaScript's operators take it: arrays and objects are texts.
    pub(super) fn primitive(&self, budget: &mut Budget) -> Result<Self, Stop> {
        Ok(match self {
            Self::Array(_) | Self::Object(_) => Self::Text(self.js_text(budget)?),
            other => other.clone().plain(),
        })
    }

    /// JavaScript's `+`: it adds numbers, and appends if one of both is a text.
    pub(super) fn js_plus(&self, other: &Self, budget: &mut Budget) -> Result<Self, Stop> {
        let left = self.primitive(budget)?;
        let right = other.primitive(budget)?;

        if let (Self::Text(_), _) | (_, Self::Text(_)) = (&left, &right) {
            // Both parts are bounded, by the request or by this budget, so the text may be made
            // before it is checked.
            let text = format!("{}{}", left.js_text(budget)?, right.js_text(budget)?);
            budget.text(text.len())?;
            return Ok(Self::from(text));
        }
        Ok(Self::Number(left.number(budget)? + right.number(budget)?))
    }

    /// The elements of an array. A string, a number or an object is one element; nil has no element.
    pub(super) fn elements(&self) -> Arc<Vec<Self>> {
        match self.clone().plain() {
            Self::Absent | Self::Nil => Arc::default(),
            Self::Array(elements) => elements,
            other => Arc::new(vec![other]),
        }
    }

    /// What a loop goes through: of an object, pairs of name and value.
    pub(super) fn loop_elements(&self, budget: &mut Budget) -> Result<Arc<Vec<Self>>, Stop> {
        Ok(match self.clone().plain() {
            Self::Array(elements) => elements,
            Self::Text(text) if !text.is_empty() => Arc::new(vec![Self::Text(text)]),
            Self::Object(object) => {
                // Each pair is a list of two elements, and an element of the result.
                budget.array(object.0.len() * 3)?;
                let pairs = object.0.iter().map(|(name, value)| {
                    Self::array(vec![Self::Text(Arc::clone(name)), value.clone()])
                });
                Arc::new(pairs.collect())
            }
            // LiquidJS makes no turn for a number or an empty text, and renders the `else`.
            _ => Arc::default(),
        })
    }

    /// `value[key]` or `value.key`. Absent: there is no such property; nil has nil.
    pub(super) fn property(&self, key: &Self, budget: &mut Budget) -> Result<Self, Stop> {
        match (self, key) {
            (Self::Absent, _) => return Ok(Self::Absent),
            // LiquidJS returns the null itself. Whether the path has a gap is decided by its
            // caller.
            (Self::Nil, _) => return Ok(Self::Nil),
            (Self::Array(elements), Self::Number(index)) => {
                return Ok(element(elements, *index));
            }
            _ => {}
        }

        let name = key.clone().plain().js_text(budget)?;
        let found = match self {
            Self::Object(object) => {
                budget.work(1 + object.0.len() / 8)?;
                object
                    .get(&name)
                    .cloned()
                    // A field of this name comes first, as in LiquidJS.
                    .or_else(|| (&*name == "size").then(|| Self::Number(object.0.len() as f64)))
            }
            Self::Array(elements) => match &*name {
                "size" | "length" => Some(Self::Number(elements.len() as f64)),
                "first" => elements.first().cloned(),
                "last" => elements.last().cloned(),
                _ => index_of(&name).and_then(|index| elements.get(index).cloned()),
            },
            Self::Text(text) => match &*name {
                // JavaScript's length, in which an emoji counts as two.
                "size" | "length" => Some(Self::Number(utf16_length(text, budget)? as f64)),
                _ => {
                    budget.bytes(text.len())?;
                    index_of(&name)
                        .and_then(|index| text.chars().nth(index))
                        .map(|character| Self::from(character.to_string()))
                }
            },
            Self::Loop(state) => state.property(&name),
            _ => None,
        };

        Ok(found.unwrap_or(Self::Absent))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Joined {
    WithNothing,
    WithCommas,
}

pub(super) fn check_depth(depth: usize) -> Result<(), Stop> {
    if depth > MAX_VALUE_DEPTH {
        return Err(Stop::failed(format!(
            "a value is nested deeper than {MAX_VALUE_DEPTH} levels"
        )));
    }

    Ok(())
}

pub(super) fn out_of_range() -> Stop {
    Stop::failed("the result of a calculation is not a number, or is out of range")
}

/// The element at `index`, from the end if it is negative.
pub(super) fn element(elements: &[Value], index: f64) -> Value {
    // LiquidJS counts from the end, which JavaScript's brackets do not.
    let index = if index < 0.0 {
        elements.len() as f64 + index
    } else {
        index
    };
    if index < 0.0 || index.fract() != 0.0 {
        return Value::Absent;
    }

    elements
        .get(index as usize)
        .cloned()
        .unwrap_or(Value::Absent)
}

/// The index that `name` is, as JavaScript writes it.
fn index_of(name: &str) -> Option<usize> {
    let index: usize = name.parse().ok()?;

    // JavaScript has no element `01`: a key is compared as text.
    (index.to_string() == name).then_some(index)
}

/// The length of `text` as JavaScript counts it.
pub(super) fn utf16_length(text: &str, budget: &mut Budget) -> Result<usize, Stop> {
    budget.bytes(text.len())?;

    Ok(text.chars().map(char::len_utf16).sum())
}
