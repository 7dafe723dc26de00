//! `usher backup` and `usher restore`: a folder with a copy of the database, the keys beside it, and a list of what must be
//! in it, which is checked before and after.
//!
//! The gateway may run while it is backed up: the copy is made from a snapshot, without asking it.

mod fault;
mod manifest;

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use usher_storage::backup as database;

pub(crate) use self::fault::Fault;
use self::manifest::{Manifest, list};
use crate::cli::{BackupArgs, RestoreArgs};
use crate::data::Data;
use crate::secrets;
use crate::settings::Settings;

/// Beside the restored data, until the next start has told of it.
const RESTORED_NAME: &str = "restored.json";
/// What the database is called until it is known to be whole.
const UNFINISHED_NAME: &str = "usher.db.restoring";

/// Copies the data folder.
pub(crate) fn backup(args: &BackupArgs, settings: &Settings) -> Result<(), Fault> {
    let (data, target) = (&settings.data_folder, &args.target);
    if !data.join(database::FILE_NAME).exists() {
        return Err(database::BackupError::Missing { folder: data.clone() }.into());
    }
    make(target)?;
    // Whatever was acknowledged before now is in the copy.
    let taken_at = Timestamp::now();
    let bar = bar("copying");
    database::copy(data, target, &mut |done, all| {
        bar.set_length(all);
        bar.set_position(done);
    })?;
    bar.finish_and_clear();
    let names = if args.without_keys { Vec::new() } else { keys(data)? };
    for name in &names {
        copy(&data.join(name), &target.join(name))?;
    }
    let content = database::examine(target)?;
    let names = [database::FILE_NAME].into_iter().chain(names);
    let files = names.map(|name| list(target, name)).collect::<Result<_, _>>()?;
    let manifest = Manifest::new(taken_at, &content, files);
    // Last, so that what has it is whole.
    manifest.write(target)?;
    sync(target)?;

    let mut out = io::stdout().lock();
    let said = writeln!(out, "Backup of {taken_at}: {} in {}", manifest.summary(), target.display()).and_then(|()| {
        if args.without_keys {
            writeln!(
                out,
                "Without keys: what is sealed in it can be read with the key files of {} only.",
                data.display()
            )
        } else {
            writeln!(out, "With keys: whoever can read the folder can read every request in it.")
        }
    });
    said.map_err(Fault::Stdout)
}

/// Makes a data folder of a backup.
pub(crate) fn restore(args: &RestoreArgs, settings: &Settings) -> Result<(), Fault> {
    let (source, data) = (&args.source, &settings.data_folder);
    let manifest = Manifest::read(source)?;
    manifest.check(source)?;
    let content = database::examine(source)?;
    manifest.check_content(source, &content)?;
    let from = args.keys.as_deref().unwrap_or(source);
    let names = keys(from)?;

    make(data)?;
    for name in &names {
        copy(&from.join(name), &data.join(name))?;
    }
    let unfinished = data.join(UNFINISHED_NAME);
    copy(&source.join(database::FILE_NAME), &unfinished)?;
    let restored = Restored { taken_at: manifest.taken_at.clone(), restored_at: Timestamp::now().to_string() };
    restored.write(data)?;
    // From here on it is a data folder; before, a start finds keys without a database and refuses.
    let file = data.join(database::FILE_NAME);
    fs::rename(&unfinished, &file).map_err(|source| Fault::File { path: file, source })?;
    sync(data)?;
    // The copy, not the backup, is what will be served.
    manifest.check_database(data)?;
    open(data)?;

    let mut out = io::stdout().lock();
    let (summary, taken_at, folder) = (manifest.summary(), &manifest.taken_at, data.display());
    let said = writeln!(out, "Restored {summary} into {folder}, as of {taken_at}.")
        .and_then(|()| writeln!(out, "What was accepted after that is not in it. Start it with: usher serve"));
    said.map_err(Fault::Stdout)
}

/// What is told at the first start after a restore.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Restored {
    /// Of when the backup is.
    pub(crate) taken_at: String,
    /// When it was restored.
    pub(crate) restored_at: String,
}

impl Restored {
    /// Takes the note out of a data folder: it is told once.
    pub(crate) fn take(data: &Path) -> Option<Self> {
        let path = data.join(RESTORED_NAME);
        let restored = serde_json::from_slice(&fs::read(&path).ok()?).ok();
        // Where it cannot be removed, it is told again.
        let _ = fs::remove_file(&path);
        restored
    }

    fn write(&self, data: &Path) -> Result<(), Fault> {
        let text = serde_json::to_vec(self).expect("two texts can be written");
        write(&data.join(RESTORED_NAME), &text)
    }
}

/// Opens the restored folder as a start does: every key must fit.
fn open(data: &Path) -> Result<(), Fault> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Fault::System)?;
    let data = runtime.block_on(Data::open(data))?;
    data.store.close();
    Ok(())
}

/// The key files in a folder.
fn keys(folder: &Path) -> Result<Vec<&'static str>, Fault> {
    let path = |name: &&str| folder.join(name);
    let missing = [database::KEY_FILE_NAME].into_iter().chain(secrets::FILE_NAMES).find(|name| !path(name).exists());
    if let Some(missing) = missing {
        return Err(Fault::KeyMissing { path: path(&missing) });
    }
    let all = [database::KEY_FILE_NAME].into_iter().chain(secrets::FILE_NAMES).chain([secrets::RETIRED_FILE_NAME]);
    Ok(all.filter(|name| path(name).exists()).collect())
}

/// Makes a folder for its owner only, or takes an empty one.
fn make(folder: &Path) -> Result<(), Fault> {
    let failed = |source| Fault::File { path: folder.to_owned(), source };
    if !folder.exists() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    }
    if fs::read_dir(folder).map_err(failed)?.next().is_some() {
        return Err(Fault::NotEmpty { folder: folder.to_owned() });
    }
    let mode = fs::metadata(folder).map_err(failed)?.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(Fault::Open { folder: folder.to_owned(), mode });
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<(), Fault> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| Fault::File { path, source }
    };
    let mut source = File::open(from).map_err(failed(from))?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to).map_err(failed(to))?;
    io::copy(&mut source, &mut file).and_then(|_| file.sync_all()).map_err(failed(to))
}

fn write(path: &Path, content: &[u8]) -> Result<(), Fault> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let written = file.and_then(|mut file| file.write_all(content).and_then(|()| file.sync_all()));
    written.map_err(|source| Fault::File { path: path.to_owned(), source })
}

/// Makes the names in a folder durable.
fn sync(folder: &Path) -> Result<(), Fault> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|source| Fault::File { path: PathBuf::from(folder), source })
}

/// Drawn on a terminal only.
fn bar(what: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg} {bar:30} {percent} % {eta}");
    ProgressBar::no_length().with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())).with_message(what)
}
