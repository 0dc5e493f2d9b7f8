//! Query parameters: read one by one, every problem noted with the parameter's name. Unknown ones
//! are ignored, as the API that this follows does.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::str::FromStr;

use actix_web::HttpRequest;
use actix_web::web;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, Duration, OffsetDateTime, UtcOffset};

use crate::http::app_name;
use crate::http::error::{ApiError, Problem};

/// What a request's address asks for after its `?`.
pub(super) struct Query {
    parameters: BTreeMap<String, String>,
    /// The filters that were read, so that a page token is bound to them.
    filters: String,
    problems: Vec<Problem>,
}

impl Query {
    /// Of `request`. An empty parameter is the same as an absent one.
    pub(super) fn of(request: &HttpRequest) -> Result<Self, ApiError> {
        let parameters = web::Query::<Vec<(String, String)>>::from_query(request.query_string())
            .map_err(|error| {
                ApiError::invalid_field("", format!("the query can't be read: {error}"))
            })?;
        let parameters = parameters
            .into_inner()
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .collect();
        Ok(Self {
            parameters,
            filters: String::new(),
            problems: Vec::new(),
        })
    }

    /// Notes a problem.
    pub(super) fn problem(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// A parameter as it is; not a filter.
    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        self.parameters.get(name).cloned()
    }

    /// A whole number; not a filter.
    pub(super) fn number(&mut self, name: &str, least: i64, most: i64) -> Option<i64> {
        let number = self
            .text(name)?
            .parse()
            .ok()
            .filter(|number| (least..=most).contains(number));
        if number.is_none() {
            self.problem(Problem::new(
                name,
                format!("must be a whole number from {least} to {most}"),
            ));
        }
        number
    }

    /// A filter, read by `parse`; `expected` says what it must be.
    pub(super) fn filter<T>(
        &mut self,
        name: &str,
        expected: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.text(name)?;
        let value = parse(&text).filter(|_| !text.contains('\0'));
        match value {
            Some(_) => {
                let _ = write!(self.filters, "{name}={text}&");
            }
            None => self.problem(Problem::new(name, format!("must be {expected}"))),
        }
        value
    }

    /// A filter by id.
    pub(super) fn id<T: FromStr>(&mut self, name: &str, prefix: &str) -> Option<T> {
        self.filter(name, &format!("an id that begins with {prefix}_"), |text| {
            text.parse().ok()
        })
    }

    /// `appName`: a filter by an App's name.
    pub(super) fn app_name(&mut self) -> Option<String> {
        self.filter("appName", app_name::RULE, |name| {
            app_name::is_app_name(name).then(|| name.to_owned())
        })
    }

    /// A filter that is true or false.
    pub(super) fn boolean(&mut self, name: &str) -> Option<bool> {
        self.filter(name, "true or false", |text| text.parse().ok())
    }

    /// `startDate`: the first moment that counts.
    pub(super) fn start_date(&mut self) -> Option<OffsetDateTime> {
        self.filter("startDate", DATE, |text| moment(text).or_else(|| day(text)))
    }

    /// `endDate`: the first moment that no longer counts. A day or a second is counted whole.
    pub(super) fn end_date(&mut self) -> Option<OffsetDateTime> {
        self.filter("endDate", DATE, |text| {
            let second = moment(text).map(|at| at.checked_add(Duration::SECOND));
            second.unwrap_or_else(|| day(text)?.checked_add(Duration::DAY))
        })
    }

    /// What was filtered by, as text.
    pub(super) fn filters(&self) -> &str {
        &self.filters
    }

    /// An error if there was any problem.
    pub(super) fn check(&mut self) -> Result<(), ApiError> {
        let problems = std::mem::take(&mut self.problems);
        if problems.is_empty() {
            Ok(())
        } else {
            Err(ApiError::invalid(problems))
        }
    }
}

const DATE: &str = "a date such as 2024-04-20 or 2024-04-20T14:45:00Z";

fn moment(text: &str) -> Option<OffsetDateTime> {
    // A '+' that was not escaped arrives as a space.
    OffsetDateTime::parse(&text.replace(' ', "+"), &Rfc3339)
        .ok()?
        .checked_to_offset(UtcOffset::UTC)
}

fn day(text: &str) -> Option<OffsetDateTime> {
    let date = Date::parse(text, format_description!("[year]-[month]-[day]")).ok()?;
    // Before that, Postgres' own dates end.
    if date.year() < 0 {
        return None;
    }
    Some(date.midnight().assume_offset(UtcOffset::UTC))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn query(text: &str) -> Query {
        Query::of(&TestRequest::with_uri(&format!("/?{text}")).to_http_request()).unwrap()
    }

    #[test]
    fn a_day_counts_whole() {
        let mut query = query("startDate=2024-04-20&endDate=2024-04-20");
        assert_eq!(
            query.end_date().unwrap() - query.start_date().unwrap(),
            Duration::DAY
        );
    }

    #[test]
    fn zones_count() {
        let mut query = query("startDate=2024-04-20T14:45:00%2B02:00");
        assert_eq!(
            query.start_date().unwrap().to_offset(UtcOffset::UTC).hour(),
            12
        );
    }

    #[test]
    fn dates_at_the_edge_of_the_calendar_are_problems() {
        for text in [
            "endDate=9999-12-31",
            "endDate=9999-12-31T23:59:59Z",
            "startDate=9999-12-31T23:59:59-01:00",
            "startDate=-4800-01-01",
        ] {
            let mut query = query(text);
            assert_eq!(
                (query.start_date(), query.end_date()),
                (None, None),
                "{text}"
            );
            assert_eq!(query.problems.len(), 1, "{text}");
        }
        assert!(query("startDate=9999-12-31").start_date().is_some());
    }

    #[test]
    fn every_problem_is_noted() {
        let mut query = query("startDate=yesterday&isDefault=perhaps&pageSize=0");
        query.start_date();
        query.boolean("isDefault");
        query.number("pageSize", 1, 1000);
        let fields: Vec<_> = query
            .problems
            .iter()
            .map(|problem| problem.field.as_str())
            .collect();
        assert_eq!(fields, ["startDate", "isDefault", "pageSize"]);
    }
}
