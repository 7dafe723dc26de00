//! Checkpoints: moving what is in the write-ahead log into the database, on a thread of their own.
//!
//! The usual checkpoint disturbs nobody, but while commits keep coming it never reaches the end of the log, and the
//! log only starts over when it did. So once the log is long, the last bit is copied between two commits.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::fault::Fault;

/// How long commits may be held up by a reader that is in the way of starting over.
const HOLD_UP_MAX: Duration = Duration::from_millis(50);

/// When the log is copied into the database, in pages of 8 KiB. Only tests want other numbers than the default: with small
/// ones, little work meets every kind of checkpoint.
#[derive(Clone, Copy, Debug)]
pub struct Checkpointing {
    /// Pages in the log that are not in the database, before a checkpoint pays.
    pub waiting_pages_min: i64,
    /// Pages in the log before it is made to start over.
    pub log_pages_max: i64,
    /// How often the space of the log is given back, and with it what was deleted from the database meanwhile.
    pub empty_interval: Duration,
}

impl Default for Checkpointing {
    /// After 16 MiB, after 32 MiB, every minute.
    fn default() -> Self {
        Self { waiting_pages_min: 2_048, log_pages_max: 4_096, empty_interval: Duration::from_secs(60) }
    }
}

/// Who may write to the log now, and whether anybody may.
#[derive(Debug, Default)]
pub(super) struct Wal {
    turn: Mutex<()>,
    /// The writer steps back for the next turn: it takes turn after turn, and a lock alone is not fair.
    wanted: AtomicBool,
    given_back: Condvar,
    broken: AtomicBool,
    /// Checkpoints that were made.
    checkpoints: AtomicU64,
}

impl Wal {
    /// The turn of the writer.
    pub(super) fn write(&self) -> MutexGuard<'_, ()> {
        let turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        self.given_back
            .wait_while(turn, |()| self.wanted.load(Ordering::SeqCst))
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// A turn between two transactions.
    fn pause(&self) -> Pause<'_> {
        self.wanted.store(true, Ordering::SeqCst);
        Pause { wal: self, _turn: self.turn.lock().unwrap_or_else(PoisonError::into_inner) }
    }

    pub(super) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::SeqCst)
    }

    /// Checkpoints made since the start.
    pub(super) fn checkpoints(&self) -> u64 {
        self.checkpoints.load(Ordering::Relaxed)
    }

    pub(super) fn break_down(&self) {
        self.broken.store(true, Ordering::SeqCst);
    }
}

/// Commits wait until this is dropped.
struct Pause<'a> {
    wal: &'a Wal,
    _turn: MutexGuard<'a, ()>,
}

impl Drop for Pause<'_> {
    fn drop(&mut self) {
        // The turn is still held here, so the writer cannot miss the call.
        self.wal.wanted.store(false, Ordering::SeqCst);
        self.wal.given_back.notify_all();
    }
}

/// The thread of checkpoints; it ends when this is stopped or dropped.
pub(super) struct Checkpointer {
    nudges: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    pub(super) fn start(checkpoints: Checkpoints) -> io::Result<Self> {
        // One nudge waiting is as good as many.
        let (nudges, nudged) = sync_channel(1);
        let thread =
            thread::Builder::new().name("usher-checkpoint".to_owned()).spawn(move || checkpoints.run(&nudged))?;
        Ok(Self { nudges: Some(nudges), thread: Some(thread) })
    }

    /// Says that the log has grown.
    pub(super) fn nudge(&self) {
        if let Some(nudges) = &self.nudges {
            // Full: a nudge is waiting already. Closed: the thread has given up, and has said so.
            let _ = nudges.try_send(());
        }
    }

    /// Waits for the running checkpoint, if any, and makes no more.
    pub(super) fn stop(&mut self) {
        self.nudges = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread of checkpoints had panicked");
        }
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Makes checkpoints on a connection of its own.
pub(super) struct Checkpoints {
    connection: Connection,
    wal: Arc<Wal>,
    rule: Checkpointing,
    /// Pages in the log before it is made to start over; grows while a reader is in the way, so that commits are not
    /// held up again and again for nothing.
    log_pages_max: i64,
}

/// The log after a checkpoint.
struct Log {
    /// Something was in the way of doing all that was asked.
    blocked: bool,
    /// Pages in it.
    pages: i64,
    /// Pages that are in the database too.
    done: i64,
}

impl Checkpoints {
    pub(super) fn new(connection: Connection, wal: Arc<Wal>, rule: Checkpointing) -> rusqlite::Result<Self> {
        connection.busy_timeout(HOLD_UP_MAX)?;
        Ok(Self { connection, wal, rule, log_pages_max: rule.log_pages_max })
    }

