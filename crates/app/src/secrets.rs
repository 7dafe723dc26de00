//! The secrets beside the database: what turns API keys, bodies and persons into what is stored of them.
//!
//! Each is a file of one line, `<form> <64 hex digits>`, made at first start and readable by its owner only. The key that
//! payloads are sealed with is the storage's own. Beside the key that receipts are signed with stand the public halves of
//! those it took the place of, in a file of the same lines.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use miette::Diagnostic;
use thiserror::Error;
use usher_domain::hex;
use usher_domain::key::Pepper;
use usher_domain::receipt::DigestKey;
use usher_domain::signature::{PublicKey, SigningKey, SigningKeys};
use usher_storage::Store;
use zeroize::Zeroizing;

use crate::data;

const SECRET_BYTES: usize = 32;

/// A secret: the name of its file, the first word in it, and what no longer works without it.
struct Kind {
    file_name: &'static str,
    form: &'static str,
    loss: &'static str,
}

const PEPPER: Kind =
    Kind { file_name: "pepper.key", form: "usher-pepper-1", loss: "no API key that was given out works" };
const DIGESTS: Kind =
    Kind { file_name: "digest.key", form: "usher-digest-key-1", loss: "no repeat and no person is recognised" };
const SIGNING: Kind = Kind {
    file_name: "signing.key",
    form: "usher-signing-key-1",
    loss: "no receipt that was given out can be checked",
};

/// The files of the secrets that every data folder has.
pub(crate) const FILE_NAMES: [&str; 3] = [PEPPER.file_name, DIGESTS.file_name, SIGNING.file_name];

/// Public keys that no longer sign, newest first, a line each.
pub(crate) const RETIRED_FILE_NAME: &str = "signing.retired";
const RETIRED_FORM: &str = "usher-signing-public-1";
/// More than a gateway retires in its life.
const RETIRED_BYTES_MAX: u64 = 1 << 20;

/// The secrets of one data folder.
pub(crate) struct Secrets {
    /// Turns API keys into what is stored of them.
    pub(crate) pepper: Pepper,
    /// Turns bodies and persons into what is stored of them.
    pub(crate) digests: Arc<DigestKey>,
    /// Signs receipts.
    pub(crate) signing: SigningKeys,
}

/// Why a secret cannot be used.
#[derive(Debug, Diagnostic, Error)]
pub(crate) enum Fault {
    /// It was there once.
    #[error("the secret file {} is missing, but the data folder was used with it", path.display())]
    #[diagnostic(code(usher::secrets::missing), help("Put the file back from its backup: without it {loss}."))]
    Missing { path: PathBuf, loss: &'static str },
    /// It is another one than before.
    #[error("the secret file {} is not the one the data folder was used with", path.display())]
    #[diagnostic(code(usher::secrets::foreign), help("Put the file back from its backup: with another one {loss}."))]
    Foreign { path: PathBuf, loss: &'static str },
    /// It is something else.
    #[error("the secret file {} does not have the form `{form} <64 hex digits>`", path.display())]
    #[diagnostic(code(usher::secrets::form), help("Put the file back from its backup."))]
    Form { path: PathBuf, form: &'static str },
    /// Others may read it.
    #[error("the secret file {} is open to other users (mode {mode:04o})", path.display())]
    #[diagnostic(
        code(usher::secrets::mode),
        help("Run: chmod 600 '{}'. If others could have read it, make new API keys.", path.display())
    )]
    Mode { path: PathBuf, mode: u32 },
    /// The system says no.
    #[error("the secret file {} cannot be used", path.display())]
    #[diagnostic(
        code(usher::secrets::unusable),
        help("Correct the owner and the permissions of the file and its folder.")
    )]
    Unusable { path: PathBuf, source: io::Error },
}

