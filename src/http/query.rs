//! Reading query parameters one by one. Each problem is noted with the parameter's name, so a client
//! learns of all of them at once. Unknown parameters are refused, unlike in Twilio's API: a filter
//! with a name that is not known would let through what it should not.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::ops::RangeInclusive;
use std::str::FromStr;

use actix_web::HttpRequest;
use actix_web::web;
use time::macros::format_description;
use time::{Date, Duration, OffsetDateTime, UtcOffset};
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};

use crate::http::app_name;
use crate::http::date;
use crate::http::error::ApiError;
use crate::http::openapi::query_parameters_of;
use crate::http::problem::Problem;
use crate::http::validation::{Problems, either, quoted_string};
use crate::model::id::UserId;
use crate::model::user_profile::{external_id_pattern, external_id_rule, is_external_id};

/// The query parameters of a date range in `/openapi.json`; read by [`Query::start_date`] and
/// [`Query::end_date`].
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
#[allow(dead_code, reason = "read by the derive alone")]
pub(super) struct DateParams {
    /// Created no earlier: 2024-04-20 or 2024-04-20T14:45:00Z
    start_date: Option<String>,
    /// Created no later; a day is included whole
    end_date: Option<String>,
}

/// The query parameter `externalId` in `/openapi.json`; read by [`Query::external_id`].
pub(super) struct ExternalIdParam;

impl IntoParams for ExternalIdParam {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let id = ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some(external_id_pattern()));

        let parameter = ParameterBuilder::new()
            .name("externalId")
            .parameter_in(ParameterIn::Query)
            .description(Some("The account's own id of a User (extension)"))
            .schema(Some(id));
        vec![parameter.build()]
    }
}

/// The User to whom a notification was sent.
pub(super) enum RecipientFilter {
    User(UserId),
    ExternalId(String),
}

/// Refuses parameters that the operation of `request`, on the route `pattern`, does not have, and those
/// with two values.
pub(super) fn refuse_unknown(request: &HttpRequest, pattern: &str) -> Result<(), ApiError> {
    if request.query_string().is_empty() {
        return Ok(());
    }
    let Some(known) = query_parameters_of(pattern, request.method()) else {
        return Ok(());
    };

    let mut problems = Problems::default();
    let mut values: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in pairs(request)? {
        if !name.is_empty() && !known.contains(&name) {
            problems.push_at(&name, does_not_exist(known));
        } else if values.get(&name).is_some_and(|other| *other != value) {
            problems.push_at(&name, "is given twice; give it once");
        }
        values.insert(name, value);
    }
    problems.check()
}

fn does_not_exist(known: &[String]) -> String {
    if known.is_empty() {
        return "this query parameter does not exist; there are none here".to_owned();
    }

    format!(
        "this query parameter does not exist; the parameters here are {}",
        known.join(", ")
    )
}

fn pairs(request: &HttpRequest) -> Result<Vec<(String, String)>, ApiError> {
    let pairs = web::Query::<Vec<(String, String)>>::from_query(request.query_string());

    pairs
        .map(web::Query::into_inner)
        .map_err(|error| ApiError::invalid_field("", format!("the query can't be read: {error}")))
}

/// The query of a request.
pub(super) struct Query {
    parameters: BTreeMap<String, String>,
    /// The filters that were read, as `name=value&` each. A page token is bound to them.
    filters: String,
    problems: Vec<Problem>,
}

impl Query {
    /// The query of `request`. An empty parameter counts as absent.
    pub(super) fn of(request: &HttpRequest) -> Result<Self, ApiError> {
        let parameters = pairs(request)?
            // Of two values the last would win, but `refuse_unknown` has refused two that differ.
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .collect();
        Ok(Self {
            parameters,
            filters: String::new(),
            problems: Vec::new(),
        })
    }

