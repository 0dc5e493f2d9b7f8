//! APNs allows one stream on a connection until it has answered a request with a valid provider token,
//! and says so in its SETTINGS. h2 can't change a server's stream limit once a connection is open, so
//! this changes the frames beneath it: the first SETTINGS allow one stream, and further ones, of which h2
//! does not know, raise the limit.
//!
//! A limit binds a client as soon as it knows of it (RFC 9113, section 6.5.3). Node begins 100 streams
//! before it has read any SETTINGS, so this notes the last stream that began before the client
//! acknowledged them.
//!
//! Frames: <https://www.rfc-editor.org/rfc/rfc9113#section-4.1>, SETTINGS:
//! <https://www.rfc-editor.org/rfc/rfc9113#section-6.5>.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::dev::simulator::rewriting::{Rewrite, Rewritten};

const HEADER: usize = 9;
const PREFACE: usize = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".len();
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const ACK: u8 = 1;
const MAX_CONCURRENT_STREAMS: u16 = 3;
/// Bytes of one setting: its id and its value.
const SETTING: usize = 6;
/// Bytes that may wait to be written before the writer has to wait.
const MAX_PENDING: usize = 64 * 1024;

/// What a connection and those that serve its requests know of each other.
#[derive(Clone)]
pub(super) struct Shared {
    /// Whether all streams are allowed now.
    pub(super) is_trusted: Arc<AtomicBool>,
    /// The last stream that the client began before it acknowledged the first SETTINGS; `u32::MAX`
    /// until it does.
    pub(super) last_unlimited: Arc<AtomicU32>,
}

impl Shared {
    pub(super) fn new(is_trusted: bool) -> Self {
        Self {
            is_trusted: Arc::new(AtomicBool::new(is_trusted)),
            last_unlimited: Arc::new(AtomicU32::new(u32::MAX)),
        }
    }
}

/// A server's side of an HTTP/2 connection whose client is allowed one stream at first.
pub(super) struct OneStreamFirst<S> {
    inner: S,
    shared: Shared,
    streams: u32,
    outgoing: Outgoing,
    incoming: Incoming,
    rewritten: Rewritten,
}

/// What the server sends.
struct Outgoing {
    /// Where the frames are; `None`: the limit has been raised, and no frame need be known any more.
    frames: Option<Frames>,
    is_first: bool,
    pending: BytesMut,
}

/// What the client sends.
struct Incoming {
    /// `None`: the acknowledgement that h2 does not expect has been taken out.
    frames: Option<Frames>,
    /// The beginning of a frame's header, which is passed on when the rest has arrived.
    held: Vec<u8>,
    acknowledged: u32,
    /// The highest stream that the client has begun.
    last_stream: u32,
    last_unlimited: Arc<AtomicU32>,
}

/// Finds the frames in a stream of bytes.
struct Frames {
    /// Bytes until the next frame's header.
    left: usize,
}

impl<S> OneStreamFirst<S> {
    /// `streams`: how many the client may have as soon as it is trusted.
    pub(super) fn new(inner: S, streams: u32, shared: Shared) -> Self {
        let last_unlimited = Arc::clone(&shared.last_unlimited);

        Self {
            inner,
            shared,
            streams,
            outgoing: Outgoing {
                frames: Some(Frames { left: 0 }),
                is_first: true,
                pending: BytesMut::new(),
            },
            incoming: Incoming {
                frames: Some(Frames { left: PREFACE }),
                held: Vec::new(),
                acknowledged: 0,
                last_stream: 0,
                last_unlimited,
            },
            rewritten: Rewritten::default(),
        }
    }
}

fn payload_len(header: &[u8]) -> usize {
    let length = |index: usize| header.get(index).copied().unwrap_or_default();

    u32::from_be_bytes([0, length(0), length(1), length(2)]) as usize
}

