//! What is known of one connection's progress, and the limits on the time it may take.
//!
//! The HTTP library has a timer for heads only, and it runs on idle connections too. Here three waits are told apart: for
//! the next request, for the rest of a head, for the client to take an answer. A connection in ordinary use sets no timer
//! per request: the one it has is moved only when something becomes due earlier, and looks again when it fires.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::framing::Framing;
use crate::limits::Limits;

/// The progress of one connection, shared by its stream, its requests and its supervisor. Times are milliseconds since it
/// was opened; 0 in the last two means "not now".
pub(super) struct Progress {
    opened: Instant,
    requests: AtomicU32,
    idle_since: AtomicU64,
    head_since: AtomicU64,
    stall_since: AtomicU64,
}

/// What a connection waits for while no request is worked on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wait {
    /// The next request.
    Request,
    /// The rest of a head.
    Head,
    /// The client, to take more of an answer.
    Write,
}

/// One request under way; it ends when this is dropped.
pub(super) struct Underway(Arc<Progress>);

impl Progress {
    pub(super) fn new() -> Self {
        Progress {
            opened: Instant::now(),
            requests: AtomicU32::new(0),
            idle_since: AtomicU64::new(0),
            head_since: AtomicU64::new(0),
            stall_since: AtomicU64::new(0),
        }
    }

    pub(super) fn begin(self: &Arc<Self>) -> Underway {
        self.requests.fetch_add(1, Relaxed);
        Underway(self.clone())
    }

    /// What the connection waits for and until when at most; none while a request is worked on, which has a limit of its
    /// own.
    pub(super) fn due(&self, limits: &Limits) -> Option<(Wait, Instant)> {
        let stall_since = self.stall_since.load(Relaxed);
        let head_since = self.head_since.load(Relaxed);
        let (wait, since, time_max) = if stall_since != 0 {
            (Wait::Write, stall_since, limits.write_stall_time_max)
        } else if self.requests.load(Relaxed) != 0 {
            return None;
        } else if head_since != 0 {
            (Wait::Head, head_since, limits.head_time_max)
        } else {
            (Wait::Request, self.idle_since.load(Relaxed), limits.idle_time_max)
        };
        Some((wait, self.opened + Duration::from_millis(since) + time_max))
    }

    pub(super) fn opened(&self) -> Instant {
        self.opened
    }

    fn now(&self) -> u64 {
        // Never 0, which means "not now".
        u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX).max(1)
    }

    fn note_head(&self, in_head: bool) {
        if !in_head {
            self.head_since.store(0, Relaxed);
        } else if self.head_since.load(Relaxed) == 0 {
            self.head_since.store(self.now(), Relaxed);
        }
    }

    fn note_write(&self, pending: bool) {
        let stalled = self.stall_since.load(Relaxed) != 0;
        if pending && !stalled {
            self.stall_since.store(self.now(), Relaxed);
        } else if !pending && stalled {
            self.stall_since.store(0, Relaxed);
        }
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        if self.0.requests.fetch_sub(1, Relaxed) == 1 {
            self.0.idle_since.store(self.0.now(), Relaxed);
        }
    }
}

/// A byte stream that reports its progress, and on HTTP/1 has its framing followed.
pub(super) struct Watched<S> {
    stream: S,
    progress: Arc<Progress>,
    framing: Option<Framing>,
}

impl<S> Watched<S> {
    pub(super) fn new(stream: S, progress: Arc<Progress>, framing: Option<Framing>) -> Self {
        Watched { stream, progress, framing }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let watched = self.get_mut();
        let before = buffer.filled().len();
        ready!(Pin::new(&mut watched.stream).poll_read(cx, buffer))?;
        if let Some(framing) = &mut watched.framing {
            framing.see(&mut buffer.filled_mut()[before..]);
            watched.progress.note_head(framing.in_head());
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let watched = self.get_mut();
        let written = Pin::new(&mut watched.stream).poll_write(cx, bytes);
        watched.progress.note_write(written.is_pending());
        written
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let watched = self.get_mut();
        let written = Pin::new(&mut watched.stream).poll_write_vectored(cx, slices);
        watched.progress.note_write(written.is_pending());
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let watched = self.get_mut();
        let flushed = Pin::new(&mut watched.stream).poll_flush(cx);
        watched.progress.note_write(flushed.is_pending());
        flushed
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
