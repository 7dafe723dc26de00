//! The rules of the contract that need facts: a clock, a numbering plan, an environment. The contract names them
//! (`x-rule`); here is what they mean. They are asked about members that already have the right shape.

mod coded;

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use usher_wire::{Facts, Finding, Path, Scalar};

use self::coded::{Seen, Side};
use crate::environment::Environment;
use crate::german_place::{self, GeoCode};
use crate::instant;
use crate::national_id::{self, IdFault};
use crate::phone::{self, PhoneRegion};
use crate::products::{Asked, Policy, Product};
use crate::reference::subject::{FieldClass, Market, Subject};
use crate::reference::{Consulted, Existence, InForce, Reference};

/// The facts one request is judged by. They remember which lists were asked, and what stands beside what.
#[derive(Debug)]
pub struct ContractFacts {
    now: Timestamp,
    environment: Environment,
    terms: Terms,
    reference: Arc<Reference>,
    consulted: Consulted,
    seen: Seen,
}

/// What a product says of single members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// The country of numbers without a country code, where the contract leaves it to the product.
    phone_region: Option<PhoneRegion>,
    disposable_email: Policy,
    blacklist: bool,
    market: Option<Market>,
}

impl Default for Terms {
    fn default() -> Self {
        Terms { phone_region: None, disposable_email: Policy::Warn, blacklist: true, market: None }
    }
}

impl Terms {
    /// The terms of a product for one of the requests it takes.
    pub fn of(product: &Product, asked: Asked) -> Terms {
        let (market, is_fixed) = match asked {
            Asked::Appointment => (Market::German, false),
            // The contract itself says how a number is written.
            Asked::Onboarding => (Market::Turkish, true),
            _ => (Market::Czech, false),
        };
        Terms {
            phone_region: Some(product.phone_region).filter(|_| !is_fixed),
            disposable_email: product.disposable_email,
            blacklist: product.blacklist,
            market: Some(market),
        }
    }
}

impl ContractFacts {
    /// Facts with the lists that ship with the program, on the terms of no product in particular.
    pub fn new(now: Timestamp, environment: Environment) -> ContractFacts {
        static BUILT_IN: LazyLock<Arc<Reference>> = LazyLock::new(Arc::default);
        ContractFacts::with(now, environment, Terms::default(), BUILT_IN.clone())
    }

    /// Facts without any list: what lists would say is left open.
    pub fn without_lists(now: Timestamp, environment: Environment) -> ContractFacts {
        ContractFacts::with(now, environment, Terms::default(), Arc::new(Reference::none()))
    }

    /// Facts with these terms and lists, for a request that arrived at `now` with a key of the environment.
    pub fn with(now: Timestamp, environment: Environment, terms: Terms, reference: Arc<Reference>) -> ContractFacts {
        let (consulted, seen) = (Consulted::default(), Seen::default());
        ContractFacts { now, environment, terms, reference, consulted, seen }
    }

    /// The terms it is judged on.
    pub fn terms(&self) -> Terms {
        self.terms
    }

    /// The lists that were asked so far, as receipts name them: `name@version`.
    pub fn lists(&self) -> Vec<String> {
        self.consulted.names(&self.reference)
    }

    fn in_force(&self) -> InForce<'_> {
        self.reference.in_force(TimeZone::UTC.to_datetime(self.now).date(), self.environment)
    }
}

