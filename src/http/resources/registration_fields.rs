//! The fields of a device that is registered.

use serde_json::Value;

use crate::crypto::hash_token;
use crate::http::app_name;
use crate::http::device;
use crate::http::error::ApiError;
use crate::http::tags;
use crate::http::user_profile::{self, Null};
use crate::http::validation::{Object, Problems, parse_body};
use crate::model::apns_device::TokenKind;
use crate::model::device_token;
use crate::model::id::UserId;
use crate::model::provider::Provider;
use crate::model::user_profile::ProfileChange;

/// The fields of a device that is registered.
pub(super) struct RegisterFields {
    pub user_id: Option<UserId>,
    pub app_name: String,
    pub device: device::Device,
    /// Hashes under which the device may be stored already: of older forms of the token, and of the
    /// token that it replaces.
    pub other_hashes: Vec<Vec<u8>>,
    pub kind: Option<TokenKind>,
    pub tags: Option<Value>,
    pub profile: ProfileChange,
}

impl RegisterFields {
    pub(super) fn read(body: &[u8]) -> Result<Self, ApiError> {
        let mut problems = Problems::default();
        let mut fields = parse_body(body)?;

        let user_id = fields.id::<UserId>("userId", &mut problems);
        let app_name = app_name::read_required(&mut fields, &mut problems);
        // Before `device::read`, which takes the token out of the fields.
        let mut other_hashes = hashes_of_older_forms(&fields, "token");
        let device = device::read(&mut fields, &mut problems);
        if let Some(device) = &device {
            other_hashes.extend(hashes_of_older_forms(&fields, "replaces"));
            let replaced =
                device::read_other(&mut fields, "replaces", device.provider, &mut problems);
            other_hashes.extend(replaced.map(|replaced| hash_token(&replaced)));
        } else {
            // Its form depends on the provider, which is a problem already. Taken out, it is not
            // refused as unknown.
            fields.take("replaces");
        }

        let provider = device.as_ref().map(|device| device.provider);
        let kind = device::KIND.read(&mut fields, provider, &mut problems);
        let tags = tags::read(&mut fields, &mut problems);
        let profile = user_profile::read(&mut fields, Null::KeepsValue, &mut problems);
        fields.refuse_unknown(&mut problems);

        let (app_name, device) = problems.check_some(app_name.zip(device))?;
        Ok(Self {
            user_id,
            app_name,
            device,
            other_hashes,
            kind,
            tags,
            profile,
        })
    }
}

/// The hashes of the forms in which an older release may have stored the token in the field `name`. All
/// others of APNs have only hexadecimal digits in lower case.
pub(super) fn hashes_of_older_forms(fields: &Object<'_>, name: &str) -> Vec<Vec<u8>> {
    let is_apns = fields
        .get("provider")
        .is_none_or(|provider| provider == Provider::Apn.as_str());
    let given = fields.get(name).and_then(Value::as_str);

    given
        // A token that is too long is refused by `device::read`, so it is not hashed here.
        .filter(|given| is_apns && given.len() <= device::MAX_TOKEN)
        .map(|given| device_token::older_forms(Provider::Apn, given))
        .unwrap_or_default()
        .iter()
        .map(|form| hash_token(form))
        .collect()
}
