//! Delivery as operators set it up: from the first secret to a replay, with receivers that answer what they are told to.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::mpsc::{Receiver as Channel, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use usher_domain::webhook::Secret;

use super::setting_up::{admin, production, refused, request, submit};
use crate::harness::{Gateway, Place};
use crate::http::Connection;

const TIME_MAX: Duration = Duration::from_secs(30);

/// A request as a receiver got it.
struct Received {
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

/// A receiver on loopback that answers each request with the status it is told.
struct Receiver {
    address: SocketAddr,
    status: Arc<AtomicU16>,
    received: Channel<Received>,
}

impl Receiver {
    fn start() -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let status = Arc::new(AtomicU16::new(200));
        let (sender, received) = channel();
        let answer = status.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (sender, answer) = (sender.clone(), answer.clone());
                thread::spawn(move || serve(stream.unwrap(), &sender, &answer));
            }
        });
        Receiver { address, status, received }
    }

    fn url(&self) -> String {
        format!("http://{}/usher", self.address)
    }

    fn answer(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    #[track_caller]
    fn next(&self) -> Received {
        self.received.recv_timeout(TIME_MAX).expect("the receiver is called")
    }
}

/// Takes requests until the caller has gone.
fn serve(stream: TcpStream, sender: &Sender<Received>, status: &AtomicU16) -> Option<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).ok()? == 0 {
                return None;
            }
            match line.trim_end() {
                "" => break,
                line => lines.push(line.to_owned()),
            }
        }
        let pairs = lines.iter().filter_map(|line| line.split_once(": "));
        let headers: BTreeMap<_, _> =
            pairs.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
        let mut body = vec![0; headers["content-length"].parse().unwrap()];
        stream.read_exact(&mut body).ok()?;
        sender.send(Received { headers, body }).ok()?;
        let answer = format!("HTTP/1.1 {} Said\r\nContent-Length: 0\r\n\r\n", status.load(Ordering::SeqCst));
        stream.get_mut().write_all(answer.as_bytes()).ok()?;
    }
}

/// What an operator does until it shows something.
#[track_caller]
fn until(place: &Place, arguments: &[&str], holds: impl Fn(&Value) -> bool) -> Value {
    let begun = Instant::now();
    loop {
        let shown = admin(place, arguments);
        if holds(&shown) {
            return shown;
        }
        assert!(begun.elapsed() < TIME_MAX, "{arguments:?}: {shown}");
    }
}

fn bank(gateway: &Gateway, key: &str, method: &str, path: &str, body: &str) -> Value {
    let lines = format!("Content-Type: application/json\r\nx-api-key: {key}\r\n");
    let mut connection = Connection::open(gateway.bank_address()).unwrap();
    connection.call(method, path, &lines, body.as_bytes()).unwrap().json()
}

fn apply(place: &Place, toml: &str) -> Value {
    let file = place.write("destinations.toml", toml);
    admin(place, &["destination", "apply", file.to_str().unwrap()])
}

fn destination(receiver: &Receiver) -> String {
    format!(
        "[[destinations]]\nname = \"bank\"\nenvironment = \"production\"\nurl = \"{}\"\nsignature = \"hmac\"\n\
         allow = [\"127.0.0.0/8\"]\n\n[partners]\nallow = [\"127.0.0.0/8\"]\n",
        receiver.url()
    )
}