/// One rule: its name in the schemas, and what it says of a value.
struct Rule {
    name: &'static str,
    check: fn(&ContractFacts, &str, Option<&Path<'_>>) -> Option<Finding>,
}

/// The closed list of rules.
const RULES: &[Rule] = &[
    Rule { name: "phone-cz", check: |facts, text, _| phone(text, facts.terms.phone_region.unwrap_or(PhoneRegion::Cz)) },
    Rule { name: "phone-de", check: |facts, text, _| phone(text, facts.terms.phone_region.unwrap_or(PhoneRegion::De)) },
    Rule { name: "phone-tr", check: |_, text, _| phone(text, PhoneRegion::Tr) },
    Rule { name: "email-policy", check: |facts, text, _| email(facts, text) },
    Rule { name: "tr-national-id", check: |facts, text, _| tr_national_id(text, facts.environment) },
    Rule { name: "de-postal-code", check: |facts, text, _| de_postal_code(facts, text) },
    Rule { name: "de-geo-code", check: |facts, text, _| de_geo_code(facts, text) },
    Rule { name: "instant-not-past", check: |facts, text, _| instant_not_past(text, facts.now) },
    Rule { name: "berlin-day-not-past", check: |facts, text, _| berlin_day_not_past(text, facts.now) },
    Rule { name: "age-18-120", check: |facts, text, _| age(text, facts.now) },
    Rule { name: "time-zone", check: |_, text, _| time_zone(text) },
    Rule { name: "blacklist-name", check: |facts, text, _| blacklist(facts, FieldClass::Name, text) },
    Rule { name: "blacklist-company", check: |facts, text, _| blacklist(facts, FieldClass::Company, text) },
    Rule { name: "blacklist-text", check: |facts, text, _| blacklist(facts, FieldClass::Text, text) },
    coded("education-label", |f, t, at| coded::check(f, Subject::Education, Side::Label, t, at)),
    coded("education-code", |f, t, at| coded::check(f, Subject::Education, Side::Code, t, at)),
    coded("working-status-label", |f, t, at| coded::check(f, Subject::WorkingStatus, Side::Label, t, at)),
    coded("working-status-code", |f, t, at| coded::check(f, Subject::WorkingStatus, Side::Code, t, at)),
    coded("job-title-label", |f, t, at| coded::check(f, Subject::JobTitle, Side::Label, t, at)),
    coded("job-title-code", |f, t, at| coded::check(f, Subject::JobTitle, Side::Code, t, at)),
    coded("home-status-label", |f, t, at| coded::check(f, Subject::HomeStatus, Side::Label, t, at)),
    coded("home-status-code", |f, t, at| coded::check(f, Subject::HomeStatus, Side::Code, t, at)),
    coded("city-label", |f, t, at| coded::check(f, Subject::City, Side::Label, t, at)),
    coded("city-code", |f, t, at| coded::check(f, Subject::City, Side::Code, t, at)),
    coded("town-label", |f, t, at| coded::check(f, Subject::Town, Side::Label, t, at)),
    coded("town-code", |f, t, at| coded::check(f, Subject::Town, Side::Code, t, at)),
    coded("district-label", |f, t, at| coded::check(f, Subject::District, Side::Label, t, at)),
    coded("district-code", |f, t, at| coded::check(f, Subject::District, Side::Code, t, at)),
    coded("street-label", |f, t, at| coded::check(f, Subject::Street, Side::Label, t, at)),
    coded("street-code", |f, t, at| coded::check(f, Subject::Street, Side::Code, t, at)),
    coded("branch-code", |f, t, at| coded::check(f, Subject::Branch, Side::Code, t, at)),
];

/// A rule on a label or a code, which has to know where the member stands.
const fn coded(name: &'static str, check: fn(&ContractFacts, &str, Option<&Path<'_>>) -> Option<Finding>) -> Rule {
    Rule { name, check }
}

/// The names of all rules there are.
pub fn rules() -> impl Iterator<Item = &'static str> {
    RULES.iter().map(|rule| rule.name)
}

impl Facts for ContractFacts {
    fn check(&self, rule: &'static str, value: Scalar<'_>) -> Option<Finding> {
        self.judge(rule, value, None)
    }

    fn check_at(&self, rule: &'static str, value: Scalar<'_>, at: &Path<'_>) -> Option<Finding> {
        self.judge(rule, value, Some(at))
    }
}

impl ContractFacts {
    fn judge(&self, rule: &'static str, value: Scalar<'_>, at: Option<&Path<'_>>) -> Option<Finding> {
        let rule = RULES
            .iter()
            .find(|known| known.name == rule)
            .expect("every x-rule of the schemas is in the list; a test compares them");
        match value {
            Scalar::Text(text) => (rule.check)(self, text, at),
            Scalar::Number(number) => (rule.check)(self, &number.to_string(), at),
        }
    }
}

fn phone(text: &str, region: PhoneRegion) -> Option<Finding> {
    match phone::e164(text, region) {
        Some(_) => None,
        None => violation("phone_invalid", "must be a phone number that can exist"),
    }
}

/// The contract has checked the form: a dot in the domain, no address literal, no quoted local part.
fn email(facts: &ContractFacts, address: &str) -> Option<Finding> {
    let domain = address.rsplit_once('@').map_or(address, |(_, domain)| domain);
    let last = domain.rsplit_once('.').map_or(domain, |(_, last)| last);
    if last.eq_ignore_ascii_case("invalid") || last.eq_ignore_ascii_case("localhost") {
        return violation("email_refused", "must have a domain that can receive mail");
    }
    if facts.terms.disposable_email == Policy::Allow || !facts.in_force().is_disposable(domain, &facts.consulted) {
        return None;
    }
    match facts.terms.disposable_email {
        Policy::Refuse => violation("email_refused", "must not be an address of throw-away mail"),
        _ => warning("email_disposable", "the address is of a provider of throw-away mail"),
    }
}

