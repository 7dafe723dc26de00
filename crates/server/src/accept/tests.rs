//! The promises of the accept loop, over real sockets. Limits are configured short where a test waits for one.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::{get, post};
use http_body_util::BodyExt;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsConnector;

use super::{BindError, Drained, Listener, Transport};
use crate::limits::Limits;
use crate::tls::{Tls, TlsError, TlsVersionMin};

struct Running {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    served: JoinHandle<Drained>,
}

impl Running {
    async fn start(transport: Transport, limits: Limits) -> Self {
        let listener = Listener::bind(([127, 0, 0, 1], 0).into(), transport, limits).await.expect("a free port");
        let address = listener.address();
        let (stop, stopped) = oneshot::channel::<()>();
        let served = tokio::spawn(listener.serve(router(), async {
            let _ = stopped.await;
        }));
        Running { address, stop: Some(stop), served }
    }

    async fn plain(limits: Limits) -> Self {
        Running::start(Transport::Loopback, limits).await
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("the listener accepts")
    }

    fn stop(&mut self) {
        self.stop.take().expect("stopped once").send(()).expect("the listener runs");
    }

    /// Sends `text` on a connection of its own and returns all that comes back until the server closes it.
    async fn exchange(&self, text: &str) -> String {
        let mut stream = self.connect().await;
        stream.write_all(text.as_bytes()).await.expect("the server reads");
        rest(&mut stream).await
    }
}

fn router() -> Router {
    Router::new()
        .route("/", get(|| async { "here" }))
        .route(
            "/slow",
            get(|| async {
                sleep(Duration::from_millis(700)).await;
                "slow"
            }),
        )
        .route("/stuck", get(|| async { std::future::pending::<()>().await }))
        .route("/big", get(|| async { Body::from(vec![b'x'; 64 << 20]) }))
        .route(
            "/echo",
            post(|body: Body| async {
                body.collect().await.map_or(Bytes::from_static(b"broken"), |all| all.to_bytes())
            }),
        )
}

/// Everything until the end of the stream; a reset counts as the end.
async fn rest(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut received = Vec::new();
    let ended = timeout(Duration::from_secs(10), async {
        let mut piece = [0; 4096];
        while let Ok(count @ 1..) = stream.read(&mut piece).await {
            received.extend_from_slice(&piece[..count]);
        }
    });
    ended.await.expect("the server closes the connection");
    String::from_utf8(received).expect("an answer in UTF-8")
}

/// One answer with a body of a stated length.
async fn answer(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut received = Vec::new();
    let whole = timeout(Duration::from_secs(10), async {
        loop {
            let text = String::from_utf8_lossy(&received).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
                if body.len() >= length.unwrap_or(0) {
                    return text;
                }
            }
            received.push(stream.read_u8().await.expect("an answer"));
        }
    });
    whole.await.expect("an answer in time")
}

fn short(change: impl FnOnce(&mut Limits)) -> Limits {
    let mut limits = Limits::default();
    change(&mut limits);
    limits
}

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const GET_AND_CLOSE: &str = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

#[tokio::test]
async fn a_connection_serves_several_requests() {
    let running = Running::plain(Limits::default()).await;
    let mut stream = running.connect().await;
    for _ in 0..3 {
        stream.write_all(GET.as_bytes()).await.expect("the server reads");
        assert!(answer(&mut stream).await.ends_with("here"));
    }
    let both = running.exchange(&format!("{GET}{GET_AND_CLOSE}")).await;
    assert_eq!(both.matches("HTTP/1.1 200 OK").count(), 2, "requests sent together are both answered");
}

#[tokio::test]
async fn plain_http_is_refused_off_loopback() {
    let anywhere: SocketAddr = ([0, 0, 0, 0], 0).into();
    let refused = Listener::bind(anywhere, Transport::Loopback, Limits::default()).await;
    assert!(matches!(refused, Err(BindError::NotLoopback(address)) if address == anywhere));
    assert!(Listener::bind(anywhere, Transport::InsecureHttp, Limits::default()).await.is_ok());
}

