//! Reads what a client sends, and changes it on its way to h2.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use tokio::io::{AsyncRead, ReadBuf};

/// Bytes that are read at a time.
const CHUNK: usize = 16 * 1024;

/// What changes the bytes.
pub(super) trait Rewrite {
    /// Whether nothing that comes will be changed.
    fn is_done(&self) -> bool;

    /// Takes out what was kept back.
    fn take_held(&mut self) -> Vec<u8>;

    /// Changes `bytes`, and keeps an end back of which too little has arrived. Returns how many bytes
    /// are left, at the beginning.
    fn rewrite(&mut self, bytes: &mut [u8]) -> usize;
}

/// Bytes that were changed and not read yet. h2 often reads a few bytes at a time.
#[derive(Default)]
pub(super) struct Rewritten(BytesMut);

impl Rewritten {
    pub(super) fn poll_read(
        &mut self,
        inner: &mut (impl AsyncRead + Unpin),
        rewrite: &mut impl Rewrite,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let bytes = &mut self.0;

        // A read may bring nothing but bytes that are held. An empty result would mean the end.
        while bytes.is_empty() {
            if rewrite.is_done() {
                return Pin::new(inner).poll_read(context, buffer);
            }

            let mut chunk = [0; CHUNK];
            let mut read = ReadBuf::new(&mut chunk);
            ready!(Pin::new(&mut *inner).poll_read(context, &mut read))?;
            if read.filled().is_empty() {
                // The client has closed the connection.
                return Poll::Ready(Ok(()));
            }

            bytes.extend(rewrite.take_held());
            bytes.extend_from_slice(read.filled());
            let kept = rewrite.rewrite(bytes);
            bytes.truncate(kept);
        }

        let length = bytes.len().min(buffer.remaining());
        buffer.put_slice(&bytes.split_to(length));
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;

    /// Keeps the last byte back, whatever it is.
    #[derive(Default)]
    struct OneBehind(Vec<u8>);

    impl Rewrite for OneBehind {
        fn is_done(&self) -> bool {
            false
        }

        fn take_held(&mut self) -> Vec<u8> {
            std::mem::take(&mut self.0)
        }

        fn rewrite(&mut self, bytes: &mut [u8]) -> usize {
            let kept = bytes.len() - 1;
            self.0 = bytes[kept..].to_vec();
            kept
        }
    }

    struct Reader {
        inner: &'static [u8],
        rewrite: OneBehind,
        rewritten: Rewritten,
    }

    impl AsyncRead for Reader {
        fn poll_read(
            self: Pin<&mut Self>,
            context: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            let this = self.get_mut();
            this.rewritten
                .poll_read(&mut this.inner, &mut this.rewrite, context, buffer)
        }
    }

    #[tokio::test]
    async fn a_reader_with_little_room_loses_nothing() {
        let mut reader = Reader {
            inner: b"hello",
            rewrite: OneBehind::default(),
            rewritten: Rewritten::default(),
        };
        let mut byte = [0; 1];
        let mut received = Vec::new();

        while reader.read(&mut byte).await.unwrap() == 1 {
            received.push(byte[0]);
        }
        assert_eq!(received, b"hell");
    }
}
