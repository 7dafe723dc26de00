//! The first start and the next ones: what is made, what is shown, what stays.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use crate::harness::{Gateway, Place, texts};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

/// Runs a line as a shell would, and gives the status line of the answer. Without curl, what the line says is sent from
/// here.
fn run_line(line: &str) -> String {
    let has_curl = Command::new("sh").args(["-c", "command -v curl"]).output().unwrap().status.success();
    if has_curl {
        let output = Command::new("sh").args(["-c", line]).output().unwrap();
        let (stdout, stderr) = texts(&output);
        return stdout.lines().next().unwrap_or(&stderr).to_owned();
    }
    // curl -sS -i 'url' -w '\n' -H 'name: value' -H 'name: value' -d 'body'
    let quoted: Vec<&str> = line.split('\'').skip(1).step_by(2).collect();
    let (url, headers, body) = (quoted[0], &quoted[2..4], quoted[4]);
    // A second installation of the same provider is refused, and does not matter.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut request = reqwest::Client::new().post(url).body(body.to_owned());
    for header in headers {
        let (name, value) = header.split_once(": ").unwrap();
        request = request.header(name, value);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    format!("HTTP/1.1 {}", runtime.block_on(request.send()).unwrap().status())
}

fn curl_lines(gateway: &Gateway) -> Vec<String> {
    let lines: Vec<_> = gateway.said.lines().filter(|line| line.starts_with("curl ")).map(str::to_owned).collect();
    assert_eq!(lines.len(), 3, "{}", gateway.said);
    lines
}

#[track_caller]
fn check_lines(gateway: &Gateway) {
    for (line, path) in
        curl_lines(gateway).iter().zip(["/contact-request/v1/", "/appointmentrequest", "/CreateDigital"])
    {
        assert!(line.contains(path), "{line}");
        let status = run_line(line);
        assert!(status.starts_with("HTTP/1.1 2"), "{status}: {line}\n{}", gateway.log());
    }
}

// shows: IA-010
#[test]
fn the_first_start_makes_everything_and_every_printed_line_answers_2xx() {
    let place = Place::new();
    let gateway = place.start();
    assert!(gateway.said.contains("Durability: single-disk"), "{}", gateway.said);
    assert!(gateway.said.contains("subscribed to contact_request, appointment_request, digital_customer"));
    check_lines(&gateway);
    // Pasted once more they are answered just as well.
    check_lines(&gateway);

    let data = place.path("usher-data");
    assert_eq!(mode(&data), 0o700);
    for entry in fs::read_dir(&data).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
    for name in ["payload.key", "pepper.key", "digest.key"] {
        assert!(data.join(name).exists(), "{name}");
    }
    // The key is shown once, on stdout, and is nowhere else.
    let key = gateway.key().to_owned();
    let secret = key.split('_').nth(3).unwrap();
    for path in fs::read_dir(&data).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file()) {
        let content = fs::read(path).unwrap();
        assert!(!content.windows(secret.len()).any(|window| window == secret.as_bytes()));
    }
    assert!(!gateway.log().contains(secret));
}

#[test]
fn the_first_start_makes_a_sandbox_partner_though_operators_came_first() {
    let place = Place::new();
    fs::create_dir(place.path("usher-data")).unwrap();
    fs::set_permissions(place.path("usher-data"), fs::Permissions::from_mode(0o700)).unwrap();
    let admin = |arguments: &[&str]| {
        let output = place.run(&[&["admin", "--json"], arguments].concat());
        let (said, log) = texts(&output);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {log}");
        serde_json::from_str::<serde_json::Value>(&said).unwrap()
    };
    admin(&["partner", "add", "Best Brokers"]);
    let application = admin(&["application", "add", "--partner", "Best Brokers", "Website"]);
    let application = application[0]["id"].as_str().unwrap();
    admin(&["key", "add", "--application", application, "--environment", "production"]);

    let first = place.start();
    check_lines(&first);
    let own = first.app_key().to_owned();
    assert_ne!(own, application);
    let keys = admin(&["key", "list", "--application", &own]);
    let prefix = keys[0]["prefix"].as_str().unwrap();
    admin(&["key", "revoke", prefix, "--application", &own]);
    first.stop("TERM");
    // What an operator took away does not come back.
    let second = place.start();
    assert!(!second.said.contains("usher_sbx_"), "{}", second.said);
    assert_eq!(admin(&["partner", "list"]).as_array().unwrap().len(), 2);
}

