//! Room on the volume: requests are turned away before it is full, and a file set aside gives room for what makes room.
//!
//! On a full volume SQLite refuses even to delete. So new requests stop while there is still room, and the room of the
//! reserve file is given back then: deleting, delivering and reading go on. Once there is space again the reserve is made
//! anew and requests are taken, without anybody's help.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{FallocateFlags, fallocate};

use crate::folder;

const NAME: &str = "reserve";

/// How much room is kept, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Size of the reserve file; 0 for none.
    pub reserve_bytes: u64,
    /// Requests are turned away when less than this is free, beside the reserve; 0 leaves it to the volume being full.
    pub free_bytes_min: u64,
}

impl Default for Room {
    /// As much as the log may take while it is copied, and four times that.
    fn default() -> Self {
        Self { reserve_bytes: 64 << 20, free_bytes_min: 256 << 20 }
    }
}

/// The room of one data folder.
#[derive(Debug)]
pub(crate) struct Space {
    folder: PathBuf,
    room: Room,
    is_short: AtomicBool,
}

impl Space {
    pub(crate) fn new(folder: PathBuf, room: Room) -> Self {
        Self { folder, room, is_short: AtomicBool::new(false) }
    }

    /// Whether requests are turned away.
    pub(crate) fn is_short(&self) -> bool {
        self.is_short.load(Ordering::Relaxed)
    }

    /// Looks how much is free and acts on it. `reusable_bytes` are empty inside the database, and written to before it
    /// grows; `is_full` says that a write found no space. Gives whether requests are turned away from now on.
    pub(crate) fn look(&self, reusable_bytes: u64, is_full: bool) -> io::Result<bool> {
        let Room { reserve_bytes, free_bytes_min } = self.room;
        let free_bytes = folder::free_bytes(&self.folder)?;
        let usable_bytes = free_bytes.saturating_add(reusable_bytes);
        let was_short = self.is_short();
        let is_short = if was_short {
            // The reserve must fit in again, and twice: the log needs volume whatever the database has inside.
            let is_enough = usable_bytes >= free_bytes_min.saturating_add(reserve_bytes)
                && free_bytes >= reserve_bytes.saturating_mul(2)
                && free_bytes > 0;
            !(is_enough && self.set_aside().is_ok())
        } else {
            is_full || usable_bytes < free_bytes_min || self.set_aside().is_err()
        };
        if is_short && !was_short {
            self.give_back()?;
            tracing::warn!(free_bytes, "the volume of the data folder is almost full: requests are turned away");
        } else if was_short && !is_short {
            tracing::info!(free_bytes, "there is space again: requests are taken");
        }
        self.is_short.store(is_short, Ordering::Relaxed);
        Ok(is_short)
    }

    /// Makes the reserve file, unless it is there.
    fn set_aside(&self) -> io::Result<()> {
        let Room { reserve_bytes, .. } = self.room;
        let file = self.open()?;
        if file.metadata()?.len() == reserve_bytes {
            return Ok(());
        }
        file.set_len(0)?;
        let done = match fallocate(&file, FallocateFlags::empty(), 0, reserve_bytes.max(1)) {
            Err(error) if error == rustix::io::Errno::OPNOTSUPP => fill(&file, reserve_bytes),
            done => done.map_err(io::Error::from),
        };
        let done = done.and_then(|()| file.set_len(reserve_bytes)).and_then(|()| file.sync_all());
        if done.is_err() {
            // Half a reserve would only take the room that is missing.
            file.set_len(0)?;
        }
        done
    }

    /// Gives its room to the volume.
    fn give_back(&self) -> io::Result<()> {
        let file = self.open()?;
        file.set_len(0)?;
        file.sync_all()
    }

    fn open(&self) -> io::Result<File> {
        OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(self.folder.join(NAME))
    }
}

/// For file systems that cannot promise room: what is written has it.
fn fill(mut file: &File, bytes: u64) -> io::Result<()> {
    let zeros = [0; 1 << 16];
    let mut left = bytes;
    while left > 0 {
        let count = usize::try_from(left).map_or(zeros.len(), |left| left.min(zeros.len()));
        file.write_all(&zeros[..count])?;
        left -= count as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn length(folder: &tempfile::TempDir) -> u64 {
        std::fs::metadata(folder.path().join(NAME)).unwrap().len()
    }

    #[test]
    fn requests_are_turned_away_below_the_bound_and_taken_again_when_there_is_space() {
        let folder = tempfile::tempdir().unwrap();
        let free_bytes = folder::free_bytes(folder.path()).unwrap();
        let reserve_bytes = 1 << 20;
        // More than can ever be free: it is always short.
        let space = Space::new(folder.path().to_owned(), Room { reserve_bytes, free_bytes_min: u64::MAX });
        assert!(space.look(0, false).unwrap());
        assert_eq!(length(&folder), 0);

        let space = Space::new(folder.path().to_owned(), Room { reserve_bytes, free_bytes_min: 1 });
        assert!(!space.look(0, false).unwrap());
        assert_eq!(length(&folder), reserve_bytes);
        // A write that found no space counts whatever the system says is free.
        assert!(space.look(0, true).unwrap() && space.is_short());
        assert_eq!(length(&folder), 0);
        assert!(!space.look(0, false).unwrap() && !space.is_short());
        assert_eq!(length(&folder), reserve_bytes);

        // What is empty inside the database counts as free.
        let beyond = free_bytes.saturating_mul(2);
        let space = Space::new(folder.path().to_owned(), Room { reserve_bytes, free_bytes_min: beyond });
        assert!(space.look(0, false).unwrap());
        assert!(!space.look(beyond * 2, false).unwrap());
    }

    #[test]
    fn a_reserve_of_another_size_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        for reserve_bytes in [4096, 8192, 0, 4096] {
            let space = Space::new(folder.path().to_owned(), Room { reserve_bytes, free_bytes_min: 0 });
            assert!(!space.look(0, false).unwrap());
            assert_eq!(length(&folder), reserve_bytes);
        }
    }
}
