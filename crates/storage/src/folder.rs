//! The data folder: made private, on a local disk, used by one process at a time.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use crate::OpenError;

const LOCK_NAME: &str = "usher.lock";

/// Types of file systems whose locks or syncs reach over a network.
const NETWORK_KINDS: [&str; 14] = [
    "afs",
    "beegfs",
    "ceph",
    "cifs",
    "fuse.ceph",
    "fuse.glusterfs",
    "fuse.sshfs",
    "gfs2",
    "glusterfs",
    "lustre",
    "nfs",
    "nfs4",
    "smb3",
    "smbfs",
];

/// A data folder this process has to itself, until it is dropped.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// Held open for its lock only.
    _lock: File,
}

impl Folder {
    /// Makes the folder if there is none, and takes it.
    ///
    /// # Errors
    /// When it cannot be used, is open to others, lies on a network, or belongs to another process.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let failed = |source| OpenError::Folder { folder: path.to_owned(), source };
        if !path.exists() {
            create(path).map_err(failed)?;
        }
        let path = path.canonicalize().map_err(failed)?;
        let failed = |source| OpenError::Folder { folder: path.clone(), source };
        keep_private(&path)?;
        // Where the table of mounts cannot be read, the check is left out: it is a guard against a mistake.
        if let Some(kind) = fs::read("/proc/self/mountinfo").ok().and_then(|mounts| network_kind(&mounts, &path)) {
            return Err(OpenError::NetworkFileSystem { folder: path, kind });
        }
        let lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path.join(LOCK_NAME))
            .map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(OpenError::InUse { process: process_id(&lock), folder: path });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        lock.set_len(0).and_then(|()| writeln!(&lock, "{}", std::process::id())).map_err(failed)?;
        Ok(Self { path, _lock: lock })
    }

    /// The absolute path.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Makes the names in a folder durable.
pub(crate) fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// What of its volume the owner of this process may still write to.
///
/// # Errors
/// When the system does not say.
pub fn free_bytes(folder: &Path) -> io::Result<u64> {
    let volume = rustix::fs::statvfs(folder)?;
    Ok(volume.f_bavail.saturating_mul(volume.f_frsize))
}

fn create(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    match path.canonicalize()?.parent() {
        Some(parent) => sync(parent),
        None => Ok(()),
    }
}

/// An empty folder is made private; one with content is somebody's choice, so its owner is asked.
fn keep_private(path: &Path) -> Result<(), OpenError> {
    let failed = |source| OpenError::Folder { folder: path.to_owned(), source };
    let mode = fs::metadata(path).map_err(failed)?.permissions().mode() & 0o7777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    let mut entries = fs::read_dir(path).map_err(failed)?;
    if entries.next().is_some() {
        return Err(OpenError::FolderMode { folder: path.to_owned(), mode });
    }
    fs::set_permissions(path, Permissions::from_mode(0o700)).map_err(failed)
}

/// The process that holds the lock, as it wrote itself down.
fn process_id(lock: &File) -> Option<String> {
    let mut text = String::new();
    lock.take(20).read_to_string(&mut text).ok()?;
    let id = text.trim();
    (!id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit())).then(|| id.to_owned())
}

/// The type of the file system `path` is on, if it is one over a network. `mounts` is the table of `proc(5)`.
fn network_kind(mounts: &[u8], path: &Path) -> Option<String> {
    let mut nearest: Option<(PathBuf, &[u8])> = None;
    for line in mounts.split(|byte| *byte == b'\n') {
        let mut fields = line.split(|byte| *byte == b' ');
        let Some(point) = fields.nth(4).map(unescape) else {
            continue;
        };
        let Some(kind) = fields.skip_while(|field| *field != b"-").nth(1) else {
            continue;
        };
        let nearer = nearest.as_ref().is_none_or(|(known, _)| point.starts_with(known));
        if path.starts_with(&point) && nearer {
            nearest = Some((point, kind));
        }
    }
    let kind = nearest?.1;
    NETWORK_KINDS.iter().find(|name| name.as_bytes() == kind).map(|name| (*name).to_owned())
}

/// Undoes the octal escapes (`\040` for a space) of the table of mounts.
fn unescape(field: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&first, tail)) = rest.split_first() {
        let escaped = match rest {
            [b'\\', digits @ ..] if digits.len() >= 3 => {
                std::str::from_utf8(&digits[..3]).ok().and_then(|digits| u8::from_str_radix(digits, 8).ok())
            }
            _ => None,
        };
        bytes.push(escaped.unwrap_or(first));
        rest = if escaped.is_some() { &rest[4..] } else { tail };
    }
    PathBuf::from(OsStr::from_bytes(&bytes))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::network_kind;

    const MOUNTS: &[u8] = b"22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n\
        40 22 0:50 / /srv/bank\\040data rw - nfs4 files:/export rw\n\
        41 40 8:2 / /srv/bank\\040data/local rw - xfs /dev/sdb1 rw\n";

    #[test]
    fn a_folder_on_a_network_file_system_is_recognised() {
        let kind = |path| network_kind(MOUNTS, Path::new(path));
        assert_eq!(kind("/srv/bank data/usher").as_deref(), Some("nfs4"));
        assert_eq!(kind("/srv/bank data/local/usher"), None);
        assert_eq!(kind("/srv/bank"), None);
        assert_eq!(kind("/var/lib/usher"), None);
    }
}
