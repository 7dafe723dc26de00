//! One key, one answer: what a partner may rely on when it does not know whether a call arrived.
//!
//! That an answer is kept for seven days, and given even where time has made the request invalid, needs another clock than
//! the program's: the tests of the server and the storage show it.

use std::sync::Barrier;
use std::thread;

use serde_json::{Value, json};
use usher_storage::Mode;

use super::{APPOINTMENT, CONTACT, CREATE, Caller, House, Submit, accepted, is_error};
use crate::http::Reply;

/// The submits that need nothing before them.
const FIRST: [(Submit, &str); 3] = [(CONTACT, "general"), (APPOINTMENT, "minimal"), (CREATE, "new_customer")];

fn keyed(key: &str) -> String {
    format!("Idempotency-Key: {key}\r\n")
}

/// The example with one text changed.
fn changed(submit: Submit, text: &str) -> String {
    let mut body: Value = serde_json::from_str(text).unwrap();
    let place = match submit.stem {
        "create" => "/Parameters/0/DigitalCustomer/Email",
        _ if submit.path == CONTACT.path => "/email",
        _ => "/contactRequest/email",
    };
    *body.pointer_mut(place).unwrap() = json!("other.person@example.org");
    body.to_string()
}

/// The same value in another spelling: members in another order, white space, an escape.
fn respelled(text: &str) -> String {
    let value: Value = serde_json::from_str(text).unwrap();
    let pretty = serde_json::to_string_pretty(&value).unwrap();
    format!("\r\n{}\t", pretty.replacen("@example.org", "\\u0040ex\\u0061mple.org", 1))
}

/// Both are the same answer, and the second says that it is the first again.
#[track_caller]
fn is_replayed(again: &Reply, first: &Reply) {
    assert_eq!((again.status, &again.text), (first.status, &first.text));
    for name in ["location", "content-type"] {
        assert_eq!(again.header(name), first.header(name));
    }
    assert_eq!((first.header("idempotency-replayed"), again.header("idempotency-replayed")), (None, Some("true")));
}

#[test]
fn a_repeat_gets_the_stored_answer_however_key_and_body_are_spelled_and_after_a_crash() {
    let House { place, gateway, caller } = House::new();
    let first = FIRST.map(|(submit, name)| {
        let body = caller.example(submit, name);
        let first = caller.post(submit.path, &keyed("order-1"), &body);
        accepted(submit, &first);
        is_replayed(&caller.post(submit.path, &keyed("order-1"), &body), &first);
        is_replayed(&caller.post(submit.path, &keyed("\"order-1\""), respelled(&body)), &first);
        let reply = caller.post(submit.path, &keyed("order-1"), changed(submit, &body));
        is_error(submit, &reply, 422, "idempotency_key_reused");
        first
    });
    assert_eq!(caller.receipts("").len(), 3);

    // A crash forgets no key.
    drop(gateway);
    let gateway = place.start();
    let caller = Caller { address: gateway.address().to_owned(), ..caller };
    for ((submit, name), first) in FIRST.into_iter().zip(&first) {
        let body = caller.example(submit, name);
        is_replayed(&caller.post(submit.path, &keyed("order-1"), &body), first);
        let reply = caller.post(submit.path, &keyed("order-1"), changed(submit, &body));
        is_error(submit, &reply, 422, "idempotency_key_reused");
    }
    assert_eq!(caller.receipts("").len(), 3);
}

