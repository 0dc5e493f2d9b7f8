//! The problems of a body, each with the path of its value.

use std::fmt;

use crate::http::error::{ApiError, MAX_PROBLEMS};
use crate::http::problem::Problem;

/// Where a value is in the body. It is formatted only when there is a problem.
#[derive(Clone, Copy)]
pub(in crate::http) enum Path<'a> {
    Root,
    Field(&'a Path<'a>, &'a str),
    Index(&'a Path<'a>, usize),
}

impl fmt::Display for Path<'_> {
    /// Formats the path as clients see it: `to[3].token`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Field(Self::Root, name) => formatter.write_str(name),
            Self::Field(parent, name) => write!(formatter, "{parent}.{name}"),
            Self::Index(parent, index) => write!(formatter, "{parent}[{index}]"),
        }
    }
}

/// The problems of one request, in the order in which they were found.
///
/// A body may have a problem for each of its 300,000 values. An answer names [`MAX_PROBLEMS`] of them, so
/// the rest is counted and not kept.
#[derive(Default)]
pub(in crate::http) struct Problems {
    pub(super) named: Vec<Problem>,
    /// How many more there are.
    more: usize,
}

impl Problems {
    pub(in crate::http) fn push(&mut self, path: &Path<'_>, message: impl Into<String>) {
        self.push_at(path.to_string(), message);
    }

    /// Notes a problem whose path has been formatted before.
    pub(in crate::http) fn push_at(
        &mut self,
        field: impl Into<String>,
        message: impl Into<String>,
    ) {
        if self.named.len() == MAX_PROBLEMS {
            self.more += 1;
            return;
        }

        let problem = Problem::new(field, message);
        // A value may break a rule in two places of the code.
        if !self.named.contains(&problem) {
            self.named.push(problem);
        }
    }

    /// The one that was found first.
    pub(in crate::http) fn first(self) -> Option<Problem> {
        self.named.into_iter().next()
    }

    pub(in crate::http) fn is_empty(&self) -> bool {
        self.named.is_empty()
    }

    /// A 400 that names the problems, if there are any.
    pub(in crate::http) fn check(self) -> Result<(), ApiError> {
        self.check_some(Some(()))
    }

    /// The value that was read, or a 400 that names the problems.
    ///
    /// Readers return `None` only after they have noted a problem. If one did not, that is a bug of
    /// Bellwire: a 500, and a line in the log.
    pub(in crate::http) fn check_some<T>(self, value: Option<T>) -> Result<T, ApiError> {
        let mut named = self.named.into_iter();

        match named.next() {
            Some(first) => Err(ApiError::invalid(first, named.collect(), self.more)),
            None => value.ok_or_else(|| {
                ApiError::internal("a field was not read, and no problem was noted")
            }),
        }
    }
}

impl From<Vec<Problem>> for Problems {
    fn from(found: Vec<Problem>) -> Self {
        let mut problems = Self::default();
        for Problem { field, message } in found {
            problems.push_at(field, message);
        }

        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_problem_is_named_once_and_what_is_too_many_is_counted() {
        let mut problems = Problems::default();
        for index in 0..3 * MAX_PROBLEMS {
            let path = Path::Index(&Path::Field(&Path::Root, "to"), index);
            problems.push(&path, "must be an object");
            if index == 0 {
                problems.push(&path, "must be an object");
            }
        }

        assert_eq!(problems.named.len(), MAX_PROBLEMS);
        let error = problems.check().unwrap_err().to_string();
        let rest = 3 * MAX_PROBLEMS - 1;
        assert!(
            error.ends_with(&format!(
                "to[0]: must be an object (and {rest} more problems)"
            )),
            "{error}"
        );
    }

    #[test]
    fn a_value_that_was_not_read_without_a_problem_is_not_the_clients_mistake() {
        let error = Problems::default().check_some(None::<()>).unwrap_err();
        assert_eq!(
            actix_web::ResponseError::status_code(&error),
            actix_web::http::StatusCode::INTERNAL_SERVER_ERROR
        );
    }
}