fn blacklist(facts: &ContractFacts, class: FieldClass, text: &str) -> Option<Finding> {
    let is_blocked =
        facts.terms.blacklist && facts.in_force().is_blocked(class, facts.terms.market, text, &facts.consulted);
    if is_blocked { violation("blacklisted", "must not hold a term of the blacklist") } else { None }
}

fn tr_national_id(digits: &str, environment: Environment) -> Option<Finding> {
    match national_id::check(digits, environment).err()? {
        IdFault::Checksum => violation("checksum", "must be a T.C. identity number with a valid checksum"),
        IdFault::SyntheticOnly => violation("synthetic_id_only", "must be of the synthetic range 9876 in the sandbox"),
        IdFault::SyntheticRefused => {
            violation("synthetic_id_refused", "must not be of the synthetic range 9876 in production")
        }
    }
}

fn de_postal_code(facts: &ContractFacts, code: &str) -> Option<Finding> {
    if !german_place::is_postal_region_assigned(code) {
        return violation("postal_code_unknown", "must lie in an assigned German postal region");
    }
    match facts.in_force().existence(Subject::DePostalCode, code, &facts.consulted) {
        Existence::Present => None,
        Existence::Absent => violation("postal_code_unknown", "postal code does not exist"),
        Existence::NoList => warning("unverified", "the postal code was not looked up: no list is loaded"),
    }
}

fn de_geo_code(facts: &ContractFacts, code: &str) -> Option<Finding> {
    let geo_code = german_place::geo_code(code);
    if geo_code == GeoCode::Elsewhere {
        return violation("geo_code_unknown", "must begin with 1276, the code of Germany");
    }
    match facts.in_force().existence(Subject::DeGeoCode, code, &facts.consulted) {
        Existence::Present => None,
        Existence::Absent => violation("geo_code_unknown", "geo code does not exist"),
        Existence::NoList if geo_code == GeoCode::StateUnlisted => {
            warning("unverified", "the geo code names a state outside 001 to 016")
        }
        Existence::NoList => warning("unverified", "the geo code was not looked up: no list is loaded"),
    }
}

fn instant_not_past(text: &str, now: Timestamp) -> Option<Finding> {
    match instant::is_past(text, now) {
        Ok(false) => None,
        Ok(true) => violation("in_the_past", "must not be in the past"),
        Err(_) => violation("format", "must be an RFC 3339 time with offset"),
    }
}

fn berlin_day_not_past(unix_milliseconds: &str, now: Timestamp) -> Option<Finding> {
    let is_past = match unix_milliseconds.parse() {
        Ok(milliseconds) => instant::is_berlin_day_past(milliseconds, now),
        // A whole number beyond 64 bits is far in the future; anything else is no time at all.
        Err(_) => !unix_milliseconds.bytes().all(|byte| byte.is_ascii_digit()),
    };
    if is_past { violation("in_the_past", "must not be a day that is over in Berlin") } else { None }
}

fn age(date_of_birth: &str, now: Timestamp) -> Option<Finding> {
    match instant::is_age_in_range(date_of_birth, now) {
        Ok(true) => None,
        Ok(false) => violation("age_out_of_range", "the person must be 18 to 120 years old"),
        Err(_) => violation("format", "must be a date, YYYY-MM-DD"),
    }
}

fn time_zone(name: &str) -> Option<Finding> {
    if instant::is_time_zone(name) {
        None
    } else {
        violation("time_zone_unknown", "must be a time zone of the IANA database")
    }
}

fn violation(code: &'static str, message: &'static str) -> Option<Finding> {
    Some(Finding::Violation { code, message: Cow::Borrowed(message), limit: None })
}

