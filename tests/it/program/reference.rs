//! Code lists by `usher reference`: imported whole or not at all, with the gateway running and without, each version kept.

use serde_json::{Value, json};

use crate::harness::{Gateway, Place, texts};
use crate::http::Connection;

/// Runs a command that must do its work, and gives its answer.
#[track_caller]
fn reference(place: &Place, arguments: &[&str]) -> Value {
    let output = place.run(&[&["reference", "--json"], arguments].concat());
    let (said, log) = texts(&output);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {log}");
    serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"))
}

fn page(gateway: &Gateway) -> String {
    Connection::open(gateway.address()).unwrap().call("GET", "/about/data", "", b"").unwrap().text
}

// shows: IA-078
#[test]
fn a_list_is_imported_kept_replaced_and_never_half() {
    let place = Place::new();
    let gateway = place.start();
    let file = |name: &str, text: &str| place.write(name, text).to_str().unwrap().to_owned();
    let first = file("first.csv", "#licence: own\ncode,label\n1,İlk\n2,Orta\n");
    let import = ["import", &first, "--name", "bank_education", "--subject", "education", "--version", "2026-01"];
    let stored = reference(&place, &[&import[..], &["--credit", "The bank"]].concat());
    assert_eq!((&stored[0]["number"], &stored[0]["version"]), (&json!(1), &json!("2026-01")));
    assert!(page(&gateway).contains("<td>The bank</td>"));

    // The same again changes nothing.
    let again = reference(&place, &[&import[..], &["--credit", "The bank"]].concat());
    assert_eq!(again[0]["number"], 1);

    // A file with mistakes is refused with all of them, and so is another content under the same version.
    let bad = file("bad.csv", "code,label\n1,a\nx,b\n1,c\n");
    let output = place.run(&["reference", "import", &bad, "--name", "bank_education", "--subject", "education"]);
    let (said, log) = texts(&output);
    assert_eq!((output.status.code(), said.as_str()), (Some(2), ""));
    for mistake in
        ["line 3, column 1: the code must have 1 to 20 digits", "line 4, column 1: the code stands there twice"]
    {
        assert!(log.contains(mistake), "{log}");
    }
    let other = file("other.csv", "code,label\n1,Başka\n");
    let arguments = ["reference", "import", &other, "--name", "bank_education", "--version", "2026-01"];
    let output = place.run(&arguments);
    assert!(
        output.status.code() == Some(1) && texts(&output).1.contains("another content of version 2026-01"),
        "{:?}",
        texts(&output)
    );
    let output = place.run(&["reference", "import", &other, "--name", "sandbox_education"]);
    assert!(output.status.code() == Some(1) && texts(&output).1.contains("sandbox_"), "{:?}", texts(&output));
    let kept = reference(&place, &["show", "bank_education"]);
    assert_eq!(kept.as_array().unwrap().len(), 1, "{kept}");

    // Without a gateway that runs, the same commands open the folder themselves.
    gateway.stop("TERM");
    let second = reference(&place, &["import", &other, "--name", "bank_education", "--version", "2026-02"]);
    assert_eq!(second[0]["number"], 2);
    let versions = reference(&place, &["show", "bank_education"]);
    let numbers: Vec<_> = versions.as_array().unwrap().iter().map(|version| version["number"].clone()).collect();
    assert_eq!(numbers, [2, 1]);
    assert_eq!(reference(&place, &["list"])[0]["version"], "2026-02");
    let gateway = place.start();
    assert!(page(&gateway).contains("<td>2026-02</td>"));
    let output = place.run(&["reference", "show", "nothing"]);
    assert_eq!(output.status.code(), Some(2), "{:?}", texts(&output));
}
