//! A volume that runs full, on a small file system of its own. Where nothing may be mounted the test says so and is skipped.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::harness::{Gateway, Place};
use crate::http::{Connection, Reply};

const BODY: &str = include_str!("../../../schemas/contact_request/v1/examples/valid/request/general.json");
/// The volume is looked at every second.
const NOTICE_TIME_MAX: Duration = Duration::from_secs(30);

/// A small volume, which is gone with the value.
struct Volume(PathBuf);

impl Volume {
    /// None where this process may not mount one.
    fn new(place: &Place) -> Option<Self> {
        let path = place.path("volume");
        fs::create_dir(&path).unwrap();
        let mut mount = Command::new("mount");
        let mounted = mount.args(["-t", "tmpfs", "-o", "size=48m,mode=0700", "tmpfs"]).arg(&path).output();
        mounted.is_ok_and(|output| output.status.success()).then(|| Volume(path))
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}

fn send(gateway: &Gateway, key: &str) -> Reply {
    let lines = format!("Authorization: Bearer {key}\r\nContent-Type: application/json\r\n");
    let mut connection = Connection::open(gateway.address()).unwrap();
    connection.call("POST", "/contact-request/v1/requests", &lines, BODY.as_bytes()).unwrap()
}

fn ready(gateway: &Gateway) -> Reply {
    Connection::open(gateway.ops_address()).unwrap().call("GET", "/readyz", "", b"").unwrap()
}

/// Asks until readiness has this status.
fn wait(gateway: &Gateway, status: u16) -> Reply {
    let begun = Instant::now();
    loop {
        let told = ready(gateway);
        if told.status == status {
            return told;
        }
        assert!(begun.elapsed() < NOTICE_TIME_MAX, "{}\n{}", told.text, gateway.log());
    }
}

#[test]
fn requests_are_turned_away_before_the_volume_is_full_and_taken_again_when_there_is_space() {
    let place = Place::new();
    let Some(volume) = Volume::new(&place) else {
        eprintln!("skipped: full disk (this process may not mount a file system)");
        return;
    };
    let data = volume.0.join("data");
    let arguments = ["--data-folder", data.to_str().unwrap(), "--disk-reserve", "4", "--disk-free-min", "16"];
    let gateway = place.start_with(&[&["--listen", "127.0.0.1:0"], &arguments[..]].concat());
    let key = gateway.key().to_owned();
    let first = send(&gateway, &key);
    assert_eq!(first.status, 201, "{}", first.text);
    assert_eq!(fs::metadata(data.join("reserve")).unwrap().len(), 4 << 20);

    // Something else takes the room.
    let ballast = volume.0.join("ballast");
    fs::write(&ballast, vec![1; 34 << 20]).unwrap();
    let told = wait(&gateway, 503);
    let failing: Vec<_> =
        told.json()["checks"].as_array().unwrap().iter().filter(|check| check["ok"] == false).cloned().collect();
    assert_eq!((failing.len(), failing[0]["name"].as_str()), (1, Some("space")), "{}", told.text);
    assert_eq!(fs::metadata(data.join("reserve")).unwrap().len(), 0);
    let refused = send(&gateway, &key);
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("5")), "{}", refused.text);
    // Reading goes on, and so does what is written for operators.
    let path = format!("/receipts/v1/{}", first.json()["id"].as_str().unwrap());
    let lines = format!("Authorization: Bearer {key}\r\n");
    let read = Connection::open(gateway.address()).unwrap().call("GET", &path, &lines, b"").unwrap();
    assert_eq!(read.status, 200, "{}", read.text);
    let added = place.run(&["admin", "partner", "add", "Another", "--data-folder", data.to_str().unwrap()]);
    assert_eq!(added.status.code(), Some(0), "{}", String::from_utf8_lossy(&added.stderr));

    fs::remove_file(&ballast).unwrap();
    wait(&gateway, 200);
    assert_eq!(send(&gateway, &key).status, 201);
    assert_eq!(fs::metadata(data.join("reserve")).unwrap().len(), 4 << 20);
    let (code, log) = gateway.stop("TERM");
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("requests are turned away") && log.contains("there is space again"), "{log}");
}
