//! Request bodies: JSON only, of a bounded size, from a caller who is known, within the budget of the
//! process.

use std::future::Future;
use std::io::Read;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use actix_web::error::PayloadError;
use actix_web::http::header::{self, HeaderMap, HeaderName};
use actix_web::{FromRequest, HttpRequest, dev, web};
use bytes::{Bytes, BytesMut};
use flate2::read::MultiGzDecoder;
use futures_util::StreamExt;

use crate::http::State;
use crate::http::auth::Caller;
use crate::http::body_budget::HeldBytes;
use crate::http::error::ApiError;
use crate::http::validation::BYTE_ORDER_MARK;
use crate::model::quoted::quoted_string;

/// How long a body may take to arrive. A slower client would hold memory, and delay a shutdown.
const BODY_TIMEOUT: Duration = Duration::from_secs(15);
/// Largest body of a request that is not a [`LargeBody`], in bytes. It is read where it arrives.
const MAX_SMALL_BODY: usize = 128 * 1024;
/// How much of a compressed body is decoded at a time, in bytes.
const CHUNK: usize = 16 * 1024;

/// Data of a route whose bodies may be as large as `server.max_body_size`. What is done with them
/// must be done on the [`WorkPool`](crate::work_pool::WorkPool).
pub(super) struct LargeBody;

/// A body that is declared as JSON, with the caller who sent it.
pub(super) struct JsonBody {
    pub caller: Caller,
    /// The text, decoded.
    pub bytes: Bytes,
    /// Its room in the budget. It is kept until the request is answered, because what was read of
    /// the body takes memory after the body is gone.
    pub held: Arc<HeldBytes>,
}

/// What the head of a request says of its body.
#[derive(Debug, PartialEq, Eq)]
struct Declared {
    /// In bytes; `None`: it is not known before the end.
    length: Option<u64>,
    /// `None`: one that can't be decoded.
    encoding: Option<Encoding>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Identity,
    Gzip,
}

/// The header `name` as text; empty if it is not ASCII.
pub(super) fn header_text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers
        .get(name)
        .map(|value| value.to_str().unwrap_or_default())
}

impl Declared {
    fn read(headers: &HeaderMap) -> Self {
        let text = |name| header_text(headers, name);

        Self {
            length: text(header::CONTENT_LENGTH).and_then(|length| length.trim().parse().ok()),
            encoding: text(header::CONTENT_ENCODING).map_or(Some(Encoding::Identity), encoding),
        }
    }
}

fn unknown_encoding(headers: &HeaderMap) -> ApiError {
    let given = header_text(headers, header::CONTENT_ENCODING).unwrap_or_default();

    ApiError::unsupported_media_type(format!(
        "The Content-Encoding of the body must be gzip, or absent; got {}",
        quoted_string(given)
    ))
}

/// Whether a body says nothing: it is empty, blank or `null`, which is the same as no value. It may begin
/// with a byte order mark.
pub(super) fn says_nothing(body: &[u8]) -> bool {
    let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);

    matches!(body.trim_ascii(), b"" | b"null")
}

/// Refuses a body that is not declared as JSON with a 415.
pub(super) fn check_type(headers: &HeaderMap) -> Result<(), ApiError> {
    let content_type = header_text(headers, header::CONTENT_TYPE);

    match content_type {
        Some(content_type) if is_json(content_type) => Ok(()),
        _ => Err(ApiError::not_json(content_type)),
    }
}

/// Whether a `Content-Type` means JSON: `application/json`, or any type that ends with `+json` (RFC
/// 6839). Neither letter case nor parameters matter (RFC 9110, section 8.3.1).
fn is_json(content_type: &str) -> bool {
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    if media_type.eq_ignore_ascii_case("application/json") {
        return true;
    }

    let media_type = media_type.to_ascii_lowercase();
    media_type
        .split_once('/')
        .is_some_and(|(main, sub)| !main.is_empty() && sub.len() > 5 && sub.ends_with("+json"))
}

fn encoding(content_encoding: &str) -> Option<Encoding> {
    match content_encoding.trim().to_ascii_lowercase().as_str() {
        "" | "identity" => Some(Encoding::Identity),
        "gzip" | "x-gzip" => Some(Encoding::Gzip),
        _ => None,
    }
}

