use super::*;
use crate::products::{BUILT_IN, Products};
use crate::random::{Random, number, seeded};

fn amount(text: &str) -> Amount {
    text.parse().unwrap()
}

fn entry(kind: Kind, amount_: &str) -> Entry {
    Entry { kind, cause: Cause::new("acceptance"), amount: amount(amount_), currency: "CZK".to_owned() }
}

/// Products whose first one has these rules.
fn products(rules: serde_json::Value) -> Products {
    let mut document: serde_json::Value = serde_json::from_str(BUILT_IN).unwrap();
    document["products"][0]["commission"] = rules;
    Products::read(document.to_string().as_bytes(), 1).unwrap()
}

fn partner(number: u8) -> PartnerId {
    PartnerId::from_bytes([number; 16])
}

#[test]
fn percentages_are_rounded_half_to_even_in_the_coins_of_the_currency() {
    for (asked, rate, currency, expected) in [
        ("250000", "0.5", "CZK", "1250"),
        ("0.01", "50", "EUR", "0"),
        ("0.03", "50", "EUR", "0.02"),
        ("0.05", "50", "EUR", "0.02"),
        ("0.07", "50", "EUR", "0.04"),
        ("1000000000000", "100", "CZK", "1000000000000"),
        ("1000000000000", "0.0001", "CZK", "1000000"),
        ("3", "50", "JPY", "2"),
        ("5", "50", "JPY", "2"),
        ("0.01", "12.5", "KWD", "0.001"),
        ("0.01", "12.5", "CLF", "0.0012"),
        ("123456.78", "1.2345", "CZK", "1524.07"),
    ] {
        let earned = amount(asked).percentage(&rate.parse().unwrap(), currency);
        assert_eq!(earned, Some(amount(expected)), "{rate} % of {asked} {currency}");
    }
}

#[test]
fn amounts_are_exact_and_read_back() {
    for (text, written) in [("0", "0"), ("12.50", "12.5"), ("-0.0001", "-0.0001"), ("1e3", "1000"), ("-7", "-7")] {
        assert_eq!(amount(text).to_string(), written);
        assert_eq!(amount(text).number().to_string(), written);
        assert_eq!(amount(written), amount(text));
    }
    for text in ["0.00001", "", "1,5", "x", "1e18"] {
        assert!(text.parse::<Amount>().is_err(), "{text}");
    }
    assert_eq!((amount("0.1") + amount("0.2"), amount("1") - amount("0.9")), (amount("0.3"), amount("0.1")));
    for (text, currency, fits) in
        [("1.25", "CZK", true), ("1.255", "CZK", false), ("1.5", "JPY", false), ("1.0001", "CLF", true)]
    {
        assert_eq!(amount(text).fits(currency), fits, "{text} {currency}");
    }
}

#[test]
fn terms_are_those_of_the_partner_and_one_for_each_rule_that_can_come_about() {
    let products = products(serde_json::json!([
        {"kind": "fixed", "amount": 300, "currency": "CZK"},
        {"kind": "percentage", "rate": 0.5, "currency": "CZK", "onStatus": "CONSULTING_DEAL_MORTGAGE"},
        {"kind": "fixed", "amount": 7.5, "currency": "EUR", "partner": "02020202-0202-0202-0202-020202020202"},
    ]));
    let product = products.iter().next().unwrap();
    let told = |number, asked: Option<&Sum>| -> Vec<String> {
        let terms = terms(product, partner(number), asked);
        assert_eq!(read_terms(&write_terms(&terms)).unwrap(), terms);
        terms.iter().map(|term| format!("{} {} {}", term.cause, term.amount, term.currency)).collect()
    };
    let crowns = Sum { amount: amount("200000"), currency: "CZK".to_owned() };
    let euros = Sum { amount: amount("200000"), currency: "EUR".to_owned() };
    assert_eq!(told(1, Some(&crowns)), ["acceptance 300 CZK", "CONSULTING_DEAL_MORTGAGE 1000 CZK"]);
    assert_eq!(told(1, Some(&euros)), ["acceptance 300 CZK"]);
    assert_eq!(told(1, None), ["acceptance 300 CZK"]);
    assert_eq!(told(2, Some(&euros)), ["acceptance 7.5 EUR"]);
}

