//! Commission: what a contact earns, what the bank does about it, and books that both sides can close.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use usher_domain::commission::{Amount, Kind, Line, Month, statement};
use usher_storage::{Environment, Mode};

use crate::directory::{Directory, Issued};
use crate::gateway::{APPOINTMENT, CONTACT, Caller, House, accepted, obeys};
use crate::harness::Place;
use crate::http::Reply;

/// Terms for everybody, and a partner that could have its own.
fn products(fixed: u32) -> String {
    let mut document: Value = serde_json::from_str(usher_domain::products::BUILT_IN).unwrap();
    for product in document["products"].as_array_mut().unwrap() {
        product["commission"] = match product["api"].as_str().unwrap() {
            "contact_request" => json!([
                {"kind": "fixed", "amount": fixed, "currency": "CZK"},
                {"kind": "percentage", "rate": 0.5, "currency": "CZK", "onStatus": "CONSULTING_DEAL_MORTGAGE"},
            ]),
            "appointment_request" => json!([{"kind": "fixed", "amount": 42.5, "currency": "EUR"}]),
            _ => continue,
        };
    }
    document.to_string()
}

/// A gateway with partners in production, their bank, and products that earn.
struct Trade {
    house: House,
    partner: Caller,
    stranger: Caller,
    operator: Caller,
    agent: Caller,
    lender: Caller,
}

impl Trade {
    fn new() -> Self {
        let (house, callers) = House::with(|directory, own: &Issued| {
            directory.put_products(&products(300));
            let partner = directory.scope(&own.key).partner;
            let stranger = directory.add_partner(Mode::Strict);
            let stranger = directory.scope(&stranger.key).partner;
            let both = [Environment::Sandbox, Environment::Production];
            [
                directory.add_production(partner),
                directory.add_production(stranger),
                directory.add_bank_user("operator", None, &both),
                directory.add_bank_user("agent", None, &both),
                directory.add_bank_user("operator", Some("provider/lender-1"), &both),
            ]
        });
        let address = house.gateway.bank_address().to_owned();
        let [partner, stranger, operator, agent, lender] = callers;
        let [operator, agent, lender] = [operator, agent, lender].map(|user| user.at(&address));
        Trade { house, partner, stranger, operator, agent, lender }
    }

    /// Stops the gateway, changes what is stored, and starts it again.
    fn restarted(self, change: impl FnOnce(&mut Directory)) -> (Place, Trade) {
        let Trade { house, partner, stranger, operator, agent, lender } = self;
        let sandbox = house.caller.clone();
        let (place, mut directory) = house.into_directory();
        change(&mut directory);
        drop(directory);
        let gateway = place.start();
        let (own, bank) = (gateway.address().to_owned(), gateway.bank_address().to_owned());
        let [partner, stranger, caller] = [partner, stranger, sandbox].map(|one| one.at(&own));
        let [operator, agent, lender] = [operator, agent, lender].map(|one| one.at(&bank));
        // The folder outlives the gateway in it.
        let house = House { place: Place::new(), gateway, caller };
        (place, Trade { house, partner, stranger, operator, agent, lender })
    }
}

/// A contact about a mortgage of 4,500,000 CZK, with its receipt's id.
fn contact(partner: &Caller) -> String {
    accepted(CONTACT, &partner.post(CONTACT.path, "", partner.example(CONTACT, "every_member")))
}

fn entries(caller: &Caller, path: &str) -> Vec<Value> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let reply = caller.get(&format!("{path}{}limit=2{cursor}", if path.contains('?') { '&' } else { '?' }));
        assert_eq!(reply.status, 200, "{}", reply.text);
        obeys(("commission/v1", "entry_list"), &reply);
        let page = reply.json();
        all.extend(page["items"].as_array().unwrap().iter().cloned());
        let Some(next) = page["next"].as_str() else { return all };
        cursor = format!("&cursor={next}");
    }
}

fn own_entries(caller: &Caller) -> Vec<Value> {
    entries(caller, "/commission/v1/entries")
}

/// Kind, cause and amount of each.
fn short(entries: &[Value]) -> Vec<String> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    entries
        .iter()
        .map(|entry| format!("{} {} {}", text(&entry["kind"]), text(&entry["cause"]), text(&entry["amount"])))
        .collect()
}