impl Secrets {
    /// Reads the secrets in `folder`; `is_new` says that nothing depends on them yet, so they may be made.
    pub(crate) fn open(folder: &Path, is_new: bool) -> Result<Self, Fault> {
        Ok(Secrets {
            pepper: Pepper::new(*open(folder, &PEPPER, is_new)?),
            digests: Arc::new(DigestKey::new(*open(folder, &DIGESTS, is_new)?)),
            signing: signing_keys(folder, is_new)?,
        })
    }

    /// Makes sure that these are the secrets the data folder was used with; those of a first start are remembered. The
    /// signing key is not among them: an operator may take another one.
    pub(crate) async fn check(&self, folder: &Path, store: &Store) -> Result<(), data::Fault> {
        for (kind, value) in [(PEPPER, self.pepper.check_value()), (DIGESTS, self.digests.check_value())] {
            if !store.check_secret(kind.file_name, value).await? {
                return Err(Fault::Foreign { path: folder.join(kind.file_name), loss: kind.loss }.into());
            }
        }
        Ok(())
    }
}

fn signing_keys(folder: &Path, is_new: bool) -> Result<SigningKeys, Fault> {
    let current = SigningKey::new(&*open(folder, &SIGNING, is_new)?);
    let retired = retired(folder)?.into_iter().filter(|key| *key != current.public()).collect();
    Ok(SigningKeys::new(current, retired))
}

/// Puts a new signing key in the place of the one in use, whose public half stays. Gives the new one's.
///
/// The old key is retired before it is replaced: a crash in between leaves it in both places, which reading takes for one.
pub(crate) fn rotate_signing_key(folder: &Path) -> Result<PublicKey, Fault> {
    let current = SigningKey::new(&*open(folder, &SIGNING, false)?).public();
    let path = folder.join(RETIRED_FILE_NAME);
    let mut lines = vec![current];
    lines.extend(retired(folder)?.into_iter().filter(|key| *key != current));
    let line = |key: &PublicKey| format!("{RETIRED_FORM} {}\n", hex::encode(key.as_bytes()));
    let text: String = lines.iter().map(line).collect();
    replace(folder, &path, &[&text]).map_err(|source| Fault::Unusable { path, source })?;
    let path = folder.join(SIGNING.file_name);
    let seed = create(folder, &path, &SIGNING).map_err(|source| Fault::Unusable { path, source })?;
    Ok(SigningKey::new(&seed).public())
}

/// The public keys that no longer sign. There is no file before the first key was retired.
fn retired(folder: &Path) -> Result<Vec<PublicKey>, Fault> {
    let path = folder.join(RETIRED_FILE_NAME);
    let unusable = |source| Fault::Unusable { path: path.clone(), source };
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unusable(error)),
    };
    let mut text = String::new();
    file.take(RETIRED_BYTES_MAX).read_to_string(&mut text).map_err(unusable)?;
    let key = |line: &str| {
        let digits = line.strip_prefix(RETIRED_FORM).and_then(|rest| rest.strip_prefix(' '));
        digits.and_then(hex::decode).map(PublicKey::from_bytes)
    };
    let keys: Option<Vec<_>> = text.lines().map(key).collect();
    keys.ok_or(Fault::Form { path, form: RETIRED_FORM })
}

fn open(folder: &Path, kind: &Kind, is_new: bool) -> Result<Zeroizing<[u8; SECRET_BYTES]>, Fault> {
    let path = folder.join(kind.file_name);
    let unusable = |source| Fault::Unusable { path: path.clone(), source };
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound && is_new => {
            return create(folder, &path, kind).map_err(unusable);
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(Fault::Missing { path, loss: kind.loss });
        }
        Err(error) => return Err(unusable(error)),
    };
    let mode = file.metadata().map_err(unusable)?.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(Fault::Mode { path, mode });
    }
    read(file, kind).map_err(unusable)?.ok_or(Fault::Form { path, form: kind.form })
}

