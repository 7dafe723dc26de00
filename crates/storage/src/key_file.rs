//! The payload key of this installation: a file beside the database, made at first start, readable by its owner only.
//!
//! One line: `usher-payload-key-1 <id: 16 hex digits> <key: 64 hex digits>`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::seal::{Binding, KeyId, Sealer};
use crate::{Engine, OpenError};
use crate::{folder, hex};

pub(crate) const NAME: &str = "payload.key";
/// Written in full before it gets its name, so that a crash never leaves half a key behind.
const UNFINISHED_NAME: &str = "payload.key.new";
const FORM: &str = "usher-payload-key-1";
const PROBE: &[u8] = b"usher";

/// The sealer of this folder. A first start makes the key; every other start proves that it fits what is stored.
pub(crate) fn unlock(folder: &Path, engine: &mut impl Engine) -> Result<Sealer, OpenError> {
    let path = folder.join(NAME);
    let known = engine.payload_keys()?;
    let sealer = match read(folder)? {
        Some(sealer) => sealer,
        None if known.in_use => return Err(OpenError::KeyMissing { path }),
        None => create(folder, &path).map_err(|source| OpenError::Key { path: path.clone(), source })?,
    };
    match known.probes.into_iter().find(|probe| probe.key_id == sealer.key_id()) {
        Some(probe) => sealer.open(&Binding::Probe, probe).map(drop).map_err(|_| OpenError::KeyForeign { path })?,
        None if known.in_use => return Err(OpenError::KeyForeign { path }),
        None => {
            let no_randomness = |_| OpenError::Key { path, source: io::Error::other("no random bytes") };
            let probe = sealer.seal(&Binding::Probe, PROBE.to_vec()).map_err(no_randomness)?;
            engine.add_payload_key(&probe)?;
        }
    }
    Ok(sealer)
}

/// The sealer of the key file in a folder, if there is one.
pub(crate) fn read(folder: &Path) -> Result<Option<Sealer>, OpenError> {
    let path = folder.join(NAME);
    let failed = |source| OpenError::Key { path: path.clone(), source };
    let mut file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(OpenError::KeyMode { path, mode });
    }
    // Room for one byte more than a key file has, so that a longer one is seen to be too long.
    let mut text = Zeroizing::new([0; FORM.len() + 84]);
    let mut length = 0;
    loop {
        match file.read(&mut text[length..]).map_err(failed)? {
            0 => break,
            count => length += count,
        }
    }
    parse(&text[..length]).map(Some).ok_or(OpenError::KeyMalformed { path })
}

fn parse(text: &[u8]) -> Option<Sealer> {
    let line = text.strip_suffix(b"\n").unwrap_or(text).strip_prefix(FORM.as_bytes())?.strip_prefix(b" ")?;
    let (id, key) = line.split_at_checked(16)?;
    let id = hex::array::<8>(id)?;
    let key = Zeroizing::new(hex::array::<32>(key.strip_prefix(b" ")?)?);
    Some(Sealer::new(KeyId(id), &key))
}

fn create(folder: &Path, path: &Path) -> io::Result<Sealer> {
    let mut id = [0; 8];
    let mut key = Zeroizing::new([0; 32]);
    getrandom::fill(&mut id)?;
    getrandom::fill(&mut *key)?;
    let mut line = Zeroizing::new(String::with_capacity(FORM.len() + 84));
    line.push_str(FORM);
    line.push(' ');
    hex::push(&id, &mut line);
    line.push(' ');
    hex::push(&*key, &mut line);
    line.push('\n');

    let unfinished: PathBuf = folder.join(UNFINISHED_NAME);
    // Left over by a crash; it never had its name, so nothing is sealed with it.
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
    file.write_all(line.as_bytes())?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    folder::sync(folder)?;
    Ok(Sealer::new(KeyId(id), &key))
}
