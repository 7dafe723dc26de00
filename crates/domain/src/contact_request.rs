//! Contact request: a person asks the bank to get in touch.

use serde_json::Value;
use usher_contract::contact_request::v1::{Request, Subject};
use usher_wire::{Personal, Text};

use crate::accept::{Accept, Attribution, Decision, Person, Placed, Worth, duplicate_refused, duplicate_warning};
use crate::commission;
use crate::phone;
use crate::products::{Asked, Product, Products};
use crate::promise;
use crate::refusal::Refusal;

const PHONE: &str = "/phoneNumber";

/// What a product looks at, so that it can say what it refuses even where other parts of a request are wrong.
#[derive(Debug)]
pub struct Outline {
    asked: Asked,
    phone: Option<Personal<String>>,
    has_consent: bool,
}

impl Outline {
    /// That of a request.
    pub fn of<'a, S: Text<'a>>(request: &Request<S>) -> Outline {
        let asked = match &request.subject {
            Subject::General(_) => Asked::General,
            Subject::ConsumerCredit(_) => Asked::ConsumerCredit,
            Subject::CreditCard(_) => Asked::CreditCard,
            Subject::Mortgage(_) => Asked::Mortgage,
            Subject::LoanConsolidation(_) => Asked::LoanConsolidation,
        };
        let phone = Some(Personal::new(request.phone_number.expose().as_str().to_owned()));
        Outline { asked, phone, has_consent: request.consent.is_some() }
    }

    /// That of a body which breaks the contract; none where it does not say what it is about.
    pub fn of_broken(body: &Value) -> Option<Outline> {
        let asked = Asked::of_product_type(body["subject"]["productType"].as_str()?)?;
        let phone = body["phoneNumber"].as_str().map(|phone| Personal::new(phone.to_owned()));
        Some(Outline { asked, phone, has_consent: body.get("consent").is_some() })
    }

    /// Its product.
    pub fn product<'p>(&self, products: &'p Products) -> &'p Product {
        products.product_of(self.asked)
    }

    /// The phone number in E.164, by which the person is recognised.
    pub fn phone(&self, products: &Products) -> Option<String> {
        phone::e164(self.phone.as_ref()?.expose(), self.product(products).phone_region)
    }

    /// All that the product refuses.
    pub fn refusals(&self, products: &Products, person: Option<Person>) -> Vec<Refusal> {
        let product = self.product(products);
        let mut refusals = Vec::new();
        if !product.is_offered {
            refusals.push(Refusal::ProductNotOffered { pointer: Some("/subject/productType") });
        }
        if product.consent_required && !self.has_consent {
            refusals.push(Refusal::ConsentRequired);
        }
        refusals.extend(duplicate_refused(product, person, PHONE));
        refusals
    }
}

/// Decides on a submitted contact request, or on one to be checked.
///
/// # Errors
/// The product refuses it.
pub fn decide<'a, S: Text<'a>>(mut accept: Accept<'_, Request<S>>) -> Result<Decision, Refusal> {
    let request = accept.request;
    let outline = Outline::of(request);
    if let Some(refusal) = Refusal::of(outline.refusals(accept.products, accept.person)) {
        return Err(refusal);
    }
    accept.warnings.extend(duplicate_warning(outline.product(accept.products), accept.person, PHONE));
    let phone = outline.phone(accept.products);
    let contact_at = promise::asked_by_contact_request(request);
    let worth = Worth::Commission(commission::of_contact_request(request));
    let placed = Placed { asked: outline.asked, phone, referred: &[], contact_at, worth };
    let attribution = attribution(request);
    Ok(Accept { attribution, ..accept }.store(placed))
}

