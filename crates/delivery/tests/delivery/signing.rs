//! What is signed is what others verify: the published vectors, the published verifier, and two written anew.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::HeaderMap;
use ring::signature::{ED25519, UnparsedPublicKey};
use usher_domain::webhook::{Secret, Signature};
use usher_storage::Millis;

use crate::kit::{House, NOW, Received, Receiver, http, status};

/// The folder of test suites, where there is one.
fn suites() -> Option<PathBuf> {
    let folder = std::env::var_os("USHER_DATA").map(PathBuf::from);
    if folder.is_none() {
        println!("skipped: USHER_DATA names no folder with the vectors of Standard Webhooks");
    }
    folder.map(|folder| folder.join("suites/standard-webhooks/vectors.json"))
}

#[test]
fn the_published_vectors_hold() {
    let Some(path) = suites() else { return };
    let vectors: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let sign = vectors["sign"].as_array().unwrap();
    for vector in sign {
        let secret = Secret::parse(&text(&vector["secret"])).unwrap();
        let timestamp = vector["timestamp"].as_i64().unwrap();
        let signed = secret.sign(&text(&vector["id"]), timestamp, text(&vector["payload"]).as_bytes());
        assert_eq!(signed, text(&vector["signature"]), "{}", vector["name"]);
        assert_eq!(secret.public_text().as_deref(), vector["public_key"].as_str(), "{}", vector["name"]);
    }
    // A case of verifying with a sound secret, id and time holds just when one of the signatures sent is what is signed
    // here.
    let mut compared = 0;
    for case in vectors["verify"].as_array().unwrap() {
        let headers = &case["headers"];
        let parts =
            (headers["webhook-id"].as_str(), headers["webhook-timestamp"].as_str().and_then(|at| at.parse().ok()));
        let (Some(id), Some(timestamp)) = parts else { continue };
        let now = case["now"].as_i64().unwrap();
        let Some(secret) = case["secret"].as_str().and_then(Secret::parse) else { continue };
        if i64::abs(now - timestamp) > 300 {
            continue;
        }
        let signed = secret.sign(id, timestamp, text(&case["payload"]).as_bytes());
        let sent = headers["webhook-signature"].as_str().unwrap_or_default();
        let holds = sent.split(' ').any(|one| one == signed);
        assert_eq!(holds, case["expect"] == "ok", "{}", case["name"]);
        compared += 1;
    }
    assert!(sign.len() >= 3 && compared >= 8, "{} and {compared}", sign.len());
}

/// What a receiver gets at a time of a destination with these secrets.
async fn received(signatures: &[Signature], at: Millis) -> (Received, Vec<Secret>) {
    let house = House::new().await;
    house.set_time(at);
    let bank = Receiver::start(status("200 OK", "")).await;
    let mut secrets = Vec::new();
    for signature in signatures {
        secrets.push(house.secret("bank", *signature).await);
    }
    house.apply(&[crate::kit::members("bank", &bank.url())]).await;
    house.accept(&["bank"]).await;
    let mut dispatcher = house.dispatcher(http());
    dispatcher.round().await.unwrap();
    dispatcher.settle().await;
    (bank.received().remove(0), secrets)
}

/// Whether an Ed25519 signature is among those of a request.
fn is_signed_by(request: &Received, public: &str) -> bool {
    let public = STANDARD.decode(public.strip_prefix("whpk_").unwrap()).unwrap();
    let head = format!("{}.{}.", request.headers["webhook-id"], request.headers["webhook-timestamp"]);
    let signed = [head.as_bytes(), &request.body].concat();
    let signatures = request.headers["webhook-signature"].split(' ').filter_map(|one| one.strip_prefix("v1a,"));
    let mut signatures = signatures.map(|one| STANDARD.decode(one).unwrap());
    signatures.any(|signature| UnparsedPublicKey::new(&ED25519, &public).verify(&signed, &signature).is_ok())
}