    fn run(mut self, nudged: &Receiver<()>) {
        let mut emptied_at = Instant::now();
        loop {
            match nudged.recv_timeout(self.rule.empty_interval) {
                Ok(()) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            let done = if emptied_at.elapsed() < self.rule.empty_interval {
                self.shorten()
            } else {
                emptied_at = Instant::now();
                self.empty()
            };
            match done.map_err(Fault::from) {
                Ok(()) => {}
                // Space may come back, and nothing of the log is lost meanwhile.
                Err(Fault::Full | Fault::Busy) => tracing::warn!("a checkpoint was put off"),
                Err(fault) => {
                    // A failed sync of the database file must not be asked for again: the pages it lost would pass for
                    // written, and the log that still has them would be overwritten.
                    self.wal.break_down();
                    tracing::error!(?fault, "a checkpoint failed; no more commits until a restart");
                    return;
                }
            }
        }
    }

    /// Keeps the log from growing.
    fn shorten(&mut self) -> rusqlite::Result<()> {
        let Log { pages, done, .. } = self.checkpoint("PRAGMA wal_checkpoint(NOOP)")?;
        if pages - done < self.rule.waiting_pages_min {
            return Ok(());
        }
        let Log { pages, .. } = self.checkpoint("PRAGMA wal_checkpoint(PASSIVE)")?;
        self.wal.checkpoints.fetch_add(1, Ordering::Relaxed);
        if pages < self.log_pages_max {
            return Ok(());
        }
        let _pause = self.wal.pause();
        let Log { blocked, .. } = self.checkpoint("PRAGMA wal_checkpoint(RESTART)")?;
        self.log_pages_max = if blocked { pages.saturating_mul(2) } else { self.rule.log_pages_max };
        Ok(())
    }

    /// Makes the log an empty file; all that was in it is in the database then, and on disk.
    pub(super) fn empty(&self) -> rusqlite::Result<()> {
        let Log { pages, .. } = self.checkpoint("PRAGMA wal_checkpoint(PASSIVE)")?;
        if pages == 0 {
            return Ok(());
        }
        self.wal.checkpoints.fetch_add(1, Ordering::Relaxed);
        let _pause = self.wal.pause();
        self.checkpoint("PRAGMA wal_checkpoint(TRUNCATE)").map(drop)
    }

    fn checkpoint(&self, sql: &'static str) -> rusqlite::Result<Log> {
        self.connection
            .prepare_cached(sql)?
            .query_row([], |row| Ok(Log { blocked: row.get(0)?, pages: row.get(1)?, done: row.get(2)? }))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Arc;

    use rusqlite::{Connection, OpenFlags};

    use super::{Checkpointing, Checkpoints, Wal};
    use crate::sqlite::{connect, prepare_writing};

    /// A database, and the length of its log.
    fn database(folder: &tempfile::TempDir) -> (Connection, Checkpoints, impl Fn() -> u64) {
        let path = folder.path().join("test.db");
        let open = || connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE).unwrap();
        let connection = open();
        prepare_writing(&connection).unwrap();
        connection.execute_batch("CREATE TABLE t (x BLOB)").unwrap();
        let checkpoints = Checkpoints::new(open(), Arc::new(Wal::default()), Checkpointing::default()).unwrap();
        let log = folder.path().join("test.db-wal");
        (connection, checkpoints, move || fs::metadata(&log).unwrap().len())
    }

    fn write(connection: &Connection, bytes: usize) {
        connection.execute("INSERT INTO t VALUES (zeroblob(?1))", [i64::try_from(bytes).unwrap()]).unwrap();
    }

    #[test]
    fn the_log_does_not_grow_without_bound() {
        let folder = tempfile::tempdir().unwrap();
        let (connection, mut checkpoints, log_bytes) = database(&folder);
        for _ in 0..15 {
            write(&connection, 5 << 20);
            checkpoints.shorten().unwrap();
        }
        assert!(log_bytes() <= 64 << 20, "{}", log_bytes());
    }

    #[test]
    fn the_log_is_given_back() {
        let folder = tempfile::tempdir().unwrap();
        let (connection, checkpoints, log_bytes) = database(&folder);
        write(&connection, 5 << 20);
        assert!(log_bytes() > 5 << 20);
        checkpoints.empty().unwrap();
        assert_eq!(log_bytes(), 0);
    }

    #[test]
    fn a_reader_in_the_way_holds_up_commits_once_not_each_time() {
        let folder = tempfile::tempdir().unwrap();
        let (connection, mut checkpoints, _) = database(&folder);
        let reader = connect(&folder.path().join("test.db"), OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
        write(&connection, 1);
        reader.execute_batch("BEGIN; SELECT * FROM t").unwrap();
        write(&connection, 34 << 20);

        checkpoints.shorten().unwrap();
        let raised = checkpoints.log_pages_max;
        assert!(raised > Checkpointing::default().log_pages_max);
        write(&connection, 5 << 20);
        checkpoints.shorten().unwrap();
        assert_eq!(checkpoints.log_pages_max, raised);

        reader.execute_batch("COMMIT").unwrap();
        write(&connection, 32 << 20);
        checkpoints.shorten().unwrap();
        assert_eq!(checkpoints.log_pages_max, Checkpointing::default().log_pages_max);
    }
}
