//! The fields of a Credential in a request.

use serde_json::Value;

use crate::crypto::erase;
use crate::http::State;
use crate::http::app_name;
use crate::http::error::ApiError;
use crate::http::validation::{Object, Problems, parse_body};
use crate::model::provider::CredentialType;
use crate::provider;

pub(super) const TYPES: [CredentialType; 3] = [
    CredentialType::Apn,
    CredentialType::ApnSandbox,
    CredentialType::Fcm,
];

/// The fields of a Credential that is created.
pub(super) struct CredentialFields {
    pub credential_type: CredentialType,
    pub app_name: String,
    pub is_default: bool,
    pub verify: bool,
    pub credential: provider::Credential,
}

impl CredentialFields {
    pub(super) fn read(body: &[u8], state: &State) -> Result<Self, ApiError> {
        let mut problems = Problems::default();
        let mut fields = parse_body(body)?;

        let credential_type = read_type(&mut fields, &mut problems);
        let app_name = app_name::read_required(&mut fields, &mut problems);
        let is_default = fields.boolean("isDefault", &mut problems).unwrap_or(false);
        let verify = fields.boolean("verify", &mut problems).unwrap_or(false);
        let content = fields
            .require("content", "an object", &mut problems)
            .then(|| fields.take("content"))
            .flatten();

        // What the content must be depends on the type.
        let credential = content.zip(credential_type).and_then(|(content, of_type)| {
            let credential = read_content(&content, of_type, state, &mut problems);
            erase(content);
            credential
        });
        fields.refuse_unknown(&mut problems);

        let required = credential_type.zip(app_name).zip(credential);
        let ((credential_type, app_name), credential) = problems.check_some(required)?;
        Ok(Self {
            credential_type,
            app_name,
            is_default,
            verify,
            credential,
        })
    }
}

fn read_type(fields: &mut Object<'_>, problems: &mut Problems) -> Option<CredentialType> {
    let types = TYPES.map(|credential_type| (credential_type.as_str(), credential_type));

    fields.required_one_of("credentialType", &types, problems)
}

/// Maximum bytes of a content. A service account takes 2,400, a chain of certificates with its key
/// some 10,000.
const MAX_CONTENT: usize = 65_536;

/// The length of a value as JSON. Nothing is written: the text would be a copy of the secrets.
fn json_bytes(value: &Value) -> usize {
    struct Count(usize);

    impl std::io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    let mut count = Count(0);
    // A value can always be serialized, and this writer never fails.
    let _ = serde_json::to_writer(&mut count, value);
    count.0
}

fn read_content(
    content: &Value,
    credential_type: CredentialType,
    state: &State,
    problems: &mut Problems,
) -> Option<provider::Credential> {
    let size = json_bytes(content);
    if size > MAX_CONTENT {
        problems.push_at(
            "content",
            format!("must be at most {MAX_CONTENT} bytes of JSON; got {size}"),
        );
        return None;
    }

    let token_uris = &state.endpoints.fcm_token_uris;
    let found = match provider::Credential::parse(credential_type, content, token_uris) {
        Ok(credential) => return Some(credential),
        Err(found) => found,
    };

    // The provider names fields within the content, and a client looks for them in the body.
    for problem in found {
        let field = if problem.field.is_empty() {
            "content".to_owned()
        } else {
            format!("content.{}", problem.field)
        };
        problems.push_at(field, problem.message);
    }
    None
}
