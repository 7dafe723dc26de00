//! What those who run the gateway see of it, and how it ends.

use std::io::Write as _;
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::{Gateway, Place};
use crate::http::{Connection, Reply};

const BODY: &str = include_str!("../../../schemas/contact_request/v1/examples/valid/request/general.json");

/// How long the program may take to hear a signal.
const SIGNAL_TIME_MAX: Duration = Duration::from_secs(20);

fn ask(gateway: &Gateway, path: &str) -> Reply {
    Connection::open(gateway.ops_address()).unwrap().call("GET", path, "", b"").unwrap()
}

/// The names of the checks that do not hold.
fn failing(reply: &Reply) -> Vec<String> {
    let body = reply.json();
    let checks = body["checks"].as_array().unwrap().iter();
    checks.filter(|check| check["ok"] == false).map(|check| check["name"].as_str().unwrap().to_owned()).collect()
}

/// The value of a metric, labels included in its name.
fn metric(text: &str, name: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("{name} is not in\n{text}")).parse().unwrap()
}

#[test]
fn what_was_done_is_counted_on_a_listener_of_its_own() {
    let place = Place::new();
    let gateway = place.start();
    assert_eq!(ask(&gateway, "/livez").status, 200);
    let ready = ask(&gateway, "/readyz");
    assert_eq!((ready.status, ready.json()["ready"].clone()), (200, Value::Bool(true)));

    let lines = format!("Authorization: Bearer {}\r\nContent-Type: application/json\r\n", gateway.key());
    let mut connection = Connection::open(gateway.address()).unwrap();
    for _ in 0..3 {
        let sent = connection.call("POST", "/contact-request/v1/requests", &lines, BODY.as_bytes()).unwrap();
        assert_eq!(sent.status, 201, "{}", sent.text);
    }
    let refused = connection.call("POST", "/contact-request/v1/requests", &lines, b"{}").unwrap();
    assert_eq!(refused.status, 422);

    let metrics = ask(&gateway, "/metrics");
    let text = &metrics.text;
    assert!(metrics.header("content-type").unwrap().starts_with("application/openmetrics-text"));
    let requests = |status| format!("usher_requests_total{{operation=\"submitContactRequest\",status=\"{status}\"}}");
    assert_eq!((metric(text, &requests("2xx")), metric(text, &requests("4xx"))), (3.0, 1.0));
    let times = "usher_request_duration_seconds_count{operation=\"submitContactRequest\"}";
    assert_eq!(metric(text, times), 4.0);
    let all = "usher_request_duration_seconds_bucket{le=\"+Inf\",operation=\"submitContactRequest\"}";
    assert_eq!(metric(text, all), 4.0);
    assert_eq!(metric(text, "usher_commits_total"), 3.0);
    assert!(metric(text, "usher_connections{listener=\"partners\"}") >= 1.0);
    assert!(metric(text, "usher_database_bytes") > 0.0 && metric(text, "usher_volume_free_bytes") > 0.0);
    // Nothing of it can be had where partners or the bank call.
    for address in [gateway.address(), gateway.bank_address()] {
        for path in ["/livez", "/readyz", "/metrics"] {
            assert_eq!(Connection::open(address).unwrap().call("GET", path, "", b"").unwrap().status, 404);
        }
    }
}

#[test]
fn a_stop_is_told_before_the_last_answer_is_given() {
    let place = Place::new();
    let gateway = place.start();
    // A request is under way: its head is here, its body is not.
    let mut stream = TcpStream::connect(gateway.address().trim_start_matches("http://")).unwrap();
    let head = format!(
        "POST /contact-request/v1/requests HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        gateway.key(),
        BODY.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    // Once it asks for the body, the request has begun.
    let mut asked = [0; 25];
    std::io::Read::read_exact(&mut stream, &mut asked).unwrap();
    assert!(asked.starts_with(b"HTTP/1.1 100"), "{}", String::from_utf8_lossy(&asked));

    let id = gateway.id().to_string();
    assert!(Command::new("kill").args(["-s", "TERM", &id]).status().unwrap().success());
    let begun = Instant::now();
    let told = loop {
        let told = ask(&gateway, "/readyz");
        if told.status == 503 || begun.elapsed() > SIGNAL_TIME_MAX {
            break told;
        }
    };
    assert_eq!((told.status, failing(&told)), (503, vec!["running".to_owned()]));
    assert_eq!(ask(&gateway, "/livez").status, 200);

    stream.write_all(BODY.as_bytes()).unwrap();
    let mut answer = String::new();
    std::io::Read::read_to_string(&mut stream, &mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    let (code, log) = gateway.end();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("\"connections_cut\":0"), "{log}");
}