#[test]
fn a_key_is_visible_ascii_of_at_most_255_characters_and_stands_there_once() {
    let house = House::new();
    let caller = &house.caller;
    for (submit, name) in FIRST {
        let body = caller.example(submit, name);
        for malformed in ["\"\"", "a b", "a,b", "\"a", "\"a\"b", "\"\\n\"", "schl\u{fc}ssel", &"k".repeat(256)] {
            is_error(submit, &caller.post(submit.path, &keyed(malformed), &body), 400, "idempotency_key_malformed");
        }
        let twice = format!("{}{}", keyed("a"), keyed("a"));
        is_error(submit, &caller.post(submit.path, &twice, &body), 400, "request_malformed");
        let longest = "k".repeat(255);
        let first = caller.post(submit.path, &keyed(&longest), &body);
        accepted(submit, &first);
        is_replayed(&caller.post(submit.path, &keyed(&format!("\"{longest}\"")), &body), &first);
        // Only quoted may a key hold what separates headers.
        let first = caller.post(submit.path, &keyed(r#""a,b;\"c\\""#), &body);
        accepted(submit, &first);
    }
}

#[test]
fn the_key_of_a_refused_or_checked_request_may_be_used_again() {
    let house = House::new();
    let caller = &house.caller;
    for (submit, name) in FIRST {
        let body = caller.example(submit, name);
        let refused = caller.post(submit.path, &keyed("order-2"), "{}");
        assert!(refused.status >= 400, "{}", refused.text);
        let refused = caller.post(submit.path, &keyed("order-2"), body.replace("example.org", "example"));
        assert!(refused.status >= 400, "{}", refused.text);
        let check = format!("{}/check", submit.path);
        assert_eq!(caller.post(&check, &keyed("order-2"), &body).status, 200);
        let first = caller.post(submit.path, &keyed("order-2"), &body);
        accepted(submit, &first);
        // A check has no use for a key, not even for one that stands for another body.
        let checked = caller.post(&check, &keyed("order-2"), changed(submit, &body));
        assert_eq!((checked.status, checked.header("idempotency-replayed")), (200, None), "{}", checked.text);
        // A repeat that breaks rules is no repeat of an accepted request.
        let broken = caller.post(submit.path, &keyed("order-2"), body.replace("example.org", "example"));
        assert!(matches!(broken.status, 400 | 422), "{}", broken.text);
        is_replayed(&caller.post(submit.path, &keyed("order-2"), &body), &first);
    }
}

#[test]
fn of_twins_at_the_same_time_one_is_stored() {
    const TWINS: usize = 12;
    let house = House::new();
    let caller = &house.caller;
    for round in 0..10 {
        for (submit, name) in FIRST {
            let key = keyed(&format!("twins-{round}"));
            let body = caller.example(submit, name);
            let other = changed(submit, &body);
            let barrier = Barrier::new(TWINS);
            let replies: Vec<_> = thread::scope(|scope| {
                let call = |index: usize| {
                    let (key, barrier) = (&key, &barrier);
                    // Every third call is no twin: the same key, another body.
                    let body = if index % 3 == 2 { &other } else { &body };
                    scope.spawn(move || {
                        barrier.wait();
                        (body, caller.post(submit.path, key, body))
                    })
                };
                let calls: Vec<_> = (0..TWINS).map(call).collect();
                calls.into_iter().map(|call| call.join().unwrap()).collect()
            });
            let mut stored = None;
            for (body, reply) in &replies {
                match reply.status {
                    409 => {
                        is_error(submit, reply, 409, "still_running");
                        assert_eq!(reply.header("retry-after"), Some("1"));
                    }
                    422 => is_error(submit, reply, 422, "idempotency_key_reused"),
                    _ => {
                        let id = accepted(submit, reply);
                        assert_eq!(stored.get_or_insert((body, id.clone())), &(body, id));
                    }
                }
            }
            let (body, id) = stored.expect("one of them is stored");
            for (other, reply) in &replies {
                assert!(reply.status != 422 || other != body, "a twin is told that its body is another");
            }
            let again = caller.post(submit.path, &key, body);
            assert_eq!((accepted(submit, &again), again.header("idempotency-replayed")), (id, Some("true")));
        }
    }
    assert_eq!(caller.receipts("").len(), 30);
}

// shows: IA-020
#[test]
fn without_a_key_the_request_id_of_the_channel_and_the_same_body_are_a_repeat() {
    let house = House::new();
    let caller = &house.caller;
    let body = caller.example(CREATE, "new_customer");
    let first = caller.post(CREATE.path, "", &body);
    let id = accepted(CREATE, &first);
    is_replayed(&caller.post(CREATE.path, "", respelled(&body)), &first);
    // Clients reuse the id: another body is another request.
    let other = caller.post(CREATE.path, "", changed(CREATE, &body));
    assert_ne!(accepted(CREATE, &other), id);
    assert_eq!(other.header("idempotency-replayed"), None);
    let later = body.replace("\"1000000000000000001\"", "\"1000000000000000002\"");
    assert_ne!(accepted(CREATE, &caller.post(CREATE.path, "", &later)), id);
    // A key, where there is one, decides alone.
    let keyed_first = caller.post(CREATE.path, &keyed("order-3"), &body);
    assert_ne!(accepted(CREATE, &keyed_first), id);
    is_replayed(&caller.post(CREATE.path, &keyed("order-3"), &body), &keyed_first);
    assert_eq!(caller.receipts("").len(), 4);
    // The other APIs have no such id: without a key each call is a request of its own.
    for (submit, name) in [FIRST[0], FIRST[1]] {
        let body = caller.example(submit, name);
        let ids = [(), ()].map(|()| accepted(submit, &caller.post(submit.path, "", &body)));
        assert_ne!(ids[0], ids[1]);
    }
}

#[test]
fn the_same_key_elsewhere_is_another_key() {
    let (house, [sibling, stranger]) = House::with(|directory, own| {
        let partner = directory.scope(&own.key).partner;
        [directory.add_application(partner, Mode::Strict), directory.add_partner(Mode::Strict)]
    });
    let mut ids = Vec::new();
    // The same body too, apart from the application it names: only the scope tells them apart.
    for caller in [&house.caller, &sibling, &stranger] {
        for (submit, name) in FIRST {
            let first = caller.post(submit.path, &keyed("order-4"), caller.example(submit, name));
            assert_eq!(first.header("idempotency-replayed"), None, "{}", first.text);
            ids.push(accepted(submit, &first));
        }
        assert_eq!(caller.receipts("").len(), FIRST.len());
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 9);

    // A withdrawal is an operation of its own, and each request's.
    let caller = &house.caller;
    let other = accepted(CONTACT, &caller.post(CONTACT.path, "", caller.example(CONTACT, "general")));
    let withdrawal = |id: &str| format!("{}/{id}/withdrawal", CONTACT.path);
    let first = caller.post(&withdrawal(&other), &keyed("order-4"), "{}");
    assert_eq!((first.status, first.header("idempotency-replayed")), (200, None), "{}", first.text);
    is_replayed(&caller.post(&withdrawal(&other), &keyed("order-4"), "{}"), &first);
    let contact = caller.receipts("").into_iter().find(|it| it["api"] == "contact_request" && it["status"] == "NEW");
    let contact = contact.unwrap()["id"].as_str().unwrap().to_owned();
    is_error(CONTACT, &caller.post(&withdrawal(&contact), &keyed("order-4"), "{}"), 422, "idempotency_key_reused");
}