/// None when the file holds something else.
fn read(file: File, kind: &Kind) -> io::Result<Option<Zeroizing<[u8; SECRET_BYTES]>>> {
    // One byte more than there should be, so that a longer file is seen to be too long. The buffer never grows, so no
    // copy of the secret stays behind in memory.
    let length_max = kind.form.len() + 2 * SECRET_BYTES + 3;
    let mut text = Zeroizing::new(String::with_capacity(length_max));
    match file.take(length_max as u64).read_to_string(&mut text) {
        Err(error) if error.kind() == io::ErrorKind::InvalidData => return Ok(None),
        read => read?,
    };
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let digits = line.strip_prefix(kind.form).and_then(|rest| rest.strip_prefix(' '));
    Ok(digits.and_then(hex::decode).map(Zeroizing::new))
}

fn create(folder: &Path, path: &Path, kind: &Kind) -> io::Result<Zeroizing<[u8; SECRET_BYTES]>> {
    let mut secret = Zeroizing::new([0; SECRET_BYTES]);
    getrandom::fill(&mut *secret)?;
    let digits = Zeroizing::new(hex::encode(&*secret));
    replace(folder, path, &[kind.form, " ", &digits, "\n"])?;
    Ok(secret)
}

/// Writes a file for its owner only, in the place of what was there.
fn replace(folder: &Path, path: &Path, parts: &[&str]) -> io::Result<()> {
    // Written in full before it gets its name, so that a crash never leaves half a file behind.
    let unfinished = path.with_extension("new");
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
    for part in parts {
        file.write_all(part.as_bytes())?;
    }
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;

    use tempfile::TempDir;

    use super::*;

    fn open_pepper(folder: &TempDir, is_new: bool) -> Result<[u8; SECRET_BYTES], Fault> {
        open(folder.path(), &PEPPER, is_new).map(|secret| *secret)
    }

    #[test]
    fn a_secret_is_made_once_and_for_its_owner_only() {
        let folder = TempDir::new().unwrap();
        let made = open_pepper(&folder, true).unwrap();
        assert_ne!(made, [0; SECRET_BYTES]);
        for is_new in [true, false] {
            assert_eq!(open_pepper(&folder, is_new).unwrap(), made);
        }
        let mode = fs::metadata(folder.path().join("pepper.key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o600);
        let digests = open(folder.path(), &DIGESTS, true).unwrap();
        assert_ne!(*digests, made);
        let names = fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(names, 2);
    }

    #[test]
    fn a_lost_secret_is_never_replaced() {
        let folder = TempDir::new().unwrap();
        assert!(matches!(open_pepper(&folder, false), Err(Fault::Missing { .. })));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_is_left_of_a_crash_is_no_secret() {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("pepper.new"), "usher-pepper-1 12").unwrap();
        open_pepper(&folder, true).unwrap();
        assert!(!folder.path().join("pepper.new").exists());
    }

    #[test]
    fn a_file_of_another_form_is_refused() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("pepper.key");
        let digits = "0".repeat(64);
        let texts = [
            String::new(),
            digits.clone(),
            format!("usher-digest-key-1 {digits}"),
            format!("usher-pepper-1 {digits}0"),
        ];
        for text in texts.iter().map(String::as_bytes).chain([&b"\xff"[..]]) {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
            assert!(matches!(open_pepper(&folder, true), Err(Fault::Form { .. })), "{text:?}");
        }
        fs::write(&path, format!("usher-pepper-1 {digits}")).unwrap();
        assert_eq!(open_pepper(&folder, true).unwrap(), [0; SECRET_BYTES]);
    }

    #[test]
    fn a_secret_others_may_read_is_refused() {
        let folder = TempDir::new().unwrap();
        open_pepper(&folder, true).unwrap();
        fs::set_permissions(folder.path().join("pepper.key"), Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(open_pepper(&folder, true), Err(Fault::Mode { mode: 0o640, .. })));
    }
}