#[tokio::test]
async fn a_taken_port_is_an_error_with_its_address() {
    let running = Running::plain(Limits::default()).await;
    match Listener::bind(running.address, Transport::Loopback, Limits::default()).await {
        Err(BindError::Refused { address, source }) => {
            assert_eq!((address, source.kind()), (running.address, std::io::ErrorKind::AddrInUse));
        }
        _ => panic!("two listeners on one port"),
    }
}

#[tokio::test]
async fn framing_that_can_be_read_two_ways_is_refused_and_the_connection_closed() {
    let running = Running::plain(Limits::default()).await;
    let smuggled = "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n";
    let refused = [
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello",
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\nhello",
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5,5\r\n\r\nhello",
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\nhello",
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\nhello",
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /echo HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length : 5\r\n\r\nhello",
        "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n folded\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n",
        "GET / HTTP/1.1\nHost: a\n\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n",
    ];
    for head in refused {
        let received = running.exchange(&format!("{head}{smuggled}")).await;
        assert!(received.starts_with("HTTP/1.1 400 Bad Request"), "{head:?} was answered {received:?}");
        assert_eq!(received.matches("HTTP/1.1").count(), 1, "nothing after {head:?} is served");
    }
}

#[tokio::test]
async fn http2_is_not_spoken_without_tls() {
    let running = Running::plain(Limits::default()).await;
    let received = running.exchange("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    assert!(!received.contains("200"), "{received:?}");
}

#[tokio::test]
async fn a_hundred_headers_are_read_and_one_more_is_refused() {
    let running = Running::plain(Limits::default()).await;
    for (count, status) in [(100, "200"), (101, "431")] {
        let more: String = (2..count).map(|number| format!("x-{number}: v\r\n")).collect();
        let received = running.exchange(&format!("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{more}\r\n")).await;
        assert!(received.starts_with(&format!("HTTP/1.1 {status}")), "{count} headers: {received}");
    }
}

#[tokio::test]
async fn a_head_of_the_largest_size_is_read_and_one_byte_more_is_refused() {
    let limits = Limits::default();
    let head_bytes_max = limits.head_bytes_max;
    let running = Running::plain(limits).await;
    for (bytes, status) in [(head_bytes_max, "200"), (head_bytes_max + 1, "431")] {
        let frame = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nx: \r\n\r\n";
        let head = frame.replace("x: ", &format!("x: {}", "v".repeat(bytes - frame.len())));
        assert_eq!(head.len(), bytes);
        let received = running.exchange(&head).await;
        assert!(received.starts_with(&format!("HTTP/1.1 {status}")), "{bytes} bytes: {received}");
    }
}

#[tokio::test]
async fn a_head_that_takes_too_long_ends_the_connection() {
    let running = Running::plain(short(|limits| limits.head_time_max = Duration::from_millis(200))).await;
    let mut stream = running.connect().await;
    sleep(Duration::from_millis(300)).await;
    stream.write_all(GET.as_bytes()).await.expect("a silent connection is not a slow head");
    assert!(answer(&mut stream).await.ends_with("here"));

    let mut dripping = running.connect().await;
    let dripped = timeout(Duration::from_secs(5), async {
        for byte in GET.bytes().cycle() {
            if dripping.write_all(&[byte]).await.is_err() {
                break;
            }
            sleep(Duration::from_millis(60)).await;
        }
    });
    dripped.await.expect("the server closes the connection");
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_one_in_use_is_not() {
    let running = Running::plain(short(|limits| limits.idle_time_max = Duration::from_millis(500))).await;
    let mut silent = running.connect().await;
    assert_eq!(rest(&mut silent).await, "");

    let mut used = running.connect().await;
    for _ in 0..3 {
        used.write_all(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("the connection is open");
        assert!(answer(&mut used).await.ends_with("slow"), "a request longer than the idle time is answered");
        sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(rest(&mut used).await, "");
}

#[tokio::test]
async fn a_client_that_takes_no_answer_is_cut() {
    let running = Running::plain(short(|limits| limits.write_stall_time_max = Duration::from_millis(200))).await;
    let mut stream = running.connect().await;
    stream.write_all(b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("the server reads");
    sleep(Duration::from_millis(600)).await;
    let received = rest(&mut stream).await;
    assert!(received.len() < 64 << 20, "the rest was not kept for a client that does not read");
}

#[tokio::test]
async fn an_aged_connection_takes_no_further_request() {
    let running = Running::plain(short(|limits| limits.connection_age_max = Duration::from_millis(500))).await;
    let mut stream = running.connect().await;
    stream.write_all(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("the server reads");
    let received = rest(&mut stream).await;
    assert!(received.ends_with("slow"), "the request under way is answered: {received}");
    assert!(received.contains("connection: close"), "{received}");
}

#[tokio::test]
async fn a_connection_past_the_limit_is_told_so_and_a_freed_place_is_given_again() {
    let running = Running::plain(short(|limits| limits.connections_max = 2)).await;
    let mut first = running.connect().await;
    let mut second = running.connect().await;
    for stream in [&mut first, &mut second] {
        stream.write_all(GET.as_bytes()).await.expect("the server reads");
        assert!(answer(stream).await.ends_with("here"));
    }
    let refused = running.exchange(GET).await;
    assert!(refused.starts_with("HTTP/1.1 503") && refused.contains("Retry-After: 1"), "{refused}");

    drop(first);
    let mut admitted = false;
    for _ in 0..100 {
        admitted = running.exchange(GET_AND_CLOSE).await.ends_with("here");
        if admitted {
            break;
        }
        sleep(Duration::from_millis(10)).await;
    }
    assert!(admitted, "the place of a closed connection is free");
}

#[tokio::test]
async fn a_stop_lets_requests_under_way_end_and_turns_new_ones_away() {
    let mut running = Running::plain(Limits::default()).await;
    let mut busy = running.connect().await;
    let mut idle = running.connect().await;
    let mut silent = running.connect().await;
    idle.write_all(GET.as_bytes()).await.expect("the server reads");
    answer(&mut idle).await;
    busy.write_all(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("the server reads");
    sleep(Duration::from_millis(300)).await;
    running.stop();
    assert_eq!(rest(&mut idle).await, "");
    assert_eq!(rest(&mut silent).await, "");
    let received = rest(&mut busy).await;
    assert!(received.ends_with("slow") && received.contains("connection: close"), "{received}");
    assert_eq!((&mut running.served).await.expect("the loop does not panic"), Drained { cut: 0 });
    assert!(TcpStream::connect(running.address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn a_stop_cuts_what_does_not_end() {
    let mut running = Running::plain(short(|limits| limits.drain_time_max = Duration::from_millis(100))).await;
    let mut stuck = running.connect().await;
    stuck.write_all(b"GET /stuck HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("the server reads");
    sleep(Duration::from_millis(300)).await;
    running.stop();
    assert_eq!(rest(&mut stuck).await, "");
    assert_eq!((&mut running.served).await.expect("the loop does not panic"), Drained { cut: 1 });
}

/// A certificate for `localhost` in files, and a client that trusts it.
fn certificate(folder: &std::path::Path) -> (std::path::PathBuf, std::path::PathBuf, RootCertStore) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let (certificate, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    std::fs::write(&certificate, made.cert.pem()).expect("a writable folder");
    std::fs::write(&key, made.signing_key.serialize_pem()).expect("a writable folder");
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).expect("a usable certificate");
    (certificate, key, roots)
}

async fn tls_connect(
    running: &Running,
    roots: &RootCertStore,
    versions: &[&'static rustls::SupportedProtocolVersion],
    protocol: Option<&str>,
) -> std::io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .expect("known versions")
        .with_root_certificates(roots.clone())
        .with_no_client_auth();
    config.alpn_protocols = protocol.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    let name = ServerName::try_from("localhost").expect("a host name");
    TlsConnector::from(Arc::new(config)).connect(name, running.connect().await).await
}

async fn one_http1_request(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> String {
    stream.write_all(GET_AND_CLOSE.as_bytes()).await.expect("the server reads");
    stream.flush().await.expect("the server reads");
    rest(stream).await
}

#[tokio::test]
async fn tls_serves_http1_and_http2_and_says_to_stay_with_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let (certificate, key, roots) = certificate(folder.path());
    let tls = Tls::from_files(&certificate, &key, TlsVersionMin::V12).expect("a pair");
    let running = Running::start(Transport::Tls(tls), Limits::default()).await;

    for version in [&rustls::version::TLS13, &rustls::version::TLS12] {
        let mut stream = tls_connect(&running, &roots, &[version], None).await.expect("a handshake");
        let received = one_http1_request(&mut stream).await;
        assert!(received.ends_with("here"), "{received}");
        assert!(received.contains("strict-transport-security: max-age=31536000"), "{received}");
    }

    let stream = tls_connect(&running, &roots, rustls::ALL_VERSIONS, Some("h2")).await.expect("a handshake");
    let stream = hyper_util::rt::TokioIo::new(stream);
    let (mut requests, connection) =
        hyper::client::conn::http2::handshake(hyper_util::rt::TokioExecutor::new(), stream).await.expect("HTTP/2");
    tokio::spawn(connection);
    let request =
        hyper::Request::get("https://localhost/").body(http_body_util::Empty::<Bytes>::new()).expect("a request");
    let response = requests.send_request(request).await.expect("an answer");
    assert_eq!(response.status(), 200);
    assert!(response.headers().contains_key("strict-transport-security"));
    assert_eq!(response.into_body().collect().await.expect("a body").to_bytes(), "here");

    let too_large = "v".repeat(Limits::default().header_list_bytes_max as usize);
    let request = hyper::Request::get("https://localhost/").header("x", too_large);
    let request = request.body(http_body_util::Empty::<Bytes>::new()).expect("a request");
    let response = requests.send_request(request).await.expect("an answer");
    assert_eq!(response.status(), 431);
}

#[tokio::test]
async fn tls_1_2_is_refused_unless_asked_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let (certificate, key, roots) = certificate(folder.path());
    let tls = Tls::from_files(&certificate, &key, TlsVersionMin::default()).expect("a pair");
    let running = Running::start(Transport::Tls(tls), Limits::default()).await;
    assert!(tls_connect(&running, &roots, &[&rustls::version::TLS12], None).await.is_err());
    assert!(tls_connect(&running, &roots, &[&rustls::version::TLS13], None).await.is_ok());
}

#[tokio::test]
async fn a_handshake_that_never_comes_ends_the_connection() {
    let folder = tempfile::tempdir().expect("a folder");
    let (certificate, key, _) = certificate(folder.path());
    let tls = Tls::from_files(&certificate, &key, TlsVersionMin::default()).expect("a pair");
    let limits = short(|limits| limits.handshake_time_max = Duration::from_millis(100));
    let running = Running::start(Transport::Tls(tls), limits).await;
    assert_eq!(rest(&mut running.connect().await).await, "");
}

#[test]
fn unusable_certificate_files_are_named_without_their_content() {
    let folder = tempfile::tempdir().expect("a folder");
    let (certificate_file, key_file, _) = certificate(folder.path());
    let other = tempfile::tempdir().expect("a folder");
    let (_, other_key, _) = certificate(other.path());
    let absent = folder.path().join("absent.pem");
    let broken = folder.path().join("broken.pem");
    std::fs::write(&broken, "-----BEGIN PRIVATE KEY-----\nsecret!\n-----END PRIVATE KEY-----\n")
        .expect("a writable folder");
    let load = |certificate, key| Tls::from_files(certificate, key, TlsVersionMin::default()).err();

    assert!(matches!(load(&absent, &key_file), Some(TlsError::Unreadable { path, .. }) if path == absent));
    assert!(matches!(load(&certificate_file, &absent), Some(TlsError::Unreadable { path, .. }) if path == absent));
    assert!(matches!(load(&key_file, &key_file), Some(TlsError::Missing { what: "certificate", .. })));
    assert!(matches!(load(&certificate_file, &certificate_file), Some(TlsError::Missing { what: "private key", .. })));
    assert!(matches!(load(&certificate_file, &other_key), Some(TlsError::Unusable(_))));
    let text = load(&certificate_file, &broken).expect("no key").to_string();
    assert!(text.contains("broken.pem") && !text.contains("secret"), "{text}");
}
