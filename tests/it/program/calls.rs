//! The commands for partners: results on stdout, talk on stderr, and an exit code for each kind of end.

use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;

use crate::harness::{Gateway, Place, texts};

struct Partner {
    place: Place,
    gateway: Gateway,
}

impl Partner {
    fn new() -> Self {
        let place = Place::new();
        let gateway = place.start();
        Partner { place, gateway }
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = self.place.usher(arguments);
        command.env("USHER_SERVER", self.gateway.address()).env("USHER_KEY", self.gateway.key());
        command.output().unwrap()
    }

    /// The run ends with `code`; gives stdout and stderr.
    #[track_caller]
    fn check(&self, arguments: &[&str], code: i32) -> (String, String) {
        let output = self.run(arguments);
        let (stdout, stderr) = texts(&output);
        assert_eq!(output.status.code(), Some(code), "{stdout}\n{stderr}\n{}", self.gateway.log());
        (stdout, stderr)
    }

    /// An example of the schemas, with the application's own id.
    fn example(&self, path: &str) -> PathBuf {
        let text =
            std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas").join(path)).unwrap();
        let text = text.replace("00000000-0000-4000-8000-000000000001", self.gateway.app_key());
        self.place.write("example.json", text)
    }
}

const EXAMPLES: [&str; 4] = [
    "contact_request/v1/examples/valid/request/every_member.json",
    "appointment_request/v2/examples/valid/request/full.json",
    "digital_customer/v1/examples/valid/create/new_customer.json",
    "appointment_request/v2/examples/xml/valid/interleaved_offers.xml",
];

#[test]
fn a_request_of_each_api_is_checked_sent_and_followed() {
    let partner = Partner::new();
    for (example, api) in
        EXAMPLES.iter().zip(["contact_request", "appointment_request", "digital_customer", "appointment_request"])
    {
        let file = partner.example(example);
        let file = file.to_str().unwrap();
        assert_eq!(partner.check(&["check", file, "--offline"], 0).0, "valid\n");
        assert_eq!(partner.check(&["check", file], 0).0, "valid\n");
        let (id, said) = partner.check(&["send", file], 0);
        assert!(said.contains(&format!("usher status {}", id.trim())), "{said}");
        let (receipt, _) = partner.check(&["status", id.trim(), "--json"], 0);
        let receipt: Value = serde_json::from_str(&receipt).unwrap();
        assert_eq!(
            (&receipt["id"], &receipt["api"], &receipt["status"]),
            (&id.trim().into(), &api.into(), &"NEW".into())
        );
    }
}

#[test]
fn warnings_name_their_place_the_same_way_here_and_at_the_gateway() {
    let partner = Partner::new();
    let file = partner.example(EXAMPLES[1]);
    let check = ["check", file.to_str().unwrap(), "--json"];
    let offline = [&check[..], &["--offline"]].concat();
    let [mut here, mut there] = [&offline[..], &check].map(|arguments| {
        let verdict: Value = serde_json::from_str(&partner.check(arguments, 0).0).unwrap();
        verdict["warnings"].as_array().unwrap().iter().map(Value::to_string).collect::<Vec<_>>()
    });
    here.sort();
    there.sort();
    assert_eq!(here, there);
    assert!(here.iter().any(|warning| warning.contains("\"/contactRequest/financingTerms/postalCode\"")), "{here:?}");
}

#[test]
fn a_send_repeated_under_its_key_is_stored_once() {
    let partner = Partner::new();
    let file = partner.example(EXAMPLES[0]);
    let send = ["send", file.to_str().unwrap(), "--idempotency-key", "order-1", "--json"];
    let answers = [(), ()].map(|()| serde_json::from_str::<Value>(&partner.check(&send, 0).0).unwrap());
    assert_eq!(answers[0]["receiptId"], answers[1]["receiptId"]);
    assert_eq!(answers[0]["answer"], answers[1]["answer"]);
    assert_eq!([&answers[0]["replayed"], &answers[1]["replayed"]], [false, true]);
    assert_eq!(answers[0]["idempotencyKey"], "order-1");
}

