//! What happens to the files of a folder, and what is left of them after a loss of power.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use usher_testkit::random::Random;

/// Something that happened to a file, told by its number.
#[derive(Clone, Debug)]
pub struct Event {
    /// The file.
    pub file: usize,
    /// What.
    pub change: Change,
}

/// What happened to it.
#[derive(Clone, Debug)]
pub enum Change {
    /// Bytes were written.
    Write {
        /// From where on.
        at: usize,
        /// What.
        bytes: Vec<u8>,
    },
    /// It was cut or made longer.
    Truncate {
        /// Its new length.
        length: usize,
    },
    /// What happened to it before a sync began is on the disk.
    Sync {
        /// How many events there were when it began.
        began_at: usize,
        /// Whether the folder was synced with it, so that what was deleted before stays so.
        of_folder: bool,
    },
    /// It is gone.
    Delete {
        /// Whether it stays so after a loss of power.
        is_synced: bool,
    },
}

/// An operation that is to fail.
#[derive(Clone, Copy, Debug)]
pub struct Failure {
    /// Which of all operations, counted from 0.
    pub at: u64,
    /// Whether all after it fail too.
    pub stays: bool,
    /// Whether the disk is full, rather than broken.
    pub is_full: bool,
}

/// The files of a folder as SQLite knows them.
#[derive(Debug, Default)]
pub struct Disk {
    record: Mutex<Record>,
    operations: AtomicU64,
    failure: Mutex<Option<Failure>>,
    has_failed: AtomicBool,
    is_weak: AtomicBool,
}

#[derive(Debug, Default)]
struct Record {
    /// Names of files and what stood in them before, by their numbers.
    files: Vec<(String, Vec<u8>)>,
    events: Vec<Event>,
}

/// The files after a loss of power. What is not named is not there.
pub type Image = BTreeMap<String, Vec<u8>>;

/// What a drive writes as a whole at least; one of them is chosen for each image.
const SECTOR_BYTES: [usize; 2] = [512, 4096];

impl Disk {
    /// How many events there were. What is acknowledged now must be there after a loss of power at this event or a later
    /// one.
    pub fn position(&self) -> usize {
        self.record().events.len()
    }

    /// What happened from this event on.
    pub fn events(&self, from: usize) -> Vec<Event> {
        self.record().events[from..].to_vec()
    }

    /// How many operations were asked for that may fail.
    pub fn operations(&self) -> u64 {
        self.operations.load(Ordering::SeqCst)
    }

    /// Lets an operation fail.
    pub fn fail(&self, failure: Failure) {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
    }