/// The body has a place for the attribution, so the headers do not count.
fn attribution<'a, S: Text<'a>>(request: &Request<S>) -> Attribution {
    let owned = |text: &Option<S>| text.as_ref().map(|text| text.as_str().to_owned());
    request.attribution.as_ref().map_or_else(Attribution::default, |given| Attribution {
        partner_reference: owned(&given.partner_reference),
        campaign: owned(&given.campaign),
        source: owned(&given.source),
        sub_partner: owned(&given.sub_partner),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accept::Destination;
    use crate::receipt::Digest;
    use crate::receipt::PayloadHash;
    use crate::status::Status;
    use crate::test_support::{decided, decided_with, headers, now, products, schema, with};

    fn example(name: &str) -> serde_json::Value {
        schema(&format!("contact_request/v1/examples/valid/request/{name}.json"))
    }

    // shows: KB-001
    #[test]
    fn an_accepted_request_is_stored_whole_and_goes_to_the_bank() {
        let body = example("every_member");
        decided::<Request, _>(&body, |accept| {
            let (id, salt, canonical) = (accept.id, accept.salt, accept.canonical.clone());
            let decision = decide(accept).unwrap();
            assert_eq!((decision.product.as_str(), decision.products_version), ("contact-request", 0));
            assert_eq!(decision.payload_hash, PayloadHash::of(&salt, canonical.expose()));
            assert_eq!(serde_json::from_slice::<serde_json::Value>(decision.canonical.expose()).unwrap(), body);
            assert_eq!((decision.id, decision.salt, decision.canonical), (id, salt, canonical));
            assert_eq!((decision.status, decision.received_at), (Status::New, now()));
            assert_eq!(decision.destinations, [Destination::Bank]);
            assert_eq!(decision.destinations[0].to_string(), "bank");
            assert_eq!(decision.phone.unwrap().expose(), "+420601123456");
            assert_eq!(decision.warnings, []);
        });
    }

    #[test]
    fn attribution_is_that_of_the_body() {
        let attribution = |name| {
            decided::<Request, _>(&example(name), |accept| {
                assert_eq!(accept.attribution, headers());
                decide(accept).unwrap().attribution
            })
        };
        let given = Attribution {
            partner_reference: Some("order-1001".to_owned()),
            campaign: Some("spring".to_owned()),
            source: Some("calculator".to_owned()),
            sub_partner: Some("branch-7".to_owned()),
        };
        assert_eq!(attribution("every_member"), given);
        assert_eq!(attribution("general"), Attribution::default());
    }

    #[test]
    fn consent_is_needed_where_the_product_demands_it() {
        for (name, consent, refused) in [
            ("every_member", true, false),
            ("every_member", false, false),
            ("general", true, true),
            ("general", false, false),
        ] {
            let refusal =
                decided_with::<Request, _>(&products(0, "consentRequired", consent.into()), &example(name), |accept| {
                    decide(accept).err()
                });
            assert_eq!(refusal, refused.then_some(Refusal::ConsentRequired), "{name} {consent}");
        }
    }

    #[test]
    fn everything_the_product_refuses_is_told_at_once() {
        let mut document: serde_json::Value = serde_json::from_str(crate::products::BUILT_IN).unwrap();
        document["products"][0]["consentRequired"] = true.into();
        document["products"][0]["offered"] = false.into();
        let products = Products::read(document.to_string().as_bytes(), 1).unwrap();
        let refusal = decided_with::<Request, _>(&products, &example("general"), |accept| decide(accept).unwrap_err());
        assert_eq!(refusal.code(), "product_not_offered");
        let told: Vec<_> = refusal.each().iter().map(|refusal| (refusal.code(), refusal.pointers())).collect();
        let expected: [(&str, &[&str]); 2] =
            [("product_not_offered", &["/subject/productType"]), ("consent_required", &["/consent"])];
        assert_eq!(told, expected);
    }

    #[test]
    fn a_product_says_what_it_refuses_even_where_the_contract_is_broken() {
        let products = products(0, "consentRequired", true.into());
        for (body, expected) in [
            (serde_json::json!({"subject": {"productType": "GENERAL"}}), Some(&["consent_required"][..])),
            (serde_json::json!({"subject": {"productType": "GENERAL"}, "consent": 1}), Some(&[])),
            (serde_json::json!({"subject": {"productType": "OTHER"}}), None),
            (serde_json::json!([]), None),
        ] {
            let outline = Outline::of_broken(&body);
            let codes =
                outline.map(|outline| outline.refusals(&products, None).iter().map(Refusal::code).collect::<Vec<_>>());
            assert_eq!(codes.as_deref(), expected, "{body}");
        }
    }

    #[test]
    fn a_person_sent_again_is_allowed_warned_of_or_refused_as_the_product_says() {
        for (action, was_sent, warnings, refused) in [
            ("allow", true, 0, None),
            ("warn", true, 1, None),
            ("refuse", true, 0, Some("duplicate_refused")),
            ("warn", false, 0, None),
            ("refuse", false, 0, None),
        ] {
            let products = products(0, "duplicates", serde_json::json!({"days": 7, "action": action}));
            let person = Some(Person { digest: Digest::from_bytes([5; 32]), was_sent });
            let decision = decided_with::<Request, _>(&products, &example("general"), |accept| {
                decide(Accept { person, ..accept })
            });
            match (decision, refused) {
                (Ok(decision), None) => {
                    let codes: Vec<_> = decision.warnings.iter().map(|warning| warning.code).collect();
                    assert_eq!(codes, vec!["duplicate_person"; warnings], "{action}");
                    assert_eq!(decision.person, person.map(|person| person.digest));
                }
                (Err(refusal), Some(code)) => assert_eq!(refusal.code(), code),
                (decision, _) => panic!("{action} {was_sent}: {decision:?}"),
            }
        }
    }

    #[test]
    fn requests_go_where_their_product_says() {
        let to = serde_json::json!(["provider/branch-7", "bank", "provider/b"]);
        let products = products(0, "destinations", to);
        let decision = decided_with::<Request, _>(&products, &example("general"), |accept| decide(accept).unwrap());
        let names: Vec<String> = decision.destinations.iter().map(Destination::to_string).collect();
        assert_eq!(names, ["provider/branch-7", "bank", "provider/b"]);
    }

    #[test]
    fn what_is_decided_prints_no_person() {
        let body = with(&example("every_member"), "/person/surname", "Markovaná".into());
        let shown = decided::<Request, _>(&body, |accept| {
            let before = format!("{accept:?}");
            format!("{before} {:?}", decide(accept).unwrap())
        });
        for hidden in ["Markovaná", "601123456", "example.org", "77, 97, 114, 107"] {
            assert!(!shown.contains(hidden), "{hidden}");
        }
    }
}
