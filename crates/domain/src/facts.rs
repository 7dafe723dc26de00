//! The rules of the contract that need facts: a clock, a numbering plan, an environment. The contract names them
//! (`x-rule`); here is what they mean. They are asked about members that already have the right shape.

use std::borrow::Cow;

use jiff::Timestamp;
use usher_wire::{Facts, Finding, Scalar};

use crate::environment::Environment;
use crate::german_place::{self, GeoCode};
use crate::instant;
use crate::national_id::{self, IdFault};
use crate::phone::{self, PhoneRegion};

/// The facts one request is judged by.
#[derive(Debug, Clone, Copy)]
pub struct ContractFacts {
    /// When the request arrived.
    pub now: Timestamp,
    /// The environment of its key.
    pub environment: Environment,
}

/// One rule: its name in the schemas, and what it says of a value.
struct Rule {
    name: &'static str,
    check: fn(&ContractFacts, &str) -> Option<Finding>,
}

/// The closed list of rules.
const RULES: &[Rule] = &[
    Rule { name: "phone-cz", check: |_, text| phone(text, PhoneRegion::Cz) },
    Rule { name: "phone-de", check: |_, text| phone(text, PhoneRegion::De) },
    Rule { name: "phone-tr", check: |_, text| phone(text, PhoneRegion::Tr) },
    Rule { name: "tr-national-id", check: |facts, text| tr_national_id(text, facts.environment) },
    Rule { name: "de-postal-code", check: |_, text| de_postal_code(text) },
    Rule { name: "de-geo-code", check: |_, text| de_geo_code(text) },
    Rule { name: "instant-not-past", check: |facts, text| instant_not_past(text, facts.now) },
    Rule { name: "berlin-day-not-past", check: |facts, text| berlin_day_not_past(text, facts.now) },
    Rule { name: "age-18-120", check: |facts, text| age(text, facts.now) },
    Rule { name: "time-zone", check: |_, text| time_zone(text) },
];

/// The names of all rules there are.
pub fn rules() -> impl Iterator<Item = &'static str> {
    RULES.iter().map(|rule| rule.name)
}

impl Facts for ContractFacts {
    fn check(&self, rule: &'static str, value: Scalar<'_>) -> Option<Finding> {
        let rule = RULES
            .iter()
            .find(|known| known.name == rule)
            .expect("every x-rule of the schemas is in the list; a test compares them");
        match value {
            Scalar::Text(text) => (rule.check)(self, text),
            Scalar::Number(number) => (rule.check)(self, &number.to_string()),
        }
    }
}

fn phone(text: &str, region: PhoneRegion) -> Option<Finding> {
    match phone::e164(text, region) {
        Some(_) => None,
        None => violation("phone_invalid", "must be a phone number that can exist"),
    }
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

fn de_postal_code(code: &str) -> Option<Finding> {
    if !german_place::is_postal_region_assigned(code) {
        return violation("postal_code_unknown", "must lie in an assigned German postal region");
    }
    warning("unverified", "the postal code was not looked up: no list is loaded")
}

fn de_geo_code(code: &str) -> Option<Finding> {
    match german_place::geo_code(code) {
        GeoCode::Elsewhere => violation("geo_code_unknown", "must begin with 1276, the code of Germany"),
        GeoCode::StateUnlisted => warning("unverified", "the geo code names a state outside 001 to 016"),
        GeoCode::InState => warning("unverified", "the geo code was not looked up: no list is loaded"),
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
    use crate::test_support::{is_in_table, schemas, x_rules};

    /// What the rule says at noon (UTC) of 21 November 2026: a code, with `!` before that of a violation.
    #[track_caller]
    fn check(rule: &'static str, environment: Environment, value: Scalar<'_>, expected: &str) {
        let facts = ContractFacts { now: "2026-11-21T12:00:00Z".parse().unwrap(), environment };
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