#[test]
fn a_request_that_breaks_rules_ends_with_1_and_every_place() {
    let partner = Partner::new();
    let file = partner.place.write(
        "wrong.json",
        "{\n  \"person\": {\"forename\": \"Jana\"},\n  \"phoneNumber\": \"12\",\n  \"email\": \"jana@example.org\",\n  \"subject\": {\"productType\": \"PENSION\"}\n}\n",
    );
    let file = file.to_str().unwrap();
    for arguments in
        [&["send", file, "--json"][..], &["check", file, "--json"], &["check", file, "--json", "--offline"]]
    {
        let (stdout, stderr) = partner.check(arguments, 1);
        let verdict: Value = serde_json::from_str(&stdout).unwrap();
        let pointers: Vec<_> = verdict["violations"].as_array().unwrap().iter().map(|it| &it["pointer"]).collect();
        assert_eq!(pointers, ["/person/surname", "/phoneNumber", "/subject/productType"], "{verdict}");
        assert!(stderr.contains("wrong.json:2:13") && stderr.contains("/subject/productType enum"), "{stderr}");
    }
}

#[test]
fn what_only_the_gateway_refuses_is_shown_in_the_file_too() {
    let partner = Partner::new();
    let file = partner.example(EXAMPLES[0]);
    let text = std::fs::read_to_string(&file).unwrap().replacen('{', "{\n  \"shoeSize\": 43,", 1);
    let file = partner.place.write("more.json", text);
    let file = file.to_str().unwrap();
    // The application is strict, whatever its developer believes.
    for arguments in [["send", file, "--tolerant"], ["check", file, "--tolerant"]] {
        let (stdout, stderr) = partner.check(&arguments, 1);
        assert_eq!(stdout, "");
        assert!(stderr.contains("/shoeSize unknown_member") && stderr.contains("more.json:2:15"), "{stderr}");
    }
}

#[test]
fn an_unreadable_file_ends_with_1_and_a_missing_one_with_2() {
    let partner = Partner::new();
    let file = partner.place.write("broken.json", "{\"person\": {,}}");
    let (_, stderr) = partner.check(&["send", file.to_str().unwrap()], 1);
    assert!(stderr.contains("line 1, column 13"), "{stderr}");
    partner.check(&["send", "missing.json"], 2);
    let file = partner.place.write("unknown.json", "{}");
    let (_, stderr) = partner.check(&["send", file.to_str().unwrap()], 2);
    assert!(stderr.contains("--api"), "{stderr}");
    let (_, stderr) = partner.check(&["send", file.to_str().unwrap(), "--api", "contact-requests"], 2);
    assert!(stderr.contains("a similar value exists: 'contact-request'"), "{stderr}");
    partner.check(&["sned"], 2);
}

#[test]
fn a_gateway_that_is_not_there_ends_with_3() {
    let partner = Partner::new();
    let file = partner.example(EXAMPLES[0]);
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let server = format!("http://{}", socket.local_addr().unwrap());
    drop(socket);
    let (stdout, stderr) = partner.check(&["send", file.to_str().unwrap(), "--server", &server], 3);
    assert_eq!(stdout, "");
    assert!(stderr.contains(&server) && stderr.contains("--server"), "{stderr}");
}

#[test]
fn a_key_that_is_missing_mistyped_or_unknown_ends_with_4() {
    let partner = Partner::new();
    let file = partner.example(EXAMPLES[0]);
    let file = file.to_str().unwrap();
    let server = partner.gateway.address();
    let with = |key: &str| {
        let output = partner.place.usher(&["send", file, "--server", server]).env("USHER_KEY", key).output().unwrap();
        (output.status.code(), texts(&output).1)
    };
    let (code, said) = with("");
    assert!(code == Some(4) && said.contains("--key-file"), "{said}");
    let mistyped = partner.gateway.key().replacen("usher_sbx_", "usher_sbx_0", 1);
    let (code, said) = with(&mistyped);
    assert!(code == Some(4) && said.contains("USHER_KEY") && !said.contains(&mistyped), "{said}");
    // Well made, but of another gateway.
    let (code, said) = with("usher_sbx_000000000000_00000000000000000000000000000000_0V2prm");
    assert!(code == Some(4) && said.contains("401"), "{said}");

    let file_of_key = partner.place.write("key", format!("{}\n", partner.gateway.key()));
    let sent = partner.place.run(&["send", file, "--server", server, "--key-file", file_of_key.to_str().unwrap()]);
    assert!(sent.status.success(), "{}", texts(&sent).1);
}

