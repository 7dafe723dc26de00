//! Setting up by `usher admin`: from an empty machine to a partner in production, with the gateway running and without.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{Gateway, Place, texts};
use crate::http::{Connection, Reply};

const CONTACT_REQUEST: &str = include_str!("../../../schemas/contact_request/v1/examples/valid/request/general.json");
const PRODUCTS: &str = include_str!("../../../docs/examples/products.toml");

/// Runs a command that must do its work, and gives its answer.
#[track_caller]
pub(super) fn admin(place: &Place, arguments: &[&str]) -> Value {
    let output = place.run(&[&["admin", "--json"], arguments].concat());
    let (said, log) = texts(&output);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {log}");
    serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"))
}

/// Runs a command that must be refused, and gives its exit code and what it said.
pub(super) fn refused(place: &Place, arguments: &[&str]) -> (i32, String) {
    let output = place.run(&[&["admin"], arguments].concat());
    let (said, log) = texts(&output);
    assert_eq!(said, "", "{arguments:?}");
    (output.status.code().unwrap(), log)
}

fn call(gateway: &Gateway, key: &str, path: &str, body: &Value) -> Reply {
    let lines = format!("Content-Type: application/json\r\nx-api-key: {key}\r\n");
    Connection::open(gateway.address()).unwrap().call("POST", path, &lines, body.to_string().as_bytes()).unwrap()
}

pub(super) fn submit(gateway: &Gateway, key: &str, body: &Value) -> Reply {
    call(gateway, key, "/contact-request/v1/requests", body)
}

/// The codes of all that an answer complains of, or of its warnings.
fn codes(reply: &Reply, list: &str) -> Vec<String> {
    let json = reply.json();
    json[list].as_array().into_iter().flatten().map(|entry| entry["code"].as_str().unwrap().to_owned()).collect()
}

/// A valid contact request about the person with this phone number.
pub(super) fn request(phone: &str) -> Value {
    let mut body: Value = serde_json::from_str(CONTACT_REQUEST).unwrap();
    body["phoneNumber"] = phone.into();
    body
}

