//! The layer itself: a VFS of SQLite that hands every call to the stock one.
//!
//! Each of its files is the stock file with a number and a disk in front. That is all the memory there is to keep right: SQLite
//! gives `szOsFile` bytes for a file and calls `xClose` once for every file whose methods are set.

#![allow(unsafe_code, reason = "SQLite's interface for layers is C")]

use std::ffi::{CStr, OsStr, c_char, c_int, c_void};
use std::mem::size_of;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};

use rusqlite::ffi;

use crate::disk::{Change, Disk, Failure};

/// The name of SQLite's own layer.
pub const STOCK: &CStr = c"unix";

/// A folder whose files are written down until this is dropped.
pub struct Watch {
    /// What happens to them.
    pub disk: Arc<Disk>,
    folder: PathBuf,
}

/// Watches a folder that is there. Databases that are opened in it from now on are written down on the disk: a new one, or
/// one that says how the files came to be.
pub fn watch(folder: &Path, disk: Disk) -> Watch {
    register();
    let folder = folder.canonicalize().expect("the folder is there");
    let disk = Arc::new(disk);
    watched().push((folder.clone(), Arc::clone(&disk)));
    Watch { disk, folder }
}

impl Drop for Watch {
    fn drop(&mut self) {
        watched().retain(|(folder, _)| *folder != self.folder);
    }
}

/// All watched folders.
static WATCHED: Mutex<Vec<(PathBuf, Arc<Disk>)>> = Mutex::new(Vec::new());

fn watched() -> MutexGuard<'static, Vec<(PathBuf, Arc<Disk>)>> {
    WATCHED.lock().unwrap_or_else(PoisonError::into_inner)
}

fn disk_of(path: &Path) -> Option<Arc<Disk>> {
    let folder = path.parent()?;
    watched().iter().find(|(watched, _)| watched == folder).map(|(_, disk)| Arc::clone(disk))
}

/// A file of this layer; the stock file follows it in memory.
#[repr(C)]
struct File {
    base: ffi::sqlite3_file,
    /// From `Box::into_raw`; freed by `close`. Null for what is not watched.
    side: *mut Side,
}

struct Side {
    disk: Arc<Disk>,
    number: usize,
    /// The stock layer syncs the folder with the first sync of a journal or log that it may have made.
    syncs_folder: AtomicBool,
}

/// The stock layer and this one, which are never freed.
struct Layers {
    stock: *mut ffi::sqlite3_vfs,
}

// SAFETY: SQLite's layers may be called by any thread, and nothing changes the pointer after it is set.
unsafe impl Send for Layers {}
// SAFETY: as above.
unsafe impl Sync for Layers {}

static LAYERS: std::sync::OnceLock<Layers> = std::sync::OnceLock::new();

fn stock() -> *mut ffi::sqlite3_vfs {
    LAYERS.get().expect("the layer is registered before it is called").stock
}

fn register() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: the stock layer lives for ever, and so does the box that is leaked; the struct copied from it is plain
        // data, whose functions take the layer they are called with or ignore it.
        unsafe {
            let stock = ffi::sqlite3_vfs_find(STOCK.as_ptr());
            assert!(!stock.is_null(), "SQLite was built without its layer for Unix");
            assert!(LAYERS.set(Layers { stock }).is_ok());
            let layer = ffi::sqlite3_vfs {
                // The second version ends before system calls, which are the stock layer's own matter.
                iVersion: 2,
                szOsFile: size_of::<File>() as c_int + (*stock).szOsFile,
                pNext: ptr::null_mut(),
                zName: c"watched".as_ptr(),
                xOpen: Some(open),
                xDelete: Some(delete),
                ..*stock
            };
            let made = ffi::sqlite3_vfs_register(Box::leak(Box::new(layer)), 1);
            assert_eq!(made, ffi::SQLITE_OK);
        }
    });
}

