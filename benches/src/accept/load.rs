//! The load: connections that send one request after the other and wait for each answer, over plain TCP, so that no HTTP
//! client takes a share of the machine.

use std::cell::Cell;
use std::error::Error;
use std::io::Write as _;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::LocalSet;

/// Longest answer that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// How the phone numbers of the documents begin; seven characters follow.
const PHONE: &[u8] = b"+420 601 ";
/// How many persons there are: eight ranges of mobile numbers.
const PERSONS: u32 = 8_000_000;

/// Persons who have sent something. Partners rarely send one again within days, and a repeat is another way than a first
/// request.
static PERSONS_SENT: AtomicU32 = AtomicU32::new(0);

/// Where requests go.
#[derive(Debug, Clone)]
pub struct Target {
    /// The listening server.
    pub address: SocketAddr,
    /// The API key it takes.
    pub key: String,
}

/// How much is sent.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Connections that send at once.
    pub connections: usize,
    /// When nothing more is sent.
    pub time_max: Duration,
    /// After how many requests nothing more is sent.
    pub requests_max: usize,
    /// How many are due in a second, however long the answers take; none for as many as can be.
    pub rate: Option<f64>,
}

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    /// From the first request to the last answer.
    pub elapsed: Duration,
    /// How long each answer took.
    pub waits: Vec<Duration>,
}

type Fault = Box<dyn Error + Send + Sync>;

/// What the connections of one load share; they live on one thread.
struct Shared {
    target: Target,
    bodies: Rc<[Vec<u8>]>,
    start: Instant,
    end: Instant,
    left: Cell<usize>,
    requests_max: usize,
    rate: Option<f64>,
    /// Makes the idempotency keys of this load its own.
    run: u128,
}

impl Load {
    /// Sends `bodies` in rotation, each request under an idempotency key of its own.
    ///
    /// # Errors
    /// A connection broke, or an answer was not 201.
    pub async fn run(&self, target: &Target, bodies: &Rc<[Vec<u8>]>) -> Result<Outcome, Fault> {
        let mut streams = Vec::with_capacity(self.connections);
        for _ in 0..self.connections {
            let stream = TcpStream::connect(target.address).await?;
            stream.set_nodelay(true)?;
            streams.push(stream);
        }
        let start = Instant::now();
        let shared = Rc::new(Shared {
            target: target.clone(),
            bodies: Rc::clone(bodies),
            start,
            end: start + self.time_max,
            left: Cell::new(self.requests_max),
            requests_max: self.requests_max,
            rate: self.rate,
            run: SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos(),
        });
        let set = LocalSet::new();
        let tasks: Vec<_> =
            streams.into_iter().map(|stream| set.spawn_local(send_all(stream, Rc::clone(&shared)))).collect();
        let waits = set.run_until(async {
            let mut waits = Vec::new();
            for task in tasks {
                waits.extend(task.await??);
            }
            Ok::<_, Fault>(waits)
        });
        let waits = waits.await?;
        Ok(Outcome { elapsed: start.elapsed(), waits })
    }
}

impl Shared {
    /// Waits until a request is due, and says when that was: one that had to wait for a connection has waited all that time.
    async fn due(&self, left: usize) -> Instant {
        let Some(rate) = self.rate else { return Instant::now() };
        let number = self.requests_max - left - 1;
        let due = self.start + Duration::from_secs_f64(number as f64 / rate);
        if due <= Instant::now() {
            return due;
        }
        tokio::time::sleep_until(due.into()).await;
        // The timer counts in milliseconds; what it is late by is not the server's.
        Instant::now()
    }
}

async fn send_all(mut stream: TcpStream, shared: Rc<Shared>) -> Result<Vec<Duration>, Fault> {
    let (mut request, mut answer) = (Vec::new(), vec![0; ANSWER_BYTES_MAX]);
    let mut waits = Vec::new();
    while Instant::now() < shared.end
        && let Some(left) = shared.left.get().checked_sub(1)
    {
        shared.left.set(left);
        let body = &shared.bodies[left % shared.bodies.len()];
        request.clear();
        write!(
            request,
            "POST /contact-request/v1/requests HTTP/1.1\r\nhost: {}\r\nx-api-key: {}\r\nidempotency-key: {}-{left}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n",
            shared.target.address,
            shared.target.key,
            shared.run,
            body.len(),
        )?;
        request.extend_from_slice(body);
        let is_named = name_person(&mut request, PERSONS_SENT.fetch_add(1, Ordering::Relaxed) % PERSONS);
        if !is_named {
            return Err("a document has no phone number to change".into());
        }
        let due = shared.due(left).await;
        stream.write_all(&request).await?;
        read_answer(&mut stream, &mut answer).await?;
        waits.push(due.elapsed());
    }
    Ok(waits)
}

/// Puts a phone number of its own into a request, of the same length, and says whether there was one.
fn name_person(request: &mut [u8], person: u32) -> bool {
    let Some(start) = request.windows(PHONE.len()).position(|window| window == PHONE) else { return false };
    let number = format!("+420 60{} {:03} {:03}", person / 1_000_000 + 1, person / 1_000 % 1_000, person % 1_000);
    request[start..start + number.len()].copy_from_slice(number.as_bytes());
    true
}

/// Reads one answer to its end.
async fn read_answer(stream: &mut TcpStream, buffer: &mut [u8]) -> Result<(), Fault> {
    let mut filled = 0;
    loop {
        let read = stream.read(&mut buffer[filled..]).await?;
        if read == 0 {
            return Err("the server closed the connection, or its answer is too long".into());
        }
        filled += read;
        let Some(length) = answer_length(&buffer[..filled])? else { continue };
        if filled >= length {
            return match &buffer[..filled] {
                answer if answer.starts_with(b"HTTP/1.1 201 ") => Ok(()),
                answer => Err(format!("the answer was not 201: {}", String::from_utf8_lossy(answer)).into()),
            };
        }
    }
}

/// The bytes of the whole answer that begins with `head`; none while the head is not complete.
fn answer_length(head: &[u8]) -> Result<Option<usize>, Fault> {
    let Some(end) = head.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    let text = std::str::from_utf8(&head[..end])?;
    let body = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>())
    });
    match body {
        Some(length) => Ok(Some(end + 4 + length?)),
        None => Err("an answer without content-length is not understood here".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::{answer_length, name_person};

    #[test]
    fn every_request_is_about_another_person() {
        let mut request = *b"{\"phoneNumber\":\"+420 601 999 999\"}";
        assert!(name_person(&mut request, 7_012_345));
        assert_eq!(&request, b"{\"phoneNumber\":\"+420 608 012 345\"}");
        assert!(!name_person(&mut request[..20], 1));
    }

    #[test]
    fn an_answer_ends_where_its_head_says() {
        assert_eq!(answer_length(b"HTTP/1.1 201 Created\r\nContent-Length: 3\r\n").unwrap(), None);
        let head = b"HTTP/1.1 201 Created\r\nContent-Length: 3\r\n\r\n";
        assert_eq!(answer_length(head).unwrap(), Some(head.len() + 3));
        assert!(answer_length(b"HTTP/1.1 201 Created\r\ntransfer-encoding: chunked\r\n\r\n").is_err());
    }
}
