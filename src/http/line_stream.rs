//! Answers that are streams of lines. They read page by page as the client takes them, so they need the
//! memory of one page, and a slow client holds no connection to Postgres.

use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt};

use crate::http::error::ApiError;

/// What is left of a stream.
pub(super) trait LinePages {
    /// The lines of the next page; `None` after the last.
    async fn next(&mut self) -> Result<Option<Bytes>, ApiError>;
}

/// A stream of `head`, the first page if it was read already, and `pages`.
pub(super) fn line_stream(
    head: String,
    first: Option<Bytes>,
    pages: impl LinePages + 'static,
) -> impl Stream<Item = Result<Bytes, ApiError>> + 'static {
    let rest = stream::try_unfold(pages, |mut pages| async move {
        // An error breaks the connection off: the client must not take a part for the whole.
        let lines = pages.next().await?;
        Ok::<_, ApiError>(lines.map(|lines| (lines, pages)))
    });

    stream::iter([Ok(Bytes::from(head))])
        .chain(stream::iter(first.map(Ok)))
        .chain(rest)
}
