//! One small valid request of each API, as `curl` lines for the first minute. The persons in them are invented.

use usher_contract::{appointment_request, contact_request, digital_customer};
use usher_wire::Operation;

/// A request to try an API with.
pub(crate) struct Sample {
    /// The submit.
    operation: &'static Operation,
    /// The body; `APP_KEY` stands for the public id of the application. There is no apostrophe in it, so a shell takes it
    /// as it is between two.
    body: &'static str,
}

/// One per API.
pub(crate) const SAMPLES: [&Sample; 3] = [&CONTACT_REQUEST, &APPOINTMENT_REQUEST, &DIGITAL_CUSTOMER];

static CONTACT_REQUEST: Sample = Sample {
    operation: &contact_request::v1::operations::OPERATIONS[0],
    body: concat!(
        r#"{"person":{"forename":"Jana","surname":"Vzorova"},"phoneNumber":"+420601123456","#,
        r#""email":"jana.vzorova@example.org","subject":{"productType":"GENERAL"},"#,
        r#""message":"Please call me about a mortgage.","#,
        // Some products demand the consent, so it is always there.
        r#""consent":{"textId":"contact-2026-01","#,
        r#""textHash":"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08","#,
        r#""givenAt":"2026-01-15T08:30:00+01:00","channel":"WEB","language":"cs"}}"#
    ),
};

static APPOINTMENT_REQUEST: Sample = Sample {
    operation: &appointment_request::v2::operations::OPERATIONS[0],
    body: concat!(
        r#"{"referredOffers":[{"providerId":"provider-1"}],"contactRequest":{"financingTerms":{"postalCode":"10115","#,
        r#""amortizationRate":2.5,"employment":"EMPLOYED","fixedNominalInterestRate":"TEN_YEARS"},"#,
        r#""useType":"OWNER_OCCUPATION","surname":"Beispiel","forename":"Anna","email":"anna.beispiel@example.org","#,
        r#""phoneNumber":"+4930123456","contactChannel":"TELEPHONE","dpaAccepted":true}}"#
    ),
};

static DIGITAL_CUSTOMER: Sample = Sample {
    operation: &digital_customer::v1::operations::OPERATIONS[0],
    body: concat!(
        r#"{"Header":{"AppKey":"APP_KEY","Channel":"API","ChannelSessionId":"0123456789abcdef0123456789abcdef","#,
        r#""ChannelRequestId":"1000000000000000001"},"Parameters":[{"IsGetProcess":false,"DigitalCustomer":{"#,
        r#""PhoneNumber":"5012345678","CitizenshipNumber":98761234550,"IsFatca":false,"IsUSCustomer":false,"#,
        r#""Email":"deniz.ornek@example.org","NotificationOnUpdate":true,"IsKVKKApproved":true}}]}"#
    ),
};

impl Sample {
    /// The body of one application.
    pub(crate) fn body(&self, app_key: &str) -> String {
        self.body.replace("APP_KEY", app_key)
    }

    /// The line that sends it.
    pub(crate) fn curl(&self, server: &str, key: &str, app_key: &str) -> String {
        let path = self.operation.path;
        let body = self.body(app_key);
        format!(
            "curl -sS -i '{server}{path}' -w '\\n' -H 'x-api-key: {key}' -H 'content-type: application/json' -d '{body}'"
        )
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use usher_contract::appointment_request::v2::Request as AppointmentRequest;
    use usher_contract::contact_request::v1::Request as ContactRequest;
    use usher_contract::digital_customer::v1::CreateDigitalCustomer;
    use usher_domain::environment::Environment;
    use usher_domain::facts::ContractFacts;
    use usher_wire::{Limits, Message, Mode, Options, parse};

    use super::*;

    #[track_caller]
    fn check<T: for<'a> Message<'a>>(sample: &Sample) {
        let body = sample.body("00000000-0000-4000-8000-000000000001");
        assert!(!body.contains(['\'', '\n']) && body.is_ascii());
        let facts = ContractFacts::new(Timestamp::now(), Environment::Sandbox);
        let options = Options { mode: Mode::Strict, limits: Limits::GATEWAY, facts: Some(&facts) };
        let parsed = parse::<T>(body.as_bytes(), &options).unwrap();
        assert!(parsed.into_result().is_ok(), "{body}");
    }

    #[test]
    fn every_sample_is_valid_in_the_sandbox() {
        check::<ContactRequest>(&CONTACT_REQUEST);
        check::<AppointmentRequest>(&APPOINTMENT_REQUEST);
        check::<CreateDigitalCustomer>(&DIGITAL_CUSTOMER);
    }

    #[test]
    fn every_sample_is_sent_to_the_first_submit_of_its_api() {
        let ids = SAMPLES.map(|sample| sample.operation.id);
        assert_eq!(ids, ["submitContactRequest", "submitAppointmentRequest", "createDigitalCustomer"]);
    }

    #[test]
    fn a_line_can_be_pasted_into_a_shell() {
        let line = DIGITAL_CUSTOMER.curl("http://127.0.0.1:8080", "usher_sbx_1", "app-1");
        let start =
            "curl -sS -i 'http://127.0.0.1:8080/digital-customer/v1/CreateDigitalCustomer' -w '\\n' -H 'x-api-key";
        assert!(line.starts_with(start), "{line}");
        assert!(line.contains(r#""AppKey":"app-1""#) && !line.contains("APP_KEY"), "{line}");
    }
}
