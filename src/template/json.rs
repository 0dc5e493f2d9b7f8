//! Values as JSON, as `JSON.stringify` writes it.

use serde_json::Value as Json;

use super::budget::{Budget, Stop};
use super::value::{Joined, Value, check_depth};

impl Value {
    /// As JSON. `None`: an absent value has none. `indent`: what each level begins with; empty: all in
    /// one line.
    pub(super) fn json(&self, indent: &str, budget: &mut Budget) -> Result<Option<String>, Stop> {
        if self.is_absent() {
            return Ok(None);
        }

        let mut text = String::new();
        self.write_json(&mut text, indent, budget, 0)?;
        Ok(Some(text))
    }

    fn write_json(
        &self,
        text: &mut String,
        indent: &str,
        budget: &mut Budget,
        depth: usize,
    ) -> Result<(), Stop> {
        check_depth(depth)?;
        budget.work(2)?;
        let before = text.len();

        match self {
            Self::Absent | Self::Nil => text.push_str("null"),
            // JSON has no such numbers, and `JSON.stringify` writes null.
            Self::Number(number) if !number.is_finite() => text.push_str("null"),
            Self::Bool(_) | Self::Number(_) | Self::Large(_) => {
                self.write(text, Joined::WithNothing, budget, depth)?;
            }
            // serde_json escapes the same characters as `JSON.stringify`.
            Self::Text(value) => text.push_str(&Json::String(value.to_string()).to_string()),
            Self::Array(elements) if elements.is_empty() => text.push_str("[]"),
            Self::Array(elements) => {
                text.push('[');
                for (index, element) in elements.iter().enumerate() {
                    separate(text, index, indent, depth + 1);
                    element.write_json(text, indent, budget, depth + 1)?;
                }
                end_line(text, indent, depth);
                text.push(']');
            }
            Self::Object(object) if object.0.is_empty() => text.push_str("{}"),
            Self::Object(object) => {
                text.push('{');
                // As in JavaScript, what is absent is left out.
                let fields = object.0.iter().filter(|(_, value)| !value.is_absent());
                for (index, (name, value)) in fields.enumerate() {
                    separate(text, index, indent, depth + 1);
                    text.push_str(&Json::String(name.to_string()).to_string());
                    text.push_str(if indent.is_empty() { ":" } else { ": " });
                    value.write_json(text, indent, budget, depth + 1)?;
                }
                end_line(text, indent, depth);
                text.push('}');
            }
            Self::Loop(state) => state.object().write_json(text, indent, budget, depth)?,
            // LiquidJS holds the word as an object without fields.
            Self::Literal(_) => text.push_str("{}"),
        }

        budget.text(text.len() - before)
    }
}

fn separate(text: &mut String, index: usize, indent: &str, depth: usize) {
    if index > 0 {
        text.push(',');
    }
    end_line(text, indent, depth);
}

fn end_line(text: &mut String, indent: &str, depth: usize) {
    // Without an indent, `JSON.stringify` writes one line without spaces.
    if !indent.is_empty() {
        text.push('\n');
        text.push_str(&indent.repeat(depth));
    }
}
