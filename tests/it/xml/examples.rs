//! Every example of the contract in both forms.

use usher_wire::Mode;

use super::twin::{self, Json};
use super::{Verdict, verdict, verdict_of_xml};
use crate::contract::examples::{body_of, examples, facts};

/// Why a JSON example says what its XML twin cannot.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Why {
    /// JSON tells the number from a text with its digits. Read as numbers, both say the same.
    NumberAsText,
    /// A value of a wrong JSON type whose text is right, or wrong otherwise.
    TypeOfText,
    /// An empty array has no element, and so is absent.
    EmptyArray,
    /// An object that is an array is one element; an array that is an object is an array of one.
    ArrayOfOne,
    /// Null, a character or a name that XML has not, or no root element.
    NoForm,
}

use Why::{ArrayOfOne, EmptyArray, NoForm, NumberAsText, TypeOfText};

/// Every other example has one verdict in both forms.
const JSON_ONLY: &[(&str, Why)] = &[
    ("amortization_rate_boolean", TypeOfText),
    ("amortization_rate_text_above_one_hundred", NumberAsText),
    ("amortization_rate_text_five_places", NumberAsText),
    ("amortization_rate_text_zero", NumberAsText),
    ("body_not_an_object", NoForm),
    ("choices_purchase_1", NumberAsText),
    ("choices_purchase_2", NumberAsText),
    ("choices_purchase_3", NumberAsText),
    ("choices_purchase_4", NumberAsText),
    ("choices_purchase_5", NumberAsText),
    ("choices_purchase_6", NumberAsText),
    ("choices_purchase_7", NumberAsText),
    ("compact", NumberAsText),
    ("contact_address_street_number_as_number", TypeOfText),
    ("current_credits_as_boolean", TypeOfText),
    ("document_order", EmptyArray),
    ("escaped", NoForm),
    ("facts_all_refused", NumberAsText),
    ("financing_terms_not_an_object", EmptyArray),
    ("followup_financing_wrong_types", TypeOfText),
    ("full", NumberAsText),
    ("largest_numbers", NumberAsText),
    ("largest_rate_as_text", NumberAsText),
    ("members_reversed", NumberAsText),
    ("money_text_exponent", NumberAsText),
    ("money_text_negative", NumberAsText),
    ("money_text_three_places", NumberAsText),
    ("money_text_too_large", NumberAsText),
    ("money_text_with_thousands", NumberAsText),
    ("null_is_not_absent", NoForm),
    ("numbers_as_text", NumberAsText),
    ("purchase_financing", NumberAsText),
    ("purchase_financing_wrong_types", TypeOfText),
    ("referred_offers_empty", EmptyArray),
    ("referred_offers_not_an_array", ArrayOfOne),
    ("smallest_numbers", NumberAsText),
    ("smallest_rate_as_text", NumberAsText),
    ("tabs_and_carriage_returns", NumberAsText),
    ("unknown_members", NoForm),
    ("wrong_types", NoForm),
];

// shows: IS-004
#[test]
fn every_example_has_one_verdict_in_both_forms() {
    let facts = facts();
    let mut faults = Vec::new();
    let mut listed = 0;
    for kind in ["valid", "invalid"] {
        for example in examples("appointment_request/v2", kind, "request") {
            let body = if kind == "valid" { example.text.clone() } else { body_of(&example) };
            // What is found is told in the order of the document, and XML is read in that of the schema.
            let body = twin::in_order("", &Json::parse(&body));
            let name = example.path.rsplit('/').next().unwrap().trim_end_matches(".json");
            let why = JSON_ONLY.iter().find(|(known, _)| *known == name).map(|(_, why)| *why);
            listed += usize::from(why.is_some());
            let xml = twin::of(&body);
            for mode in [Mode::Strict, Mode::Tolerant] {
                let of_json = |body: &Json| verdict(body.to_text().as_bytes(), mode, &facts).unwrap();
                let found = xml.as_ref().map(|xml| verdict_of_xml(xml.as_bytes(), mode, &facts).unwrap());
                let is_as_listed = match (why, &found) {
                    (None, Some(found)) => *found == of_json(&body),
                    (Some(NoForm), found) => found.is_none(),
                    (_, None) => false,
                    (Some(why), Some(found)) => *found != of_json(&body) && explains(why, found, &of_json, &body),
                };
                if !is_as_listed {
                    faults.push(format!("{name} {mode:?} {why:?}:\n  JSON {:?}\n  XML  {found:?}", of_json(&body)));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert_eq!(listed, JSON_ONLY.len(), "an example that is listed is there no more");
}

/// Whether the reason is all that tells the two forms apart, where that can be asked.
fn explains(why: Why, found: &Verdict, of_json: &dyn Fn(&Json) -> Verdict, body: &Json) -> bool {
    match why {
        NumberAsText => *found == of_json(&twin::typed(body)),
        TypeOfText | EmptyArray | ArrayOfOne | NoForm => true,
    }
}