/// The stream that a frame begins, if it begins one.
fn begun_stream(header: &[u8]) -> Option<u32> {
    let &[_, _, _, HEADERS, _, a, b, c, d] = header else {
        return None;
    };

    Some(u32::from_be_bytes([a, b, c, d]) & 0x7fff_ffff)
}

fn is_settings_ack(header: &[u8]) -> bool {
    header.get(3) == Some(&SETTINGS) && header.get(4).is_some_and(|flags| flags & ACK != 0)
}

impl Outgoing {
    /// Takes over what the server writes.
    fn push(&mut self, written: &[u8], streams: u32, is_trusted: bool) {
        let Some(frames) = &mut self.frames else {
            self.pending.extend_from_slice(written);
            return;
        };

        // Only between two frames of the server: inside of one, the client would read it as its
        // payload.
        if is_trusted && !self.is_first && frames.left == 0 {
            self.pending.extend_from_slice(&allow(streams));
            self.pending.extend_from_slice(written);
            self.frames = None;
            return;
        }

        // The server writes its first frame, SETTINGS, and every header as a whole.
        let begin = self.pending.len();
        self.pending.extend_from_slice(written);
        if std::mem::take(&mut self.is_first)
            && let Some(settings) = self.pending.get_mut(begin..)
        {
            allow_one(settings);
        }
        frames.skip(written);
    }
}

impl Frames {
    /// Goes on past `bytes`.
    fn skip(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.left == 0 {
                self.left = HEADER + payload_len(bytes);
            }

            let taken = self.left.min(bytes.len());
            self.left -= taken;
            bytes = bytes.get(taken..).unwrap_or_default();
        }
    }
}

/// A SETTINGS frame that allows `streams`.
fn allow(streams: u32) -> Vec<u8> {
    let mut frame = vec![0, 0, SETTING as u8, SETTINGS, 0, 0, 0, 0, 0];
    frame.extend(MAX_CONCURRENT_STREAMS.to_be_bytes());
    frame.extend(streams.to_be_bytes());
    frame
}

/// Makes the SETTINGS frame at the beginning of `bytes` allow one stream.
fn allow_one(bytes: &mut [u8]) {
    let end = HEADER + payload_len(bytes);
    let Some(settings) = bytes.get_mut(HEADER..end) else {
        return;
    };

    for setting in settings.chunks_exact_mut(SETTING) {
        if setting.starts_with(&MAX_CONCURRENT_STREAMS.to_be_bytes())
            && let Some(value) = setting.get_mut(2..)
        {
            value.copy_from_slice(&1_u32.to_be_bytes());
        }
    }
}

impl Rewrite for Incoming {
    fn is_done(&self) -> bool {
        self.frames.is_none() && self.held.is_empty()
    }