impl FromRequest for JsonBody {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        let request = request.clone();
        let payload = payload.take();

        Box::pin(async move {
            // The caller comes first: no body is read for a client that is not authenticated.
            let caller = Caller::of(&request).await?;
            check_type(request.headers())?;

            let body = receive(&request, caller, payload).await?;
            Ok(Self {
                caller,
                bytes: body.bytes,
                held: Arc::new(body.held),
            })
        })
    }
}

/// Reads the body of a request by `caller`, whatever its type.
pub(super) async fn receive(
    request: &HttpRequest,
    caller: Caller,
    mut payload: dev::Payload,
) -> Result<ReceivedBody, ApiError> {
    let declared = Declared::read(request.headers());
    let state = request
        .app_data::<web::Data<State>>()
        .ok_or_else(|| ApiError::internal("a body without a state"))?;

    let limit = match request.app_data::<LargeBody>() {
        Some(LargeBody) => state.settings.max_body_size,
        None => MAX_SMALL_BODY.min(state.settings.max_body_size),
    };
    let length = declared.length.unwrap_or_default();
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    // Refused before it waits for room or is read.
    if length > limit {
        return Err(ApiError::too_large(limit));
    }

    let Some(encoding) = declared.encoding else {
        // Nothing needs no decoding. Of anything else, only the first bytes are read.
        if length > 0 || !is_empty(&mut payload).await {
            return Err(unknown_encoding(request.headers()));
        }
        let held = state.body_budget.admit(caller.account_id, 0).await?;
        return Ok(ReceivedBody {
            bytes: Bytes::new(),
            held,
        });
    };

    // Before the first byte is read, so a body that waits for room stays in the client's socket.
    let mut held = state.body_budget.admit(caller.account_id, length).await?;
    let bytes = tokio::time::timeout(BODY_TIMEOUT, read(payload, limit, &mut held))
        .await
        .map_err(|_| {
            let seconds = BODY_TIMEOUT.as_secs();
            ApiError::invalid_field("", format!("the body did not arrive within {seconds} s"))
        })??;

    match encoding {
        // Chunked or over HTTP/2, only the end tells that there is no body. Nothing needs no decoding.
        _ if bytes.is_empty() => Ok(ReceivedBody { bytes, held }),
        Encoding::Identity => Ok(ReceivedBody { bytes, held }),
        Encoding::Gzip => {
            // On the pool, because a few kilobytes may unpack to the whole limit. An account takes
            // turns with the others there.
            let unpack = move || unpack(&bytes, limit, held);
            state.work.run(caller.account_id, unpack).await?
        }
    }
}

/// Whether the body ends without a byte.
async fn is_empty(payload: &mut dev::Payload) -> bool {
    let first = async {
        loop {
            match payload.next().await {
                Some(Ok(chunk)) if chunk.is_empty() => {}
                next => return next,
            }
        }
    };

    matches!(tokio::time::timeout(BODY_TIMEOUT, first).await, Ok(None))
}

/// Reads the body as it arrives, up to `limit` bytes.
async fn read(
    mut payload: dev::Payload,
    limit: usize,
    held: &mut HeldBytes,
) -> Result<Bytes, ApiError> {
    let mut body = BytesMut::new();

    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| match error {
            PayloadError::Overflow => ApiError::too_large(limit),
            PayloadError::Incomplete(_) => ApiError::invalid_field(
                "",
                "the body ends before its Content-Length, or is not chunked as HTTP/1.1 has it",
            ),
            error => ApiError::invalid_field("", format!("the body can't be read: {error}")),
        })?;

        let length = body.len() + chunk.len();
        // A chunked body declares no length, so its limit is checked as it arrives.
        if length > limit {
            return Err(ApiError::too_large(limit));
        }
        held.grow_to(length)?;
        body.extend_from_slice(&chunk);
    }

    Ok(body.freeze())
}

/// A body that was read, and unpacked if it was compressed.
pub(super) struct ReceivedBody {
    pub bytes: Bytes,
    /// Its room in the budget.
    pub held: HeldBytes,
}

