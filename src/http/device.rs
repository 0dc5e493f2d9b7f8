//! A device in a request: `token` and `provider`.

use crate::http::validation::{Object, Path, Problems};
use crate::model::apns_device::{ENVIRONMENTS, Environment, KINDS, TokenKind};
use crate::model::device_token;
use crate::model::provider::Provider;

/// Longest device token. Apple says not to assume a size; the tokens in use are far shorter.
pub(super) const MAX_TOKEN: usize = 4096;
const PROVIDERS: [(&str, Provider); 2] = [("FCM", Provider::Fcm), ("APN", Provider::Apn)];

pub(super) struct Device {
    pub provider: Provider,
    /// A secret, in the form in which it is kept.
    pub token: String,
    /// Of an APNs device that says it.
    pub environment: Option<Environment>,
}

/// Reads a device from `object`. `None` if a field is missing or malformed.
///
/// A token that is not fit for its provider is noted too, but the device is returned, so that
/// checks of the other fields go on.
pub(super) fn read(object: &mut Object<'_>, problems: &mut Problems) -> Option<Device> {
    let token = object.required_string("token", problems);
    let provider = object.required_one_of("provider", &PROVIDERS, problems);

    // Read before the returns below: a field that was not read is refused as unknown later.
    let environment = ENVIRONMENT.read(object, provider, problems);

    let provider = provider?;
    let token = normalized(provider, &token?, &object.at("token"), problems);
    Some(Device {
        provider,
        token,
        environment,
    })
}

/// A field that only APNs devices have.
pub(super) struct ApnsField<T: 'static> {
    name: &'static str,
    choices: &'static [(&'static str, T)],
}

const ENVIRONMENT: ApnsField<Environment> = ApnsField {
    name: "environment",
    choices: &ENVIRONMENTS,
};
pub(super) const KIND: ApnsField<TokenKind> = ApnsField {
    name: "kind",
    choices: &KINDS,
};

impl<T: Copy> ApnsField<T> {
    /// Reads the field of a device of `provider`, which is `None` if it is missing or malformed.
    pub(super) fn read(
        &self,
        object: &mut Object<'_>,
        provider: Option<Provider>,
        problems: &mut Problems,
    ) -> Option<T> {
        let value = object.one_of(self.name, self.choices, problems)?;

        if provider == Some(Provider::Fcm) {
            problems.push(
                &object.at(self.name),
                "must be absent for FCM: only APNs devices have this field",
            );
        }
        Some(value)
    }
}

/// Reads another token of the same provider from the field `name`, if it is there.
pub(super) fn read_other(
    object: &mut Object<'_>,
    name: &'static str,
    provider: Provider,
    problems: &mut Problems,
) -> Option<String> {
    let token = object.string(name, problems)?;

    Some(normalized(provider, &token, &object.at(name), problems))
}

/// The token in the form in which it is kept; empty if it has a problem.
fn normalized(provider: Provider, token: &str, path: &Path<'_>, problems: &mut Problems) -> String {
    let normalized = if token.len() > MAX_TOKEN {
        Err(format!(
            "must be at most {MAX_TOKEN} characters; got {}",
            token.len()
        ))
    } else {
        device_token::normalized(provider, token)
    };

    normalized.unwrap_or_else(|message| {
        problems.push(path, message);
        String::new()
    })
}