/// The delivery of a request, as the bank lists it.
fn delivery_of(agent: &Caller, request: &str) -> i64 {
    let list = agent.get("/bank/v1/deliveries?environment=production&limit=100").json();
    let mut found = list["items"].as_array().unwrap().iter().filter(|one| one["requestId"] == request);
    found.next().unwrap_or_else(|| panic!("{request} is not in {list}"))["id"].as_i64().unwrap()
}

#[track_caller]
fn set(agent: &Caller, delivery: i64, body: Value) {
    let path = format!("/bank/v1/deliveries/{delivery}/status?environment=production");
    let reply = agent.post(&path, "", body.to_string());
    assert_eq!(reply.status, 200, "{body}: {}", reply.text);
}

fn deal(agent: &Caller, delivery: i64) {
    for status in ["IN_PROGRESS", "OFFER_SENT", "CONSULTING_DEAL_MORTGAGE"] {
        set(agent, delivery, json!({"status": status}));
    }
}

fn move_to(user: &Caller, lines: &str, body: &Value) -> Reply {
    user.post("/bank/v1/commission/entries", lines, body.to_string())
}

#[track_caller]
fn moved(user: &Caller, body: Value) -> Value {
    let reply = move_to(user, "", &body);
    assert_eq!(reply.status, 201, "{body}: {}", reply.text);
    obeys(("commission/v1", "commission"), &reply);
    reply.json()
}

#[track_caller]
fn is_refused(reply: &Reply, status: u16, code: &str) {
    assert_eq!((reply.status, reply.json()["code"].as_str()), (status, Some(code)), "{}", reply.text);
}

fn this_month() -> Month {
    Month::of(jiff::Timestamp::now().as_millisecond())
}

// shows: KB-009
#[test]
fn a_contact_earns_on_acceptance_and_on_a_status_and_is_paid() {
    let trade = Trade::new();
    let request = contact(&trade.partner);
    let delivery = delivery_of(&trade.agent, &request);
    assert_eq!(short(&own_entries(&trade.partner)), ["accrue acceptance 300"]);
    deal(&trade.agent, delivery);
    let earned = own_entries(&trade.partner);
    assert_eq!(short(&earned), ["accrue acceptance 300", "accrue CONSULTING_DEAL_MORTGAGE 22500"]);
    let attribution = json!({"partnerReference": "order-1001", "campaign": "spring", "source": "calculator", "subPartner": "branch-7"});
    for entry in &earned {
        assert_eq!((&entry["attribution"], &entry["requestId"]), (&attribution, &json!(request)));
        // What the bank calls its people, and whom it owes, is told to the bank only.
        assert!(entry.get("actorName").is_none() && entry.get("partner").is_none(), "{entry}");
    }

    let body = |kind: &str| json!({"delivery": delivery, "cause": "acceptance", "kind": kind});
    is_refused(&move_to(&trade.agent, "", &body("hold")), 403, "not_permitted");
    is_refused(&move_to(&trade.operator, "", &body("pay")), 422, "contract_violated");
    let pay = json!({"delivery": delivery, "cause": "acceptance", "kind": "pay", "reference": "payment-1"});
    is_refused(&move_to(&trade.operator, "", &pay), 409, "commission_move_illegal");
    let check = trade.operator.post("/bank/v1/commission/entries/check", "", body("hold").to_string());
    assert_eq!(check.status, 200, "{}", check.text);
    assert_eq!(moved(&trade.operator, body("hold"))["state"], "held");
    assert_eq!(moved(&trade.operator, body("confirm"))["state"], "confirmed");
    let part = json!({"delivery": delivery, "cause": "acceptance", "kind": "reverse", "amount": 100});
    assert_eq!(moved(&trade.operator, part)["reversed"], json!(100));
    // The same key pays once, and answers the same.
    let first = move_to(&trade.operator, "Idempotency-Key: pay-1\r\n", &pay);
    let again = move_to(&trade.operator, "Idempotency-Key: pay-1\r\n", &pay);
    assert_eq!((first.status, &first.text), (201, &again.text));
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!((&first.json()["state"], &first.json()["paid"]), (&json!("paid"), &json!(200)));
    is_refused(&move_to(&trade.operator, "", &pay), 409, "commission_move_illegal");
    let over = json!({"delivery": delivery, "cause": "acceptance", "kind": "reverse", "amount": 200.01});
    is_refused(&move_to(&trade.operator, "", &over), 422, "commission_amount_refused");
    let unknown = json!({"delivery": delivery, "cause": "NEW", "kind": "hold"});
    is_refused(&move_to(&trade.operator, "", &unknown), 422, "commission_unknown");
    let unknown = json!({"delivery": 999, "cause": "acceptance", "kind": "hold"});
    is_refused(&move_to(&trade.operator, "", &unknown), 422, "commission_unknown");

    let all = own_entries(&trade.partner);
    assert_eq!(
        short(&all)[2..],
        ["hold acceptance 0", "confirm acceptance 0", "reverse acceptance -100", "pay acceptance -200"]
    );
    let seen = entries(&trade.operator, "/bank/v1/commission/entries");
    assert_eq!(short(&seen), short(&all));
    assert_eq!(seen[5]["actorName"], "operator of the tests");
    assert_eq!(entries(&trade.agent, &format!("/bank/v1/commission/entries?delivery={delivery}")).len(), 6);
    closes(&trade.partner, &trade.operator, &all);
}

