//! Follows the framing of HTTP/1 requests while their bytes arrive, and spoils what two parsers could read differently.
//!
//! The HTTP library accepts some of it: equal `Content-Length` lines, `Content-Length` beside `Transfer-Encoding`, lines
//! that end in a bare LF. By the time a request reaches us the evidence is gone, so it is looked for here, before the
//! library reads the bytes. Spoiling puts a NUL in place of one byte of the offending line: the library answers 400 and
//! closes the connection, which is exactly the wanted outcome, and this file needs no answer of its own.

use memchr::memchr;

/// Long enough for the names looked for and a length of 20 digits; a longer line is only watched for its end.
const CARRY_BYTES: usize = 64;

/// Where in the stream of requests the connection is.
pub(super) struct Framing {
    state: State,
    /// The beginning of a line whose end has not arrived yet.
    carry: [u8; CARRY_BYTES],
    /// How long that line is so far; may exceed what `carry` holds.
    line_len: usize,
    /// The last byte of that line.
    line_last: u8,
    content_length: Option<u64>,
    chunked: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before a request line; empty lines are skipped.
    Start,
    /// After the request line, before the empty line.
    Head,
    /// In a body, or in the data of a chunk, with this many bytes to come.
    Body(u64),
    Chunk(u64),
    ChunkSize,
    ChunkEnd,
    Trailer,
    /// The library refuses what it was given; nothing after it is looked at.
    Spoiled,
}

impl Framing {
    pub(super) fn new() -> Self {
        Framing {
            state: State::Start,
            carry: [0; CARRY_BYTES],
            line_len: 0,
            line_last: 0,
            content_length: None,
            chunked: false,
        }
    }

    /// Whether a head has begun and not ended.
    pub(super) fn in_head(&self) -> bool {
        match self.state {
            State::Start => self.line_len > 0,
            State::Head => true,
            _ => false,
        }
    }

    /// Takes the next bytes of the connection.
    pub(super) fn see(&mut self, mut bytes: &mut [u8]) {
        while !bytes.is_empty() {
            let used = match self.state {
                State::Spoiled => return,
                State::Body(left) => {
                    let used = skip(left, bytes.len());
                    let left = left - used as u64;
                    self.state = if left == 0 { State::Start } else { State::Body(left) };
                    used
                }
                State::Chunk(left) => {
                    let used = skip(left, bytes.len());
                    let left = left - used as u64;
                    self.state = if left == 0 { State::ChunkEnd } else { State::Chunk(left) };
                    used
                }
                _ => self.see_line(bytes),
            };
            bytes = &mut bytes[used..];
        }
    }

    /// Takes the rest of a line, or all bytes when its end is not among them. Returns how many were taken.
    fn see_line(&mut self, bytes: &mut [u8]) -> usize {
        let Some(end) = memchr(b'\n', bytes) else {
            self.keep(bytes);
            return bytes.len();
        };
        let ends_in_return = if end > 0 { bytes[end - 1] == b'\r' } else { self.line_last == b'\r' };
        let next = if !ends_in_return || self.line_len + end == 0 {
            None
        } else if self.line_len == 0 {
            self.after_line(&bytes[..end - 1], false)
        } else {
            self.keep(&bytes[..end]);
            let line_len = self.line_len - 1;
            let carry = self.carry;
            self.after_line(&carry[..line_len.min(CARRY_BYTES)], line_len > CARRY_BYTES)
        };
        self.line_len = 0;
        match next {
            Some(state) => self.state = state,
            None => {
                bytes[end] = 0;
                self.state = State::Spoiled;
            }
        }
        end + 1
    }

    fn keep(&mut self, bytes: &[u8]) {
        let at = self.line_len.min(CARRY_BYTES);
        let kept = bytes.len().min(CARRY_BYTES - at);
        self.carry[at..at + kept].copy_from_slice(&bytes[..kept]);
        self.line_len += bytes.len();
        if let Some(&last) = bytes.last() {
            self.line_last = last;
        }
    }

    /// The state after `line` (without its CRLF; `cut` when that is only its beginning), or none where the line must not be
    /// accepted.
    fn after_line(&mut self, line: &[u8], cut: bool) -> Option<State> {
        match self.state {
            State::Start if line.is_empty() => Some(State::Start),
            State::Start => {
                self.content_length = None;
                self.chunked = false;
                Some(State::Head)
            }
            State::Head if line.is_empty() => Some(match self.content_length {
                _ if self.chunked => State::ChunkSize,
                None | Some(0) => State::Start,
                Some(length) => State::Body(length),
            }),
            State::Head => self.after_header(line, cut),
            // The size stands first, so a cut line has it whole: the digits allowed are fewer than the bytes kept.
            State::ChunkSize => match chunk_size(line)? {
                0 => Some(State::Trailer),
                size => Some(State::Chunk(size)),
            },
            State::ChunkEnd => line.is_empty().then_some(State::ChunkSize),
            State::Trailer => Some(if line.is_empty() { State::Start } else { State::Trailer }),
            State::Body(_) | State::Chunk(_) | State::Spoiled => None,
        }
    }

    fn after_header(&mut self, line: &[u8], cut: bool) -> Option<State> {
        if let Some(value) = value_of(line, b"content-length:") {
            if cut || self.content_length.is_some() || self.chunked {
                return None;
            }
            self.content_length = Some(decimal(value)?);
        } else if value_of(line, b"transfer-encoding:").is_some() {
            // What the coding is the library judges; that there is one is enough to tell where the body ends.
            if self.content_length.is_some() || self.chunked {
                return None;
            }
            self.chunked = true;
        }
        Some(State::Head)
    }
}

