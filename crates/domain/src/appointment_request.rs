//! Appointment request: a person asks mortgage providers for an appointment.

use usher_contract::appointment_request::v2::Request;
use usher_wire::Text;

use crate::accept::{Accept, Decision, Destination};
use crate::phone::{self, PhoneRegion};
use crate::refusal::Refusal;

/// What the product demands beyond the contract.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Demands {
    /// Requests need the data processing agreement.
    pub dpa: bool,
}

/// Decides on a submitted appointment request, or on one to be checked.
///
/// # Errors
/// The product demands more than the contract, and it is not there.
pub fn decide<'a, S: Text<'a>>(accept: Accept<'_, Request<S>>, demands: Demands) -> Result<Decision, Refusal> {
    let request = accept.request;
    let contact = &request.contact_request;
    if demands.dpa && contact.dpa_accepted != Some(true) {
        return Err(Refusal::DpaRequired);
    }
    let phone = phone::e164(contact.phone_number.expose().as_str(), PhoneRegion::De);
    let destinations = destinations(request);
    Ok(accept.store(phone, destinations))
}

/// One for each provider, in the order of the offers; a provider with several offers gets the request once.
fn destinations<'a, S: Text<'a>>(request: &Request<S>) -> Vec<Destination> {
    let mut destinations: Vec<Destination> = Vec::with_capacity(request.referred_offers.len());
    for offer in &request.referred_offers {
        let destination = Destination::Provider(offer.provider_id.as_str().to_owned());
        if !destinations.contains(&destination) {
            destinations.push(destination);
        }
    }
    destinations
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::receipt::PayloadHash;
    use crate::status::Status;
    use crate::test_support::{decided, headers, schema, with};

    fn example(name: &str) -> Value {
        schema(&format!("appointment_request/v2/examples/valid/request/{name}.json"))
    }

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
            let decision = decided::<Request, _>(&body, |accept| decide(accept, Demands::default()).unwrap());
            let destinations: Vec<String> = decision.destinations.iter().map(Destination::to_string).collect();
            assert_eq!(destinations, expected);
        }
    }

    #[test]
    fn an_accepted_request_is_stored_with_the_headers_and_what_could_not_be_verified() {
        decided::<Request, _>(&example("minimal"), |accept| {
            let (salt, canonical, warnings) = (accept.salt, accept.canonical.clone(), accept.warnings.clone());
            assert!(warnings.iter().any(|warning| warning.code == "unverified"));
            let decision = decide(accept, Demands::default()).unwrap();
            assert_eq!(decision.payload_hash, PayloadHash::of(&salt, canonical.expose()));
            assert_eq!((decision.status, decision.attribution), (Status::New, headers()));
            assert_eq!((decision.canonical, decision.warnings), (canonical, warnings));
        });
    }

    #[test]
    fn the_phone_number_is_kept_in_e164_beside_the_body() {
        for (number, e164) in [("030 123456", "+4930123456"), ("+420 601 123 456", "+420601123456")] {
            let body = with(&example("minimal"), "/contactRequest/phoneNumber", number.into());
            let decision = decided::<Request, _>(&body, |accept| decide(accept, Demands::default()).unwrap());
            assert_eq!(decision.phone.unwrap().expose(), e164);
        }
    }

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
            let refusal = decided::<Request, _>(&body, |accept| decide(accept, Demands { dpa }).err());
            assert_eq!(refusal, refused.then_some(Refusal::DpaRequired), "{accepted:?} {dpa}");
        }
    }
}
