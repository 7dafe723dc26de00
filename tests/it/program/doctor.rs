//! `usher doctor` finds what is wrong before and while a gateway runs, and says what to do.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Output;

use crate::harness::{Place, texts};

/// The line about something.
#[track_caller]
fn line<'t>(stdout: &'t str, about: &str) -> &'t str {
    let of = |line: &&str| line.get(9..).is_some_and(|rest| rest.starts_with(about));
    stdout.lines().find(of).unwrap_or_else(|| panic!("{about} is not in\n{stdout}"))
}

fn doctor(place: &Place, arguments: &[&str]) -> (Option<i32>, String) {
    let output: Output = place.run(&[&["doctor", "--listen", "127.0.0.1:0"], arguments].concat());
    let (stdout, stderr) = texts(&output);
    (output.status.code(), stdout + &stderr)
}

#[test]
fn all_is_well_before_the_first_start_and_nothing_is_made() {
    let place = Place::new();
    let (code, said) = doctor(&place, &[]);
    assert_eq!(code, Some(0), "{said}");
    assert!(line(&said, "data folder").starts_with("warning"), "{said}");
    for about in ["settings", "clock", "listen", "bank_listen"] {
        assert!(line(&said, about).starts_with("ok"), "{said}");
    }
    assert!(!place.path("usher-data").exists());
}

#[test]
fn a_running_gateway_is_asked_whether_it_is_ready() {
    let place = Place::new();
    let gateway = place.start();
    let ops = gateway.ops_address().trim_start_matches("http://").to_owned();
    let (code, said) = doctor(&place, &["--ops-listen", &ops]);
    assert_eq!(code, Some(0), "{said}");
    assert!(line(&said, "data folder").contains("a gateway runs on it"), "{said}");
    assert!(line(&said, "readiness").starts_with("ok"), "{said}");
    let (code, said) = doctor(&place, &["--ops-listen", &ops, "--ready"]);
    assert_eq!((code, said.lines().count()), (Some(0), 1), "{said}");

    drop(gateway);
    let (code, said) = doctor(&place, &["--ops-listen", &ops, "--ready"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(line(&said, "readiness").starts_with("FAILED"), "{said}");
}

#[test]
fn each_thing_that_is_wrong_is_named_with_its_remedy() {
    let place = Place::new();
    drop(place.start());
    let pepper = place.path("usher-data/pepper.key");
    fs::set_permissions(&pepper, fs::Permissions::from_mode(0o644)).unwrap();
    fs::remove_file(place.path("usher-data/digest.key")).unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let bank = taken.local_addr().unwrap().to_string();
    let (code, said) = doctor(&place, &["--bank-listen", &bank, "--disk-free-min", "1048576"]);
    assert_eq!(code, Some(1), "{said}");
    for (about, part) in [("bank_listen", "cannot be had"), ("free space", "requests are turned away")] {
        assert!(line(&said, about).starts_with("FAILED") && line(&said, about).contains(part), "{said}");
    }
    for part in ["digest.key is missing", "chmod 600", "ss -ltnp", "usher::doctor::failed", "4 of "] {
        assert!(said.contains(part), "{part} is not in\n{said}");
    }
}

#[test]
fn a_certificate_is_told_with_its_end() {
    let place = Place::new();
    let check = |(year, month, day), expected: &str, part: &str| {
        let mut parameters = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        parameters.not_before = rcgen::date_time_ymd(2020, 1, 1);
        parameters.not_after = rcgen::date_time_ymd(year, month, day);
        let key = rcgen::KeyPair::generate().unwrap();
        place.write("chain.pem", parameters.self_signed(&key).unwrap().pem());
        place.write("key.pem", key.serialize_pem());
        let (_, said) = doctor(&place, &["--tls-cert", "chain.pem", "--tls-key", "key.pem"]);
        let line = line(&said, "certificate");
        assert!(line.starts_with(expected) && line.contains(part), "{said}");
    };
    check((2021, 2, 3), "FAILED", "expired on 2021-02-03");
    check((2999, 2, 3), "ok", "valid until 2999-02-03");
    place.write("chain.pem", "");
    let (code, said) = doctor(&place, &["--tls-cert", "chain.pem", "--tls-key", "key.pem"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(line(&said, "certificate").starts_with("FAILED"), "{said}");
}
