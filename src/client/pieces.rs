//! The body of an answer, which comes in pieces.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Body;
use tokio::time::timeout;

/// The next piece of `body`; `None`: it has ended. Fails with the reason if the connection breaks off, or
/// is silent for longer than `silent_for`: a peer that is gone without a word would be waited for
/// without an end.
pub(super) async fn next_piece<B>(
    body: &mut B,
    silent_for: Duration,
) -> Result<Option<Bytes>, String>
where
    B: Body<Data = Bytes> + Unpin,
{
    loop {
        let frame = match timeout(silent_for, body.frame()).await {
            Ok(Some(Ok(frame))) => frame,
            Ok(Some(Err(_))) => return Err("the connection broke off".to_owned()),
            Ok(None) => return Ok(None),
            Err(_) => return Err(format!("nothing came for {} s", silent_for.as_secs())),
        };

        // Anything else is trailers.
        if let Ok(piece) = frame.into_data() {
            return Ok(Some(piece));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::stream::{self, StreamExt};
    use http_body_util::StreamBody;
    use hyper::body::Frame;

    use super::*;

    #[tokio::test]
    async fn a_body_that_falls_silent_is_given_up() {
        let piece = Ok::<_, Infallible>(Frame::data(Bytes::from_static(b"a")));
        let silent = stream::iter([piece]).chain(stream::pending());
        let mut body = StreamBody::new(silent);

        let silent_for = Duration::from_millis(20);
        assert_eq!(
            next_piece(&mut body, silent_for).await,
            Ok(Some(Bytes::from_static(b"a")))
        );
        let reason = next_piece(&mut body, silent_for).await.unwrap_err();
        assert!(reason.contains("nothing came"), "{reason}");
    }

    #[tokio::test]
    async fn a_body_that_ends_has_no_other_piece() {
        let mut body = http_body_util::Full::new(Bytes::from_static(b"a"));
        let silent_for = Duration::from_secs(5);

        assert!(next_piece(&mut body, silent_for).await.unwrap().is_some());
        assert_eq!(next_piece(&mut body, silent_for).await, Ok(None));
    }
}
