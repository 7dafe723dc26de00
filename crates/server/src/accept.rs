//! The accept loop: connections in, requests out to the router, and an orderly end.
//!
//! It is our own because the framework's has no limits on time, number or age of connections. The HTTP version is known
//! before the first byte (HTTP/2 by ALPN only, never without TLS), so nothing has to be guessed from what a client sends.
//! What a request means is not decided here.

mod admission;
mod framing;
mod watch;

#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use axum::http::header::STRICT_TRANSPORT_SECURITY;
use axum::http::{HeaderValue, Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch as signal};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tower::Service;

use self::admission::{Admission, Place};
use self::framing::Framing;
use self::watch::{Progress, Wait, Watched};
use crate::limits::Limits;
use crate::tls::Tls;

/// How long a HTTP/2 client may leave a ping unanswered, and how often one is sent.
const PING_TIME_MAX: Duration = Duration::from_secs(10);
const PING_PERIOD: Duration = Duration::from_secs(30);

/// The smallest buffer the HTTP library takes.
const BUFFER_BYTES_MIN: usize = 8192;

const STREAM_WINDOW_BYTES: u32 = 64 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;

/// Refused connections that are being told so at one moment; the rest are closed without a word.
const REFUSALS_MAX: usize = 64;
const REFUSAL: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

/// What protects the connections of a listener.
pub enum Transport {
    /// TLS, on any address.
    Tls(Tls),
    /// Plain HTTP on a loopback address.
    Loopback,
    /// Plain HTTP on any address. Keys and personal data travel readable: for a trusted network and by explicit wish only.
    InsecureHttp,
}

/// A bound socket that serves nothing yet.
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    tls: Option<Tls>,
    limits: Limits,
    admission: Arc<Admission>,
}

/// The connections of a listener, for whoever counts them.
#[derive(Clone)]
pub struct Connections(Arc<Admission>);

/// How many connections a listener has and had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionCounts {
    /// Open now.
    pub open: u64,
    /// Taken since the start.
    pub accepted: u64,
    /// Turned away since the start, for want of a place.
    pub refused: u64,
}

impl Connections {
    /// The counts at this moment.
    pub fn counts(&self) -> ConnectionCounts {
        self.0.counts()
    }
}

/// Why a listener could not be bound.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// Plain HTTP was asked for on an address others can reach.
    #[error("{0} is not a loopback address, and without TLS keys and personal data would travel readable")]
    NotLoopback(SocketAddr),
    /// The operating system refused.
    #[error("cannot listen on {address}: {source}")]
    Refused {
        /// The address asked for.
        address: SocketAddr,
        /// What the operating system said.
        source: io::Error,
    },
}

/// How the connections ended after the listener was told to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Connections whose last request did not end within the time allowed.
    pub cut: usize,
}

impl Listener {
    /// Binds `address`. Port 0 takes any free port; [`Listener::address`] says which.
    ///
    /// # Errors
    ///
    /// When the address would need TLS, or the operating system refuses it.
    pub async fn bind(address: SocketAddr, transport: Transport, limits: Limits) -> Result<Self, BindError> {
        let tls = match transport {
            Transport::Tls(tls) => Some(tls),
            Transport::Loopback if !address.ip().is_loopback() => return Err(BindError::NotLoopback(address)),
            Transport::Loopback | Transport::InsecureHttp => None,
        };
        let refused = |source| BindError::Refused { address, source };
        let socket = TcpListener::bind(address).await.map_err(refused)?;
        let address = socket.local_addr().map_err(refused)?;
        let admission = Arc::new(Admission::new(&limits));
        Ok(Listener { socket, address, tls, limits, admission })
    }

    /// The address that was bound.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The connections it will have.
    pub fn connections(&self) -> Connections {
        Connections(self.admission.clone())
    }

    /// Serves `router` until `stop` is ready, then lets the requests under way end.
    pub async fn serve(self, router: Router, stop: impl Future<Output = ()>) -> Drained {
        let (stopping, stopped) = signal::channel(false);
        let shared = Arc::new(Shared {
            router,
            tls: self.tls,
            admission: self.admission,
            limits: self.limits,
            refusals: Semaphore::new(REFUSALS_MAX),
            stopped,
            cut: AtomicUsize::new(0),
        });

        let mut stop = pin!(stop);
        let mut pause = PAUSE_MIN;
        loop {
            let accepted = tokio::select! {
                biased;
                () = &mut stop => break,
                accepted = self.socket.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => {
                    pause = PAUSE_MIN;
                    match shared.admission.admit(peer.ip()) {
                        Some(place) => drop(tokio::spawn(shared.clone().serve_one(stream, place))),
                        None => drop(tokio::spawn(shared.clone().refuse(stream))),
                    }
                }
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    // Usually no file descriptors are left. Trying again at once would only burn a core.
                    tracing::warn!(error = %error.kind(), "cannot accept connections");
                    tokio::select! {
                        () = &mut stop => break,
                        () = sleep(pause) => {}
                    }
                    pause = (pause * 2).min(PAUSE_MAX);
                }
            }
        }

        // Closed first, so that new clients are turned away at once while the others finish.
        drop(self.socket);
        stopping.send_replace(true);
        shared.admission.emptied().await;
        Drained { cut: shared.cut.load(Relaxed) }
    }
}

const PAUSE_MIN: Duration = Duration::from_millis(5);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// Errors that concern the connection just taken from the queue and say nothing of the next.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// What all connections of a listener use.
struct Shared {
    router: Router,
    tls: Option<Tls>,
    limits: Limits,
    admission: Arc<Admission>,
    refusals: Semaphore,
    stopped: signal::Receiver<bool>,
    cut: AtomicUsize,
}

