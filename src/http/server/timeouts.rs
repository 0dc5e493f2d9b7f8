//! Time limits of clients: for sending the head of a request, for the pause between two requests, and for
//! reading an answer. A slower connection is closed, so that it holds nothing for long.
//!
//! How long a body may take is decided where it is read (`http/body.rs`).

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

/// How long what a client still sends is read after the last answer, before its connection is closed:
/// a client that is sending reads the answer only if its connection is not reset.
const LINGER: Duration = Duration::from_secs(2);
/// How much is read then at most, in bytes.
const LINGER_BYTES: usize = 16 * 1024 * 1024;

/// How long a client may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClientTimeouts {
    /// From the first byte of a head, or from the beginning of a connection, to the end of the head.
    pub head: Duration,
    /// From the end of a request's work to the next request; within it the answer is read too.
    pub keep_alive: Duration,
    /// From a write for which there is no room to the next one for which there is.
    pub write: Duration,
}

/// What happens on a connection. The stream and the requests share it, on one thread.
pub(super) struct Activity {
    /// Requests that are being worked on.
    running: Cell<usize>,
    /// When the last request's work ended, or when the connection began.
    idle_since: Cell<Since>,
    /// When the first byte of a head arrived that has not ended.
    head_since: Cell<Option<Since>>,
    /// HTTP/2 has frames between requests too, so a byte need not be of a head.
    is_http2: Cell<bool>,
}

/// When something happened. The clock is not read at each event, but soon after, at the next check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Since {
    /// After the clock was read last.
    LastCheck,
    Time(Instant),
}

impl Since {
    /// The time, if the check is at `now`.
    fn at(self, now: Instant) -> Instant {
        match self {
            Self::LastCheck => now,
            Self::Time(time) => time,
        }
    }
}

/// A request that is being worked on, until it is dropped.
pub(super) struct Running(Rc<Activity>);

impl Activity {
    /// Of a connection that began at `began`.
    pub(super) fn new(began: Instant) -> Rc<Self> {
        Rc::new(Self {
            running: Cell::new(0),
            idle_since: Cell::new(Since::Time(began)),
            head_since: Cell::new(Some(Since::Time(began))),
            is_http2: Cell::new(false),
        })
    }

    /// The head of a request has arrived.
    pub(super) fn begin(self: &Rc<Self>, is_http2: bool) -> Running {
        self.running.set(self.running.get() + 1);
        self.head_since.set(None);
        self.is_http2.set(is_http2);

        Running(Rc::clone(self))
    }

    /// Bytes have arrived.
    fn received(&self) {
        // During a request, bytes are its body, or a later request that waits for its turn.
        if self.running.get() == 0 && !self.is_http2.get() && self.head_since.get().is_none() {
            self.head_since.set(Some(Since::LastCheck));
        }
    }

    fn is_running(&self) -> bool {
        self.running.get() > 0
    }

    /// The time by which the client must act. `now`: the time of this check.
    fn deadline(
        &self,
        now: Instant,
        blocked_since: Option<Instant>,
        timeouts: &ClientTimeouts,
    ) -> Option<Instant> {
        let write = blocked_since.map(|since| since + timeouts.write);
        // A slow body ends where it is read. Here the client can only be late in reading an answer.
        if self.is_running() {
            return write;
        }

        let head_since = self.head_since.get().map(|since| since.at(now));
        let idle_since = self.idle_since.get().at(now);
        self.head_since.set(head_since.map(Since::Time));
        self.idle_since.set(Since::Time(idle_since));

        let head = head_since.map(|since| since + timeouts.head);
        let next = Some(idle_since + timeouts.keep_alive);
        [write, head, next].into_iter().flatten().min()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let activity = &self.0;

        activity.running.set(activity.running.get() - 1);
        activity.idle_since.set(Since::LastCheck);
    }
}

/// A stream that fails when its client's time is over.
pub(super) struct TimedStream {
    stream: TcpStream,
    activity: Rc<Activity>,
    timeouts: ClientTimeouts,
    timer: Pin<Box<Sleep>>,
    /// Since when there is no room for a write.
    blocked_since: Option<Instant>,
    /// Set once nothing more is written.
    linger: Option<Linger>,
}

struct Linger {
    until: Pin<Box<Sleep>>,
    room: usize,
}

impl TimedStream {
    pub(super) fn new(stream: TcpStream, activity: Rc<Activity>, timeouts: ClientTimeouts) -> Self {
        Self {
            stream,
            activity,
            timeouts,
            timer: Box::pin(tokio::time::sleep(timeouts.head)),
            blocked_since: None,
            linger: None,
        }
    }

