//! Endpoints that misbehave: each has the outcome that docs/delivery.md tells.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use usher_delivery::HttpCarrier;
use usher_domain::webhook::Signature;
use usher_storage::Held;

use crate::kit::{Certificate, House, NOW, Names, Play, Receiver, http, members, status};

/// State and reason of each destination's message.
async fn outcomes(house: &House) -> BTreeMap<String, (&'static str, Option<String>)> {
    let mut all = BTreeMap::new();
    for state in [Held::Pending, Held::Parked, Held::Delivered] {
        for message in house.in_state(state).await {
            all.insert(message.destination, (state.as_str(), message.reason));
        }
    }
    all
}

fn raw(text: &str) -> Vec<u8> {
    text.as_bytes().to_vec()
}

/// What becomes of a message: its state, and why.
type Outcome = (&'static str, Option<&'static str>);

/// Each endpoint, what it does, and what becomes of its message.
fn table() -> Vec<(&'static str, Play, Outcome)> {
    let delivered = ("delivered", None);
    let pending = |reason| ("pending", Some(reason));
    let head = "HTTP/1.1 200 OK\r\n";
    vec![
        ("ok", status("200 OK", ""), delivered),
        ("accepted", status("202 Accepted", ""), delivered),
        ("no-content", Play::Answer(raw("HTTP/1.1 204 No Content\r\n\r\n")), delivered),
        ("body-never-comes", Play::Hold(raw(&format!("{head}content-length: 5\r\n\r\n"))), delivered),
        (
            "one-gigabyte",
            Play::Endless(raw(&format!("{head}content-length: 1073741824\r\n\r\n")), vec![b'x'; 65_536]),
            delivered,
        ),
        (
            "chunks-without-end",
            Play::Endless(raw(&format!("{head}transfer-encoding: chunked\r\n\r\n")), raw("1\r\nx\r\n")),
            delivered,
        ),
        (
            "gzip-bomb",
            Play::Answer(raw(&format!("{head}content-encoding: gzip\r\ncontent-length: 4\r\n\r\n\x1f\u{8}xx"))),
            delivered,
        ),
        (
            "odd-header",
            Play::Answer([&raw(head)[..], b"x-odd: \xff\xfe\r\ncontent-length: 0\r\n\r\n"].concat()),
            delivered,
        ),
        ("silent", Play::Hold(Vec::new()), pending("timeout")),
        ("head-never-ends", Play::Hold(raw(head)), pending("timeout")),
        ("headers-without-end", Play::Endless(raw(head), raw("x-more: more\r\n")), pending("answer_malformed")),
        (
            "one-long-header",
            Play::Endless(raw(&format!("{head}x-long: ")), vec![b'x'; 1024]),
            pending("answer_malformed"),
        ),
        ("no-http", Play::Hold(raw("SSH-2.0-OpenSSH_9.6\r\n")), pending("answer_malformed")),
        ("reset", Play::Reset, pending("connection_lost")),
        ("moved-301", status("301 Moved", "location: http://127.0.0.1:1/\r\n"), pending("status_301")),
        ("found-302", status("302 Found", "location: http://127.0.0.1:1/\r\n"), pending("status_302")),
        ("see-other-303", status("303 See Other", "location: http://127.0.0.1:1/\r\n"), pending("status_303")),
        ("temporary-307", status("307 Temporary", "location: http://127.0.0.1:1/\r\n"), pending("status_307")),
        ("permanent-308", status("308 Permanent", "location: http://127.0.0.1:1/\r\n"), pending("status_308")),
        ("bad-request", status("400 Bad Request", ""), pending("status_400")),
        ("unauthorized", status("401 Unauthorized", ""), pending("status_401")),
        ("not-found", status("404 Not Found", ""), pending("status_404")),
        ("gone", status("410 Gone", ""), ("parked", Some("status_410"))),
        ("too-many", status("429 Too Many", "retry-after: 120\r\n"), pending("status_429")),
        ("too-many-odd", status("429 Too Many", "retry-after: soon\r\n"), pending("status_429")),
        ("broken", status("500 Broken", ""), pending("status_500")),
        ("unavailable", status("503 Unavailable", "retry-after: 99999999999999\r\n"), pending("status_503")),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_way_to_misbehave_has_its_outcome() {
    let house = House::new().await;
    let (mut documents, mut names, mut receivers, mut expected) = (Vec::new(), Vec::new(), Vec::new(), BTreeMap::new());
    for (name, play, outcome) in table() {
        let receiver = Receiver::start(play).await;
        let destination = format!("provider/{name}");
        house.secret(&destination, Signature::Hmac).await;
        documents.push(format!(r#"{},"timeoutSeconds":2"#, members(&destination, &receiver.url())));
        expected.insert(destination.clone(), (outcome.0, outcome.1.map(str::to_owned)));
        names.push(destination);
        receivers.push((name, receiver));
    }
    house.apply(&documents).await;
    let destinations: Vec<&str> = names.iter().map(String::as_str).collect();
    let request = house.accept(&destinations).await;
    let mut dispatcher = house.dispatcher(http());
    dispatcher.round().await.unwrap();
    dispatcher.settle().await;

    assert_eq!(outcomes(&house).await, expected);
    for (name, receiver) in &receivers {
        // Nobody is asked twice, and nobody but who was set up.
        assert_eq!(receiver.received().len(), 1, "{name}");
        let placed = receiver.placed.load(Ordering::SeqCst);
        assert!(placed < 64 * 1024 * 1024, "{name}: {placed} bytes were taken");
    }
    let due = house.in_state(Held::Pending).await;
    let wait = |name: &str| {
        let found = due.iter().find(|message| message.destination.ends_with(name)).unwrap();
        found.next_due_at - NOW
    };
    assert!((120_000..=130_000).contains(&wait("/too-many")), "{}", wait("/too-many"));
    assert!((1_000..=5_000).contains(&wait("/too-many-odd")), "{}", wait("/too-many-odd"));
    // A receiver cannot put it off for longer than an hour.
    assert!((3_600_000..=3_605_000).contains(&wait("/unavailable")), "{}", wait("/unavailable"));
    // What was delivered is acknowledged, as if it had been pulled.
    let acknowledged = house.acknowledged(request).await;
    let count = expected.values().filter(|(state, _)| *state == "delivered").count();
    assert_eq!(acknowledged.iter().filter(|at| **at == Some(NOW)).count(), count);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_that_is_not_who_it_should_be_gets_nothing() {
    let house = House::new().await;
    let good = Certificate::new("localhost", 2099);
    let expired = Certificate::new("localhost", 2021);
    let other_name = Certificate::new("other.example.org", 2099);
    let unknown = Certificate::new("localhost", 2099);
    let ok = || status("200 OK", "");
    let rows = [
        ("good", Receiver::tls(&good, ok()).await, &good.trusted, None),
        ("expired", Receiver::tls(&expired, ok()).await, &expired.trusted, Some("tls_failed")),
        ("other-name", Receiver::tls(&other_name, ok()).await, &other_name.trusted, Some("tls_failed")),
        ("unknown-authority", Receiver::tls(&unknown, ok()).await, &good.trusted, Some("tls_failed")),
        ("no-tls", Receiver::start(ok()).await, &good.trusted, Some("tls_failed")),
    ];
    let mut documents = Vec::new();
    for (name, receiver, trusted, _) in &rows {
        house.secret(&format!("provider/{name}"), Signature::Hmac).await;
        let url = format!("https://localhost:{}/in", receiver.address.port());
        let pem = trusted.replace('\r', "").replace('\n', "\\n");
        let more = format!(r#""tlsCa":"{pem}","timeoutSeconds":2"#);
        documents.push(format!("{},{more}", members(&format!("provider/{name}"), &url)));
    }
    house.apply(&documents).await;
    let names: Vec<String> = rows.iter().map(|(name, ..)| format!("provider/{name}")).collect();
    house.accept(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let mut dispatcher = house.dispatcher(http());
    dispatcher.round().await.unwrap();
    dispatcher.settle().await;
    let seen = outcomes(&house).await;
    for (name, receiver, _, expected) in &rows {
        let (_, reason) = &seen[&format!("provider/{name}")];
        // The receiver without TLS is not taken for one; what it is sent is a handshake.
        assert_eq!(reason.as_deref(), *expected, "{name}");
        assert_eq!(receiver.received().len(), usize::from(expected.is_none()), "{name}");
    }
}

#[tokio::test]
async fn a_name_that_leads_inside_is_not_called_however_it_looked_before() {
    let house = House::new().await;
    let inside = Receiver::start(status("200 OK", "")).await;
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let port = inside.address.port();
    let names = [
        // One address that may be called does not vouch for another.
        ("mixed.example.org", vec!["93.184.216.34", "10.0.0.1"]),
        ("metadata.example.org", vec!["169.254.169.254"]),
        ("carried.example.org", vec!["::ffff:10.0.0.1"]),
        ("empty.example.org", vec![]),
    ];
    let url = |host: &str| format!("https://{host}:{port}/in");
    let mut documents = Vec::new();
    let rows = [
        ("provider/mixed", url("mixed.example.org"), "address_forbidden"),
        ("provider/metadata", url("metadata.example.org"), "address_forbidden"),
        ("provider/carried", url("carried.example.org"), "address_forbidden"),
        ("provider/empty", url("empty.example.org"), "address_unknown"),
        ("provider/unknown", url("unknown.example.org"), "address_unknown"),
        ("provider/closed", format!("http://{closed}/"), "connection_failed"),
    ];
    for (name, url, _) in &rows {
        house.secret(name, Signature::Hmac).await;
        documents.push(members(name, url));
    }
    house.apply(&documents).await;
    house.accept(&rows.iter().map(|(name, ..)| *name).collect::<Vec<_>>()).await;
    let mut dispatcher = house.dispatcher(HttpCarrier::new(Box::new(Names(BTreeMap::from(names)))));
    dispatcher.round().await.unwrap();
    dispatcher.settle().await;
    let expected = rows.iter().map(|(name, _, reason)| ((*name).to_owned(), ("pending", Some((*reason).to_owned()))));
    assert_eq!(outcomes(&house).await, expected.collect());
    assert!(inside.received().is_empty());
}