/// The stock file behind one of ours.
///
/// # Safety
/// `file` is a file of this layer.
unsafe fn inner(file: *mut ffi::sqlite3_file) -> *mut ffi::sqlite3_file {
    // SAFETY: `szOsFile` made room for the stock file behind ours, and the size of ours is a multiple of its alignment.
    unsafe { file.cast::<File>().add(1).cast() }
}

/// # Safety
/// As [`inner`]; the file is open.
unsafe fn side<'f>(file: *mut ffi::sqlite3_file) -> Option<&'f Side> {
    // SAFETY: `open` has set it, and `close` is the last call.
    unsafe { (*file.cast::<File>()).side.as_ref() }
}

/// Calls a method of the stock file.
macro_rules! stock {
    ($file:expr, $method:ident $(, $argument:expr)*) => {{
        let inner = inner($file);
        let method = (*(*inner).pMethods).$method.expect("the stock layer has all methods of its version");
        method(inner $(, $argument)*)
    }};
}

fn code(failure: Failure, broken: c_int) -> c_int {
    if failure.is_full { ffi::SQLITE_FULL } else { broken }
}

unsafe extern "C" fn open(
    _: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    // SAFETY: SQLite gives `szOsFile` bytes, a name that ends or none, and flags as the stock layer wants them.
    unsafe {
        let ours = file.cast::<File>();
        (*ours).base.pMethods = ptr::null();
        (*ours).side = ptr::null_mut();
        let watched = path(name).and_then(|path| disk_of(&path).map(|disk| (path, disk)));
        // Before the stock layer makes it: what stands there now is what was there before.
        let journals = ffi::SQLITE_OPEN_WAL | ffi::SQLITE_OPEN_MAIN_JOURNAL | ffi::SQLITE_OPEN_SUPER_JOURNAL;
        let syncs_folder = flags & ffi::SQLITE_OPEN_CREATE != 0 && flags & journals != 0;
        let side = watched.map(|(path, disk)| Side {
            number: disk.file(&path),
            disk,
            syncs_folder: AtomicBool::new(syncs_folder),
        });
        let open = (*stock()).xOpen.expect("a layer can open");
        let result = open(stock(), name, inner(file), flags, out);
        if !(*inner(file)).pMethods.is_null() {
            (*ours).base.pMethods = &raw const METHODS;
            (*ours).side = side.map_or(ptr::null_mut(), |side| Box::into_raw(Box::new(side)));
        }
        result
    }
}

unsafe extern "C" fn delete(_: *mut ffi::sqlite3_vfs, name: *const c_char, sync_folder: c_int) -> c_int {
    // SAFETY: the arguments go on as they came.
    unsafe {
        let delete = (*stock()).xDelete.expect("a layer can delete");
        let result = delete(stock(), name, sync_folder);
        if result == ffi::SQLITE_OK
            && let Some(path) = path(name)
            && let Some(disk) = disk_of(&path)
        {
            disk.happened(disk.file(&path), Change::Delete { is_synced: sync_folder != 0 });
        }
        result
    }
}

/// # Safety
/// `name` is null or ends.
unsafe fn path(name: *const c_char) -> Option<PathBuf> {
    // SAFETY: as promised.
    (!name.is_null()).then(|| unsafe { PathBuf::from(OsStr::from_bytes(CStr::from_ptr(name).to_bytes())) })
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    // The second version has shared memory, which a log needs, and not the mapping of files, which would pass by here.
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

// SAFETY of all methods: SQLite calls them with a file that `open` made, between `open` and `close`, and the arguments go on
// to the stock file as they came.

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: as above; this is the last call, so the side is given up here.
    unsafe {
        let result = stock!(file, xClose);
        let side = (*file.cast::<File>()).side;
        if !side.is_null() {
            drop(Box::from_raw(side));
        }
        result
    }
}

unsafe extern "C" fn read(file: *mut ffi::sqlite3_file, to: *mut c_void, length: c_int, at: i64) -> c_int {
    // SAFETY: as above.
    unsafe { stock!(file, xRead, to, length, at) }
}

