//! Valid contact requests.

use super::{Node, amount, choice, digits, email, message, text};
use crate::random::Random;

/// The body of one contact request.
pub(super) fn request(random: &mut Random) -> Node {
    let (tag, subject) = subject(random);
    let has_message = tag == "GENERAL" || random.chance(60);
    Node::object([
        (
            "person",
            Some(Node::object([("forename", Some(text(random, 2, 20))), ("surname", Some(text(random, 2, 24)))])),
        ),
        ("phoneNumber", Some(Node::Text(format!("+420 601 {} {}", digits(random, 3), digits(random, 3))))),
        ("email", Some(email(random))),
        ("language", random.chance(60).then(|| choice(random, &["cs", "cs-CZ", "en-GB", "de", "sk"]))),
        ("recontact", random.chance(60).then(|| recontact(random))),
        ("subject", Some(subject)),
        ("message", has_message.then(|| message(random))),
        ("consent", random.chance(60).then(|| consent(random))),
        ("attribution", random.chance(60).then(|| attribution(random))),
    ])
}

fn subject(random: &mut Random) -> (&'static str, Node) {
    const TAGS: &[&str] = &["GENERAL", "CONSUMER_CREDIT", "CREDIT_CARD", "MORTGAGE", "LOAN_CONSOLIDATION"];
    let tag = *random.pick(TAGS);
    let consolidation = tag == "LOAN_CONSOLIDATION";
    let priced = tag != "GENERAL";
    let limit = tag == "CREDIT_CARD";
    let termed = priced && !limit;
    let node = Node::object([
        ("productType", Some(Node::Text(tag.to_owned()))),
        ("intent", random.chance(60).then(|| choice(random, &["INFORMATION", "ARRANGE"]))),
        ("creditLimit", limit.then(|| money(random))),
        ("amount", termed.then(|| money(random))),
        ("interestRate", (priced && random.chance(60)).then(|| rate(random))),
        ("maturityMonths", (termed && random.chance(60)).then(|| months(random))),
        ("fixationMonths", (tag == "MORTGAGE" && random.chance(60)).then(|| months(random))),
        ("propertyValue", (tag == "MORTGAGE" && random.chance(60)).then(|| money(random))),
        ("purpose", (termed && !consolidation && random.chance(60)).then(|| text(random, 3, 60))),
        ("loans", consolidation.then(|| Node::Array((0..random.between(1, 3)).map(|_| loan(random)).collect()))),
    ]);
    (tag, node)
}

fn loan(random: &mut Random) -> Node {
    Node::object([
        ("creditor", Some(text(random, 3, 30))),
        ("outstanding", Some(money(random))),
        ("monthlyInstalment", random.chance(60).then(|| money(random))),
    ])
}

fn money(random: &mut Random) -> Node {
    let currency = choice(random, &["CZK", "EUR", "USD", "PLN", "HUF", "GBP"]);
    Node::object([("value", Some(Node::Bare(amount(random, 9_000_000)))), ("currency", Some(currency))])
}

fn rate(random: &mut Random) -> Node {
    Node::Bare(amount(random, 19))
}

fn months(random: &mut Random) -> Node {
    Node::Bare(random.between(1, 600).to_string())
}

fn recontact(random: &mut Random) -> Node {
    if random.chance(30) {
        return Node::object([("mode", Some(Node::Text("AS_SOON_AS_POSSIBLE".to_owned())))]);
    }
    let at = format!(
        "2099-{:02}-{:02}T{:02}:30:00+01:00",
        random.between(1, 12),
        random.between(1, 28),
        random.between(8, 18)
    );
    Node::object([
        ("mode", Some(Node::Text("AT".to_owned()))),
        ("at", Some(Node::Text(at))),
        (
            "timeZone",
            random.chance(60).then(|| choice(random, &["Europe/Prague", "Europe/Bratislava", "Europe/London"])),
        ),
    ])
}

fn consent(random: &mut Random) -> Node {
    let hash = (0..64).map(|_| char::from_digit(random.between(0, 15) as u32, 16).unwrap_or('0')).collect();
    let given_at = format!("2026-{:02}-{:02}T08:30:00+01:00", random.between(1, 9), random.between(1, 28));
    Node::object([
        ("textId", Some(Node::Text(format!("contact-{}", digits(random, 6))))),
        ("textHash", Some(Node::Text(hash))),
        ("givenAt", Some(Node::Text(given_at))),
        ("channel", Some(choice(random, &["WEB", "MOBILE_APP", "PHONE", "IN_PERSON", "PAPER"]))),
        ("language", Some(choice(random, &["cs", "en", "de-AT"]))),
    ])
}

fn attribution(random: &mut Random) -> Node {
    Node::object([
        ("partnerReference", random.chance(60).then(|| Node::Text(format!("order-{}", digits(random, 8))))),
        ("campaign", random.chance(60).then(|| text(random, 4, 24))),
        ("source", random.chance(60).then(|| text(random, 4, 24))),
        ("subPartner", random.chance(60).then(|| text(random, 4, 24))),
    ])
}
