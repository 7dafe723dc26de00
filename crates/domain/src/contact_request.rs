//! Contact request: a person asks the bank to get in touch.

use usher_contract::contact_request::v1::Request;
use usher_wire::Text;

use crate::accept::{Accept, Attribution, Decision, Destination};
use crate::phone::{self, PhoneRegion};
use crate::refusal::Refusal;

/// What the product demands beyond the contract.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Demands {
    /// Requests need the person's consent.
    pub consent: bool,
}

/// Decides on a submitted contact request, or on one to be checked.
///
/// # Errors
/// The product demands more than the contract, and it is not there.
pub fn decide<'a, S: Text<'a>>(accept: Accept<'_, Request<S>>, demands: Demands) -> Result<Decision, Refusal> {
    let request = accept.request;
    if demands.consent && request.consent.is_none() {
        return Err(Refusal::ConsentRequired);
    }
    let phone = phone::e164(request.phone_number.expose().as_str(), PhoneRegion::Cz);
    let attribution = attribution(request);
    Ok(Accept { attribution, ..accept }.store(phone, vec![Destination::Bank]))
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
    use crate::receipt::PayloadHash;
    use crate::status::Status;
    use crate::test_support::{decided, headers, now, schema, with};

    fn example(name: &str) -> serde_json::Value {
        schema(&format!("contact_request/v1/examples/valid/request/{name}.json"))
    }

    #[test]
    fn an_accepted_request_is_stored_whole_and_goes_to_the_bank() {
        let body = example("every_member");
        decided::<Request, _>(&body, |accept| {
            let (id, salt, canonical) = (accept.id, accept.salt, accept.canonical.clone());
            let decision = decide(accept, Demands { consent: true }).unwrap();
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
                decide(accept, Demands::default()).unwrap().attribution
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
            let refusal = decided::<Request, _>(&example(name), |accept| decide(accept, Demands { consent }).err());
            assert_eq!(refusal, refused.then_some(Refusal::ConsentRequired), "{name} {consent}");
        }
    }

    #[test]
    fn what_is_decided_prints_no_person() {
        let body = with(&example("every_member"), "/person/surname", "Markovaná".into());
        let shown = decided::<Request, _>(&body, |accept| {
            let before = format!("{accept:?}");
            format!("{before} {:?}", decide(accept, Demands::default()).unwrap())
        });
        for hidden in ["Markovaná", "601123456", "example.org", "77, 97, 114, 107"] {
            assert!(!shown.contains(hidden), "{hidden}");
        }
    }
}
