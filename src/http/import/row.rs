//! Checks a record of a file: the fields of a registration.

use serde_json::Value;
use uuid::Uuid;

use crate::crypto::{MasterKeys, hash_token};
use crate::http::import::records::{Content, MAX_RECORD, Record};
use crate::http::problem::Problem;
use crate::http::user_profile::{self, Null};
use crate::http::validation::{Object, Path, Problems, parse_value};
use crate::http::{app_name, device, tags};
use crate::model::device_import::{ImportRow, RowError};
use crate::model::id::{AccountId, UserId};

/// Fields of an export that say nothing about a new registration.
const IGNORED: [&str; 3] = ["deviceId", "deviceRegistrationId", "registeredAt"];

/// The problem of a cell, with what a cell can hold in place of a value of JSON.
fn in_a_cell(problem: Problem) -> Problem {
    let form = match problem.field.as_str() {
        "tags" => "key:value;key:value, or an object of JSON",
        "variables" => "an object of JSON",
        "optedOut" => "true or false",
        _ => return problem,
    };

    Problem::new(
        problem.field,
        format!("{}; in a cell: {form}", problem.message),
    )
}

/// A text that Postgres can store: without NUL, which a name in the file may have.
fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// What a row is read with.
pub(super) struct RowReader {
    pub account_id: AccountId,
    /// The App of rows that name none.
    pub app_name: Option<String>,
    pub keys: MasterKeys,
}

impl RowReader {
    pub(super) fn read(&self, record: Record) -> Result<ImportRow, RowError> {
        let line = record.line;

        self.read_content(line, record.content)
            .map_err(|problem| RowError {
                line,
                field: storable(&problem.field),
                message: storable(&problem.message),
            })
    }

    fn read_content(&self, line: i32, content: Content) -> Result<ImportRow, Problem> {
        let whole = |message: String| Problem::new("", message);
        let is_csv = matches!(content, Content::Fields(_));
        let value = match content {
            Content::Json(text) => parse_value(&text)
                .map_err(|error| whole(format!("the line is not valid JSON: {error}")))?,
            Content::Fields(fields) => Value::Object(fields),
            Content::TooLong => {
                return Err(whole(format!(
                    "the row must have at most {MAX_RECORD} bytes"
                )));
            }
            Content::TooManyCells => {
                return Err(whole(
                    "the row has more cells than the first line".to_owned(),
                ));
            }
            Content::NotUtf8 => return Err(whole("the row must be UTF-8".to_owned())),
            Content::OpenQuote => {
                return Err(whole(
                    "a quote is not closed before the end of the file: close it, or double a quote that is a \
                     character of a cell"
                        .to_owned(),
                ));
            }
        };

        let mut problems = Problems::default();
        let row = Object::of(value, Path::Root, &mut problems)
            .and_then(|object| self.read_fields(line, object, &mut problems));
        match (problems.first(), row) {
            (Some(problem), _) if is_csv => Err(in_a_cell(problem)),
            (Some(problem), _) => Err(problem),
            (None, Some(row)) => Ok(row),
            // Only a token that can't be sealed leaves neither.
            (None, None) => Err(whole("the row can't be read".to_owned())),
        }
    }

    fn read_fields(
        &self,
        line: i32,
        mut fields: Object<'_>,
        problems: &mut Problems,
    ) -> Option<ImportRow> {
        // A row's own App takes precedence over that of the request.
        let app_name = match &self.app_name {
            Some(name) if !fields.has("appName") => Some(name.clone()),
            _ => app_name::read_required(&mut fields, problems),
        };
        let device = device::read(&mut fields, problems);
        let provider = device.as_ref().map(|device| device.provider);
        let kind = device::KIND.read(&mut fields, provider, problems);
        let user_id = fields.id::<UserId>("userId", problems);
        let tags = tags::read(&mut fields, problems);
        let profile = user_profile::read(&mut fields, Null::KeepsValue, problems);
        // An export has these columns, and its lines can be imported as they are.
        for name in IGNORED {
            fields.take(name);
        }
        fields.refuse_unknown(problems);

        let (app_name, device) = app_name.zip(device)?;
        if !problems.is_empty() {
            return None;
        }
        // The seal names the device, so it gets an id before it is known whether it is new. A device that
        // is stored already keeps its id and its sealed token.
        let new_id = Uuid::now_v7();
        let account_id = self.account_id.as_uuid();
        let sealed = self
            .keys
            .seal_device_token(account_id, new_id, &device.token);

        Some(ImportRow {
            line,
            app_name,
            provider: device.provider,
            token_hash: hash_token(&device.token),
            new_id,
            sealed_token: sealed.ok()?,
            user_id,
            profile,
            tags,
            environment: device.environment,
            kind,
        })
    }
}