fn warning(code: &'static str, message: &'static str) -> Option<Finding> {
    Some(Finding::Warning { code, message: Cow::Borrowed(message) })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::reference::form::{self, Given};
    use crate::test_support::{is_in_table, schemas, x_rules};

    /// What the rule says at noon (UTC) of 21 November 2026: a code, with `!` before that of a violation.
    #[track_caller]
    fn check(rule: &'static str, environment: Environment, value: Scalar<'_>, expected: &str) {
        let facts = ContractFacts::new("2026-11-21T12:00:00Z".parse().unwrap(), environment);
        let said = match facts.check(rule, value) {
            None => String::new(),
            Some(Finding::Violation { code, message, .. }) => {
                assert!(!message.is_empty() && is_in_table(code, "violation"), "{code}");
                format!("!{code}")
            }
            Some(Finding::Warning { code, message }) => {
                assert!(!message.is_empty() && is_in_table(code, "warning"), "{code}");
                code.to_owned()
            }
        };
        assert_eq!(said, expected, "{rule} {value:?}");
    }

    #[test]
    fn each_rule_has_its_codes() {
        for (rule, text, expected) in [
            ("phone-cz", "601 123 456", ""),
            ("phone-cz", "601 123 45", "!phone_invalid"),
            ("phone-de", "030 123456", ""),
            ("phone-de", "110", "!phone_invalid"),
            ("phone-tr", "5012345678", ""),
            ("phone-tr", "501234567", "!phone_invalid"),
            ("tr-national-id", "98760000088", ""),
            ("tr-national-id", "98760000089", "!checksum"),
            ("tr-national-id", "10000000146", "!synthetic_id_only"),
            ("de-postal-code", "10115", "unverified"),
            ("de-postal-code", "00000", "!postal_code_unknown"),
            ("de-geo-code", "1276003001046", "unverified"),
            ("de-geo-code", "1276017001046", "unverified"),
            ("de-geo-code", "1040003001046", "!geo_code_unknown"),
            ("instant-not-past", "2026-11-21T12:00:00Z", ""),
            ("instant-not-past", "2026-11-21T11:59:59Z", "!in_the_past"),
            ("instant-not-past", "noon", "!format"),
            ("age-18-120", "2008-11-21", ""),
            ("age-18-120", "2008-11-22", "!age_out_of_range"),
            ("age-18-120", "2008", "!format"),
            ("time-zone", "Europe/Prague", ""),
            ("time-zone", "Europe/Nowhere", "!time_zone_unknown"),
        ] {
            check(rule, Environment::Sandbox, Scalar::Text(text), expected);
        }
        check("tr-national-id", Environment::Production, Scalar::Text("98760000088"), "!synthetic_id_refused");
        check("tr-national-id", Environment::Production, Scalar::Text("10000000146"), "");
    }

    /// What a rule says under these terms, with lists of the operator's beside ours.
    #[track_caller]
    fn judged(terms: Terms, environment: Environment, rule: &'static str, text: &str) -> String {
        let lists = [
            "#name: postal\n#version: 1\n#subject: de_postal_code\ncode\n10115\n",
            "#name: town_halls\n#version: 1\n#subject: de_postal_code\ncode\n63701\n",
            "#name: geo\n#version: 1\n#subject: de_geo_code\ncode\n1276003001046\n1276017001046\n",
            "#name: mail\n#version: 1\n#subject: disposable_domain\ncode\nthrowaway.example\n",
            "#name: words\n#version: 1\n#subject: blocked_term\n#language: de\ncode\nberlin\nhund\n",
        ];
        let read = |text: &&str| Arc::new(form::read(text, &Given::default(), &mut |_, _| ()).unwrap());
        let reference = Arc::new(Reference::new(lists.iter().map(read).collect()));
        let facts = ContractFacts::with("2026-11-21T12:00:00Z".parse().unwrap(), environment, terms, reference);
        match facts.check(rule, Scalar::Text(text)) {
            None => String::new(),
            Some(Finding::Violation { code, message, .. }) => {
                assert!(!message.contains(text) && is_in_table(code, "violation"), "{message}");
                format!("!{code}")
            }
            Some(Finding::Warning { code, message }) => {
                assert!(!message.contains(text) && is_in_table(code, "warning"), "{message}");
                code.to_owned()
            }
        }
    }

    // shows: IS-065, IS-066
    #[test]
    fn with_a_list_loaded_what_is_not_in_it_is_refused() {
        for (rule, text, expected) in [
            ("de-postal-code", "10115", ""),
            ("de-postal-code", "63701", ""),
            ("de-postal-code", "10117", "!postal_code_unknown"),
            ("de-postal-code", "00000", "!postal_code_unknown"),
            ("de-geo-code", "1276003001046", ""),
            ("de-geo-code", "1276017001046", ""),
            ("de-geo-code", "1276003001047", "!geo_code_unknown"),
            ("de-geo-code", "1040003001046", "!geo_code_unknown"),
        ] {
            for environment in [Environment::Sandbox, Environment::Production] {
                assert_eq!(judged(Terms::default(), environment, rule, text), expected, "{rule} {text}");
            }
        }
    }

    #[test]
    fn the_product_says_what_is_done_about_throw_away_mail_and_terms() {
        let terms = |disposable_email| Terms { disposable_email, ..Terms::default() };
        for (policy, address, expected) in [
            (Policy::Allow, "a@throwaway.example", ""),
            (Policy::Warn, "a@throwaway.example", "email_disposable"),
            (Policy::Warn, "a@mx.ThrowAway.example", "email_disposable"),
            (Policy::Refuse, "a@throwaway.example", "!email_refused"),
            (Policy::Refuse, "a@example.org", ""),
            (Policy::Allow, "a@mail.invalid", "!email_refused"),
            (Policy::Allow, "a@mail.LOCALHOST", "!email_refused"),
        ] {
            let said = judged(terms(policy), Environment::Production, "email-policy", address);
            assert_eq!(said, expected, "{policy:?} {address}");
        }
        let off = Terms { blacklist: false, ..Terms::default() };
        let czech = Terms { market: Some(Market::Czech), ..Terms::default() };
        for (terms, rule, text, expected) in [
            (Terms::default(), "blacklist-name", "Hund", "!blacklisted"),
            (Terms::default(), "blacklist-text", "Hunde sind erlaubt", ""),
            (Terms::default(), "blacklist-company", "HUND & Co", "!blacklisted"),
            (off, "blacklist-name", "Hund", ""),
            (czech, "blacklist-name", "Hund", ""),
        ] {
            assert_eq!(judged(terms, Environment::Production, rule, text), expected, "{rule} {text}");
        }
    }

    #[test]
    fn the_product_says_where_a_number_without_country_code_is_read() {
        let german = Terms { phone_region: Some(PhoneRegion::De), ..Terms::default() };
        for (terms, expected) in [(Terms::default(), "!phone_invalid"), (german, "")] {
            assert_eq!(judged(terms, Environment::Production, "phone-cz", "030 123456"), expected);
        }
        // Onboarding writes Turkish numbers whatever the product says.
        assert_eq!(judged(german, Environment::Production, "phone-tr", "5012345678"), "");
    }

    // shows: IS-068
    #[test]
    fn places_and_streets_are_never_compared_with_the_blacklist() {
        let rules = |path: &str, member: &str| {
            let schema = crate::test_support::schema(path);
            let property = schema["properties"].get(member).unwrap_or_else(|| panic!("{path} has {member}")).clone();
            property["x-rule"].as_str().unwrap_or_default().to_owned()
        };
        for member in ["street", "streetNumber", "location"] {
            let rule = rules("appointment_request/v2/contact_address.schema.json", member);
            assert!(!rule.starts_with("blacklist"), "{member} {rule}");
        }
        for address in ["home", "work", "contact"] {
            for member in ["City", "Town", "District", "Street", "AddressDetail"] {
                let rule = rules(&format!("digital_customer/v1/{address}_address.schema.json"), member);
                assert!(!rule.starts_with("blacklist"), "{member} {rule}");
            }
        }
    }

    #[test]
    fn numbers_are_judged_without_losing_a_digit() {
        // 20 and 21 November 2026, 23:00 UTC: the first milliseconds of the next day in Berlin.
        for (rule, number, expected) in [
            ("tr-national-id", "98760000088", ""),
            ("tr-national-id", "98760000089", "!checksum"),
            ("berlin-day-not-past", "1795215600000", ""),
            ("berlin-day-not-past", "1795215599999", "!in_the_past"),
            ("berlin-day-not-past", "1", "!in_the_past"),
            ("berlin-day-not-past", "99999999999999999999", ""),
            ("berlin-day-not-past", "-99999999999999999999", "!in_the_past"),
            ("berlin-day-not-past", "1795215600000.5", "!in_the_past"),
        ] {
            check(rule, Environment::Sandbox, Scalar::Number(&number.parse().unwrap()), expected);
        }
    }

    #[test]
    fn the_rules_are_those_of_the_schemas() {
        let ours: BTreeSet<String> = rules().map(str::to_owned).collect();
        assert_eq!(x_rules(&schemas()), ours);
    }
}
