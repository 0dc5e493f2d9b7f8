//! The scheme of an HTTP/2 request is `https`. firebase-admin for Node sends `https:`, and Google's
//! servers take it, while h2 calls it a breach of the protocol. This changes the bytes beneath h2: it
//! writes the right scheme, in a form that is just as long.
//!
//! Frames: <https://www.rfc-editor.org/rfc/rfc9113#section-4.1>, strings in headers:
//! <https://www.rfc-editor.org/rfc/rfc7541#section-5.2>.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::dev::simulator::rewriting::{Rewrite, Rewritten};

const HEADER: usize = 9;
const PREFACE: usize = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".len();
const HEADERS: u8 = 1;

/// `https:` in Huffman's code, behind its length of 5 bytes.
const WRONG: [u8; 6] = [0x85, 0x9d, 0x29, 0xad, 0x17, 0x3f];
/// `https` as it is, behind its length of 5 bytes.
const RIGHT: [u8; 6] = *b"\x05https";

/// A server's side of an HTTP/2 connection.
pub(super) struct TolerantScheme<S> {
    inner: S,
    incoming: Incoming,
    rewritten: Rewritten,
}

/// What the client sends.
struct Incoming {
    /// Bytes of the present frame that have not arrived.
    left: usize,
    is_headers: bool,
    /// The beginning of a frame's header or of a scheme, which is passed on when the rest has
    /// arrived.
    held: Vec<u8>,
}

impl<S> TolerantScheme<S> {
    pub(super) fn new(inner: S) -> Self {
        Self {
            inner,
            incoming: Incoming {
                left: PREFACE,
                is_headers: false,
                held: Vec::new(),
            },
            rewritten: Rewritten::default(),
        }
    }
}

impl Rewrite for Incoming {
    fn is_done(&self) -> bool {
        false
    }

    fn take_held(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.held)
    }

    fn rewrite(&mut self, bytes: &mut [u8]) -> usize {
        let mut read = 0;

        while let Some(rest) = bytes.get_mut(read..)
            && !rest.is_empty()
        {
            if self.left == 0 {
                let Some(&[_, a, b, kind]) = rest.get(..4).filter(|_| rest.len() >= HEADER) else {
                    return self.hold(bytes, read);
                };
                // A third byte of the length is 0: frames have up to 16 KiB.
                self.is_headers = kind == HEADERS;
                self.left = HEADER + usize::from(u16::from_be_bytes([a, b]));
            }

            let taken = self.left.min(rest.len());
            let is_whole = taken == self.left;
            let frame = rest.get_mut(..taken).unwrap_or_default();
            let mut unfinished = 0;
            if self.is_headers {
                replace(frame);
                unfinished = if is_whole { 0 } else { unfinished_len(frame) };
            }

            self.left -= taken - unfinished;
            read += taken - unfinished;
            if unfinished > 0 {
                return self.hold(bytes, read);
            }
        }
        read
    }
}

impl Incoming {
    /// Keeps what follows the first `read` bytes for later.
    fn hold(&mut self, bytes: &[u8], read: usize) -> usize {
        self.held = bytes.get(read..).unwrap_or_default().to_vec();
        read
    }
}

/// Replaces every wrong scheme.
fn replace(frame: &mut [u8]) {
    // Anywhere in the frame: HPACK does not mark where a field begins.
    let mut at = 0;
    while let Some(place) = frame.get_mut(at..at + WRONG.len()) {
        if place == WRONG {
            place.copy_from_slice(&RIGHT);
        }
        at += 1;
    }
}

/// How many bytes at the end may be the beginning of a wrong scheme.
fn unfinished_len(frame: &[u8]) -> usize {
    (1..WRONG.len())
        .rev()
        .find(|length| {
            WRONG
                .get(..*length)
                .is_some_and(|begin| frame.ends_with(begin))
        })
        .unwrap_or(0)
}

impl<S: AsyncRead + Unpin> AsyncRead for TolerantScheme<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.rewritten
            .poll_read(&mut this.inner, &mut this.incoming, context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for TolerantScheme<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().inner).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![0, 0, payload.len() as u8, kind, 0, 0, 0, 0, 1];
        frame.extend(payload);
        frame
    }

    #[test]
    fn the_scheme_of_headers_is_replaced_however_the_bytes_arrive() {
        let with = |scheme: &[u8]| [b"\x83\x46", scheme, b"\x84"].concat();
        let sent = [
            vec![b'x'; PREFACE],
            frame(HEADERS, &with(&WRONG)),
            frame(0, &with(&WRONG)),
            frame(HEADERS, &with(&WRONG[..3])),
            frame(HEADERS, &with(&WRONG)),
        ]
        .concat();
        let expected = [
            vec![b'x'; PREFACE],
            frame(HEADERS, &with(&RIGHT)),
            frame(0, &with(&WRONG)),
            frame(HEADERS, &with(&WRONG[..3])),
            frame(HEADERS, &with(&RIGHT)),
        ]
        .concat();

        for size in 1..sent.len() {
            let mut incoming = TolerantScheme::new(()).incoming;
            let mut received: Vec<u8> = Vec::new();
            for chunk in sent.chunks(size) {
                let mut bytes = std::mem::take(&mut incoming.held);
                bytes.extend(chunk);
                let kept = incoming.rewrite(&mut bytes);
                received.extend_from_slice(&bytes[..kept]);
            }
            assert_eq!(received, expected, "{size} at a time");
        }
    }
}