#[test]
fn each_rule_earns_once_and_what_was_no_request_earns_nothing() {
    let products = products(serde_json::json!([
        {"kind": "fixed", "amount": 300, "currency": "CZK"},
        {"kind": "fixed", "amount": 50, "currency": "CZK", "onStatus": "OFFER_SENT"},
        {"kind": "fixed", "amount": 900, "currency": "CZK", "onStatus": "NO_INTEREST"},
    ]));
    let terms = terms(products.iter().next().unwrap(), partner(1), None);
    let mut entries = on_acceptance(&terms);
    assert_eq!(entries, [entry(Kind::Accrue, "300")]);
    for (status, reason, expected) in [
        (Status::Claimed, None, &[][..]),
        (Status::OfferSent, None, &["accrue OFFER_SENT 50"]),
        (Status::FollowUp, None, &[]),
        (Status::OfferSent, None, &[]),
        (Status::NoInterest, Some(Reason::NotRequested), &["reverse acceptance -300", "reverse OFFER_SENT -50"]),
        (Status::Withdrawn, None, &[]),
    ] {
        let new = on_status(&terms, &entries, status, reason);
        let told: Vec<String> = new.iter().map(|new| format!("{} {} {}", new.kind, new.cause, new.amount)).collect();
        assert_eq!(told, expected, "{status}");
        entries.extend(new);
    }
    let ended = on_status(&terms, &[], Status::NoInterest, Some(Reason::NoNeed));
    assert_eq!(ended.len(), 1);
}

#[test]
fn what_is_paid_is_not_taken_back_by_a_withdrawal() {
    let entries = [entry(Kind::Accrue, "300"), entry(Kind::Confirm, "0"), entry(Kind::Pay, "-300")];
    assert_eq!(on_status(&[], &entries, Status::Withdrawn, None), []);
    assert_eq!(on_status(&[], &entries[..2], Status::Withdrawn, None), [entry(Kind::Reverse, "-300")]);
}

#[test]
fn the_order_of_entries_is_a_state_machine() {
    let cause = Cause::new("acceptance");
    let moves = [Action::Hold, Action::Confirm, Action::Reverse(None), Action::Pay];
    let to = |entries: &[Entry]| {
        moves.map(|action| by_hand(entries, &cause, action).map(|entry| entry.kind.as_str()).unwrap_or("-"))
    };
    let mut entries = vec![entry(Kind::Accrue, "300")];
    assert_eq!(to(&entries), ["hold", "confirm", "reverse", "-"]);
    entries.push(by_hand(&entries, &cause, Action::Hold).unwrap());
    assert_eq!(to(&entries), ["-", "confirm", "reverse", "-"]);
    entries.push(by_hand(&entries, &cause, Action::Confirm).unwrap());
    assert_eq!(to(&entries), ["hold", "-", "reverse", "pay"]);
    let part = by_hand(&entries, &cause, Action::Reverse(Some(amount("100")))).unwrap();
    entries.push(part);
    assert_eq!(to(&entries), ["hold", "-", "reverse", "pay"]);
    entries.push(by_hand(&entries, &cause, Action::Pay).unwrap());
    assert_eq!(entries.last().unwrap().amount, amount("-200"));
    assert_eq!(to(&entries), ["-", "-", "reverse", "-"]);
    let [commission] = commissions(&entries).try_into().unwrap();
    assert_eq!((commission.state, commission.paid, commission.left()), (State::Paid, amount("200"), amount("200")));
    entries.push(by_hand(&entries, &cause, Action::Reverse(None)).unwrap());
    assert_eq!(to(&entries), ["-", "-", "-", "-"]);
    // It was paid, and was not owed: the partner owes it.
    assert_eq!(entries.iter().map(|entry| entry.amount).sum::<Amount>(), amount("-200"));

    let accrued = [entry(Kind::Accrue, "300")];
    for wrong in ["0", "-1", "300.01", "1.001"] {
        let refusal = by_hand(&accrued, &cause, Action::Reverse(Some(amount(wrong))));
        assert_eq!(refusal, Err(Refusal::CommissionAmount), "{wrong}");
    }
    assert_eq!(
        by_hand(&accrued, &Cause::new("NEW"), Action::Hold),
        Err(Refusal::CommissionUnknown { pointer: "/cause" })
    );
    let refusal = by_hand(&accrued, &cause, Action::Pay);
    assert_eq!(refusal, Err(Refusal::CommissionMove { state: State::Accrued, kind: Kind::Pay }));
}

