//! HTTP/1.1 byte by byte, as the test says: a library would not send what must be refused.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

/// No answer may take longer.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(20);

/// A connection that stays open from call to call.
pub struct Connection {
    stream: BufReader<TcpStream>,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The status line and all header lines.
    pub head: String,
    /// The body.
    pub text: String,
}

impl Connection {
    /// Connects to a gateway at `http://HOST:PORT`.
    ///
    /// # Errors
    /// When it does not take the connection.
    pub fn open(address: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(address.trim_start_matches("http://"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_TIME_MAX))?;
        stream.set_write_timeout(Some(ANSWER_TIME_MAX))?;
        Ok(Connection { stream: BufReader::new(stream) })
    }

    /// Sends a request and reads its answer. `lines` are header lines, each with its line end; the length of the body and
    /// the host are added.
    ///
    /// # Errors
    /// When no whole answer comes.
    pub fn call(&mut self, method: &str, path: &str, lines: &str, body: &[u8]) -> io::Result<Reply> {
        let length = body.len();
        let head = format!("{method} {path} HTTP/1.1\r\nHost: gateway\r\nContent-Length: {length}\r\n{lines}\r\n");
        let request = [head.as_bytes(), body].concat();
        // The gateway may answer and close before it was sent everything.
        let sent = self.stream.get_mut().write_all(&request);
        self.read().map_err(|error| sent.err().unwrap_or(error))
    }

    /// Sends bytes as they are, and waits for nothing.
    ///
    /// # Errors
    /// When they cannot be sent.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    fn read(&mut self) -> io::Result<Reply> {
        let broken = |what| io::Error::new(io::ErrorKind::UnexpectedEof, what);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if self.stream.read_line(&mut head)? == 0 {
                return Err(broken("the answer ends in its head"));
            }
        }
        let status = head.get(9..12).and_then(|status| status.parse().ok()).ok_or_else(|| broken("no status"))?;
        let mut reply = Reply { status, head, text: String::new() };
        let length = reply.header("content-length").and_then(|length| length.parse().ok());
        let mut body = vec![0; length.ok_or_else(|| broken("no content-length"))?];
        self.stream.read_exact(&mut body)?;
        reply.text = String::from_utf8(body).map_err(|_| broken("the answer is not UTF-8"))?;
        Ok(reply)
    }
}

impl Reply {
    /// The value of a header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.find_map(|(sent, value)| sent.eq_ignore_ascii_case(name).then_some(value))
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}{}", self.head, self.text))
    }
}
