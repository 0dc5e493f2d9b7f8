//! A device in a request: `token` and `provider`.

use crate::http::validation::{Object, Problems};
use crate::model::provider::Provider;

/// Longest device token. Apple says not to assume a size; the tokens in use are far shorter.
pub(super) const MAX_TOKEN: usize = 4096;
const PROVIDERS: [(&str, Provider); 2] = [("FCM", Provider::Fcm), ("APN", Provider::Apn)];

pub(super) struct Device {
    pub provider: Provider,
    /// A secret.
    pub token: String,
}

/// Reads a device from `object`. `None` if a field is missing or malformed.
///
/// A token that is not fit for its provider is noted too, but the device is returned, so that
/// checks of the other fields go on.
pub(super) fn read(object: &mut Object<'_>, problems: &mut Problems) -> Option<Device> {
    let token = object.required_string("token", problems);
    let provider = object.required_one_of("provider", &PROVIDERS, problems);

    let device = Device {
        token: token?,
        provider: provider?,
    };
    if let Err(message) = check_token(&device) {
        problems.push(&object.at("token"), message);
    }

    Some(device)
}

/// A token is opaque, but it must fit where it goes: a path at APNs, a JSON string at FCM.
fn check_token(device: &Device) -> Result<(), String> {
    let length = device.token.len();
    if length > MAX_TOKEN {
        return Err(format!(
            "must be at most {MAX_TOKEN} characters; got {length}"
        ));
    }

    let mut bytes = device.token.bytes();
    match device.provider {
        Provider::Fcm if !bytes.all(|byte| byte.is_ascii_graphic()) => Err(
            "must be an FCM registration token: printable ASCII characters without spaces"
                .to_owned(),
        ),
        Provider::Apn
            if !bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')) =>
        {
            Err(
                "must be an APNs device token in hexadecimal: letters, digits, '_' and '-'"
                    .to_owned(),
            )
        }
        Provider::Fcm | Provider::Apn => Ok(()),
    }
}