/// The statement of this month is what the entries say, whoever recomputes it, in JSON and in CSV.
fn closes(partner: &Caller, operator: &Caller, entries: &[Value]) {
    let month = this_month();
    let path = format!("/commission/v1/statements/{month}");
    let served = partner.get(&path);
    assert_eq!(served.status, 200, "{}", served.text);
    obeys(("commission/v1", "statement"), &served);
    let served = served.json();
    assert_eq!(served["entries"].as_array().unwrap(), entries);
    let lines: Vec<Line> = entries
        .iter()
        .map(|entry| Line {
            kind: Kind::parse(entry["kind"].as_str().unwrap()).unwrap(),
            product: entry["product"].as_str().unwrap().to_owned(),
            amount: entry["amount"].to_string().parse().unwrap(),
            currency: entry["currency"].as_str().unwrap().to_owned(),
            at: entry["at"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_millisecond(),
        })
        .collect();
    let recomputed = statement(month, [], &lines);
    let amount = |value: &Value| value.to_string().parse::<Amount>().unwrap();
    let parts = served["currencies"].as_array().unwrap();
    assert_eq!(parts.len(), recomputed.parts.len());
    for (told, own) in parts.iter().zip(&recomputed.parts) {
        assert_eq!(told["currency"], own.currency);
        assert_eq!((amount(&told["opening"]), amount(&told["closing"])), (own.opening, own.closing));
        let told_kinds: BTreeMap<&str, Amount> = told["kinds"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| (one["kind"].as_str().unwrap(), amount(&one["amount"])))
            .collect();
        let own_kinds: BTreeMap<&str, Amount> = own.kinds.iter().map(|one| (one.of.as_str(), one.amount)).collect();
        assert_eq!(told_kinds, own_kinds);
    }
    // The bank's is the same, but for whom and who.
    let id = served["partner"].as_str().unwrap();
    let of_bank = operator.get(&format!("/bank/v1/commission/statements/{month}?partner={id}"));
    obeys(("commission/v1", "statement"), &of_bank);
    assert_eq!(of_bank.json()["currencies"], served["currencies"]);

    let csv = partner.get(&format!("{path}?format=csv"));
    assert_eq!(csv.header("content-type"), Some("text/csv; charset=utf-8; header=present"));
    let same = partner.call("GET", &path, "Accept: text/csv\r\n", "");
    assert_eq!(same.text, csv.text);
    let rows: Vec<Vec<&str>> = csv.text.lines().map(|row| row.split(',').collect()).collect();
    let of = |name: &str| rows.iter().filter(|row| row[0] == name).count();
    assert_eq!((of("opening"), of("entry"), of("closing")), (parts.len(), entries.len(), parts.len()));
    let closing = rows.iter().find(|row| row[0] == "closing").unwrap();
    assert_eq!(closing[4], recomputed.parts[0].closing.to_string());
    // The next month opens with what this one closes with.
    let next = partner.get(&format!("/commission/v1/statements/{}", month.next())).json();
    assert_eq!(next["currencies"][0]["opening"], served["currencies"][0]["closing"]);
    assert_eq!((&next["complete"], &next["entries"]), (&json!(false), &json!([])));
}

#[test]
fn a_withdrawal_and_a_request_that_was_none_take_back_what_is_not_paid() {
    let trade = Trade::new();
    let [withdrawn, duplicate] = [contact(&trade.partner), contact(&trade.partner)];
    let reply = trade.partner.post(&format!("{}/{withdrawn}/withdrawal", CONTACT.path), "", "{}");
    assert_eq!(reply.status, 200, "{}", reply.text);
    let delivery = delivery_of(&trade.agent, &duplicate);
    set(&trade.agent, delivery, json!({"status": "NO_INTEREST", "reason": "DUPLICATE"}));
    let all = own_entries(&trade.partner);
    assert_eq!(
        short(&all),
        ["accrue acceptance 300", "accrue acceptance 300", "reverse acceptance -300", "reverse acceptance -300"]
    );
    let told = |entry: &Value| (entry["actor"].clone(), entry["reference"].clone());
    assert_eq!(told(&all[2]), (json!("partner"), json!("WITHDRAWN")));
    assert_eq!(told(&all[3]), (json!("bank"), json!("DUPLICATE")));
    let statement = trade.partner.get(&format!("/commission/v1/statements/{}", this_month())).json();
    assert_eq!(statement["currencies"][0]["closing"], json!(0));
}

#[test]
fn the_sandbox_earns_nothing_and_nobody_sees_what_is_anothers() {
    let trade = Trade::new();
    let sandbox = &trade.house.caller;
    contact(sandbox);
    contact(&trade.partner);
    assert_eq!(entries(&trade.operator, "/bank/v1/commission/entries").len(), 1);
    for caller in [sandbox, &trade.stranger] {
        assert_eq!(own_entries(caller), [] as [Value; 0]);
        let statement = caller.get(&format!("/commission/v1/statements/{}", this_month())).json();
        assert_eq!((&statement["currencies"], &statement["entries"]), (&json!([]), &json!([])));
    }
    // A lender sees what its own deliveries cost, and no more.
    assert_eq!(entries(&trade.lender, "/bank/v1/commission/entries"), [] as [Value; 0]);
    let delivery = delivery_of(&trade.agent, &contact(&trade.partner));
    let hold = json!({"delivery": delivery, "cause": "acceptance", "kind": "hold"});
    is_refused(&move_to(&trade.lender, "", &hold), 422, "commission_unknown");
    // The doors are apart.
    assert_eq!(trade.partner.get("/bank/v1/commission/entries").status, 404);
    assert_eq!(trade.operator.get("/commission/v1/entries").status, 404);
}

#[test]
fn later_products_change_nothing_of_what_was_agreed() {
    let trade = Trade::new();
    let request = contact(&trade.partner);
    let (_place, trade) = trade.restarted(|directory| {
        directory.put_products(&products(500).replace("0.5", "50"));
    });
    deal(&trade.agent, delivery_of(&trade.agent, &request));
    contact(&trade.partner);
    assert_eq!(
        short(&own_entries(&trade.partner)),
        ["accrue acceptance 300", "accrue CONSULTING_DEAL_MORTGAGE 22500", "accrue acceptance 500"]
    );
}

#[test]
fn each_lender_owes_its_own_and_the_lead_list_tells_the_price() {
    let trade = Trade::new();
    let mut body: Value = serde_json::from_str(&trade.partner.example(APPOINTMENT, "geo_code_only")).unwrap();
    body["referredOffers"] = json!([{"providerId": "lender-1"}, {"providerId": "lender-2"}]);
    accepted(APPOINTMENT, &trade.partner.post(APPOINTMENT.path, "", body.to_string()));
    assert_eq!(short(&own_entries(&trade.partner)), ["accrue acceptance 42.5"; 2]);
    let of_lender = entries(&trade.lender, "/bank/v1/commission/entries");
    assert_eq!((of_lender.len(), &of_lender[0]["destination"]), (1, &json!("provider/lender-1")));
    let now = jiff::Timestamp::now().as_millisecond();
    let path = format!("/financing/construction/v2/lead?from={}&to={}", now - 60_000, now + 60_000);
    let leads = trade.lender.get(&path);
    assert_eq!(leads.status, 200, "{}", leads.text);
    assert_eq!(leads.json()["lead"][0]["price"], json!(42.5), "{}", leads.text);
}
