//! What keeps the gateway from starting: each is told with its cause and its remedy, and leaves nothing half made.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::harness::{Place, texts};

/// The program does not start, ends with `code`, and stderr has every part.
#[track_caller]
fn check(place: &Place, arguments: &[&str], code: i32, parts: &[&str]) {
    let output = place.run(arguments);
    let (stdout, stderr) = texts(&output);
    // Messages are wrapped to the width of a terminal.
    let flat = stderr.replace("\n  │ ", " ").split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(output.status.code(), Some(code), "{stdout}{stderr}");
    assert_eq!(stdout, "", "{stderr}");
    for part in parts.iter().chain(&["help: "]) {
        assert!(flat.contains(part), "{part} is not in\n{stderr}");
    }
}

#[test]
fn a_broken_configuration_is_refused_with_file_line_and_remedy() {
    let place = Place::new();
    place.write("usher.toml", "listen = '127.0.0.1:0'\nlisten_adress = 'x'\n");
    check(&place, &[], 2, &["usher::settings::unknown", "`listen_adress`", "usher.toml:2:1", "did you mean `listen`?"]);
    place.write("usher.toml", "listen = \n");
    check(&place, &["serve"], 2, &["usher::settings::syntax", "usher.toml:1:1"]);
    let other = place.write("other.toml", "listen = 'localhost:8080'\n");
    let other = other.to_str().unwrap();
    check(&place, &["--config", other], 2, &["usher::settings::value", "other.toml:1:10", "127.0.0.1:8080"]);
    check(&place, &["--config", "missing.toml"], 2, &["usher::settings::unreadable", "missing.toml", "--config"]);
    assert!(!place.path("usher-data").exists());
}

#[test]
fn a_wrong_port_is_refused() {
    let place = Place::new();
    let expected = ["usher::settings::value", "--listen", "a port from 0 to 65535"];
    check(&place, &["--listen", "127.0.0.1:99999"], 2, &expected);
    check(&place, &["serve", "--listen", "8080"], 2, &expected);
    let output = place.usher(&[]).env("USHER_LISTEN", "nowhere").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(texts(&output).1.contains("USHER_LISTEN"));
}

#[test]
fn a_taken_port_is_named_and_no_key_is_made_and_lost() {
    let place = Place::new();
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap().to_string();
    check(&place, &["--listen", &address], 1, &["usher::serve::address", &address, "another port"]);
    assert!(!place.path("usher-data").exists());
    check(
        &place,
        &["--listen", "203.0.113.7:0", "--insecure-http"],
        1,
        &["usher::serve::address", "not one of this machine"],
    );
}

#[test]
fn a_folder_that_cannot_be_used_is_named() {
    let place = Place::new();
    place.write("file", "");
    let start = |folder| ["--listen", "127.0.0.1:0", "--data-folder", folder];
    check(&place, &start("file/data"), 1, &["usher::data::unusable", "file/data", "another data folder"]);
    // To root every folder is writable, except where nothing can be written at all.
    check(&place, &start("/proc/usher-data"), 1, &["usher::data::unusable", "/proc/usher-data"]);

    fs::create_dir(place.path("open")).unwrap();
    place.write("open/content", "");
    fs::set_permissions(place.path("open"), fs::Permissions::from_mode(0o755)).unwrap();
    check(&place, &start("open"), 1, &["usher::data::unusable", "chmod 700"]);
}

#[test]
fn a_second_server_on_the_same_data_is_refused() {
    let place = Place::new();
    let first = place.start();
    let id = first.id().to_string();
    check(&place, &["--listen", "127.0.0.1:0"], 1, &["usher::data::in_use", &id, "another data folder"]);
    assert_eq!(first.stop("TERM").0, Some(0));
    drop(place.start());
}

#[test]
fn a_lost_secret_is_not_replaced() {
    let place = Place::new();
    drop(place.start());
    for name in ["pepper.key", "digest.key"] {
        let path = place.path("usher-data").join(name);
        let aside = place.path("aside");
        fs::rename(&path, &aside).unwrap();
        check(&place, &["--listen", "127.0.0.1:0"], 1, &["usher::secrets::missing", name, "backup"]);
        fs::rename(&aside, &path).unwrap();
    }
    drop(place.start());
}

#[test]
fn plain_http_off_loopback_is_refused() {
    let place = Place::new();
    for address in ["0.0.0.0:0", "[::]:0"] {
        let expected = ["usher::serve::plain_http", "--tls-cert FILE and --tls-key FILE", "--insecure-http"];
        check(&place, &["--listen", address], 2, &expected);
        check(&place, &["--listen", "127.0.0.1:0", "--ops-listen", address], 2, &expected);
    }
    assert!(!place.path("usher-data").exists());
}

#[test]
fn certificates_that_cannot_be_used_are_refused() {
    let place = Place::new();
    let [one, other] = [(), ()].map(|()| rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap());
    place.write("chain.pem", one.cert.pem());
    place.write("other.pem", other.signing_key.serialize_pem());
    place.write("empty.pem", "");
    for (chain, key, part) in [
        ("chain.pem", "missing.pem", "missing.pem"),
        ("missing.pem", "other.pem", "missing.pem"),
        ("empty.pem", "other.pem", "no certificate in empty.pem"),
        ("chain.pem", "empty.pem", "no private key in empty.pem"),
        ("chain.pem", "other.pem", "cannot be used"),
    ] {
        let arguments = ["--listen", "0.0.0.0:0", "--tls-cert", chain, "--tls-key", key];
        check(&place, &arguments, 2, &["usher::serve::tls", part, "--tls-key"]);
    }
    check(&place, &["--tls-cert", "chain.pem"], 2, &["usher::settings::tls_half", "`tls_key` is not"]);
    assert!(!place.path("usher-data").exists());
}
