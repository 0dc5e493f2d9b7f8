//! A device in a request: `token` and `provider`.

use crate::http::validation::{Object, Problems};
use crate::model::provider::Provider;

/// Longest device token. Apple says not to assume a size; those in use are far shorter.
const MAX_TOKEN: usize = 4096;
const PROVIDERS: [(&str, Provider); 2] = [("FCM", Provider::Fcm), ("APN", Provider::Apn)];

/// A device.
pub(super) struct Device {
    /// Which provider reaches it.
    pub provider: Provider,
    /// Its token: a secret.
    pub token: String,
}

/// Reads a device from the fields of `object`. `None`: what is missing has been noted; a token that
/// is not fit for its provider has been noted too.
pub(super) fn read(object: &mut Object<'_>, problems: &mut Problems) -> Option<Device> {
    let token = object.required_text("token", problems);
    let provider = match object.has("provider") {
        true => object.word("provider", &PROVIDERS, problems),
        false => {
            object.take("provider");
            problems.push(&object.at("provider"), "is required: FCM or APN");
            None
        }
    };
    let (token, provider) = (token?, provider?);
    if let Err(message) = check_token(&token, provider) {
        problems.push(&object.at("token"), message);
    }
    Some(Device { provider, token })
}

/// A token is opaque, but must be fit for where it goes: an address at APNs, a JSON text at FCM.
fn check_token(token: &str, provider: Provider) -> Result<(), String> {
    if token.len() > MAX_TOKEN {
        return Err(format!("must be at most {MAX_TOKEN} characters"));
    }
    let fits = match provider {
        Provider::Fcm => token.bytes().all(|byte| byte.is_ascii_graphic()),
        Provider::Apn => token
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')),
    };
    match (fits, provider) {
        (true, _) => Ok(()),
        (false, Provider::Fcm) => Err("must be printable ASCII without spaces".to_owned()),
        (false, Provider::Apn) => {
            Err("must be letters, digits, '_' and '-': APNs tokens are hexadecimal".to_owned())
        }
    }
}