#[test]
fn a_receipt_that_is_not_there_ends_with_1_and_an_id_that_is_none_with_2() {
    let partner = Partner::new();
    let (stdout, stderr) = partner.check(&["status", "6a9ae8b4-3f0b-4f0e-9a51-0d8f3a7c2b10", "--json"], 1);
    assert!(stdout.contains("\"code\":\"not_found\"") && stderr.contains("404"), "{stdout}{stderr}");
    partner.check(&["status", "1"], 2);
}

#[test]
fn plain_http_to_another_machine_is_refused() {
    let partner = Partner::new();
    let file = partner.example(EXAMPLES[0]);
    let (_, stderr) = partner.check(&["send", file.to_str().unwrap(), "--server", "http://203.0.113.7"], 2);
    assert!(stderr.contains("--insecure-http"), "{stderr}");
}

#[test]
fn a_contact_request_is_withdrawn_with_or_without_a_reason() {
    let partner = Partner::new();
    let file = partner.example(EXAMPLES[0]);
    let reason = partner.place.write("reason.txt", "The person found a flat without a mortgage.\n");
    for more in [&[][..], &["--reason-file", reason.to_str().unwrap()]] {
        let (id, _) = partner.check(&["send", file.to_str().unwrap()], 0);
        let withdraw = [&["withdraw", id.trim()][..], more].concat();
        assert_eq!(partner.check(&withdraw, 0).0, "WITHDRAWN\n");
        let (receipt, _) = partner.check(&["status", id.trim()], 0);
        assert!(receipt.contains("WITHDRAWN"), "{receipt}");
        partner.check(&withdraw, 1);
    }
    let long = partner.place.write("long.txt", "a".repeat(5000));
    let id = "6a9ae8b4-3f0b-4f0e-9a51-0d8f3a7c2b10";
    partner.check(&["withdraw", id, "--reason-file", long.to_str().unwrap()], 2);
}

#[test]
fn an_address_without_a_scheme_is_completed() {
    let partner = Partner::new();
    let file = partner.example(EXAMPLES[0]);
    let file = file.to_str().unwrap();
    let (_, stderr) = partner.check(&["send", file, "--server", "gateway.example.org:8443"], 2);
    assert!(stderr.contains("https://gateway.example.org:8443"), "{stderr}");
    let (_, stderr) = partner.check(&["send", file, "--server", "//user:word@gateway.example.org"], 2);
    assert!(!stderr.contains("http://user"), "{stderr}");
}

#[test]
fn a_key_used_for_another_body_and_an_app_key_of_another_get_remedies_of_their_own() {
    let partner = Partner::new();
    let file = partner.example(EXAMPLES[0]);
    partner.check(&["send", file.to_str().unwrap(), "--idempotency-key", "order-2"], 0);
    let text = std::fs::read_to_string(&file).unwrap().replacen("Jana", "Petra", 1);
    let other = partner.place.write("other.json", text);
    let (_, stderr) = partner.check(&["send", other.to_str().unwrap(), "--idempotency-key", "order-2"], 1);
    assert!(stderr.contains("leave --idempotency-key out"), "{stderr}");

    let text = std::fs::read_to_string(partner.example(EXAMPLES[2])).unwrap();
    let text = text.replace(partner.gateway.app_key(), "00000000-0000-4000-8000-000000000009");
    let other = partner.place.write("other.json", text);
    let (_, stderr) = partner.check(&["send", other.to_str().unwrap()], 1);
    assert!(stderr.contains("Header.AppKey") && !stderr.contains("USHER_KEY"), "{stderr}");
}

#[test]
fn of_a_body_on_one_long_line_only_the_wrong_places_are_shown() {
    let partner = Partner::new();
    let text = std::fs::read_to_string(partner.example(EXAMPLES[0])).unwrap();
    let mut body: Value = serde_json::from_str(&text).unwrap();
    body["message"] = "m".repeat(4001).into();
    let file = partner.place.write("long.json", body.to_string());
    let (_, stderr) = partner.check(&["check", file.to_str().unwrap(), "--offline"], 1);
    assert!(stderr.contains("/message max_length") && stderr.contains("at most 4000"), "{stderr}");
    assert!(stderr.len() < 2000 && !stderr.contains("601123456"), "{stderr}");
}

#[test]
fn completions_are_written_for_a_shell() {
    let (script, _) = texts(&Place::new().run(&["completions", "bash"]));
    assert!(script.contains("complete -F _usher"), "{script}");
}