#[test]
fn the_next_start_keeps_everything_and_shows_no_key() {
    let place = Place::new();
    let first = place.start();
    let key = first.key().to_owned();
    let body = place.write("request.json", CONTACT_REQUEST);
    let (id, _) = texts(&call(&place, &first, &["send", body.to_str().unwrap()], &key));
    let (code, log) = first.stop("TERM");
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("\"message\":\"stopped\""), "{log}");

    let second = place.start();
    assert!(!second.said.contains("usher_sbx_") && !second.said.contains("curl "), "{}", second.said);
    assert!(second.said.contains("usher admin key add"), "{}", second.said);
    let (receipt, _) = texts(&call(&place, &second, &["status", id.trim()], &key));
    assert!(receipt.starts_with(&format!("id            {}\nstatus        NEW\n", id.trim())), "{receipt}");
    let (code, _) = second.stop("INT");
    assert_eq!(code, Some(0));
}

#[test]
fn plain_http_off_loopback_is_served_where_that_was_said() {
    let place = Place::new();
    let gateway = place.start_with(&["--listen", "0.0.0.0:0", "--insecure-http"]);
    assert!(gateway.address().starts_with("http://127.0.0.1:"), "{}", gateway.said);
    check_lines(&gateway);
    assert!(gateway.log().contains("plain HTTP off loopback"), "{}", gateway.log());
}

#[test]
fn a_certificate_is_served_with_on_any_address() {
    let place = Place::new();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    place.write("chain.pem", made.cert.pem());
    place.write("key.pem", made.signing_key.serialize_pem());
    place.write(
        "usher.toml",
        "listen = '0.0.0.0:0'\ntls_cert = 'chain.pem'\ntls_key = 'key.pem'\nlog_format = 'text'\n",
    );
    let gateway = place.start_with(&[]);
    assert!(gateway.address().starts_with("https://localhost:"), "{}", gateway.said);
    assert!(gateway.said.contains("--cacert FILE"), "{}", gateway.said);

    let key = gateway.key().to_owned();
    let body = place.write("request.json", CONTACT_REQUEST);
    let body = body.to_str().unwrap();
    let sent = call(&place, &gateway, &["send", body, "--tls-ca", "chain.pem"], &key);
    assert!(sent.status.success(), "{}", texts(&sent).1);
    // A certificate nobody vouches for is not trusted.
    let other = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    place.write("other.pem", other.cert.pem());
    let sent = call(&place, &gateway, &["send", body, "--tls-ca", "other.pem"], &key);
    let (_, said) = texts(&sent);
    assert_eq!(sent.status.code(), Some(3), "{said}");
    assert!(said.contains("--tls-ca FILE"), "{said}");
    assert!(gateway.log().contains(" INFO usher::serve: started"), "{}", gateway.log());
}

#[test]
fn the_version_names_product_and_contracts() {
    let (said, _) = texts(&Place::new().run(&["--version"]));
    assert!(said.starts_with(&format!("usher {}\n", env!("CARGO_PKG_VERSION"))), "{said}");
    for api in ["contact_request", "appointment_request", "digital_customer", "receipts"] {
        assert!(said.contains(api), "{said}");
    }
}

const CONTACT_REQUEST: &str = include_str!("../../../schemas/contact_request/v1/examples/valid/request/general.json");

fn call(place: &Place, gateway: &Gateway, arguments: &[&str], key: &str) -> std::process::Output {
    place.usher(arguments).env("USHER_SERVER", gateway.address()).env("USHER_KEY", key).output().unwrap()
}
