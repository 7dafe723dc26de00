//! Every limit of the listener in one place. The defaults are the safe ones; nothing here is read from a request.

use std::time::Duration;

/// The most header lines a request may carry. It is the number of slots the HTTP/1 parser keeps on its stack.
pub const HEADER_COUNT_MAX: usize = 100;

/// How much a client may use and how long it may take.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections open at once.
    pub connections_max: usize,
    /// Connections open at once from one address (one /64 network for IPv6). Loopback is exempt: there the peer is a
    /// reverse proxy or the operator.
    pub connections_per_address_max: usize,
    /// Time for the TLS handshake.
    pub handshake_time_max: Duration,
    /// Time from the first byte of a request's head to its last.
    pub head_time_max: Duration,
    /// Time a connection may stay open with no request on it.
    pub idle_time_max: Duration,
    /// Time a client may refuse to take more of an answer.
    pub write_stall_time_max: Duration,
    /// Time after which a connection takes no further request, so that load spreads again after a restart elsewhere.
    pub connection_age_max: Duration,
    /// Time from the end of a request's head to its answer, the body included.
    pub request_time_max: Duration,
    /// Time that requests already begun are given after the listener was told to stop.
    pub drain_time_max: Duration,
    /// Bytes of a request's head: the request line and all header lines.
    pub head_bytes_max: usize,
    /// Bytes of the path and query.
    pub url_bytes_max: usize,
    /// Bytes of a body.
    pub body_bytes_max: usize,
    /// Requests at once on one HTTP/2 connection.
    pub streams_max: u32,
    /// Bytes of the header list of one HTTP/2 request.
    pub header_list_bytes_max: u32,
    /// Work that may wait for the store; more is turned away unread.
    pub queue_length_max: usize,
    /// Requests under way from which on a process that gets to run too late turns further ones away.
    pub under_way_max: usize,
    /// How late the process may get to run then.
    pub late_time_max: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connections_max: 10_000,
            connections_per_address_max: 200,
            handshake_time_max: Duration::from_secs(5),
            head_time_max: Duration::from_secs(10),
            idle_time_max: Duration::from_secs(60),
            write_stall_time_max: Duration::from_secs(10),
            connection_age_max: Duration::from_secs(3600),
            request_time_max: Duration::from_secs(30),
            drain_time_max: Duration::from_secs(25),
            head_bytes_max: 32 * 1024,
            url_bytes_max: 8 * 1024,
            body_bytes_max: 256 * 1024,
            streams_max: 100,
            header_list_bytes_max: 16 * 1024,
            queue_length_max: 512,
            under_way_max: 256,
            late_time_max: Duration::from_millis(25),
        }
    }
}
