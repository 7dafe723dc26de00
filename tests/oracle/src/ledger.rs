//! Ledgers: files of lines, each on disk before whoever wrote it goes on.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::marker::PhantomData;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// A line of a client's ledger: how one attempt to send a request ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Whose request it is.
    pub tenant: String,
    /// The idempotency key, the same for every attempt.
    pub key: String,
    /// The digest of the body.
    pub body: String,
    /// When it was known, in milliseconds since 1970.
    pub at: u64,
    /// The HTTP status; none when no whole answer came.
    pub status: Option<u16>,
    /// The id it was told.
    pub id: Option<String>,
}

impl Answer {
    /// Whether it says that the request is stored.
    pub fn is_acknowledged(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }
}

/// A line of a receiver's ledger: something that was delivered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Received {
    /// The id of the message, the same for every attempt.
    pub message: String,
    /// The id of the request it tells of.
    pub id: String,
    /// The digest of the body.
    pub body: String,
    /// Whether its signature was right, where it carries one.
    pub is_verified: bool,
    /// When it came, in milliseconds since 1970.
    pub at: u64,
}

/// A file of lines.
pub struct Ledger<T> {
    file: Mutex<File>,
    of: PhantomData<fn(T)>,
}

impl<T: Serialize> Ledger<T> {
    /// Begins a ledger; there must be none yet.
    ///
    /// # Errors
    /// When the file is there, or cannot be made.
    pub fn create(path: &Path) -> io::Result<Self> {
        Ok(Ledger { file: Mutex::new(File::create_new(path)?), of: PhantomData })
    }

    /// Writes a line; it is on disk when this returns.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn append(&self, line: &T) -> io::Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        // A line is written at once, so the file is whole after any single call.
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(&text)?;
        file.sync_data()
    }
}

/// All lines of a ledger. A last line without its end is left out: whoever wrote it never went on.
///
/// # Errors
/// When the file cannot be read, or a line is not one of this ledger.
pub fn read<T: DeserializeOwned>(path: &Path) -> io::Result<Vec<T>> {
    let text = fs::read_to_string(path)?;
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let line = |(index, line): (usize, &str)| {
        serde_json::from_str(line)
            .map_err(|error| io::Error::other(format!("{}:{}: {error}", path.display(), index + 1)))
    };
    whole.lines().enumerate().map(line).collect()
}

/// The digest of a body.
pub fn digest(body: &[u8]) -> String {
    Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The time, in milliseconds since 1970.
pub fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;
    use std::io::Write as _;

    use super::{Ledger, Received, digest, read};

    #[test]
    fn a_ledger_keeps_whole_lines_and_names_a_broken_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger");
        let line = |message: &str| Received {
            message: message.to_owned(),
            id: "a".to_owned(),
            body: digest(b"body"),
            is_verified: true,
            at: 7,
        };
        let ledger = Ledger::create(&path).unwrap();
        ledger.append(&line("one")).unwrap();
        ledger.append(&line("two")).unwrap();
        assert!(Ledger::<Received>::create(&path).is_err());

        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"{\"message\":\"th").unwrap();
        assert_eq!(read::<Received>(&path).unwrap(), [line("one"), line("two")]);
        file.write_all(b"\n").unwrap();
        assert!(read::<Received>(&path).unwrap_err().to_string().contains("ledger:3: "));
    }
}