    /// Fails if the client's time is over; else the task is woken when it may be.
    fn check_deadline(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if self.activity.is_running() && self.blocked_since.is_none() {
            return Ok(());
        }

        let now = Instant::now();
        let deadline = self
            .activity
            .deadline(now, self.blocked_since, &self.timeouts);
        let Some(deadline) = deadline else {
            return Ok(());
        };

        if deadline <= now {
            // What was not read yet is given up at once, and not kept by the kernel.
            let _ = self.stream.set_zero_linger();
            return Err(io::ErrorKind::TimedOut.into());
        }

        // A timer that fires too early is set again; that is cheaper than to set it at every read.
        let set_to = self.timer.deadline().into_std();
        if set_to > deadline || set_to <= now {
            self.timer.as_mut().reset(deadline.into());
        }
        // The timer's time has come since the clock was read. The next poll decides again.
        if self.timer.as_mut().poll(cx).is_ready() {
            cx.waker().wake_by_ref();
        }
        Ok(())
    }

    fn wrote(
        &mut self,
        cx: &mut Context<'_>,
        poll: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match poll {
            Poll::Ready(_) => self.blocked_since = None,
            Poll::Pending => {
                self.blocked_since.get_or_insert_with(Instant::now);
                self.check_deadline(cx)?;
            }
        }

        poll
    }
}

impl AsyncRead for TimedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();

        match Pin::new(&mut self.stream).poll_read(cx, buffer) {
            Poll::Ready(read) => {
                if buffer.filled().len() > before {
                    self.activity.received();
                }
                Poll::Ready(read)
            }
            Poll::Pending => {
                self.check_deadline(cx)?;
                Poll::Pending
            }
        }
    }
}

impl AsyncWrite for TimedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.wrote(cx, poll)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.wrote(cx, poll)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    /// Says that nothing more is written, and reads what the client still sends for a moment.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.linger.is_none() {
            ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
            self.linger = Some(Linger {
                until: Box::pin(tokio::time::sleep(LINGER)),
                room: LINGER_BYTES,
            });
        }

        let Self { stream, linger, .. } = &mut *self;
        let Some(Linger { until, room }) = linger else {
            return Poll::Ready(Ok(()));
        };

        let mut bytes = [0; 4096];
        loop {
            if until.as_mut().poll(cx).is_ready() || *room == 0 {
                return Poll::Ready(Ok(()));
            }

            let mut buffer = ReadBuf::new(&mut bytes);
            match ready!(Pin::new(&mut *stream).poll_read(cx, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => {
                    *room = room.saturating_sub(buffer.filled().len());
                }
                // The client has closed its side too, or is gone.
                Ok(()) | Err(_) => return Poll::Ready(Ok(())),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUTS: ClientTimeouts = ClientTimeouts {
        head: Duration::from_secs(10),
        keep_alive: Duration::from_secs(60),
        write: Duration::from_secs(20),
    };

    /// The deadline at a check `after` seconds after `began`, in seconds after `began`.
    fn seconds(
        activity: &Activity,
        after: u64,
        blocked_since: Option<Instant>,
        began: Instant,
    ) -> Option<u64> {
        let now = began + Duration::from_secs(after);
        let deadline = activity.deadline(now, blocked_since, &TIMEOUTS)?;

        Some((deadline - began).as_secs())
    }

    #[test]
    fn a_client_has_time_for_what_it_is_doing() {
        let began = Instant::now();
        let activity = Activity::new(began);
        assert_eq!(
            seconds(&activity, 3, None, began),
            Some(10),
            "the first head"
        );

        let running = activity.begin(false);
        assert_eq!(
            seconds(&activity, 4, None, began),
            None,
            "work takes its time"
        );
        assert_eq!(seconds(&activity, 4, Some(began), began), Some(20));

        drop(running);
        assert_eq!(
            seconds(&activity, 5, None, began),
            Some(65),
            "the next request"
        );
        assert_eq!(seconds(&activity, 9, None, began), Some(65));
        activity.received();
        assert_eq!(
            seconds(&activity, 30, None, began),
            Some(40),
            "the next head"
        );
        activity.received();
        assert_eq!(seconds(&activity, 39, None, began), Some(40));
    }

    #[test]
    fn frames_between_requests_of_http2_begin_no_head() {
        let began = Instant::now();
        let activity = Activity::new(began);
        drop(activity.begin(true));

        activity.received();

        assert_eq!(seconds(&activity, 0, None, began), Some(60));
    }
}