    pub(super) fn problem(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// A parameter as it is, which is not a filter.
    pub(super) fn string(&mut self, name: &str) -> Option<String> {
        self.parameters.get(name).cloned()
    }

    /// An integer, which is not a filter.
    pub(super) fn integer(&mut self, name: &str, range: RangeInclusive<i64>) -> Option<i64> {
        let string = self.string(name)?;
        let integer = string
            .parse()
            .ok()
            .filter(|integer| range.contains(integer));
        if integer.is_none() {
            self.problem(Problem::new(
                name,
                format!(
                    "must be an integer from {} to {}; got {}",
                    range.start(),
                    range.end(),
                    quoted_string(&string)
                ),
            ));
        }

        integer
    }

    /// A filter, read by `parse`; `expected` completes the message "must be …".
    pub(super) fn filter<T>(
        &mut self,
        name: &str,
        expected: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.string(name)?;

        // Postgres takes no NUL.
        let value = parse(&text).filter(|_| !text.contains('\0'));
        match value {
            Some(_) => {
                // The text and not the value: a page token is valid with the same text only.
                let _ = write!(self.filters, "{name}={text}&");
            }
            None => {
                let message = format!("must be {expected}; got {}", quoted_string(&text));
                self.problem(Problem::new(name, message));
            }
        }

        value
    }

    /// A filter that is one of `values`, by the name that `name_of` gives them.
    pub(super) fn one_of<T: Copy>(
        &mut self,
        name: &str,
        values: &[T],
        name_of: fn(T) -> &'static str,
    ) -> Option<T> {
        let names: Vec<_> = values.iter().copied().map(name_of).collect();
        let expected = either(&names);

        self.filter(name, &expected, |text| {
            values.iter().copied().find(|value| name_of(*value) == text)
        })
    }

    /// A filter that is an id of the kind with this `prefix`.
    pub(super) fn id<T: FromStr>(&mut self, name: &str, prefix: &str) -> Option<T> {
        self.filter(name, &format!("an id that begins with {prefix}_"), |text| {
            text.parse().ok()
        })
    }

    /// As [`Self::id`], for an id that must be there.
    pub(super) fn required_id<T: FromStr>(&mut self, name: &str, prefix: &str) -> Option<T> {
        if self.string(name).is_none() {
            let message =
                format!("this parameter is required and must be an id that begins with {prefix}_");
            self.problem(Problem::new(name, message));
        }

        self.id(name, prefix)
    }

    /// A filter by a User, under either of two names: Twilio's `user`, and `userId` as in the rest of
    /// the API.
    pub(super) fn user_id(&mut self) -> Option<UserId> {
        let by_user = self.id::<UserId>("user", UserId::PREFIX);
        let by_user_id = self.id::<UserId>("userId", UserId::PREFIX);

        if let (Some(one), Some(other)) = (by_user, by_user_id)
            && one != other
        {
            let message = "must be the same as user, or one of the two must be left out";
            self.problem(Problem::new("userId", message));
        }
        by_user.or(by_user_id)
    }

    /// A filter by the User to whom a notification was sent: `user`, `userId` or `externalId`.
    pub(super) fn recipient(&mut self) -> Option<RecipientFilter> {
        let user_id = self.user_id();
        let external_id = self.external_id();

        match (user_id, external_id) {
            (Some(_), Some(_)) => {
                let message = "must be absent if user or userId is given";
                self.problem(Problem::new("externalId", message));
                None
            }
            (Some(id), None) => Some(RecipientFilter::User(id)),
            (None, Some(id)) => Some(RecipientFilter::ExternalId(id)),
            (None, None) => None,
        }
    }

    /// The filter `externalId`.
    pub(super) fn external_id(&mut self) -> Option<String> {
        self.filter("externalId", &external_id_rule(), |id| {
            is_external_id(id).then(|| id.to_owned())
        })
    }

    /// The filter `appName`.
    pub(super) fn app_name(&mut self) -> Option<String> {
        self.filter("appName", &app_name::rule(), |name| {
            app_name::is_app_name(name).then(|| name.to_owned())
        })
    }

    /// A filter that is true or false.
    pub(super) fn boolean(&mut self, name: &str) -> Option<bool> {
        self.filter(name, "true or false", |text| text.parse().ok())
    }

    /// A filter by date: the first moment that is included.
    pub(super) fn start_of(&mut self, name: &str) -> Option<OffsetDateTime> {
        self.filter(name, DATE, |text| timestamp(text).or_else(|| day(text)))
    }

    /// A filter by date: the first moment that is excluded. The day or second that it names is included
    /// whole.
    pub(super) fn end_of(&mut self, name: &str) -> Option<OffsetDateTime> {
        self.filter(name, DATE, |text| {
            let next_second = timestamp(text).map(|at| at.checked_add(Duration::SECOND));
            next_second.unwrap_or_else(|| day(text)?.checked_add(Duration::DAY))
        })
    }

    /// The filters that were read so far, each as `name=value&`.
    pub(super) fn filters(&self) -> &str {
        &self.filters
    }

    /// A 400 that names every problem, if there is any.
    pub(super) fn check(&mut self) -> Result<(), ApiError> {
        self.check_some(Some(()))
    }

    /// `value`, or a 400 that names every problem. A reader that returned `None` for a required
    /// parameter has noted why.
    pub(super) fn check_some<T>(&mut self, value: Option<T>) -> Result<T, ApiError> {
        Problems::from(std::mem::take(&mut self.problems)).check_some(value)
    }
}

const DATE: &str = "a date such as 2024-04-20 or 2024-04-20T14:45:00Z";

fn timestamp(text: &str) -> Option<OffsetDateTime> {
    // A '+' that was not escaped arrives as a space.
    date::parse(&text.replace(' ', "+"))
}

fn day(text: &str) -> Option<OffsetDateTime> {
    let date = Date::parse(text, format_description!("[year]-[month]-[day]")).ok()?;

    // Postgres' timestamps begin in 4713 BC, later than those of `time`.
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
    fn a_day_is_included_whole() {
        let mut query = query("startDate=2024-04-20&endDate=2024-04-20");
        assert_eq!(
            query.end_of("endDate").unwrap() - query.start_of("startDate").unwrap(),
            Duration::DAY
        );
    }

    #[test]
    fn a_time_zone_is_obeyed() {
        let mut query = query("startDate=2024-04-20T14:45:00%2B02:00");
        assert_eq!(
            query
                .start_of("startDate")
                .unwrap()
                .to_offset(UtcOffset::UTC)
                .hour(),
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
                (query.start_of("startDate"), query.end_of("endDate")),
                (None, None),
                "{text}"
            );
            assert_eq!(query.problems.len(), 1, "{text}");
        }
        assert!(
            query("startDate=9999-12-31")
                .start_of("startDate")
                .is_some()
        );
    }

    #[test]
    fn every_problem_is_noted() {
        let mut query = query("startDate=yesterday&isDefault=perhaps&pageSize=0");
        query.start_of("startDate");
        query.boolean("isDefault");
        query.integer("pageSize", 1..=1000);
        let fields: Vec<_> = query
            .problems
            .iter()
            .map(|problem| problem.field.as_str())
            .collect();
        assert_eq!(fields, ["startDate", "isDefault", "pageSize"]);
    }
}
