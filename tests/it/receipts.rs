//! Receipts as proof: each API's are signed, each can be checked offline, and whatever is changed is found.

use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};
use usher_client::contract::shared::{JwkSet, Receipt, Status};
use usher_client::receipt::{Unverified, verify};
use usher_wire::{Limits, Message, Mode, Options, parse, to_json};

use crate::gateway::{APPOINTMENT, CONTACT, CREATE, Caller, House, Submit, obeys};
use crate::harness::texts;

const REQUESTS: [(Submit, &str); 3] = [(CONTACT, "every_member"), (APPOINTMENT, "full"), (CREATE, "new_customer")];

/// A document of the contract, as a partner's program reads it.
fn read<T: for<'a> Message<'a>>(text: &str) -> T {
    let options = Options { mode: Mode::Answer, limits: Limits::GATEWAY, facts: None };
    let (checked, _) = parse::<T>(text.as_bytes(), &options).unwrap().into_result().unwrap();
    checked.into_inner()
}

/// Sends an example and reads its receipt; gives the body too.
fn accepted(caller: &Caller, submit: Submit, name: &str) -> (String, String) {
    let body = caller.example(submit, name);
    let reply = caller.post(submit.path, "", &body);
    assert_eq!(reply.status, submit.accepted, "{}", reply.text);
    let receipt = caller.get(reply.header("location").unwrap());
    obeys(("shared", "receipt"), &receipt);
    (receipt.text, body)
}

/// The published keys, asked for by nobody in particular.
fn keys(caller: &Caller) -> String {
    let reply = caller.call_without_key("GET", "/.well-known/jwks.json", "", "");
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!(reply.header("cache-control"), Some("public, max-age=3600"));
    obeys(("shared", "jwk_set"), &reply);
    reply.text
}

#[test]
fn a_receipt_of_each_api_proves_its_body() {
    let house = House::new();
    let keys: JwkSet = read(&keys(&house.caller));
    for (submit, name) in REQUESTS {
        let (receipt, body) = accepted(&house.caller, submit, name);
        let receipt: Receipt = read(&receipt);
        let verified = verify(&receipt, &keys, Some(body.as_bytes())).unwrap();
        assert_eq!((verified.claims.id.as_str(), verified.is_body_proved), (receipt.id.as_str(), true));
        assert_eq!(verified.key_id, keys.keys[0].kid);
        // However the body is spelled: white space and the order of members mean nothing.
        let spelled = serde_json::to_string_pretty(&serde_json::from_str::<Value>(&body).unwrap()).unwrap();
        verify(&receipt, &keys, Some(spelled.as_bytes())).unwrap();
        let changed = body.replace("example.org", "example.net");
        assert_ne!(changed, body);
        assert_eq!(verify(&receipt, &keys, Some(changed.as_bytes())), Err(Unverified::BodyDiffers));
    }
}

#[test]
fn the_signature_is_the_same_on_every_read_whatever_happened_since() {
    let house = House::new();
    let caller = &house.caller;
    let body = caller.example(CONTACT, "every_member");
    let answer = caller.post(CONTACT.path, "Idempotency-Key: one\r\n", &body);
    let first = answer.json();
    let id = first["id"].as_str().unwrap();
    let path = format!("/receipts/v1/{id}");
    assert_eq!(caller.get(&path).json()["signature"], first["signature"]);
    let withdrawal = caller.post(&format!("{}/{id}/withdrawal", CONTACT.path), "", "{}");
    assert_eq!(withdrawal.status, 200, "{}", withdrawal.text);
    let later = caller.get(&path).json();
    assert_eq!((&later["signature"], &later["status"]), (&first["signature"], &json!("WITHDRAWN")));
    let listed = caller.receipts("");
    assert_eq!(listed[0]["signature"], first["signature"]);
    // The stored answer is the first one, to the byte.
    assert_eq!(caller.post(CONTACT.path, "Idempotency-Key: one\r\n", &body).text, answer.text);
    // After erasure the salt is gone; that it was accepted is still proved, of which body is not.
    let mut erased: Receipt = read(&later.to_string());
    erased.salt = None;
    let keys: JwkSet = read(&keys(caller));
    assert!(!verify(&erased, &keys, None).unwrap().is_body_proved);
    assert_eq!(verify(&erased, &keys, Some(body.as_bytes())), Err(Unverified::NoSalt));
}

