//! Valid bodies of `UpdateDigitalCustomerInformations`.

use super::{Node, amount, boolean, digits, text};
use crate::random::Random;

/// The body of one update.
pub(super) fn update(random: &mut Random) -> Node {
    Node::object([("Header", Some(header(random))), ("Parameters", Some(Node::Array(vec![parameters(random)])))])
}

fn header(random: &mut Random) -> Node {
    Node::object([
        ("AppKey", Some(Node::Text(format!("00000000-0000-4000-8000-{}", digits(random, 12))))),
        ("Channel", Some(Node::Text("API".to_owned()))),
        ("ChannelSessionId", Some(Node::Text(format!("0123456789abcdef{}", digits(random, 16))))),
        ("ChannelRequestId", Some(Node::Text(format!("1{}", digits(random, 18))))),
        ("TellerName", random.chance(50).then(|| text(random, 3, 24))),
        ("CallerId", random.chance(50).then(|| text(random, 3, 24))),
    ])
}

fn parameters(random: &mut Random) -> Node {
    let selected = *random.pick(&["Home", "Work", "Contact"]);
    let has_contact = selected == "Contact" || random.chance(30);
    Node::object([
        ("CustomerNo", Some(Node::Bare(format!("7{}", digits(random, 9))))),
        ("ProcessId", Some(Node::Bare(format!("4{}", digits(random, 15))))),
        ("CitizenshipNumber", Some(Node::Bare(format!("9876{}", digits(random, 7))))),
        ("EducationStatus", Some(text(random, 4, 20))),
        ("EducationStatusCode", Some(code(random, 2))),
        ("CompanyName", Some(text(random, 4, 40))),
        ("SalaryInfo", Some(Node::Bare(amount(random, 90_000)))),
        ("WorkingStatus", Some(text(random, 4, 20))),
        ("WorkingStatusCode", Some(code(random, 2))),
        ("JobTitle", Some(text(random, 4, 20))),
        ("JobTitleCode", Some(code(random, 3))),
        ("HomeStatus", Some(text(random, 4, 20))),
        ("HomeStatusCode", Some(code(random, 1))),
        ("WorkAreaCode", Some(code(random, 2))),
        ("JobAddressInfo", Some(address(random, "WorkAddress", "2"))),
        ("BranchId", Some(code(random, 4))),
        ("HomeAddressInfo", Some(address(random, "HomeAddress", "1"))),
        ("ContactAddressInfo", has_contact.then(|| address(random, "ContactAddress", "3"))),
        ("SelectedAddress", Some(Node::Text(selected.to_owned()))),
        ("CalculateLimit", Some(boolean(random))),
    ])
}

fn address(random: &mut Random, kind: &str, kind_code: &str) -> Node {
    let as_text = random.chance(50);
    Node::object([
        ("Type", Some(Node::Text(kind.to_owned()))),
        ("TypeCode", Some(if as_text { Node::Text(kind_code.to_owned()) } else { Node::Bare(kind_code.to_owned()) })),
        ("Country", Some(text(random, 4, 12))),
        ("CountryCode", Some(code(random, 2))),
        ("City", Some(text(random, 4, 16))),
        ("CityCode", Some(code(random, 2))),
        ("Town", Some(text(random, 4, 20))),
        ("TownCode", Some(code(random, 11))),
        ("District", Some(text(random, 4, 24))),
        ("DistrictCode", Some(code(random, 11))),
        ("DistrictType", Some(if random.chance(50) { Node::Bare("null".to_owned()) } else { code(random, 1) })),
        ("Street", Some(text(random, 4, 30))),
        ("StreetCode", Some(code(random, 8))),
        ("AddressDetail", Some(text(random, 4, 60))),
    ])
}

/// The contract takes an integer and a text of digits.
fn code(random: &mut Random, count: u64) -> Node {
    if random.chance(50) {
        return Node::Text(digits(random, count));
    }
    Node::Bare(format!("{}{}", random.between(1, 9), digits(random, count - 1)))
}