    /// Whether an operation has failed on request.
    pub fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::SeqCst)
    }

    /// Databases that are opened from now on get `synchronous = NORMAL` where they ask for `FULL`: the control of every
    /// campaign on this layer.
    pub fn weaken(&self) {
        self.is_weak.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_weak(&self) -> bool {
        self.is_weak.load(Ordering::SeqCst)
    }

    /// Whether the operation that is asked for now is to fail, and how.
    pub(crate) fn next_operation(&self) -> Option<Failure> {
        let number = self.operations.fetch_add(1, Ordering::SeqCst);
        let failure = *self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        let failure = failure.filter(|failure| number == failure.at || failure.stays && number > failure.at);
        if failure.is_some() {
            self.has_failed.store(true, Ordering::SeqCst);
        }
        failure
    }

    /// The number of a file, which stands in the folder under this name.
    pub(crate) fn file(&self, path: &Path) -> usize {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut record = self.record();
        if let Some(number) = record.files.iter().position(|(known, _)| *known == name) {
            return number;
        }
        let before = fs::read(path).unwrap_or_default();
        record.files.push((name, before));
        record.files.len() - 1
    }

    pub(crate) fn happened(&self, file: usize, change: Change) {
        self.record().events.push(Event { file, change });
    }

    /// A disk on which the first events have happened and nothing else: what a process finds that is started after a kill.
    /// Its files are those of [`Disk::killed_at`], but what was not synced is not safe yet.
    pub fn up_to(&self, event: usize) -> Disk {
        let record = self.record();
        let record = Record { files: record.files.clone(), events: record.events[..event].to_vec() };
        Disk { record: Mutex::new(record), ..Disk::default() }
    }

    /// The folder after a kill before the event with this number: everything before is there.
    pub fn killed_at(&self, event: usize) -> Image {
        let record = self.record();
        let mut files = record.before();
        for Event { file, change } in &record.events[..event] {
            apply(&mut files[*file], change);
        }
        record.image(files)
    }

    /// The folder after a loss of power before the event with this number: what was synced is there, of all else a random
    /// part, in pieces of a sector.
    pub fn powerless_at(&self, event: usize, random: &mut Random) -> Image {
        let sector = SECTOR_BYTES[random.below(SECTOR_BYTES.len())];
        // Nothing, everything, or each with this chance out of 8.
        let luck = random.below(9);
        let record = self.record();
        let events = &record.events[..event];
        let folder_settled = events.iter().filter_map(|event| match event.change {
            Change::Sync { began_at, of_folder: true } => Some(began_at),
            _ => None,
        });
        let folder_settled = folder_settled.max().unwrap_or(0);
        let mut files = record.before();
        for (number, content) in files.iter_mut().enumerate() {
            let of_file = || events.iter().enumerate().filter(|(_, event)| event.file == number);
            let settled = of_file().filter_map(|(index, event)| match event.change {
                Change::Sync { began_at, .. } => Some(began_at),
                Change::Delete { is_synced: true } => Some(index + 1),
                _ => None,
            });
            let settled = settled.max().unwrap_or(0);
            for (index, Event { change, .. }) in of_file() {
                match change {
                    change if index < settled => apply(content, change),
                    change @ Change::Delete { .. } if index < folder_settled => apply(content, change),
                    Change::Write { at, bytes } => write_in_part(content, *at, bytes, sector, luck, random),
                    change if random.below(8) < luck => apply(content, change),
                    _ => {}
                }
            }
        }
        record.image(files)
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        // Whole after any single change, so a panic elsewhere does not spoil it.
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Record {
    fn before(&self) -> Vec<Option<Vec<u8>>> {
        self.files.iter().map(|(_, before)| (!before.is_empty()).then(|| before.clone())).collect()
    }

    fn image(&self, files: Vec<Option<Vec<u8>>>) -> Image {
        let names = self.files.iter().map(|(name, _)| name.clone());
        names.zip(files).filter_map(|(name, content)| Some((name, content?))).collect()
    }
}

fn apply(content: &mut Option<Vec<u8>>, change: &Change) {
    match change {
        Change::Write { at, bytes } => put(content.get_or_insert_default(), *at, bytes),
        Change::Truncate { length } => content.get_or_insert_default().resize(*length, 0),
        Change::Sync { .. } => {}
        Change::Delete { .. } => *content = None,
    }
}

fn put(content: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    let end = at + bytes.len();
    if content.len() < end {
        content.resize(end, 0);
    }
    content[at..end].copy_from_slice(bytes);
}

/// Writes those sectors that luck chooses.
fn write_in_part(
    content: &mut Option<Vec<u8>>,
    at: usize,
    bytes: &[u8],
    sector: usize,
    luck: usize,
    random: &mut Random,
) {
    // One write out of two is torn; the others come whole or not at all.
    let is_torn = random.below(2) == 0;
    let is_there = random.below(8) < luck;
    let mut from = 0;
    while from < bytes.len() {
        let to = ((at + from) / sector + 1) * sector - at;
        let to = to.min(bytes.len());
        if if is_torn { random.below(8) < luck } else { is_there } {
            put(content.get_or_insert_default(), at + from, &bytes[from..to]);
        }
        from = to;
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use usher_testkit::random::Random;

    use super::{Change, Disk};

    fn write(at: usize, byte: u8, length: usize) -> Change {
        Change::Write { at, bytes: vec![byte; length] }
    }

    #[test]
    fn what_is_synced_stays_and_of_all_else_any_part() {
        let disk = Disk::default();
        let file = disk.file(Path::new("/nowhere/db"));
        disk.happened(file, write(0, 1, 8192));
        disk.happened(file, Change::Sync { began_at: 1, of_folder: false });
        disk.happened(file, write(0, 2, 8192));
        disk.happened(file, Change::Truncate { length: 4096 });
        let killed = disk.killed_at(4);
        assert_eq!(killed["db"], vec![2; 4096]);
        assert!(disk.killed_at(0).is_empty());

        let mut random = Random::of_run(1);
        let (mut shapes, mut torn) = (std::collections::BTreeSet::new(), 0);
        for _ in 0..200 {
            let content = &disk.powerless_at(4, &mut random)["db"];
            assert!(content.len() == 4096 || content.len() == 8192);
            for sector in content.chunks(512) {
                assert!(sector.iter().all(|byte| *byte == sector[0]) && matches!(sector[0], 1 | 2));
            }
            torn += usize::from(content[..4096].contains(&1) && content[..4096].contains(&2));
            shapes.insert(content.clone());
        }
        assert!(shapes.len() > 20 && torn > 20, "{} shapes, {torn} torn", shapes.len());
        // Before the sync nothing is certain, right after it everything that was there when it began.
        assert!((0..50).any(|_| disk.powerless_at(1, &mut random).is_empty()));
        assert!((0..50).all(|_| disk.powerless_at(2, &mut random)["db"] == vec![1; 8192]));
        disk.happened(file, Change::Sync { began_at: 3, of_folder: false });
        let lengths: std::collections::BTreeSet<usize> =
            (0..50).map(|_| disk.powerless_at(5, &mut random)["db"].len()).collect();
        assert_eq!(lengths, [4096, 8192].into());
    }

    #[test]
    fn a_deleted_file_may_come_back_unless_its_folder_was_synced() {
        let mut random = Random::of_run(2);
        for (is_synced, of_folder, expected) in [(true, false, 0), (false, true, 0), (false, false, 1)] {
            let disk = Disk::default();
            let file = disk.file(Path::new("/nowhere/log"));
            disk.happened(file, write(0, 1, 10));
            disk.happened(file, Change::Sync { began_at: 1, of_folder: false });
            disk.happened(file, Change::Delete { is_synced });
            let other = disk.file(Path::new("/nowhere/db"));
            disk.happened(other, Change::Sync { began_at: 3, of_folder });
            let found: std::collections::BTreeSet<usize> =
                (0..50).map(|_| disk.powerless_at(4, &mut random).len()).collect();
            assert!(found.contains(&0) && found.contains(&expected) && found.len() == 1 + expected);
        }
    }
}