#[test]
fn a_month_is_one_of_the_calendar_in_utc() {
    let month = Month::parse("2026-11").unwrap();
    assert_eq!((month.begin(), month.end()), (1_793_491_200_000, 1_796_083_200_000));
    assert_eq!((Month::of(month.begin()), Month::of(month.end() - 1)), (month, month));
    assert_eq!((Month::of(month.end()), month.next().to_string()), (month.next(), "2026-12".to_owned()));
    assert_eq!(Month::parse("2026-12").unwrap().next().to_string(), "2027-01");
    for text in ["2026-13", "2026-00", "26-11", "2026-1", "2026-11-01", "", "+026-11", "2026/11"] {
        assert_eq!(Month::parse(text), None, "{text}");
    }
}

/// A delivery of the run: what was agreed, and its own entries.
struct Case {
    product: &'static str,
    terms: Vec<Term>,
    entries: Vec<Entry>,
}

/// Random months of accepting, moving and paying, and what must hold of every ledger.
#[test]
fn the_books_close_whatever_happens() {
    let products = products(serde_json::json!([
        {"kind": "fixed", "amount": 300, "currency": "CZK"},
        {"kind": "percentage", "rate": 0.3333, "currency": "CZK", "onStatus": "OFFER_SENT"},
        {"kind": "percentage", "rate": 1.5, "currency": "EUR", "onStatus": "CONSULTING_DEAL_MORTGAGE"},
        {"kind": "fixed", "amount": 12.35, "currency": "EUR", "onStatus": "CONSULTING_DEAL_OTHER"},
        {"kind": "fixed", "amount": 700, "currency": "JPY", "onStatus": "APPOINTMENT_ARRANGED"},
    ]));
    for seed in 0..60 {
        let mut random = seeded(seed);
        check_books(products.iter().next().unwrap(), &mut random, seed);
    }
}

fn check_books(product: &Product, random: &mut dyn Random, seed: u64) {
    let first = Month::parse("2026-01").unwrap();
    let (mut cases, mut lines): (Vec<Case>, Vec<Line>) = (Vec::new(), Vec::new());
    let mut at = first.begin();
    for _ in 0..400 {
        at += i64::try_from(number(random, 0..=86_400_000)).unwrap();
        let case_at = number(random, 0..=(cases.len() as u64)) as usize;
        let new = match cases.get(case_at) {
            None => {
                let currency = ["CZK", "EUR", "USD"][number(random, 0..=2) as usize];
                let asked = amount(&format!("{}.{:02}", number(random, 1..=9_000_000), number(random, 0..=99)));
                let terms = terms(product, partner(1), Some(&Sum { amount: asked, currency: currency.to_owned() }));
                let new = on_acceptance(&terms);
                let product = ["mortgage", "card"][number(random, 0..=1) as usize];
                cases.push(Case { product, terms, entries: Vec::new() });
                new
            }
            Some(case) => any_move(case, random),
        };
        let case = &mut cases[case_at];
        for entry in new {
            let Entry { kind, amount, currency, .. } = entry.clone();
            lines.push(Line { kind, product: case.product.to_owned(), amount, currency, at });
            case.entries.push(entry);
        }
        holds(case, seed);
    }
    statements_close(first, at, &lines, seed);
}

