//! What is wrong with one field of a request.

use std::fmt;

use serde::Serialize;
use utoipa::ToSchema;

/// How much of a field's path an answer repeats, in characters.
const LONGEST_FIELD: usize = 256;

/// Something wrong with a field of a request.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// The field's path in the body, such as `to[3].token`, or the name of the query parameter or
    /// header. Empty for the body as a whole.
    pub field: String,
    /// The rule that the field breaks, and the value where it is no secret. It reads alone, or
    /// after the field and a colon: "must be a string; got a number".
    pub message: String,
}

impl Problem {
    pub(crate) fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            field: cut(field.into()),
            message: message.into(),
        }
    }
}

/// The beginning of a field's path. A client's own name may be as long as the body.
fn cut(mut path: String) -> String {
    if let Some((end, _)) = path.char_indices().nth(LONGEST_FIELD) {
        path.truncate(end);
        path.push('…');
    }

    path
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.field.as_str() {
            "" => formatter.write_str(&self.message),
            field => write!(formatter, "{field}: {}", self.message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_path_is_repeated_in_part() {
        let long = Problem::new("é".repeat(60_000), "x");
        assert_eq!(long.field, format!("{}…", "é".repeat(LONGEST_FIELD)));

        let whole = "é".repeat(LONGEST_FIELD);
        assert_eq!(Problem::new(whole.clone(), "x").field, whole);
    }
}
