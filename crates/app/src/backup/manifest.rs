//! The list of what is in a backup. What has no list, or another one, is none.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use usher_domain::hex;
use usher_storage::backup::{Content, FILE_NAME, KEY_FILE_NAME};

use super::{Fault, write};
use crate::{secrets, version};

const NAME: &str = "backup.json";
const FORM: &str = "usher-backup-1";
/// Larger than any list.
const BYTES_MAX: u64 = 1 << 20;

/// The list.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Manifest {
    form: String,
    /// The program that made it.
    version: String,
    /// Whatever was acknowledged before this is in it.
    pub(super) taken_at: String,
    newest_request_at: Option<String>,
    schema: u32,
    rows: BTreeMap<String, u64>,
    files: Vec<Listed>,
}

/// A file of a backup.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Listed {
    name: String,
    bytes: u64,
    sha256: String,
}

/// Looks at a file.
pub(super) fn list(folder: &Path, name: &str) -> Result<Listed, Fault> {
    let path = folder.join(name);
    let digest = |mut file: File| -> io::Result<(u64, String)> {
        let mut sha256 = Sha256::new();
        let mut bytes = 0;
        let mut buffer = vec![0; 1 << 16];
        loop {
            let count = file.read(&mut buffer)?;
            if count == 0 {
                return Ok((bytes, hex::encode(&sha256.finalize())));
            }
            sha256.update(&buffer[..count]);
            bytes += count as u64;
        }
    };
    let (bytes, sha256) = File::open(&path).and_then(digest).map_err(|source| Fault::File { path, source })?;
    Ok(Listed { name: name.to_owned(), bytes, sha256 })
}

impl Manifest {
    pub(super) fn new(taken_at: Timestamp, content: &Content, files: Vec<Listed>) -> Self {
        let newest = content.newest.and_then(|millis| Timestamp::from_millisecond(millis).ok());
        Manifest {
            form: FORM.to_owned(),
            version: version::PRODUCT.to_owned(),
            taken_at: taken_at.to_string(),
            newest_request_at: newest.map(|at| at.to_string()),
            schema: content.schema,
            rows: content.rows.clone(),
            files,
        }
    }

    pub(super) fn write(&self, folder: &Path) -> Result<(), Fault> {
        let text = serde_json::to_string_pretty(self).expect("texts and numbers can be written");
        write(&folder.join(NAME), format!("{text}\n").as_bytes())
    }

    /// The list of a backup, if that is what it is.
    pub(super) fn read(folder: &Path) -> Result<Self, Fault> {
        let path = folder.join(NAME);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(Fault::NoBackup { folder: folder.to_owned() });
            }
            Err(source) => return Err(Fault::File { path, source }),
        };
        let mut text = Vec::new();
        let read = file.take(BYTES_MAX).read_to_end(&mut text);
        read.map_err(|source| Fault::File { path: path.clone(), source })?;
        let manifest: Manifest = serde_json::from_slice(&text).map_err(|_| Fault::Form { path: path.clone() })?;
        // Names lead to files: only those that a backup has.
        let known = |name: &str| {
            [FILE_NAME, KEY_FILE_NAME, secrets::RETIRED_FILE_NAME].contains(&name)
                || secrets::FILE_NAMES.contains(&name)
        };
        let is_ours = manifest.form == FORM
            && manifest.files.iter().all(|file| known(&file.name))
            && manifest.files.iter().any(|file| file.name == FILE_NAME);
        if is_ours { Ok(manifest) } else { Err(Fault::Form { path }) }
    }

    /// Every file is as it was.
    pub(super) fn check(&self, folder: &Path) -> Result<(), Fault> {
        self.files.iter().try_for_each(|file| check(folder, file))
    }

    /// The database is as it was.
    pub(super) fn check_database(&self, folder: &Path) -> Result<(), Fault> {
        self.files.iter().filter(|file| file.name == FILE_NAME).try_for_each(|file| check(folder, file))
    }

    /// What is in the database is what was in it.
    pub(super) fn check_content(&self, folder: &Path, content: &Content) -> Result<(), Fault> {
        if content.schema == self.schema && content.rows == self.rows {
            return Ok(());
        }
        Err(Fault::Changed { path: folder.join(FILE_NAME) })
    }

    /// In a few words.
    pub(super) fn summary(&self) -> String {
        let requests = self.rows.get("records").copied().unwrap_or_default();
        let bytes: u64 = self.files.iter().map(|file| file.bytes).sum();
        let plural = if requests == 1 { "" } else { "s" };
        format!("{requests} request{plural}, {bytes} bytes in {} files", self.files.len())
    }
}

fn check(folder: &Path, listed: &Listed) -> Result<(), Fault> {
    let path = folder.join(&listed.name);
    if fs::metadata(&path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
        return Err(Fault::Lost { path });
    }
    if list(folder, &listed.name)? == *listed { Ok(()) } else { Err(Fault::Changed { path }) }
}