fn any_move(case: &Case, random: &mut dyn Random) -> Vec<Entry> {
    if number(random, 0..=2) == 0 {
        let status = Status::ALL[number(random, 0..=(Status::ALL.len() as u64 - 1)) as usize];
        let reason = [None, Some(Reason::Duplicate)][number(random, 0..=1) as usize];
        return on_status(&case.terms, &case.entries, status, reason);
    }
    let known = commissions(&case.entries);
    if known.is_empty() {
        return Vec::new();
    }
    let commission = &known[number(random, 0..=(known.len() as u64 - 1)) as usize];
    let part = amount(&number(random, 0..=900).to_string());
    let actions = [
        Action::Hold,
        Action::Confirm,
        Action::Confirm,
        Action::Pay,
        Action::Reverse(None),
        Action::Reverse(Some(part)),
    ];
    let action = actions[number(random, 0..=5) as usize];
    // What is refused changes nothing.
    by_hand(&case.entries, &commission.cause, action).ok().into_iter().collect()
}

/// What holds of the ledger of one delivery at all times.
fn holds(case: &Case, seed: u64) {
    let known = commissions(&case.entries);
    for commission in &known {
        let own: Vec<&Entry> = case.entries.iter().filter(|entry| entry.cause == commission.cause).collect();
        let term = case.terms.iter().find(|term| term.cause == commission.cause).unwrap();
        let accruals = own.iter().filter(|entry| entry.kind == Kind::Accrue).count();
        assert_eq!((accruals, commission.accrued), (1, term.amount), "seed {seed}: earned once, as agreed");
        assert!(commission.reversed <= commission.accrued, "seed {seed}: no more is reversed than was earned");
        assert!(own.iter().all(|entry| entry.currency == term.currency), "seed {seed}: one currency");
        assert!(own.iter().filter(|entry| entry.kind == Kind::Pay).count() <= 1, "seed {seed}: paid once");
        let balance: Amount = own.iter().map(|entry| entry.amount).sum();
        assert_eq!(balance, commission.accrued - commission.reversed - commission.paid, "seed {seed}");
        assert!(own.iter().all(|entry| entry.amount.fits(&entry.currency)), "seed {seed}: whole coins");
    }
    let mut causes: Vec<_> = known.iter().map(|commission| &commission.cause).collect();
    causes.dedup();
    assert_eq!(causes.len(), known.len());
}

/// What holds of the statements of all months: each opens with what the one before closed with, and the last closes with the
/// sum of all entries.
fn statements_close(first: Month, last: i64, lines: &[Line], seed: u64) {
    let mut month = first;
    let mut closed: std::collections::BTreeMap<String, Amount> = std::collections::BTreeMap::new();
    let mut counted = 0;
    while month <= Month::of(last) {
        // Whether later entries are known, and in which order they come, makes no difference.
        let upto: Vec<&Line> = lines.iter().rev().filter(|line| line.at < month.end()).collect();
        let made = statement(month, [], lines);
        assert_eq!(made, statement(month, [], upto), "seed {seed}");
        // Nor whether older entries are read again, or only what the month before closed with is carried over.
        let carried = closed.iter().map(|(currency, amount)| (currency.as_str(), *amount));
        let own = lines.iter().filter(|line| line.at >= month.begin());
        assert_eq!(made, statement(month, carried, own), "seed {seed}");
        for part in &made.parts {
            let opening = closed.get(&part.currency).copied().unwrap_or_default();
            assert_eq!(part.opening, opening, "seed {seed}: {month} {}", part.currency);
            let by_product: Amount = part.products.iter().map(|total| total.amount).sum();
            let by_kind: Amount = part.kinds.iter().map(|total| total.amount).sum();
            assert_eq!((by_product, part.opening + by_kind), (by_kind, part.closing), "seed {seed}");
            counted += part.kinds.iter().map(|total| total.count).sum::<u64>();
            closed.insert(part.currency.clone(), part.closing);
        }
        month = month.next();
    }
    assert_eq!(counted, lines.len() as u64, "seed {seed}: every entry stands in one statement");
    for (currency, closing) in closed {
        let all: Amount = lines.iter().filter(|line| line.currency == currency).map(|line| line.amount).sum();
        assert_eq!(all, closing, "seed {seed} {currency}");
    }
}
