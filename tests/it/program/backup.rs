//! A backup that was made while requests came in holds every request acknowledged before it began.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Output;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::harness::{Gateway, Place, texts};
use crate::http::Connection;

const BODY: &str = include_str!("../../../schemas/contact_request/v1/examples/valid/request/general.json");
const PATH: &str = "/contact-request/v1/requests";
/// How often it is backed up and restored; each time there are more requests.
const ROUNDS: usize = 3;

fn lines(key: &str) -> String {
    format!("Authorization: Bearer {key}\r\nContent-Type: application/json\r\n")
}

/// Sends until it is told to stop, and notes each receipt once it has the answer.
fn send(address: &str, key: &str, is_over: &AtomicBool, acknowledged: &Mutex<Vec<String>>) {
    let mut connection = Connection::open(address).unwrap();
    while !is_over.load(Ordering::Relaxed) {
        let sent = connection.call("POST", PATH, &lines(key), BODY.as_bytes()).unwrap();
        assert_eq!(sent.status, 201, "{}", sent.text);
        acknowledged.lock().unwrap().push(sent.json()["id"].as_str().unwrap().to_owned());
    }
}

/// Every one of these can be read at a gateway.
fn check_all(gateway: &Gateway, key: &str, ids: &[String]) {
    let mut connection = Connection::open(gateway.address()).unwrap();
    for id in ids {
        let read = connection.call("GET", &format!("/receipts/v1/{id}"), &lines(key), b"").unwrap();
        assert_eq!(read.status, 200, "{id}: {}", read.text);
    }
}

#[track_caller]
fn done(output: &Output) -> String {
    let (stdout, stderr) = texts(output);
    assert_eq!(output.status.code(), Some(0), "{stdout}{stderr}");
    stdout
}

#[track_caller]
fn refused(output: &Output, code: &str) {
    let (stdout, stderr) = texts(output);
    assert_eq!(output.status.code(), Some(1), "{stdout}{stderr}");
    assert!(stderr.contains(code), "{code} is not in\n{stderr}");
}

fn names(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort_unstable();
    names
}

#[test]
fn what_was_acknowledged_before_a_backup_under_load_is_in_it() {
    let place = Place::new();
    let gateway = place.start();
    let key = gateway.key().to_owned();
    let acknowledged = Arc::new(Mutex::new(Vec::new()));
    let is_over = Arc::new(AtomicBool::new(false));
    let senders: Vec<_> = (0..4)
        .map(|_| {
            let (address, key) = (gateway.address().to_owned(), key.clone());
            let (acknowledged, is_over) = (acknowledged.clone(), is_over.clone());
            thread::spawn(move || send(&address, &key, &is_over, &acknowledged))
        })
        .collect();
    for round in 0..ROUNDS {
        // Some more have come in since the last round.
        let wanted = 20 * (round + 1);
        while acknowledged.lock().unwrap().len() < wanted {
            assert!(!senders.iter().any(thread::JoinHandle::is_finished), "a sender has ended: {}", gateway.log());
            thread::yield_now();
        }
        let before = acknowledged.lock().unwrap().clone();
        let (backup, data) = (format!("backup-{round}"), format!("data-{round}"));
        let said = done(&place.run(&["backup", &backup]));
        assert!(said.starts_with("Backup of 2"), "{said}");
        done(&place.run(&["restore", &backup, "--data-folder", &data]));
        let restored = place.start_with(&["--listen", "127.0.0.1:0", "--data-folder", &data]);
        assert!(restored.said.contains("Restored from a backup of 2"), "{}", restored.said);
        check_all(&restored, &key, &before);
        assert_eq!(restored.stop("TERM").0, Some(0));
    }
    is_over.store(true, Ordering::Relaxed);
    senders.into_iter().for_each(|sender| sender.join().unwrap());
    assert_eq!(gateway.stop("TERM").0, Some(0));

    // It is told once.
    let again = place.start_with(&["--listen", "127.0.0.1:0", "--data-folder", "data-0"]);
    assert!(!again.said.contains("Restored"), "{}", again.said);
}

#[test]
fn a_backup_is_for_its_owner_only_and_never_over_anything() {
    let place = Place::new();
    drop(place.start());
    done(&place.run(&["backup", "copy"]));
    assert_eq!(
        names(&place.path("copy")),
        ["backup.json", "digest.key", "payload.key", "pepper.key", "signing.key", "usher.db"]
    );
    for name in names(&place.path("copy")) {
        let mode = fs::metadata(place.path("copy").join(&name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    refused(&place.run(&["backup", "copy"]), "usher::backup::not_empty");
    refused(&place.run(&["restore", "copy"]), "usher::backup::not_empty");
    fs::create_dir(place.path("open")).unwrap();
    fs::set_permissions(place.path("open"), fs::Permissions::from_mode(0o755)).unwrap();
    refused(&place.run(&["backup", "open"]), "usher::backup::open");
    refused(&place.run(&["backup", "other", "--data-folder", "nowhere"]), "usher::backup::database");
    refused(&place.run(&["restore", "open", "--data-folder", "new"]), "usher::backup::none");
    assert!(!place.path("other").exists() && !place.path("new").exists());
}

#[test]
fn keys_that_are_kept_apart_are_put_together_again() {
    let place = Place::new();
    drop(place.start());
    done(&place.run(&["backup", "copy", "--without-keys"]));
    assert_eq!(names(&place.path("copy")), ["backup.json", "usher.db"]);
    refused(&place.run(&["restore", "copy", "--data-folder", "new"]), "usher::backup::key");
    done(&place.run(&["restore", "copy", "--keys", "usher-data", "--data-folder", "new"]));
    drop(place.start_with(&["--listen", "127.0.0.1:0", "--data-folder", "new"]));
}

#[test]
fn a_damaged_backup_is_not_restored() {
    let place = Place::new();
    drop(place.start());
    done(&place.run(&["backup", "copy"]));
    let restore = || place.run(&["restore", "copy", "--data-folder", "new"]);
    let damage = |name: &str, change: &dyn Fn(&mut Vec<u8>), code: &str| {
        let path = place.path("copy").join(name);
        let saved = fs::read(&path).unwrap();
        let mut damaged = saved.clone();
        change(&mut damaged);
        fs::write(&path, damaged).unwrap();
        refused(&restore(), code);
        assert!(!place.path("new").exists());
        fs::write(&path, saved).unwrap();
    };
    damage("usher.db", &|bytes| bytes[5000] ^= 1, "usher::backup::changed");
    damage("usher.db", &|bytes| bytes.truncate(4096), "usher::backup::changed");
    damage("pepper.key", &|bytes| bytes[20] ^= 1, "usher::backup::changed");
    damage("backup.json", &|bytes| bytes.truncate(10), "usher::backup::form");
    fs::rename(place.path("copy/digest.key"), place.path("aside")).unwrap();
    refused(&restore(), "usher::backup::lost");
    fs::rename(place.path("aside"), place.path("copy/digest.key")).unwrap();
    done(&restore());
}