#[test]
fn whatever_is_changed_in_a_receipt_is_found() {
    let house = House::new();
    let (text, body) = accepted(&house.caller, APPOINTMENT, "full");
    let (receipt, keys): (Receipt, JwkSet) = (read(&text), read(&keys(&house.caller)));
    let change = |change: fn(&mut Receipt)| {
        let mut changed = receipt.clone();
        change(&mut changed);
        verify(&changed, &keys, Some(body.as_bytes()))
    };
    let differs = |member| Err(Unverified::Differs { members: vec![member] });
    // What is not signed may change: it is not about the acceptance.
    assert!(change(|receipt| receipt.status = Status::ConsultingDealMortgage).is_ok());
    assert_eq!(change(|receipt| receipt.id.replace_range(..1, "f0")), differs("id"));
    assert_eq!(change(|receipt| receipt.received_at = "2020-01-01T00:00:00Z".into()), differs("receivedAt"));
    assert_eq!(change(|receipt| receipt.partner_reference = Some("mine".into())), differs("partnerReference"));
    assert_eq!(change(|receipt| receipt.payload_hash = "0".repeat(64)), differs("payloadHash"));
    assert_eq!(change(|receipt| receipt.product.push('x')), differs("product"));
    assert_eq!(change(|receipt| receipt.products_version += 1), differs("productsVersion"));
    assert_eq!(change(|receipt| receipt.lists.push("towns@1".into())), differs("lists"));
    assert_eq!(change(|receipt| receipt.warnings.clear()), differs("warnings"));
    assert_eq!(change(|receipt| receipt.salt = Some("0".repeat(64))), Err(Unverified::BodyDiffers));

    let key_id = keys.keys[0].kid.clone();
    let signature = Err(Unverified::Signature { key_id: key_id.clone() });
    let payload_of_another = |receipt: &mut Receipt| {
        let [head, _, tail]: [&str; 3] = receipt.signature.split('.').collect::<Vec<_>>().try_into().unwrap();
        receipt.signature = format!("{head}.e30.{tail}");
    };
    assert_eq!(change(payload_of_another), signature);
    // No algorithm: {"alg":"none","kid":"x"}
    let unsigned = |receipt: &mut Receipt| receipt.signature = "eyJhbGciOiJub25lIiwia2lkIjoieCJ9.e30.e30".into();
    assert_eq!(change(unsigned), Err(Unverified::Malformed));
    assert_eq!(change(|receipt| receipt.signature = "no signature".into()), Err(Unverified::Malformed));
    let unknown = verify(&receipt, &JwkSet { keys: Vec::new(), ..keys.clone() }, None);
    assert_eq!(unknown, Err(Unverified::KeyUnknown { key_id: key_id.clone() }));
    let mut other_keys = keys.clone();
    other_keys.keys[0].x = read::<JwkSet>(&self::keys(&House::new().caller)).keys[0].x.clone();
    assert_eq!(verify(&receipt, &other_keys, None), Err(Unverified::Signature { key_id: key_id.clone() }));
    other_keys.keys[0].x = "AAAA".into();
    assert_eq!(verify(&receipt, &other_keys, None), Err(Unverified::KeyUnusable { key_id }));
}