unsafe extern "C" fn write(file: *mut ffi::sqlite3_file, from: *const c_void, length: c_int, at: i64) -> c_int {
    // SAFETY: as above; `from` holds `length` bytes.
    unsafe {
        let Some(side) = side(file) else { return stock!(file, xWrite, from, length, at) };
        if let Some(failure) = side.disk.next_operation() {
            return code(failure, ffi::SQLITE_IOERR_WRITE);
        }
        let result = stock!(file, xWrite, from, length, at);
        if result == ffi::SQLITE_OK {
            let bytes = std::slice::from_raw_parts(from.cast::<u8>(), length as usize).to_vec();
            side.disk.happened(side.number, Change::Write { at: at as usize, bytes });
        }
        result
    }
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, length: i64) -> c_int {
    // SAFETY: as above.
    unsafe {
        let Some(side) = side(file) else { return stock!(file, xTruncate, length) };
        if let Some(failure) = side.disk.next_operation() {
            return code(failure, ffi::SQLITE_IOERR_TRUNCATE);
        }
        let result = stock!(file, xTruncate, length);
        if result == ffi::SQLITE_OK {
            side.disk.happened(side.number, Change::Truncate { length: length as usize });
        }
        result
    }
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, flags: c_int) -> c_int {
    // SAFETY: as above.
    unsafe {
        let Some(side) = side(file) else { return stock!(file, xSync, flags) };
        if let Some(failure) = side.disk.next_operation() {
            return code(failure, ffi::SQLITE_IOERR_FSYNC);
        }
        let began_at = side.disk.position();
        let result = stock!(file, xSync, flags);
        if result == ffi::SQLITE_OK {
            let of_folder = side.syncs_folder.swap(false, Ordering::SeqCst);
            side.disk.happened(side.number, Change::Sync { began_at, of_folder });
        }
        result
    }
}

unsafe extern "C" fn file_size(file: *mut ffi::sqlite3_file, size: *mut i64) -> c_int {
    // SAFETY: as above.
    unsafe { stock!(file, xFileSize, size) }
}

unsafe extern "C" fn lock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    // SAFETY: as above.
    unsafe { stock!(file, xLock, level) }
}

unsafe extern "C" fn unlock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    // SAFETY: as above.
    unsafe { stock!(file, xUnlock, level) }
}

unsafe extern "C" fn check_reserved_lock(file: *mut ffi::sqlite3_file, out: *mut c_int) -> c_int {
    // SAFETY: as above.
    unsafe { stock!(file, xCheckReservedLock, out) }
}

unsafe extern "C" fn file_control(file: *mut ffi::sqlite3_file, operation: c_int, argument: *mut c_void) -> c_int {
    // SAFETY: as above; the argument of a pragma is three texts that belong to SQLite, which reads them again when the layer
    // has not answered. One that is there ends, and "1" is no longer than what it takes the place of.
    unsafe {
        if operation == ffi::SQLITE_FCNTL_PRAGMA && side(file).is_some_and(|side| side.disk.is_weak()) {
            let texts = argument.cast::<*mut c_char>();
            let (name, value) = (*texts.add(1), *texts.add(2));
            if !value.is_null() && CStr::from_ptr(name) == c"synchronous" && CStr::from_ptr(value) == c"FULL" {
                ptr::copy_nonoverlapping(c"1".as_ptr(), value, 2);
            }
        }
        stock!(file, xFileControl, operation, argument)
    }
}

unsafe extern "C" fn sector_size(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: as above.
    unsafe { stock!(file, xSectorSize) }
}

unsafe extern "C" fn device_characteristics(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: as above.
    unsafe { stock!(file, xDeviceCharacteristics) }
}

unsafe extern "C" fn shm_map(
    file: *mut ffi::sqlite3_file,
    page: c_int,
    length: c_int,
    extend: c_int,
    out: *mut *mut c_void,
) -> c_int {
    // SAFETY: as above.
    unsafe { stock!(file, xShmMap, page, length, extend, out) }
}

