//! The bank's half: what it is handed, what it sets, and what partners see of it.

use crate::gateway::House;
use crate::http::Connection;

#[test]
fn what_is_for_partners_is_not_served_to_the_bank() {
    let house = House::new();
    let mut connection = Connection::open(house.gateway.bank_address()).unwrap();
    let key = format!("x-api-key: {}\r\n", house.caller.key);
    for path in ["/contact-request/v1/requests", "/receipts/v1"] {
        let reply = connection.call("GET", path, &key, b"").unwrap();
        assert_eq!((reply.status, reply.json()["code"].as_str()), (404, Some("not_found")), "{path}");
    }
    let (code, log) = house.gateway.stop("TERM");
    assert_eq!(code, Some(0), "{log}");
}