#[test]
fn a_bank_is_sent_its_messages_then_pulls_them_and_nothing_is_lost_on_the_way() {
    let place = Place::new();
    let gateway = place.start();
    let (_, key) = production(&place);
    let arguments = ["bank-user", "add", "Agent", "--role", "agent", "--environment", "production"];
    let agent = admin(&place, &arguments)["key"].as_str().unwrap().to_owned();
    let receiver = Receiver::start();

    // Nothing to sign with: told with its place and the command that helps.
    let file = place.write("destinations.toml", destination(&receiver));
    let (exit, said) = refused(&place, &["destination", "apply", file.to_str().unwrap()]);
    assert!(exit != 0 && said.contains("secret_missing") && said.contains("line 5"), "{said}");
    let arguments = ["destination", "secret", "bank", "--signature", "hmac"];
    let secret = admin(&place, &arguments)["secret"].as_str().unwrap().to_owned();
    assert_eq!(apply(&place, &destination(&receiver))["version"], 1);

    let sent = submit(&gateway, &key, &request("+420 601 123 456"));
    assert_eq!(sent.status, 201, "{}", sent.text);
    let received = receiver.next();
    let (id, timestamp) = (&received.headers["webhook-id"], received.headers["webhook-timestamp"].parse().unwrap());
    let signed = Secret::parse(&secret).unwrap().sign(id, timestamp, &received.body);
    assert_eq!(received.headers["webhook-signature"], signed);
    let body: Value = serde_json::from_slice(&received.body).unwrap();
    assert_eq!((&body["type"], &body["data"]["requestId"]), (&json!("request.accepted"), &sent.json()["id"]));
    assert_eq!(body["data"]["payloadHash"], sent.json()["payloadHash"]);
    // A 2xx is the acknowledgement; and what is sent is not pulled too.
    let delivered = ["delivery", "list", "--delivered"];
    until(&place, &delivered, |page| page["items"].as_array().unwrap().len() == 1);
    let delivery = bank(&gateway, &agent, "GET", "/bank/v1/deliveries", "");
    assert!(delivery["items"][0]["acknowledgedAt"].is_string(), "{delivery}");
    assert_eq!(bank(&gateway, &agent, "GET", "/bank/v1/messages", "")["items"], json!([]));

    // Gone: given up with an alarm, kept, and sent once more under the same id with the same bytes.
    receiver.answer(410);
    submit(&gateway, &key, &request("+420 601 123 457"));
    let first = receiver.next();
    let parked = ["delivery", "list", "--parked"];
    let page = until(&place, &parked, |page| page["items"].as_array().unwrap().len() == 1);
    assert_eq!((&page["items"][0]["reason"], &page["items"][0]["attempts"]), (&json!("status_410"), &json!(1)));
    assert!(gateway.log().contains("ALARM"), "{}", gateway.log());
    receiver.answer(200);
    let number = page["items"][0]["id"].to_string();
    assert_eq!(admin(&place, &["delivery", "replay", &number]), json!({"replayed": 1}));
    let again = receiver.next();
    assert_eq!((&again.headers["webhook-id"], &again.body), (&first.headers["webhook-id"], &first.body));
    until(&place, &delivered, |page| page["items"].as_array().unwrap().len() == 2);

    // Taken out of the document, it is pulled from then on, what was given up included.
    receiver.answer(410);
    let third = submit(&gateway, &key, &request("+420 601 123 458")).json();
    receiver.next();
    until(&place, &parked, |page| page["items"].as_array().unwrap().len() == 1);
    apply(&place, "destinations = []\n");
    let pulled = bank(&gateway, &agent, "GET", "/bank/v1/messages", "");
    assert_eq!(pulled["items"].as_array().unwrap().len(), 1, "{pulled}");
    assert_eq!(pulled["items"][0]["delivery"]["requestId"], third["id"]);

    let audit = admin(&place, &["audit", "--limit", "500"]);
    let actions: Vec<&str> =
        audit["entries"].as_array().unwrap().iter().map(|one| one["action"].as_str().unwrap()).collect();
    for action in ["webhook_secret.created", "document.imported", "message.replayed"] {
        assert!(actions.contains(&action), "{action}: {actions:?}");
    }
    let (_, log) = gateway.stop("TERM");
    for told in [log, audit.to_string()] {
        for hidden in [secret.as_str(), "601123458", "601 123 458"] {
            assert!(!told.contains(hidden), "{hidden}");
        }
    }
}

#[test]
fn an_application_is_sent_its_events_where_the_operator_lets_it() {
    let place = Place::new();
    let gateway = place.start();
    let (application, key) = production(&place);
    let arguments = ["bank-user", "add", "Agent", "--role", "agent", "--environment", "production"];
    let agent = admin(&place, &arguments)["key"].as_str().unwrap().to_owned();
    let receiver = Receiver::start();
    let public = admin(&place, &["application", "secret", &application])["about"]["publicKey"].clone();
    assert!(public.as_str().unwrap().starts_with("whpk_"));
    let set = ["application", "webhook", &application, &receiver.url()];
    let (_, said) = refused(&place, &set);
    assert!(said.contains("usher::admin::refused"), "{said}");
    assert_eq!(admin(&place, &["application", "webhooks"]), json!([]));
    apply(&place, "destinations = []\n\n[partners]\nallow = [\"127.0.0.0/8\"]\n");
    assert_eq!(admin(&place, &set)[0]["url"], receiver.url());

    let sent = submit(&gateway, &key, &request("+420 601 123 456")).json();
    let delivery = &bank(&gateway, &agent, "GET", "/bank/v1/deliveries", "")["items"][0]["id"];
    let path = format!("/bank/v1/deliveries/{delivery}/status");
    bank(&gateway, &agent, "POST", &path, r#"{"status":"CLAIMED","note":"the sister answered"}"#);
    let received = receiver.next();
    assert!(received.headers["webhook-signature"].starts_with("v1a,"));
    let body: Value = serde_json::from_slice(&received.body).unwrap();
    assert_eq!((&body["type"], &body["data"]["status"]), (&json!("status.changed"), &json!("CLAIMED")));
    assert_eq!(body["data"]["requestId"], sent["id"]);
    let text = String::from_utf8(received.body).unwrap();
    for hidden in ["sister", "601123456", "Agent"] {
        assert!(!text.contains(hidden), "{text}");
    }
    // It stays in the list of events, under the id that was sent.
    let lines = format!("x-api-key: {key}\r\n");
    let events = Connection::open(gateway.address()).unwrap().call("GET", "/receipts/v1/events", &lines, b"").unwrap();
    assert_eq!(events.json()["items"][0]["id"], body["data"]["event"]);
    assert_eq!(admin(&place, &["application", "webhooks"]).as_array().unwrap().len(), 1);
    assert_eq!(admin(&place, &["application", "webhook", &application, "--end"]), json!([]));
}
