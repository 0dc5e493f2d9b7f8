//! A device in a request: `token` and `provider`.

use crate::http::validation::{Object, Path, Problems};
use crate::model::device_token;
use crate::model::provider::Provider;

/// Longest device token. Apple says not to assume a size; the tokens in use are far shorter.
pub(super) const MAX_TOKEN: usize = 4096;
const PROVIDERS: [(&str, Provider); 2] = [("FCM", Provider::Fcm), ("APN", Provider::Apn)];

pub(super) struct Device {
    pub provider: Provider,
    /// A secret, in the form in which it is kept.
    pub token: String,
}

/// Reads a device from `object`. `None` if a field is missing or malformed.
///
/// A token that is not fit for its provider is noted too, but the device is returned, so that
/// checks of the other fields go on.
pub(super) fn read(object: &mut Object<'_>, problems: &mut Problems) -> Option<Device> {
    let token = object.required_string("token", problems);
    let provider = object.required_one_of("provider", &PROVIDERS, problems);

    let provider = provider?;
    Some(device(provider, &token?, &object.at("token"), problems))
}

/// Reads another token of the same provider from the field `name`, if it is there.
pub(super) fn read_other(
    object: &mut Object<'_>,
    name: &'static str,
    provider: Provider,
    problems: &mut Problems,
) -> Option<Device> {
    let token = object.string(name, problems)?;

    Some(device(provider, &token, &object.at(name), problems))
}

fn device(provider: Provider, token: &str, path: &Path<'_>, problems: &mut Problems) -> Device {
    let normalized = if token.len() > MAX_TOKEN {
        Err(format!(
            "must be at most {MAX_TOKEN} characters; got {}",
            token.len()
        ))
    } else {
        device_token::normalized(provider, token)
    };

    Device {
        provider,
        token: normalized.unwrap_or_else(|message| {
            problems.push(path, message);
            String::new()
        }),
    }
}