#[test]
fn the_program_verifies_a_receipt_offline() {
    let house = House::new();
    let (receipt, body) = accepted(&house.caller, CONTACT, "every_member");
    let place = &house.place;
    place.write("receipt.json", &receipt);
    place.write("body.json", &body);
    place.write(
        "other.json",
        body.replacen("\"forename\"", "\"forename\" ", 1).replacen("example.org", "example.com", 1),
    );
    place.write("keys.json", keys(&house.caller));
    place.write("no-keys.json", r#"{"keys":[]}"#);
    let mut changed: Receipt = read(&receipt);
    changed.product = "another".to_owned();
    place.write("changed.json", to_json(&changed));
    let address = house.caller.address.clone();
    let check = |arguments: &[&str], code: i32, said: &str| {
        let output = place.run(&[&["receipt", "verify"], arguments].concat());
        let (stdout, stderr) = texts(&output);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}\n{stdout}\n{stderr}");
        assert_eq!(stdout, if code == 0 { "verified\n" } else { "" });
        // The terminal's width breaks lines anywhere.
        let flat = stderr.split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ");
        assert!(flat.contains(said), "{said} is not in {flat}");
    };
    check(&["receipt.json", "--server", &address], 0, "was accepted on");
    check(&["receipt.json", "--server", &address, "--body", "body.json"], 0, "The body is the one that was accepted.");
    drop(house.gateway);
    check(&["receipt.json", "--jwks", "keys.json", "--body", "body.json"], 0, "The body is the one");
    check(&["receipt.json", "--jwks", "keys.json"], 0, "told with --body FILE");
    check(&["receipt.json", "--jwks", "keys.json", "--body", "other.json"], 1, "its hash is another");
    check(&["receipt.json", "--jwks", "no-keys.json"], 1, "is not in the key set");
    check(&["changed.json", "--jwks", "keys.json"], 1, "differs from what was signed in: product");
    check(&["body.json", "--jwks", "keys.json"], 2, "body.json holds no receipt");
    check(&["receipt.json", "--jwks", "receipt.json"], 2, "receipt.json holds no key set");
    check(&["nothing.json", "--jwks", "keys.json"], 2, "cannot read nothing.json");
    check(&["receipt.json", "--server", &address], 3, "does not tell its keys");
}

#[test]
fn receipts_of_a_retired_key_stay_proof() {
    let house = House::new();
    let caller = house.caller.clone();
    let (old, _) = accepted(&caller, CONTACT, "every_member");
    let old: Receipt = read(&old);
    let (place, directory) = house.into_directory();
    drop(directory);
    let output = place.run(&["signing-key", "rotate"]);
    assert!(output.status.success(), "{:?}", texts(&output));
    let told = texts(&output).0;

    let gateway = place.start();
    let caller = Caller { address: gateway.address().to_owned(), ..caller };
    let keys: JwkSet = read(&keys(&caller));
    assert_eq!(keys.keys.len(), 2);
    assert_eq!(told.trim(), keys.keys[0].kid);
    assert_eq!(verify(&old, &keys, None).unwrap().key_id, keys.keys[1].kid);
    let again: Receipt = read(&caller.get(&format!("/receipts/v1/{}", old.id)).text);
    assert_eq!(verify(&again, &keys, None).unwrap().key_id, keys.keys[0].kid);
    assert_ne!(again.signature, old.signature);
}

/// What docs/receipts.md shows: only openssl and a shell, nothing of ours.
#[test]
fn openssl_agrees() {
    if Command::new("openssl").arg("version").output().is_err() {
        println!("skipped openssl_agrees: there is no openssl");
        return;
    }
    let house = House::new();
    let (receipt, _) = accepted(&house.caller, CONTACT, "every_member");
    house.place.write("receipt.json", &receipt);
    house.place.write("jwks.json", keys(&house.caller));
    let document = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/receipts.md");
    let document = std::fs::read_to_string(document).unwrap();
    let script = document.split_once("```sh verify\n").and_then(|(_, rest)| rest.split_once("```")).unwrap().0;
    let run = || {
        let output = Command::new("sh").arg("-ec").arg(script).current_dir(house.place.path("")).output().unwrap();
        (output.status.success(), texts(&output))
    };
    let (is_good, said) = run();
    assert!(is_good && said.0.contains("Signature Verified Successfully"), "{said:?}");
    let mut changed: Value = serde_json::from_str(&receipt).unwrap();
    let signature = changed["signature"].as_str().unwrap();
    let (head, rest) = signature.split_once('.').unwrap();
    changed["signature"] = format!("{head}.e30.{}", rest.split_once('.').unwrap().1).into();
    house.place.write("receipt.json", changed.to_string());
    assert!(!run().0);
}