#[tokio::test]
async fn the_published_verifier_takes_what_is_sent() {
    // It has a clock of its own.
    let now = jiff::Timestamp::now().as_millisecond();
    let (request, secrets) = received(&[Signature::Hmac], now).await;
    let verifier = standardwebhooks::Webhook::new(&secrets[0].to_text()).unwrap();
    let mut headers = HeaderMap::new();
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        headers.insert(name, request.headers[name].parse().unwrap());
    }
    verifier.verify(&request.body, &headers).unwrap();
    headers.insert("webhook-id", "msg_2".parse().unwrap());
    assert!(verifier.verify(&request.body, &headers).is_err());
}

#[tokio::test]
async fn while_a_secret_is_replaced_the_old_and_the_new_one_verify() {
    let (request, secrets) = received(&[Signature::Hmac, Signature::Hmac, Signature::Ed25519], NOW).await;
    assert_eq!(request.headers["webhook-signature"].split(' ').count(), 3);
    let timestamp = NOW / 1_000;
    for secret in &secrets {
        let signed = secret.sign("msg_1", timestamp, &request.body);
        assert!(request.headers["webhook-signature"].split(' ').any(|one| one == signed), "{secret:?}");
    }
    let public = secrets[2].public_text().unwrap();
    assert!(is_signed_by(&request, &public));
    let other = Secret::draw(Signature::Ed25519, &mut |bytes: &mut [u8]| bytes.fill(251)).public_text().unwrap();
    assert!(!is_signed_by(&request, &other));
}

/// The standard library of Python, by the words of the specification.
const PYTHON: &str = r#"
import base64, hashlib, hmac, json, sys
case = json.load(sys.stdin)
key = base64.b64decode(case["secret"][len("whsec_"):])
signed = f'{case["id"]}.{case["timestamp"]}.'.encode() + base64.b64decode(case["body"])
expected = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
ok = any(hmac.compare_digest(expected, sent) for sent in case["signature"].split(" "))
print("verified" if ok else "refused")
"#;

/// The standard library of Node, by the words of the specification.
const NODE: &str = r#"
const crypto = require("node:crypto");
const data = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
const signed = Buffer.concat([Buffer.from(`${data.id}.${data.timestamp}.`), Buffer.from(data.body, "base64")]);
const key = Buffer.from(data.secret.slice("whsec_".length), "base64");
const expected = "v1," + crypto.createHmac("sha256", key).update(signed).digest("base64");
const der = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), Buffer.from(data.public.slice("whpk_".length), "base64")]);
const publicKey = crypto.createPublicKey({ key: der, format: "der", type: "spki" });
const sent = data.signature.split(" ");
const pair = sent.filter((one) => one.startsWith("v1a,")).some((one) => crypto.verify(null, signed, publicKey, Buffer.from(one.slice(4), "base64")));
console.log(sent.includes(expected) && pair ? "verified" : "refused");
"#;

#[tokio::test]
async fn verifiers_of_other_languages_take_what_is_sent() {
    let (request, secrets) = received(&[Signature::Hmac, Signature::Ed25519], NOW).await;
    for (program, arguments) in [("python3", ["-c", PYTHON]), ("node", ["-e", NODE])] {
        if Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err() {
            println!("skipped: there is no {program} here");
            continue;
        }
        let case = |body: &[u8]| {
            serde_json::json!({
                "secret": secrets[0].to_text().as_str(),
                "public": secrets[1].public_text(),
                "id": request.headers["webhook-id"],
                "timestamp": request.headers["webhook-timestamp"],
                "signature": request.headers["webhook-signature"],
                "body": STANDARD.encode(body),
            })
        };
        let altered = [&request.body[..], b" "].concat();
        for (body, expected) in [(&request.body, "verified"), (&altered, "refused")] {
            let mut command = Command::new(program);
            command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
            let mut child = command.spawn().unwrap();
            child.stdin.take().unwrap().write_all(case(body).to_string().as_bytes()).unwrap();
            let output = child.wait_with_output().unwrap();
            assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), expected, "{program}");
        }
    }
}
