//! Valid appointment requests.

use super::{Node, amount, boolean, choice, digits, email, message, text};
use crate::random::Random;

const TIMES: &[&str] = &[
    "ALL_DAY",
    "EIGHT_TO_TWELVE",
    "TWELVE_TO_SIXTEEN",
    "SIXTEEN_TO_NINETEEN",
    "UNKNOWN",
    "TEN_UNTIL_ELEVEN",
    "TWELVE_UNTIL_THIRTEEN",
    "SIXTEEN_UNTIL_SEVENTEEN",
    "TWENTY_UNTIL_TWENTYONE",
];
const STARTS: &[&str] =
    &["NA", "IN_LESS_THAN_THREE_MONTH", "IN_BETWEEN_THREE_AND_SIX_MONTHS", "IN_MORE_THAN_SIX_MONTH"];
const BUILDING_STATES: &[&str] = &[
    "NA",
    "NOT_YET_IN_PLANNING",
    "LAND_PROPERTY_EXISTS",
    "LAND_PROPERTY_AND_COMPANY_EXIST",
    "PROPERTY_FOUND",
    "NOTARY_APPOINTMENT_PLANNED",
    "ON_BUILDER_SEARCH",
];
const PURCHASE_STATES: &[&str] = &[
    "NA",
    "REAL_ESTATE_VISITED",
    "REAL_ESTATE_NOT_YET_VISITED",
    "PURCHASING_NEGOTIATIONS",
    "OBJECT_FOUND",
    "NOTARY_APPOINTMENT_PLANNED",
    "ON_OBJECT_SEARCH",
];
const FOLLOWUP_STARTS: &[&str] =
    &["NA", "IN_LESS_THAN_ONE_YEAR", "IN_ONE_YEAR", "IN_TWO_YEARS", "IN_THREE_YEARS", "IN_FOUR_YEARS", "IN_FIVE_YEARS"];

/// The body of one appointment request.
pub(super) fn request(random: &mut Random) -> Node {
    let offers = (0..random.between(1, 4)).map(|_| offer(random)).collect();
    Node::object([("referredOffers", Some(Node::Array(offers))), ("contactRequest", Some(contact_request(random)))])
}

fn offer(random: &mut Random) -> Node {
    Node::object([
        ("providerId", Some(Node::Text(format!("provider-{}", digits(random, 4))))),
        ("product", random.chance(60).then(|| choice(random, &["VIA", "DEFAULT"]))),
    ])
}

fn contact_request(random: &mut Random) -> Node {
    let (primary, secondary) = (random.chance(60), random.chance(40));
    let channels = ["TELEPHONE", "MEETING_AT_PROVIDERS_PLACE", "MEETING_AT_REQUESTERS_PLACE", "EMAIL", "UNKNOWN"];
    Node::object([
        ("financingTerms", Some(financing_terms(random))),
        ("useType", Some(choice(random, &["OWNER_OCCUPATION", "PARTIALLY_RENTING", "RENTING", "UNKNOWN"]))),
        ("salutation", random.chance(60).then(|| choice(random, &["MR", "MRS", "UNKNOWN"]))),
        ("title", random.chance(60).then(|| choice(random, &["NO_TITLE", "DOCTOR", "PROFESSOR", "PROFESSOR_DOCTOR"]))),
        ("surname", Some(text(random, 2, 24))),
        ("forename", Some(text(random, 2, 20))),
        ("email", Some(email(random))),
        ("phoneNumber", Some(Node::Text(format!("+49 30 / {}-{}", digits(random, 3), digits(random, 4))))),
        ("message", random.chance(60).then(|| message(random))),
        ("contactChannel", Some(choice(random, &channels))),
        ("primaryAppointmentDate", primary.then(|| day(random))),
        ("primaryAppointmentTime", primary.then(|| choice(random, TIMES))),
        ("secondaryAppointmentDate", secondary.then(|| day(random))),
        ("secondaryAppointmentTime", secondary.then(|| choice(random, TIMES))),
        ("netIncome", random.chance(60).then(|| money(random, 9_000))),
        ("bank", random.chance(60).then(|| text(random, 4, 30))),
        ("dateOfBirth", random.chance(60).then(|| birth(random))),
        ("numberOfBorrowers", random.chance(60).then(|| Node::Bare(random.between(1, 10).to_string()))),
        ("currentCredits", random.chance(60).then(|| money(random, 90_000))),
        ("kfwPromotion", random.chance(60).then(|| boolean(random))),
        ("dpaAccepted", random.chance(60).then(|| boolean(random))),
        ("contactAddress", random.chance(60).then(|| address(random))),
        ("exposeId", random.chance(60).then(|| Node::Text(format!("expose-{}", digits(random, 8))))),
        ("objectId", random.chance(60).then(|| Node::Text(format!("object-{}", digits(random, 6))))),
    ])
}