/// Decodes a body that is compressed with gzip, up to `limit` bytes.
fn unpack(packed: &[u8], limit: usize, mut held: HeldBytes) -> Result<ReceivedBody, ApiError> {
    // A gzip file may have several members, one after the other (RFC 1952, section 2.2).
    let mut decoder = MultiGzDecoder::new(packed);
    let mut chunk = vec![0; CHUNK];
    let mut text = BytesMut::new();

    loop {
        let count = decoder.read(&mut chunk).map_err(|error| {
            ApiError::invalid_field("", format!("the body is not valid gzip: {error}"))
        })?;
        if count == 0 {
            break;
        }

        let length = text.len() + count;
        if length > limit {
            return Err(ApiError::too_large(limit));
        }
        // The packed bytes stay in memory until the last byte is unpacked, so both count.
        held.grow_to(packed.len() + length)?;
        text.extend_from_slice(&chunk[..count]);
    }

    Ok(ReceivedBody {
        bytes: text.freeze(),
        held,
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use actix_web::http::StatusCode;
    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;
    use crate::http::body_budget::{BodyBudget, BodyBudgetSizes};
    use crate::model::id::AccountId;

    #[test]
    fn json_is_known_by_its_media_type() {
        for content_type in [
            "application/json",
            "Application/JSON",
            "application/json; charset=utf-8",
            "application/json;charset=UTF-8",
            " application/json ; profile=\"a;b\"",
            "application/vnd.api+json",
            "application/merge-patch+JSON; charset=utf-8",
        ] {
            assert!(is_json(content_type), "{content_type}");
        }
        for content_type in [
            "",
            "text/plain",
            "application/jsonp",
            "application/x-www-form-urlencoded",
            "json",
            "/+json",
            "application/+json",
            "text/plain; a=application/json",
        ] {
            assert!(!is_json(content_type), "{content_type}");
        }
    }

    #[test]
    fn only_gzip_is_decoded() {
        assert_eq!(encoding("GZIP"), Some(Encoding::Gzip));
        assert_eq!(encoding("x-gzip"), Some(Encoding::Gzip));
        assert_eq!(encoding("identity"), Some(Encoding::Identity));
        assert_eq!(encoding("br"), None);
        assert_eq!(encoding("gzip, gzip"), None);
    }

    #[test]
    fn a_blank_body_and_null_say_nothing() {
        for body in [
            "",
            " \r\n\t",
            "null",
            " null\n",
            "\u{feff}",
            "\u{feff} null",
        ] {
            assert!(says_nothing(body.as_bytes()), "{body:?}");
        }
        for body in ["{}", "[]", "nul", "null null", "\"\"", "0", "\0"] {
            assert!(!says_nothing(body.as_bytes()), "{body:?}");
        }
    }

    fn packed(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    #[tokio::test]
    async fn a_packed_body_is_held_to_the_limit_and_the_budget() {
        let budget = BodyBudget::new(BodyBudgetSizes {
            process: 1 << 20,
            account: 1 << 20,
        });
        let account_id = AccountId::generate();
        let unpack = async |bytes: &[u8], limit: usize| {
            let held = budget.admit(account_id, bytes.len()).await.unwrap();
            unpack(bytes, limit, held)
                .map(|unpacked| unpacked.bytes.len())
                .map_err(|error| actix_web::ResponseError::status_code(&error))
        };

        assert_eq!(unpack(&packed(b"{}"), 10).await, Ok(2));
        let bomb = packed(&vec![b' '; 4 << 20]);
        assert_eq!(
            unpack(&bomb, 1 << 16).await,
            Err(StatusCode::PAYLOAD_TOO_LARGE)
        );
        assert_eq!(
            unpack(&bomb, 8 << 20).await,
            Err(StatusCode::SERVICE_UNAVAILABLE)
        );
        assert_eq!(unpack(b"{}", 10).await, Err(StatusCode::BAD_REQUEST));
        let cut = &packed(b"{\"a\": 1}")[..12];
        assert_eq!(unpack(cut, 10).await, Err(StatusCode::BAD_REQUEST));
    }
}
