//! A server that answers as its script says and keeps what it was sent.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// What the server does with one request.
pub(crate) enum Step {
    /// Answers.
    Answer(Answer),
    /// Closes the connection without a word.
    Cut,
    /// Sends the head of an answer and half of its body, then closes the connection.
    CutAnswer,
    /// Keeps the connection open and says nothing.
    Silence,
    /// Answers with a body that does not end.
    Endless,
}

pub(crate) struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
}

/// An answer with a JSON body.
pub(crate) fn answer(status: u16, body: impl Into<String>) -> Answer {
    Answer { status, headers: vec![("content-type", "application/json".to_owned())], body: body.into() }
}

impl Answer {
    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Answer {
        self.headers.retain(|(other, _)| *other != name);
        self.headers.push((name, value.into()));
        self
    }
}

impl From<Answer> for Step {
    fn from(answer: Answer) -> Self {
        Step::Answer(answer)
    }
}

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) method: String,
    pub(crate) target: String,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Received {
    /// The value of a header that came at most once.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(other, _)| other == name).map(|(_, value)| value.as_str());
        let value = values.next();
        assert_eq!(values.next(), None, "{name} came twice");
        value
    }
}

pub(crate) struct Server {
    address: SocketAddr,
    scheme: &'static str,
    received: Arc<Mutex<Vec<Received>>>,
    accepting: tokio::task::JoinHandle<()>,
}

impl Server {
    /// Starts a server that goes through `script`, one step for each request, and fails at one request more.
    pub(crate) async fn start(script: impl IntoIterator<Item = Step>) -> Server {
        Server::run(script, None).await
    }

    /// The same behind TLS.
    pub(crate) async fn start_tls(script: impl IntoIterator<Item = Step>, tls: TlsAcceptor) -> Server {
        Server::run(script, Some(tls)).await
    }

    async fn run(script: impl IntoIterator<Item = Step>, tls: Option<TlsAcceptor>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let scheme = if tls.is_some() { "https" } else { "http" };
        let script = Arc::new(Mutex::new(script.into_iter().collect::<VecDeque<Step>>()));
        let received = Arc::new(Mutex::new(Vec::new()));
        let kept = received.clone();
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (script, kept, tls) = (script.clone(), kept.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, &script, &kept).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, &script, &kept).await;
                            }
                        }
                    }
                });
            }
        });
        Server { address, scheme, received, accepting }
    }

    pub(crate) fn url(&self) -> String {
        format!("{}://localhost:{}", self.scheme, self.address.port())
    }

    /// Everything that was received.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().expect("no test panicked").clone()
    }

    /// Stops listening; the port stays known.
    pub(crate) async fn stop(&mut self) {
        self.accepting.abort();
        let _ = (&mut self.accepting).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    script: &Mutex<VecDeque<Step>>,
    kept: &Mutex<Vec<Received>>,
) {
    while let Some(request) = read(&mut stream).await {
        kept.lock().expect("no test panicked").push(request);
        let step = script.lock().expect("no test panicked").pop_front();
        match step.unwrap_or_else(|| answer(418, "{}").into()) {
            Step::Answer(answer) => {
                let Answer { status, headers, body } = answer;
                let mut head = format!("HTTP/1.1 {status} -\r\ncontent-length: {}\r\n", body.len());
                for (name, value) in headers {
                    head += &format!("{name}: {value}\r\n");
                }
                if stream.write_all(format!("{head}\r\n{body}").as_bytes()).await.is_err() {
                    return;
                }
            }
            Step::Cut => return,
            Step::CutAnswer => {
                let _ = stream.write_all(b"HTTP/1.1 201 -\r\ncontent-length: 100\r\n\r\n{\"id\":").await;
                let _ = stream.shutdown().await;
                return;
            }
            Step::Silence => std::future::pending().await,
            Step::Endless => {
                let chunk = vec![b' '; 0x10000];
                let _ = stream.write_all(b"HTTP/1.1 200 -\r\ntransfer-encoding: chunked\r\n\r\n").await;
                while stream.write_all(b"10000\r\n").await.is_ok() {
                    if stream.write_all(&chunk).await.is_err() || stream.write_all(b"\r\n").await.is_err() {
                        return;
                    }
                }
                return;
            }
        }
    }
}

/// Reads one request; none if the client closed the connection.
async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Option<Received> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..head_end].to_vec()).expect("a head in UTF-8");
    let mut lines = head.split("\r\n");
    let mut words = lines.next()?.split(' ').map(str::to_owned);
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length: usize = length.map_or(0, |(_, value)| value.parse().expect("a length"));
    while bytes.len() < head_end + 4 + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    let body = String::from_utf8(bytes[head_end + 4..].to_vec()).expect("a body in UTF-8");
    Some(Received { method: words.next()?, target: words.next()?, headers, body })
}
