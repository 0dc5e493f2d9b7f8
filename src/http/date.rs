//! Dates in answers: RFC 3339 in UTC, to the second.

use std::fmt;

use serde::{Serialize, Serializer};
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{OffsetDateTime, UtcOffset};
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};

/// A timestamp that is serialized as `2024-04-20T14:45:00Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Date(pub OffsetDateTime);

/// Reads a timestamp of RFC 3339. `None`: it is malformed, or its year in UTC has five digits.
pub(super) fn parse(text: &str) -> Option<OffsetDateTime> {
    // In UTC here, because the unchecked conversions elsewhere panic beyond the years that `time`
    // knows.
    OffsetDateTime::parse(text, &Rfc3339)
        .ok()?
        .checked_to_offset(UtcOffset::UTC)
}

impl fmt::Display for Date {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
        let formatted = self.0.to_offset(UtcOffset::UTC).format(format);

        formatter.write_str(&formatted.map_err(|_| fmt::Error)?)
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl utoipa::PartialSchema for Date {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        let date_time = SchemaFormat::KnownFormat(KnownFormat::DateTime);

        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(date_time))
            .into()
    }
}

impl utoipa::ToSchema for Date {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_of_a_second_are_cut_off_and_the_zone_is_utc() {
        let timestamp = time::macros::datetime!(2024-04-20 16:45:00.987 +2);
        assert_eq!(
            serde_json::to_value(Date(timestamp)).unwrap(),
            "2024-04-20T14:45:00Z"
        );
    }

    #[test]
    fn a_timestamp_that_utc_can_not_show_is_refused() {
        let parsed = parse("2024-04-20T16:45:00+02:00").map(|at| Date(at).to_string());
        assert_eq!(parsed.as_deref(), Some("2024-04-20T14:45:00Z"));
        assert!(parse("9999-12-31T23:59:59Z").is_some());

        for text in [
            "9999-12-31T23:59:59-01:00",
            "2024-04-20",
            "2024-04-20T16:45:00",
            "",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