unsafe extern "C" fn shm_lock(file: *mut ffi::sqlite3_file, offset: c_int, count: c_int, flags: c_int) -> c_int {
    // SAFETY: as above.
    unsafe { stock!(file, xShmLock, offset, count, flags) }
}

unsafe extern "C" fn shm_barrier(file: *mut ffi::sqlite3_file) {
    // SAFETY: as above.
    unsafe { stock!(file, xShmBarrier) }
}

unsafe extern "C" fn shm_unmap(file: *mut ffi::sqlite3_file, delete: c_int) -> c_int {
    // SAFETY: as above.
    unsafe { stock!(file, xShmUnmap, delete) }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rusqlite::{Connection, OpenFlags};

    use super::{STOCK, watch};
    use crate::{Change, Disk, Failure};

    /// A database with a log in a folder.
    fn database(folder: &tempfile::TempDir) -> Connection {
        let database = Connection::open(folder.path().join("db")).unwrap();
        database.execute_batch("PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0").unwrap();
        database.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(())).unwrap();
        database.execute_batch("CREATE TABLE t (x); INSERT INTO t VALUES (1)").unwrap();
        database
    }

    #[test]
    fn what_was_written_down_is_what_stands_in_the_files() {
        let folder = tempfile::tempdir().unwrap();
        let watch = watch(folder.path(), Disk::default());
        let database = database(&folder);
        database.execute_batch("PRAGMA wal_checkpoint(PASSIVE); INSERT INTO t VALUES (2)").unwrap();
        let image = watch.disk.killed_at(watch.disk.position());
        for name in ["db", "db-wal"] {
            assert!(image[name] == fs::read(folder.path().join(name)).unwrap(), "{name} differs");
        }
        database.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
        assert!(watch.disk.killed_at(watch.disk.position())["db-wal"].is_empty());

        let other = tempfile::tempdir().unwrap();
        for (name, content) in watch.disk.killed_at(watch.disk.position()) {
            fs::write(other.path().join(name), content).unwrap();
        }
        let before = watch.disk.position();
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
        let copy = Connection::open_with_flags_and_vfs(other.path().join("db"), flags, STOCK).unwrap();
        assert_eq!(copy.query_row("SELECT sum(x) FROM t", [], |row| row.get::<_, i64>(0)).unwrap(), 3);
        assert_eq!(watch.disk.position(), before, "another folder was written down");
    }

    #[test]
    fn a_commit_is_synced_unless_the_disk_is_weakened() {
        for is_weak in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let watch = watch(folder.path(), Disk::default());
            if is_weak {
                watch.disk.weaken();
            }
            let database = database(&folder);
            let before = watch.disk.position();
            database.execute_batch("INSERT INTO t VALUES (2)").unwrap();
            let syncs = watch.disk.events(before).iter().any(|event| matches!(event.change, Change::Sync { .. }));
            assert_eq!(syncs, !is_weak);
        }
    }

    #[test]
    fn an_operation_fails_as_asked() {
        for (stays, is_full, expected) in [(false, false, 0), (true, false, 1), (false, true, 0)] {
            let folder = tempfile::tempdir().unwrap();
            let watch = watch(folder.path(), Disk::default());
            let database = database(&folder);
            watch.disk.fail(Failure { at: watch.disk.operations(), stays, is_full });
            let code = |result: rusqlite::Result<()>| result.err().and_then(|error| error.sqlite_error_code());
            let first = code(database.execute_batch("INSERT INTO t VALUES (2)"));
            let broken = if is_full { rusqlite::ErrorCode::DiskFull } else { rusqlite::ErrorCode::SystemIoFailure };
            assert_eq!(first, Some(broken));
            assert!(watch.disk.has_failed());
            let second = code(database.execute_batch("INSERT INTO t VALUES (3)"));
            assert_eq!(usize::from(second.is_some()), expected);
        }
    }
}
