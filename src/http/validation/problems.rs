//! The problems of a body, each with the path of its value.

use std::collections::HashSet;
use std::fmt;

use crate::http::error::{ApiError, Problem};

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
#[derive(Default)]
pub(in crate::http) struct Problems(pub(super) Vec<Problem>);

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
        self.0.push(Problem::new(field, message));
    }

    /// The one that was found first.
    pub(in crate::http) fn first(self) -> Option<Problem> {
        self.0.into_iter().next()
    }

    pub(in crate::http) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A 400 that names every problem, if there are any.
    pub(in crate::http) fn check(self) -> Result<(), ApiError> {
        self.check_some(Some(()))
    }

    /// The value that was read, or a 400 that names every problem.
    ///
    /// Readers return `None` only after they have noted a problem. If one did not, that is a bug of
    /// Bellwire: a 500, and a line in the log.
    pub(in crate::http) fn check_some<T>(self, value: Option<T>) -> Result<T, ApiError> {
        // A value may break a rule in two places of the code.
        let mut seen = HashSet::new();
        let mut problems = self.0;
        problems.retain(|problem| seen.insert(problem.clone()));
        let mut problems = problems.into_iter();

        match problems.next() {
            Some(first) => Err(ApiError::invalid(first, problems.collect())),
            None => value.ok_or_else(|| {
                ApiError::internal("a field was not read, and no problem was noted")
            }),
        }
    }
}

impl From<Vec<Problem>> for Problems {
    fn from(problems: Vec<Problem>) -> Self {
        Self(problems)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_was_not_read_without_a_problem_is_not_the_clients_mistake() {
        let error = Problems::default().check_some(None::<()>).unwrap_err();
        assert_eq!(
            actix_web::ResponseError::status_code(&error),
            actix_web::http::StatusCode::INTERNAL_SERVER_ERROR
        );
    }
}