/// Calls the platform API on the socket, as a program would that has no key.
fn on_socket(place: &Place, method: &str, path: &str, lines: &str, body: &str) -> (u16, Value) {
    let mut stream = UnixStream::connect(place.path("usher-data/admin.sock")).unwrap();
    let head = format!(
        "{method} /platform/v1{path} HTTP/1.1\r\nHost: usher\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n{lines}\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), serde_json::from_str(body).unwrap())
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

/// A partner with an application that may call everything in production, and its key.
pub(super) fn production(place: &Place) -> (String, String) {
    let partner = admin(place, &["partner", "add", "Best Brokers"])[0]["id"].as_str().unwrap().to_owned();
    let application = admin(place, &["application", "add", "--partner", "Best Brokers", "Website"]);
    let application = application[0]["id"].as_str().unwrap().to_owned();
    let subscribed = admin(
        place,
        &[
            "subscription",
            "add",
            "--application",
            &application,
            "--environment",
            "production",
            "--api",
            "contact_request",
            "--api",
            "digital_customer",
        ],
    );
    assert_eq!(subscribed[0]["subscriptions"].as_array().unwrap().len(), 2);
    assert_eq!(subscribed[0]["partner"], partner.as_str());
    let issued =
        admin(place, &["key", "add", "--application", &application, "--environment", "production", "--days", "30"]);
    (application, issued["key"].as_str().unwrap().to_owned())
}

// shows: KB-026, KB-028, KB-031
#[test]
fn a_production_key_made_here_works_until_it_is_revoked() {
    let place = Place::new();
    let gateway = place.start();
    let (application, key) = production(&place);
    assert!(key.starts_with("usher_prd_"), "{}", &key[..10]);
    assert_eq!(submit(&gateway, &key, &request("+420 601 123 456")).status, 201);

    // A real national id belongs to production, and only there; what stops it there is that no register is connected.
    let body = include_str!("../../../schemas/digital_customer/v1/examples/valid/create/new_customer.json");
    let mut body: Value = serde_json::from_str(body).unwrap();
    let path = "/digital-customer/v1/CreateDigitalCustomer/check";
    for (app_key, key, number, expected) in [
        (application.as_str(), key.as_str(), "10000000146", "register_not_configured"),
        (application.as_str(), key.as_str(), "98760000088", "synthetic_id_refused"),
        (gateway.app_key(), gateway.key(), "10000000146", "synthetic_id_only"),
    ] {
        body["Header"]["AppKey"] = app_key.into();
        body["Parameters"][0]["DigitalCustomer"]["CitizenshipNumber"] = number.into();
        let checked = call(&gateway, key, path, &body);
        assert!(checked.text.contains(expected), "{expected}: {}", checked.text);
    }

    let prefix = key.split('_').nth(2).unwrap();
    let begun = Instant::now();
    let listed = loop {
        let listed = admin(&place, &["key", "list", "--application", &application]);
        // A use is noted beside the call, not before its answer.
        if listed[0]["lastUsedAt"].is_string() || begun.elapsed() > Duration::from_secs(10) {
            break listed;
        }
    };
    assert_eq!(listed[0]["prefix"], prefix);
    assert!(listed[0]["expiresAt"].is_string() && !listed.to_string().contains(&key), "{listed}");
    assert!(listed[0]["lastUsedAt"].is_string(), "{listed}");
    let revoked = admin(&place, &["key", "revoke", prefix, "--application", &application]);
    assert!(revoked[0]["revokedAt"].is_string());
    let begun = Instant::now();
    while submit(&gateway, &key, &request("+420 601 123 457")).status != 401 {
        assert!(begun.elapsed() < Duration::from_millis(2_500), "a revoked key must be refused within 2 seconds");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(submit(&gateway, &key, &request("+420 601 123 457")).json()["code"], "key_revoked");
    // Nothing of the secret is kept, or told to the log.
    assert!(!gateway.log().contains(&key));
}

#[test]
fn products_are_in_force_without_a_restart_and_every_version_is_kept() {
    let place = Place::new();
    let gateway = place.start();
    let key = gateway.key().to_owned();
    let file = place.write("products.toml", PRODUCTS);
    let file = file.to_str().unwrap();
    let mortgage = |phone: &str| {
        let subject = json!({"productType": "MORTGAGE", "amount": {"value": 1_000_000, "currency": "CZK"}});
        json!({"person": {"forename": "Jana", "surname": "Vzorova"}, "phoneNumber": phone,
            "email": "jana.vzorova@example.org", "subject": subject})
    };
    assert_eq!(submit(&gateway, &key, &mortgage("+420 601 123 456")).status, 201);

    assert_eq!(admin(&place, &["product", "check", file]), json!({"valid": true}));
    assert_eq!(admin(&place, &["product", "show"])["version"], 0, "a check applies nothing");
    assert_eq!(admin(&place, &["product", "apply", file])["version"], 1);
    let reply = submit(&gateway, &key, &mortgage("+420 601 123 457"));
    assert_eq!((reply.status, reply.json()["code"].clone()), (422, "consent_required".into()));
    let mut body = mortgage("+420 601 123 457");
    body["subject"] = json!({"productType": "CREDIT_CARD", "creditLimit": {"value": 1, "currency": "CZK"}});
    assert_eq!(submit(&gateway, &key, &body).json()["code"], "product_not_offered");

    // What was printed reads back as what was applied.
    let shown = texts(&place.run(&["admin", "product", "show"])).0;
    let again = place.write("again.toml", shown.replace("consentRequired = true", "consentRequired = false"));
    assert_eq!(admin(&place, &["product", "apply", again.to_str().unwrap()])["version"], 2);
    assert_eq!(submit(&gateway, &key, &mortgage("+420 601 123 458")).status, 201);

    let first = admin(&place, &["product", "show", "--version", "1"]);
    assert_eq!(first["document"]["products"][0]["consentRequired"], true);
    assert_eq!(first["appliedBy"], "local");
    let versions = admin(&place, &["product", "list"]);
    let numbers: Vec<i64> = versions.as_array().unwrap().iter().map(|one| one["version"].as_i64().unwrap()).collect();
    assert_eq!(numbers, [2, 1]);
    let built_in = admin(&place, &["product", "show", "--version", "0"]);
    assert_eq!(built_in["document"]["products"].as_array().unwrap().len(), 3);

    // Whoever does not know the version in force cannot replace it unseen.
    let document = first["document"].to_string();
    let (status, problem) = on_socket(&place, "PUT", "/products?previous=1", "", &document);
    assert_eq!((status, &problem["code"]), (409, &json!("version_conflict")));
    gateway.stop("TERM");
    let gateway = place.start();
    assert_eq!(admin(&place, &["product", "show"])["version"], 2, "a restart keeps what is in force");
    assert_eq!(submit(&gateway, &key, &body).json()["code"], "product_not_offered");
}

#[test]
fn a_person_sent_again_is_told_to_the_partner_that_sent_it_and_to_no_other() {
    let place = Place::new();
    let gateway = place.start();
    let sandbox = gateway.key().to_owned();
    let warned = |key: &str, phone: &str| codes(&submit(&gateway, key, &request(phone)), "warnings");
    assert_eq!(warned(&sandbox, "+420 601 123 456"), [""; 0]);
    assert_eq!(warned(&sandbox, "00420 601123456"), ["duplicate_person"], "the same number, written otherwise");

    // Another partner, and the same partner in production, know nothing of it.
    let other = admin(&place, &["partner", "add", "Other"])[0]["id"].as_str().unwrap().to_owned();
    let application = admin(&place, &["application", "add", "--partner", &other, "App"])[0]["id"].clone();
    let application = application.as_str().unwrap();
    let mut keys = Vec::new();
    for environment in ["sandbox", "production"] {
        let place_of = ["--application", application, "--environment", environment];
        admin(&place, &[&["subscription", "add", "--api", "contact_request"][..], &place_of].concat());
        let issued = admin(&place, &[&["key", "add"][..], &place_of].concat());
        keys.push(issued["key"].as_str().unwrap().to_owned());
    }
    for key in &keys {
        assert_eq!(warned(key, "+420 601 123 456"), [""; 0]);
        assert_eq!(warned(key, "+420 601 123 456"), ["duplicate_person"]);
    }

    // Where the product takes nobody twice, the others are taken all the same; a repeat under its key is no duplicate.
    let products =
        PRODUCTS.replace("consentRequired = true", "").replace("[\"MORTGAGE\"]", "[\"MORTGAGE\", \"GENERAL\"]");
    let products = products.replace("[\"GENERAL\", \"CONSUMER", "[\"CONSUMER");
    let file = place.write("products.toml", products);
    admin(&place, &["product", "apply", file.to_str().unwrap()]);
    let lines = format!("Content-Type: application/json\r\nx-api-key: {sandbox}\r\nIdempotency-Key: once\r\n");
    let repeat = || {
        let body = request("+420 601 999 888").to_string();
        let path = "/contact-request/v1/requests";
        Connection::open(gateway.address()).unwrap().call("POST", path, &lines, body.as_bytes()).unwrap()
    };
    let first = repeat();
    assert_eq!(first.status, 201, "{}", first.text);
    assert_eq!(repeat().text, first.text);
    let reply = submit(&gateway, &sandbox, &request("+420 601 999 888"));
    assert_eq!((reply.status, reply.json()["code"].clone()), (422, "duplicate_refused".into()));
    assert_eq!(codes(&reply, "violations"), ["duplicate_refused"]);
    for key in &keys {
        assert_eq!(submit(&gateway, key, &request("+420 601 999 888")).status, 201);
    }
}

#[test]
fn a_wrong_products_file_is_told_line_by_line_and_changes_nothing() {
    let place = Place::new();
    place.start().stop("TERM");
    let wrong = PRODUCTS.replace("hours = 4\n", "hours = 0\n").replace("Europe/Prague", "Europe/Nowhere");
    let file = place.write("products.toml", wrong.replace("id = \"call-back\"", "id = \"mortgage\""));
    let file = file.to_str().unwrap();
    for command in ["check", "apply"] {
        let (code, log) = refused(&place, &["product", command, file]);
        assert_eq!(code, 2, "{log}");
        // The bounds of the schema come first; what only makes sense of right values comes when they are.
        assert!(log.contains("line 17: /products/0/promise/hours"), "{log}");
        assert!(log.contains("hours = 0") && log.contains("docs/setting-up.md"), "{log}");
    }
    let wrong = fs::read_to_string(file).unwrap().replace("hours = 0", "hours = 4");
    place.write("products.toml", wrong);
    let (_, log) = refused(&place, &["product", "check", file]);
    assert!(log.contains("2 faults"), "{log}");
    assert!(log.contains("line 23: /products/0/promise/service/timeZone"), "{log}");
    assert!(log.contains("/products/1/id") && log.contains("product_repeated"), "{log}");
    place.write("products.toml", "[[products]]\nid = \n");
    let (code, log) = refused(&place, &["product", "check", file]);
    assert!(code == 2 && log.contains("usher::admin::syntax") && log.contains("products.toml:2"), "{log}");
    assert_eq!(admin(&place, &["product", "show"])["version"], 0);

    // A partner that is not there is found where partners are known.
    let partner = "partner = \"6f1d7c4e-2b7a-4c55-9d0a-3b8e2f4a1c90\"";
    place.write("products.toml", PRODUCTS.replace("amount = 500\n", &format!("amount = 500\n{partner}\n")));
    assert_eq!(admin(&place, &["product", "check", file]), json!({"valid": true}));
    let (_, log) = refused(&place, &["product", "apply", file]);
    assert!(log.contains("partner_unknown") && log.contains(partner), "{log}");
}

// shows: KB-031
#[test]
fn the_same_commands_work_while_the_gateway_does_not_run() {
    let place = Place::new();
    let (code, log) = refused(&place, &["partner", "list"]);
    assert!(code == 2 && log.contains("usher::admin::no_gateway") && !place.path("usher-data").exists(), "{log}");

    let gateway = place.start();
    let socket = place.path("usher-data/admin.sock");
    assert_eq!(mode(&socket), 0o600);
    assert_eq!(mode(&place.path("usher-data")), 0o700);
    let lost = gateway.key().to_owned();
    let app_key = gateway.app_key().to_owned();
    gateway.stop("TERM");
    assert!(!socket.exists());

    let (application, production) = production(&place);
    assert!(!socket.exists(), "nothing is left behind");
    let (code, log) = refused(&place, &["key", "add"]);
    assert!(code == 2 && log.contains(&app_key) && log.contains(&application), "{log}");
    let (said, _) = texts(&place.run(&["admin", "key", "add", "--application", &app_key]));
    assert!(said.starts_with(&format!("Application id (AppKey): {app_key}\nSandbox key: usher_sbx_")), "{said}");
    let made = said.lines().find_map(|line| line.strip_prefix("Sandbox key: ")).unwrap();

    // The keys of before go on.
    let gateway = place.start();
    for key in [made, &lost, &production] {
        assert_eq!(submit(&gateway, key, &request("+420 601 123 456")).status, 201);
    }
}

#[test]
fn every_change_is_in_the_audit_with_who_made_it() {
    let place = Place::new();
    let gateway = place.start();
    let before = admin(&place, &["audit"])["entries"].as_array().unwrap().len();
    let (application, key) = production(&place);
    let prefix = key.split('_').nth(2).unwrap();
    admin(&place, &["partner", "rename", "Best Brokers", "Better Brokers"]);
    admin(&place, &["application", "change", &application, "--mode", "tolerant"]);
    let ended = ["subscription", "end", "--application", &application, "--environment", "production"];
    admin(&place, &[&ended[..], &["--api", "digital_customer"]].concat());
    admin(&place, &["key", "revoke", prefix, "--application", &application]);
    let user = admin(&place, &["bank-user", "add", "Agent Seven", "--role", "agent", "--environment", "production"]);
    assert!(user["key"].as_str().unwrap().starts_with("usher_bnk_"));
    admin(&place, &["bank-user", "revoke", user["user"]["id"].as_str().unwrap()]);
    assert!(admin(&place, &["bank-user", "list"])[0]["revokedAt"].is_string());
    let file = place.write("products.toml", PRODUCTS);
    admin(&place, &["product", "apply", file.to_str().unwrap()]);

    let audit = admin(&place, &["audit"]);
    let entries = &audit["entries"].as_array().unwrap()[before..];
    let actions: Vec<&str> = entries.iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    let expected = [
        "partner.created",
        "application.created",
        "subscription.begun",
        "subscription.begun",
        "key.created",
        "partner.renamed",
        "application.changed",
        "subscription.ended",
        "key.revoked",
        "bank_user.created",
        "bank_user.revoked",
        "document.imported",
    ];
    assert_eq!(actions, expected);
    assert!(entries.iter().all(|entry| entry["actor"] == "local"), "{audit}");
    // Applications are called what operators call them.
    let about = |entry: &Value, member: &str| entry[member].as_str().unwrap_or_default().contains(&application);
    for (index, entry) in entries.iter().enumerate().filter(|(index, _)| [1, 2, 3, 6, 7].contains(index)) {
        assert!(about(entry, "target"), "{index}: {entry}");
    }
    assert!(about(&entries[4], "detail"), "{}", entries[4]);
    for secret in [&key, user["key"].as_str().unwrap(), "Agent Seven"] {
        assert!(!audit.to_string().contains(secret), "the audit holds ids and codes only");
    }
    let page = admin(&place, &["audit", "--limit", "2"]);
    assert_eq!((page["entries"].as_array().unwrap().len(), page["next"].clone()), (2, json!(2)));
    drop(gateway);
}

#[test]
fn a_creation_under_an_idempotency_key_happens_once() {
    let place = Place::new();
    let _gateway = place.start();
    let once = "Idempotency-Key: \"one\"\r\n";
    let partner = r#"{"name":"Best Brokers"}"#;
    let (status, first) = on_socket(&place, "POST", "/partners", once, partner);
    assert_eq!(status, 201);
    assert_eq!(on_socket(&place, "POST", "/partners", once, partner), (201, first.clone()));
    let (status, problem) = on_socket(&place, "POST", "/partners", once, r#"{"name":"Others"}"#);
    assert_eq!((status, &problem["code"]), (422, &json!("idempotency_key_reused")));
    assert_ne!(on_socket(&place, "POST", "/partners", "", partner).1["id"], first["id"]);

    let path = format!("/partners/{}/applications", first["id"].as_str().unwrap());
    let (_, application) = on_socket(&place, "POST", &path, once, r#"{"name":"Website"}"#);
    assert_eq!(on_socket(&place, "POST", &path, once, r#"{"name":"Website"}"#).1, application);
    // A secret is shown once, so a repeat makes nothing and shows nothing.
    let path = format!("/applications/{}/keys", application["id"].as_str().unwrap());
    let (status, issued) = on_socket(&place, "POST", &path, once, r#"{"environment":"production"}"#);
    assert!(status == 201 && issued["key"].is_string());
    let (status, problem) = on_socket(&place, "POST", &path, once, r#"{"environment":"production"}"#);
    assert_eq!((status, &problem["code"]), (422, &json!("idempotency_key_reused")));
    assert_eq!(on_socket(&place, "GET", &path, "", "").1["keys"].as_array().unwrap().len(), 1);
    let (status, problem) = on_socket(&place, "PATCH", "/partners/6f1d7c4e-2b7a-4c55-9d0a-3b8e2f4a1c90", "", partner);
    assert_eq!((status, &problem["code"]), (404, &json!("not_found")));
}

#[test]
fn the_platform_is_for_operators_only() {
    let place = Place::new();
    let gateway = place.start();
    let list = |address: &str, key: &str| {
        let lines = format!("x-api-key: {key}\r\n");
        Connection::open(address).unwrap().call("GET", "/platform/v1/partners", &lines, b"").unwrap()
    };
    let of_role = |role: &str| {
        let added = admin(&place, &["bank-user", "add", role, "--role", role, "--environment", "production"]);
        (added["key"].as_str().unwrap().to_owned(), added["user"]["id"].as_str().unwrap().to_owned())
    };
    let ((operator, id), (agent, _), (reader, _)) = (of_role("operator"), of_role("agent"), of_role("reader"));
    for (key, expected) in [(gateway.key(), 401), (&agent, 403), (&reader, 403)] {
        let reply = list(gateway.bank_address(), key);
        assert_eq!(reply.status, expected, "{}", reply.text);
        assert!(!reply.text.contains("Sandbox partner"));
    }
    for key in [gateway.key(), &operator] {
        assert_eq!(list(gateway.address(), key).status, 404, "nothing of it is at the partners' listener");
    }
    let reply = list(gateway.bank_address(), &operator);
    assert!(reply.status == 200 && reply.text.contains("Sandbox partner"), "{}", reply.text);
    let lines = format!("x-api-key: {operator}\r\nContent-Type: application/json\r\n");
    let mut connection = Connection::open(gateway.bank_address()).unwrap();
    let made = connection.call("POST", "/platform/v1/partners", &lines, br#"{"name":"Made from afar"}"#).unwrap();
    assert_eq!(made.status, 201, "{}", made.text);
    let audit = admin(&place, &["audit"]);
    assert_eq!(audit["entries"].as_array().unwrap().last().unwrap()["actor"], id.as_str());
}
