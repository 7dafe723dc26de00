//! Appointment request: a person asks mortgage providers for an appointment.

use serde_json::Value;
use usher_contract::appointment_request::v2::Request;
use usher_wire::{Personal, Text};

use crate::accept::{Accept, Decision, Person, Placed, Worth, duplicate_refused, duplicate_warning};
use crate::appointment_window;
use crate::commission;
use crate::phone;
use crate::products::{Asked, Product, Products};
use crate::promise;
use crate::refusal::Refusal;

const PHONE: &str = "/contactRequest/phoneNumber";

/// What the product looks at, so that it can say what it refuses even where other parts of a request are wrong.
#[derive(Debug)]
pub struct Outline {
    phone: Option<Personal<String>>,
    is_dpa_accepted: bool,
}

impl Outline {
    /// That of a request.
    pub fn of<'a, S: Text<'a>>(request: &Request<S>) -> Outline {
        let contact = &request.contact_request;
        let phone = Some(Personal::new(contact.phone_number.expose().as_str().to_owned()));
        Outline { phone, is_dpa_accepted: contact.dpa_accepted == Some(true) }
    }

    /// That of a body which breaks the contract.
    pub fn of_broken(body: &Value) -> Outline {
        let contact = &body["contactRequest"];
        let phone = contact["phoneNumber"].as_str().map(|phone| Personal::new(phone.to_owned()));
        // Whatever else it is, it breaks the contract, which says so itself.
        Outline { phone, is_dpa_accepted: !matches!(contact.get("dpaAccepted"), None | Some(Value::Bool(false))) }
    }

    /// Its product.
    pub fn product<'p>(&self, products: &'p Products) -> &'p Product {
        products.product_of(Asked::Appointment)
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
            refusals.push(Refusal::ProductNotOffered { pointer: None });
        }
        if product.dpa_required && !self.is_dpa_accepted {
            refusals.push(Refusal::DpaRequired);
        }
        refusals.extend(duplicate_refused(product, person, PHONE));
        refusals
    }
}

/// Decides on a submitted appointment request, or on one to be checked. It goes to the providers in the order of the offers; one
/// with several offers gets it once.
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
    accept.warnings.extend(appointment_window::over(&request.contact_request, accept.now));
    let phone = outline.phone(accept.products);
    let referred: Vec<&str> = request.referred_offers.iter().map(|offer| offer.provider_id.as_str()).collect();
    let contact_at = promise::asked_by_appointment_request(request, accept.now);
    let worth = Worth::Commission(commission::of_appointment_request(request));
    Ok(accept.store(Placed { asked: Asked::Appointment, phone, referred: &referred, contact_at, worth }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accept::Destination;
    use crate::receipt::PayloadHash;
    use crate::status::Status;
    use crate::test_support::{decided, decided_with, headers, products, schema, with};

    fn example(name: &str) -> Value {
        schema(&format!("appointment_request/v2/examples/valid/request/{name}.json"))
    }

    // shows: IS-002
    #[test]
    fn an_accepted_request_goes_to_each_provider_once() {
        let minimal = example("minimal");
        for (offers, expected) in [
            (&[("a", "VIA")][..], &["provider/a"][..]),
            (&[("b", "VIA"), ("a", "VIA")], &["provider/b", "provider/a"]),
            (&[("a", "VIA"), ("b", "VIA"), ("a", "DEFAULT")], &["provider/a", "provider/b"]),
            (&[("A", "VIA"), ("a", "VIA")], &["provider/A", "provider/a"]),
        ] {
            let offers: Vec<Value> =
                offers.iter().map(|(id, product)| serde_json::json!({"providerId": id, "product": product})).collect();
            let body = with(&minimal, "/referredOffers", offers.into());
            let decision = decided::<Request, _>(&body, |accept| decide(accept).unwrap());
            let destinations: Vec<String> = decision.destinations.iter().map(Destination::to_string).collect();
            assert_eq!(destinations, expected);
        }
    }

    #[test]
    fn an_accepted_request_is_stored_with_the_headers_and_what_could_not_be_verified() {
        decided::<Request, _>(&example("minimal"), |accept| {
            let (salt, canonical, warnings) = (accept.salt, accept.canonical.clone(), accept.warnings.clone());
            assert!(warnings.iter().any(|warning| warning.code == "unverified"));
            let decision = decide(accept).unwrap();
            assert_eq!(decision.payload_hash, PayloadHash::of(&salt, canonical.expose()));
            assert_eq!((decision.status, decision.attribution), (Status::New, headers()));
            assert_eq!((decision.canonical, decision.warnings), (canonical, warnings));
        });
    }

    #[test]
    fn a_window_of_today_that_is_over_is_told_of() {
        let body = with(&example("minimal"), "/contactRequest/primaryAppointmentDate", 1_795_258_800_000_i64.into());
        for (window, told) in [("TEN_UNTIL_ELEVEN", true), ("NINETEEN_UNTIL_TWENTY", false)] {
            let body = with(&body, "/contactRequest/primaryAppointmentTime", window.into());
            let decision = decided::<Request, _>(&body, |accept| decide(accept).unwrap());
            let warned = decision.warnings.iter().find(|warning| warning.code == "window_over");
            assert_eq!(warned.is_some(), told, "{window}");
        }
    }

    // shows: IS-078
    #[test]
    fn the_phone_number_is_kept_in_e164_beside_the_body() {
        for (number, e164) in [("030 123456", "+4930123456"), ("+420 601 123 456", "+420601123456")] {
            let body = with(&example("minimal"), "/contactRequest/phoneNumber", number.into());
            let decision = decided::<Request, _>(&body, |accept| decide(accept).unwrap());
            assert_eq!(decision.phone.unwrap().expose(), e164);
        }
    }

    // shows: IS-030
    #[test]
    fn the_agreement_is_needed_where_the_product_demands_it() {
        for (accepted, dpa, refused) in [
            (None, true, true),
            (Some(false), true, true),
            (Some(true), true, false),
            (None, false, false),
            (Some(false), false, false),
        ] {
            let mut body = example("minimal");
            if let Some(accepted) = accepted {
                body = with(&body, "/contactRequest/dpaAccepted", accepted.into());
            }
            let products = products(1, "dpaRequired", dpa.into());
            let refusal = decided_with::<Request, _>(&products, &body, |accept| decide(accept).err());
            assert_eq!(refusal, refused.then_some(Refusal::DpaRequired), "{accepted:?} {dpa}");
        }
    }
}