impl Shared {
    async fn serve_one(self: Arc<Self>, stream: TcpStream, _place: Place) {
        // Answers are small and written at once; waiting to fill a packet only adds latency. A socket that refuses the
        // option still works.
        let _ = stream.set_nodelay(true);
        let Some(tls) = &self.tls else {
            return self.serve_http1(stream).await;
        };
        let handshake = timeout(self.limits.handshake_time_max, tls.acceptor.accept(stream));
        let Ok(Ok(stream)) = handshake.await else { return };
        if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
            self.serve_http2(stream).await;
        } else {
            self.serve_http1(stream).await;
        }
    }

    async fn serve_http1<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(&self, stream: S) {
        let progress = Arc::new(Progress::new());
        let stream = Watched::new(stream, progress.clone(), Some(Framing::new()));
        let mut builder = http1::Builder::new();
        // Heads are timed by `watch`, which tells a slow head from an idle connection.
        let head_bytes_max = self.limits.head_bytes_max;
        // A buffer holds a whole head and otherwise only pieces of a body: what a connection may cost is known.
        let buffer_bytes_max = head_bytes_max.saturating_mul(2).max(BUFFER_BYTES_MIN);
        builder.header_read_timeout(None).max_header_size(head_bytes_max).max_buf_size(buffer_bytes_max);
        let connection = builder.serve_connection(TokioIo::new(stream), self.service(&progress));
        self.supervise(connection, http1::Connection::graceful_shutdown, &progress).await;
    }

    async fn serve_http2<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(&self, stream: S) {
        let progress = Arc::new(Progress::new());
        let stream = Watched::new(stream, progress.clone(), None);
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .max_concurrent_streams(self.limits.streams_max)
            .max_header_list_size(self.limits.header_list_bytes_max)
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .keep_alive_interval(PING_PERIOD)
            .keep_alive_timeout(PING_TIME_MAX);
        let connection = builder.serve_connection(TokioIo::new(stream), self.service(&progress));
        self.supervise(connection, http2::Connection::graceful_shutdown, &progress).await;
    }

    fn service(
        &self,
        progress: &Arc<Progress>,
    ) -> impl HttpService<Incoming, ResBody = axum::body::Body, Error = Infallible, Future: Send + 'static> + use<>
    {
        let router = self.router.clone();
        let progress = progress.clone();
        let secure = self.tls.is_some();
        service_fn(move |request: Request<Incoming>| {
            let underway = progress.begin();
            let answer = router.clone().call(request);
            async move {
                let mut response: Response<_> = answer.await?;
                if secure {
                    response
                        .headers_mut()
                        .insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
                }
                drop(underway);
                Ok(response)
            }
        })
    }

    /// Drives a connection to its end: its own, or the one its limits or the stop of the listener put to it.
    async fn supervise<C: Future>(&self, connection: C, close: fn(Pin<&mut C>), progress: &Progress) {
        let limits = &self.limits;
        let mut connection = pin!(connection);
        let mut stopped = self.stopped.clone();
        let mut stopped = pin!(stopped.wait_for(|&stopped| stopped));
        let aged = progress.opened() + limits.connection_age_max;
        // Set once the connection was asked to end: what is still open then is cut.
        let mut cut_at: Option<Instant> = None;
        let mut stopping = false;
        let mut timer = pin!(sleep_until(progress.opened() + limits.idle_time_max));

        poll_fn(|cx| {
            loop {
                if connection.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(());
                }
                if !stopping && stopped.as_mut().poll(cx).is_ready() {
                    stopping = true;
                    cut_at = Some(Instant::now() + limits.drain_time_max);
                    close(connection.as_mut());
                    continue;
                }
                // A connection that was asked to end while idle has its answer under way; it is not hurried further.
                let due = progress.due(limits).filter(|&(wait, _)| cut_at.is_none() || wait != Wait::Request);
                let last = cut_at.unwrap_or(aged);
                let next = due.map_or(last, |(_, due)| due.min(last));
                if next < timer.deadline() {
                    timer.as_mut().reset(next);
                }
                while timer.as_mut().poll(cx).is_ready() {
                    let now = Instant::now();
                    if next <= now {
                        let refuses_to_move = due.is_some_and(|(wait, due)| wait != Wait::Request && due <= now);
                        if refuses_to_move || cut_at.is_some() {
                            if stopping {
                                self.cut.fetch_add(1, Relaxed);
                            }
                            return Poll::Ready(());
                        }
                        cut_at = Some(now + limits.request_time_max + limits.write_stall_time_max);
                        close(connection.as_mut());
                        break;
                    }
                    // Something moved on since the timer was set.
                    timer.as_mut().reset(next);
                }
                if timer.is_elapsed() {
                    continue;
                }
                return Poll::Pending;
            }
        })
        .await;
    }

    /// Tells a client that there is no place for it, where that can be said in plain text and costs little.
    async fn refuse(self: Arc<Self>, mut stream: TcpStream) {
        let Ok(_permit) = self.refusals.try_acquire() else { return };
        if self.tls.is_some() {
            return;
        }
        // Closing with unread bytes would reset the connection and take the answer with it: a little is read first.
        let told = async {
            stream.write_all(REFUSAL).await?;
            stream.shutdown().await?;
            let mut unread = [0; 4096];
            for _ in 0..8 {
                if stream.read(&mut unread).await? == 0 {
                    break;
                }
            }
            io::Result::Ok(())
        };
        // Whether the client listened changes nothing for us.
        let _ = timeout(Duration::from_secs(1), told).await;
    }
}
