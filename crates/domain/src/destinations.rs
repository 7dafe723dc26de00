//! Which destinations are sent their messages: the document that operators apply, checked and ready to be asked. A
//! destination that is not in it is pulled.

use std::time::Duration;

use usher_contract::platform::v1 as contract;
use usher_wire::{Checked, Limits, Mode, Options, Violation, Violations, parse};

use crate::environment::Environment;
use crate::network::{Endpoint, EndpointFault, Guard, Network};
use crate::webhook::Signature;

/// Kind and name of the document in the store.
pub const KIND: &str = "destinations";

const CONCURRENCY: u32 = 8;
const TIMEOUT: Duration = Duration::from_secs(20);

/// The longest that an attempt may take, in any document.
pub const TIMEOUT_MAX: Duration = Duration::from_secs(30);

/// Whose a secret is that a destination signs with.
pub fn destination_owner(environment: Environment, name: &str) -> String {
    format!("{}/{name}", environment.as_str())
}

/// Whose a secret is that the webhook of an application signs with, by the id its developer knows.
pub fn application_owner(environment: Environment, public_id: &str) -> String {
    format!("{}/application/{public_id}", environment.as_str())
}

/// A version of the document.
#[derive(Debug, Clone, Default)]
pub struct Destinations {
    /// The destinations that are sent their messages.
    pub webhooks: Vec<DestinationWebhook>,
    /// What holds for the webhooks of all applications.
    pub partners: PartnerWebhooks,
}

/// A destination that is sent its messages.
#[derive(Debug, Clone)]
pub struct DestinationWebhook {
    /// The destination.
    pub name: String,
    /// Where.
    pub environment: Environment,
    /// What is called.
    pub endpoint: Endpoint,
    /// Which networks it may be in.
    pub guard: Guard,
    /// How messages are signed.
    pub signature: Signature,
    /// Messages on their way at once.
    pub concurrency: u32,
    /// How long an attempt may take in all.
    pub timeout: Duration,
    /// The certificates to trust instead of the system's, PEM.
    pub tls_ca: Option<String>,
}

/// What holds for the webhooks of all applications.
#[derive(Debug, Clone, Default)]
pub struct PartnerWebhooks {
    /// Which networks they may be in.
    pub guard: Guard,
    /// Whether they may be called over plain HTTP.
    pub is_insecure_allowed: bool,
    /// The certificates to trust instead of the system's, PEM.
    pub tls_ca: Option<String>,
}

impl PartnerWebhooks {
    /// Messages of one application on their way at once.
    pub const CONCURRENCY: u32 = 4;
    /// How long an attempt may take in all.
    pub const TIMEOUT: Duration = TIMEOUT;

    /// Reads the address of a webhook.
    ///
    /// # Errors
    /// It cannot be called, whatever its name may mean later.
    pub fn endpoint(&self, url: &str) -> Result<Endpoint, EndpointFault> {
        Endpoint::parse(url, &self.guard, self.is_insecure_allowed)
    }
}

impl Destinations {
    /// Reads the JSON text of a document.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn read(json: &[u8]) -> Result<Destinations, Violations> {
        // Documents are the operator's, not a stranger's, so they may be as long as they are.
        let limits = Limits { body_bytes_max: usize::MAX, ..Limits::GATEWAY };
        let parsed = parse::<contract::Destinations>(json, &Options { mode: Mode::Strict, limits, facts: None })?;
        let (document, _) = parsed.into_result()?;
        Destinations::of(&document)
    }

    /// The destinations of a document that obeys its schema.
    ///
    /// # Errors
    /// Everything that is wrong with it all the same.
    pub fn of(document: &Checked<contract::Destinations>) -> Result<Destinations, Violations> {
        let mut findings = Findings(Vec::new());
        let mut webhooks: Vec<DestinationWebhook> = Vec::new();
        for (index, written) in document.destinations.iter().enumerate() {
            let at = format!("/destinations/{index}");
            let Some(webhook) = findings.webhook(&at, written) else { continue };
            let is_same =
                |other: &DestinationWebhook| (&other.name, other.environment) == (&webhook.name, webhook.environment);
            if webhooks.iter().any(is_same) {
                findings.add(format!("{at}/name"), "destination_repeated", "stands there before, in this environment");
            }
            webhooks.push(webhook);
        }
        let partners = document.partners.as_ref().map(|written| PartnerWebhooks {
            guard: findings.guard("/partners", written.allow.as_deref()),
            is_insecure_allowed: written.insecure_http.unwrap_or(false),
            tls_ca: written.tls_ca.clone(),
        });
        if findings.0.is_empty() {
            return Ok(Destinations { webhooks, partners: partners.unwrap_or_default() });
        }
        Err(Violations { list: findings.0, truncated: false })
    }

    /// Whether a destination is sent its messages.
    pub fn is_sent(&self, environment: Environment, name: &str) -> bool {
        self.webhooks.iter().any(|webhook| webhook.environment == environment && webhook.name == name)
    }
}

/// What was found wrong so far.
struct Findings(Vec<Violation>);