fn financing_terms(random: &mut Random) -> Node {
    let code = random.chance(50);
    let employments =
        ["CIVIL_SERVANT", "EMPLOYED", "FREELANCER", "PENSIONER", "SELFEMPLOYED", "UNEMPLOYED", "WORKER", "HOUSEWIFE"];
    let periods = ["FIVE_YEARS", "TEN_YEARS", "FIFTEEN_YEARS", "TWENTY_YEARS", "THIRTY_YEARS", "FORTY_YEARS"];
    let geo_code = format!("1276{:03}{}", random.between(1, 16), digits(random, 6));
    Node::object([
        ("geoCode", code.then_some(Node::Text(geo_code))),
        ("postalCode", (!code || random.chance(30)).then(|| postal_code(random))),
        ("amortizationRate", Some(Node::Bare(amount(random, 9)))),
        ("employment", Some(choice(random, &employments))),
        ("employmentSector", random.chance(20).then(|| Node::Text("MEDICAL".to_owned()))),
        ("fixedNominalInterestRate", Some(choice(random, &periods))),
        ("financing", random.chance(70).then(|| financing(random))),
    ])
}

fn financing(random: &mut Random) -> Node {
    let (tag, states) = match random.between(0, 2) {
        0 => ("BuildingFinancing", BUILDING_STATES),
        1 => ("PurchaseFinancing", PURCHASE_STATES),
        _ => {
            return Node::object([
                ("type", Some(Node::Text("FollowupFinancing".to_owned()))),
                ("propertyValue", Some(money(random, 900_000))),
                ("remainingDebt", Some(money(random, 500_000))),
                ("financingStart", Some(choice(random, FOLLOWUP_STARTS))),
            ]);
        }
    };
    Node::object([
        ("type", Some(Node::Text(tag.to_owned()))),
        ("purchasePrice", Some(money(random, 900_000))),
        ("ownFunds", Some(money(random, 300_000))),
        ("additionalCosts", Some(money(random, 90_000))),
        ("financingStart", Some(choice(random, STARTS))),
        ("projectState", Some(choice(random, states))),
    ])
}

fn address(random: &mut Random) -> Node {
    Node::object([
        ("street", Some(text(random, 4, 30))),
        ("streetNumber", Some(Node::Text(random.between(1, 300).to_string()))),
        ("postalCode", Some(postal_code(random))),
        ("location", Some(text(random, 3, 24))),
    ])
}

/// The contract takes a JSON number and the same as text; most clients send numbers.
fn money(random: &mut Random, whole_max: u64) -> Node {
    let amount = amount(random, whole_max);
    if random.chance(25) { Node::Text(amount) } else { Node::Bare(amount) }
}

fn postal_code(random: &mut Random) -> Node {
    choice(random, &["10115", "20095", "50667", "60311", "80331", "01067"])
}

fn day(random: &mut Random) -> Node {
    Node::Bare((4_081_449_600_000 + 86_400_000 * random.between(0, 300)).to_string())
}

fn birth(random: &mut Random) -> Node {
    Node::Text(format!("{}-{:02}-{:02}", random.between(1950, 2000), random.between(1, 12), random.between(1, 28)))
}