fn skip(left: u64, available: usize) -> usize {
    usize::try_from(left).unwrap_or(usize::MAX).min(available)
}

/// What follows `name` (in lower case, with its colon) when `line` begins with it, without surrounding blanks.
fn value_of<'l>(line: &'l [u8], name: &[u8]) -> Option<&'l [u8]> {
    let (head, value) = line.split_at_checked(name.len())?;
    head.eq_ignore_ascii_case(name).then(|| value.trim_ascii())
}

fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || digits.len() > 19 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(digits.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
}

/// The size a chunk line states. Extensions are allowed and ignored.
fn chunk_size(line: &[u8]) -> Option<u64> {
    let end = line.iter().position(|byte| !byte.is_ascii_hexdigit()).unwrap_or(line.len());
    if end == 0 || end > 15 || line.get(end).is_some_and(|&byte| byte != b';') {
        return None;
    }
    line[..end].iter().try_fold(0u64, |size, &digit| Some(size << 4 | u64::from(char::from(digit).to_digit(16)?)))
}

#[cfg(test)]
mod tests {
    use super::{Framing, State};

    /// Feeds `text` in pieces of every size; returns how often a new request began and whether it was spoiled.
    fn check(text: &str, heads: usize, spoiled: bool) {
        for piece in [1, 2, 3, 7, 16, text.len().max(1)] {
            let mut framing = Framing::new();
            let mut bytes = text.as_bytes().to_vec();
            let mut seen = 0;
            for chunk in bytes.chunks_mut(piece) {
                for byte in chunk.chunks_mut(if piece == 1 { 1 } else { piece }) {
                    let before = framing.state;
                    framing.see(byte);
                    // Counting heads needs single bytes: a larger piece may pass through a whole head.
                    if piece == 1 && before == State::Start && framing.state == State::Head {
                        seen += 1;
                    }
                }
            }
            assert_eq!(framing.state == State::Spoiled, spoiled, "{text:?} in pieces of {piece}");
            if piece == 1 {
                assert_eq!(seen, heads, "{text:?}");
            }
            if !spoiled {
                assert_eq!(bytes, text.as_bytes(), "nothing may be changed: {text:?}");
            }
        }
    }

    #[test]
    fn whole_requests_pass_unchanged() {
        check("GET / HTTP/1.1\r\nHost: a\r\n\r\n", 1, false);
        check("POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n\n\n\n\n\nGET / HTTP/1.1\r\n\r\n", 2, false);
        check("\r\n\r\nPOST / HTTP/1.1\r\ncontent-length:0\r\n\r\nGET / HTTP/1.1\r\n\r\n", 2, false);
        check(
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab\ncd\r\na;x=y\r\n0123456789\r\n0\r\nT: v\r\n\r\nGET / HTTP/1.1\r\n\r\n",
            2,
            false,
        );
        let long =
            format!("GET / HTTP/1.1\r\nX: {}\r\nContent-Length: 1\r\n\r\n\nGET / HTTP/1.1\r\n\r\n", "v".repeat(200));
        check(&long, 2, false);
    }

    #[test]
    fn ambiguous_framing_is_spoiled() {
        let refused = [
            "Content-Length: 5\r\nContent-Length: 5\r\n",
            "content-length: 5\r\nCONTENT-LENGTH: 6\r\n",
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
            "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n",
            "Content-Length: +5\r\n",
            "Content-Length: -0\r\n",
            "Content-Length: 5, 5\r\n",
            "Content-Length: \r\n",
            "Content-Length: 99999999999999999999\r\n",
            "A: b\nB: c\r\n",
            "\nA: b\r\n",
        ];
        for lines in refused {
            check(&format!("POST / HTTP/1.1\r\n{lines}\r\n"), 1, true);
        }
        check("GET / HTTP/1.1\n\r\n", 0, true);
        check("\nGET / HTTP/1.1\r\n\r\n", 0, true);
        let padded = format!("POST / HTTP/1.1\r\nContent-Length:{}12345\r\n\r\n", " ".repeat(47));
        let mut framing = Framing::new();
        for byte in padded.clone().into_bytes().chunks_mut(10) {
            framing.see(byte);
        }
        assert!(framing.state == State::Spoiled, "a length that does not fit in the carry is refused");
    }

    #[test]
    fn bad_chunks_are_spoiled() {
        for body in [
            "5\nabcde\r\n",
            "x\r\n",
            "\r\n",
            "5 \r\n",
            "-5\r\n",
            "5\r\nabcdefg\r\n",
            "ffffffffffffffff\r\n",
            "5;a\nb\r\n",
        ] {
            check(&format!("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{body}"), 1, true);
        }
    }

    #[test]
    fn a_head_is_open_from_its_first_byte_to_its_last() {
        let mut framing = Framing::new();
        assert!(!framing.in_head());
        framing.see(&mut b"\r\n".to_vec());
        assert!(!framing.in_head(), "an empty line begins nothing");
        framing.see(&mut b"G".to_vec());
        assert!(framing.in_head());
        framing.see(&mut b"ET / HTTP/1.1\r\nA: b\r\n".to_vec());
        assert!(framing.in_head());
        framing.see(&mut b"\r\n".to_vec());
        assert!(!framing.in_head());
    }
}