impl Findings {
    fn add(&mut self, pointer: String, code: &'static str, message: impl Into<String>) {
        let message = message.into().into();
        self.0.push(Violation { pointer, code, message, limit: None, schema: "", keyword: "" });
    }

    fn guard(&mut self, at: &str, allow: Option<&[String]>) -> Guard {
        let mut allowed = Vec::new();
        for (index, text) in allow.unwrap_or_default().iter().enumerate() {
            match Network::parse(text) {
                Some(network) => allowed.push(network),
                None => self.add(
                    format!("{at}/allow/{index}"),
                    "network_invalid",
                    "must be the first address of a network and the length of its prefix, such as 10.20.0.0/16",
                ),
            }
        }
        Guard { allowed }
    }

    fn webhook(&mut self, at: &str, written: &contract::DestinationWebhook) -> Option<DestinationWebhook> {
        let guard = self.guard(at, written.allow.as_deref());
        let endpoint = match Endpoint::parse(&written.url, &guard, written.insecure_http.unwrap_or(false)) {
            Ok(endpoint) => endpoint,
            Err(fault) => {
                self.add(format!("{at}/url"), code(fault), fault.to_string());
                return None;
            }
        };
        let seconds = |seconds: i64| u64::try_from(seconds).ok().map(Duration::from_secs);
        Some(DestinationWebhook {
            name: written.name.clone(),
            environment: match written.environment.as_str() {
                "production" => Environment::Production,
                _ => Environment::Sandbox,
            },
            endpoint,
            guard,
            signature: Signature::parse(written.signature.as_str()).unwrap_or(Signature::Hmac),
            // The contract bounds both.
            concurrency: written.concurrency.and_then(|count| count.try_into().ok()).unwrap_or(CONCURRENCY),
            timeout: written.timeout_seconds.and_then(seconds).unwrap_or(TIMEOUT).min(TIMEOUT_MAX),
            tls_ca: written.tls_ca.clone(),
        })
    }
}

/// The code of a violation that says what is wrong with an address.
pub fn code(fault: EndpointFault) -> &'static str {
    match fault {
        EndpointFault::Forbidden(_) => "address_forbidden",
        EndpointFault::Form | EndpointFault::Parts | EndpointFault::InsecureHttp => "url_invalid",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str) -> Vec<(String, &'static str)> {
        match Destinations::read(json.as_bytes()) {
            Ok(_) => Vec::new(),
            Err(violations) => violations.list.into_iter().map(|one| (one.pointer, one.code)).collect(),
        }
    }

    fn one(more: &str) -> String {
        format!(r#"{{"destinations":[{{"name":"bank","environment":"production","signature":"hmac"{more}}}]}}"#)
    }

    #[test]
    fn what_is_not_said_has_a_default() {
        let read = Destinations::read(one(r#","url":"https://bank.example.org/in""#).as_bytes()).unwrap();
        let [webhook] = &read.webhooks[..] else { panic!("{read:?}") };
        assert_eq!((webhook.concurrency, webhook.timeout, webhook.signature), (8, TIMEOUT, Signature::Hmac));
        assert!(read.is_sent(Environment::Production, "bank"));
        assert!(!read.is_sent(Environment::Sandbox, "bank") && !read.is_sent(Environment::Production, "provider/7"));
    }

    #[test]
    fn every_fault_is_told_with_its_place() {
        for (more, place, expected) in [
            (r#","url":"bank""#, "url", "url_invalid"),
            (r#","url":"https://user@bank.example.org/""#, "url", "url_invalid"),
            (r#","url":"http://bank.example.org/""#, "url", "url_invalid"),
            (r#","url":"https://10.1.2.3/""#, "url", "address_forbidden"),
            (r#","url":"https://169.254.169.254/","allow":["169.254.0.0/16"]"#, "url", "address_forbidden"),
            (r#","url":"https://bank.example.org/","allow":["10.0.0.1/8"]"#, "allow/0", "network_invalid"),
        ] {
            assert_eq!(check(&one(more)), [(format!("/destinations/0/{place}"), expected)], "{more}");
        }
        let of = |environment| {
            format!(
                r#"{{"name":"bank","environment":"{environment}","signature":"hmac","url":"https://a.example.org"}}"#
            )
        };
        let two = |one, other| format!(r#"{{"destinations":[{},{}]}}"#, of(one), of(other));
        assert_eq!(check(&two("sandbox", "production")), []);
        let repeated = [("/destinations/1/name".to_owned(), "destination_repeated")];
        assert_eq!(check(&two("sandbox", "sandbox")), repeated);
        let partners = r#"{"destinations":[],"partners":{"allow":["::/129"]}}"#;
        assert_eq!(check(partners), [("/partners/allow/0".to_owned(), "network_invalid")]);
    }

    #[test]
    fn the_operator_may_open_private_networks_and_plain_http() {
        for more in [
            r#","url":"https://10.1.2.3/","allow":["10.0.0.0/8"]"#,
            r#","url":"http://127.0.0.1:9/","allow":["127.0.0.0/8"]"#,
            r#","url":"http://bank.example.org/","insecureHttp":true"#,
        ] {
            assert_eq!(check(&one(more)), [], "{more}");
        }
    }
}
