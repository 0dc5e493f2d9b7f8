//! URLs in a request that Bellwire will send to: those of webhooks.

use std::time::Duration;

use url::Url;

use crate::http::validation::{Object, Problems};
use crate::transport::{AddressError, AddressGuard};

/// How long a name may take to resolve. One that takes longer is checked when it is sent to.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(2);

/// Reads the field `name`, if it is there. A name that does not resolve is taken, because it may
/// resolve later; each delivery checks it again.
pub(super) async fn read(
    object: &mut Object<'_>,
    name: &'static str,
    guard: AddressGuard,
    problems: &mut Problems,
) -> Option<Url> {
    let text = object.string(name, problems)?;

    match check(&text, guard).await {
        Ok(url) => Some(url),
        Err(error) => {
            problems.push(&object.at(name), error.to_string());
            None
        }
    }
}

async fn check(text: &str, guard: AddressGuard) -> Result<Url, AddressError> {
    let url = guard.parse(text)?;

    match tokio::time::timeout(RESOLVE_TIMEOUT, guard.resolve(&url)).await {
        Ok(Err(refused)) if !matches!(refused, AddressError::Unresolved { .. }) => Err(refused),
        _ => Ok(url),
    }
}
