//! The format of an answer that is a stream of lines: NDJSON or CSV, as `Accept` asks.

use std::cmp::Reverse;

use actix_web::http::header::{
    self, Accept, ContentDisposition, DispositionParam, DispositionType, Header, Quality,
    QualityItem,
};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, mime};
use serde::Serialize;

use crate::http::csv;
use crate::http::error::ApiError;

/// A record that is a line of a stream.
pub(super) trait Line: Serialize {
    /// The columns of its CSV.
    const COLUMNS: &'static [&'static str];

    /// Its line of CSV, with a cell for each column.
    fn push_csv(&self, text: &mut String);
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LineFormat {
    /// A JSON object on each line.
    Ndjson,
    Csv,
}

impl LineFormat {
    /// Each with the media type that it is answered as.
    const ALL: [(Self, &'static str); 2] = [
        (Self::Ndjson, "application/x-ndjson"),
        (Self::Csv, "text/csv"),
    ];

    /// The format that the client likes best. Without an `Accept` header, or with an empty one, it is
    /// NDJSON.
    pub(super) fn of(request: &HttpRequest) -> Result<Self, ApiError> {
        let mut headers = request.headers().get_all(header::ACCEPT);
        if headers.all(|value| value.as_bytes().trim_ascii().is_empty()) {
            return Ok(Self::Ndjson);
        }

        let accepted = Accept::parse(request).map(|accept| accept.0);
        // A header that can't be parsed allows nothing, so it is a 406.
        Self::best(accepted.unwrap_or_default())
            .ok_or_else(|| ApiError::not_acceptable(&Self::ALL.map(|(_, media_type)| media_type)))
    }

    fn best(mut accepted: Vec<QualityItem<mime::Mime>>) -> Option<Self> {
        // Stable: of two that the client likes as much, the first.
        accepted.sort_by_key(|item| Reverse(item.quality));

        // A type that is refused by its name is not allowed by a range either (RFC 9110, section 12.5.1).
        let is_refused = |format: Self| {
            accepted.iter().any(|item| {
                let name = item.item.essence_str();
                item.quality == Quality::ZERO
                    && !name.ends_with('*')
                    && Self::named(name) == Some(format)
            })
        };
        accepted
            .iter()
            .filter(|item| item.quality > Quality::ZERO)
            .flat_map(|item| Self::allowed(item.item.essence_str()))
            .find(|format| !is_refused(*format))
    }

    /// The formats that a media type or a range of them allows, the preferred one first.
    fn allowed(media_type: &str) -> Vec<Self> {
        match media_type {
            "*/*" => vec![Self::Ndjson, Self::Csv],
            other => Self::named(other).into_iter().collect(),
        }
    }

    fn named(media_type: &str) -> Option<Self> {
        match media_type {
            "application/x-ndjson"
            | "application/ndjson"
            | "application/jsonl"
            | "application/*" => Some(Self::Ndjson),
            "text/csv" | "text/*" => Some(Self::Csv),
            _ => None,
        }
    }

    /// What comes before the first line.
    pub(super) fn head<L: Line>(self) -> String {
        let mut head = String::new();
        if self == Self::Csv {
            csv::push_line(&mut head, L::COLUMNS.iter().copied());
        }

        head
    }

    pub(super) fn push(self, line: &impl Line, text: &mut String) -> serde_json::Result<()> {
        match self {
            Self::Ndjson => {
                text.push_str(&serde_json::to_string(line)?);
                text.push('\n');
            }
            Self::Csv => line.push_csv(text),
        }

        Ok(())
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::Ndjson => "application/x-ndjson",
            Self::Csv => "text/csv; charset=utf-8; header=present",
        }
    }

    fn extension(self) -> &'static str {
        match self {
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
        }
    }

    /// The head of an answer that streams lines, to be saved as a file with this name.
    pub(super) fn attachment(self, name: &str) -> HttpResponseBuilder {
        let mut response = HttpResponse::Ok();
        response
            .content_type(self.content_type())
            .insert_header(ContentDisposition {
                disposition: DispositionType::Attachment,
                parameters: vec![DispositionParam::Filename(format!(
                    "{name}.{}",
                    self.extension()
                ))],
            })
            // Each account has its own, and they change.
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .insert_header((header::VARY, "Accept"));

        response
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn format(accept: &str) -> Option<LineFormat> {
        let request = TestRequest::default()
            .insert_header((header::ACCEPT, accept))
            .to_http_request();
        LineFormat::of(&request).ok()
    }

    #[test]
    fn the_format_is_the_one_that_the_client_likes_best() {
        for (accept, expected) in [
            ("*/*", Some(LineFormat::Ndjson)),
            ("application/x-ndjson", Some(LineFormat::Ndjson)),
            ("application/*", Some(LineFormat::Ndjson)),
            ("text/csv", Some(LineFormat::Csv)),
            ("text/csv; charset=utf-8", Some(LineFormat::Csv)),
            ("TEXT/CSV", Some(LineFormat::Csv)),
            (
                "text/html, text/csv;q=0.9, */*;q=0.8",
                Some(LineFormat::Csv),
            ),
            (
                "text/csv;q=0.1, application/x-ndjson;q=0.2",
                Some(LineFormat::Ndjson),
            ),
            ("text/csv;q=0", None),
            ("application/x-ndjson;q=0, */*", Some(LineFormat::Csv)),
            ("*/*;q=0.1, text/csv;q=0", Some(LineFormat::Ndjson)),
            ("text/csv;q=0, text/*", None),
            ("application/x-ndjson;q=0, text/csv;q=0, */*", None),
            ("application/json", None),
            ("image/png", None),
            ("nonsense", None),
        ] {
            assert_eq!(format(accept), expected, "{accept}");
        }

        let without = TestRequest::default().to_http_request();
        assert_eq!(LineFormat::of(&without).ok(), Some(LineFormat::Ndjson));
    }
}
