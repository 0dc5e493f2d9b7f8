//! Dates in answers: RFC 3339 in UTC, to the second.

use std::fmt;

use serde::{Serialize, Serializer};
use time::macros::format_description;
use time::{OffsetDateTime, UtcOffset};
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};

/// A timestamp that is serialized as `2024-04-20T14:45:00Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Date(pub OffsetDateTime);

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
}