    fn take_held(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.held)
    }

    /// Takes the second acknowledgement of SETTINGS out, and keeps a header that is not whole.
    fn rewrite(&mut self, bytes: &mut [u8]) -> usize {
        let mut read = 0;
        let mut kept = 0;

        while let Some(frames) = &mut self.frames
            && read < bytes.len()
        {
            if frames.left == 0 {
                let rest = bytes.get(read..).unwrap_or_default();
                let Some(header) = rest.get(..HEADER) else {
                    self.held = rest.to_vec();
                    return kept;
                };

                if let Some(stream) = begun_stream(header) {
                    self.last_stream = self.last_stream.max(stream);
                }
                if is_settings_ack(header) {
                    self.acknowledged += 1;
                    if self.acknowledged == 1 {
                        self.last_unlimited
                            .store(self.last_stream, Ordering::Relaxed);
                    }
                }
                // h2 has sent one SETTINGS frame, and takes a second acknowledgement for a breach
                // of the protocol.
                if self.acknowledged == 2 {
                    read += HEADER;
                    self.frames = None;
                    break;
                }
                frames.left = HEADER + payload_len(header);
            }

            let taken = frames.left.min(bytes.len() - read);
            bytes.copy_within(read..read + taken, kept);
            frames.left -= taken;
            read += taken;
            kept += taken;
        }

        bytes.copy_within(read.., kept);
        kept + bytes.len() - read
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for OneStreamFirst<S> {
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

impl<S: AsyncWrite + Unpin> OneStreamFirst<S> {
    fn poll_pending(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.outgoing.pending.is_empty() {
            let written =
                ready!(Pin::new(&mut self.inner).poll_write(context, &self.outgoing.pending))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.outgoing.pending.advance(written);
        }

        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for OneStreamFirst<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.outgoing.pending.len() >= MAX_PENDING {
            ready!(this.poll_pending(context))?;
        }

        // Nothing stands between the server and the socket any more.
        if this.outgoing.frames.is_none() && this.outgoing.pending.is_empty() {
            return Pin::new(&mut this.inner).poll_write(context, bytes);
        }

        let is_trusted = this.shared.is_trusted.load(Ordering::Relaxed);
        // All bytes count as written: what the socket does not take waits here, and a flush sends
        // it.
        this.outgoing.push(bytes, this.streams, is_trusted);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_pending(context))?;

        Pin::new(&mut this.inner).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_pending(context))?;

        Pin::new(&mut this.inner).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![0, 0, payload.len() as u8, kind, flags, 0, 0, 0, 0];
        frame.extend(payload);
        frame
    }

    #[test]
    fn the_first_settings_allow_one_stream_and_later_ones_all() {
        let mut outgoing = OneStreamFirst::new((), 1000, Shared::new(false)).outgoing;
        let headers = frame(1, 4, &[0x88]);

        outgoing.push(&allow(1000), 1000, false);
        assert_eq!(outgoing.pending, allow(1));
        outgoing.pending.clear();

        outgoing.push(&headers, 1000, false);
        outgoing.push(&headers, 1000, true);
        assert_eq!(
            outgoing.pending,
            [headers.clone(), allow(1000), headers].concat()
        );
    }

    #[test]
    fn streams_that_begin_before_the_client_knows_of_the_limit_are_noted() {
        let mut incoming = OneStreamFirst::new((), 1000, Shared::new(false)).incoming;
        let begin = |stream: u8| {
            let mut headers = frame(HEADERS, 5, b"hello");
            headers[8] = stream;
            headers
        };
        let ack = frame(SETTINGS, ACK, b"");

        let before = [&[b'x'; PREFACE][..], &begin(1), &begin(3)].concat();
        incoming.rewrite(&mut before.clone());
        assert_eq!(incoming.last_unlimited.load(Ordering::Relaxed), u32::MAX);

        incoming.rewrite(&mut [ack, begin(5)].concat());
        assert_eq!(incoming.last_unlimited.load(Ordering::Relaxed), 3);
    }

    #[test]
    fn settings_come_between_frames_only() {
        let mut outgoing = OneStreamFirst::new((), 1000, Shared::new(false)).outgoing;
        outgoing.push(&allow(1000), 1000, false);
        outgoing.pending.clear();

        let data = frame(0, 1, b"hello");
        outgoing.push(&data[..HEADER], 1000, false);
        outgoing.push(&data[HEADER..], 1000, true);
        outgoing.push(&data, 1000, true);
        assert_eq!(outgoing.pending, [data.clone(), allow(1000), data].concat());
    }

    #[test]
    fn the_second_acknowledgement_is_taken_out_however_the_bytes_arrive() {
        let ack = frame(SETTINGS, ACK, b"");
        let headers = frame(1, 5, b"hello");
        let preface = [b'x'; PREFACE];
        let sent = [
            &preface[..],
            &allow(7),
            &ack,
            &headers,
            &ack,
            &headers,
            &ack,
        ]
        .concat();
        let expected = [&preface[..], &allow(7), &ack, &headers, &headers, &ack].concat();

        for size in 1..sent.len() {
            let mut incoming = OneStreamFirst::new((), 1000, Shared::new(false)).incoming;
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
